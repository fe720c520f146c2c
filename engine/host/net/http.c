#include "http.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../base/limits.h"
#include "../system/process.h"
#include "http_reroute.h"
#include "http_transfer.h"

enum { CONNECTIONS_KEPT = 16 };

/* A client's list of requests. */

static void link_in(struct http *h, struct http_request *r) {
    r->client = h;
    r->next = h->all;
    if (h->all) h->all->prev = r;
    h->all = r;
}

static void release_slot(struct http_request *r) {
    if (r->slot) r->client->slots--;
    r->slot = false;
}

static void link_out(struct http_request *r) {
    if (!r->client) return;
    release_slot(r);
    if (r->prev) r->prev->next = r->next;
    if (r->next) r->next->prev = r->prev;
    if (r->client->all == r) r->client->all = r->next;
    r->client = NULL;
    r->prev = r->next = NULL;
}

/* Opening and closing a client. */

static enum err add_hosts(struct http *h, const struct http_options *o) {
    enum err rc = ERR_OK;
    for (size_t i = 0; !rc && i < o->n_declared; i++)
        rc = http_guard_add(&h->guard, o->declared[i], HTTP_DECLARED);
    for (size_t i = 0; !rc && i < o->n_named; i++)
        rc = http_guard_add(&h->guard, o->named[i], HTTP_NAMED);
    return rc;
}

static enum err copy_text(char **out, const char *text) {
    *out = text ? strdup(text) : NULL;
    return text && !*out ? ERR_NOMEM : ERR_OK;
}

static enum err fill(struct http *h, const struct http_options *o, struct error *e) {
    enum err rc = add_hosts(h, o);
    if (!rc) rc = copy_text(&h->proxy, o->proxy);
    if (!rc) rc = copy_text(&h->user_agent, o->user_agent ? o->user_agent : "reeve");
    if (!rc) rc = http_tls_init(&h->tls, o->ca_file, o->client_cert, o->client_key, e);
    if (!rc && o->reroute) rc = http_reroute_parse(o->reroute, &h->reroute, e);
    if (!rc) h->multi = curl_multi_init();
    if (rc == ERR_CONFIG) return rc;
    if (rc || !h->multi) return err_set(e, ERR_NOMEM, "out of memory for HTTP");
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)(CONNECTIONS_KEPT + h->concurrency));
    return ERR_OK;
}

/* TLS writes to sockets with write(): a peer that hangs up must not end the process. */
static void ignore_broken_pipes(void) {
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
}

enum err http_open(const struct http_options *o, struct http **out, struct error *e) {
    static bool begun;
    *out = NULL;
    if (!begun && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(e, ERR_FAILED, "libcurl does not start");
    begun = true;
    ignore_broken_pipes();
    struct http *h = calloc(1, sizeof *h);
    if (!h) return err_set(e, ERR_NOMEM, "out of memory for HTTP");
    http_guard_init(&h->guard);
    h->timeout_s = o->timeout_s;
    h->concurrency = o->concurrency > 0 ? o->concurrency : 1;
    enum err rc = fill(h, o, e);
    if (rc) http_close(h);
    else *out = h;
    return rc;
}

void http_close(struct http *h) {
    if (!h) return;
    while (h->all) {
        struct http_request *r = h->all;
        http_transfer_end(r);
        if (r->failure.code == ERR_AGAIN)
            err_set(&r->failure, ERR_CUT, "%s: given up", r->shown);
        link_out(r);
    }
    curl_multi_cleanup(h->multi);
    http_guard_free(&h->guard);
    http_tls_free(&h->tls);
    http_url_free(&h->reroute);
    free(h->proxy), free(h->user_agent);
    free(h);
}

enum err http_allow(struct http *h, const char *host) {
    return http_guard_add(&h->guard, host, HTTP_NAMED);
}

bool http_allowed(const struct http *h, const char *host) {
    return http_guard_trust(&h->guard, host) != HTTP_STRANGER;
}

/* Starting and dropping a request. */

static bool header_is_sound(const struct http_header *f) {
    if (!*f->name || memchr(f->value, '\0', f->value_len)) return false;
    for (const char *c = f->name; *c; c++)
        if (!strchr("!#$%&'*+-.^_`|~", *c) &&
            !((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z')))
            return false;
    return !memchr(f->value, '\r', f->value_len) && !memchr(f->value, '\n', f->value_len);
}

static bool always_secret(const char *name) {
    return strcasecmp(name, "authorization") == 0 || strcasecmp(name, "cookie") == 0 ||
           strcasecmp(name, "proxy-authorization") == 0;
}

/* curl leaves out a header without a value, unless it ends in a semicolon. */
static enum err add_field(struct http_request *r, const struct http_header *f) {
    size_t size = strlen(f->name) + 2 + f->value_len + 1;
    char *line = malloc(size);
    if (!line) return ERR_NOMEM;
    if (f->value_len > 0) snprintf(line, size, "%s: %.*s", f->name, (int)f->value_len, f->value);
    else snprintf(line, size, "%s;", f->name);
    r->fields[r->n_fields].line = line;
    r->fields[r->n_fields++].secret = f->secret || always_secret(f->name);
    return ERR_OK;
}

static enum err copy_headers(struct http_request *r, const struct http_ask *ask, struct error *e) {
    r->fields = calloc(ask->n_headers + 1, sizeof *r->fields);
    if (!r->fields) return ERR_NOMEM;
    for (size_t i = 0; i < ask->n_headers; i++) {
        if (!header_is_sound(&ask->headers[i]))
            return err_set(e, ERR_CONFIG, "%s: the header '%.100s' has bytes in it that a header "
                           "may not have", r->shown, ask->headers[i].name);
        enum err rc = add_field(r, &ask->headers[i]);
        if (rc) return rc;
    }
    return ERR_OK;
}

static enum err copy_body(struct http_request *r, const struct http_ask *ask) {
    if (!ask->body) return ERR_OK;
    r->body = malloc(ask->body_len + 1);
    if (!r->body) return ERR_NOMEM;
    memcpy(r->body, ask->body, ask->body_len);
    r->body[ask->body_len] = '\0';
    r->body_len = ask->body_len;
    r->body_secret = ask->body_secret;
    return ERR_OK;
}

static void queue(struct http_request *r) {
    if (!r->slot && !r->ticket) r->ticket = ++r->client->tickets;
}

static enum err prepare(struct http *h, struct http_request *r, const struct http_ask *ask,
                        struct error *e) {
    struct error why = {.code = ERR_OK};
    snprintf(r->method, sizeof r->method, "%s", ask->method);
    r->repeatable = ask->repeatable;
    r->http2 = ask->http2;
    r->source = ask->source;
    r->timeout_s = ask->timeout_s > 0 ? ask->timeout_s : h->timeout_s;
    r->deadline_s = ask->deadline_s;
    r->until = ask->deadline_s > 0 ? process_mono() + ask->deadline_s : INFINITY;
    enum err rc = http_url_parse(ask->url, ask->url_len, &r->url, &why);
    if (rc) return err_set(e, rc, "%s: %s", ask->method, why.text);
    if (asprintf(&r->shown, "%s %s", r->method, r->url.shown) < 0) {
        r->shown = NULL;
        return ERR_NOMEM;
    }
    rc = http_guard_url(&h->guard, &r->url, &why);
    if (rc) return err_set(e, rc, "%s: %s", r->shown, why.text);
    rc = copy_headers(r, ask, e);
    return rc ? rc : copy_body(r, ask);
}

enum err http_start(struct http *h, const struct http_ask *ask, struct http_request **out,
                    struct error *e) {
    *out = NULL;
    struct http_request *r = calloc(1, sizeof *r);
    if (!r) return err_set(e, ERR_NOMEM, "out of memory for a request");
    http_head_init(&r->head);
    buf_init(&r->bytes, LIMIT_BODY_BUFFER + LIMIT_INFLATE + MIB);
    enum err rc = prepare(h, r, ask, e);
    if (rc) {
        if (rc == ERR_NOMEM) err_set(e, rc, "out of memory for a request");
        http_drop(r);
        return rc;
    }
    r->failure.code = ERR_AGAIN;
    link_in(h, r);
    queue(r);
    *out = r;
    return ERR_OK;
}

void http_drop(struct http_request *r) {
    if (!r) return;
    http_transfer_end(r);
    link_out(r);
    for (size_t i = 0; i < r->n_fields; i++) {
        explicit_bzero(r->fields[i].line, strlen(r->fields[i].line));
        free(r->fields[i].line);
    }
    free(r->fields);
    if (r->body) explicit_bzero(r->body, r->body_len);
    free(r->body), free(r->shown);
    explicit_bzero(r->bytes.data, r->bytes.len);
    buf_free(&r->bytes);
    http_url_free(&r->url);
    http_head_free(&r->head);
    free(r);
}

/* Reading. */

static bool running(const struct http_request *r) {
    return r->failure.code == ERR_AGAIN;
}

bool http_want(struct http_request *r) {
    bool headers = r->head.complete && !r->moving && !r->told;
    if (headers || r->bytes.len > r->at || !running(r)) return true;
    r->wanted = true;
    queue(r);
    return false;
}

enum err http_headers_in(struct http_request *r, struct error *e) {
    if (r->head.complete && !r->moving) {
        r->told = true;
        return ERR_OK;
    }
    if (running(r)) return ERR_AGAIN;
    return err_set(e, r->failure.code, "%s", r->failure.text);
}

int http_status(const struct http_request *r) {
    return r->head.status;
}

const char *http_header_lines(const struct http_request *r, size_t *len) {
    *len = r->head.lines.len;
    return r->head.lines.data;
}

const char *http_trailer_lines(const struct http_request *r, size_t *len) {
    *len = r->head.trailers.len;
    return r->head.trailers.data;
}

bool http_severed(const struct http_request *r) {
    return r->severed;
}

const char *http_shown(const struct http_request *r) {
    return r->shown;
}

const char *http_bytes(const struct http_request *r, size_t *len) {
    *len = r->bytes.len - r->at;
    return r->bytes.data + r->at;
}

/* An answer that inflated far must not leave its buffer behind. */
void http_take(struct http_request *r, size_t n) {
    r->at += n;
    if (r->at < r->bytes.len) return;
    r->at = 0;
    if (r->bytes.cap > 4 * LIMIT_BODY_BUFFER) buf_free(&r->bytes);
    else buf_clear(&r->bytes);
}

enum err http_ended(const struct http_request *r, struct error *e) {
    if (running(r)) return ERR_AGAIN;
    return r->failure.code ? err_set(e, r->failure.code, "%s", r->failure.text) : ERR_OK;
}

void http_set_owner(struct http_request *r, void *owner) {
    r->owner = owner;
}

void *http_owner(const struct http_request *r) {
    return r->owner;
}

/* The loop. */

/* The one that has waited longest for a slot. */
static struct http_request *next_in_queue(struct http *h) {
    struct http_request *first = NULL;
    for (struct http_request *r = h->all; r; r = r->next)
        if (r->ticket && (!first || r->ticket < first->ticket)) first = r;
    return first;
}

static void serve(struct http_request *r) {
    r->ticket = 0;
    r->slot = true;
    r->client->slots++;
    if (!r->easy) http_transfer_begin(r);
    r->last = process_mono();
}

/* Requests that are over and have nothing to tell the loop are not looked at any more. */
static void retire(struct http *h) {
    for (struct http_request *r = h->all, *next; r; r = next) {
        next = r->next;
        if (!running(r) && !r->woken) link_out(r);
    }
}

/* Slots go from those who want nothing now to those who wait for one; what is paused and wanted
 * goes on. */
static void hand_out_slots(struct http *h) {
    for (struct http_request *r = h->all; r; r = r->next)
        if (!running(r) || (r->slot && !r->wanted && r->head.complete)) release_slot(r);
    for (struct http_request *r; h->slots < h->concurrency && (r = next_in_queue(h));) serve(r);
    for (struct http_request *r = h->all; r; r = r->next)
        if (r->slot && r->paused && r->bytes.len == r->at) http_transfer_resume(r);
}

static void collect(struct http *h) {
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));) {
        struct http_request *r = NULL;
        if (m->msg != CURLMSG_DONE) continue;
        CURLcode result = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
        http_transfer_done(r, result);
    }
}

/* When this request's silence becomes too long; never, where nobody listens. Or its deadline. */
static double deadline(const struct http_request *r) {
    bool heard = r->slot && r->easy && !r->paused;
    if (!running(r)) return INFINITY;
    return heard ? fmin(r->last + r->timeout_s, r->until) : r->until;
}

static void expire(struct http_request *r) {
    err_set(&r->failure, r->head.complete ? ERR_CUT : ERR_UNAVAILABLE,
            "%s: not over within %g s", r->shown, r->deadline_s);
    r->ticket = 0;
    http_transfer_done(r, CURLE_OPERATION_TIMEDOUT);
}

static void silence(struct http_request *r, double now) {
    curl_off_t sent = 0;
    curl_easy_getinfo(r->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    if (sent != r->uploaded) {
        r->uploaded = sent;
        r->last = now;
        return;
    }
    err_set(&r->failure, r->head.complete ? ERR_CUT : ERR_UNAVAILABLE,
            "%s: nothing came for %g s; see http.timeout_s", r->shown, r->timeout_s);
    http_transfer_done(r, CURLE_OPERATION_TIMEDOUT);
}

static void judge(struct http *h) {
    double now = process_mono();
    for (struct http_request *r = h->all; r; r = r->next)
        if (running(r) && r->until <= now) expire(r);
        else if (deadline(r) <= now) silence(r, now);
}

static bool any_woken(const struct http *h) {
    for (struct http_request *r = h->all; r; r = r->next)
        if (r->woken) return true;
    return false;
}

static int patience(const struct http *h, double timeout_s) {
    double until = process_mono() + timeout_s, now = process_mono();
    for (struct http_request *r = h->all; r; r = r->next) until = fmin(until, deadline(r));
    return until <= now ? 0 : (int)ceil(fmin(until - now, 3600) * 1000);
}

static CURLMcode move(struct http *h) {
    int still;
    CURLMcode rc = curl_multi_perform(h->multi, &still);
    if (rc == CURLM_OK) collect(h);
    return rc;
}

enum err http_poll(struct http *h, double timeout_s, const int *fds, size_t n, struct error *e) {
    struct curl_waitfd extra[HTTP_FDS];
    if (n > HTTP_FDS) n = HTTP_FDS;
    for (size_t i = 0; i < n; i++)
        extra[i] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
    retire(h);
    hand_out_slots(h);
    CURLMcode rc = move(h);
    if (rc == CURLM_OK && !any_woken(h)) {
        rc = curl_multi_poll(h->multi, extra, (unsigned)n, patience(h, timeout_s), NULL);
        if (rc == CURLM_OK) rc = move(h);
    }
    judge(h);
    if (rc == CURLM_OK) return ERR_OK;
    return err_set(e, rc == CURLM_OUT_OF_MEMORY ? ERR_NOMEM : ERR_FAILED, "HTTP: %s",
                   curl_multi_strerror(rc));
}

struct http_request *http_woken(struct http *h) {
    for (struct http_request *r = h->all; r; r = r->next)
        if (r->woken) {
            r->woken = false;
            return r;
        }
    return NULL;
}

void http_stats(const struct http *h, struct http_stats *out) {
    *out = (struct http_stats){.requests = h->requests, .bytes = h->bytes};
    for (struct http_request *r = h->all; r; r = r->next) {
        if (r->easy) out->running++;
        else if (r->ticket) out->waiting++;
    }
}

int64_t http_date(const char *text) {
    return (int64_t)curl_getdate(text, NULL);
}

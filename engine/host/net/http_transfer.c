#include "http_transfer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "../base/limits.h"
#include "../system/process.h"
#include "http_error.h"
#include "http_proxy.h"
#include "http_reroute.h"

enum { SKIPPED_MAX = 64 * KIB, BUFFER = 32 * KIB, SOURCE_BUFFER = 256 * KIB };

/* Somebody waits for this request, and now there is something. */
static void wake(struct http_request *r) {
    if (r->wanted) r->woken = true;
    r->wanted = false;
}

static bool is_rerouted(const struct http_request *r) {
    return r->client->reroute.text != NULL;
}

static size_t refuse_old_http(struct http_request *r) {
    err_set(&r->failure, ERR_INVALID, "%s: it answered in HTTP/1.1, and gRPC needs HTTP/2: a proxy on "
            "the way that speaks only HTTP/1.1 has to let this host through unopened", r->shown);
    http_head_clear(&r->head);
    return 0;
}

static size_t on_header(char *line, size_t one, size_t n, void *ctx) {
    struct http_request *r = ctx;
    r->last = process_mono();
    bool was_complete = r->head.complete;
    enum err rc = http_head_line(&r->head, line, one * n);
    if (rc) {
        err_set(&r->failure, rc == ERR_LIMIT ? ERR_INVALID : rc,
                "%s: the answer's headers are over %d KiB", r->shown, LIMIT_HEADERS / KIB);
        return 0;
    }
    if (r->head.complete && !was_complete) {
        if (r->http2 && r->head.version < 2) return refuse_old_http(r);
        r->moving = !r->http2 && http_head_moves(&r->head);
        if (!r->moving) wake(r);
    }
    return one * n;
}

/* Bytes of a compressed body: what one piece from the wire, and the whole, may inflate to. */
static bool inflates_sanely(struct http_request *r, uint64_t wire, size_t n) {
    if (r->piece_at != wire) {
        r->piece_at = wire;
        r->piece = 0;
    }
    r->piece += n;
    uint64_t whole = r->received + n, most = LIMIT_INFLATE_RATIO * (wire + BUFFER);
    if (r->piece <= LIMIT_INFLATE && (whole <= LIMIT_INFLATE || whole <= most)) return true;
    err_set(&r->failure, ERR_INVALID, "%s: the answer inflates more than %d times; not read on",
            r->shown, LIMIT_INFLATE_RATIO);
    return false;
}

static uint64_t wire_bytes(struct http_request *r) {
    curl_off_t n = 0;
    curl_easy_getinfo(r->easy, CURLINFO_SIZE_DOWNLOAD_T, &n);
    return n > 0 ? (uint64_t)n : 0;
}

/* curl keeps what it has inflated of a piece while it is paused, without a bound worth the name.
 * So a compressed piece is taken whole, and the pause comes at the next one's beginning. */
static size_t on_body(char *bytes, size_t one, size_t n, void *ctx) {
    struct http_request *r = ctx;
    n *= one;
    r->last = process_mono();
    if (r->moving) return (r->skipped += n) > SKIPPED_MAX ? 0 : n;
    uint64_t wire = r->head.encoded ? wire_bytes(r) : 0;
    bool new_piece = !r->head.encoded || wire != r->piece_at;
    if (new_piece && r->bytes.len - r->at >= LIMIT_BODY_BUFFER) {
        r->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (r->head.encoded && !inflates_sanely(r, wire, n)) return 0;
    if (r->at >= LIMIT_BODY_BUFFER) {
        buf_drop(&r->bytes, r->at);
        r->at = 0;
    }
    if (buf_add(&r->bytes, bytes, n)) {
        err_set(&r->failure, ERR_NOMEM, "%s: out of memory for the answer", r->shown);
        return 0;
    }
    r->received += n;
    wake(r);
    return n;
}

/* What is sent is a sign of life too. */
static size_t on_source(char *to, size_t one, size_t n, void *ctx) {
    struct http_request *r = ctx;
    struct error why;
    size_t got = 0;
    enum err rc = r->source.read(r->source.ctx, to, one * n, &got, &why);
    r->last = process_mono();
    if (!rc) return got;
    err_set(&r->failure, rc, "%s: %s", r->shown, why.text);
    return CURL_READFUNC_ABORT;
}

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address) {
    struct http_request *r = ctx;
    (void)purpose;
    const char *why = NULL;
    if (!r->proxied && !is_rerouted(r))
        why = http_guard_address(&r->client->guard, &r->url, &address->addr);
    if (why) {
        r->refused = why;
        const void *at = address->family == AF_INET6
                             ? (void *)&((struct sockaddr_in6 *)&address->addr)->sin6_addr
                             : (void *)&((struct sockaddr_in *)&address->addr)->sin_addr;
        inet_ntop(address->family, at, r->refused_address, sizeof r->refused_address);
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* curl keeps a copy of a text, and may have no room for it; what it points to it always takes. */
static bool set_text(struct http_request *r, CURLoption option, const char *text) {
    return curl_easy_setopt(r->easy, option, text) == CURLE_OK;
}

static bool set_method(struct http_request *r) {
    if (strcmp(r->method, "HEAD") == 0)
        return curl_easy_setopt(r->easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    if (r->body) {
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->body);
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
    } else if (r->source.read) {
        curl_easy_setopt(r->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(r->easy, CURLOPT_READFUNCTION, on_source);
        curl_easy_setopt(r->easy, CURLOPT_READDATA, r);
        curl_easy_setopt(r->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)SOURCE_BUFFER);
    } else if (strcmp(r->method, "GET") == 0) {
        return true;
    }
    return set_text(r, CURLOPT_CUSTOMREQUEST, r->method);
}

static bool add_line(struct http_request *r, const char *line) {
    struct curl_slist *more = curl_slist_append(r->lines, line);
    if (more) r->lines = more;
    return more != NULL;
}

static bool set_headers(struct http_request *r) {
    bool typed = false, ok = add_line(r, "Expect:");
    for (size_t i = 0; ok && i < r->n_fields; i++) {
        typed = typed || strncasecmp(r->fields[i].line, "content-type:", 13) == 0;
        ok = add_line(r, r->fields[i].line);
    }
    if (ok && !typed) ok = add_line(r, "Content-Type:");
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->lines);
    return ok;
}

/* To where it belongs, or rerouted. Before set_headers, as the true origin goes into a header. */
static bool set_url(struct http_request *r) {
    if (!is_rerouted(r)) return set_text(r, CURLOPT_URL, r->url.text);
    char *text, *line;
    if (http_reroute_apply(&r->client->reroute, &r->url, &text, &line)) return false;
    bool ok = set_text(r, CURLOPT_URL, text) && add_line(r, line);
    explicit_bzero(text, strlen(text));
    free(text), free(line);
    return ok;
}

static void set_callbacks(struct http_request *r) {
    curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
    curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->curl_text);
    curl_easy_setopt(r->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(r->easy, CURLOPT_OPENSOCKETDATA, r);
}

static bool set_rules(struct http_request *r) {
    const char *proxy = is_rerouted(r) ? NULL : http_proxy_for(r->client->proxy, &r->url);
    r->proxied = proxy != NULL;
    curl_easy_setopt(r->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(r->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(r->easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(r->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(r->easy, CURLOPT_BUFFERSIZE, (long)BUFFER);
    curl_easy_setopt(r->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(r->timeout_s * 1000));
    curl_easy_setopt(r->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    if (r->url.tls && !is_rerouted(r)) curl_easy_setopt(r->easy, CURLOPT_PIPEWAIT, 1L);
    if (!r->repeatable) curl_easy_setopt(r->easy, CURLOPT_FRESH_CONNECT, 1L);
    return set_text(r, CURLOPT_PROTOCOLS_STR, "http,https") &&
           set_text(r, CURLOPT_PROXY, proxy ? proxy : "") && set_text(r, CURLOPT_NOPROXY, "") &&
           set_text(r, CURLOPT_USERAGENT, r->client->user_agent) &&
           (r->http2 || set_text(r, CURLOPT_ACCEPT_ENCODING, ""));
}

/* Nothing of an earlier answer is left. */
static void forget_answer(struct http_request *r) {
    http_head_clear(&r->head);
    r->moving = r->paused = false;
    r->skipped = 0;
    r->uploaded = 0;
    r->received = r->piece = 0;
    r->piece_at = UINT64_MAX;
    r->refused = NULL;
    r->curl_text[0] = '\0';
    r->last = process_mono();
}

static void tell_refused(struct http_request *r, const char *address) {
    err_set(&r->failure, r->redirects ? ERR_INVALID : ERR_CONFIG,
            "%s: not asked at the address %s: %s", r->shown, address, r->refused);
}

/* Nobody connects to the address of a rerouted request: what can be known of it is in its URL. */
static bool literal_refused(struct http_request *r) {
    if (is_rerouted(r)) r->refused = http_guard_literal(&r->client->guard, &r->url);
    if (r->refused) tell_refused(r, r->url.host);
    return r->refused != NULL;
}

static bool put_on_wire(struct http_request *r) {
    r->easy = curl_easy_init();
    if (!r->easy || !set_url(r)) return false;
    set_callbacks(r);
    return set_rules(r) && http_tls_apply(&r->client->tls, r->easy) && set_method(r) &&
           set_headers(r) && curl_multi_add_handle(r->client->multi, r->easy) == CURLM_OK;
}

enum err http_transfer_begin(struct http_request *r) {
    forget_answer(r);
    if (!literal_refused(r)) {
        if (put_on_wire(r)) {
            r->client->requests++;
            return ERR_OK;
        }
        err_set(&r->failure, ERR_NOMEM, "%s: out of memory for a request", r->shown);
    }
    http_transfer_end(r);
    wake(r);
    return r->failure.code;
}

void http_transfer_end(struct http_request *r) {
    if (r->easy) {
        long heads = 0;
        curl_easy_getinfo(r->easy, CURLINFO_HEADER_SIZE, &heads);
        if (r->client) {
            r->client->bytes += wire_bytes(r) + (uint64_t)heads;
            curl_multi_remove_handle(r->client->multi, r->easy);
        }
        curl_easy_cleanup(r->easy);
        r->easy = NULL;
    }
    for (struct curl_slist *l = r->lines; l; l = l->next) explicit_bzero(l->data, strlen(l->data));
    curl_slist_free_all(r->lines);
    r->lines = NULL;
}

/* Secrets stay with the origin they were meant for. */
static void drop_secrets(struct http_request *r) {
    size_t kept = 0;
    for (size_t i = 0; i < r->n_fields; i++) {
        if (!r->fields[i].secret) {
            r->fields[kept++] = r->fields[i];
            continue;
        }
        explicit_bzero(r->fields[i].line, strlen(r->fields[i].line));
        free(r->fields[i].line);
    }
    r->n_fields = kept;
}

static void drop_body(struct http_request *r) {
    if (r->body) explicit_bzero(r->body, r->body_len);
    free(r->body);
    r->body = NULL;
    r->body_len = 0;
    size_t kept = 0;
    for (size_t i = 0; i < r->n_fields; i++)
        if (strncasecmp(r->fields[i].line, "content-", 8) == 0) free(r->fields[i].line);
        else r->fields[kept++] = r->fields[i];
    r->n_fields = kept;
}

static void become_get(struct http_request *r) {
    memcpy(r->method, "GET", sizeof "GET");
    drop_body(r);
}

/* What the statuses ask for, and what browsers and curl have always done with a POST. */
static void change_method(struct http_request *r) {
    bool head = strcmp(r->method, "HEAD") == 0, post = strcmp(r->method, "POST") == 0;
    int status = r->head.status;
    if ((status == 303 && !head) || ((status == 301 || status == 302) && post)) become_get(r);
}

static enum err move_to(struct http_request *r, struct http_url *to, struct error *e) {
    struct error why;
    if (http_guard_url(&r->client->guard, to, &why))
        return err_set(e, ERR_INVALID, "%s: it redirects elsewhere: %s", r->shown, why.text);
    change_method(r);
    if (strcmp(to->origin, r->url.origin) != 0) {
        if (r->body && r->body_secret)
            return err_set(e, ERR_INVALID, "%s: it redirects to another origin (%s), which may "
                           "not have the secret that was sent", r->shown, to->origin);
        drop_secrets(r);
    }
    http_url_free(&r->url);
    r->url = *to;
    memset(to, 0, sizeof *to);
    return ERR_OK;
}

static char *location_of(const struct http_request *r) {
    size_t len = 0;
    const char *at = http_head_find(&r->head, "location", &len);
    return at ? strndup(at, len) : NULL;
}

static enum err show_again(struct http_request *r, struct error *e) {
    char *shown = NULL;
    if (asprintf(&shown, "%s %s", r->method, r->url.shown) < 0)
        return err_set(e, ERR_NOMEM, "%s: out of memory", r->shown);
    free(r->shown);
    r->shown = shown;
    return ERR_OK;
}

static enum err follow(struct http_request *r, struct error *e) {
    if (++r->redirects > LIMIT_REDIRECTS)
        return err_set(e, ERR_INVALID, "%s: more than %d redirects in a row", r->shown,
                       LIMIT_REDIRECTS);
    char *location = location_of(r);
    if (!location) return err_set(e, ERR_NOMEM, "%s: out of memory", r->shown);
    struct http_url to;
    struct error why = {.code = ERR_OK};
    enum err rc = http_url_follow(&r->url, location, &to, &why);
    free(location);
    if (rc)
        return err_set(e, ERR_INVALID, "%s: it redirects elsewhere: %s", r->shown, why.text);
    rc = move_to(r, &to, e);
    http_url_free(&to);
    if (!rc) rc = show_again(r, e);
    if (!rc) rc = http_transfer_begin(r);
    return rc;
}

static void settle(struct http_request *r, CURLcode result) {
    bool own = r->failure.code != ERR_AGAIN;
    if (own) return;
    if (r->refused)
        tell_refused(r, r->refused_address);
    else if (result != CURLE_OK)
        http_error_tell(r, result);
    else if (!r->head.complete)
        err_set(&r->failure, ERR_UNAVAILABLE, "%s: no answer came", r->shown);
    else
        r->failure.code = ERR_OK;
}

static bool connection_is_gone(CURL *easy) {
    curl_socket_t socket = CURL_SOCKET_BAD;
    return curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket) || socket == CURL_SOCKET_BAD;
}

void http_transfer_done(struct http_request *r, CURLcode result) {
    r->severed = r->easy && connection_is_gone(r->easy);
    bool move = r->moving && r->failure.code == ERR_AGAIN;
    if (!move) settle(r, result);
    http_transfer_end(r);
    if (move && follow(r, &r->failure) == ERR_OK) return;
    wake(r);
}

void http_transfer_resume(struct http_request *r) {
    r->paused = false;
    r->last = process_mono();
    curl_easy_pause(r->easy, CURLPAUSE_CONT);
}

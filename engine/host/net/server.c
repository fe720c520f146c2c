#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/buf.h"
#include "../base/limits.h"
#include "../system/process.h"

enum state {
    RECEIVING,
    READY,    /* whole, not yet taken; its connection is suspended, also in the next two */
    TAKEN,    /* with the caller, who has not answered */
    ANSWERED, /* waits for its time, or for the library to call again */
    SENDING,
};

struct exchange {
    struct server *server; /* NULL once the server is closed */
    struct exchange *before, *after;
    struct MHD_Connection *connection; /* NULL once the exchange is over */
    enum state state;
    bool suspended;
    bool taken;    /* the caller holds it, or did */
    bool freed;    /* the caller has done with it */
    bool reported; /* server_over() gave it */
    double due;    /* when to resume; 0: not waiting for a time */
    char method[16];
    char *target;
    size_t path_len;
    struct buf body;
    struct MHD_Response *response;
    struct server_reply reply;
    double began; /* of the sending, where it is slowed down */
};

struct server {
    struct MHD_Daemon *daemon;
    int port;
    size_t body_max;
    struct exchange *first, *last;
    char said[256]; /* the library's last complaint */
};

/* ------------------------------------------------------------------ exchanges */

static struct exchange *exchange_new(struct server *s, const char *target,
                                     struct MHD_Connection *connection) {
    struct exchange *x = calloc(1, sizeof *x);
    char *copy = strdup(target);
    if (!x || !copy) {
        free(x);
        free(copy);
        return NULL;
    }
    x->server = s;
    x->connection = connection;
    x->target = copy;
    x->path_len = strcspn(copy, "?");
    buf_init(&x->body, s->body_max);
    x->before = s->last;
    *(s->last ? &s->last->after : &s->first) = x;
    s->last = x;
    return x;
}

static void unlink_exchange(struct exchange *x) {
    struct server *s = x->server;
    if (!s) return;
    *(x->before ? &x->before->after : &s->first) = x->after;
    *(x->after ? &x->after->before : &s->last) = x->before;
    x->before = x->after = NULL;
    x->server = NULL;
}

/* Freed when both sides have done with it: the library (connection is NULL) and the caller. */
static void release(struct exchange *x) {
    if (x->connection || (x->taken && !x->freed)) return;
    unlink_exchange(x);
    if (x->response) MHD_destroy_response(x->response);
    buf_free(&x->body);
    free(x->target);
    free(x);
}

static void suspend(struct exchange *x) {
    x->suspended = true;
    MHD_suspend_connection(x->connection);
}

static void resume(struct exchange *x) {
    x->due = 0;
    if (!x->suspended) return;
    x->suspended = false;
    MHD_resume_connection(x->connection);
}

const char *exchange_method(const struct exchange *x) {
    return x->method;
}

struct server_span exchange_path(const struct exchange *x) {
    return (struct server_span){x->target, x->path_len};
}

struct server_span exchange_body(const struct exchange *x) {
    return (struct server_span){x->body.data, x->body.len};
}

void exchange_forget_body(struct exchange *x) {
    buf_free(&x->body);
}

struct each {
    server_each *call;
    void *arg;
};

static enum MHD_Result each_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                  size_t name_len, const char *value, size_t value_len) {
    (void)kind;
    struct each *each = cls;
    struct server_span v = {value ? value : "", value ? value_len : 0};
    each->call(each->arg, (struct server_span){name, name_len}, v);
    return MHD_YES;
}

void exchange_fields(struct exchange *x, enum server_fields which, server_each *each, void *arg) {
    if (!x->connection || x->state > TAKEN) return;
    enum MHD_ValueKind kind = which == SERVER_QUERY ? MHD_GET_ARGUMENT_KIND : MHD_HEADER_KIND;
    MHD_get_connection_values_n(x->connection, kind, each_field, &(struct each){each, arg});
}

bool exchange_over(const struct exchange *x) {
    return !x->connection;
}

void exchange_free(struct exchange *x) {
    if (!x) return;
    x->freed = true;
    if (x->connection && x->state == TAKEN) {
        x->reply.cut = true;
        x->state = ANSWERED;
        resume(x);
    }
    release(x);
}

/* ------------------------------------------------------------------ answers */

/* How long until a slowed-down body may go on, having sent `pos` bytes; 0: now. At most ten times
 * a second, so that a slow body costs little. */
static double must_wait(const struct exchange *x, size_t pos) {
    double rate = x->reply.bytes_per_s;
    if (rate <= 0) return 0;
    double left = x->began + (double)pos / rate - process_mono();
    return left <= 0 ? 0 : left < 0.1 ? 0.1 : left;
}

/* The library's reader, for bodies that are cut short or slowed down. */
static ssize_t read_body(void *cls, uint64_t pos, char *out, size_t max) {
    struct exchange *x = cls;
    size_t end = x->reply.truncate < x->reply.len ? x->reply.truncate : x->reply.len;
    if (pos >= end && !x->reply.stall) return MHD_CONTENT_READER_END_WITH_ERROR;
    double wait = pos >= end ? LIMIT_IDLE_S : must_wait(x, (size_t)pos);
    if (pos >= end) x->reply.stall = false;
    if (wait > 0) {
        x->due = process_mono() + wait;
        suspend(x);
        return 0;
    }
    size_t n = end - (size_t)pos < max ? end - (size_t)pos : max;
    double slice = x->reply.bytes_per_s / 10;
    if (slice > 0 && (double)n > slice) n = slice < 1 ? 1 : (size_t)slice;
    memcpy(out, x->reply.body + pos, n);
    return (ssize_t)n;
}

static enum err make_response(struct exchange *x, const struct server_reply *r, struct error *e) {
    bool plain = r->truncate >= r->len && r->bytes_per_s <= 0;
    /* The library's "persistent" means: not copied, not freed. It never writes to it. */
    void *body = (void *)(size_t)r->body;
    struct MHD_Response *response =
        plain ? MHD_create_response_from_buffer(r->len, body, MHD_RESPMEM_PERSISTENT)
              : MHD_create_response_from_callback(r->len, 64 * KIB, read_body, x, NULL);
    if (!response)
        return err_set(e, ERR_NOMEM, "memory is out for an answer of %zu bytes", r->len);
    for (size_t i = 0; i < r->header_count; i++) {
        const struct server_field *h = &r->headers[i];
        if (MHD_add_response_header(response, h->name, h->value) == MHD_YES) continue;
        MHD_destroy_response(response);
        return err_set(e, ERR_INVALID, "the header '%s' cannot be sent with this value", h->name);
    }
    x->response = response;
    return ERR_OK;
}

enum err exchange_reply(struct exchange *x, const struct server_reply *reply, struct error *e) {
    if (x->state != TAKEN) return err_set(e, ERR_FAILED, "this request was answered before");
    if (!reply->cut && (reply->status < 200 || reply->status > 599))
        return err_set(e, ERR_INVALID, "%d is no status of an answer (200 to 599)", reply->status);
    enum err rc = reply->cut || !x->connection ? ERR_OK : make_response(x, reply, e);
    if (rc) return rc;
    x->reply = *reply;
    x->reply.headers = NULL;
    x->state = ANSWERED;
    if (reply->delay_s > 0)
        x->due = process_mono() + reply->delay_s;
    else if (x->connection)
        resume(x);
    return ERR_OK;
}

static enum MHD_Result send_answer(struct exchange *x) {
    if (x->reply.cut) return MHD_NO;
    x->state = SENDING;
    x->began = process_mono();
    enum MHD_Result sent =
        MHD_queue_response(x->connection, (unsigned)x->reply.status, x->response);
    MHD_destroy_response(x->response);
    x->response = NULL;
    return sent;
}

/* ------------------------------------------------------------------ the library's callbacks */

static void *on_target(void *cls, const char *target, struct MHD_Connection *connection) {
    return exchange_new(cls, target, connection);
}

/* A body announced as too long is answered before it comes. */
static enum MHD_Result refuse_long(struct MHD_Connection *connection) {
    static char text[] = "the request's body is too long\n";
    struct MHD_Response *r =
        MHD_create_response_from_buffer(sizeof text - 1, text, MHD_RESPMEM_PERSISTENT);
    if (!r) return MHD_NO;
    enum MHD_Result sent = MHD_queue_response(connection, 413, r);
    MHD_destroy_response(r);
    return sent;
}

static enum MHD_Result begin(struct exchange *x, const char *method) {
    if (strlen(method) >= sizeof x->method) return MHD_NO;
    memcpy(x->method, method, strlen(method) + 1);
    const char *length =
        MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Content-Length");
    if (length && strtoull(length, NULL, 10) > x->server->body_max) return refuse_long(x->connection);
    return MHD_YES;
}

/* Called first with the head, then with each part of the body, then with none, and once more
 * after every resume until a response is queued. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **con_cls) {
    (void)cls, (void)url, (void)version, (void)connection;
    struct exchange *x = *con_cls;
    if (!x) return MHD_NO;
    if (!x->method[0]) return begin(x, method);
    if (*upload_len) {
        if (buf_add(&x->body, upload, *upload_len)) return MHD_NO;
        *upload_len = 0;
        return MHD_YES;
    }
    if (x->state == ANSWERED) return send_answer(x);
    x->state = READY;
    suspend(x);
    return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode how) {
    (void)cls, (void)connection, (void)how;
    struct exchange *x = *con_cls;
    if (!x) return;
    *con_cls = NULL;
    x->connection = NULL;
    release(x);
}

static void on_complaint(void *cls, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void on_complaint(void *cls, const char *format, va_list args) {
    struct server *s = cls;
    vsnprintf(s->said, sizeof s->said, format, args);
    s->said[strcspn(s->said, "\r\n")] = '\0';
}

/* ------------------------------------------------------------------ servers */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t read_address(union address *a, const char *host, int port) {
    memset(a, 0, sizeof *a);
    if (!host || strcmp(host, "localhost") == 0) host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
        a->v4.sin_family = AF_INET;
        a->v4.sin_port = htons((uint16_t)port);
        return sizeof a->v4;
    }
    if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) != 1) return 0;
    a->v6.sin6_family = AF_INET6;
    a->v6.sin6_port = htons((uint16_t)port);
    return sizeof a->v6;
}

/* A listening socket of our own: errno then says why there is none, which the library does not. */
static enum err listen_on(const struct server_options *o, int *fd, int *port, struct error *e) {
    union address a;
    socklen_t len = o->port >= 0 && o->port <= 65535 ? read_address(&a, o->host, o->port) : 0;
    if (!len)
        return err_set(e, ERR_CONFIG, "cannot listen on '%s' port %d: an IP address and a port of "
                       "0 to 65535 are expected", o->host ? o->host : "127.0.0.1", o->port);
    int on = 1;
    *fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd >= 0 && setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(*fd, &a.any, len) == 0 && listen(*fd, SOMAXCONN) == 0 &&
        getsockname(*fd, &a.any, &len) == 0) {
        *port = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
        return ERR_OK;
    }
    err_set(e, ERR_FAILED, "cannot listen on %s port %d: %s", o->host ? o->host : "127.0.0.1",
            o->port, strerror(errno));
    if (*fd >= 0) close(*fd);
    return ERR_FAILED;
}

static unsigned at_most(unsigned asked, unsigned limit) {
    return asked && asked < limit ? asked : limit;
}

static struct MHD_Daemon *start(struct server *s, const struct server_options *o, int fd) {
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (o->cert) flags |= MHD_USE_TLS;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(size_t)o->cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(size_t)o->key},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_complaint, s,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_CONNECTION_LIMIT,
        at_most(o->connections, LIMIT_CONNECTIONS), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)LIMIT_REQUEST_HEAD, MHD_OPTION_CONNECTION_TIMEOUT,
        at_most(o->idle_s, LIMIT_IDLE_S),
        MHD_OPTION_ARRAY, o->cert ? tls : tls + 2, MHD_OPTION_END);
}

enum err server_open(struct server **out, const struct server_options *options, struct error *e) {
    *out = NULL;
    if (!options->cert != !options->key)
        return err_set(e, ERR_CONFIG, "a TLS certificate and its key go together: one is missing");
    int fd = -1;
    struct server *s = calloc(1, sizeof *s);
    if (!s) return err_set(e, ERR_NOMEM, "memory is out for an HTTP server");
    s->body_max = options->body_max && options->body_max < LIMIT_REQUEST ? options->body_max
                                                                         : LIMIT_REQUEST;
    enum err rc = listen_on(options, &fd, &s->port, e);
    if (!rc) {
        /* Where it fails, the library has closed fd. */
        s->daemon = start(s, options, fd);
        if (!s->daemon)
            rc = err_set(e, options->cert ? ERR_CONFIG : ERR_FAILED,
                         "the HTTP server does not start: %s%s", s->said,
                         options->cert ? " (is the certificate's and the key's PEM right?)" : "");
    }
    if (rc)
        free(s);
    else
        *out = s;
    return rc;
}

void server_close(struct server *s) {
    if (!s) return;
    /* The library must not be stopped while a connection is suspended. */
    for (struct exchange *x = s->first; x; x = x->after) {
        x->reply.cut = true;
        if (x->connection) resume(x);
    }
    MHD_stop_daemon(s->daemon);
    while (s->first) unlink_exchange(s->first);
    free(s);
}

int server_port(const struct server *s) {
    return s->port;
}

int server_fd(const struct server *s) {
    return MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

double server_wait_s(struct server *s) {
    MHD_UNSIGNED_LONG_LONG ms;
    double wait = MHD_get_timeout(s->daemon, &ms) == MHD_YES ? (double)ms / 1000 : -1;
    for (struct exchange *x = s->first; x; x = x->after) {
        if (x->due <= 0) continue;
        double left = x->due - process_mono();
        if (left < 0) left = 0;
        if (wait < 0 || left < wait) wait = left;
    }
    return wait;
}

enum err server_run(struct server *s, struct error *e) {
    for (struct exchange *x = s->first; x; x = x->after)
        if (x->due > 0 && x->due <= process_mono()) resume(x);
    if (MHD_run(s->daemon) == MHD_YES) return ERR_OK;
    return err_set(e, ERR_FAILED, "the HTTP server stopped: %s", s->said);
}

static struct exchange *in_state(struct server *s, enum state state) {
    struct exchange *x = s->first;
    while (x && x->state != state) x = x->after;
    return x;
}

enum err server_poll(struct server *s, double timeout_s, struct error *e) {
    double end = timeout_s < 0 ? -1 : process_mono() + timeout_s;
    enum err rc = server_run(s, e);
    while (!rc && !in_state(s, READY)) {
        double wait = server_wait_s(s);
        double left = end < 0 ? -1 : end - process_mono();
        if (end >= 0 && left <= 0) break;
        if (left >= 0 && (wait < 0 || left < wait)) wait = left;
        /* Rounded up: waking a little early would turn the rest of the wait into a busy loop. */
        int ms = wait < 0 ? -1 : wait > 3600 ? 3600 * 1000 : (int)(wait * 1000 + 0.999);
        struct pollfd p = {.fd = server_fd(s), .events = POLLIN};
        int n = poll(&p, 1, ms);
        if (n < 0 && errno == EINTR) break;
        if (n < 0) return err_errno(e, ERR_FAILED, "waiting for requests", "the HTTP server");
        rc = server_run(s, e);
    }
    return rc;
}

struct exchange *server_next(struct server *s) {
    struct exchange *x = in_state(s, READY);
    if (!x) return NULL;
    x->state = TAKEN;
    x->taken = true;
    return x;
}

struct exchange *server_over(struct server *s) {
    for (struct exchange *x = s->first; x; x = x->after)
        if (x->taken && !x->connection && !x->reported) {
            x->reported = true;
            return x;
        }
    return NULL;
}

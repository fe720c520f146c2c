/* server: a small HTTP server in the caller's event loop, on libmicrohttpd.
 *
 * A server has no thread of its own: it works while server_poll() or server_run() is called. A
 * request arrives whole (its body is bounded by body_max, answered 413 beyond it) as a struct
 * exchange; its connection then waits, at no cost, until exchange_reply(). Other connections go on
 * meanwhile, so an answer may come as late as it likes.
 *
 * Who owns what: the caller of server_next() owns the exchange and ends it with exchange_free().
 * The bytes of a reply's body are not copied: they stay the caller's and must live until
 * exchange_over() says true. Everything else given to a function here is copied.
 *
 * libmicrohttpd is linked as every library is, and not loaded when the first server opens: what
 * it needs, GnuTLS, comes with Debian's libcurl in any case, so that the program's start is only
 * 0.05 ms (1 %) slower for it (measured with 100 starts of each build). */
#ifndef REEVE_SERVER_H
#define REEVE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"

struct server;
struct exchange;

struct server_options {
    const char *host; /* an IPv4 or IPv6 address, or "localhost"; NULL: 127.0.0.1 */
    int port;         /* 0: any that is free */
    const char *cert; /* PEM text of the certificate chain and its key; both NULL: plain HTTP */
    const char *key;
    /* For who serves strangers, smaller than the maximum; 0: that. */
    size_t body_max;      /* bytes of a request's body, LIMIT_REQUEST */
    unsigned connections; /* at once, LIMIT_CONNECTIONS; others wait until they are taken */
    unsigned idle_s;      /* seconds of silence that end one, LIMIT_IDLE_S */
};

/* Listens. ERR_FAILED where the address cannot be had, ERR_CONFIG where
 * host, certificate or key is not one. */
enum err server_open(struct server **out, const struct server_options *options, struct error *e);

/* Ends every connection, answered or not, and stops listening. NULL is nothing. */
void server_close(struct server *s);

int server_port(const struct server *s);

/* Waits until a request is there, the time is over (seconds; negative: no end) or a signal came,
 * and sends and receives meanwhile. ERR_FAILED where the system refuses. */
enum err server_poll(struct server *s, double timeout_s, struct error *e);

/* The parts of server_poll, for a loop that waits on other things too: a descriptor that is
 * readable when there is work, the longest time in seconds that may pass without server_run()
 * (negative: any), and the work itself, which never waits. */
int server_fd(const struct server *s);
double server_wait_s(struct server *s);
enum err server_run(struct server *s, struct error *e);

/* The next request that nobody has taken yet, or NULL. */
struct exchange *server_next(struct server *s);

/* An exchange, once each, that was taken and is over; NULL where there is none now. */
struct exchange *server_over(struct server *s);

struct server_field {
    const char *name, *value; /* NUL-terminated */
};

struct server_span {
    const char *bytes; /* may hold NULs; never NULL */
    size_t len;
};

const char *exchange_method(const struct exchange *x);

/* The path as it was sent, still percent-encoded and without the query. */
struct server_span exchange_path(const struct exchange *x);
struct server_span exchange_body(const struct exchange *x);

/* Drops the request's body, once it was read. */
void exchange_forget_body(struct exchange *x);

/* Calls each() for every field in the order sent, values decoded; names may come twice. A value
 * that is absent ("?a") is empty. To be called before the reply. */
enum server_fields { SERVER_QUERY, SERVER_HEADERS };
typedef void server_each(void *arg, struct server_span name, struct server_span value);
void exchange_fields(struct exchange *x, enum server_fields which, server_each *each, void *arg);

#define SERVER_WHOLE ((size_t)-1)

struct server_reply {
    int status;
    const struct server_field *headers;
    size_t header_count;
    const char *body;
    size_t len;
    size_t truncate;    /* send only these bytes of the announced ones, then hang up; or WHOLE */
    bool stall;         /* instead of hanging up there, say nothing more for LIMIT_IDLE_S */
    double bytes_per_s; /* 0: as fast as it goes */
    double delay_s;     /* before the answer begins */
    bool cut;           /* hang up without an answer */
};

/* Answers, once. ERR_INVALID for a header or status that cannot be sent (the exchange then still
 * waits for its reply), ERR_FAILED where it was answered before. A client that is gone by now is
 * no failure. */
enum err exchange_reply(struct exchange *x, const struct server_reply *reply, struct error *e);

/* True once nothing of the reply is needed any more: sent, or the client is gone. */
bool exchange_over(const struct exchange *x);

/* The caller has done with it. One that was not answered is hung up. */
void exchange_free(struct exchange *x);

#endif

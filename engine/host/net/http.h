/* http: requests that overlap, on one curl multi handle.
 *
 * A struct http (a client) belongs to one connector: its hosts, its certificates, its proxy, its
 * limits. Nothing blocks but http_poll(). A request is started, answers with headers, then with a
 * body that is read piece by piece or left alone; it is the caller's until http_drop(). Redirects,
 * deadlines, slots and the host rules are kept here; retries and the meaning of a status are not.
 *
 * Slots. At most `concurrency` requests are served at once. A slot is held only while someone
 * wants bytes (http_want): a stream whose reader is busy elsewhere holds none, is paused when its
 * buffer is full, and may be silent meanwhile; so nested requests always get through. A request's
 * own deadline_s counts all the same.
 *
 * Not for use by two threads. Callbacks of curl only copy and set flags. */
#ifndef REEVE_HTTP_H
#define REEVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"

struct http;
struct http_request;

/* Strings are copied. */
struct http_options {
    const char *const *declared; /* host patterns of the plugin */
    const char *const *named;    /* hosts that settings name; may be private addresses */
    size_t n_declared, n_named;
    double timeout_s;      /* longest silence of a transfer somebody waits for */
    unsigned concurrency;  /* slots, at least 1 */
    const char *proxy;     /* NULL: as the environment says; "": none. NO_PROXY always counts */
    const char *ca_file;   /* PEM, added to the system's authorities; or NULL */
    const char *client_cert, *client_key; /* PEM files; or NULL */
    const char *user_agent;
    const char *reroute; /* "http://127.0.0.1:PORT" (see http_reroute.h); NULL: to where they belong */
};

/* ERR_CONFIG naming the key (http.ca_file …) that is wrong, ERR_NOMEM. *out is then NULL. */
enum err http_open(const struct http_options *o, struct http **out, struct error *e);

/* Ends every transfer; requests that still exist fail from now on, and are still to be dropped. */
void http_close(struct http *h);

/* Adds a host that a setting names. ERR_NOMEM. */
enum err http_allow(struct http *h, const char *host);

/* Is this a host that may be asked? */
bool http_allowed(const struct http *h, const char *host);

/* A body that is made while it is sent. */
struct http_source {
    /* Writes up to `max` bytes, and into *n how many: 0 only at its end. What it returns but ERR_OK
     * ends the request with that. */
    enum err (*read)(void *ctx, char *to, size_t max, size_t *n, struct error *e);
    void *ctx; /* lives until the request is dropped */
};

struct http_header {
    const char *name, *value;
    size_t value_len;
    bool secret; /* stays with the origin; Authorization and Cookie always do */
};

/* Everything is copied but what a source reads from. */
struct http_ask {
    const char *method; /* upper case */
    const char *url;
    size_t url_len;
    const struct http_header *headers;
    size_t n_headers;
    const char *body; /* NULL: none */
    size_t body_len;
    bool body_secret;  /* stays with the origin */
    struct http_source source; /* in place of body, without a length ahead; read NULL: none. With
                                  http2 only: it is sent once */
    bool http2;        /* as gRPC wants it: the answer is HTTP/2 or a failure, is not compressed, and
                          a redirect is not followed but an answer like others */
    bool repeatable;   /* idempotent: may use a connection that the server may have closed */
    double timeout_s;  /* 0: the client's */
    double deadline_s; /* within which all must have come, from now on; 0: none */
};

/* Starts as soon as there is a slot. ERR_CONFIG for a URL or host that may not be asked, or a
 * header that cannot be; ERR_NOMEM. */
enum err http_start(struct http *h, const struct http_ask *ask, struct http_request **out,
                    struct error *e);

/* Ends the transfer where it still runs, and frees the request. NULL is allowed. */
void http_drop(struct http_request *r);

/* Is there news: headers not seen before, bytes to read, or the end? If not, takes note that they
 * are wanted, and http_woken() tells when they are there. */
bool http_want(struct http_request *r);

/* ERR_AGAIN until the headers are in; ERR_OK; else why there are none: ERR_UNAVAILABLE, where it
 * may go better another time; ERR_INVALID, where it will not (a certificate, a redirect to a host
 * that may not be asked, nonsense); ERR_CONFIG, where something is to be changed here; or
 * ERR_NOMEM. */
enum err http_headers_in(struct http_request *r, struct error *e);

/* After the headers: */
int http_status(const struct http_request *r);
/* All header lines of the answer, "name: value\n" each, names in lower case. */
const char *http_header_lines(const struct http_request *r, size_t *len);
/* Those that came after the body, once all has come. */
const char *http_trailer_lines(const struct http_request *r, size_t *len);
/* Did the connection end with this answer, as an HTTP/2 server makes it that goes away? libcurl
 * before 8.1 then loses the trailers. */
bool http_severed(const struct http_request *r);
/* Where the answer came from, without query; METHOD before it. Valid while the request is. */
const char *http_shown(const struct http_request *r);

/* Received bytes not yet taken; they stay where they are until the next http_poll(). */
const char *http_bytes(const struct http_request *r, size_t *len);
/* Takes the first n of them; a paused transfer goes on when all are taken. */
void http_take(struct http_request *r, size_t n);

/* ERR_AGAIN while more may come; ERR_OK when all has come (bytes may still be there to be taken);
 * ERR_CUT, ERR_UNAVAILABLE, ERR_INVALID with the reason. */
enum err http_ended(const struct http_request *r, struct error *e);

/* Waits up to timeout_s (or until one of the n other descriptors, HTTP_FDS at most, can be read, or
 * a signal comes) and moves every transfer forward. ERR_FAILED, ERR_NOMEM. */
enum { HTTP_FDS = 8 };
enum err http_poll(struct http *h, double timeout_s, const int *fds, size_t n, struct error *e);

/* A request that was wanted and has news, each once; NULL where there is none. */
struct http_request *http_woken(struct http *h);

/* What the caller likes to find again. */
void http_set_owner(struct http_request *r, void *owner);
void *http_owner(const struct http_request *r);

struct http_stats {
    uint64_t requests; /* sent, redirects and repetitions included */
    uint64_t bytes;    /* received, as they came over the wire */
    unsigned running, waiting;
};
void http_stats(const struct http *h, struct http_stats *out);

/* The seconds since 1970 that an HTTP date names; -1 where it is none. */
int64_t http_date(const char *text);

#endif

/* http_transfer: one request on the wire: its curl handle, its callbacks, what came of it.
 *
 * Private to http*.c. struct http_request is owned by whoever started it and linked into its
 * client; a transfer is begun, and begun again after a redirect, on the same request. The callbacks
 * copy bytes and set flags, no more. */
#ifndef REEVE_HTTP_TRANSFER_H
#define REEVE_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "../base/buf.h"
#include "http.h"
#include "http_guard.h"
#include "http_head.h"
#include "http_tls.h"
#include "http_url.h"

struct http {
    CURLM *multi;
    struct http_guard guard;
    struct http_tls tls;
    struct http_url reroute; /* text NULL: requests go where they belong */
    char *proxy, *user_agent;
    double timeout_s;
    unsigned concurrency, slots; /* slots: of them, those held */
    struct http_request *all;
    uint64_t tickets, requests, bytes;
};

struct http_field {
    char *line; /* "Name: value", as curl wants it */
    bool secret;
};

struct http_request {
    struct http *client; /* NULL: the request is over, or the client closed before it was dropped */
    struct http_request *prev, *next;
    void *owner;

    char method[16];
    struct http_url url;
    char *shown;
    struct http_field *fields;
    size_t n_fields;
    char *body;
    size_t body_len;
    struct http_source source; /* read NULL: none */
    bool body_secret, repeatable, http2;
    double timeout_s;
    double deadline_s, until; /* until: when on process_mono() it must be over; INFINITY: never */
    unsigned redirects;

    CURL *easy; /* NULL: not on the wire */
    struct curl_slist *lines;
    char curl_text[CURL_ERROR_SIZE];
    bool proxied;
    const char *refused;     /* why an address may not be asked */
    char refused_address[48];

    struct http_head head;
    bool severed;            /* the connection did not outlive the answer */
    bool moving;             /* the answer sends elsewhere; its body is of no interest */
    size_t skipped;          /* bytes of that body */
    struct buf bytes;        /* received; those before `at` are taken */
    size_t at;
    uint64_t received;       /* bytes of the body, decompressed */
    uint64_t piece_at, piece; /* of a compressed body: at which wire byte this piece began, and what
                                 it has become so far */
    struct error failure;    /* code ERR_AGAIN while it goes on, ERR_OK at its good end */

    double last;             /* when something was last heard */
    curl_off_t uploaded;
    uint64_t ticket;         /* place in the queue for a slot; 0: not in it */
    bool slot, wanted, woken, told, paused;
};

/* Puts the request on the wire. ERR_NOMEM, or, for a rerouted one, ERR_CONFIG or ERR_INVALID where
 * its URL names an address that may not be asked; the request has then failed. */
enum err http_transfer_begin(struct http_request *r);

/* Takes it off, and frees what the wire needed. */
void http_transfer_end(struct http_request *r);

/* What came of it, after curl said so: follows a redirect (the transfer begins again), or writes
 * r->failure. */
void http_transfer_done(struct http_request *r, CURLcode result);

/* Lets a paused transfer go on. */
void http_transfer_resume(struct http_request *r);

#endif

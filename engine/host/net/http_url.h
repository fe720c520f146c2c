/* http_url: a URL taken apart once, by libcurl's own parser, so that what is checked is what is
 * asked.
 *
 * A struct http_url owns its strings and ends with http_url_free(), which may be called twice.
 * `text` may hold a secret in its query and is wiped then; `shown` is what people are told. */
#ifndef REEVE_HTTP_URL_H
#define REEVE_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"

struct http_url {
    char *text;   /* the whole, normalised, without a fragment */
    char *shown;  /* scheme://host[:port]/path, of a length fit for a message */
    char *origin; /* scheme://host:port, lower case */
    char *host;   /* lower case, without brackets and closing dot; an IPv4 host in dotted form */
    bool tls;
};

/* Takes an absolute http: or https: URL apart, NUL-terminated at text[len]. ERR_CONFIG with what
 * is wrong with it, never quoting it (it may hold a secret): another scheme, no host, a user or
 * password in it, blanks or control bytes, over LIMIT_URL. ERR_NOMEM. On failure *u is empty. */
enum err http_url_parse(const char *text, size_t len, struct http_url *u, struct error *e);

/* The same for a redirect's target, which may be relative to `base`. */
enum err http_url_follow(const struct http_url *base, const char *location, struct http_url *u,
                         struct error *e);

void http_url_free(struct http_url *u);

#endif

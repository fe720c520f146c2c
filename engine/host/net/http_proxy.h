/* http_proxy: does a request go through a proxy, and which.
 *
 * Decided here and not by libcurl, since the host rules must know it: behind a proxy only a host's
 * name can be checked. The environment is read as curl reads it: https_proxy, HTTPS_PROXY,
 * http_proxy (only so: a web server sets HTTP_PROXY from a header), all_proxy, ALL_PROXY, and
 * no_proxy, NO_PROXY, a list of names, addresses, networks (10.0.0.0/8) or `*`. */
#ifndef REEVE_HTTP_PROXY_H
#define REEVE_HTTP_PROXY_H

#include <stdbool.h>

#include "http_url.h"

/* The proxy for this URL, or NULL for none. `configured` is NULL where the environment decides. */
const char *http_proxy_for(const char *configured, const struct http_url *u);

/* Does this list exempt this host? */
bool http_proxy_exempt(const char *list, const char *host);

#endif

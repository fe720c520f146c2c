/* http_reroute: a client whose requests all go to one server on this machine, in place of their own.
 *
 * So simulators and replays answer for a plugin whatever its settings say, and no network is needed.
 * Only the wire changes: hosts, redirects, secrets and what people are told go by the true URL, and
 * the header "Reeve-Origin: https://api.example.com" tells the server which origin was meant. */
#ifndef REEVE_HTTP_REROUTE_H
#define REEVE_HTTP_REROUTE_H

#include "../base/err.h"
#include "http_url.h"

/* Takes "http://127.0.0.1:PORT" apart into *to, to be freed by http_url_free(). ERR_CONFIG for
 * anything but http: to a loopback address; ERR_NOMEM. */
enum err http_reroute_parse(const char *text, struct http_url *to, struct error *e);

/* The URL that is asked instead of u, and the header line that tells of u's origin. Both are the
 * caller's to free (the URL may hold a secret). ERR_NOMEM; both are then NULL. */
enum err http_reroute_apply(const struct http_url *to, const struct http_url *u, char **text,
                            char **line);

#endif

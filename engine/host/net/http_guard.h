/* http_guard: which hosts and addresses may be asked.
 *
 * A plugin declares host patterns; hosts that an operator's settings name are added. A declared
 * host must not turn out to be an address inside the operator's network: a name that resolves there
 * is an attack or a mistake. A host that the operator named may be anywhere. http: is for loopback.
 *
 * A struct http_guard owns copies of the names and ends with http_guard_free(). */
#ifndef REEVE_HTTP_GUARD_H
#define REEVE_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "../base/err.h"
#include "http_url.h"

enum http_trust {
    HTTP_STRANGER, /* may not be asked */
    HTTP_DECLARED, /* by the plugin: at a public address */
    HTTP_NAMED,    /* by the operator: anywhere */
};

struct http_guard {
    char **declared, **named;
    size_t n_declared, n_named;
};

void http_guard_init(struct http_guard *g);
void http_guard_free(struct http_guard *g);

/* Adds a pattern ("api.example.com", "*.example.com": `*` is exactly one label) or, with
 * HTTP_NAMED, a host. ERR_NOMEM. */
enum err http_guard_add(struct http_guard *g, const char *host, enum http_trust trust);

enum http_trust http_guard_trust(const struct http_guard *g, const char *host);

/* May this URL be asked, as far as its name tells? ERR_CONFIG with the reason. */
enum err http_guard_url(const struct http_guard *g, const struct http_url *u, struct error *e);

/* May this URL be asked at this address? NULL, or the reason why not. */
const char *http_guard_address(const struct http_guard *g, const struct http_url *u,
                               const struct sockaddr *address);

/* The same for a URL that is not asked at its own address: what its host says where it is an address
 * itself, or "localhost". */
const char *http_guard_literal(const struct http_guard *g, const struct http_url *u);

/* The parts of the rules, for their tests. Hosts as http_url gives them. */
bool http_host_is_loopback(const char *host);
bool http_host_matches(const char *pattern, const char *host);
bool http_address_is_private(const struct sockaddr *address);

#endif

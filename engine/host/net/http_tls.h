/* http_tls: whom we trust and who we are: the system's authorities, with the operator's added to
 * them (http.ca_file, and SSL_CERT_FILE of the environment), and a client certificate. Certificates
 * are always checked; there is no switch.
 *
 * The struct owns its bytes, which every transfer refers to; ends with http_tls_free(). */
#ifndef REEVE_HTTP_TLS_H
#define REEVE_HTTP_TLS_H

#include <stdbool.h>

#include "../base/buf.h"
#include "../base/err.h"

struct http_tls {
    struct buf authorities; /* PEM; empty: the system's, as libcurl finds them */
    char *cert, *key;       /* paths; NULL where there is none */
};

/* Any of the paths may be NULL. ERR_CONFIG naming the key and the file; ERR_NOMEM. */
enum err http_tls_init(struct http_tls *t, const char *ca_file, const char *cert, const char *key,
                       struct error *e);
void http_tls_free(struct http_tls *t);

/* Sets up a CURL easy handle; false where memory runs out. */
bool http_tls_apply(const struct http_tls *t, void *easy);

#endif

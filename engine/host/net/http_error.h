/* http_error: what a failed transfer is called and how it is told, in plain words. */
#ifndef REEVE_HTTP_ERROR_H
#define REEVE_HTTP_ERROR_H

#include "http_transfer.h"

/* Writes r->failure from curl's result (not CURLE_OK): ERR_UNAVAILABLE before the answer's headers
 * were in, ERR_CUT after them; ERR_INVALID for what will not be better the next time: a certificate
 * that cannot be trusted, a proxy that says no, bytes that are not what they claim to be;
 * ERR_CONFIG where our own certificate or the proxy's password is wrong; ERR_NOMEM. */
void http_error_tell(struct http_request *r, CURLcode result);

#endif

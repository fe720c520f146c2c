/* c1key: the private key inside the client secret of a ConductorOne connector.
 *
 * Such a secret has four parts, "secret-token:conductorone.com:v1:" and a JSON Web Key (RFC 8037, 2)
 * as base64url without padding: {"kty":"OKP","crv":"Ed25519","x":…,"d":…}. It is read where it lies,
 * in locked memory; nothing of it is copied anywhere else. */
#ifndef REEVE_C1KEY_H
#define REEVE_C1KEY_H

#include "../secret/secret.h"

/* The key, of SIGN_ED25519_KEY bytes, as sign_jwt() takes it with SIGN_ED25519; the caller drops it.
 * Blanks and line ends around the secret belong to whoever copied it. ERR_CREDENTIALS: it is none, and
 * the text says which part of it is wrong, never a byte of it. ERR_LIMIT, ERR_NOMEM. *key is then
 * NULL. */
enum err c1key_read(const struct secret *client_secret, struct secret **key, struct error *e);

#endif

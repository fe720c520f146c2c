/* sign: proofs that we hold a key: JSON Web Tokens (RFC 7519, signed as RFC 7515 and 7518 say) and
 * HMACs (RFC 2104). With sign_digest.c, sign.c is all that knows libcrypto; nothing here verifies.
 *
 * A key is a secret: for HS256 and HMACs its bytes as they are; for SIGN_ED25519, which is EdDSA with
 * another form of key, the 32 bytes that RFC 8032 calls the private key; for the others a private key
 * as PEM (PKCS#8, PKCS#1 or SEC1, without a passphrase). A PEM whose line ends are written \n, as JSON
 * has them, is read too, since a key that is entered on one line looks so.
 *
 * What is made is a root secret, which the scrubber finds; the caller drops it. A key that is of no
 * use is ERR_CONFIG, and the text says what was expected and what it is instead, never its value;
 * ERR_LIMIT and ERR_NOMEM as for secret_new. */
#ifndef REEVE_SIGN_H
#define REEVE_SIGN_H

#include "secret.h"

enum sign_alg { SIGN_RS256, SIGN_ES256, SIGN_EDDSA, SIGN_HS256, SIGN_ED25519 };
enum sign_hash { SIGN_SHA256, SIGN_SHA1, SIGN_SHA512 };
enum sign_form { SIGN_HEX, SIGN_BASE64, SIGN_BASE64URL };

enum {
    SIGN_RSA_BITS = 2048,   /* the shortest RSA key that RS256 may have (RFC 7518, 3.3) */
    SIGN_ED25519_KEY = 32,  /* bytes of an Ed25519 key, the private and the public one */
};

/* A JWT in the compact form: header and claims are JSON texts, each a secret or plain bytes. The
 * caller has written the algorithm's name into the header. */
enum err sign_jwt(enum sign_alg alg, const struct secret *key, const struct secret_part *header,
                  const struct secret_part *claims, struct secret **out, struct error *e);

/* The HMAC of data, which may be up to LIMIT_REQUEST bytes long, in hexadecimal (lower case), base64
 * (with padding) or base64url (without). */
enum err sign_hmac(enum sign_hash hash, const struct secret *key, const struct secret_part *data,
                   enum sign_form form, struct secret **out, struct error *e);

/* The public key that belongs to the private one for SIGN_ED25519. */
enum err sign_ed25519_public(const struct secret *key, unsigned char out[SIGN_ED25519_KEY],
                             struct error *e);

#endif

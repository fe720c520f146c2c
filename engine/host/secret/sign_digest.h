/* sign_digest: the SHA-256 of bytes that come piece by piece.
 *
 * Between begin and end (or drop) it holds libcrypto's memory; one that is all zeros holds none. */
#ifndef REEVE_SIGN_DIGEST_H
#define REEVE_SIGN_DIGEST_H

#include <stddef.h>

#include "../base/err.h"

enum { SIGN_DIGEST_BYTES = 32 };

struct sign_digest {
    void *context;
};

/* ERR_NOMEM, all of them; end gives back the memory too. */
enum err sign_digest_begin(struct sign_digest *d);
enum err sign_digest_add(struct sign_digest *d, const char *bytes, size_t len);
enum err sign_digest_end(struct sign_digest *d, char out[SIGN_DIGEST_BYTES]);

/* May be called twice, and after the end. */
void sign_digest_drop(struct sign_digest *d);

#endif

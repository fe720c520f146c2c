#include "sign_digest.h"

#include <openssl/evp.h>

enum err sign_digest_begin(struct sign_digest *d) {
    d->context = EVP_MD_CTX_new();
    return d->context && EVP_DigestInit_ex(d->context, EVP_sha256(), NULL) ? ERR_OK : ERR_NOMEM;
}

enum err sign_digest_add(struct sign_digest *d, const char *bytes, size_t len) {
    return EVP_DigestUpdate(d->context, bytes, len) ? ERR_OK : ERR_NOMEM;
}

enum err sign_digest_end(struct sign_digest *d, char out[SIGN_DIGEST_BYTES]) {
    enum err rc = EVP_DigestFinal_ex(d->context, (unsigned char *)out, NULL) ? ERR_OK : ERR_NOMEM;
    sign_digest_drop(d);
    return rc;
}

void sign_digest_drop(struct sign_digest *d) {
    EVP_MD_CTX_free(d->context);
    d->context = NULL;
}

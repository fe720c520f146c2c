/* The key in ConductorOne's client secret: of any bytes, and of any bytes in the place of its JSON Web
 * Key, either a key of 32 bytes is made, or a refusal that tells nothing of them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/host/base/base64.h"
#include "../../engine/host/base/limits.h"
#include "../../engine/host/c1/c1key.h"
#include "../../engine/host/secret/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds) {
    if (!holds) abort();
}

static void read_as_secret(const void *bytes, size_t len) {
    struct secret *s, *key;
    struct error e = {0};
    if (secret_new(bytes, len, &s, &e)) return;
    enum err rc = c1key_read(s, &key, &e);
    if (rc) {
        must(!key && rc == ERR_CREDENTIALS && strncmp(e.text, "client secret: ", 15) == 0);
    } else {
        must(secret_bytes(key, &len) && len == SIGN_ED25519_KEY);
    }
    secret_drop(key);
    secret_drop(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf text;
    read_as_secret(data, size);
    buf_init(&text, LIMIT_SECRET);
    must(!buf_add_text(&text, "secret-token:conductorone.com:v1:"));
    if (!base64_encode(data, size, BASE64_URL, false, &text)) read_as_secret(text.data, text.len);
    buf_free(&text);
    return 0;
}

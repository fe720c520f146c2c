#include "keyfile.h"

enum { KEYFILE_MAX = 1024 };

enum err keyfile_load(const char *path, enum file_trust trust, struct secret **key,
                      struct error *e) {
    struct buf text;
    struct error why = {0};
    *key = NULL;
    buf_init(&text, KEYFILE_MAX);
    enum err rc = file_read(path, KEYFILE_MAX, trust, &text, e);
    if (!rc) {
        rc = secret_key_parse(text.data, text.len, key, &why);
        if (rc) err_set(e, rc, "%s: %s", path, why.text);
        secret_wipe(text.data, text.len);
    }
    buf_free(&text);
    return rc;
}

enum err keyfile_make(const char *path, struct secret **key, struct error *e) {
    struct secret *text = NULL;
    size_t len;
    enum err rc = secret_random(SECRET_KEY, key, e);
    if (!rc) rc = secret_key_text(*key, &text, e);
    if (!rc) {
        const char *bytes = secret_bytes(text, &len);
        rc = file_create(path, bytes, len, 0600, e);
    }
    secret_drop(text);
    if (rc) {
        secret_drop(*key);
        *key = NULL;
    }
    return rc;
}

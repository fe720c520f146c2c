#include "stand_in.h"

#include <string.h>

#include "../base/base64.h"
#include "scrub.h"

enum { BASE64_MIN = 8, SHOWN = 8 }; /* characters of a run worth decoding; bytes of a hash shown */

static size_t run64(const char *text, size_t len) {
    size_t n = 0;
    while (n < len && base64_digit((unsigned char)text[n]) >= 0) n++;
    return n;
}

static enum err add_stand_in(const unsigned char *key, const struct secret *s, struct buf *out) {
    unsigned char hash[SECRET_HASH];
    size_t len;
    const char *value = secret_bytes(s, &len);
    secret_hash128(key, value, len, hash);
    enum err rc = buf_add_text(out, "secret-");
    for (size_t i = 0; i < SHOWN && !rc; i++) rc = buf_printf(out, "%02x", hash[i]);
    return rc;
}

/* Secrets that are spelt out. */
static enum err swap_spelt(const unsigned char *key, const struct buf *text, struct buf *out,
                           bool *found) {
    enum err rc = ERR_OK;
    for (size_t i = 0, taken; i < text->len && !rc; i += taken) {
        const struct secret *s = scrub_spelt(text->data + i, text->len - i, &taken);
        if (s) *found = true;
        else taken = 1;
        rc = s ? add_stand_in(key, s, out) : buf_add_byte(out, (unsigned char)text->data[i]);
    }
    return rc;
}

/* A run of base64, encoded again where a secret is in it; else *found stays false and nothing is
 * added. */
static enum err swap64(const unsigned char *key, const char *text, size_t len, bool padded,
                       struct buf *out, bool *found) {
    struct buf inside, swapped;
    buf_init(&inside, len);
    buf_init(&swapped, out->max);
    bool url = memchr(text, '-', len) || memchr(text, '_', len);
    enum err rc = base64_decode(text, len, &inside);
    if (!rc) rc = swap_spelt(key, &inside, &swapped, found);
    if (!rc && *found)
        rc = base64_encode(swapped.data, swapped.len, url ? BASE64_URL : BASE64_PLAIN, padded, out);
    secret_wipe(inside.data, inside.len);
    buf_free(&inside);
    buf_free(&swapped);
    return rc;
}

/* What begins at text[i]: *taken bytes of it are replaced; 0: nothing. */
static enum err swap_at(const unsigned char *key, const char *text, size_t len, size_t i,
                        struct buf *out, size_t *taken) {
    const struct secret *s = scrub_spelt(text + i, len - i, taken);
    if (s) return add_stand_in(key, s, out);
    if (i > 0 && base64_digit((unsigned char)text[i - 1]) >= 0) return ERR_OK;
    size_t run = run64(text + i, len - i), end = i + run;
    if (run < BASE64_MIN || scrub_clean(text + i, run)) return ERR_OK;
    while (end < len && text[end] == '=') end++;
    bool found = false;
    enum err rc = swap64(key, text + i, run, end > i + run, out, &found);
    *taken = found ? end - i : 0;
    return rc;
}

enum err stand_in_text(const unsigned char key[SECRET_HASH_KEY], const char *text, size_t len,
                       struct buf *out, bool *found) {
    *found = false;
    if (scrub_clean(text, len)) return buf_add(out, text, len);
    enum err rc = ERR_OK;
    for (size_t i = 0, taken; i < len && !rc; i += taken) {
        rc = swap_at(key, text, len, i, out, &taken);
        if (taken) *found = true;
        else if (!rc) rc = buf_add_byte(out, (unsigned char)text[i]);
        if (!taken) taken = 1;
    }
    return rc;
}

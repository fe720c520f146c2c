#include "secret.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "../base/limits.h"
#include "../base/utf8.h"

enum {
    ROOTS_MAX = 4, /* roots a derived secret remembers; made of more, it is looked for itself */
    KEY_ID = 8,
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    SEAL_VERSION = 1,
};
_Static_assert(SECRET_SEAL_EXTRA == 1 + KEY_ID + NONCE + TAG, "sealed form");
_Static_assert(SECRET_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(SECRET_HASH == crypto_shorthash_siphashx24_BYTES, "hash");
_Static_assert(SECRET_HASH_KEY == crypto_shorthash_siphashx24_KEYBYTES, "hash key");

struct secret {
    size_t holders;
    size_t len;
    char *bytes; /* sodium_malloc(len + 1) */
    bool known;  /* in `known` below */
    size_t nroots;
    struct secret *roots[ROOTS_MAX];
};

static struct secret *known[LIMIT_SECRETS];
static size_t nknown;
static size_t nliving;
static unsigned long generation;

void secret_no_core(void) {
    const char *keep = getenv("REEVE_CORE");
    if (keep && strcmp(keep, "1") == 0) return;
#ifndef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

void secret_wipe(void *bytes, size_t len) {
    sodium_memzero(bytes, len);
}

static enum err ready(struct error *e) {
    if (sodium_init() >= 0) return ERR_OK;
    return err_set(e, ERR_FAILED, "set up libsodium: it found no source of random bytes");
}

/* A secret whose bytes are still to be filled in; then finish() or secret_drop(). */
static enum err make(size_t len, struct secret **out, struct error *e) {
    *out = NULL;
    if (len > LIMIT_SECRET)
        return err_set(e, ERR_LIMIT, "make a secret of %zu bytes: the limit is %d", len,
                       LIMIT_SECRET);
    if (nliving >= LIMIT_SECRETS_LIVING)
        return err_set(e, ERR_LIMIT, "make a secret: %d are held already", LIMIT_SECRETS_LIVING);
    enum err rc = ready(e);
    if (rc) return rc;
    struct secret *s = calloc(1, sizeof *s);
    if (s) s->bytes = sodium_malloc(len + 1);
    if (!s || !s->bytes) {
        free(s);
        return err_set(e, ERR_NOMEM, "make a secret: out of memory");
    }
    s->bytes[len] = '\0';
    s->len = len;
    s->holders = 1;
    nliving++;
    *out = s;
    return ERR_OK;
}

static enum err make_known(struct secret *s, struct error *e) {
    if (s->len < SECRET_KNOWN_MIN) return ERR_OK;
    if (nknown >= LIMIT_SECRETS)
        return err_set(e, ERR_LIMIT, "hold a secret: %d different ones are held already",
                       LIMIT_SECRETS);
    s->known = true;
    known[nknown++] = s;
    generation++;
    return ERR_OK;
}

static struct secret *find_known(const struct secret *s) {
    for (size_t i = 0; i < nknown; i++)
        if (secret_equal(known[i], s)) return known[i];
    return NULL;
}

/* A filled root becomes visible; an equal one takes its place. */
static enum err finish_root(struct secret **out, struct error *e) {
    struct secret *same = find_known(*out);
    if (same) {
        secret_drop(*out);
        *out = secret_keep(same);
        return ERR_OK;
    }
    enum err rc = make_known(*out, e);
    if (rc) {
        secret_drop(*out);
        *out = NULL;
        return rc;
    }
    sodium_mprotect_readonly((*out)->bytes);
    return ERR_OK;
}

/* False where `s` cannot be told apart by the roots that the derived secret remembers. */
static bool add_root(struct secret *to, struct secret *s) {
    for (size_t i = 0; i < to->nroots; i++)
        if (to->roots[i] == s) return true;
    if (to->nroots == ROOTS_MAX) return false;
    to->roots[to->nroots++] = secret_keep(s);
    return true;
}

static bool add_roots(struct secret *to, struct secret *from) {
    if (from->known || !from->nroots) return add_root(to, from) && from->known;
    bool all = true;
    for (size_t i = 0; i < from->nroots; i++) all = add_root(to, from->roots[i]) && all;
    return all;
}

/* A filled derived secret becomes visible. Where one of its parents is not looked for (too short,
 * or one too many) it is looked for as a whole. */
static enum err finish_derived(struct secret **out, const struct secret_part *parts, size_t n,
                               struct error *e) {
    bool covered = true;
    for (size_t i = 0; i < n; i++)
        if (parts[i].secret) covered = add_roots(*out, parts[i].secret) && covered;
    if (!covered) return finish_root(out, e);
    sodium_mprotect_readonly((*out)->bytes);
    return ERR_OK;
}

enum err secret_new(const void *bytes, size_t len, struct secret **out, struct error *e) {
    enum err rc = make(len, out, e);
    if (rc) return rc;
    if (len) memcpy((*out)->bytes, bytes, len);
    return finish_root(out, e);
}

enum err secret_random(size_t len, struct secret **out, struct error *e) {
    enum err rc = make(len, out, e);
    if (rc) return rc;
    randombytes_buf((*out)->bytes, len);
    return finish_root(out, e);
}

struct secret *secret_keep(struct secret *s) {
    s->holders++;
    return s;
}

static void forget(const struct secret *s) {
    for (size_t i = 0; i < nknown; i++)
        if (known[i] == s) {
            known[i] = known[--nknown];
            generation++;
            return;
        }
}

/* Roots have no roots, so this is two deep at most, unless a derived secret is looked for itself:
 * then it counts as a root whose own roots end with it. */
void secret_drop(struct secret *s) {
    if (!s || --s->holders) return;
    if (s->known) forget(s);
    for (size_t i = 0; i < s->nroots; i++) secret_drop(s->roots[i]);
    sodium_free(s->bytes);
    free(s);
    nliving--;
}

const char *secret_bytes(const struct secret *s, size_t *len) {
    if (len) *len = s->len;
    return s->bytes;
}

bool secret_equal(const struct secret *a, const struct secret *b) {
    return a->len == b->len && sodium_memcmp(a->bytes, b->bytes, a->len) == 0;
}

const char *secret_part_bytes(const struct secret_part *p, size_t *len) {
    if (p->secret) return secret_bytes(p->secret, len);
    *len = p->len;
    return p->bytes;
}

enum err secret_join(const struct secret_part *parts, size_t n, struct secret **out,
                     struct error *e) {
    size_t total = 0, len;
    for (size_t i = 0; i < n && total <= LIMIT_SECRET; i++) {
        secret_part_bytes(&parts[i], &len);
        total = len > LIMIT_SECRET ? len : total + len;
    }
    enum err rc = make(total, out, e);
    if (rc) return rc;
    char *to = (*out)->bytes;
    for (size_t i = 0; i < n; i++) {
        const char *from = secret_part_bytes(&parts[i], &len);
        if (len) memcpy(to, from, len);
        to += len;
    }
    return finish_derived(out, parts, n, e);
}

enum err secret_header(struct secret *s, struct secret **out, struct error *e) {
    const char *blank = memchr(s->bytes, ' ', s->len);
    if (!blank) {
        *out = secret_keep(s);
        return ERR_OK;
    }
    size_t scheme = (size_t)(blank + 1 - s->bytes);
    struct secret *rest;
    *out = NULL;
    enum err rc = secret_new(blank + 1, s->len - scheme, &rest, e);
    if (rc) return rc;
    struct secret_part parts[] = {{.bytes = s->bytes, .len = scheme}, {.secret = rest}};
    rc = secret_join(parts, 2, out, e);
    secret_drop(rest);
    return rc;
}

enum err secret_basic(const struct secret_part *id, const struct secret_part *password,
                      struct secret **out, struct error *e) {
    struct secret_part pair[] = {*id, {.bytes = ":", .len = 1}, *password};
    struct secret *joined;
    *out = NULL;
    enum err rc = secret_join(pair, 3, &joined, e);
    if (rc) return rc;
    enum { VARIANT = sodium_base64_VARIANT_ORIGINAL };
    size_t size = sodium_base64_encoded_len(joined->len, VARIANT);
    rc = make(6 + size - 1, out, e);
    if (!rc) {
        memcpy((*out)->bytes, "Basic ", 6);
        sodium_bin2base64((*out)->bytes + 6, size, (unsigned char *)joined->bytes, joined->len,
                          VARIANT);
        rc = finish_derived(out, pair, 3, e);
    }
    secret_drop(joined);
    return rc;
}

enum err secret_from_base64url(const struct secret *s, size_t at, size_t len, struct secret **out,
                               struct error *e) {
    size_t size = len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0), got = 0;
    const char *end = NULL;
    enum err rc = make(size, out, e);
    if (rc) return rc;
    int bad = sodium_base642bin((unsigned char *)(*out)->bytes, size, s->bytes + at, len, NULL,
                                &got, &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    if (!bad && got == size && end == s->bytes + at + len) return finish_root(out, e);
    secret_drop(*out);
    *out = NULL;
    return err_set(e, ERR_INVALID, "read a secret: it is not base64url without padding");
}

static bool unreserved(unsigned char c) {
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

enum err secret_urlencode(struct secret *s, struct secret **out, struct error *e) {
    size_t len = 0;
    for (size_t i = 0; i < s->len; i++) len += unreserved((unsigned char)s->bytes[i]) ? 1 : 3;
    enum err rc = make(len, out, e);
    if (rc) return rc;
    static const char hex[] = "0123456789ABCDEF";
    char *to = (*out)->bytes;
    for (size_t i = 0; i < s->len; i++) {
        unsigned char c = (unsigned char)s->bytes[i];
        if (unreserved(c)) {
            *to++ = (char)c;
            continue;
        }
        *to++ = '%';
        *to++ = hex[c >> 4];
        *to++ = hex[c & 15];
    }
    return finish_derived(out, &(struct secret_part){.secret = s}, 1, e);
}

/* Writes the byte as it stands in a JSON string where `to` is not NULL; returns its length. */
static size_t json_byte(unsigned char c, char *to) {
    char text[7];
    size_t len = 1;
    text[0] = (char)c;
    if (c == '"' || c == '\\')
        len = (size_t)snprintf(text, sizeof text, "\\%c", c);
    else if (c < 0x20)
        len = (size_t)snprintf(text, sizeof text, "\\u%04x", c);
    if (to) memcpy(to, text, len);
    secret_wipe(text, sizeof text);
    return len;
}

enum err secret_json(struct secret *s, struct secret **out, struct error *e) {
    *out = NULL;
    if (!utf8_valid(s->bytes, s->len))
        return err_set(e, ERR_INVALID, "write a secret as JSON: it is not valid UTF-8");
    size_t len = 2;
    for (size_t i = 0; i < s->len; i++) len += json_byte((unsigned char)s->bytes[i], NULL);
    enum err rc = make(len, out, e);
    if (rc) return rc;
    char *to = (*out)->bytes;
    *to++ = '"';
    for (size_t i = 0; i < s->len; i++) to += json_byte((unsigned char)s->bytes[i], to);
    *to = '"';
    return finish_derived(out, &(struct secret_part){.secret = s}, 1, e);
}

const struct secret *secret_known(size_t i) {
    return i < nknown ? known[i] : NULL;
}

unsigned long secret_generation(void) {
    return generation;
}

static bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum err secret_key_parse(const char *text, size_t len, struct secret **key, struct error *e) {
    while (len && blank(text[len - 1])) len--;
    while (len && blank(*text)) text++, len--;
    enum err rc = make(SECRET_KEY, key, e);
    if (rc) return rc;
    size_t got = 0;
    const char *end = text;
    int bad = sodium_hex2bin((unsigned char *)(*key)->bytes, SECRET_KEY, text, len, NULL, &got,
                             &end);
    if (!bad && got == SECRET_KEY && end == text + len) return finish_root(key, e);
    secret_drop(*key);
    *key = NULL;
    return err_set(e, ERR_CONFIG, "read a key: %d hexadecimal digits expected", 2 * SECRET_KEY);
}

enum err secret_key_text(struct secret *key, struct secret **out, struct error *e) {
    enum err rc = make(2 * key->len + 1, out, e);
    if (rc) return rc;
    sodium_bin2hex((*out)->bytes, (*out)->len + 1, (unsigned char *)key->bytes, key->len);
    (*out)->bytes[2 * key->len] = '\n';
    return finish_derived(out, &(struct secret_part){.secret = key}, 1, e);
}

/* What tells keys apart in sealed bytes and in messages; it says nothing about the key. */
static void key_id(const struct secret *key, unsigned char id[KEY_ID]) {
    unsigned char hash[crypto_generichash_BYTES_MIN];
    static const char purpose[] = "reeve key id";
    crypto_generichash(hash, sizeof hash, (const unsigned char *)purpose, sizeof purpose - 1,
                       (const unsigned char *)key->bytes, key->len);
    memcpy(id, hash, KEY_ID);
}

/* What is authenticated beside the ciphertext: the head of the sealed form, then the context. */
static enum err associated(const unsigned char *head, const char *context, size_t context_len,
                           struct buf *ad, struct error *e) {
    buf_init(ad, LIMIT_SECRET);
    enum err rc = buf_add(ad, head, 1 + KEY_ID);
    if (!rc) rc = buf_add(ad, context, context_len);
    return rc ? err_set(e, rc, "seal or open a value: context too long or out of memory") : ERR_OK;
}

enum err secret_seal(const struct secret *key, const void *plain, size_t len, const char *context,
                     size_t context_len, struct buf *out, struct error *e) {
    unsigned char head[1 + KEY_ID + NONCE] = {SEAL_VERSION};
    struct buf ad;
    enum err rc = ready(e);
    if (rc) return rc;
    if (key->len != SECRET_KEY)
        return err_set(e, ERR_USAGE, "seal a value: the key must have %d bytes", SECRET_KEY);
    key_id(key, head + 1);
    randombytes_buf(head + 1 + KEY_ID, NONCE);
    rc = associated(head, context, context_len, &ad, e);
    if (!rc && (rc = buf_reserve(out, len + SECRET_SEAL_EXTRA)) != ERR_OK)
        err_set(e, rc, "seal a value of %zu bytes: no room", len);
    if (!rc) {
        unsigned char *to = (unsigned char *)out->data + out->len;
        memcpy(to, head, sizeof head);
        crypto_aead_xchacha20poly1305_ietf_encrypt(
            to + sizeof head, NULL, plain, len, (unsigned char *)ad.data, ad.len, NULL,
            head + 1 + KEY_ID, (const unsigned char *)key->bytes);
        out->len += len + SECRET_SEAL_EXTRA;
        out->data[out->len] = '\0';
    }
    buf_free(&ad);
    return rc;
}

static enum err check_head(const struct secret *key, const unsigned char *sealed, size_t len,
                           struct error *e) {
    unsigned char id[KEY_ID];
    if (key->len != SECRET_KEY)
        return err_set(e, ERR_USAGE, "open a sealed value: the key must have %d bytes",
                       SECRET_KEY);
    if (len < SECRET_SEAL_EXTRA || sealed[0] != SEAL_VERSION)
        return err_set(e, ERR_STORAGE, "open a sealed value: it is damaged, or of a later reeve");
    key_id(key, id);
    if (memcmp(id, sealed + 1, KEY_ID) == 0) return ERR_OK;
    char theirs[2 * KEY_ID + 1], ours[2 * KEY_ID + 1];
    sodium_bin2hex(theirs, sizeof theirs, sealed + 1, KEY_ID);
    sodium_bin2hex(ours, sizeof ours, id, KEY_ID);
    return err_set(e, ERR_CONFIG,
                   "open a sealed value: it was sealed with key %s, and this is key %s; "
                   "put the old key back, or enter the secret again",
                   theirs, ours);
}

/* Opens into `plain`, which has len - SECRET_SEAL_EXTRA bytes, after check_head(). */
static enum err unseal(const struct secret *key, const unsigned char *sealed, size_t len,
                       const char *context, size_t context_len, char *plain, struct error *e) {
    enum { HEAD = 1 + KEY_ID + NONCE };
    struct buf ad;
    enum err rc = associated(sealed, context, context_len, &ad, e);
    if (!rc && crypto_aead_xchacha20poly1305_ietf_decrypt(
                   (unsigned char *)plain, NULL, NULL, sealed + HEAD, len - HEAD,
                   (unsigned char *)ad.data, ad.len, sealed + 1 + KEY_ID,
                   (const unsigned char *)key->bytes) != 0)
        rc = err_set(e, ERR_STORAGE,
                     "open a sealed value: it is damaged, or was sealed for another place");
    buf_free(&ad);
    return rc;
}

enum err secret_open(const struct secret *key, const void *sealed, size_t len, const char *context,
                     size_t context_len, struct secret **out, struct error *e) {
    *out = NULL;
    enum err rc = ready(e);
    if (!rc) rc = check_head(key, sealed, len, e);
    if (!rc) rc = make(len - SECRET_SEAL_EXTRA, out, e);
    if (rc) return rc;
    rc = unseal(key, sealed, len, context, context_len, (*out)->bytes, e);
    if (!rc) return finish_root(out, e);
    secret_drop(*out);
    *out = NULL;
    return rc;
}

enum err secret_open_bytes(const struct secret *key, const void *sealed, size_t len,
                           const char *context, size_t context_len, struct buf *out,
                           struct error *e) {
    enum err rc = ready(e);
    if (!rc) rc = check_head(key, sealed, len, e);
    if (rc) return rc;
    size_t plain = len - SECRET_SEAL_EXTRA;
    rc = buf_reserve(out, plain);
    if (rc) return err_set(e, rc, "open a sealed value of %zu bytes: no room", plain);
    rc = unseal(key, sealed, len, context, context_len, out->data + out->len, e);
    if (rc) return rc;
    out->len += plain;
    out->data[out->len] = '\0';
    return ERR_OK;
}

enum err secret_subkey(const struct secret *key, const char *purpose, size_t len,
                       unsigned char *out, struct error *e) {
    if (len < crypto_generichash_BYTES_MIN || len > crypto_generichash_BYTES_MAX)
        return err_set(e, ERR_USAGE, "make a key of %zu bytes: 16 to 64 expected", len);
    crypto_generichash(out, len, (const unsigned char *)purpose, strlen(purpose),
                       (const unsigned char *)key->bytes, key->len);
    return ERR_OK;
}

void secret_hash128(const unsigned char key[SECRET_HASH_KEY], const void *bytes, size_t len,
                    unsigned char out[SECRET_HASH]) {
    crypto_shorthash_siphashx24(out, bytes, len, key);
}

static void to_hex(crypto_generichash_state *state, char out[SECRET_DIGEST_HEX + 1]) {
    unsigned char hash[SECRET_DIGEST_HEX / 2];
    crypto_generichash_final(state, hash, sizeof hash);
    sodium_bin2hex(out, SECRET_DIGEST_HEX + 1, hash, sizeof hash);
}

void secret_digest_parts(const struct secret_part *parts, size_t n,
                         char out[SECRET_DIGEST_HEX + 1]) {
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, SECRET_DIGEST_HEX / 2);
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *bytes = secret_part_bytes(&parts[i], &len);
        unsigned char size[8];
        for (size_t k = 0; k < sizeof size; k++) size[k] = (unsigned char)((uint64_t)len >> 8 * k);
        if (n > 1) crypto_generichash_update(&state, size, sizeof size);
        crypto_generichash_update(&state, (const unsigned char *)bytes, len);
    }
    to_hex(&state, out);
}

void secret_random_bytes(void *out, size_t len) {
    randombytes_buf(out, len);
}

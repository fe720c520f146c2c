#include "sign.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "../base/base64.h"
#include "../base/limits.h"

enum {
    SIGNATURE_MAX = 2048, /* bytes: RSA with 16384 bits */
    COORDINATE = 32,      /* bytes of r and of s on P-256 */
};

static void wipe(struct buf *b) {
    secret_wipe(b->data, b->len);
    buf_free(b);
}

/* Keys ------------------------------------------------------------------------------------------ */

/* The PEM with each \n that is written out made a line end. */
static enum err unfold(const struct secret *key, struct buf *pem) {
    size_t len;
    const char *from = secret_bytes(key, &len), *end = from + len;
    buf_init(pem, LIMIT_SECRET + 1);
    enum err rc = buf_reserve(pem, len);
    while (!rc && from < end) {
        bool written = end - from > 1 && from[0] == '\\' && from[1] == 'n';
        rc = buf_add_byte(pem, written ? '\n' : (unsigned char)*from);
        from += written ? 2 : 1;
    }
    return rc;
}

static int no_passphrase(char *to, int size, int writing, void *asked) {
    (void)to, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static bool has(const struct buf *pem, const char *text) {
    return memmem(pem->data, pem->len, text, strlen(text)) != NULL;
}

static enum err refuse(const struct buf *pem, bool encrypted, struct error *e) {
    const char *is = "this is none";
    if (encrypted) is = "this one has a passphrase";
    else if (has(pem, "PUBLIC KEY-----")) is = "this is a public key";
    else if (has(pem, "CERTIFICATE-----")) is = "this is a certificate";
    return err_set(e, ERR_CONFIG,
                   "a private key as PEM (PKCS#8, PKCS#1 or SEC1, without a passphrase) expected; %s",
                   is);
}

static enum err load(const struct secret *key, EVP_PKEY **out, struct error *e) {
    struct buf pem;
    bool encrypted = false;
    *out = NULL;
    enum err rc = unfold(key, &pem);
    BIO *bio = rc ? NULL : BIO_new_mem_buf(pem.data, (int)pem.len);
    if (!bio)
        rc = err_set(e, ERR_NOMEM, "read a private key: out of memory");
    else if (!(*out = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &encrypted)))
        rc = refuse(&pem, encrypted, e);
    BIO_free(bio);
    wipe(&pem);
    return rc;
}

static enum err load_ed25519(const struct secret *key, EVP_PKEY **out, struct error *e) {
    size_t len;
    const char *bytes = secret_bytes(key, &len);
    *out = NULL;
    if (len != SIGN_ED25519_KEY)
        return err_set(e, ERR_CONFIG, "an Ed25519 key of %d bytes expected; this one has %zu",
                       SIGN_ED25519_KEY, len);
    *out = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)bytes, len);
    return *out ? ERR_OK : err_set(e, ERR_NOMEM, "read an Ed25519 key: out of memory");
}

static const char *kind_of(EVP_PKEY *key, char *room, size_t size) {
    char group[64] = "";
    size_t len;
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: snprintf(room, size, "RSA with %d bits", EVP_PKEY_get_bits(key)); break;
    case EVP_PKEY_EC:
        EVP_PKEY_get_group_name(key, group, sizeof group, &len);
        snprintf(room, size, "EC on the curve %s", group);
        break;
    case EVP_PKEY_ED25519: snprintf(room, size, "Ed25519"); break;
    default: snprintf(room, size, "of another type");
    }
    return room;
}

static bool on_p256(EVP_PKEY *key) {
    char group[64];
    size_t len;
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, group, sizeof group, &len) &&
           strcmp(group, "prime256v1") == 0;
}

static enum err check(enum sign_alg alg, EVP_PKEY *key, struct error *e) {
    static const char *const wanted[] = {"RS256 wants an RSA key of at least 2048 bits",
                                         "ES256 wants an EC key on the curve prime256v1 (P-256)",
                                         "EdDSA wants an Ed25519 key"};
    int id = EVP_PKEY_get_base_id(key);
    bool fits = alg == SIGN_RS256   ? id == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= SIGN_RSA_BITS
                : alg == SIGN_ES256 ? on_p256(key)
                                    : id == EVP_PKEY_ED25519;
    char is[96];
    if (fits) return ERR_OK;
    return err_set(e, ERR_CONFIG, "%s; this one is %s", wanted[alg],
                   kind_of(key, is, sizeof is));
}

/* Signatures ------------------------------------------------------------------------------------ */

struct signature {
    unsigned char bytes[SIGNATURE_MAX];
    size_t len;
};

static const char *const digests[] = {"SHA256", "SHA1", "SHA512"};

static enum err mac(enum sign_hash hash, const struct secret *key, const char *data, size_t len,
                    struct signature *out, struct error *e) {
    size_t key_len;
    const char *bytes = secret_bytes(key, &key_len);
    if (key_len == 0) return err_set(e, ERR_CONFIG, "a key expected; this one is empty");
    if (EVP_Q_mac(NULL, "HMAC", NULL, digests[hash], NULL, bytes, key_len,
                  (const unsigned char *)data, len, out->bytes, sizeof out->bytes, &out->len))
        return ERR_OK;
    ERR_clear_error();
    return err_set(e, ERR_FAILED, "make an HMAC with %s: libcrypto cannot", digests[hash]);
}

/* libcrypto's form of an ECDSA signature, DER, becomes that of RFC 7518: r and s, 32 bytes each. */
static bool flatten(struct signature *s) {
    const unsigned char *der = s->bytes;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)s->len);
    bool ok = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), s->bytes, COORDINATE) == COORDINATE &&
              BN_bn2binpad(ECDSA_SIG_get0_s(pair), s->bytes + COORDINATE, COORDINATE) ==
                  COORDINATE;
    s->len = 2 * COORDINATE;
    ECDSA_SIG_free(pair);
    return ok;
}

static bool sign(enum sign_alg alg, EVP_PKEY *key, const char *data, size_t len,
                 struct signature *out) {
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md = alg == SIGN_EDDSA || alg == SIGN_ED25519 ? NULL : EVP_sha256();
    out->len = sizeof out->bytes;
    bool ok = ctx && EVP_DigestSignInit(ctx, NULL, md, NULL, key) == 1 &&
              EVP_DigestSign(ctx, out->bytes, &out->len, (const unsigned char *)data, len) == 1;
    EVP_MD_CTX_free(ctx);
    return ok && (alg != SIGN_ES256 || flatten(out));
}

static enum err sign_with(enum sign_alg alg, const struct secret *secret, const char *data,
                          size_t len, struct signature *out, struct error *e) {
    EVP_PKEY *key = NULL;
    if (alg == SIGN_HS256) return mac(SIGN_SHA256, secret, data, len, out, e);
    enum err rc = alg == SIGN_ED25519 ? load_ed25519(secret, &key, e) : load(secret, &key, e);
    if (!rc && alg != SIGN_ED25519) rc = check(alg, key, e);
    if (!rc && !sign(alg, key, data, len, out))
        rc = err_set(e, ERR_CONFIG, "libcrypto cannot sign with this private key");
    EVP_PKEY_free(key);
    ERR_clear_error(); /* curl, and whoever else reads that queue, sees none of ours */
    return rc;
}

/* Texts ----------------------------------------------------------------------------------------- */

/* Appends as the parts of a token are written. There is room. */
static void add_part(struct buf *to, const void *bytes, size_t len) {
    base64_encode(bytes, len, BASE64_URL, false, to);
}

enum err sign_jwt(enum sign_alg alg, const struct secret *key, const struct secret_part *header,
                  const struct secret_part *claims, struct secret **out, struct error *e) {
    struct signature s;
    struct buf text;
    size_t head_len, body_len;
    const char *head = secret_part_bytes(header, &head_len);
    const char *body = secret_part_bytes(claims, &body_len);
    *out = NULL;
    if (head_len > LIMIT_SECRET || body_len > LIMIT_SECRET)
        return err_set(e, ERR_LIMIT, "sign a token: over %d bytes", LIMIT_SECRET);
    buf_init(&text, 4 * LIMIT_SECRET);
    enum err rc = buf_reserve(
        &text, base64_size(head_len) + base64_size(body_len) + base64_size(SIGNATURE_MAX) + 2);
    if (rc) return err_set(e, rc, "sign a token: out of memory");
    add_part(&text, head, head_len);
    buf_add_byte(&text, '.');
    add_part(&text, body, body_len);
    rc = sign_with(alg, key, text.data, text.len, &s, e);
    if (!rc) {
        buf_add_byte(&text, '.');
        add_part(&text, s.bytes, s.len);
        rc = secret_new(text.data, text.len, out, e);
    }
    wipe(&text);
    return rc;
}

static size_t hex(const struct signature *s, char *to) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < s->len; i++) {
        to[2 * i] = digits[s->bytes[i] >> 4];
        to[2 * i + 1] = digits[s->bytes[i] & 15];
    }
    return 2 * s->len;
}

enum err sign_hmac(enum sign_hash hash, const struct secret *key, const struct secret_part *data,
                   enum sign_form form, struct secret **out, struct error *e) {
    struct signature s;
    char room[2 * EVP_MAX_MD_SIZE + 1];
    struct buf text = {.data = room, .cap = sizeof room, .max = sizeof room};
    size_t len;
    const char *bytes = secret_part_bytes(data, &len);
    *out = NULL;
    if (len > LIMIT_REQUEST)
        return err_set(e, ERR_LIMIT, "make an HMAC: of at most %d bytes", LIMIT_REQUEST);
    enum err rc = mac(hash, key, bytes, len, &s, e);
    if (rc) return rc;
    if (form == SIGN_HEX) text.len = hex(&s, room);
    else if (form == SIGN_BASE64) base64_encode(s.bytes, s.len, BASE64_PLAIN, true, &text);
    else add_part(&text, s.bytes, s.len);
    rc = secret_new(room, text.len, out, e);
    secret_wipe(room, sizeof room);
    secret_wipe(&s, sizeof s);
    return rc;
}

enum err sign_ed25519_public(const struct secret *key, unsigned char out[SIGN_ED25519_KEY],
                             struct error *e) {
    EVP_PKEY *loaded;
    size_t len = SIGN_ED25519_KEY;
    enum err rc = load_ed25519(key, &loaded, e);
    if (!rc && !EVP_PKEY_get_raw_public_key(loaded, out, &len))
        rc = err_set(e, ERR_FAILED, "make the public key of an Ed25519 key: libcrypto cannot");
    EVP_PKEY_free(loaded);
    ERR_clear_error();
    return rc;
}

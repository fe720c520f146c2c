#include "c1key.h"

#include <string.h>

#include "../base/limits.h"
#include "../json/json.h"
#include "../secret/sign.h"

enum { PARTS = 4, VERSION = 2, KEY = 3 };

struct text {
    const char *at;
    size_t len;
};

static enum err refuse(struct error *e, const char *why) {
    return err_set(e, ERR_CREDENTIALS, "client secret: %s", why);
}

/* Not being of this kind is the operator's to know; no room or no memory stay what they are. */
static enum err refuse_unless(enum err rc, struct error *e, const char *why) {
    return rc == ERR_INVALID ? refuse(e, why) : rc;
}

static bool is(struct text s, const char *text) {
    return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

static bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct text trimmed(const struct secret *s) {
    struct text t;
    t.at = secret_bytes(s, &t.len);
    while (t.len && blank(t.at[t.len - 1])) t.len--;
    while (t.len && blank(*t.at)) t.at++, t.len--;
    return t;
}

/* Parts between colons; returns how many there are, of which the first PARTS are filled in. */
static size_t split(struct text whole, struct text parts[PARTS]) {
    const char *at = whole.at, *end = at + whole.len;
    for (size_t n = 0;; n++) {
        const char *colon = memchr(at, ':', (size_t)(end - at));
        const char *stop = colon ? colon : end;
        if (n < PARTS) parts[n] = (struct text){at, (size_t)(stop - at)};
        if (!colon) return n + 1;
        at = colon + 1;
    }
}

/* The part that is the key. Of the others only the version means something to us: what stands before
 * it is for people, and for those who look for secrets in what is published. */
static enum err find_key(struct text whole, struct text *key, struct error *e) {
    struct text parts[PARTS];
    if (whole.len == 0) return refuse(e, "it is empty");
    size_t n = split(whole, parts);
    if (n == 1 && memchr(whole.at, '@', whole.len))
        return refuse(e, "this looks like a client id; are the two swapped?");
    if (n != PARTS)
        return refuse(e, "four parts with colons between them expected "
                         "(secret-token:conductorone.com:v1:…); it is another secret, or was cut");
    if (!is(parts[VERSION], "v1"))
        return refuse(e, "its third part, the version, is not v1; this reeve knows no other");
    if (parts[KEY].len == 0) return refuse(e, "its fourth part, the key, is empty; it was cut");
    *key = parts[KEY];
    return ERR_OK;
}

/* Of known names the one that this text is, so that nothing of the secret is told but a name of ours. */
static const char *named(const struct json_value *v, const char *const *names, const char *other) {
    for (; *names; names++)
        if (v->kind == JSON_STRING && json_string_is(v, *names, strlen(*names))) return *names;
    return other;
}

static enum err check_type(struct text jwk, struct error *e) {
    static const char *const types[] = {"OKP", "RSA", "EC", "oct", NULL};
    static const char *const curves[] = {"Ed25519", "Ed448", "X25519", "X448", NULL};
    struct json_value kty = json_find(jwk.at, jwk.len, "kty");
    struct json_value crv = json_find(jwk.at, jwk.len, "crv");
    const char *type = named(&kty, types, "none that is known here");
    const char *curve = named(&crv, curves, "none that is known here");
    if (strcmp(type, "OKP") != 0)
        return err_set(e, ERR_CREDENTIALS,
                       "client secret: its key is of another type: kty OKP expected, it is %s", type);
    if (strcmp(curve, "Ed25519") != 0)
        return err_set(e, ERR_CREDENTIALS,
                       "client secret: its key is on another curve: crv Ed25519 expected, it is %s",
                       curve);
    return ERR_OK;
}

/* A member whose text is base64url, decoded. */
static enum err member(const struct secret *jwk, const char *name, struct secret **out,
                       struct error *e) {
    size_t len;
    const char *bytes = secret_bytes(jwk, &len);
    struct json_value v = json_find(bytes, len, name);
    *out = NULL;
    if (v.kind != JSON_STRING || v.escaped) return ERR_INVALID;
    return secret_from_base64url(jwk, (size_t)(v.at + 1 - bytes), v.len - 2, out, e);
}

static enum err private_half(const struct secret *jwk, struct secret **key, struct error *e) {
    size_t len;
    const char *bytes = secret_bytes(jwk, &len);
    if (json_find(bytes, len, "d").kind == JSON_NONE)
        return refuse(e, "its key has no d: this is a public key, and the private one is needed");
    enum err rc = member(jwk, "d", key, e);
    if (rc) return refuse_unless(rc, e, "d of its key is not base64url without padding");
    secret_bytes(*key, &len);
    if (len == SIGN_ED25519_KEY) return ERR_OK;
    secret_drop(*key);
    *key = NULL;
    return err_set(e, ERR_CREDENTIALS, "client secret: d of its key has %zu bytes; %d expected", len,
                   SIGN_ED25519_KEY);
}

/* The public half is of no use to us but for this: a secret put together from two does not match. */
static enum err check_public_half(const struct secret *jwk, const struct secret *key,
                                  struct error *e) {
    unsigned char expected[SIGN_ED25519_KEY];
    struct secret *x;
    size_t len;
    enum err rc = member(jwk, "x", &x, e);
    if (rc) return refuse_unless(rc, e, "x of its key is missing, or not base64url without padding");
    const char *bytes = secret_bytes(x, &len);
    rc = sign_ed25519_public(key, expected, e);
    if (!rc && (len != sizeof expected || memcmp(bytes, expected, len) != 0))
        rc = refuse(e, "x and d of its key do not belong together; it was changed or put together");
    secret_drop(x);
    return rc;
}

static enum err check_json(struct text jwk, struct error *e) {
    struct error why;
    enum err rc = json_check(jwk.at, jwk.len, LIMIT_JSON_DEPTH, NULL, &why);
    struct json_value v = json_value(jwk.at, jwk.len);
    if (rc == ERR_OK && v.kind == JSON_OBJECT) return ERR_OK;
    return refuse(e, "its fourth part is no JSON Web Key: no JSON object is in it; it may be cut");
}

enum err c1key_read(const struct secret *client_secret, struct secret **key, struct error *e) {
    struct text part = {0}, json;
    struct secret *jwk = NULL;
    size_t len;
    *key = NULL;
    enum err rc = find_key(trimmed(client_secret), &part, e);
    if (rc) return rc;
    const char *bytes = secret_bytes(client_secret, &len);
    rc = secret_from_base64url(client_secret, (size_t)(part.at - bytes), part.len, &jwk, e);
    if (rc)
        return refuse_unless(rc, e, "its fourth part, the key, is not base64url without padding; it "
                                    "may be cut, or have a blank or line end in it");
    json.at = secret_bytes(jwk, &json.len);
    rc = check_json(json, e);
    if (!rc) rc = check_type(json, e);
    if (!rc) rc = private_half(jwk, key, e);
    if (!rc) rc = check_public_half(jwk, *key, e);
    if (rc) {
        secret_drop(*key);
        *key = NULL;
    }
    secret_drop(jwk);
    return rc;
}

/* sign: the examples of RFC 7515 (A.1 to A.3), RFC 8037 (A.4) and RFC 4231, and keys that are of no
 * use. The keys of the RFCs are in spec/fixtures/keys, as PEM. */
#include "../../engine/host/secret/sign.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../engine/host/base/limits.h"

/* The claims of RFC 7515, A.1 to A.3. */
static const char joe[] =
    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
#define JOE                                                                                        \
    ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cn" \
    "VlfQ"

static struct secret *hold(const void *bytes, size_t len) {
    struct secret *s;
    assert_int_equal(secret_new(bytes, len, &s, NULL), ERR_OK);
    return s;
}

static struct secret *key_file(const char *path) {
    char text[8 * KIB];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof text, f);
    fclose(f);
    return hold(text, len);
}

#define RSA_KEY "spec/fixtures/keys/rfc7515-a2.pem"
#define EC_KEY "spec/fixtures/keys/rfc7515-a3.pem"
#define ED_KEY "spec/fixtures/keys/rfc8037-a1.pem"

static struct secret_part text(const char *t) {
    return (struct secret_part){.bytes = t, .len = strlen(t)};
}

static struct secret *signed_by(enum sign_alg alg, struct secret *key, const char *header,
                                const char *claims) {
    struct secret_part h = text(header), c = text(claims);
    struct secret *jwt;
    struct error e = {0};
    if (sign_jwt(alg, key, &h, &c, &jwt, &e)) fail_msg("%s", e.text);
    return jwt;
}

static void assert_is(struct secret *s, const char *expected) {
    assert_string_equal(secret_bytes(s, NULL), expected);
    secret_drop(s);
}

static void hs256_signs_as_rfc7515_a1(void **state) {
    static const unsigned char bytes[] = {
        0x03, 0x23, 0x35, 0x4b, 0x2b, 0x0f, 0xa5, 0xbc, 0x83, 0x7e, 0x06, 0x65, 0x77,
        0x7b, 0xa6, 0x8f, 0x5a, 0xb3, 0x28, 0xe6, 0xf0, 0x54, 0xc9, 0x28, 0xa9, 0x0f,
        0x84, 0xb2, 0xd2, 0x50, 0x2e, 0xbf, 0xd3, 0xfb, 0x5a, 0x92, 0xd2, 0x06, 0x47,
        0xef, 0x96, 0x8a, 0xb4, 0xc3, 0x77, 0x62, 0x3d, 0x22, 0x3d, 0x2e, 0x21, 0x72,
        0x05, 0x2e, 0x4f, 0x08, 0xc0, 0xcd, 0x9a, 0xf5, 0x67, 0xd0, 0x80, 0xa3};
    struct secret *key = hold(bytes, sizeof bytes);
    (void)state;
    assert_is(signed_by(SIGN_HS256, key, "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}", joe),
              "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" JOE
              ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    secret_drop(key);
}

static const char a2[] =
    "eyJhbGciOiJSUzI1NiJ9" JOE
    ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5"
    "jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
    "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO"
    "YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

static void rs256_signs_as_rfc7515_a2(void **state) {
    struct secret *key = key_file(RSA_KEY);
    (void)state;
    assert_is(signed_by(SIGN_RS256, key, "{\"alg\":\"RS256\"}", joe), a2);
    secret_drop(key);
}

/* The line ends of a PEM that stands in JSON or on one line. */
static void a_key_on_one_line_is_the_same_key(void **state) {
    struct secret *key = key_file(RSA_KEY);
    char line[8 * KIB], *to = line;
    (void)state;
    for (const char *p = secret_bytes(key, NULL); *p; p++) {
        if (*p == '\n') *to++ = '\\', *to++ = 'n';
        else *to++ = *p;
    }
    struct secret *folded = hold(line, (size_t)(to - line));
    assert_is(signed_by(SIGN_RS256, folded, "{\"alg\":\"RS256\"}", joe), a2);
    secret_drop(folded);
    secret_drop(key);
}

static void eddsa_signs_as_rfc8037_a4(void **state) {
    struct secret *key = key_file(ED_KEY);
    (void)state;
    assert_is(signed_by(SIGN_EDDSA, key, "{\"alg\":\"EdDSA\"}", "Example of Ed25519 signing"),
              "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
              "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0"
              "KAg");
    secret_drop(key);
}

/* r and s, of 32 bytes each, as the DER that libcrypto verifies. */
static size_t der_of(const unsigned char raw[64], unsigned char *der) {
    size_t at = 2;
    for (int i = 0; i < 2; i++) {
        const unsigned char *n = raw + 32 * i;
        size_t zeros = 0;
        while (zeros < 31 && !n[zeros]) zeros++;
        size_t sign = n[zeros] >> 7, len = 32 - zeros;
        der[at++] = 2, der[at++] = (unsigned char)(len + sign);
        if (sign) der[at++] = 0;
        memcpy(der + at, n + zeros, len);
        at += len;
    }
    der[0] = 0x30, der[1] = (unsigned char)(at - 2);
    return at;
}

static void from_base64url(const char *from, unsigned char raw[64]) {
    char padded[89];
    unsigned char room[66];
    assert_int_equal(strlen(from), 86);
    snprintf(padded, sizeof padded, "%s==", from);
    for (char *p = padded; *p; p++) *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
    assert_int_equal(EVP_DecodeBlock(room, (unsigned char *)padded, 88), 66);
    memcpy(raw, room, 64);
}

static bool verifies(const char *path, const char *jwt) {
    const char *dot = strrchr(jwt, '.');
    unsigned char raw[64], der[80];
    FILE *f = fopen(path, "r");
    EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    fclose(f);
    from_base64url(dot + 1, raw);
    size_t len = der_of(raw, der);
    bool ok = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(ctx, der, len, (const unsigned char *)jwt, (size_t)(dot - jwt)) == 1;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok;
}

/* An ECDSA signature differs each time. In 300 of them r or s is shorter than 32 bytes twice. */
static void es256_signs_with_r_and_s_as_rfc7515_a3(void **state) {
    struct secret *key = key_file(EC_KEY);
    static const char head[] = "eyJhbGciOiJFUzI1NiJ9" JOE ".";
    (void)state;
    assert_true(verifies(EC_KEY, "eyJhbGciOiJFUzI1NiJ9" JOE
                                 ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISl"
                                 "SApmWQxfKTUJqPP3-Kg6NU1Q"));
    for (int i = 0; i < 300; i++) {
        struct secret *jwt = signed_by(SIGN_ES256, key, "{\"alg\":\"ES256\"}", joe);
        assert_memory_equal(secret_bytes(jwt, NULL), head, sizeof head - 1);
        assert_true(verifies(EC_KEY, secret_bytes(jwt, NULL)));
        secret_drop(jwt);
    }
    secret_drop(key);
}

static void assert_refused(enum sign_alg alg, struct secret *key, const char *words) {
    struct secret_part h = text("{}");
    struct secret *jwt;
    struct error e = {0};
    assert_int_equal(sign_jwt(alg, key, &h, &h, &jwt, &e), ERR_CONFIG);
    assert_null(jwt);
    if (!strstr(e.text, words)) fail_msg("'%s' says nothing of '%s'", e.text, words);
    secret_drop(key);
}

static void ed25519_takes_the_bytes_of_a_key(void **state) {
    static const char jwk[] = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A" /* d and x of RFC 8037, A.1 */
                              "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    enum { DIGITS = 43 };
    struct secret *both = hold(jwk, sizeof jwk - 1), *d, *x;
    unsigned char public[SIGN_ED25519_KEY];
    size_t len;
    (void)state;
    assert_int_equal(secret_from_base64url(both, 0, DIGITS, &d, NULL), ERR_OK);
    assert_int_equal(secret_from_base64url(both, DIGITS, DIGITS, &x, NULL), ERR_OK);
    assert_is(signed_by(SIGN_ED25519, d, "{\"alg\":\"EdDSA\"}", "Example of Ed25519 signing"),
              "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
              "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0"
              "KAg");
    assert_int_equal(sign_ed25519_public(d, public, NULL), ERR_OK);
    const char *expected = secret_bytes(x, &len);
    assert_int_equal(len, sizeof public);
    assert_memory_equal(public, expected, len);
    secret_drop(both), secret_drop(d), secret_drop(x);
    assert_refused(SIGN_ED25519, hold("short", 5), "an Ed25519 key of 32 bytes expected; this one has 5");
}

static void keys_of_no_use_are_refused_with_what_they_are(void **state) {
    (void)state;
    assert_refused(SIGN_RS256, key_file(EC_KEY), "this one is EC on the curve prime256v1");
    assert_refused(SIGN_ES256, key_file(ED_KEY), "this one is Ed25519");
    assert_refused(SIGN_EDDSA, key_file(RSA_KEY), "this one is RSA with 2048 bits");
    assert_refused(SIGN_RS256, hold("not a key at all", 16), "this is none");
    assert_refused(SIGN_RS256, hold("", 0), "this is none");
    assert_refused(SIGN_HS256, hold("", 0), "this one is empty");
    struct secret *key = key_file(RSA_KEY);
    assert_refused(SIGN_RS256, hold(secret_bytes(key, NULL), 500), "this is none");
    secret_drop(key);
}

static void too_long_a_token_is_refused(void **state) {
    static char bytes[LIMIT_SECRET + 1];
    struct secret *key = hold("some key", 8), *jwt;
    struct secret_part h = text("{}"), c = {.bytes = bytes, .len = sizeof bytes};
    (void)state;
    assert_int_equal(sign_jwt(SIGN_HS256, key, &h, &c, &jwt, NULL), ERR_LIMIT);
    assert_null(jwt);
    secret_drop(key);
}

/* RFC 4231, test case 2; for SHA-1 RFC 2202, test case 2. */
static void hmacs_are_those_of_the_rfcs(void **state) {
    static const char *const hex[] = {
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        ("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65"
         "f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737")};
    struct secret_part data = text("what do ya want for nothing?");
    struct secret *key = hold("Jefe", 4), *s;
    (void)state;
    for (int hash = SIGN_SHA256; hash <= SIGN_SHA512; hash++) {
        assert_int_equal(sign_hmac((enum sign_hash)hash, key, &data, SIGN_HEX, &s, NULL), ERR_OK);
        assert_is(s, hex[hash]);
    }
    assert_int_equal(sign_hmac(SIGN_SHA1, key, &data, SIGN_BASE64, &s, NULL), ERR_OK);
    assert_is(s, "7/zfauXrL6LSdBbV8YTfnCWafHk=");
    assert_int_equal(sign_hmac(SIGN_SHA1, key, &data, SIGN_BASE64URL, &s, NULL), ERR_OK);
    assert_is(s, "7_zfauXrL6LSdBbV8YTfnCWafHk");
    secret_drop(key);
}

/* RFC 4231, test cases 1, 6 and 7: a key of bytes, one longer than a block, and both long. */
static void hmacs_take_keys_of_any_length(void **state) {
    static const char large[] = "This is a test using a larger than block-size key and a larger than "
                                "block-size data. The key needs to be hashed before being used by "
                                "the HMAC algorithm.";
    unsigned char bytes[131];
    struct secret_part hi = text("Hi There"), all = text(large);
    struct secret *s;
    (void)state;
    memset(bytes, 0x0b, 20);
    struct secret *small = hold(bytes, 20);
    memset(bytes, 0xaa, sizeof bytes);
    struct secret *big = hold(bytes, sizeof bytes);
    assert_int_equal(sign_hmac(SIGN_SHA256, small, &hi, SIGN_HEX, &s, NULL), ERR_OK);
    assert_is(s, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_int_equal(sign_hmac(SIGN_SHA256, big, &all, SIGN_HEX, &s, NULL), ERR_OK);
    assert_is(s, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
    secret_drop(small);
    secret_drop(big);
}

/* What is made is found in a text, and found no more when it is gone. */
static void what_is_made_is_a_root(void **state) {
    struct secret_part data = text("x");
    struct secret *key = hold("Jefe", 4), *s;
    (void)state;
    assert_int_equal(sign_hmac(SIGN_SHA256, key, &data, SIGN_HEX, &s, NULL), ERR_OK);
    assert_ptr_equal(secret_known(0), s);
    secret_drop(s);
    assert_null(secret_known(0));
    secret_drop(key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hs256_signs_as_rfc7515_a1),
        cmocka_unit_test(rs256_signs_as_rfc7515_a2),
        cmocka_unit_test(a_key_on_one_line_is_the_same_key),
        cmocka_unit_test(eddsa_signs_as_rfc8037_a4),
        cmocka_unit_test(ed25519_takes_the_bytes_of_a_key),
        cmocka_unit_test(es256_signs_with_r_and_s_as_rfc7515_a3),
        cmocka_unit_test(keys_of_no_use_are_refused_with_what_they_are),
        cmocka_unit_test(too_long_a_token_is_refused),
        cmocka_unit_test(hmacs_are_those_of_the_rfcs),
        cmocka_unit_test(hmacs_take_keys_of_any_length),
        cmocka_unit_test(what_is_made_is_a_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

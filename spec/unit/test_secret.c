/* secret: what holds a secret, and for how long; limits; sealed bytes that were tampered with. */
#include "../../engine/host/secret/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../engine/host/base/limits.h"
#include "../../engine/host/system/keyfile.h"

static struct secret *hold(const char *value) {
    struct secret *s;
    assert_int_equal(secret_new(value, strlen(value), &s, NULL), ERR_OK);
    return s;
}

static size_t known(void) {
    size_t n = 0;
    while (secret_known(n)) n++;
    return n;
}

static void holders_are_counted(void **state) {
    struct secret *s = hold("correct horse");
    size_t len;
    (void)state;
    assert_ptr_equal(secret_keep(s), s);
    secret_drop(s);
    assert_string_equal(secret_bytes(s, &len), "correct horse");
    assert_int_equal(len, 13);
    assert_int_equal(known(), 1);
    secret_drop(s);
    assert_int_equal(known(), 0);
    secret_drop(NULL);
}

static void equal_roots_are_one(void **state) {
    struct secret *a = hold("correct horse"), *b = hold("correct horse");
    (void)state;
    assert_ptr_equal(a, b);
    assert_int_equal(known(), 1);
    secret_drop(a);
    assert_int_equal(known(), 1);
    secret_drop(b);
    assert_int_equal(known(), 0);
}

static void too_many_are_refused_not_left_unknown(void **state) {
    struct secret *held[LIMIT_SECRETS], *more;
    struct error e;
    char value[32];
    (void)state;
    for (int i = 0; i < LIMIT_SECRETS; i++) {
        snprintf(value, sizeof value, "value number %d", i);
        held[i] = hold(value);
    }
    assert_int_equal(secret_new("one too many", 12, &more, &e), ERR_LIMIT);
    assert_null(more);
    assert_non_null(strstr(e.text, "2048 different ones"));
    assert_int_equal(secret_new("value number 0", 14, &more, &e), ERR_OK);
    secret_drop(more);
    for (int i = 0; i < LIMIT_SECRETS; i++) secret_drop(held[i]);
    assert_int_equal(known(), 0);
}

static void a_secret_has_a_greatest_length(void **state) {
    static char bytes[LIMIT_SECRET + 1];
    struct secret *s;
    struct secret_part parts[] = {{.bytes = bytes, .len = LIMIT_SECRET}, {.bytes = "x", .len = 1}};
    struct secret_part huge[] = {{.bytes = bytes, .len = SIZE_MAX}, {.bytes = "x", .len = 1}};
    (void)state;
    assert_int_equal(secret_new(bytes, sizeof bytes, &s, NULL), ERR_LIMIT);
    assert_null(s);
    assert_int_equal(secret_join(parts, 2, &s, NULL), ERR_LIMIT);
    assert_int_equal(secret_join(huge, 2, &s, NULL), ERR_LIMIT);
    assert_int_equal(secret_join(parts, 1, &s, NULL), ERR_OK);
    secret_drop(s);
}

static void joined_secrets_keep_their_roots(void **state) {
    struct secret *s = hold("correct horse"), *a, *b;
    struct secret_part first[] = {{.bytes = "Bearer ", .len = 7}, {.secret = s}};
    (void)state;
    assert_int_equal(secret_join(first, 2, &a, NULL), ERR_OK);
    struct secret_part second[] = {{.secret = a}, {.bytes = "!", .len = 1}};
    assert_int_equal(secret_join(second, 2, &b, NULL), ERR_OK);
    assert_string_equal(secret_bytes(b, NULL), "Bearer correct horse!");
    assert_int_equal(known(), 1);
    secret_drop(s);
    secret_drop(a);
    assert_int_equal(known(), 1);
    secret_drop(b);
    assert_int_equal(known(), 0);
}

/* More roots than a derived secret remembers: then it is looked for as a whole. */
static void many_parts_are_known_as_a_whole(void **state) {
    struct secret *s[6], *joined;
    struct secret_part parts[6];
    char value[32];
    (void)state;
    for (int i = 0; i < 6; i++) {
        snprintf(value, sizeof value, "value number %d", i);
        s[i] = hold(value);
        parts[i] = (struct secret_part){.secret = s[i]};
    }
    assert_int_equal(secret_join(parts, 6, &joined, NULL), ERR_OK);
    assert_int_equal(known(), 7);
    for (int i = 0; i < 6; i++) secret_drop(s[i]);
    assert_true(known() >= 1);
    secret_drop(joined);
    assert_int_equal(known(), 0);
}

static void chains_of_short_secrets_end(void **state) {
    struct secret *s = hold("abc"), *next;
    (void)state;
    enum err rc = ERR_OK;
    for (int i = 0; i < 200 && !rc; i++) {
        struct secret_part parts[] = {{.secret = s}, {.secret = s}};
        rc = secret_join(parts, i < 10 ? 2 : 1, &next, NULL);
        if (rc) break;
        secret_drop(s);
        s = next;
    }
    assert_int_equal(rc, ERR_OK);
    secret_drop(s);
    assert_int_equal(known(), 0);
}

static void base64url_is_read_strictly(void **state) {
    struct secret *s = hold("b_-AaGFyZQ=="), *out;
    size_t len;
    (void)state;
    assert_int_equal(secret_from_base64url(s, 4, 6, &out, NULL), ERR_OK);
    assert_string_equal(secret_bytes(out, &len), "hare");
    assert_int_equal(len, 4);
    secret_drop(out);
    assert_int_equal(secret_from_base64url(s, 0, 4, &out, NULL), ERR_OK);
    assert_memory_equal(secret_bytes(out, NULL), "\x6f\xff\x80", 3);
    secret_drop(out);
    assert_int_equal(secret_from_base64url(s, 0, 0, &out, NULL), ERR_OK);
    secret_drop(out);
    assert_int_equal(secret_from_base64url(s, 4, 8, &out, NULL), ERR_INVALID); /* padding */
    assert_null(out);
    assert_int_equal(secret_from_base64url(s, 4, 5, &out, NULL), ERR_INVALID); /* no whole byte */
    assert_int_equal(secret_from_base64url(s, 4, 3, &out, NULL), ERR_INVALID); /* bits left over */
    secret_drop(s);
}

static void equality_is_of_bytes(void **state) {
    struct secret *a = hold("abc"), *b = hold("abc"), *c = hold("abd"), *d = hold("ab");
    (void)state;
    assert_ptr_not_equal(a, b); /* too short to be known */
    assert_true(secret_equal(a, b));
    assert_false(secret_equal(a, c));
    assert_false(secret_equal(a, d));
    secret_drop(a);
    secret_drop(b);
    secret_drop(c);
    secret_drop(d);
}

/* Each bit of sealed bytes counts: version, key's id, nonce, ciphertext, tag. */
static void any_changed_bit_is_noticed(void **state) {
    struct secret *key, *opened;
    struct buf sealed;
    struct error e;
    (void)state;
    buf_init(&sealed, 1024);
    assert_int_equal(secret_random(SECRET_KEY, &key, NULL), ERR_OK);
    assert_int_equal(secret_seal(key, "correct", 7, "ctx", 3, &sealed, NULL), ERR_OK);
    assert_int_equal(sealed.len, 7 + SECRET_SEAL_EXTRA);
    for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
        sealed.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_not_equal(secret_open(key, sealed.data, sealed.len, "ctx", 3, &opened, &e), ERR_OK);
        assert_null(opened);
        sealed.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t len = 0; len < sealed.len; len++)
        assert_int_equal(secret_open(key, sealed.data, len, "ctx", 3, &opened, &e), ERR_STORAGE);
    assert_int_equal(secret_open(key, sealed.data, sealed.len, "ctx", 3, &opened, &e), ERR_OK);
    secret_drop(opened);
    secret_drop(key);
    buf_free(&sealed);
}

static void failed_opening_appends_nothing(void **state) {
    struct secret *key;
    struct buf sealed, out;
    struct error e;
    (void)state;
    buf_init(&sealed, 1024);
    buf_init(&out, 1024);
    assert_int_equal(secret_random(SECRET_KEY, &key, NULL), ERR_OK);
    assert_int_equal(buf_add_text(&out, "kept"), ERR_OK);
    assert_int_equal(secret_seal(key, "correct", 7, "ctx", 3, &sealed, NULL), ERR_OK);
    assert_int_equal(secret_open_bytes(key, sealed.data, sealed.len, "other", 5, &out, &e), ERR_STORAGE);
    assert_string_equal(out.data, "kept");
    assert_int_equal(secret_open_bytes(key, sealed.data, sealed.len, "ctx", 3, &out, &e), ERR_OK);
    assert_string_equal(out.data, "keptcorrect");
    secret_drop(key);
    buf_free(&sealed);
    buf_free(&out);
}

static void a_short_key_is_refused(void **state) {
    struct secret *key = hold("too short for a key"), *out;
    struct buf sealed;
    struct error e;
    (void)state;
    buf_init(&sealed, 1024);
    assert_int_equal(secret_seal(key, "x", 1, "", 0, &sealed, &e), ERR_USAGE);
    assert_int_equal(secret_open(key, "x", 1, "", 0, &out, &e), ERR_USAGE);
    assert_int_equal(sealed.len, 0);
    secret_drop(key);
}

static void key_texts_are_read_back(void **state) {
    struct secret *key, *text, *back;
    size_t len;
    struct error e;
    (void)state;
    assert_int_equal(secret_random(SECRET_KEY, &key, NULL), ERR_OK);
    assert_int_equal(secret_key_text(key, &text, NULL), ERR_OK);
    const char *bytes = secret_bytes(text, &len);
    assert_int_equal(len, 65);
    assert_int_equal(secret_key_parse(bytes, len, &back, NULL), ERR_OK);
    assert_true(secret_equal(key, back));
    secret_drop(back);
    assert_int_equal(secret_key_parse(bytes, 63, &back, &e), ERR_CONFIG);
    assert_null(back);
    assert_int_equal(secret_key_parse("", 0, &back, &e), ERR_CONFIG);
    secret_drop(text);
    secret_drop(key);
    assert_int_equal(known(), 0);
}

/* The reference implementation's vectors_sip128, first and last. */
static void hash128_is_siphash(void **state) {
    static const unsigned char empty[] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
                                          0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93};
    unsigned char key[16], out[16];
    (void)state;
    for (unsigned i = 0; i < 16; i++) key[i] = (unsigned char)i;
    secret_hash128(key, "", 0, out);
    assert_memory_equal(out, empty, 16);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holders_are_counted),
        cmocka_unit_test(equal_roots_are_one),
        cmocka_unit_test(too_many_are_refused_not_left_unknown),
        cmocka_unit_test(a_secret_has_a_greatest_length),
        cmocka_unit_test(joined_secrets_keep_their_roots),
        cmocka_unit_test(many_parts_are_known_as_a_whole),
        cmocka_unit_test(chains_of_short_secrets_end),
        cmocka_unit_test(base64url_is_read_strictly),
        cmocka_unit_test(equality_is_of_bytes),
        cmocka_unit_test(any_changed_bit_is_noticed),
        cmocka_unit_test(failed_opening_appends_nothing),
        cmocka_unit_test(a_short_key_is_refused),
        cmocka_unit_test(key_texts_are_read_back),
        cmocka_unit_test(hash128_is_siphash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

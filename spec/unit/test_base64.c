/* base64: the vectors of RFC 4648, both alphabets, and the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../engine/host/base/base64.h"

static void assert_encoded(const void *bytes, size_t len, enum base64_alphabet alphabet,
                           bool padded, const char *wanted) {
    struct buf out;
    buf_init(&out, 64);
    assert_int_equal(base64_encode(bytes, len, alphabet, padded, &out), ERR_OK);
    assert_int_equal(out.len, strlen(wanted));
    assert_memory_equal(out.len ? out.data : "", wanted, out.len);
    buf_free(&out);
}

static void assert_decoded(const char *digits, const void *wanted, size_t len) {
    struct buf out;
    buf_init(&out, 64);
    assert_int_equal(base64_decode(digits, strlen(digits), &out), ERR_OK);
    assert_int_equal(out.len, len);
    assert_memory_equal(out.len ? out.data : "", wanted, len);
    buf_free(&out);
}

static void the_vectors_of_the_rfc(void **state) {
    static const char *const vectors[][3] = {
        {"", "", ""}, {"f", "Zg==", "Zg"}, {"fo", "Zm8=", "Zm8"}, {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"}, {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        size_t len = strlen(vectors[i][0]);
        assert_encoded(vectors[i][0], len, BASE64_PLAIN, true, vectors[i][1]);
        assert_encoded(vectors[i][0], len, BASE64_PLAIN, false, vectors[i][2]);
        assert_decoded(vectors[i][2], vectors[i][0], len);
        assert_int_equal(base64_size(len), strlen(vectors[i][1]));
    }
}

static void the_alphabets_differ_in_two_digits(void **state) {
    (void)state;
    assert_encoded("\xfb\xff", 2, BASE64_PLAIN, true, "+/8=");
    assert_encoded("\xfb\xff", 2, BASE64_URL, false, "-_8");
    assert_decoded("+/8", "\xfb\xff", 2);
    assert_decoded("-_8", "\xfb\xff", 2);
    for (const char *c = "= .\n\xc3"; *c; c++) assert_int_equal(base64_digit((unsigned char)*c), -1);
    assert_int_equal(base64_digit(0), -1);
}

static void a_full_buffer_is_told(void **state) {
    struct buf out;
    (void)state;
    buf_init(&out, 5);
    assert_int_equal(base64_encode("foobar", 6, BASE64_PLAIN, true, &out), ERR_LIMIT);
    buf_free(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_rfc),
        cmocka_unit_test(the_alphabets_differ_in_two_digits),
        cmocka_unit_test(a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

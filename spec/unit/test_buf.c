#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/host/base/buf.h"

static void holds(const struct buf *b, const char *text) {
    assert_int_equal(b->len, strlen(text));
    assert_memory_equal(b->data, text, b->len + 1);
}

static void empty_is_readable(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    holds(&b, "");
    assert_int_equal(b.cap, 0);
    buf_free(&b);
    buf_free(&b);
    holds(&b, "");
}

static void grows_to_its_maximum_and_no_further(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    for (int i = 0; i < 1000; i++) assert_int_equal(buf_add_byte(&b, (unsigned char)i), ERR_OK);
    assert_int_equal(buf_add_byte(&b, 'x'), ERR_LIMIT);
    assert_int_equal(b.len, 1000);
    for (int i = 0; i < 1000; i++) assert_int_equal((unsigned char)b.data[i], i & 255);
    assert_int_equal(b.data[1000], 0);
    buf_free(&b);
}

static void refused_bytes_change_nothing(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    assert_int_equal(buf_add_text(&b, "abcd"), ERR_OK);
    assert_int_equal(buf_add_text(&b, "efghi"), ERR_LIMIT);
    assert_int_equal(buf_printf(&b, "%d", 12345), ERR_LIMIT);
    holds(&b, "abcd");
    assert_int_equal(buf_add_text(&b, "efgh"), ERR_OK);
    holds(&b, "abcdefgh");
    buf_free(&b);
}

static void lengths_that_overflow_are_refused(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, SIZE_MAX);
    assert_int_equal(buf_add_text(&b, "abc"), ERR_OK);
    assert_int_equal(buf_reserve(&b, SIZE_MAX), ERR_LIMIT);
    assert_int_equal(buf_reserve(&b, SIZE_MAX - 2), ERR_LIMIT);
    holds(&b, "abc");
    buf_free(&b);
}

static void nuls_are_bytes(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    assert_int_equal(buf_add(&b, "a\0b", 3), ERR_OK);
    assert_int_equal(b.len, 3);
    assert_memory_equal(b.data, "a\0b", 4);
    buf_free(&b);
}

static void nothing_may_be_added_to_nothing(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 0);
    assert_int_equal(buf_add(&b, NULL, 0), ERR_OK);
    assert_int_equal(buf_add(&b, "x", 1), ERR_LIMIT);
    holds(&b, "");
    buf_free(&b);
}

static void printf_appends(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 4000);
    assert_int_equal(buf_add_text(&b, "n="), ERR_OK);
    assert_int_equal(buf_printf(&b, "%d%s", 42, "!"), ERR_OK);
    holds(&b, "n=42!");
    assert_int_equal(buf_printf(&b, "%2000d", 7), ERR_OK);
    assert_int_equal(b.len, 2005);
    assert_int_equal(b.data[2004], '7');
    buf_free(&b);
}

static void drop_takes_from_the_front(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_add_text(&b, "abcdef");
    buf_drop(&b, 0);
    holds(&b, "abcdef");
    buf_drop(&b, 2);
    holds(&b, "cdef");
    buf_drop(&b, 99);
    holds(&b, "");
    buf_free(&b);
    buf_drop(&b, 1);
    holds(&b, "");
}

static void clear_keeps_the_memory(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    buf_clear(&b);
    buf_add_text(&b, "abc");
    size_t cap = b.cap;
    buf_clear(&b);
    holds(&b, "");
    assert_int_equal(b.cap, cap);
    buf_free(&b);
}

static void take_hands_the_memory_over(void **state) {
    (void)state;
    struct buf b;
    size_t len = 9;
    buf_init(&b, 100);
    char *none = buf_take(&b, &len);
    assert_non_null(none);
    assert_int_equal(len, 0);
    assert_string_equal(none, "");
    buf_add_text(&b, "abc");
    char *text = buf_take(&b, &len);
    assert_int_equal(len, 3);
    assert_string_equal(text, "abc");
    holds(&b, "");
    assert_int_equal(b.cap, 0);
    assert_int_equal(buf_add_text(&b, "again"), ERR_OK);
    holds(&b, "again");
    free(none);
    free(text);
    buf_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_readable),
        cmocka_unit_test(grows_to_its_maximum_and_no_further),
        cmocka_unit_test(refused_bytes_change_nothing),
        cmocka_unit_test(lengths_that_overflow_are_refused),
        cmocka_unit_test(nuls_are_bytes),
        cmocka_unit_test(nothing_may_be_added_to_nothing),
        cmocka_unit_test(printf_appends),
        cmocka_unit_test(drop_takes_from_the_front),
        cmocka_unit_test(clear_keeps_the_memory),
        cmocka_unit_test(take_hands_the_memory_over),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}

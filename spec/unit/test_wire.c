/* host/c1/wire: what stands in bytes is read and written; what cannot be is refused, and never one byte
 * behind the end is looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/host/base/limits.h"
#include "../../engine/host/c1/wire.h"

static struct wire wire(const char *bytes, size_t len) {
    return (struct wire){bytes, len};
}

static void reads_fields_one_by_one(void **state) {
    (void)state;
    struct wire w = wire("\x08\x96\x01\x12\x03" "a\0b\x19\1\0\0\0\0\0\0\x80\x25\2\0\0\0", 22);
    struct wire_field f;
    assert_int_equal(wire_next(&w, &f, NULL), ERR_OK);
    assert_true(f.number == 1 && f.type == WIRE_VARINT && f.bits == 150);
    assert_int_equal(wire_next(&w, &f, NULL), ERR_OK);
    assert_true(f.number == 2 && f.type == WIRE_BYTES && f.bytes.len == 3);
    assert_memory_equal(f.bytes.at, "a\0b", 3);
    assert_int_equal(wire_next(&w, &f, NULL), ERR_OK);
    assert_true(f.number == 3 && f.type == WIRE_FIXED64 && f.bits == 0x8000000000000001u);
    assert_int_equal(wire_next(&w, &f, NULL), ERR_OK);
    assert_true(f.number == 4 && f.type == WIRE_FIXED32 && f.bits == 2);
    assert_int_equal(w.len, 0);
}

/* Each in memory of its size, so that a sanitizer sees who reads on. */
static void refuses_what_cannot_be(void **state) {
    (void)state;
    static const struct wire bad[] = {
        {"\x80", 1},                                         /* a tag cut off */
        {"\x08", 1},                                         /* no value */
        {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11}, /* 65 bits */
        {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12},
        {"\x0a\x01", 2},                                     /* a length and nothing */
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, /* a length of 2^64 - 1 */
        {"\x09\1\2\3\4\5\6\7", 8},
        {"\x0d\1\2\3", 4},
        {"\x00\x01", 2},                                     /* field 0 */
        {"\x80\x80\x80\x80\x10\x01", 6},                     /* field 2^29 */
        {"\x0b\x0c", 2},                                     /* a group */
        {"\x0c", 1},
        {"\x0e\x00", 2},
        {"\x0f\x00", 2},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *copy = malloc(bad[i].len);
        assert_non_null(copy);
        memcpy(copy, bad[i].at, bad[i].len);
        struct wire w = wire(copy, bad[i].len);
        struct wire_field f;
        struct error e = {0};
        if (wire_next(&w, &f, &e) != ERR_INVALID || !e.text[0]) fail_msg("accepted: %zu", i);
        free(copy);
    }
}

static void takes_the_greatest_there_is(void **state) {
    (void)state;
    struct wire w = wire("\xf8\xff\xff\xff\x0f\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 15);
    struct wire_field f;
    assert_int_equal(wire_next(&w, &f, NULL), ERR_OK);
    assert_true(f.number == (1u << 29) - 1 && f.bits == UINT64_MAX && w.len == 0);
}

static void reads_what_it_wrote(void **state) {
    (void)state;
    static const enum wire_type types[] = {WIRE_VARINT, WIRE_FIXED64, WIRE_FIXED32};
    struct buf out;
    buf_init(&out, KIB);
    for (int shift = 0; shift < 64; shift++) {
        for (size_t i = 0; i < 3; i++) {
            uint64_t bits = UINT64_MAX >> shift, back;
            if (types[i] == WIRE_FIXED32) bits &= UINT32_MAX;
            buf_clear(&out);
            assert_int_equal(wire_add(&out, types[i], bits), ERR_OK);
            struct wire w = wire(out.data, out.len);
            assert_int_equal(wire_bits(&w, types[i], &back, NULL), ERR_OK);
            assert_true(back == bits && w.len == 0);
        }
    }
    buf_free(&out);
}

static void puts_lengths_before_what_they_count(void **state) {
    (void)state;
    struct buf out;
    size_t outer, inner;
    char many[200] = {0};
    buf_init(&out, KIB);
    assert_int_equal(wire_begin(&out, 1, &outer), ERR_OK);
    assert_int_equal(wire_begin(&out, 2, &inner), ERR_OK);
    assert_int_equal(wire_end(&out, inner), ERR_OK);
    assert_int_equal(wire_add_bytes(&out, 3, many, sizeof many), ERR_OK);
    assert_int_equal(wire_end(&out, outer), ERR_OK);
    assert_int_equal(out.len, 3 + 2 + 3 + sizeof many);
    assert_memory_equal(out.data, "\x0a\xcd\x01\x12\x00\x1a\xc8\x01", 8);
    buf_free(&out);
}

static void stays_within_the_buffer(void **state) {
    (void)state;
    struct buf out;
    size_t mark;
    char many[126] = {0};
    buf_init(&out, 2 + 2 + sizeof many);
    assert_int_equal(wire_begin(&out, 1, &mark), ERR_OK);
    assert_int_equal(wire_add_bytes(&out, 1, many, sizeof many), ERR_OK);
    assert_int_equal(wire_add_bytes(&out, 1, many, sizeof many), ERR_LIMIT);
    assert_int_equal(wire_end(&out, mark), ERR_LIMIT); /* a length of two bytes */
    assert_int_equal(out.len, 2 + 2 + sizeof many);
    buf_free(&out);
}

static void keeps_small_signed_numbers_small(void **state) {
    (void)state;
    static const int64_t numbers[] = {0, -1, 1, -2, 2, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    static const uint64_t bits[] = {0, 1, 2, 3, 4, 0xfffffffeu, 0xffffffffu, UINT64_MAX - 1,
                                    UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_true(wire_zigzag(numbers[i]) == bits[i]);
        assert_true(wire_unzigzag(bits[i]) == numbers[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_fields_one_by_one),
        cmocka_unit_test(refuses_what_cannot_be),
        cmocka_unit_test(takes_the_greatest_there_is),
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(puts_lengths_before_what_they_count),
        cmocka_unit_test(stays_within_the_buffer),
        cmocka_unit_test(keeps_small_signed_numbers_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

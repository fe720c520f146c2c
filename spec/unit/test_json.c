#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/host/base/limits.h"
#include "../../engine/host/json/json.h"

static enum err check(const char *text, unsigned *facts, struct error *e) {
    return json_check(text, strlen(text), LIMIT_JSON_DEPTH, facts, e);
}

static struct json_value value(const char *text) {
    return json_value(text, strlen(text));
}

static void accepts_what_rfc_8259_accepts(void **state) {
    (void)state;
    static const char *const good[] = {
        "0", "-0", "7", "-7", "10", "1234567890123456789012345678901234567890", "0.0", "-0.5", "1.25",
        "1e5", "1E5", "1e+5", "1e-5", "0e0", "1.5e300", "1e999", "true", "false", "null", "\"\"",
        "\"a b\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uABCD\"", "\"\x7f\"", "[]", "{}", "[ ]", "{ }",
        " \t\r\n[1 , 2]\n", "{\"a\":{\"b\":[{},[]]}}", "{\"\":1,\"\":2}", "[[[[]]]]",
        "{\"a\" : 1 , \"b\" : [ true , null ] }", "[-1,-1.5,1e2]", "[\"\xc3\xa9\"]",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct error e = {0};
        if (check(good[i], NULL, &e)) fail_msg("%s: %s", good[i], e.text);
    }
}

static void refuses_everything_else(void **state) {
    (void)state;
    static const char *const bad[] = {
        "", " ", "x", "0x10", "nan", "NaN", "Infinity", "-Infinity", "01", "-01", "00", "+1", ".5", "5.",
        "-", "--1", "1e", "1e+", "1.e5", "1.5.5", "1e5.5", "1e5e5", "1a", "0b1", "1_000", "- 1", "tru",
        "truE", "True", "nulll", "fals", "\"", "\"a", "'a'", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
        "\"\\uD8\"", "\"\\", "\"a\tb\"", "\"a\nb\"", "\"\x1f\"", "\"a\" \"b\"", "[", "]", "[1", "[1,",
        "[1,]", "[,1]", "[1 2]", "[1}", "[1,,2]", "{", "}", "{]", "{\"a\"", "{\"a\":", "{\"a\":1",
        "{\"a\":1,", "{\"a\":1,}", "{\"a\" 1}", "{\"a\",1}", "{a:1}", "{1:1}", "{:1}", "{\"a\"::1}",
        "{,}", "{\"a\":1 \"b\":2}", "{\"a\":}", "1 2", "{} {}", "[] x", "[]]", "{}}", "// c\n1",
        "/**/1", "[1]\v", "\xef\xbb\xbf{}", "\xc2\xa0[1]", "<html>", "[1]#",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (check(bad[i], NULL, NULL) != ERR_INVALID) fail_msg("accepted: %s", bad[i]);
}

static void refuses_a_nul_anywhere_but_escaped(void **state) {
    (void)state;
    assert_int_equal(json_check("[1]\0", 4, 64, NULL, NULL), ERR_INVALID);
    assert_int_equal(json_check("\"a\0b\"", 5, 64, NULL, NULL), ERR_INVALID);
    assert_int_equal(json_check("\"\\\0\"", 4, 64, NULL, NULL), ERR_INVALID);
    assert_int_equal(json_check("[\0]", 3, 64, NULL, NULL), ERR_INVALID);
}

static void says_where_and_what_was_expected(void **state) {
    (void)state;
    static const char *const said[][2] = {
        {"<html>", "byte 1: a value was expected"},
        {"{\"a\":01}", "byte 7: a comma or } was expected"},
        {"[1 2]", "byte 4: a comma or ] was expected"},
        {"[1] x", "byte 5: the end was expected"},
        {"{\"a\"=1}", "byte 5: a colon was expected"},
        {"{\"a\":1", "byte 7: it ends too early"},
        {"{x", "byte 2: a name in quotes or } was expected"},
        {"{\"a\":1,x", "byte 8: a name in quotes was expected"},
        {"[nul1]", "byte 5: true, false or null was expected"},
        {"[1.x]", "byte 4: a digit was expected"},
        {"\"\\uz\"", "byte 4: a hexadecimal digit was expected"},
        {"\"\\z\"", "byte 3: an escape (one of \"\\/bfnrtu) was expected"},
        {"\"a\n\"", "byte 3: an escaped control byte was expected"},
    };
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct error e = {0};
        assert_int_equal(check(said[i][0], NULL, &e), ERR_INVALID);
        assert_string_equal(e.text, said[i][1]);
        assert_int_equal(e.code, ERR_INVALID);
    }
}

static void depth_is_bounded_exactly(void **state) {
    (void)state;
    enum { MANY = 100000 };
    static char deep[2 * MANY];
    struct error e;
    for (size_t levels = 1; levels <= 66; levels++) {
        memset(deep, '[', levels);
        memset(deep + levels, ']', levels);
        enum err rc = json_check(deep, 2 * levels, 64, NULL, &e);
        assert_int_equal(rc, levels <= 64 ? ERR_OK : ERR_LIMIT);
        rc = json_check(deep, 2 * levels, 10, NULL, &e);
        assert_int_equal(rc, levels <= 10 ? ERR_OK : ERR_LIMIT);
        assert_int_equal(json_check(deep, 2 * levels, 1000, NULL, &e), levels <= 64 ? ERR_OK : ERR_LIMIT);
    }
    assert_string_equal(e.text, "nested deeper than 64 levels");
    memset(deep, '[', MANY);
    memset(deep + MANY, ']', MANY);
    assert_int_equal(json_check(deep, sizeof deep, 64, NULL, &e), ERR_LIMIT);
    for (size_t i = 0; i + 5 <= MANY; i += 5) memcpy(deep + i, "{\"a\":", 5);
    assert_int_equal(json_check(deep, MANY, 64, NULL, &e), ERR_LIMIT);
}

static void tells_what_a_document_contains(void **state) {
    (void)state;
    static const struct {
        const char *text;
        unsigned facts;
    } cases[] = {
        {"{\"a\":\"b\"}", 0},
        {"[\"a\"]", 0},
        {"\"\xc3\xa9\"", 0},
        {"{\"a\":1}", JSON_HAS_NUMBER},
        {"-0.5", JSON_HAS_NUMBER},
        {"{\"a\":null}", JSON_HAS_NULL},
        {"[true,false]", JSON_HAS_BOOLEAN},
        {"[\"\\n\"]", JSON_HAS_ESCAPE},
        {"{\"\\n\":\"\"}", JSON_HAS_ESCAPE},
        {"[[\"a\"]]", JSON_HAS_NESTED},
        {"{\"a\":{}}", JSON_HAS_NESTED},
        {"[]", JSON_HAS_EMPTY_ARRAY},
        {"[ ]", JSON_HAS_EMPTY_ARRAY},
        {"{}", 0},
        {"{\"a\":[]}", JSON_HAS_NESTED | JSON_HAS_EMPTY_ARRAY},
        {"[{}]", JSON_HAS_NESTED},
        {"[\"\xff\"]", JSON_BAD_UTF8},
        {"{\"\xc3\":\"\"}", JSON_BAD_UTF8},
        {"[\"\xff and then more than any word of a processor holds, whatever it is\"]", JSON_BAD_UTF8},
        {"[\"more than any word of a processor holds, whatever it is, and then \xff\"]", JSON_BAD_UTF8},
        {"[\"\xc3\\n\xa9\"]", JSON_BAD_UTF8 | JSON_HAS_ESCAPE},
        {"[\"\xed\xa0\x80\"]", JSON_BAD_UTF8},
        {"[\"\\u0000\"]", JSON_HAS_ESCAPE | JSON_HAS_NUL},
        {"[\"\\ud83d\\ude00\"]", JSON_HAS_ESCAPE},
        {"[\"\\uD83D\\uDE00\"]", JSON_HAS_ESCAPE},
        {"[\"\\ud83d\"]", JSON_HAS_ESCAPE | JSON_LONE_SURROGATE},
        {"[\"\\ude00\"]", JSON_HAS_ESCAPE | JSON_LONE_SURROGATE},
        {"[\"\\ud83dx\\ude00\"]", JSON_HAS_ESCAPE | JSON_LONE_SURROGATE},
        {"[\"\\ud83d\\n\"]", JSON_HAS_ESCAPE | JSON_LONE_SURROGATE},
        {"[\"\\ud83d\\n\\ude00\"]", JSON_HAS_ESCAPE | JSON_LONE_SURROGATE},
        {"[\"\\ud83d\\u0041\"]", JSON_HAS_ESCAPE | JSON_LONE_SURROGATE},
        {"[\"\\ud83d\\ud83d\\ude00\"]", JSON_HAS_ESCAPE | JSON_LONE_SURROGATE},
        {"[\"\\ud83d\",\"\\ude00\"]", JSON_HAS_ESCAPE | JSON_LONE_SURROGATE},
        {"[\"\\ude00\\ud83d\"]", JSON_HAS_ESCAPE | JSON_LONE_SURROGATE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned facts = JSON_UNKNOWN;
        assert_int_equal(check(cases[i].text, &facts, NULL), ERR_OK);
        if (facts != cases[i].facts)
            fail_msg("%s: facts %#x, not %#x", cases[i].text, facts, cases[i].facts);
    }
}

static void knows_utf8(void **state) {
    (void)state;
    static const char *const good[] = {
        "", "plain ASCII, longer than eight bytes", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
        "12345678\xc3\xa9 1234567\xf0\x9f\x98\x80!",
    };
    static const char *const bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe0\xa0",
        "\xe0\xa0\x41", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff", "12345678\xff", "\xc3\xc3\xa9",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(json_utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(json_utf8_valid(bad[i], strlen(bad[i])));
    assert_true(json_utf8_valid("a\0b", 3));
}

static void goes_over_one_level(void **state) {
    (void)state;
    const char *text = " { \"a\" : [1,{\"x\":\"]\"}] , \"b\\n\":null,\"a\":\"}\\\"\" } ";
    static const char *const keys[] = {"\"a\"", "\"b\\n\"", "\"a\""};
    static const char *const values[] = {"[1,{\"x\":\"]\"}]", "null", "\"}\\\"\""};
    static const enum json_kind kinds[] = {JSON_ARRAY, JSON_NULL, JSON_STRING};
    struct json_each it;
    size_t n = 0;
    assert_true(json_each_open(&it, text, strlen(text)));
    for (; json_each_next(&it); n++) {
        assert_true(n < 3);
        assert_int_equal(it.key.len, strlen(keys[n]));
        assert_memory_equal(it.key.at, keys[n], it.key.len);
        assert_int_equal(it.key.escaped, n == 1);
        assert_int_equal(it.value.kind, kinds[n]);
        assert_int_equal(it.value.len, strlen(values[n]));
        assert_memory_equal(it.value.at, values[n], it.value.len);
        assert_int_equal(it.value.escaped, n == 2);
    }
    assert_int_equal(n, 3);
    assert_false(json_each_next(&it));
    assert_false(json_each_open(&it, "\"x\"", 3));
    assert_false(json_each_next(&it));
    assert_true(json_each_open(&it, "[]", 2));
    assert_false(json_each_next(&it));
}

static void tells_kinds_apart(void **state) {
    (void)state;
    assert_int_equal(value("1").kind, JSON_INTEGER);
    assert_int_equal(value("-12]").kind, JSON_INTEGER);
    assert_int_equal(value("1.0").kind, JSON_FLOAT);
    assert_int_equal(value("1e5").kind, JSON_FLOAT);
    assert_int_equal(value(" true").kind, JSON_TRUE);
    assert_int_equal(value("false").kind, JSON_FALSE);
    assert_int_equal(value("null").kind, JSON_NULL);
    assert_int_equal(value("\"\"").kind, JSON_STRING);
    assert_int_equal(value("{}").kind, JSON_OBJECT);
    assert_int_equal(value("").kind, JSON_NONE);
    assert_int_equal(value("\"a").kind, JSON_NONE);
    assert_int_equal(value("[1").kind, JSON_NONE);
}

/* Bytes that were never checked give nonsense, but nothing outside of them is read: each piece is
 * in memory of exactly its size, so that a sanitizer sees a step too far. */
static void survives_bytes_that_were_not_checked(void **state) {
    (void)state;
    static const char text[] = "{\"a\\\"\\ud83d\\ude00\":[1,-2.5e1,{\"b\":\"\\\\\"}],\"c\":true,\"\\u00\":]}";
    for (size_t from = 0; from < sizeof text; from++) {
        for (size_t len = 0; from + len < sizeof text; len++) {
            char *copy = malloc(len + !len), out[sizeof text];
            struct json_each it;
            memcpy(copy, text + from, len);
            json_each_open(&it, copy, len);
            while (json_each_next(&it))
                if (it.value.kind == JSON_STRING)
                    assert_true(json_unescape_into(&it.value, out) <= it.value.len);
            json_find(copy, len, "a.b");
            free(copy);
        }
    }
}

static void finds_a_path(void **state) {
    (void)state;
    const char *text = "{\"a\":{\"b\":1,\"\\u0063\":[2]},\"a\":{\"b\":3,\"c\":\"x\"},\"d\":null}";
    size_t len = strlen(text);
    struct json_value v = json_find(text, len, "a.b");
    assert_int_equal(v.len, 1);
    assert_int_equal(*v.at, '3');
    assert_int_equal(json_find(text, len, "a.c").kind, JSON_STRING);
    assert_int_equal(json_find(text, len, "d").kind, JSON_NULL);
    assert_int_equal(json_find(text, len, "").kind, JSON_OBJECT);
    assert_int_equal(json_find(text, len, "e").kind, JSON_NONE);
    assert_int_equal(json_find(text, len, "a.b.c").kind, JSON_NONE);
    assert_int_equal(json_find("[1]", 3, "a").kind, JSON_NONE);
}

static void resolves_escapes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *means;
        size_t len;
    } cases[] = {
        {"\"\"", "", 0},
        {"\"abc\"", "abc", 3},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
        {"\"x\\u0041y\"", "xAy", 3},
        {"\"\\u00e9\\u20AC\"", "\xc3\xa9\xe2\x82\xac", 5},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4},
        {"\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf", 4},
        {"\"a\\u0000b\"", "a\0b", 3},
        {"\"\\ud83d\"", "\xed\xa0\xbd", 3},
        {"\"\\ude00\\ud83d\"", "\xed\xb8\x80\xed\xa0\xbd", 6},
        {"\"\\ud83d\\u0041\"", "\xed\xa0\xbd" "A", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json_value v = value(cases[i].text);
        struct buf out;
        buf_init(&out, 100);
        assert_int_equal(v.kind, JSON_STRING);
        assert_int_equal(json_unescape(&v, &out), ERR_OK);
        assert_int_equal(out.len, cases[i].len);
        assert_memory_equal(out.data, cases[i].means, out.len + 1);
        assert_true(json_string_is(&v, cases[i].means, cases[i].len));
        assert_false(json_string_is(&v, "abcd", 4));
        if (cases[i].len) assert_false(json_string_is(&v, cases[i].means, cases[i].len - 1));
        buf_free(&out);
    }
}

static void half_a_pair_is_no_utf8(void **state) {
    (void)state;
    struct json_value v = value("\"\\ud83d\"");
    char out[8];
    assert_false(json_utf8_valid(out, json_unescape_into(&v, out)));
}

static void unescaping_respects_the_maximum(void **state) {
    (void)state;
    struct json_value v = value("\"abcdef\"");
    struct buf out;
    buf_init(&out, 4);
    assert_int_equal(json_unescape(&v, &out), ERR_LIMIT);
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

static void escapes_only_what_must_be(void **state) {
    (void)state;
    static const char text[] = "\0\1\b\t\n\f\r\x1f \"\\/\x7f\xc3\xa9\xff";
    static const char means[] = "\"\\u0000\\u0001\\b\\t\\n\\f\\r\\u001f \\\"\\\\/\x7f\xc3\xa9\xff\"";
    struct buf out;
    buf_init(&out, 200);
    assert_int_equal(json_escape(text, sizeof text - 1, &out), ERR_OK);
    assert_string_equal(out.data, means);
    buf_free(&out);
    buf_init(&out, 9);
    assert_int_equal(json_escape("12345678", 8, &out), ERR_LIMIT);
    assert_int_equal(json_escape("1234567", 7, &out), ERR_OK);
    buf_free(&out);
}

static void any_bytes_come_back(void **state) {
    (void)state;
    char text[256], back[256 * 6 + 2];
    struct buf out;
    for (int i = 0; i < 256; i++) text[i] = (char)i;
    buf_init(&out, 4096);
    assert_int_equal(json_escape(text, sizeof text, &out), ERR_OK);
    struct json_value v = json_value(out.data, out.len);
    assert_int_equal(v.len, out.len);
    assert_int_equal(json_unescape_into(&v, back), sizeof text);
    assert_memory_equal(back, text, sizeof text);
    buf_free(&out);
}

static void integers_are_exact(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool fits;
        int64_t is;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"-1", true, -1},
        {"1618065507111835497", true, INT64_C(1618065507111835497)},
        {"9007199254740993", true, INT64_C(9007199254740993)},
        {"9223372036854775806", true, INT64_MAX - 1},
        {"9223372036854775807", true, INT64_MAX},
        {"9223372036854775808", false, 0},
        {"9223372036854775817", false, 0},
        {"10000000000000000000", false, 0},
        {"18446744073709551616", false, 0},
        {"92233720368547758070", false, 0},
        {"-9223372036854775807", true, INT64_MIN + 1},
        {"-9223372036854775808", true, INT64_MIN},
        {"-9223372036854775809", false, 0},
        {"1.0", false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json_value v = value(cases[i].text);
        int64_t got = 0;
        assert_int_equal(json_to_integer(&v, &got), cases[i].fits);
        assert_int_equal(got, cases[i].is);
    }
}

static void floats_come_back(void **state) {
    (void)state;
    static const double numbers[] = {0.0, -0.0, 1.0, -1.5, 0.1, 1.0 / 3, 1e21, 1e22, 1e-7, 123456789.125,
                                     9007199254740993.0, DBL_MAX, DBL_MIN, DBL_TRUE_MIN, DBL_EPSILON};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct buf out;
        double back = 7;
        buf_init(&out, 40);
        assert_int_equal(json_float(numbers[i], &out), ERR_OK);
        struct json_value v = json_value(out.data, out.len);
        assert_int_equal(v.kind, JSON_FLOAT);
        assert_int_equal(check(out.data, NULL, NULL), ERR_OK);
        assert_true(json_to_float(&v, &back));
        assert_memory_equal(&back, &numbers[i], sizeof back);
        buf_free(&out);
    }
}

static void floats_are_written_short(void **state) {
    (void)state;
    struct buf out;
    buf_init(&out, 100);
    json_float(0.1, &out);
    json_float(100.0, &out);
    json_float(1e100, &out);
    assert_string_equal(out.data, "0.1100.01e+100");
    assert_int_equal(json_float(NAN, &out), ERR_INVALID);
    assert_int_equal(json_float(INFINITY, &out), ERR_INVALID);
    assert_int_equal(json_float(-INFINITY, &out), ERR_INVALID);
    buf_free(&out);
}

static void floats_beyond_a_double_are_told(void **state) {
    (void)state;
    char digits[1100];
    double got;
    struct json_value v = value("1e999"), tiny = value("1e-999");
    assert_false(json_to_float(&v, &got));
    assert_true(json_to_float(&tiny, &got));
    assert_true(got == 0.0);
    memset(digits, '1', sizeof digits);
    memcpy(digits, "0.", 2);
    v = json_value(digits, sizeof digits);
    assert_int_equal(v.len, sizeof digits);
    assert_false(json_to_float(&v, &got));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_rfc_8259_accepts),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(refuses_a_nul_anywhere_but_escaped),
        cmocka_unit_test(says_where_and_what_was_expected),
        cmocka_unit_test(depth_is_bounded_exactly),
        cmocka_unit_test(tells_what_a_document_contains),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(goes_over_one_level),
        cmocka_unit_test(tells_kinds_apart),
        cmocka_unit_test(survives_bytes_that_were_not_checked),
        cmocka_unit_test(finds_a_path),
        cmocka_unit_test(resolves_escapes),
        cmocka_unit_test(half_a_pair_is_no_utf8),
        cmocka_unit_test(unescaping_respects_the_maximum),
        cmocka_unit_test(escapes_only_what_must_be),
        cmocka_unit_test(any_bytes_come_back),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(floats_come_back),
        cmocka_unit_test(floats_are_written_short),
        cmocka_unit_test(floats_beyond_a_double_are_told),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}

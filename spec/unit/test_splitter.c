#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/host/base/limits.h"
#include "../../engine/host/json/json.h"
#include "../../engine/host/json/json_split.h"

/* What a document gives: elements and their facts joined by lines, then the rest, or the error. */
struct outcome {
    char text[4096];
    size_t len;
    enum err rc;
};

static void note(struct outcome *o, const char *bytes, size_t len) {
    assert_true(o->len + len + 1 < sizeof o->text);
    memcpy(o->text + o->len, bytes, len);
    o->len += len;
    o->text[o->len] = '\0';
}

static void note_element(struct outcome *o, const struct json_split *s) {
    char facts[32];
    note(o, s->element, s->element_len);
    note(o, facts, (size_t)snprintf(facts, sizeof facts, " %x\n", s->facts));
}

/* Feeds a copy that has exactly the piece's size, so that a sanitizer sees a step too far. */
static bool feed(struct json_split *s, struct outcome *o, const char *bytes, size_t n) {
    char *copy = malloc(n + !n), *p = copy;
    enum json_split_result result = JSON_SPLIT_NEED;
    struct error e = {0};
    memcpy(copy, bytes, n);
    while (n > 0 && result != JSON_SPLIT_ERROR) {
        size_t used;
        result = json_split_feed(s, p, n, &used, &e);
        if (result == JSON_SPLIT_ELEMENT) note_element(o, s);
        else if (result != JSON_SPLIT_ERROR) assert_int_equal(used, n);
        assert_true(used <= n);
        p += used;
        n -= used;
    }
    free(copy);
    return result != JSON_SPLIT_ERROR;
}

/* Cuts the document at the given places (0 < a <= b <= len), or everywhere where a is 0. */
static void split(const struct json_split_options *o, const char *text, size_t len, size_t a,
                  size_t b, struct outcome *out) {
    struct json_split s;
    struct error e = {0};
    bool well = true;
    memset(out, 0, sizeof *out);
    assert_int_equal(json_split_open(&s, o, &e), ERR_OK);
    if (a == 0) {
        for (size_t i = 0; well && i < len; i++) well = feed(&s, out, text + i, 1);
    } else {
        well = feed(&s, out, text, a) && feed(&s, out, text + a, b - a) &&
               feed(&s, out, text + b, len - b);
    }
    out->rc = json_split_finish(&s, &e);
    if (!well) assert_int_not_equal(out->rc, ERR_OK);
    if (out->rc) {
        out->len = 0;
        note(out, e.text, strlen(e.text));
    } else {
        note(out, s.rest.data, s.rest.len);
    }
    json_split_free(&s);
    json_split_free(&s);
}

static struct json_split_options usual(const char *where, bool optional) {
    return (struct json_split_options){where, 1000, 1000, 0, optional};
}

/* Every pair of places to cut at, and every byte alone, must give the same. */
static void everywhere(const struct json_split_options *o, const char *text, size_t len,
                       const char *expected, enum err rc) {
    struct outcome out;
    for (size_t a = 0; a <= len; a++) {
        for (size_t b = a; b <= (a ? len : 0); b++) {
            split(o, text, len, a, b, &out);
            if (out.rc != rc || strcmp(out.text, expected) != 0)
                fail_msg("%s cut at %zu, %zu: (%d) %s\ninstead of: %s", text, a, b, out.rc, out.text,
                         expected);
        }
    }
}

static void good(const char *where, const char *text, const char *expected) {
    struct json_split_options o = usual(where, false);
    everywhere(&o, text, strlen(text), expected, ERR_OK);
    o.optional = true;
    everywhere(&o, text, strlen(text), expected, ERR_OK);
}

static void bad(const char *where, const char *text, const char *expected) {
    struct json_split_options o = usual(where, false);
    everywhere(&o, text, strlen(text), expected, ERR_INVALID);
}

static void hands_out_elements_and_keeps_the_rest(void **state) {
    (void)state;
    good("users", "{\"users\":[{\"id\":\"a\"},{\"id\":\"b\"}]}",
         "{\"id\":\"a\"} 0\n{\"id\":\"b\"} 0\n{\"users\":[]}");
    good("users", " {\"n\": 2, \"users\" : [ {\"id\" : 1} , 2 ,\t\"x\" ] , \"next\":\"p]2\" } \n",
         "{\"id\" : 1} 1\n2 1\n\"x\" 0\n {\"n\": 2, \"users\" : [] , \"next\":\"p]2\" } \n");
    good("", "[1,-2.5e1,true,null,\"a\",[],{}]", "1 1\n-2.5e1 1\ntrue 4\nnull 2\n\"a\" 0\n[] 20\n{} 0\n[]");
    good("", " [ 1 ] ", "1 1\n [] ");
    good("", "[]", "[]");
    good(NULL, "[[1],[[2]]]", "[1] 1\n[[2]] 11\n[]");
    good("data.items", "{\"data\":{\"x\":{\"items\":[0]},\"items\":[1,2],\"y\":1},\"items\":[3]}",
         "1 1\n2 1\n{\"data\":{\"x\":{\"items\":[0]},\"items\":[],\"y\":1},\"items\":[3]}");
    good("a.b.c", "{\"a\":{\"b\":{\"c\":[{\"c\":[]}]}}}", "{\"c\":[]} 30\n{\"a\":{\"b\":{\"c\":[]}}}");
    good("users", "{\"users\":[]}", "{\"users\":[]}");
    good("users", "{\"user\":[1],\"users2\":[2],\"users\":[3]}",
         "3 1\n{\"user\":[1],\"users2\":[2],\"users\":[]}");
    good("users", "{\"x\":\"users\",\"y\":[{\"users\":[9]}],\"users\":[\"1\"]}",
         "\"1\" 0\n{\"x\":\"users\",\"y\":[{\"users\":[9]}],\"users\":[]}");
}

static void knows_a_name_in_any_spelling(void **state) {
    (void)state;
    good("users", "{\"\\u0075sers\":[1]}", "1 1\n{\"\\u0075sers\":[]}");
    good("n\xc3\xa4me", "{\"n\\u00e4me\":[1]}", "1 1\n{\"n\\u00e4me\":[]}");
    good("a/b", "{\"a\\/b\":[1]}", "1 1\n{\"a\\/b\":[]}");
}

static void tells_what_is_in_an_element(void **state) {
    (void)state;
    good("", "[{\"a\":\"\\n\"},{\"a\":\"\"}]", "{\"a\":\"\\n\"} 8\n{\"a\":\"\"} 0\n[]");
    good("", "[\"\\u0000\",\"\\ud83d\",\"\\ud83d\\ude00\",\"ok\"]",
         "\"\\u0000\" 108\n\"\\ud83d\" 88\n\"\\ud83d\\ude00\" 8\n\"ok\" 0\n[]");
    good("", "[\"\xff\",\"\xc3\xa9\",\"\xc3\",\"\xf0\x9f\x98\x80\"]",
         "\"\xff\" 40\n\"\xc3\xa9\" 0\n\"\xc3\" 40\n\"\xf0\x9f\x98\x80\" 0\n[]");
    good("", "[{\"a\":[],\"b\":1.5,\"c\":null,\"d\":false},{}]",
         "{\"a\":[],\"b\":1.5,\"c\":null,\"d\":false} 37\n{} 0\n[]");
}

static void bad_strings_outside_elements_fail_nothing(void **state) {
    (void)state;
    good("users", "{\"x\":\"\xff\\ud800\",\"users\":[1]}", "1 1\n{\"x\":\"\xff\\ud800\",\"users\":[]}");
}

static void a_missing_array_is_an_error(void **state) {
    (void)state;
    bad("users", "{}", "the answer has no array \"users\"");
    bad("users", "{\"users\":null}", "the answer has no array \"users\"");
    bad("users", "{\"x\":[1]}", "the answer has no array \"users\"");
    bad("data.items", "{\"data\":{}}", "the answer has no array \"data.items\"");
    bad("data.items", "{\"data\":null}", "the answer has no array \"data.items\"");
    bad("users", "null", "the answer has no array \"users\"");
    bad("", "null", "the answer is not an array");
}

static void an_optional_array_may_be_missing(void **state) {
    (void)state;
    static const char *const missing[] = {"{}", "{\"data\":null}", "{\"data\":{}}", "null",
                                          "{\"data\":{\"items\":null,\"x\":1}}"};
    struct json_split_options o = usual("data.items", true);
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        everywhere(&o, missing[i], strlen(missing[i]), missing[i], ERR_OK);
    o.where = "";
    everywhere(&o, "null", 4, "null", ERR_OK);
}

static void something_else_than_an_array_is_an_error(void **state) {
    (void)state;
    static const char *const others[] = {"{}", "\"x\"", "1", "true", "{\"users\":[1]}"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char text[100];
        struct json_split_options o = usual("users", true);
        snprintf(text, sizeof text, "{\"users\":%s}", others[i]);
        everywhere(&o, text, strlen(text), "the answer has no array \"users\": \"users\" is not an array",
                   ERR_INVALID);
        o.where = "";
        everywhere(&o, others[i], strlen(others[i]), "the answer is not an array", ERR_INVALID);
    }
    bad("users", "[1]", "the answer has no array \"users\": it is not an object");
    bad("users", "12", "the answer has no array \"users\": it is not an object");
    bad("a.b", "{\"a\":[1]}", "the answer has no array \"a.b\": \"a\" is not an object");
    bad("a.b", "{\"a\":7}", "the answer has no array \"a.b\": \"a\" is not an object");
}

static void a_path_that_comes_twice_is_an_error(void **state) {
    (void)state;
    bad("users", "{\"users\":[1],\"users\":[2]}", "the answer has \"users\" twice");
    bad("users", "{\"users\":[1],\"x\":2,\"\\u0075sers\":null}", "the answer has \"users\" twice");
    bad("users", "{\"users\":null,\"users\":[2]}", "the answer has \"users\" twice");
    bad("a.b", "{\"a\":{\"b\":[1]},\"a\":{}}", "the answer has \"a\" twice");
    bad("a.b", "{\"a\":{\"b\":[1],\"b\":[1]}}", "the answer has \"b\" twice");
    good("a.b", "{\"a\":{\"b\":[1]},\"b\":{},\"c\":{\"a\":1,\"b\":2}}",
         "1 1\n{\"a\":{\"b\":[]},\"b\":{},\"c\":{\"a\":1,\"b\":2}}");
}

static void what_is_no_json_is_an_error(void **state) {
    (void)state;
    bad("users", "<html><body>Sign in</body></html>",
        "the answer is not JSON: at byte 1, a value was expected, not '<'");
    bad("users", "{\"users\":[1]} x", "the answer is not JSON: at byte 15, the end was expected, not 'x'");
    bad("users", "{\"users\":[1]}{\"users\":[1]}",
        "the answer is not JSON: at byte 14, the end was expected, not '{'");
    bad("users", "{\"users\":[1 2]}",
        "the answer is not JSON: at byte 13, a comma or ] was expected, not '2'");
    bad("users", "{\"users\":[01]}",
        "the answer is not JSON: at byte 12, a comma or ] was expected, not '1'");
    bad("users", "{\"users\":[{\"a\":nan}]}",
        "the answer is not JSON: at byte 17, true, false or null was expected, not 'a'");
    bad("users", "{\"users\":[\"\n\"]}",
        "the answer is not JSON: at byte 12, an escaped control byte was expected, not 0x0a");
    bad("users", "\xef\xbb\xbf{\"users\":[]}",
        "the answer is not JSON: at byte 1, a value was expected, not 0xef");
    bad("users", "{\"users\":[1,]}", "the answer is not JSON: at byte 13, a value was expected, not ']'");
}

static void nul_bytes_are_no_json(void **state) {
    (void)state;
    struct json_split_options o = usual("users", false);
    everywhere(&o, "\0\0\0\0", 4, "the answer is not JSON: at byte 1, a value was expected, not 0x00",
               ERR_INVALID);
}

static void every_truncation_is_an_error(void **state) {
    (void)state;
    static const char text[] = "{\"n\":-1.5e3,\"users\":[{\"id\":\"\\u00e9\\\\\",\"x\":[true,null]},12],"
                               "\"z\":{}}";
    for (size_t len = 1; len + 1 < sizeof text; len++) {
        struct json_split_options o = usual("users", false);
        struct outcome out;
        char expected[100];
        snprintf(expected, sizeof expected,
                 "the answer ends in the middle of its JSON, after %zu bytes", len);
        for (size_t cut = 0; cut <= len; cut++) {
            split(&o, text, len, cut, len, &out);
            assert_int_equal(out.rc, ERR_INVALID);
            assert_string_equal(out.text, expected);
        }
    }
}

static void an_empty_answer_is_an_error(void **state) {
    (void)state;
    struct json_split_options o = usual("users", true);
    everywhere(&o, "", 0, "the answer is empty where JSON was expected", ERR_INVALID);
    everywhere(&o, "  ", 2, "the answer ends in the middle of its JSON, after 2 bytes", ERR_INVALID);
}

static void elements_have_a_largest_size(void **state) {
    (void)state;
    struct json_split_options o = {"users", 10, 100, 0, false};
    const char *just = "{\"users\":[\"12345678\",[ 1 , 2 ]]}";
    const char *over = "{\"users\":[\"12345678\",\"123456789\"]}";
    const char *root = "[12345678901]";
    o.element_bytes = 11;
    everywhere(&o, just, strlen(just), "\"12345678\" 0\n[ 1 , 2 ] 1\n{\"users\":[]}", ERR_OK);
    o.element_bytes = 10;
    everywhere(&o, over, strlen(over), "element 2 of the answer's array users is larger than 10 bytes",
               ERR_LIMIT);
    o.where = "";
    everywhere(&o, root, strlen(root), "element 1 of the answer is larger than 10 bytes", ERR_LIMIT);
    o.element_bytes = 11;
    everywhere(&o, root, strlen(root), "12345678901 1\n[]", ERR_OK);
}

static void the_rest_has_a_largest_size(void **state) {
    (void)state;
    const char *text = "{\"a\":\"1234\",\"users\":[\"123456789012345678901234567890\"]}";
    struct json_split_options o = {"users", 100, 23, 0, false};
    everywhere(&o, text, strlen(text),
               "\"123456789012345678901234567890\" 0\n{\"a\":\"1234\",\"users\":[]}", ERR_OK);
    o.rest_bytes = 22;
    everywhere(&o, text, strlen(text), "the answer without its array is larger than 22 bytes", ERR_LIMIT);
}

static void blanks_between_elements_cost_nothing(void **state) {
    (void)state;
    char text[4000];
    struct json_split_options o = {"", 10, 10, 0, false};
    struct outcome out;
    memset(text, ' ', sizeof text);
    text[0] = '[';
    text[1999] = '7';
    text[sizeof text - 1] = ']';
    for (size_t cut = 0; cut < sizeof text; cut += 333) {
        split(&o, text, sizeof text, cut, cut ? sizeof text : 0, &out);
        assert_string_equal(out.text, "7 1\n[]");
    }
}

static void levels_have_a_largest_number(void **state) {
    (void)state;
    enum { MANY = 100000 };
    static char deep[MANY + 20];
    struct json_split_options o = {"users", MANY, MANY, 0, false};
    struct outcome out;
    size_t n = (size_t)snprintf(deep, sizeof deep, "{\"users\":[");
    memset(deep + n, '[', MANY);
    for (size_t cut = 1; cut < 100; cut++) {
        split(&o, deep, n + MANY, cut, n + MANY, &out);
        assert_int_equal(out.rc, ERR_LIMIT);
        assert_string_equal(out.text, "the answer is nested deeper than 64 levels, at byte 73");
    }
    o.depth = 3;
    everywhere(&o, "{\"users\":[[]]}", 14, "[] 20\n{\"users\":[]}", ERR_OK);
    everywhere(&o, "{\"users\":[[{}]]}", 16, "the answer is nested deeper than 3 levels, at byte 12",
               ERR_LIMIT);
    o.where = "x";
    everywhere(&o, "{\"users\":[[{}]]}", 16, "the answer is nested deeper than 3 levels, at byte 12",
               ERR_LIMIT);
}

static void an_error_stays_one(void **state) {
    (void)state;
    struct json_split s;
    struct json_split_options o = usual("", false);
    struct error e = {0};
    size_t used;
    json_split_open(&s, &o, NULL);
    assert_int_equal(json_split_feed(&s, "[1 2", 4, &used, NULL), JSON_SPLIT_ELEMENT);
    assert_int_equal(json_split_feed(&s, "2", 1, &used, NULL), JSON_SPLIT_ERROR);
    assert_int_equal(json_split_feed(&s, ",2]", 3, &used, &e), JSON_SPLIT_ERROR);
    assert_int_equal(used, 0);
    assert_int_equal(e.code, ERR_INVALID);
    e.code = ERR_OK;
    assert_int_equal(json_split_finish(&s, &e), ERR_INVALID);
    assert_int_equal(e.code, ERR_INVALID);
    json_split_free(&s);
}

static void whole_elements_are_not_copied(void **state) {
    (void)state;
    static const char text[] = "[{\"a\":1},{\"b\":2}]";
    struct json_split s;
    struct json_split_options o = usual("", false);
    size_t used;
    json_split_open(&s, &o, NULL);
    assert_int_equal(json_split_feed(&s, text, 12, &used, NULL), JSON_SPLIT_ELEMENT);
    assert_ptr_equal(s.element, text + 1);
    assert_int_equal(used, 8);
    assert_int_equal(s.seen, 8);
    assert_int_equal(json_split_feed(&s, text + 8, 4, &used, NULL), JSON_SPLIT_NEED);
    assert_int_equal(json_split_feed(&s, text + 12, 5, &used, NULL), JSON_SPLIT_ELEMENT);
    assert_int_equal(s.element_len, 7);
    assert_memory_equal(s.element, "{\"b\":2}", 7);
    assert_int_equal(s.elements, 2);
    assert_int_equal(json_split_feed(&s, "] ", 2, &used, NULL), JSON_SPLIT_END);
    assert_int_equal(json_split_feed(&s, "\n", 1, &used, NULL), JSON_SPLIT_END);
    assert_int_equal(json_split_feed(&s, "x", 1, &used, NULL), JSON_SPLIT_ERROR);
    json_split_free(&s);
}

static void paths_are_checked(void **state) {
    (void)state;
    static const char *const wrong[] = {".", ".a", "a.", "a..b"};
    char longest[JSON_SPLIT_WHERE_MAX + 1];
    struct json_split s;
    struct error e;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct json_split_options o = usual(wrong[i], false);
        assert_int_equal(json_split_open(&s, &o, &e), ERR_USAGE);
        json_split_free(&s);
    }
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    struct json_split_options o = usual(longest, false);
    assert_int_equal(json_split_open(&s, &o, &e), ERR_USAGE);
    json_split_free(&s);
    longest[JSON_SPLIT_WHERE_MAX - 1] = '\0';
    assert_int_equal(json_split_open(&s, &o, &e), ERR_OK);
    json_split_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_elements_and_keeps_the_rest),
        cmocka_unit_test(knows_a_name_in_any_spelling),
        cmocka_unit_test(tells_what_is_in_an_element),
        cmocka_unit_test(bad_strings_outside_elements_fail_nothing),
        cmocka_unit_test(a_missing_array_is_an_error),
        cmocka_unit_test(an_optional_array_may_be_missing),
        cmocka_unit_test(something_else_than_an_array_is_an_error),
        cmocka_unit_test(a_path_that_comes_twice_is_an_error),
        cmocka_unit_test(what_is_no_json_is_an_error),
        cmocka_unit_test(nul_bytes_are_no_json),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(an_empty_answer_is_an_error),
        cmocka_unit_test(elements_have_a_largest_size),
        cmocka_unit_test(the_rest_has_a_largest_size),
        cmocka_unit_test(blanks_between_elements_cost_nothing),
        cmocka_unit_test(levels_have_a_largest_number),
        cmocka_unit_test(an_error_stays_one),
        cmocka_unit_test(whole_elements_are_not_copied),
        cmocka_unit_test(paths_are_checked),
    };
    return cmocka_run_group_tests_name("splitter", tests, NULL, NULL);
}

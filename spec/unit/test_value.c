/* Tests of host/json/value, host/json/value_json and api/value: what trees are made of, what they are written
 * as, and what is told of what cannot be one. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "../../engine/api/json.h"
#include "../../engine/api/value.h"
#include "../../engine/host/base/limits.h"
#include "../../engine/host/json/value_json.h"

static struct value_pool pool;
static struct buf text;

static int begin(void **state) {
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    luaL_requiref(L, "json", luaopen_host_json, 1);
    lua_settop(L, 0);
    value_pool_init(&pool, 10000);
    buf_init(&text, MIB);
    *state = L;
    return 0;
}

static int end(void **state) {
    value_pool_free(&pool);
    buf_free(&text);
    lua_close(*state);
    return 0;
}

/* What becomes of a Lua expression; its value stays on the stack. */
static enum err read(lua_State *L, const char *expression, struct value *tree) {
    lua_settop(L, 0);
    value_pool_clear(&pool);
    lua_pushfstring(L, "return %s", expression);
    if (luaL_dostring(L, lua_tostring(L, 1))) fail_msg("%s", lua_tostring(L, -1));
    enum err rc = value_from_lua(L, -1, &pool, tree);
    assert_int_equal(2, lua_gettop(L));
    return rc;
}

static struct value tree_of(lua_State *L, const char *expression) {
    struct value tree;
    assert_int_equal(ERR_OK, read(L, expression, &tree));
    return tree;
}

static void writes(lua_State *L, const char *expression, const char *json) {
    struct value tree = tree_of(L, expression);
    assert_false(pool.faulty);
    buf_clear(&text);
    assert_int_equal(ERR_OK, value_json_write(&tree, &text));
    assert_string_equal(json, text.data);
}

static void tells(lua_State *L, const char *expression, const char *fault, enum value_kind kind) {
    char words[200];
    struct value tree = tree_of(L, expression);
    assert_true(pool.faulty);
    assert_int_equal(kind, value_first_fault(&tree, words, sizeof words));
    assert_string_equal(fault, words);
    buf_clear(&text);
    assert_int_equal(ERR_INVALID, value_json_write(&tree, &text));
}

static void trees_of_lua_are_written_canonically(void **state) {
    lua_State *L = *state;
    writes(L, "{ b = 1, a = { true, false, 'x\\n' }, c = 1.5, d = 2.0, aa = -7 }",
           "{\"a\":[true,false,\"x\\n\"],\"aa\":-7,\"b\":1,\"c\":1.5,\"d\":2.0}");
    writes(L, "{ {}, json.array {}, json.null }", "[{},[],null]");
    writes(L, "math.mininteger", "-9223372036854775808");
    writes(L, "setmetatable({ a = 1 }, { __index = { b = 2 }, __pairs = error })", "{\"a\":1}");
}

static void raw_objects_are_read_as_lua_sees_them(void **state) {
    lua_State *L = *state;
    writes(L, "{ raw = json.raw('{\"z\":[1,{\"y\":null,\"x\":1e2}],\"a\":\"\\\\u00e9\",\"a\":2}') }",
           "{\"raw\":{\"a\":2,\"z\":[1,{\"x\":100.0}]}}");
}

static void what_json_has_no_form_for_is_told_with_its_place(void **state) {
    lua_State *L = *state;
    tells(L, "{ a = { 1, print } }", "a[2]: JSON has no form for a function", VALUE_FAULT);
    tells(L, "{ n = 0/0 }", "n: a number that JSON cannot hold (NaN or infinite)", VALUE_FAULT);
    tells(L, "{ n = 1/0 }", "n: a number that JSON cannot hold (NaN or infinite)", VALUE_FAULT);
    tells(L, "{ f = io.stdout }", "f: JSON has no form for this kind of object", VALUE_FAULT);
    tells(L, "{ t = { [1] = 1, x = 2 } }", "t: an array must have the keys 1 to n and no others",
          VALUE_FAULT);
    tells(L, "{ t = { a = 1, [true] = 2 } }",
          "t: an object's names must be strings (and an array begins at 1)", VALUE_FAULT);
    tells(L, "print", "the value: JSON has no form for a function", VALUE_FAULT);
}

static void bad_bytes_are_told_apart_and_never_shown(void **state) {
    lua_State *L = *state;
    tells(L, "{ a = { b = '\\xff' } }", "a.b: it is not valid UTF-8", VALUE_BAD_TEXT);
    tells(L, "{ ['\\n\\xff'] = 1 }", "??: its name is not valid UTF-8", VALUE_BAD_TEXT);
}

static void of_several_faults_always_the_same_is_told(void **state) {
    lua_State *L = *state;
    tells(L, "{ z = print, y = '\\xff', x = { c = 1, b = print } }",
          "x.b: JSON has no form for a function", VALUE_FAULT);
}

static void circles_end(void **state) {
    lua_State *L = *state;
    char words[64];
    struct value tree = tree_of(L, "(function() local t = {}; t.t = t; return t end)()");
    assert_int_equal(VALUE_FAULT, value_first_fault(&tree, words, sizeof words));
    assert_memory_equal("t.t.t.t.", words, 8);
}

static void levels_are_limited(void **state) {
    lua_State *L = *state;
    static const char nested[] =
        "(function(n) local t = {}; for _ = 2, n do t = { t } end; return t end)(%d)";
    char expression[128];
    snprintf(expression, sizeof expression, nested, LIMIT_JSON_DEPTH);
    tree_of(L, expression);
    assert_false(pool.faulty);
    snprintf(expression, sizeof expression, nested, LIMIT_JSON_DEPTH + 1);
    tree_of(L, expression);
    assert_true(pool.faulty);
}

static void values_are_limited(void **state) {
    lua_State *L = *state;
    struct value tree;
    const char *many =
        "(function() local t = {}; for i = 1, 10001 do t[i] = i end; return t end)()";
    assert_int_equal(ERR_LIMIT, read(L, many, &tree));
    /* So is what is there many times. */
    many = "(function() local t = {}; for _ = 1, 40 do t = { t, t } end; return t end)()";
    assert_int_equal(ERR_LIMIT, read(L, many, &tree));
    writes(L, "{ 1 }", "[1]");
}

static void json_is_read_in_place(void **state) {
    (void)state;
    static const char json[] = "{\"b\":\"plain\",\"a\":\"\\u00e9\",\"n\":12345678901234567890}";
    struct value tree;
    assert_int_equal(ERR_OK, value_json_read(&pool, json, strlen(json), &tree));
    const struct value *b = value_member(&tree, "b", 1), *n = value_member(&tree, "n", 1);
    assert_ptr_equal(json + 6, b->text);
    assert_int_equal(VALUE_STRING, n->kind);
    assert_null(value_member(&tree, "c", 1));
    assert_null(value_member(b, "b", 1));
    assert_int_equal(ERR_OK, value_json_write(&tree, &text));
    assert_string_equal("{\"a\":\"\xc3\xa9\",\"b\":\"plain\",\"n\":\"12345678901234567890\"}", text.data);
}

static void half_a_surrogate_pair_is_a_fault(void **state) {
    (void)state;
    struct value tree;
    char words[64];
    assert_int_equal(ERR_OK, value_json_read(&pool, "[\"\\ud800\"]", 10, &tree));
    assert_int_equal(VALUE_BAD_TEXT, value_first_fault(&tree, words, sizeof words));
    assert_string_equal("[1]: it is not valid UTF-8", words);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(trees_of_lua_are_written_canonically, begin, end),
        cmocka_unit_test_setup_teardown(raw_objects_are_read_as_lua_sees_them, begin, end),
        cmocka_unit_test_setup_teardown(what_json_has_no_form_for_is_told_with_its_place, begin, end),
        cmocka_unit_test_setup_teardown(bad_bytes_are_told_apart_and_never_shown, begin, end),
        cmocka_unit_test_setup_teardown(of_several_faults_always_the_same_is_told, begin, end),
        cmocka_unit_test_setup_teardown(circles_end, begin, end),
        cmocka_unit_test_setup_teardown(levels_are_limited, begin, end),
        cmocka_unit_test_setup_teardown(values_are_limited, begin, end),
        cmocka_unit_test_setup_teardown(json_is_read_in_place, begin, end),
        cmocka_unit_test_setup_teardown(half_a_surrogate_pair_is_a_fault, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The C side of api/json*: who decodes what, what raw objects show of their bytes, how foreign
 * values are written. lua-cjson is a stand-in here, so that its use can be seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <lauxlib.h>
#include <string.h>

#include "../../engine/api/json.h"

int luaopen_cjson(lua_State *L);

static int opened, decoded;
static int refuses;

static int stand_in_decode(lua_State *L) {
    decoded++;
    if (refuses) return luaL_error(L, "the stand-in refuses");
    lua_newtable(L);
    lua_pushliteral(L, "the stand-in's");
    lua_setfield(L, -2, "a");
    return 1;
}

int luaopen_cjson(lua_State *L) {
    opened++;
    lua_newtable(L);
    lua_pushcfunction(L, stand_in_decode);
    lua_setfield(L, -2, "decode");
    return 1;
}

static int begin(void **state) {
    lua_State *L = luaL_newstate();
    opened = decoded = refuses = 0;
    luaL_requiref(L, "host.json", luaopen_host_json, 0);
    lua_settop(L, 0);
    *state = L;
    return 0;
}

static int end(void **state) {
    lua_close(*state);
    return 0;
}

/* Decodes the document, made as large as those that are cjson's, and gives its member a. */
static const char *decode_a(lua_State *L, const char *text) {
    char padded[8192];
    memset(padded, ' ', sizeof padded);
    memcpy(padded, text, strlen(text));
    assert_int_equal(json_decode_push(L, padded, sizeof padded, NULL), ERR_OK);
    assert_int_equal(lua_type(L, -1), LUA_TTABLE);
    lua_getfield(L, -1, "a");
    return lua_tostring(L, -1);
}

static void what_cjson_decodes_well_goes_to_it(void **state) {
    lua_State *L = *state;
    assert_string_equal(decode_a(L, "{\"a\":\"ours\",\"b\":\"\\n\",\"c\":true}"), "the stand-in's");
    lua_getfield(L, 1, "b");
    assert_true(lua_isnil(L, -1));
    assert_int_equal(decoded, 1);
    assert_string_equal(decode_a(L, "{\"a\":\"ours\",\"b\":{\"c\":[\"d\"]}}"), "the stand-in's");
    assert_int_equal(opened, 1);
    assert_int_equal(decoded, 2);
}

static void what_it_would_spoil_does_not(void **state) {
    lua_State *L = *state;
    static const char *const texts[] = {
        "{\"a\":\"ours\",\"b\":7}",        "{\"a\":\"ours\",\"b\":null}",
        "{\"a\":\"ours\",\"b\":{\"c\":[]}}", "{\"a\":\"ours\",\"b\":\"\\ud800\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(decode_a(L, texts[i]), "ours");
    assert_int_equal(json_decode_push(L, "\"a\"", 3, NULL), ERR_OK);
    assert_string_equal(lua_tostring(L, -1), "a");
    assert_int_equal(decoded, 0);
}

static void raw_objects_do_without_it(void **state) {
    lua_State *L = *state;
    json_push_raw(L, "{\"a\":\"ours\"}", 12);
    lua_getfield(L, -1, "a");
    assert_string_equal(lua_tostring(L, -1), "ours");
    assert_int_equal(opened, 0);
}

static void what_it_refuses_is_decoded_all_the_same(void **state) {
    refuses = 1;
    assert_string_equal(decode_a(*state, "{\"a\":\"ours\"}"), "ours");
    assert_int_equal(decoded, 1);
}

static void small_documents_do_without_it(void **state) {
    lua_State *L = *state;
    assert_int_equal(json_decode_push(L, "{\"a\":\"ours\"}", 12, NULL), ERR_OK);
    lua_getfield(L, -1, "a");
    assert_string_equal(lua_tostring(L, -1), "ours");
    assert_int_equal(opened, 0);
}

static void it_is_opened_for_ourselves_only(void **state) {
    lua_State *L = *state;
    decode_a(L, "{\"a\":\"\"}");
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    assert_int_equal(lua_getfield(L, -1, "cjson"), LUA_TNIL);
    assert_int_equal(lua_getglobal(L, "cjson"), LUA_TNIL);
}

static void raw_objects_show_their_bytes(void **state) {
    lua_State *L = *state;
    char text[] = " {\"a\":{\"b\":[1, 2]},\"c\":3} ";
    size_t len;
    json_push_raw(L, text, strlen(text));
    memset(text, 'x', strlen(text));
    const char *bytes = json_raw_bytes(L, 1, &len);
    assert_int_equal(len, 24);
    assert_memory_equal(bytes, "{\"a\":{\"b\":[1, 2]},\"c\":3}", 24);
    lua_getfield(L, 1, "a");
    lua_getfield(L, 2, "b");
    bytes = json_raw_bytes(L, -1, &len);
    assert_int_equal(len, 6);
    assert_memory_equal(bytes, "[1, 2]", 6);
    assert_true(json_is_raw(L, -1) && json_is_raw_array(L, -1));
    assert_true(json_is_raw(L, 1) && !json_is_raw_array(L, 1));
    lua_newtable(L);
    assert_null(json_raw_bytes(L, -1, &len));
    lua_newuserdatauv(L, 1, 0);
    assert_null(json_raw_bytes(L, -1, &len));
    json_push_null(L);
    assert_null(json_raw_bytes(L, -1, &len));
    assert_true(json_is_null(L, -1) && !json_is_null(L, 1));
}

static void simple_values_are_pushed_as_they_are(void **state) {
    lua_State *L = *state;
    json_push_raw(L, "\"\\u00e9\"", 8);
    assert_string_equal(lua_tostring(L, 1), "\xc3\xa9");
    json_push_raw(L, "12", 2);
    assert_true(lua_isinteger(L, 2));
    json_push_raw(L, "null", 4);
    assert_true(json_is_null(L, 3));
    json_push_raw(L, "false", 5);
    assert_true(lua_isboolean(L, 4));
}

static bool write_foreign(lua_State *L, int idx, struct buf *out, enum err *rc) {
    if (lua_rawlen(L, idx) != 7) return false;
    *rc = buf_add_text(out, "\"foreign\"");
    return true;
}

static void foreign_values_are_asked_about(void **state) {
    lua_State *L = *state;
    const struct json_encoding how = {0, write_foreign};
    struct error e;
    struct buf out;
    lua_newtable(L);
    lua_newuserdatauv(L, 7, 0);
    lua_setfield(L, 1, "x");
    buf_init(&out, 100);
    assert_int_equal(json_encode_with(L, 1, &out, &how, &e), ERR_OK);
    assert_string_equal(out.data, "{\"x\":\"foreign\"}");
    buf_clear(&out);
    assert_int_equal(json_encode(L, 1, &out, &e), ERR_INVALID);
    assert_string_equal(e.text, "x: JSON has no form for this kind of object");
    lua_newuserdatauv(L, 8, 0);
    lua_setfield(L, 1, "x");
    assert_int_equal(json_encode_with(L, 1, &out, &how, &e), ERR_INVALID);
    buf_free(&out);
    buf_init(&out, 10);
    lua_newuserdatauv(L, 7, 0);
    lua_setfield(L, 1, "x");
    assert_int_equal(json_encode_with(L, 1, &out, &how, &e), ERR_LIMIT);
    assert_int_equal(lua_gettop(L), 1);
    buf_free(&out);
}

static void failed_decoding_pushes_nothing(void **state) {
    lua_State *L = *state;
    struct error e;
    assert_int_equal(json_decode_push(L, "[1", 2, &e), ERR_INVALID);
    assert_int_equal(lua_gettop(L), 0);
    assert_int_equal(json_decode_push(L, "[1]", 3, &e), ERR_OK);
    assert_int_equal(lua_gettop(L), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_cjson_decodes_well_goes_to_it, begin, end),
        cmocka_unit_test_setup_teardown(what_it_would_spoil_does_not, begin, end),
        cmocka_unit_test_setup_teardown(raw_objects_do_without_it, begin, end),
        cmocka_unit_test_setup_teardown(what_it_refuses_is_decoded_all_the_same, begin, end),
        cmocka_unit_test_setup_teardown(small_documents_do_without_it, begin, end),
        cmocka_unit_test_setup_teardown(it_is_opened_for_ourselves_only, begin, end),
        cmocka_unit_test_setup_teardown(raw_objects_show_their_bytes, begin, end),
        cmocka_unit_test_setup_teardown(simple_values_are_pushed_as_they_are, begin, end),
        cmocka_unit_test_setup_teardown(foreign_values_are_asked_about, begin, end),
        cmocka_unit_test_setup_teardown(failed_decoding_pushes_nothing, begin, end),
    };
    return cmocka_run_group_tests_name("json_api", tests, NULL, NULL);
}

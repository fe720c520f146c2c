#include "json.h"

#include "api.h"
#include "../host/limits.h"
#include "vm.h"

int luaopen_cjson(lua_State *L);

enum {
    ENCODE_FIRST = 1 * KIB, /* what most records fit, so that their buffer does not grow */
    CJSON_FROM = 4 * KIB,   /* bytes of a document from which cjson's start is worth it */
    MEMBER = 32,            /* bytes that a member of an object takes, about */
    MEMBERS_MAX = 64,       /* that a table gets room for before they are there */
};

/* Facts of documents that lua-cjson decodes as we do; of the others it would make other values
 * (numbers, nulls, empty arrays), or refuse them. */
enum { FAITHFUL = JSON_HAS_BOOLEAN | JSON_HAS_ESCAPE | JSON_HAS_NESTED | JSON_HAS_NUL | JSON_BAD_UTF8 };

/* The registry keeps cjson's decode under the address of this. */
static const char decode_key;

/* Our own instance of lua-cjson; its module table, whose settings can be turned into a crash, is
 * dropped here and never handed out. */
static void push_cjson_decode(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &decode_key) == LUA_TFUNCTION) return;
    lua_pop(L, 1);
    lua_pushcfunction(L, luaopen_cjson);
    lua_call(L, 0, 1);
    lua_getfield(L, -1, "decode");
    lua_remove(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &decode_key);
}

/* False, and nothing pushed, where cjson will not have it. Large documents only: for records, and
 * the elements of a list, which json_raw.c decodes, its start costs more than the decoding. */
static bool decode_by_cjson(lua_State *L, const char *bytes, size_t len) {
    push_cjson_decode(L);
    lua_pushlstring(L, bytes, len);
    if (vm_call(L, 1, 1) == LUA_OK) return true;
    lua_pop(L, 1);
    return false;
}

static void push_plain(lua_State *L, const struct json_value *value) {
    struct json_each it;
    if (value->kind < JSON_ARRAY) {
        json_push_simple(L, value);
        return;
    }
    luaL_checkstack(L, 8, "JSON");
    size_t members = value->kind == JSON_OBJECT ? value->len / MEMBER : 0;
    lua_createtable(L, 0, (int)(members < MEMBERS_MAX ? members : MEMBERS_MAX));
    if (value->kind == JSON_ARRAY) json_mark_array(L);
    json_each_open(&it, value->at, value->len);
    for (lua_Integer i = 1; json_each_next(&it); i++) {
        if (it.object) json_push_simple(L, &it.key);
        if (it.object && it.value.kind == JSON_NULL)
            lua_pushnil(L);
        else
            push_plain(L, &it.value);
        if (it.object)
            lua_rawset(L, -3);
        else
            lua_rawseti(L, -2, i);
    }
}

enum err json_decode_push(lua_State *L, const char *bytes, size_t len, struct error *e) {
    unsigned facts;
    enum err rc = json_check(bytes, len, LIMIT_JSON_DEPTH, &facts, e);
    if (rc) return rc;
    struct json_value value = json_value(bytes, len);
    bool faithful = value.kind >= JSON_ARRAY && (facts & ~(unsigned)FAITHFUL) == 0;
    if (len >= CJSON_FROM && faithful && decode_by_cjson(L, bytes, len)) return ERR_OK;
    push_plain(L, &value);
    return ERR_OK;
}

/* decode(text) -> value | nil, message, code */
static int f_decode(lua_State *L) {
    size_t len;
    struct error e;
    const char *text = luaL_checklstring(L, 1, &len);
    return json_decode_push(L, text, len, &e) ? api_fail(L, &e) : 1;
}

/* raw(text) -> raw object, or the value where it is a simple one | nil, message, code */
static int f_raw(lua_State *L) {
    size_t len;
    struct error e;
    const char *text = luaL_checklstring(L, 1, &len);
    if (json_check(text, len, LIMIT_JSON_DEPTH, NULL, &e)) return api_fail(L, &e);
    json_push_raw(L, text, len);
    return 1;
}

/* encode(value [, { indent = blanks, max = bytes }]) -> text | nil, message, code */
static int f_encode(lua_State *L) {
    struct json_encoding how = {0, NULL};
    struct error e;
    lua_Integer max = LIMIT_JSON_TEXT;
    luaL_checkany(L, 1);
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        how.indent = (int)api_opt_integer(L, 2, "indent", 0);
        max = api_opt_integer(L, 2, "max", max);
        luaL_argcheck(L, how.indent >= 0 && how.indent <= 16, 2, "an indent of 0 to 16 expected");
        luaL_argcheck(L, max > 0, 2, "a positive max expected");
    }
    struct buf *out = api_buf(L, (size_t)max);
    buf_reserve(out, max < ENCODE_FIRST ? 0 : ENCODE_FIRST);
    if (json_encode_with(L, 1, out, &how, &e)) return api_fail(L, &e);
    lua_pushlstring(L, out->data, out->len);
    buf_free(out);
    return 1;
}

/* array([t]) -> t, which stays an array when it is empty */
static int f_array(lua_State *L) {
    if (lua_isnoneornil(L, 1))
        lua_newtable(L);
    else
        luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    json_mark_array(L);
    return 1;
}

static int f_is_raw(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, json_is_raw(L, 1));
    return 1;
}

int luaopen_host_json(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"array", f_array},   {"decode", f_decode}, {"encode", f_encode},
        {"is_raw", f_is_raw}, {"raw", f_raw},       {NULL, NULL},
    };
    luaL_newlib(L, functions);
    json_push_null(L);
    lua_setfield(L, -2, "null");
    return 1;
}

#include "json_raw.h"

#include <lauxlib.h>
#include <string.h>

#include "vm.h"

int luaopen_cjson(lua_State *L);

enum { LEVEL = 1, OUTERMOST = 2 }; /* user values: the decoded level; of a part, what it is in */

struct raw {
    const char *bytes; /* an outermost one's follow this struct */
    size_t len;
    unsigned facts;
    bool object;
};

/* The registry keeps, under the addresses of these, cjson's decode and the metatable of raws. */
static const char decode_key, class_key;

/* Facts that lua-cjson decodes as plugins.md wants them, in an object without parts. */
enum { FAITHFUL = JSON_HAS_BOOLEAN | JSON_HAS_ESCAPE | JSON_HAS_NUL | JSON_BAD_UTF8 };

static struct raw *test(lua_State *L, int idx) {
    struct raw *raw = lua_touserdata(L, idx);
    if (!raw || !lua_getmetatable(L, idx)) return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &class_key);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same ? raw : NULL;
}

static struct raw *check(lua_State *L) {
    struct raw *raw = test(L, 1);
    luaL_argexpected(L, raw, 1, "raw object");
    return raw;
}

bool json_is_raw(lua_State *L, int idx) {
    return test(L, idx);
}

bool json_is_raw_array(lua_State *L, int idx) {
    const struct raw *raw = test(L, idx);
    return raw && !raw->object;
}

const char *json_raw_bytes(lua_State *L, int idx, size_t *len) {
    const struct raw *raw = test(L, idx);
    if (raw) *len = raw->len;
    return raw ? raw->bytes : NULL;
}

void json_push_null(lua_State *L) {
    lua_pushlightuserdata(L, NULL);
}

bool json_is_null(lua_State *L, int idx) {
    return lua_islightuserdata(L, idx) && !lua_touserdata(L, idx);
}

static void push_string(lua_State *L, const struct json_value *value) {
    luaL_Buffer b;
    if (!value->escaped) {
        lua_pushlstring(L, value->at + 1, value->len - 2);
        return;
    }
    char *text = luaL_buffinitsize(L, &b, value->len);
    luaL_pushresultsize(&b, json_unescape_into(value, text));
}

static void push_number(lua_State *L, const struct json_value *value) {
    int64_t integer;
    double number;
    if (value->kind == JSON_INTEGER && json_to_integer(value, &integer))
        lua_pushinteger(L, integer);
    else if (value->kind == JSON_FLOAT && json_to_float(value, &number))
        lua_pushnumber(L, number);
    else
        lua_pushlstring(L, value->at, value->len);
}

void json_push_simple(lua_State *L, const struct json_value *value) {
    switch (value->kind) {
    case JSON_STRING: push_string(L, value); break;
    case JSON_INTEGER:
    case JSON_FLOAT: push_number(L, value); break;
    case JSON_TRUE:
    case JSON_FALSE: lua_pushboolean(L, value->kind == JSON_TRUE); break;
    default: json_push_null(L);
    }
}

static void make_class(lua_State *L);

static void set_class(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &class_key) != LUA_TTABLE) {
        lua_pop(L, 1);
        make_class(L);
    }
    lua_setmetatable(L, -2);
}

void json_push_raw_facts(lua_State *L, const char *bytes, size_t len, unsigned facts) {
    struct json_value value = json_value(bytes, len);
    if (value.kind < JSON_ARRAY) {
        json_push_simple(L, &value);
        return;
    }
    struct raw *raw = lua_newuserdatauv(L, sizeof *raw + value.len, LEVEL);
    char *copy = (char *)(raw + 1);
    memcpy(copy, value.at, value.len);
    *raw = (struct raw){copy, value.len, facts, value.kind == JSON_OBJECT};
    set_class(L);
}

void json_push_raw(lua_State *L, const char *bytes, size_t len) {
    json_push_raw_facts(L, bytes, len, JSON_UNKNOWN);
}

/* Pushes a part of the raw object at `parent`. */
static void push_part(lua_State *L, int parent, const struct json_value *value) {
    struct raw *raw = lua_newuserdatauv(L, sizeof *raw, OUTERMOST);
    *raw = (struct raw){value->at, value->len, JSON_UNKNOWN, value->kind == JSON_OBJECT};
    if (lua_getiuservalue(L, parent, OUTERMOST) != LUA_TUSERDATA) {
        lua_pop(L, 1);
        lua_pushvalue(L, parent);
    }
    lua_setiuservalue(L, -2, OUTERMOST);
    set_class(L);
}

static void push_any(lua_State *L, int parent, const struct json_value *value) {
    if (value->kind >= JSON_ARRAY)
        push_part(L, parent, value);
    else
        json_push_simple(L, value);
}

/* A guess that saves the table most of its growing. */
static int likely_members(size_t bytes) {
    return bytes < 1024 ? (int)bytes / 32 : 32;
}

/* Pushes a table of the raw object's members or elements, decoded by ourselves. */
static void decode_exactly(lua_State *L, int idx, const struct raw *raw) {
    struct json_each it;
    lua_createtable(L, 0, raw->object ? likely_members(raw->len) : 0);
    json_each_open(&it, raw->bytes, raw->len);
    for (lua_Integer i = 1; json_each_next(&it); i++) {
        if (raw->object) push_string(L, &it.key);
        if (raw->object && it.value.kind == JSON_NULL)
            lua_pushnil(L);
        else
            push_any(L, idx, &it.value);
        if (raw->object)
            lua_rawset(L, -3);
        else
            lua_rawseti(L, -2, i);
    }
}

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

/* Pushes what lua-cjson makes of the bytes; false, and nothing, where it refuses them. */
static bool decode_by_cjson(lua_State *L, const struct raw *raw) {
    push_cjson_decode(L);
    lua_pushlstring(L, raw->bytes, raw->len);
    if (vm_call(L, 1, 1) == LUA_OK && lua_istable(L, -1)) return true;
    lua_pop(L, 1);
    return false;
}

void json_raw_level(lua_State *L, int idx) {
    idx = lua_absindex(L, idx);
    if (lua_getiuservalue(L, idx, LEVEL) == LUA_TTABLE) return;
    lua_pop(L, 1);
    const struct raw *raw = lua_touserdata(L, idx);
    bool faithful = raw->object && (raw->facts & ~(unsigned)FAITHFUL) == 0;
    luaL_checkstack(L, 8, "raw object");
    if (!faithful || !decode_by_cjson(L, raw)) decode_exactly(L, idx, raw);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, idx, LEVEL);
}

static int m_index(lua_State *L) {
    check(L);
    lua_settop(L, 2);
    json_raw_level(L, 1);
    lua_pushvalue(L, 2);
    lua_rawget(L, -2);
    return 1;
}

static int m_newindex(lua_State *L) {
    return luaL_error(L, "raw objects cannot be written to");
}

static int m_len(lua_State *L) {
    const struct raw *raw = check(L);
    json_raw_level(L, 1);
    lua_pushinteger(L, raw->object ? 0 : (lua_Integer)lua_rawlen(L, -1));
    return 1;
}

static int m_tostring(lua_State *L) {
    lua_pushfstring(L, "raw %s", check(L)->object ? "object" : "array");
    return 1;
}

/* Upvalues: the level; the names in order, or nil of an array; how far we are. */
static int next_member(lua_State *L) {
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(3)) + 1;
    lua_pushinteger(L, i);
    lua_copy(L, -1, lua_upvalueindex(3));
    if (lua_istable(L, lua_upvalueindex(2))) lua_rawgeti(L, lua_upvalueindex(2), i);
    lua_pushvalue(L, -1);
    if (lua_isnil(L, -1) || lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL) return 1;
    return 2;
}

/* Pushes the names of the members that are there, in document order, each once. The table also has
 * each name as a key, which cannot meet the positions: they are numbers. */
static void push_names(lua_State *L, const struct raw *raw, int level) {
    struct json_each it;
    lua_Integer n = 0;
    lua_newtable(L);
    json_each_open(&it, raw->bytes, raw->len);
    while (json_each_next(&it)) {
        push_string(L, &it.key);
        lua_pushvalue(L, -1);
        bool there = lua_rawget(L, level) != LUA_TNIL;
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        if (there && lua_rawget(L, -3) == LUA_TNIL) {
            lua_pop(L, 1);
            lua_pushvalue(L, -1);
            lua_rawseti(L, -3, ++n);
            lua_pushboolean(L, 1);
            lua_rawset(L, -3);
        } else {
            lua_pop(L, 2);
        }
    }
}

static int m_pairs(lua_State *L) {
    const struct raw *raw = check(L);
    lua_settop(L, 1);
    json_raw_level(L, 1);
    if (raw->object)
        push_names(L, raw, 2);
    else
        lua_pushnil(L);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_member, 3);
    return 1;
}

static void make_class(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"__index", m_index}, {"__newindex", m_newindex}, {"__len", m_len},
        {"__pairs", m_pairs}, {"__tostring", m_tostring}, {NULL, NULL},
    };
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_pushliteral(L, "raw object");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &class_key);
}

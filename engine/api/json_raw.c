#include "json_raw.h"

#include <lauxlib.h>
#include <string.h>

enum { LEVEL = 1, OUTERMOST = 2 }; /* user values: the decoded level; of a part, what it is in */

struct raw {
    const char *bytes; /* an outermost one's follow this struct */
    size_t len;
    bool object;
};

/* The registry keeps the metatable of raws under the address of this. */
static const char class_key;

static struct raw *test(lua_State *L, int idx) {
    struct raw *raw = lua_touserdata(L, idx);
    if (!raw || !lua_getmetatable(L, idx)) return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &class_key);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same ? raw : NULL;
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

/* The value that the bytes are. Checked bytes from bracket to bracket need no second look. */
static struct json_value whole(const char *bytes, size_t len) {
    char first = len ? bytes[0] : ' ', last = len ? bytes[len - 1] : ' ';
    if (first == '{' && last == '}') return (struct json_value){bytes, len, JSON_OBJECT, false};
    if (first == '[' && last == ']') return (struct json_value){bytes, len, JSON_ARRAY, false};
    return json_value(bytes, len);
}

void json_push_raw(lua_State *L, const char *bytes, size_t len) {
    struct json_value value = whole(bytes, len);
    if (value.kind < JSON_ARRAY) {
        json_push_simple(L, &value);
        return;
    }
    struct raw *raw = lua_newuserdatauv(L, sizeof *raw + value.len, LEVEL);
    char *copy = (char *)(raw + 1);
    memcpy(copy, value.at, value.len);
    *raw = (struct raw){copy, value.len, value.kind == JSON_OBJECT};
    set_class(L);
}

/* Pushes a part of the raw object at `parent`. */
static void push_part(lua_State *L, int parent, const struct json_value *value) {
    struct raw *raw = lua_newuserdatauv(L, sizeof *raw, OUTERMOST);
    *raw = (struct raw){value->at, value->len, value->kind == JSON_OBJECT};
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

/* A bit for the name at the top: only where it is set already can a name be there twice. */
static uint64_t name_bit(lua_State *L) {
    size_t len;
    const char *name = lua_tolstring(L, -1, &len);
    unsigned first = (unsigned char)name[0], last = len ? (unsigned char)name[len - 1] : 0;
    return UINT64_C(1) << ((len * 7 + first + last * 3) & 63);
}

static bool has(lua_State *L, int level, int name) {
    lua_pushvalue(L, name);
    bool there = lua_rawget(L, level) != LUA_TNIL;
    lua_pop(L, 1);
    return there;
}

/* Lists the names again, each once, where it stands first, and none whose value is null. */
static void list_names(lua_State *L, const struct raw *raw, int level) {
    struct json_each it;
    lua_Integer n = 0;
    lua_newtable(L);
    int seen = lua_gettop(L);
    json_each_open(&it, raw->bytes, raw->len);
    while (json_each_next(&it)) {
        push_string(L, &it.key);
        int name = seen + 1;
        if (has(L, level, name) && !has(L, seen, name)) {
            lua_pushvalue(L, name);
            lua_rawseti(L, level, ++n);
            lua_pushboolean(L, 1);
            lua_rawset(L, seen);
        }
        lua_settop(L, seen);
    }
    while (lua_rawgeti(L, level, ++n) != LUA_TNIL) {
        lua_pushnil(L);
        lua_rawseti(L, level, n);
        lua_pop(L, 1);
    }
    lua_settop(L, level);
}

static void decode_object(lua_State *L, int idx, const struct raw *raw) {
    struct json_each it;
    uint64_t bits = 0;
    bool repeated = false;
    lua_Integer n = 0;
    int likely = likely_members(raw->len);
    lua_createtable(L, likely, likely);
    int level = lua_gettop(L), name = level + 1;
    json_each_open(&it, raw->bytes, raw->len);
    while (json_each_next(&it)) {
        push_string(L, &it.key);
        uint64_t bit = name_bit(L);
        if (bits & bit) repeated |= has(L, level, name);
        bits |= bit;
        if (it.value.kind == JSON_NULL) {
            lua_pushnil(L);
        } else {
            lua_pushvalue(L, name);
            lua_rawseti(L, level, ++n);
            push_any(L, idx, &it.value);
        }
        lua_rawset(L, level);
    }
    if (repeated) list_names(L, raw, level);
}

static void decode_array(lua_State *L, int idx, const struct raw *raw) {
    struct json_each it;
    lua_newtable(L);
    json_each_open(&it, raw->bytes, raw->len);
    for (lua_Integer i = 1; json_each_next(&it); i++) {
        push_any(L, idx, &it.value);
        lua_rawseti(L, -2, i);
    }
}

void json_raw_level(lua_State *L, int idx) {
    if (lua_getiuservalue(L, idx, LEVEL) == LUA_TTABLE) return;
    lua_pop(L, 1);
    idx = lua_absindex(L, idx);
    const struct raw *raw = lua_touserdata(L, idx);
    luaL_checkstack(L, 8, "raw object");
    if (raw->object)
        decode_object(L, idx, raw);
    else
        decode_array(L, idx, raw);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, idx, LEVEL);
}

/* The metamethods do not look at what they are called on: nobody else can get at them, since the
 * metatable is hidden. */

/* An object's level has its names beside its members: they are no elements. */
static int m_index(lua_State *L) {
    const struct raw *raw = lua_touserdata(L, 1);
    if (raw->object && lua_type(L, 2) != LUA_TSTRING) return 0;
    json_raw_level(L, 1);
    lua_insert(L, 2);
    lua_rawget(L, 2);
    return 1;
}

static int m_newindex(lua_State *L) {
    return luaL_error(L, "raw objects cannot be written to");
}

static int m_len(lua_State *L) {
    const struct raw *raw = lua_touserdata(L, 1);
    json_raw_level(L, 1);
    lua_pushinteger(L, raw->object ? 0 : (lua_Integer)lua_rawlen(L, -1));
    return 1;
}

static int m_tostring(lua_State *L) {
    const struct raw *raw = lua_touserdata(L, 1);
    lua_pushfstring(L, "raw %s", raw->object ? "object" : "array");
    return 1;
}

/* Upvalues: the level; how far we are. Pushes the next position, and what the level has there. */
static bool next(lua_State *L) {
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(2)) + 1;
    lua_pushinteger(L, i);
    lua_copy(L, -1, lua_upvalueindex(2));
    return lua_rawgeti(L, lua_upvalueindex(1), i) != LUA_TNIL;
}

static int next_element(lua_State *L) {
    return next(L) ? 2 : 1;
}

static int next_member(lua_State *L) {
    if (!next(L)) return 1;
    lua_pushvalue(L, -1);
    lua_rawget(L, lua_upvalueindex(1));
    return 2;
}

static int m_pairs(lua_State *L) {
    const struct raw *raw = lua_touserdata(L, 1);
    json_raw_level(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, raw->object ? next_member : next_element, 2);
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

#include "value.h"

#include "../host/base/limits.h"
#include "json_encode.h"
#include "json_raw.h"

enum { SLOTS = 8 }; /* of the Lua stack that one level needs, what is called in it included */

static enum err read(lua_State *L, struct value_pool *p, unsigned depth, struct value *out);

static struct value number(lua_State *L, struct value_pool *p) {
    struct value v = {.kind = VALUE_INTEGER};
    if (lua_isinteger(L, -1)) {
        v.integer = lua_tointeger(L, -1);
        return v;
    }
    v.kind = VALUE_FLOAT;
    v.number = lua_tonumber(L, -1);
    if (v.number - v.number == 0) return v;
    return value_fault(p, VALUE_FAULT, "a number that JSON cannot hold (NaN or infinite)");
}

static struct value string(lua_State *L, struct value_pool *p) {
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    return value_string(p, text, len);
}

/* The members of the plain table on top, which stays. */
static enum err read_object(lua_State *L, struct value_pool *p, unsigned depth,
                            struct value *out) {
    size_t from = value_begin(p), len;
    enum err rc = ERR_OK;
    lua_pushnil(L);
    while (!rc && lua_next(L, -2)) {
        struct value member;
        if (lua_type(L, -2) != LUA_TSTRING) {
            lua_pop(L, 2);
            rc = value_end(p, from, VALUE_OBJECT, out);
            *out = value_fault(p, VALUE_FAULT,
                               "an object's names must be strings (and an array begins at 1)");
            return rc;
        }
        rc = read(L, p, depth, &member);
        const char *name = lua_tolstring(L, -2, &len);
        if (!rc) rc = value_add(p, name, len, &member);
        lua_pop(L, 1);
    }
    return rc ? rc : value_end(p, from, VALUE_OBJECT, out);
}

/* The elements of the table on top, from 1 to what its length says. */
static enum err read_array(lua_State *L, struct value_pool *p, unsigned depth, struct value *out) {
    size_t from = value_begin(p);
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    enum err rc = ERR_OK;
    for (lua_Integer i = 1; !rc && i <= n; i++) {
        struct value element;
        lua_rawgeti(L, -1, i);
        rc = read(L, p, depth, &element);
        if (!rc) rc = value_add(p, "", 0, &element);
        lua_pop(L, 1);
    }
    return rc ? rc : value_end(p, from, VALUE_ARRAY, out);
}

/* The level of a raw object on top: names stand under 1, 2, …, members under their names. */
static enum err read_raw_object(lua_State *L, struct value_pool *p, unsigned depth,
                                struct value *out) {
    size_t from = value_begin(p), len;
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    enum err rc = ERR_OK;
    for (lua_Integer i = 1; !rc && i <= n; i++) {
        struct value member;
        lua_rawgeti(L, -1, i);
        const char *name = lua_tolstring(L, -1, &len);
        lua_rawget(L, -2);
        rc = read(L, p, depth, &member);
        if (!rc) rc = value_add(p, name, len, &member);
        lua_pop(L, 1);
    }
    return rc ? rc : value_end(p, from, VALUE_OBJECT, out);
}

static enum err read_table(lua_State *L, struct value_pool *p, unsigned depth, struct value *out) {
    switch (json_table_form(L, -1)) {
    case JSON_FORM_OBJECT: return read_object(L, p, depth, out);
    case JSON_FORM_ARRAY: return read_array(L, p, depth, out);
    default:
        *out = value_fault(p, VALUE_FAULT, "an array must have the keys 1 to n and no others");
        return ERR_OK;
    }
}

static enum err read_raw(lua_State *L, struct value_pool *p, unsigned depth, struct value *out) {
    bool array = json_is_raw_array(L, -1);
    json_raw_level(L, -1);
    enum err rc = array ? read_array(L, p, depth, out) : read_raw_object(L, p, depth, out);
    lua_pop(L, 1);
    return rc;
}

/* An array, an object, or something else that is no simple value. */
static enum err read_other(lua_State *L, struct value_pool *p, unsigned depth, struct value *out) {
    bool table = lua_istable(L, -1);
    const char *why = NULL;
    if (!table && json_is_null(L, -1)) {
        *out = (struct value){.kind = VALUE_NULL};
        return ERR_OK;
    }
    if (lua_isfunction(L, -1))
        why = "JSON has no form for a function";
    else if (!table && !json_is_raw(L, -1))
        why = "JSON has no form for this kind of object";
    else if (depth == LIMIT_JSON_DEPTH)
        why = "it is nested too deep";
    else if (!lua_checkstack(L, SLOTS))
        why = "too many values";
    if (!why) return table ? read_table(L, p, depth + 1, out) : read_raw(L, p, depth + 1, out);
    *out = value_fault(p, VALUE_FAULT, why);
    return ERR_OK;
}

/* Reads the value on top, which stays. */
static enum err read(lua_State *L, struct value_pool *p, unsigned depth, struct value *out) {
    switch (lua_type(L, -1)) {
    case LUA_TSTRING: *out = string(L, p); return ERR_OK;
    case LUA_TNUMBER: *out = number(L, p); return ERR_OK;
    case LUA_TBOOLEAN:
        *out = (struct value){.kind = lua_toboolean(L, -1) ? VALUE_TRUE : VALUE_FALSE};
        return ERR_OK;
    default: return read_other(L, p, depth, out);
    }
}

enum err value_from_lua(lua_State *L, int idx, struct value_pool *p, struct value *out) {
    int top = lua_gettop(L);
    lua_pushvalue(L, idx);
    enum err rc = read(L, p, 0, out);
    lua_settop(L, top);
    return rc;
}

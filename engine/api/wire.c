#include "wire.h"

#include "../host/base/limits.h"
#include "api.h"
#include "wire_decode.h"
#include "wire_encode.h"

enum { ENCODE_FIRST = 1 * KIB }; /* what most messages fit, so that their buffer does not grow */

/* The message tables and a message's name, at these places of the stack. */
static struct wire_tables check(lua_State *L, int tables, int name, struct wire_rules *type) {
    luaL_checktype(L, tables, LUA_TTABLE);
    const char *text = luaL_checkstring(L, name);
    struct wire_tables ts = wire_tables_open(L, tables);
    if (!wire_tables_find(&ts, text, type)) luaL_argerror(L, 2, "a message of the tables expected");
    return ts;
}

/* The value on top as bytes, which `out` is used for. */
static int encode(const struct wire_tables *ts, const struct wire_rules *type, struct buf *out) {
    struct error e = {0};
    enum err rc = wire_encode(ts, type, out, &e);
    if (rc == ERR_LIMIT && !e.code)
        err_set(&e, rc, "%s: larger than %d bytes", type->type, LIMIT_WIRE);
    else if (rc && !e.code)
        err_set(&e, rc, "no memory for a message");
    if (rc) return api_fail(ts->L, &e);
    lua_pushlstring(ts->L, out->data, out->len);
    return 1;
}

static int f_encode(lua_State *L) {
    struct wire_rules type;
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    struct wire_tables ts = check(L, 1, 2, &type);
    struct buf *out = api_buf(L, LIMIT_WIRE);
    buf_reserve(out, ENCODE_FIRST);
    lua_pushvalue(L, 3);
    int results = encode(&ts, &type, out);
    buf_free(out);
    return results;
}

/* Upvalues: tables, name, and a buffer that is kept. */
static int encode_next(lua_State *L) {
    struct wire_rules type;
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    struct wire_tables ts = check(L, lua_upvalueindex(1), lua_upvalueindex(2), &type);
    struct buf *out = lua_touserdata(L, lua_upvalueindex(3));
    buf_clear(out);
    lua_pushvalue(L, 1);
    return encode(&ts, &type, out);
}

static int f_encoder(lua_State *L) {
    struct wire_rules type;
    lua_settop(L, 2);
    check(L, 1, 2, &type);
    lua_settop(L, 2);
    buf_reserve(api_buf(L, LIMIT_WIRE), ENCODE_FIRST);
    lua_pushcclosure(L, encode_next, 3);
    return 1;
}

static int f_decode(lua_State *L) {
    struct wire_rules type;
    struct error e;
    size_t len;
    const char *bytes = luaL_checklstring(L, 3, &len);
    lua_settop(L, 3);
    struct wire_tables ts = check(L, 1, 2, &type);
    return wire_decode(&ts, &type, bytes, len, &e) ? api_fail(L, &e) : 1;
}

int luaopen_host_wire(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"decode", f_decode}, {"encode", f_encode}, {"encoder", f_encoder}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}

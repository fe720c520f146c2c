#include "wire.h"

#include "../host/limits.h"
#include "api.h"
#include "wire_decode.h"
#include "wire_encode.h"

enum { ENCODE_FIRST = 1 * KIB }; /* what most messages fit, so that their buffer does not grow */

static struct wire_tables check(lua_State *L, struct wire_rules *type) {
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *name = luaL_checkstring(L, 2);
    luaL_checkany(L, 3);
    lua_settop(L, 3);
    struct wire_tables ts = wire_tables_open(L, 1);
    if (!wire_tables_find(&ts, name, type)) luaL_argerror(L, 2, "a message of the tables expected");
    return ts;
}

static int f_encode(lua_State *L) {
    struct wire_rules type;
    struct error e = {0};
    struct wire_tables ts = check(L, &type);
    struct buf *out = api_buf(L, LIMIT_WIRE);
    buf_reserve(out, ENCODE_FIRST);
    lua_pushvalue(L, 3);
    enum err rc = wire_encode(&ts, &type, out, &e);
    if (rc == ERR_LIMIT && !e.code)
        err_set(&e, rc, "%s: larger than %d bytes", type.type, LIMIT_WIRE);
    else if (rc && !e.code)
        err_set(&e, rc, "no memory for a message");
    if (rc) return api_fail(L, &e);
    lua_pushlstring(L, out->data, out->len);
    buf_free(out);
    return 1;
}

static int f_decode(lua_State *L) {
    struct wire_rules type;
    struct error e;
    size_t len;
    const char *bytes = luaL_checklstring(L, 3, &len);
    struct wire_tables ts = check(L, &type);
    return wire_decode(&ts, &type, bytes, len, &e) ? api_fail(L, &e) : 1;
}

int luaopen_host_wire(lua_State *L) {
    static const luaL_Reg functions[] = {{"decode", f_decode}, {"encode", f_encode}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}

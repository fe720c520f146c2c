#include "api.h"

#include <limits.h>

int api_fail(lua_State *L, const struct error *e) {
    lua_pushnil(L);
    lua_pushstring(L, e->text);
    lua_pushstring(L, err_name(e->code));
    return 3;
}

int api_raise(lua_State *L, const struct error *e) {
    lua_createtable(L, 0, 2);
    lua_pushstring(L, e->text);
    lua_setfield(L, -2, "message");
    lua_pushstring(L, err_name(e->code));
    lua_setfield(L, -2, "code");
    return lua_error(L);
}

int api_result(lua_State *L, enum err rc, const struct error *e) {
    if (rc) return api_fail(L, e);
    lua_pushboolean(L, 1);
    return 1;
}

static int buf_release(lua_State *L) {
    buf_free(lua_touserdata(L, 1));
    return 0;
}

struct buf *api_buf(lua_State *L, size_t max) {
    struct buf *b = lua_newuserdatauv(L, sizeof *b, 0);
    buf_init(b, max);
    if (luaL_newmetatable(L, "reeve.buf")) {
        lua_pushcfunction(L, buf_release);
        lua_setfield(L, -2, "__gc");
        lua_pushcfunction(L, buf_release);
        lua_setfield(L, -2, "__close");
    }
    lua_setmetatable(L, -2);
    return b;
}

void api_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction release) {
    if (luaL_newmetatable(L, name)) {
        luaL_setfuncs(L, methods, 0);
        lua_pushvalue(L, -1);
        lua_setfield(L, -2, "__index");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        if (release) {
            lua_pushcfunction(L, release);
            lua_setfield(L, -2, "__gc");
            lua_pushcfunction(L, release);
            lua_setfield(L, -2, "__close");
        }
    }
    lua_pop(L, 1);
}

/* The field's type where it is there and right, LUA_TNIL where it is absent; else raises. */
static int option(lua_State *L, int t, const char *field, int type) {
    int got = lua_getfield(L, t, field);
    if (got != LUA_TNIL && got != type)
        luaL_error(L, "option '%s': %s expected, got %s", field, lua_typename(L, type),
                   luaL_typename(L, -1));
    return got;
}

const char *api_opt_string(lua_State *L, int t, const char *field, size_t *len) {
    const char *s = option(L, t, field, LUA_TSTRING) == LUA_TNIL ? NULL : lua_tolstring(L, -1, len);
    if (!s && len) *len = 0;
    lua_pop(L, 1);
    return s;
}

lua_Integer api_opt_integer(lua_State *L, int t, const char *field, lua_Integer otherwise) {
    int whole = 1;
    if (option(L, t, field, LUA_TNUMBER) != LUA_TNIL) otherwise = lua_tointegerx(L, -1, &whole);
    if (!whole) luaL_error(L, "option '%s': an integer expected", field);
    lua_pop(L, 1);
    return otherwise;
}

lua_Number api_opt_number(lua_State *L, int t, const char *field, lua_Number otherwise) {
    if (option(L, t, field, LUA_TNUMBER) != LUA_TNIL) otherwise = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return otherwise;
}

int api_opt_boolean(lua_State *L, int t, const char *field, int otherwise) {
    if (option(L, t, field, LUA_TBOOLEAN) != LUA_TNIL) otherwise = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return otherwise;
}

size_t api_descriptors(lua_State *L, int first, int *fds, int max) {
    int n = lua_gettop(L) - first + 1;
    if (n > max) luaL_error(L, "more than %d descriptors", max);
    for (int i = 0; i < n; i++) {
        lua_Integer fd = luaL_checkinteger(L, first + i);
        luaL_argcheck(L, fd >= 0 && fd <= INT_MAX, first + i, "not a descriptor");
        fds[i] = (int)fd;
    }
    return n > 0 ? (size_t)n : 0;
}

void api_weak_table(lua_State *L, const void *key) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, key) == LUA_TTABLE) return;
    lua_pop(L, 1);
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, key);
}

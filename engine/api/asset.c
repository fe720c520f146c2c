#include "asset.h"

#include "api.h"

#define CLASS "reeve.asset"

struct asset *asset_test(lua_State *L, int idx) {
    return luaL_testudata(L, idx, CLASS);
}

static int l_open(lua_State *L) {
    const char *path = luaL_checkstring(L, 1), *host_id = luaL_checkstring(L, 2),
               *task_id = luaL_checkstring(L, 3);
    struct asset *a = lua_newuserdatauv(L, sizeof *a, 0);
    *a = (struct asset){.fd = -1};
    luaL_setmetatable(L, CLASS);
    struct error e;
    return asset_open(a, path, host_id, task_id, &e) ? api_fail(L, &e) : 1;
}

static int l_close(lua_State *L) {
    asset_close(luaL_checkudata(L, 1, CLASS));
    return 0;
}

int luaopen_host_asset(lua_State *L) {
    static const luaL_Reg methods[] = {{"close", l_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};
    api_class(L, CLASS, methods, l_close);
    luaL_newlib(L, functions);
    return 1;
}

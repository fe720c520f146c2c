/* host: runs a Lua file in the engine's state, so that a spec can try the engine's modules alone.
 *     build/spec/host FILE [ARGUMENT …]      exit 1 with the error on stderr where it raises */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

#include "../../engine/api/modules.h"
#include "../../engine/api/vm.h"

static int search_embedded(lua_State *L) {
    size_t len;
    const char *name = luaL_checkstring(L, 1), *text = vm_embedded(name, &len);
    if (!text) return 0;
    lua_pushfstring(L, "=engine/lua/%s", name);
    if (luaL_loadbufferx(L, text, len, lua_tostring(L, -1), "t") != LUA_OK) return lua_error(L);
    lua_pushstring(L, name);
    return 2;
}

static int entry(lua_State *L) {
    const char *file = lua_touserdata(L, 1);
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    for (const luaL_Reg *m = api_modules; m->name; m++) {
        lua_pushcfunction(L, m->func);
        lua_setfield(L, -2, m->name);
    }
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers");
    lua_pushcfunction(L, search_embedded);
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    lua_settop(L, 0);
    if (luaL_loadfile(L, file) != LUA_OK) return lua_error(L);
    lua_call(L, 0, 0);
    return 0;
}

int main(int argc, char **argv) {
    lua_State *L = luaL_newstate();
    int status = 2;
    if (!L || argc < 2) return status;
    lua_createtable(L, argc, 0);
    for (int i = 1; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i - 1);
    }
    lua_setglobal(L, "arg");
    lua_pushcfunction(L, entry);
    lua_pushlightuserdata(L, argv[1]);
    status = vm_call(L, 1, 0) != LUA_OK;
    if (status) fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
    lua_close(L);
    return status;
}

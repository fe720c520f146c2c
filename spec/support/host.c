/* host: runs a Lua file in the engine's state, so that a spec can try the engine's modules alone.
 *     build/spec/host FILE [ARGUMENT …]      exit 1 with the error on stderr where it raises
 * The arguments are in `arg` and, as texts, in `...`. */
#include <lauxlib.h>
#include <stdio.h>

#include "../../engine/api/vm.h"

static int entry(lua_State *L) {
    int argc = (int)lua_tointeger(L, 1);
    char **argv = lua_touserdata(L, 2);
    lua_settop(L, 0);
    if (luaL_loadfile(L, argv[1]) != LUA_OK) return lua_error(L);
    lua_createtable(L, argc, 0);
    for (int i = 1; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, 2, i - 1);
    }
    for (int i = 2; i < argc; i++) lua_rawgeti(L, 2, i - 1);
    lua_pushvalue(L, 2);
    lua_setglobal(L, "arg");
    lua_remove(L, 2);
    lua_call(L, argc - 2, 0);
    return 0;
}

int main(int argc, char **argv) {
    lua_State *L = vm_new();
    if (!L || argc < 2) return 2;
    lua_pushcfunction(L, entry);
    lua_pushinteger(L, argc);
    lua_pushlightuserdata(L, argv);
    int failed = vm_call(L, 2, 0) != LUA_OK;
    if (failed) fprintf(stderr, "%s\n", luaL_tolstring(L, -1, NULL));
    lua_close(L);
    return failed;
}

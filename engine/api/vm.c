#include "vm.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "api.h"
#include "modules.h"

/* The embedded Lua files: build/embed.c, made by the Makefile, is a table of these. */
struct embedded {
    const char *module;
    const char *start, *end;
};
extern const struct embedded embedded_files[];

const char *vm_embedded(const char *module, size_t *len) {
    for (const struct embedded *f = embedded_files; f->module; f++)
        if (strcmp(f->module, module) == 0) {
            *len = (size_t)(f->end - f->start);
            return f->start;
        }
    return NULL;
}

static int with_traceback(lua_State *L) {
    if (lua_type(L, 1) == LUA_TSTRING) luaL_traceback(L, L, lua_tostring(L, 1), 1);
    return 1;
}

int vm_call(lua_State *L, int nargs, int nresults) {
    int base = lua_gettop(L) - nargs;
    lua_pushcfunction(L, with_traceback);
    lua_insert(L, base);
    int status = lua_pcall(L, nargs, nresults, base);
    lua_remove(L, base);
    return status;
}

/* package.searchers entry: the engine's own modules, named by their path under engine/lua. */
static int search_embedded(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    size_t len;
    const char *text = vm_embedded(name, &len);
    if (!text) {
        lua_pushfstring(L, "no embedded module '%s'", name);
        return 1;
    }
    lua_pushfstring(L, "=engine/lua/%s", name);
    if (luaL_loadbufferx(L, text, len, lua_tostring(L, -1), "t") != LUA_OK) return lua_error(L);
    lua_pushstring(L, name);
    return 2;
}

/* The engine's modules come from the program and from nowhere else: no path is searched. */
static void open_engine(lua_State *L) {
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    for (const luaL_Reg *m = api_modules; m->name; m++) {
        lua_pushcfunction(L, m->func);
        lua_setfield(L, -2, m->name);
    }
    lua_pop(L, 1);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers");
    lua_pushcfunction(L, search_embedded);
    lua_rawseti(L, -2, 2);
    for (int i = 3; i <= 4; i++) {
        lua_pushnil(L);
        lua_rawseti(L, -2, i);
    }
    lua_pop(L, 2);
}

/* Runs require("main")(argv…) and turns its result into a status. */
static int entry(lua_State *L) {
    int argc = (int)lua_tointeger(L, 1);
    char **argv = lua_touserdata(L, 2);
    open_engine(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "main");
    lua_call(L, 1, 1);
    lua_createtable(L, argc, 0);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_call(L, 1, 1);
    return 1;
}

int vm_main(int argc, char **argv) {
    lua_State *L = luaL_newstate();
    if (!L) {
        fputs("reeve: out of memory at start\n", stderr);
        return err_exit(ERR_NOMEM);
    }
    lua_pushcfunction(L, entry);
    lua_pushinteger(L, argc);
    lua_pushlightuserdata(L, argv);
    int status = err_exit(ERR_FAILED);
    if (vm_call(L, 2, 1) == LUA_OK)
        status = (int)lua_tointeger(L, -1);
    else
        fprintf(stderr, "reeve: internal error: %s\n", luaL_tolstring(L, -1, NULL));
    lua_close(L);
    return status;
}

#include "vm_lua.h"

#include <lauxlib.h>
#include <string.h>

#include "../host/base/limits.h"
#include "api.h"
#include "budget.h"
#include "sandbox.h"
#include "vm.h"

enum { DATA_INSTRUCTIONS = 200 * 1000 };

/* Registry key of all labels that watch was given, as keys: nothing copies them, and there are few. */
static const char watched;

static int new_sandbox(lua_State *L) {
    if (!lua_isnoneornil(L, 1)) luaL_checktype(L, 1, LUA_TTABLE);
    sandbox_new(L, lua_isnoneornil(L, 1) ? 0 : 1);
    return 1;
}

static int refused(lua_State *L, const char *message) {
    lua_pushnil(L);
    lua_pushstring(L, message);
    lua_pushliteral(L, "config");
    return 3;
}

/* The same for an error; one of vm_protect's own says itself what it is. */
static int refused_by(lua_State *L, int error, const char *message) {
    refused(L, message);
    if (!lua_istable(L, error)) return 3;
    lua_getfield(L, error, "code");
    lua_replace(L, -2);
    return 3;
}

/* The arguments of luaL_loadbufferx, run under the limits: a hostile text may not take all memory
 * either. (text, chunkname) -> function. */
static int compile(lua_State *L) {
    size_t len;
    const char *text = lua_tolstring(L, 1, &len);
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        len -= 3;
    }
    if (luaL_loadbufferx(L, text, len, lua_tostring(L, 2), "t") != LUA_OK) return lua_error(L);
    return 1;
}

/* Pushes the function, or the results of refused(). 1: a function. */
static int load_text(lua_State *L, int text, int name) {
    size_t len;
    luaL_checklstring(L, text, &len);
    const char *shown = luaL_checkstring(L, name);
    if (len > LIMIT_LUA_FILE) {
        lua_pushfstring(L, "%s: larger than %d KiB", shown + (*shown == '@'), LIMIT_LUA_FILE / KIB);
        return refused(L, lua_tostring(L, -1));
    }
    lua_pushcfunction(L, compile);
    lua_pushvalue(L, text);
    lua_pushvalue(L, name);
    if (vm_protect(L, 2, 1) == LUA_OK) return 1;
    int error = lua_gettop(L);
    const char *message = luaL_tolstring(L, error, NULL);
    shown += *shown == '@';
    if (strncmp(message, shown, strlen(shown)) != 0)
        message = lua_pushfstring(L, "%s: %s", shown, message);
    return refused_by(L, error, message);
}

static int load(lua_State *L) {
    luaL_checktype(L, 3, LUA_TTABLE);
    int n = load_text(L, 1, 2);
    if (n > 1) return n;
    lua_pushvalue(L, 3);
    lua_setupvalue(L, -2, 1);
    return 1;
}

static int out_of_scope(lua_State *L) {
    return luaL_error(L, "'%s' is not available: this file is data only",
                      luaL_tolstring(L, 2, NULL));
}

static void push_nothing(lua_State *L) {
    lua_newtable(L);
    lua_createtable(L, 0, 3);
    lua_pushcfunction(L, out_of_scope);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, out_of_scope);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

static int data(lua_State *L) {
    int n = load_text(L, 1, 2);
    if (n > 1) return n;
    push_nothing(L);
    lua_setupvalue(L, -2, 1);
    uint64_t instructions = budget_instructions();
    budget_set(budget_memory(), DATA_INSTRUCTIONS);
    int status = vm_protect(L, 0, 1);
    budget_set(budget_memory(), instructions);
    int result = lua_gettop(L);
    return status == LUA_OK ? 1 : refused_by(L, result, luaL_tolstring(L, result, NULL));
}

static lua_Number positive(lua_State *L, const char *field, lua_Number otherwise) {
    lua_Number n = api_opt_number(L, 1, field, otherwise);
    if (!(n > 0)) luaL_error(L, "option '%s': more than 0 expected", field);
    return n;
}

static double cpu_s = 10;

static int limits(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Number memory = positive(L, "memory_mb", (lua_Number)budget_memory() / MIB);
    lua_Number count = positive(L, "instructions", (lua_Number)budget_instructions());
    cpu_s = positive(L, "cpu_s", cpu_s);
    struct vm_limits set = {
        .memory = (size_t)(memory * MIB), .instructions = (uint64_t)count, .cpu_s = cpu_s};
    vm_limit(&set);
    return 0;
}

static int thread(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    const char *label = luaL_checkstring(L, 2);
    lua_pushvalue(L, 1);
    vm_thread(L, label);
    return 1;
}

static lua_State *check_thread(lua_State *L) {
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co && vm_label(L, co), 1, "coroutine made by thread()");
    return co;
}

static int failed(lua_State *L) {
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int resume(lua_State *L) {
    int nresults;
    int status = vm_resume(L, check_thread(L), lua_gettop(L) - 1, &nresults);
    if (status != LUA_OK && status != LUA_YIELD) return failed(L);
    for (int i = 1; status == LUA_OK && i <= nresults; i++) sandbox_tame(L, -i);
    lua_pushboolean(L, 1);
    lua_insert(L, -nresults - 1);
    return nresults + 1;
}

static int close_thread(lua_State *L) {
    if (vm_close(L, check_thread(L)) != LUA_OK) return failed(L);
    lua_pushboolean(L, 1);
    return 1;
}

static int protect(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    if (vm_protect(L, lua_gettop(L) - 1, LUA_MULTRET) != LUA_OK) return failed(L);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return lua_gettop(L);
}

static int progress(lua_State *L) {
    vm_progress(L);
    return 0;
}

static int watch(lua_State *L) {
    const char *label = luaL_optstring(L, 1, NULL);
    if (label) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &watched);
        lua_pushvalue(L, 1);
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
    }
    lua_pushstring(L, vm_watch(label));
    return 1;
}

static const luaL_Reg functions[] = {
    {"sandbox", new_sandbox},
    {"load", load},
    {"data", data},
    {"limits", limits},
    {"thread", thread},
    {"resume", resume},
    {"close", close_thread},
    {"protect", protect},
    {"progress", progress},
    {"watch", watch},
    {NULL, NULL},
};

int luaopen_host_vm(lua_State *L) {
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &watched);
    luaL_newlib(L, functions);
    lua_getglobal(L, "coroutine");
    lua_getfield(L, -1, "status");
    lua_setfield(L, -3, "status");
    lua_pop(L, 1);
    return 1;
}

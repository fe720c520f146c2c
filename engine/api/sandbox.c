#include "sandbox.h"

#include <lauxlib.h>
#include <string.h>

#include "api.h"
#include "budget.h"
#include "json.h"

/* Registry key of the metatables that sandboxed code has set, weak in its keys. */
static const char made;

static const char *const kept[] = {"assert", "error",    "ipairs",   "pairs",  "rawequal",
                                   "select", "tonumber", "tostring", NULL};
static const char *const libraries[] = {"math", "string", "table", "utf8", NULL};

/* What other Lua programs have, with the way it is done here. */
static const struct {
    const char *name, *hint;
} absent[] = {
    {"print", "use ctx.log.info"},
    {"warn", "use ctx.warn"},
    {"io", "plugins and scripts read and write no files"},
    {"os", "plugins and scripts run no programs; for times there is require \"reeve.time\""},
    {"debug", "plugins and scripts have no debug library"},
    {"coroutine", "calls of ctx wait by themselves; ctx.all runs functions side by side"},
    {"load", "code comes from the plugin's own files only"},
    {"loadstring", "code comes from the plugin's own files only"},
    {"loadfile", "use require for the plugin's own files"},
    {"dofile", "use require for the plugin's own files"},
    {"package", "use require for the plugin's own files"},
    {"rawset", "assign to the field"},
    {"collectgarbage", "memory is looked after; see limits.memory_mb"},
    {"unpack", "use table.unpack"},
    {"_G", "there are no globals; return a table instead"},
};

static const char *hint_for(const char *name) {
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        if (strcmp(absent[i].name, name) == 0) return absent[i].hint;
    return NULL;
}

/* Pushes the key of the table at `names` that is nearest to the text at `name`, or nil. */
static void push_nearest(lua_State *L, int names, int name) {
    lua_getglobal(L, "require");
    lua_pushliteral(L, "suggest");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "nearest");
    lua_pushvalue(L, name);
    lua_newtable(L);
    lua_Integer n = 0;
    for (lua_pushnil(L); lua_next(L, names); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_rawseti(L, -4, ++n);
    }
    lua_call(L, 2, 1);
}

/* __index of the allowed names: nothing is there. */
static int undefined(lua_State *L) {
    const char *name = luaL_tolstring(L, 2, NULL);
    const char *hint = hint_for(name);
    if (hint) return luaL_error(L, "global '%s' is not available: %s", name, hint);
    push_nearest(L, 1, lua_gettop(L));
    if (lua_isnil(L, -1)) return luaL_error(L, "global '%s' is not defined", name);
    return luaL_error(L, "global '%s' is not defined; did you mean '%s'?", name,
                      lua_tostring(L, -1));
}

static int no_new_global(lua_State *L) {
    const char *name = luaL_tolstring(L, 2, NULL);
    return luaL_error(L, "global '%s' cannot be set: use local %s", name, name);
}

static int box_type(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushstring(L, json_is_raw(L, 1) ? "table" : luaL_typename(L, 1));
    return 1;
}

static int box_next(lua_State *L) {
    if (json_is_raw(L, 1)) return 0;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    if (lua_next(L, 1)) return 2;
    lua_pushnil(L);
    return 1;
}

static int box_rawget(lua_State *L) {
    luaL_checkany(L, 2);
    if (json_is_raw(L, 1)) return 0;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    lua_rawget(L, 1);
    return 1;
}

static int box_rawlen(lua_State *L) {
    bool raw = json_is_raw(L, 1);
    luaL_argexpected(L, raw || lua_istable(L, 1) || lua_type(L, 1) == LUA_TSTRING, 1,
                     "table or string");
    lua_pushinteger(L, raw ? 0 : (lua_Integer)lua_rawlen(L, 1));
    return 1;
}

/* Was this metatable set by a sandboxed setmetatable? */
static bool was_made(lua_State *L, int metatable) {
    metatable = lua_absindex(L, metatable);
    bool yes = false;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &made) == LUA_TTABLE) {
        lua_pushvalue(L, metatable);
        yes = lua_rawget(L, -2) != LUA_TNIL;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return yes;
}

enum { TAME_DEPTH = 4, TAME_MOST = 100000 };

static void tame(lua_State *L, int idx, int depth, int *left) {
    if (!lua_istable(L, idx) || depth > TAME_DEPTH || --*left < 0 || !lua_checkstack(L, 8)) return;
    if (lua_getmetatable(L, idx)) {
        bool theirs = was_made(L, -1);
        lua_pop(L, 1);
        if (!theirs) return;
        lua_pushnil(L);
        lua_setmetatable(L, idx);
    }
    for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) tame(L, lua_gettop(L), depth + 1, left);
}

void sandbox_tame(lua_State *L, int idx) {
    int left = TAME_MOST;
    tame(L, lua_absindex(L, idx), 1, &left);
}

static void refuse_metamethod(lua_State *L, const char *name) {
    lua_pushstring(L, name);
    if (lua_rawget(L, 2) != LUA_TNIL) luaL_argerror(L, 2, lua_pushfstring(L, "no %s here", name));
    lua_pop(L, 1);
}

static void remember_metatable(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &made);
    lua_pushvalue(L, 2);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* Only tables that have no metatable yet or one that was set here: the engine's stay its own. */
static int box_setmetatable(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnoneornil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    lua_settop(L, 2);
    bool other = lua_getmetatable(L, 1) && !was_made(L, -1);
    if (other || luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    lua_settop(L, 2);
    if (lua_istable(L, 2)) {
        refuse_metamethod(L, "__gc");
        refuse_metamethod(L, "__close");
        remember_metatable(L);
    }
    lua_setmetatable(L, 1);
    return 1;
}

static int box_getmetatable(lua_State *L) {
    luaL_checkany(L, 1);
    if (!lua_getmetatable(L, 1)) return 0;
    if (!was_made(L, -1)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    luaL_getmetafield(L, 1, "__metatable");
    return 1;
}

/* pcall's and xpcall's end, also after a yield: a breach goes on through. */
static int finish(lua_State *L, int status, lua_KContext handler) {
    if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - (int)handler;
    if (budget_breached(L, status)) return budget_end(L);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int box_pcall(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return finish(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish), 0);
}

/* xpcall's handler: no code of the script's runs for a breach, also because Lua counts nothing
 * while it handles an error that the hook raised. */
static int handle(lua_State *L) {
    if (budget_breached(L, LUA_ERRRUN)) {
        budget_error(L);
        return 1;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, -2);
    lua_call(L, 1, 1);
    return 1;
}

static int box_xpcall(lua_State *L) {
    int nargs = lua_gettop(L) - 2;
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    return finish(L, lua_pcallk(L, nargs, LUA_MULTRET, 2, 2, finish), 2);
}

static const luaL_Reg own[] = {
    {"type", box_type},
    {"next", box_next},
    {"rawget", box_rawget},
    {"rawlen", box_rawlen},
    {"setmetatable", box_setmetatable},
    {"getmetatable", box_getmetatable},
    {"pcall", box_pcall},
    {"xpcall", box_xpcall},
    {NULL, NULL},
};

/* Copies the fields of the table at `from` into the table on top. */
static void copy_into_top(lua_State *L, int from) {
    lua_pushnil(L);
    while (lua_next(L, from)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, -4);
    }
}

static void forget(lua_State *L, const char *name) {
    lua_pushnil(L);
    lua_setfield(L, -2, name);
}

/* Pushes a copy of a standard library without what is unsafe or not repeatable. */
static void push_library(lua_State *L, const char *name) {
    lua_newtable(L);
    lua_getglobal(L, name);
    lua_insert(L, -2);
    copy_into_top(L, lua_gettop(L) - 1);
    lua_remove(L, -2);
    forget(L, "dump");
    forget(L, "random");
    forget(L, "randomseed");
}

void sandbox_guard(lua_State *L) {
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &made);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    push_library(L, "string");
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

/* Gives the table on top a metatable with these two, closed to getmetatable; __index is the
 * function, or the table at `names` where it is not 0. */
static void close_table(lua_State *L, lua_CFunction index, int names) {
    lua_createtable(L, 0, 3);
    if (names)
        lua_pushvalue(L, names);
    else
        lua_pushcfunction(L, index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, no_new_global);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
}

void sandbox_new(lua_State *L, int extra) {
    if (extra) extra = lua_absindex(L, extra);
    luaL_checkstack(L, 10, NULL);
    lua_newtable(L);
    int names = lua_gettop(L);
    luaL_setfuncs(L, own, 0);
    for (const char *const *name = kept; *name; name++) {
        lua_getglobal(L, *name);
        lua_setfield(L, names, *name);
    }
    for (const char *const *name = libraries; *name; name++) {
        push_library(L, *name);
        lua_setfield(L, names, *name);
    }
    if (extra) copy_into_top(L, extra);
    close_table(L, undefined, 0);
    lua_newtable(L);
    close_table(L, NULL, names);
    lua_remove(L, names);
}

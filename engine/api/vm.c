#include "vm.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#include "../host/base/limits.h"
#include "../host/system/watchdog.h"
#include "api.h"
#include "budget.h"
#include "modules.h"
#include "sandbox.h"

/* The embedded Lua files: build/embed.c, made by the Makefile, is a table of these. */
struct embedded {
    const char *module;
    const char *start, *end;
};
extern const struct embedded embedded_files[];

/* The text of an embedded module ("main", "command.sync"); NULL where there is none. */
static const char *embedded(const char *module, size_t *len) {
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

/* vm_call's and vm_protect's common part; `handler` is a stack index or 0. */
static int call(lua_State *L, int nargs, int nresults, int handler) {
    return lua_pcall(L, nargs, nresults, handler);
}

int vm_call(lua_State *L, int nargs, int nresults) {
    int base = lua_gettop(L) - nargs;
    lua_pushcfunction(L, with_traceback);
    lua_insert(L, base);
    int status = call(L, nargs, nresults, base);
    lua_remove(L, base);
    return status;
}

/* What enter keeps for leave. */
struct outer {
    struct budget_outer budget;
    const char *label;
};

static enum err enter(lua_State *L, struct outer *outer, struct error *e) {
    enum err rc = watchdog_enter(e);
    if (!rc) outer->budget = budget_enter(L);
    return rc;
}

static void leave(lua_State *L, struct outer *outer) {
    budget_leave(L, outer->budget);
    watchdog_leave();
}

static int breach_error(lua_State *L) {
    budget_error(L);
    return 1;
}

/* Between enter and leave: the error on top becomes the breach's, which allocates. */
static int breached(lua_State *L) {
    lua_checkstack(L, LUA_MINSTACK);
    lua_pushcfunction(L, breach_error);
    lua_insert(L, -2);
    call(L, 1, 1, 0);
    return VM_BREACH;
}

static int refused(lua_State *L, const struct error *e) {
    lua_pushstring(L, e->text);
    return LUA_ERRRUN;
}

static int with_place(lua_State *L) {
    budget_place_error(L, L);
    return 1;
}

int vm_protect(lua_State *L, int nargs, int nresults) {
    struct outer outer;
    struct error e;
    int base = lua_gettop(L) - nargs;
    if (enter(L, &outer, &e)) {
        lua_settop(L, base - 1);
        return refused(L, &e);
    }
    lua_pushcfunction(L, with_place);
    lua_insert(L, base);
    int status = call(L, nargs, nresults, base);
    lua_remove(L, base);
    if (budget_breached(L, status)) {
        if (status == LUA_OK) {
            lua_settop(L, base - 1);
            lua_pushnil(L);
        }
        status = breached(L);
    }
    if (status != LUA_OK && status != VM_BREACH) sandbox_tame(L, -1);
    leave(L, &outer);
    return status;
}

/* Registry key of the labels: coroutine to text, weak in its keys. */
static const char labels;

lua_State *vm_thread(lua_State *L, const char *label) {
    lua_State *thread = lua_newthread(L);
    lua_checkstack(thread, VM_STACK_ROOM);
    budget_count(thread);
    lua_insert(L, -2);
    lua_xmove(L, thread, 1);
    api_weak_table(L, &labels);
    lua_pushvalue(L, -2);
    lua_pushstring(L, label);
    lua_rawset(L, -3);
    lua_pop(L, 1);
    return thread;
}

const char *vm_label(lua_State *L, lua_State *thread) {
    if (!lua_checkstack(L, 3) || !lua_checkstack(thread, 1)) return NULL;
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &labels) != LUA_TTABLE) {
        lua_pop(L, 1);
        return NULL;
    }
    lua_pushthread(thread);
    if (thread != L) lua_xmove(thread, L, 1);
    lua_rawget(L, -2);
    const char *label = lua_tostring(L, -1);
    lua_pop(L, 2);
    return label;
}

/* (thread, error) -> error */
static int with_place_in(lua_State *L) {
    budget_place_error(L, lua_touserdata(L, 1));
    return 1;
}

/* Puts a place into the error on top of L, which failed in the coroutine. Allocates, so protected. */
static void place_error(lua_State *L, lua_State *thread) {
    lua_checkstack(L, LUA_MINSTACK);
    lua_pushcfunction(L, with_place_in);
    lua_pushlightuserdata(L, thread);
    lua_rotate(L, -3, 2);
    call(L, 2, 1, 0);
}

/* The coroutine ended with an error on its top: it goes to L, and what it left open is closed,
 * still under the limits. */
static int end_thread(lua_State *L, lua_State *thread, int status) {
    bool breach = budget_breached(thread, status);
    if (status == LUA_OK || status == LUA_YIELD)
        lua_pushnil(L);
    else
        lua_xmove(thread, L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) place_error(L, thread);
    lua_resetthread(thread);
    lua_settop(thread, 0);
    if (breach || budget_breached(L, LUA_OK)) return breached(L);
    sandbox_tame(L, -1);
    return status;
}

/* Between enter and leave: lua_resume, with what it gives moved to L. */
static int resume(lua_State *L, lua_State *thread, int nargs, int *nresults) {
    lua_xmove(L, thread, nargs);
    int status = lua_resume(thread, L, nargs, nresults);
    bool ended = status != LUA_OK && status != LUA_YIELD;
    if (ended || budget_breached(thread, status)) return end_thread(L, thread, status);
    if (!lua_checkstack(L, *nresults + LUA_MINSTACK)) {
        lua_pop(thread, *nresults);
        lua_pushliteral(L, "too many results of a coroutine");
        return LUA_ERRRUN;
    }
    lua_xmove(thread, L, *nresults);
    return status;
}

static size_t given; /* by vm_give since the last vm_progress or vm_resume */

int vm_resume(lua_State *L, lua_State *thread, int nargs, int *nresults) {
    struct outer outer;
    struct error e;
    const char *label = vm_label(L, thread);
    if (!lua_checkstack(thread, nargs + 1) || enter(thread, &outer, &e)) {
        lua_pop(L, nargs);
        lua_pushliteral(L, "a coroutine cannot be resumed: too many arguments, or no CPU timer");
        return LUA_ERRRUN;
    }
    given = 0;
    outer.label = watchdog_label(label);
    int status = resume(L, thread, nargs, nresults);
    watchdog_label(outer.label);
    leave(thread, &outer);
    return status;
}

int vm_close(lua_State *L, lua_State *thread) {
    struct outer outer;
    struct error e;
    if (enter(thread, &outer, &e)) return refused(L, &e);
    outer.label = watchdog_label(vm_label(L, thread));
    int status = lua_resetthread(thread);
    if (status != LUA_OK) lua_xmove(thread, L, 1);
    if (status != LUA_OK && budget_breached(L, status)) status = breached(L);
    watchdog_label(outer.label);
    leave(thread, &outer);
    return status;
}

void vm_limit(const struct vm_limits *limits) {
    budget_set(limits->memory, limits->instructions);
    watchdog_limit(limits->cpu_s);
}

bool vm_give(lua_State *L) {
    if (!budget_inside()) return true;
    size_t n = given + 1;
    if (n > LIMIT_GIVEN) return false;
    vm_progress(L);
    given = n;
    return true;
}

void vm_progress(lua_State *L) {
    (void)L;
    given = 0;
    budget_progress();
    watchdog_progress();
}

const char *vm_watch(const char *label) {
    return watchdog_label(label);
}

/* package.searchers entry: the engine's own modules, named by their path under engine/lua. */
static int search_embedded(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    size_t len;
    const char *text = embedded(name, &len);
    if (!text) {
        lua_pushfstring(L, "no embedded module '%s'", name);
        return 1;
    }
    lua_pushfstring(L, "=engine/lua/%s", name);
    if (luaL_loadbufferx(L, text, len, lua_tostring(L, -1), "t") != LUA_OK) return lua_error(L);
    lua_pushstring(L, name);
    return 2;
}

/* coroutine.create for the engine's own Lua, whose coroutines join secrets too: VM_STACK_ROOM. */
static int create_with_room(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *thread = lua_newthread(L);
    lua_checkstack(thread, VM_STACK_ROOM);
    lua_pushvalue(L, 1);
    lua_xmove(L, thread, 1);
    return 1;
}

/* The engine's modules come from the program and from nowhere else: no path is searched. */
static int open_engine(lua_State *L) {
    luaL_openlibs(L);
    lua_getglobal(L, "coroutine");
    lua_pushcfunction(L, create_with_room);
    lua_setfield(L, -2, "create");
    lua_pop(L, 1);
    sandbox_guard(L);
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
    return 0;
}

/* Runs require("main")(argv…) and turns its result into a status. */
static int entry(lua_State *L) {
    int argc = (int)lua_tointeger(L, 1);
    char **argv = lua_touserdata(L, 2);
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

static int panic(lua_State *L) {
    (void)L;
    fputs("reeve: internal error: an error nobody catches\n", stderr);
    return 0;
}

lua_State *vm_new(void) {
    budget_reset();
    lua_State *L = lua_newstate(budget_alloc, NULL);
    if (!L) return NULL;
    lua_atpanic(L, panic);
    lua_gc(L, LUA_GCGEN, 0, 0); /* nearly all of a sync's objects live for one emit */
    lua_checkstack(L, VM_STACK_ROOM);
    lua_pushcfunction(L, open_engine);
    if (vm_call(L, 0, 0) == LUA_OK) return L;
    lua_close(L);
    return NULL;
}

int vm_main(int argc, char **argv) {
    lua_State *L = vm_new();
    if (!L) {
        fputs("reeve: out of memory at start\n", stderr);
        return err_exit(ERR_NOMEM);
    }
    lua_pushcfunction(L, entry);
    lua_pushinteger(L, argc);
    lua_pushlightuserdata(L, argv);
    int status = err_exit(ERR_FAILED), rc = vm_call(L, 2, 1);
    if (rc == LUA_OK)
        status = (int)lua_tointeger(L, -1);
    else if (rc == LUA_ERRMEM)
        fputs("reeve: out of memory\n", stderr);
    else
        fprintf(stderr, "reeve: internal error: %s\n", lua_tostring(L, -1));
    lua_close(L);
    return status;
}

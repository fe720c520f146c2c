#include "sys.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../host/base/limits.h"
#include "../host/base/when.h"
#include "../host/system/process.h"
#include "../host/system/terminal.h"
#include "../host/system/variable.h"
#include "api.h"
#include "secret.h"

static int l_now(lua_State *L) {
    lua_pushnumber(L, process_now());
    return 1;
}

static int l_mono(lua_State *L) {
    lua_pushnumber(L, process_mono());
    return 1;
}

/* Seconds as a float, cut to whole milliseconds: what is finer is noise of the float. */
static bool write_float(lua_Number seconds, char out[WHEN_MAX]) {
    lua_Number whole = floor(seconds);
    if (!(fabs(seconds) < 1e12)) return false;
    uint32_t millis = (uint32_t)((seconds - whole) * 1000);
    return when_write((int64_t)whole, millis * 1000000U, out);
}

/* time([epoch]) -> RFC 3339 in UTC; now where none is given */
static int l_time(lua_State *L) {
    char text[WHEN_MAX];
    lua_Number seconds = luaL_optnumber(L, 1, process_now());
    luaL_argcheck(L, write_float(seconds, text), 1, "no time between the years 0000 and 9999");
    lua_pushstring(L, text);
    return 1;
}

static bool when_number(lua_State *L, enum when_form form, char out[WHEN_MAX]) {
    char text[64];
    int n;
    if (lua_isinteger(L, 1))
        n = snprintf(text, sizeof text, LUA_INTEGER_FMT, lua_tointeger(L, 1));
    else
        n = snprintf(text, sizeof text, "%.6f", lua_tonumber(L, 1));
    return n > 0 && (size_t)n < sizeof text && when_parse(text, (size_t)n, form, out);
}

/* when(text_or_number [, "s"|"ms"]) -> text | nil */
static int l_when(lua_State *L) {
    static const char *const forms[] = {"text", "s", "ms", NULL};
    char out[WHEN_MAX];
    size_t len = 0;
    enum when_form form = (enum when_form)luaL_checkoption(L, 2, "text", forms);
    bool good = false;
    if (lua_type(L, 1) == LUA_TNUMBER)
        good = form != WHEN_TEXT && when_number(L, form, out);
    else if (lua_type(L, 1) == LUA_TSTRING) {
        const char *text = lua_tolstring(L, 1, &len);
        good = when_parse(text, len, form, out);
    }
    if (good)
        lua_pushstring(L, out);
    else
        lua_pushnil(L);
    return 1;
}

/* epoch(text) -> seconds, an integer where the text has no fraction | nil */
static int l_epoch(lua_State *L) {
    size_t len;
    int64_t seconds;
    uint32_t nanos;
    const char *text = luaL_checklstring(L, 1, &len);
    if (!when_seconds(text, len, &seconds, &nanos))
        lua_pushnil(L);
    else if (nanos)
        lua_pushnumber(L, (lua_Number)seconds + nanos / 1e9);
    else
        lua_pushinteger(L, seconds);
    return 1;
}

static int l_pid(lua_State *L) {
    lua_pushinteger(L, getpid());
    return 1;
}

static int push_text(lua_State *L, enum err (*get)(struct buf *)) {
    struct error e = {0};
    struct buf *b = api_buf(L, KIB);
    enum err rc = get(b);
    if (rc) {
        err_set(&e, rc, "ask the system: no room for its answer");
        return api_fail(L, &e);
    }
    lua_pushlstring(L, b->data, b->len);
    return 1;
}

static int l_user(lua_State *L) {
    return push_text(L, process_user);
}

static int l_hostname(lua_State *L) {
    return push_text(L, process_host);
}

static int l_exe_path(lua_State *L) {
    struct error e = {0};
    struct buf *b = api_buf(L, PATH_MAX);
    if (process_path(b, &e)) return api_fail(L, &e);
    lua_pushlstring(L, b->data, b->len);
    return 1;
}

static int l_catch_signals(lua_State *L) {
    (void)L;
    process_catch_signals();
    return 0;
}

/* signal_pending() -> number | nil */
static int l_signal_pending(lua_State *L) {
    if (process_signal())
        lua_pushinteger(L, process_signal());
    else
        lua_pushnil(L);
    return 1;
}

/* A descriptor for the option: an open Lua file, false for /dev/null, absent for ours. */
static int output(lua_State *L, int options, const char *field) {
    int fd = -1;
    if (lua_isnoneornil(L, options)) return -1;
    lua_getfield(L, options, field);
    luaL_Stream *file = luaL_testudata(L, -1, LUA_FILEHANDLE);
    if (file && file->closef)
        fd = fileno(file->f);
    else if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
        fd = -2;
    else if (!lua_isnil(L, -1))
        luaL_error(L, "option '%s': an open file or false expected", field);
    if (fd >= 0) fflush(file->f);
    lua_pop(L, 1);
    return fd;
}

/* spawn(argv [, {stdout = file|false, stderr = file|false, dir=, own=, tied=}]) -> pid */
static int l_spawn(lua_State *L) {
    char *argv[LIMIT_ARGUMENTS + 1];
    struct error e = {0};
    pid_t pid;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer n = luaL_len(L, 1);
    luaL_argcheck(L, n >= 1 && n <= LIMIT_ARGUMENTS, 1, "1 to 256 arguments expected");
    luaL_checkstack(L, (int)n + 4, NULL);
    struct process_options o = {.out = output(L, 2, "stdout"), .err = output(L, 2, "stderr")};
    if (lua_istable(L, 2)) {
        o.dir = api_opt_string(L, 2, "dir", NULL);
        o.own = api_opt_boolean(L, 2, "own", 0);
        o.tied = api_opt_boolean(L, 2, "tied", 0);
    }
    for (lua_Integer i = 1; i <= n; i++) {
        lua_geti(L, 1, i); /* stays on the stack, so that the string stays */
        argv[i - 1] = (char *)luaL_checkstring(L, -1);
    }
    argv[n] = NULL;
    fflush(stdout);
    if (process_start(argv, &o, &pid, &e)) return api_fail(L, &e);
    lua_pushinteger(L, pid);
    return 1;
}

/* wait_any([nowait]) -> pid, status | nil, message, "wait" */
static int l_wait_any(lua_State *L) {
    struct error e = {0};
    pid_t pid;
    int status;
    if (process_wait(!lua_toboolean(L, 1), &pid, &status, &e)) return api_fail(L, &e);
    lua_pushinteger(L, pid);
    lua_pushinteger(L, status);
    return 2;
}

static int l_wake_fd(lua_State *L) {
    struct error e = {0};
    int fd;
    if (process_wake(&fd, &e)) return api_fail(L, &e);
    lua_pushinteger(L, fd);
    return 1;
}

/* sleep(seconds, fd…) */
static int l_sleep(lua_State *L) {
    int fds[PROCESS_FDS];
    lua_Number seconds = luaL_checknumber(L, 1);
    process_sleep(seconds, fds, api_descriptors(L, 2, fds, PROCESS_FDS));
    return 0;
}

/* descriptors(wanted) -> how many are allowed */
static int l_descriptors(lua_State *L) {
    lua_Integer wanted = luaL_checkinteger(L, 1);
    luaL_argcheck(L, wanted >= 0, 1, "a number of descriptors expected");
    size_t allowed = process_descriptors((size_t)wanted);
    lua_pushinteger(L, allowed < LUA_MAXINTEGER ? (lua_Integer)allowed : LUA_MAXINTEGER);
    return 1;
}

static int l_kill(lua_State *L) {
    struct error e = {0};
    lua_Integer pid = luaL_checkinteger(L, 1);
    lua_Integer signal = luaL_checkinteger(L, 2);
    luaL_argcheck(L, pid > 0 && pid <= INT_MAX, 1, "not a process");
    luaL_argcheck(L, signal >= 0 && signal <= 64, 2, "not a signal");
    return api_result(L, process_kill((pid_t)pid, (int)signal, &e), &e);
}

static int l_setenv(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    luaL_argcheck(L, *name && !strchr(name, '='), 1, "not a variable's name");
    if (setenv(name, luaL_checkstring(L, 2), 1) != 0) return luaL_error(L, "out of memory");
    return 0;
}

static int l_unsetenv(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    luaL_argcheck(L, *name && !strchr(name, '='), 1, "not a variable's name");
    unsetenv(name);
    return 0;
}

/* variables(prefix) -> names, in no order */
static int l_variables(lua_State *L) {
    size_t prefix_len, len;
    const char *prefix = luaL_checklstring(L, 1, &prefix_len), *name;
    lua_newtable(L);
    for (size_t i = 0; (name = variable_name(i, &len)); i++) {
        if (len < prefix_len || memcmp(name, prefix, prefix_len) != 0) continue;
        lua_pushlstring(L, name, len);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    }
    return 1;
}

static enum err make_taken(void *ctx, struct secret **out, struct error *e) {
    return variable_take(ctx, out, e);
}

/* take_variable(name) -> secret | nil */
static int l_take_variable(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    const char *value = getenv(name);
    if (!value || !*value) return 0;
    return secret_push_made(L, make_taken, (void *)name);
}

/* uname() -> { system, release, machine } */
static int l_uname(lua_State *L) {
    struct utsname u;
    if (uname(&u) != 0) memset(&u, 0, sizeof u);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, u.sysname), lua_setfield(L, -2, "system");
    lua_pushstring(L, u.release), lua_setfield(L, -2, "release");
    lua_pushstring(L, u.machine), lua_setfield(L, -2, "machine");
    return 1;
}

static int l_isatty(lua_State *L) {
    lua_pushboolean(L, terminal_is((int)luaL_checkinteger(L, 1)));
    return 1;
}

static int l_width(lua_State *L) {
    lua_pushinteger(L, terminal_width());
    return 1;
}

static int l_width_of(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_pushinteger(L, (lua_Integer)terminal_columns(text, len));
    return 1;
}

/* fit(text, columns) -> the part of the text that takes no more columns */
static int l_fit(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    lua_Integer columns = luaL_checkinteger(L, 2);
    lua_pushlstring(L, text, terminal_fit(text, len, columns < 0 ? 0 : (size_t)columns));
    return 1;
}

static enum err make_asked(void *ctx, struct secret **out, struct error *e) {
    return terminal_ask_secret(ctx, out, e);
}

/* getpass(prompt) -> secret */
static int l_getpass(lua_State *L) {
    return secret_push_made(L, make_asked, (void *)luaL_checkstring(L, 1));
}

int luaopen_host_sys(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"now", l_now},
        {"mono", l_mono},
        {"time", l_time},
        {"when", l_when},
        {"epoch", l_epoch},
        {"pid", l_pid},
        {"user", l_user},
        {"hostname", l_hostname},
        {"exe_path", l_exe_path},
        {"catch_signals", l_catch_signals},
        {"signal_pending", l_signal_pending},
        {"spawn", l_spawn},
        {"wait_any", l_wait_any},
        {"wake_fd", l_wake_fd},
        {"sleep", l_sleep},
        {"descriptors", l_descriptors},
        {"kill", l_kill},
        {"setenv", l_setenv},
        {"unsetenv", l_unsetenv},
        {"variables", l_variables},
        {"take_variable", l_take_variable},
        {"uname", l_uname},
        {"isatty", l_isatty},
        {"width", l_width},
        {"width_of", l_width_of},
        {"fit", l_fit},
        {"getpass", l_getpass},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    sys_file_open(L);
    return 1;
}

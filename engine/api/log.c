/* The sink is a Lua function that gets every line as JSON, wanted on stderr or not: run logs are
 * kept in the store by it. */
#include "log.h"

#include <stdlib.h>
#include <string.h>

#include "../host/base/limits.h"
#include "../host/system/log.h"
#include "../host/system/process.h"
#include "api.h"
#include "vm.h"

enum { FIELDS_MAX = 64 };

/* Its address is where the sink is kept in the registry. */
static char sink_key;
static bool in_sink;

static const char *const level_options[] = {"debug", "info", "warn", "error", NULL};

/* setup{format=, level=, color=} */
static int l_setup(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    const char *format = api_opt_string(L, 1, "format", NULL);
    struct log_options options = {.json = format && strcmp(format, "json") == 0};
    luaL_argcheck(L, !format || options.json || strcmp(format, "text") == 0, 1,
                  "format: text or json expected");
    options.color = api_opt_boolean(L, 1, "color", 0) != 0;
    lua_getfield(L, 1, "level");
    lua_replace(L, 1);
    options.level = (enum log_level)luaL_checkoption(L, 1, "info", level_options);
    log_setup(&options);
    return 0;
}

/* A field of the value on the top of the stack; what is no plain value is told by tostring, whose
 * text then stands on the stack in its place. */
static struct log_field field(lua_State *L, const char *name) {
    struct log_field f = {.name = name, .type = LOG_TEXT};
    int type = lua_type(L, -1);
    if (type == LUA_TBOOLEAN) {
        f.type = LOG_BOOLEAN;
        f.integer = lua_toboolean(L, -1);
    } else if (lua_isinteger(L, -1)) {
        f.type = LOG_INTEGER;
        f.integer = lua_tointeger(L, -1);
    } else if (type == LUA_TNUMBER) {
        f.type = LOG_NUMBER;
        f.number = lua_tonumber(L, -1);
    } else {
        f.text = luaL_tolstring(L, -1, &f.len);
        lua_remove(L, -2);
    }
    return f;
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct log_field *)a)->name, ((const struct log_field *)b)->name);
}

/* The fields of the table at index t, sorted by name; their values stay on the stack. */
static size_t fields_of(lua_State *L, int t, struct log_field fields[FIELDS_MAX]) {
    size_t n = 0;
    if (lua_isnoneornil(L, t)) return 0;
    luaL_checktype(L, t, LUA_TTABLE);
    luaL_checkstack(L, FIELDS_MAX + 8, NULL);
    lua_pushnil(L);
    while (n < FIELDS_MAX && lua_next(L, t)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            lua_pop(L, 1);
            continue;
        }
        lua_insert(L, -2); /* the value stays below, the key is what lua_next wants */
        lua_pushvalue(L, -2);
        fields[n] = field(L, lua_tostring(L, -2));
        lua_replace(L, -3);
        n++;
    }
    qsort(fields, n, sizeof *fields, by_name);
    return n;
}

static void tell_sink(lua_State *L, const struct log_event *event) {
    if (in_sink || lua_rawgetp(L, LUA_REGISTRYINDEX, &sink_key) == LUA_TNIL) return;
    struct buf *line = api_buf(L, LIMIT_LOG_LINE);
    if (log_write(event, true, line) != ERR_OK) return;
    lua_pushvalue(L, -2);
    lua_pushlstring(L, line->data, line->len - 1);
    in_sink = true; /* what the sink itself logs does not come back to it */
    int status = vm_call(L, 1, 0);
    in_sink = false;
    if (status != LUA_OK) lua_error(L);
}

/* line(level, message [, fields]) */
static int l_line(lua_State *L) {
    struct log_field fields[FIELDS_MAX];
    struct log_event event = {.fields = fields, .at = process_now()};
    event.level = (enum log_level)luaL_checkoption(L, 1, NULL, level_options);
    luaL_tolstring(L, 2, NULL);
    lua_replace(L, 2);
    event.message = lua_tolstring(L, 2, &event.len);
    event.nfields = fields_of(L, 3, fields);
    log_line(&event);
    tell_sink(L, &event);
    return 0;
}

/* wanted(level) -> boolean */
static int l_wanted(lua_State *L) {
    enum log_level level = (enum log_level)luaL_checkoption(L, 1, NULL, level_options);
    lua_pushboolean(L, log_wanted(level));
    return 1;
}

/* set_sink(fn | nil) */
static int l_set_sink(lua_State *L) {
    if (!lua_isnil(L, 1)) luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &sink_key);
    in_sink = false;
    return 0;
}

int luaopen_host_log(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"setup", l_setup},
        {"line", l_line},
        {"wanted", l_wanted},
        {"set_sink", l_set_sink},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    return 1;
}

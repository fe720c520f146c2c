/* host.c1z_read: a .c1z file that anybody wrote, read row by row.
 *
 *   open(path, folder) -> file | nil, message, code     the folder has room for what is unpacked
 *   file:sync() -> { id =, started =, ended = }         the one that is read; times as the file has them
 *   file:rows(table) -> iterator of message, text|nil, …   the table's columns in the order of c1z.h;
 *                                behind those of a grant, its expansion; table: resource_type, resource,
 *                                entitlement, grant. One iterator at a time
 *   file:types(max) -> iterator of the types that resources have
 *   file:locate(entitlement) -> type, id of the resource it is on | nil
 *   file:close()
 * Once open, what fails raises { code, message }. */
#include "c1z_read.h"

#include "../host/c1/c1z_read.h"
#include "api.h"

#define CLASS "reeve.c1z_reader"

struct holder {
    struct c1z_reader *r;
};

static struct c1z_reader *check(lua_State *L, int at) {
    struct holder *h = luaL_checkudata(L, at, CLASS);
    if (!h->r) luaL_error(L, "this file is closed");
    return h->r;
}

static int l_close(lua_State *L) {
    struct holder *h = luaL_checkudata(L, 1, CLASS);
    c1z_reader_free(h->r);
    h->r = NULL;
    return 0;
}

static int l_open(lua_State *L) {
    const char *path = luaL_checkstring(L, 1), *folder = luaL_checkstring(L, 2);
    struct holder *h = lua_newuserdatauv(L, sizeof *h, 0);
    h->r = NULL;
    luaL_setmetatable(L, CLASS);
    struct error e;
    return c1z_reader_open(&h->r, path, folder, C1Z_UNPACKED, &e) ? api_fail(L, &e) : 1;
}

static int l_sync(lua_State *L) {
    const struct c1z_found *sync = c1z_reader_sync(check(L, 1));
    lua_createtable(L, 0, 3);
    lua_pushstring(L, sync->id);
    lua_setfield(L, -2, "id");
    lua_pushstring(L, sync->started);
    lua_setfield(L, -2, "started");
    lua_pushstring(L, sync->ended);
    lua_setfield(L, -2, "ended");
    return 1;
}

static void push(lua_State *L, struct span text) {
    if (text.p)
        lua_pushlstring(L, text.p, text.n);
    else
        lua_pushnil(L);
}

/* Upvalues: the file, how many columns are given, whether a message goes before them. */
static int next_row(lua_State *L) {
    struct c1z_reader *r = check(L, lua_upvalueindex(1));
    int columns = (int)lua_tointeger(L, lua_upvalueindex(2));
    bool messages = lua_toboolean(L, lua_upvalueindex(3));
    struct c1z_row row;
    struct error e;
    bool more;
    if (c1z_reader_next(r, &row, &more, &e)) return api_raise(L, &e);
    if (!more) return 0;
    /* A message that is NULL is an empty one: nil would end the loop. */
    if (messages) lua_pushlstring(L, row.message.p ? row.message.p : "", row.message.n);
    for (int i = 0; i < columns; i++) push(L, row.columns[i]);
    if (!messages) return columns;
    push(L, row.expansion);
    return columns + 2;
}

static int push_iterator(lua_State *L, size_t columns, bool messages) {
    lua_pushvalue(L, 1);
    lua_pushinteger(L, (lua_Integer)columns);
    lua_pushboolean(L, messages);
    lua_pushcclosure(L, next_row, 3);
    return 1;
}

static int l_rows(lua_State *L) {
    static const char *const names[] = {"resource_type", "resource", "entitlement", "grant", NULL};
    struct c1z_reader *r = check(L, 1);
    enum c1z_table table = (enum c1z_table)luaL_checkoption(L, 2, NULL, names);
    struct error e;
    if (c1z_reader_begin(r, table, &e)) return api_raise(L, &e);
    return push_iterator(L, c1z_columns(table), true);
}

static int l_types(lua_State *L) {
    struct c1z_reader *r = check(L, 1);
    lua_Integer max = luaL_checkinteger(L, 2);
    luaL_argcheck(L, max > 0 && max < 100000, 2, "a small number");
    struct error e;
    if (c1z_reader_begin_types(r, (unsigned)max, &e)) return api_raise(L, &e);
    return push_iterator(L, 1, false);
}

static int l_locate(lua_State *L) {
    struct c1z_reader *r = check(L, 1);
    struct span id, type, resource;
    id.p = luaL_checklstring(L, 2, &id.n);
    struct error e;
    if (c1z_reader_locate(r, id, &type, &resource, &e)) return api_raise(L, &e);
    push(L, type);
    push(L, resource);
    return 2;
}

int luaopen_host_c1z_read(lua_State *L) {
    static const luaL_Reg methods[] = {{"sync", l_sync},     {"rows", l_rows},   {"types", l_types},
                                       {"locate", l_locate}, {"close", l_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};
    api_class(L, CLASS, methods, l_close);
    luaL_newlib(L, functions);
    return 1;
}

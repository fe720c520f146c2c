/* host.c1z: a .c1z file, written row by row.
 *
 *   create(folder, sync_type, sync_id, started) -> file | nil, message, code
 *                                          the folder has room for its tables; sync_type: full, partial,
 *                                          resources_only
 *   file:add(table, message, text|nil, …) -> true | nil, …   the table's columns in the order of c1z.h;
 *                                          table: resource_type, resource, entitlement, grant
 *   file:finish(ended) -> true | nil, …    no row can be added after it
 *   file:write(path [, name]) -> true | nil, …  into a file that is there; messages call it `name`
 *   file:close() */
#include "c1z.h"

#include "../host/c1/c1z.h"
#include "api.h"

#define CLASS "reeve.c1z"

struct holder {
    struct c1z *c;
};

static struct c1z *check(lua_State *L) {
    struct holder *h = luaL_checkudata(L, 1, CLASS);
    if (!h->c) luaL_error(L, "this file is closed");
    return h->c;
}

static int l_close(lua_State *L) {
    struct holder *h = luaL_checkudata(L, 1, CLASS);
    c1z_free(h->c);
    h->c = NULL;
    return 0;
}

static int l_create(lua_State *L) {
    static const char *const types[] = {"full", "partial", "resources_only", NULL};
    const char *folder = luaL_checkstring(L, 1);
    enum c1z_sync type = (enum c1z_sync)luaL_checkoption(L, 2, NULL, types);
    const char *id = luaL_checkstring(L, 3), *started = luaL_checkstring(L, 4);
    struct holder *h = lua_newuserdatauv(L, sizeof *h, 0);
    h->c = NULL;
    luaL_setmetatable(L, CLASS);
    struct error e;
    return c1z_open(&h->c, folder, type, id, started, &e) ? api_fail(L, &e) : 1;
}

static int l_add(lua_State *L) {
    static const char *const names[] = {"resource_type", "resource", "entitlement", "grant", NULL};
    struct c1z *c = check(L);
    enum c1z_table table = (enum c1z_table)luaL_checkoption(L, 2, NULL, names);
    struct span message, columns[C1Z_COLUMNS] = {{NULL, 0}};
    message.p = luaL_checklstring(L, 3, &message.n);
    for (size_t i = 0; i < c1z_columns(table); i++)
        columns[i].p = luaL_optlstring(L, (int)i + 4, NULL, &columns[i].n);
    struct error e;
    return api_result(L, c1z_add(c, table, columns, message, &e), &e);
}

static int l_finish(lua_State *L) {
    struct error e;
    return api_result(L, c1z_finish(check(L), luaL_checkstring(L, 2), &e), &e);
}

static int l_write(lua_State *L) {
    const char *path = luaL_checkstring(L, 2), *name = luaL_optstring(L, 3, path);
    struct error e;
    return api_result(L, c1z_write(check(L), path, name, &e), &e);
}

int luaopen_host_c1z(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"add", l_add}, {"finish", l_finish}, {"write", l_write}, {"close", l_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"create", l_create}, {NULL, NULL}};
    api_class(L, CLASS, methods, l_close);
    luaL_newlib(L, functions);
    return 1;
}

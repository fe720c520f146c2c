#include "draft.h"

#include "../host/system/draft.h"
#include "api.h"

#define CLASS "reeve.draft"

struct holder {
    struct draft *d;
};

static struct draft *check(lua_State *L) {
    struct holder *h = luaL_checkudata(L, 1, CLASS);
    if (!h->d) luaL_error(L, "this draft is closed");
    return h->d;
}

static int l_close(lua_State *L) {
    struct holder *h = luaL_checkudata(L, 1, CLASS);
    draft_free(h->d);
    h->d = NULL;
    return 0;
}

static int l_open(lua_State *L) {
    const char *place = luaL_checkstring(L, 1);
    struct holder *h = lua_newuserdatauv(L, sizeof *h, 0);
    h->d = NULL;
    luaL_setmetatable(L, CLASS);
    struct error e;
    return draft_open(&h->d, place, &e) ? api_fail(L, &e) : 1;
}

static int l_path(lua_State *L) {
    lua_pushstring(L, draft_path(check(L)));
    return 1;
}

static int l_keep(lua_State *L) {
    struct error e;
    return api_result(L, draft_keep(check(L), &e), &e);
}

int luaopen_host_draft(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"path", l_path}, {"keep", l_keep}, {"close", l_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};
    api_class(L, CLASS, methods, l_close);
    luaL_newlib(L, functions);
    return 1;
}

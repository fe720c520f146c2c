/* host.store, bound by store.c. */
#ifndef REEVE_API_STORE_H
#define REEVE_API_STORE_H

#include <lua.h>

int luaopen_host_store(lua_State *L);

#endif

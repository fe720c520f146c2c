/* host.c1z: see c1z.c. */
#ifndef REEVE_API_C1Z_H
#define REEVE_API_C1Z_H

#include <lua.h>

int luaopen_host_c1z(lua_State *L);

#endif

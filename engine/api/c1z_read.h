/* host.c1z_read: see c1z_read.c. */
#ifndef REEVE_API_C1Z_READ_H
#define REEVE_API_C1Z_READ_H

#include <lua.h>

int luaopen_host_c1z_read(lua_State *L);

#endif

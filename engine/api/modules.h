/* modules: what the engine's Lua can require as "host.NAME". */
#ifndef REEVE_MODULES_H
#define REEVE_MODULES_H

#include <lauxlib.h>

extern const luaL_Reg api_modules[];

#endif

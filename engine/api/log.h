/* log: require "host.log". */
#ifndef REEVE_API_LOG_H
#define REEVE_API_LOG_H

#include <lua.h>

int luaopen_host_log(lua_State *L);

#endif

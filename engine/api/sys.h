/* sys: require "host.sys", one table for the engine's Lua, filled from two files. */
#ifndef REEVE_API_SYS_H
#define REEVE_API_SYS_H

#include <lauxlib.h>

int luaopen_host_sys(lua_State *L);

/* What sys_file.c adds: files, folders and locks. Registers the class of locks too. */
void sys_file_open(lua_State *L);

#endif

/* sandbox: what plugins and operators' scripts see of Lua.
 *
 * A sandbox is an environment table made by an allow-list: assert error ipairs next pairs pcall
 * rawequal rawget rawlen select tonumber tostring type xpcall getmetatable setmetatable, and its
 * own copies of math (no random), string (no dump), table and utf8. It refuses new globals, names
 * a global that is not there, and cannot reach the engine's tables: every library table is a copy
 * of its own, the metatable of strings is hidden, getmetatable shows only what setmetatable set.
 * Raw JSON objects (json.h) are tables to it: type() says so; next and rawget see nothing. */
#ifndef REEVE_SANDBOX_H
#define REEVE_SANDBOX_H

#include <lua.h>
#include <stdbool.h>

/* Once a state: takes what strings' methods are out of everybody's reach. The engine's own
 * string table stays as it is.  [-0, +0, m] */
void sandbox_guard(lua_State *L);

/* Pushes a new environment; the table at index `extra` (0: none) gives further globals.
 * [-0, +1, m] */
void sandbox_new(lua_State *L, int extra);

/* Takes the metatables that sandboxed code has set off the table at idx and those in it, a few
 * levels deep, so that reading it runs none of that code. Values from a sandbox that the engine's
 * Lua will read go through here; anything but a table stays as it is.  [-0, +0, -] */
void sandbox_tame(lua_State *L, int idx);

#endif

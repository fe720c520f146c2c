/* api: how C shows itself to Lua.
 *
 * One primitive, one file, one table of functions, one exported luaopen: engine/api/<noun>.c
 * binds engine/host/<noun>.c and is reached from the engine's Lua as require "host.<noun>".
 *
 * Two error rules, everywhere:
 *   a caller's mistake raises (luaL_arg…), naming the argument;
 *   the world's failure returns  nil, message, code  (api_fail), code being err_name()'s word.
 * A function that may raise owns no malloc: memory is in a userdata with __gc before it is filled. */
#ifndef REEVE_API_H
#define REEVE_API_H

#include <lauxlib.h>
#include <lua.h>

#include "../host/base/buf.h"
#include "../host/base/err.h"

/* Pushes nil, e->text, the code's name; returns 3, for `return api_fail(L, &e)`.  [-0, +3, m] */
int api_fail(lua_State *L, const struct error *e);

/* Raises a table { message, code }: for those who are called as iterators or by plugins, where a
 * returned nil would mean something else.  [-0, +0, v] */
int api_raise(lua_State *L, const struct error *e);

/* Pushes true or fails as above.  [-0, +1|3, m] */
int api_result(lua_State *L, enum err rc, const struct error *e);

/* A buffer as a userdata, freed by __gc and __close, so that code that raises leaks nothing.
 * [-0, +1, m] */
struct buf *api_buf(lua_State *L, size_t max);

/* Registers a metatable `name` with these methods (__index is the table itself), __gc and __close
 * both `release`, and a __name; leaves nothing on the stack.  [-0, +0, m] */
void api_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction release);

/* Optional fields of an options table at index t; absent fields give the default, a field of
 * another type raises with its name. Strings live as long as the table does.  [-0, +0, v] */
const char *api_opt_string(lua_State *L, int t, const char *field, size_t *len);
lua_Integer api_opt_integer(lua_State *L, int t, const char *field, lua_Integer otherwise);
lua_Number api_opt_number(lua_State *L, int t, const char *field, lua_Number otherwise);
int api_opt_boolean(lua_State *L, int t, const char *field, int otherwise);

/* Reads the descriptors that are the arguments from `first` to the last, `max` at most; returns how
 * many there are. Another type or more of them raises.  [-0, +0, v] */
size_t api_descriptors(lua_State *L, int first, int *fds, int max);

/* Pushes the table with weak keys that the registry keeps under `key`; made when first asked for. */
void api_weak_table(lua_State *L, const void *key);

#endif

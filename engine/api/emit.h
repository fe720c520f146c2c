/* emit: what plugins call as ctx.emit, and what is beside it. */
#ifndef REEVE_API_EMIT_H
#define REEVE_API_EMIT_H

#include <lua.h>

/* emit(kind, raw [, with]), with the unit (stage.h) as first upvalue. Raises a text where the plugin
 * errs, a table { code, message } where the store does, and passes on a breach.  [-0, +0, v] */
int emit(lua_State *L);

/* set_aside(kind, raw, reason [, type, id]), for the engine's own use and with the same upvalue: an
 * object that is none that could be mapped. Without an id its list cannot be believed to be whole.
 * [-0, +0, v] */
int emit_set_aside(lua_State *L);

#endif

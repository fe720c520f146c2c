/* emit: what plugins call as ctx.emit. */
#ifndef REEVE_API_EMIT_H
#define REEVE_API_EMIT_H

#include <lua.h>

/* emit(kind, raw [, with]), with the unit (stage.h) as first upvalue. Raises a text where the plugin
 * errs, a table { code, message } where the store does, and passes on a breach.  [-0, +0, v] */
int emit(lua_State *L);

#endif

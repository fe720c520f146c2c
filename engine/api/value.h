/* api/value: Lua values as trees (host/json/value.h).
 *
 * Tables are read as api/json_encode reads them: without metamethods, as an array where they were
 * made by json.array or have something at 1. What JSON has no form for, nesting beyond
 * LIMIT_JSON_DEPTH (and so a circle), arrays with holes and names that are no strings become
 * faults. */
#ifndef REEVE_API_VALUE_H
#define REEVE_API_VALUE_H

#include <lua.h>

#include "../host/json/value.h"

/* Makes a tree of the value. Strings are Lua's: the tree holds while the value is on the stack and
 * unchanged. ERR_LIMIT, ERR_NOMEM from the pool.  [-0, +0, m] */
enum err value_from_lua(lua_State *L, int idx, struct value_pool *p, struct value *out);

#endif

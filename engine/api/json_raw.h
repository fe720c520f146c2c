/* api/json_raw: raw objects, and the Lua values that JSON's simple values are.
 *
 * A raw object is a read-only userdata that holds the bytes of an array or object as they came and
 * is decoded when it is first looked into, one level at a time. It owns a copy of the bytes; its
 * parts point into the outermost one and keep it alive. */
#ifndef REEVE_API_JSON_RAW_H
#define REEVE_API_JSON_RAW_H

#include <lua.h>
#include <stdbool.h>

#include "../host/json/json.h"

/* Pushes a JSON value that was checked before (json_check, json_split): an array or object as a raw
 * object, anything else as the Lua value it is (null: json.null).  [-0, +1, m] */
void json_push_raw(lua_State *L, const char *bytes, size_t len);

/* The bytes of a raw object, outermost or part, valid while it is alive; NULL where the value is
 * none.  [-0, +0, -] */
const char *json_raw_bytes(lua_State *L, int idx, size_t *len);
bool json_is_raw(lua_State *L, int idx);
bool json_is_raw_array(lua_State *L, int idx);

/* Pushes the table behind a raw object: its elements, or its members and, under 1, 2, …, their
 * names in document order; parts are raw objects again. It is shared: do not change it, nor hand it
 * out.  [-0, +1, m] */
void json_raw_level(lua_State *L, int idx);

/* Pushes a value that is neither array nor object.  [-0, +1, m] */
void json_push_simple(lua_State *L, const struct json_value *value);

/* Pushes json.null.  [-0, +1, -] */
void json_push_null(lua_State *L);
bool json_is_null(lua_State *L, int idx);

#endif

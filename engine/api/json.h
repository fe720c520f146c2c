/* api/json: JSON as Lua sees it, require "host.json": decoding into plain tables here, raw objects
 * in json_raw.h, encoding in json_encode.h.
 *
 * Everywhere: members that are null are absent; null in an array is json.null (a light userdata of
 * NULL); of repeated names the last wins; integers are exact, those beyond 64 bits are their
 * decimal text, and so are floats beyond a double's range; other numbers with a point or an
 * exponent are floats.
 *
 *   decode(text) -> value | nil, message, code        encode(value [, { indent = n }]) -> text
 *   raw(text) -> raw object | nil, message, code      is_raw(value)
 *   null                                              array(table) marks one that may be empty */
#ifndef REEVE_API_JSON_H
#define REEVE_API_JSON_H

#include "json_encode.h"
#include "json_raw.h"

/* Checks the bytes and pushes the value as plain tables (an array has json.array's metatable, so
 * that an empty one stays one; a document that is null is json.null). ERR_INVALID, ERR_LIMIT as
 * json_check; then nothing is pushed.  [-0, +1|0, m] */
enum err json_decode_push(lua_State *L, const char *bytes, size_t len, struct error *e);

int luaopen_host_json(lua_State *L);

#endif

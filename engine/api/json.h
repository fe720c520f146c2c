/* api/json: JSON as Lua sees it: raw objects, exact decoding, canonical encoding.
 *
 * A raw object is a read-only userdata that holds the bytes of an array or object as they came and
 * is decoded when it is first looked into, one level at a time. Its parts point into the outermost
 * one and keep it alive. Members that are null are absent; null in an array is json.null (a light
 * userdata of NULL); the last of repeated names wins; integers are exact, those beyond 64 bits are
 * their decimal text, and so are floats beyond a double's range; other numbers with a point or an
 * exponent are floats. */
#ifndef REEVE_API_JSON_H
#define REEVE_API_JSON_H

#include <lua.h>
#include <stdbool.h>

#include "../host/buf.h"
#include "../host/err.h"

/* Pushes a JSON value that was checked before (json_check, json_split): an array or object as a raw
 * object holding a copy of the bytes, anything else as the Lua value it is (null: json.null).
 * `facts` are those of json.h, JSON_UNKNOWN where nobody knows.  [-0, +1, m] */
void json_push_raw(lua_State *L, const char *bytes, size_t len);
void json_push_raw_facts(lua_State *L, const char *bytes, size_t len, unsigned facts);

/* The bytes of a raw object, outermost or part, valid while it is alive; NULL where the value is
 * none.  [-0, +0, -] */
const char *json_raw_bytes(lua_State *L, int idx, size_t *len);
bool json_is_raw(lua_State *L, int idx);

/* Is it a raw array (true) or anything else?  [-0, +0, -] */
bool json_is_raw_array(lua_State *L, int idx);

/* Checks the bytes and pushes the value as plain tables. ERR_INVALID, ERR_LIMIT as json_check; then
 * nothing is pushed.  [-0, +1|0, m] */
enum err json_decode_push(lua_State *L, const char *bytes, size_t len, struct error *e);

/* Appends the value as canonical JSON: member names sorted by bytes, no blanks, integers as
 * integers, floats in the shortest form that reads back the same. Tables are read without
 * metamethods: one with keys 1..n, or made by json.array, is an array, an empty one an object.
 * Raw objects are written as Lua sees them. ERR_INVALID with the path of what cannot be written
 * (another type, NaN, invalid UTF-8, mixed keys, too deep), ERR_LIMIT, ERR_NOMEM from the buffer;
 * values are never quoted. `out` then holds a part.  [-0, +0, m] */
enum err json_encode(lua_State *L, int idx, struct buf *out, struct error *e);

/* The same with options. `other` (may be NULL) is asked about every userdata that is not a raw
 * object: it appends the value's JSON and returns true, or returns false to have it refused.
 * `indent` is the blanks a level is indented by, 0 for one line. */
struct json_encoding {
    int indent;
    bool (*other)(lua_State *L, int idx, struct buf *out, enum err *rc);
};
enum err json_encode_with(lua_State *L, int idx, struct buf *out, const struct json_encoding *how,
                          struct error *e);

/* Pushes json.null.  [-0, +1, -] */
void json_push_null(lua_State *L);
bool json_is_null(lua_State *L, int idx);

int luaopen_host_json(lua_State *L);

#endif

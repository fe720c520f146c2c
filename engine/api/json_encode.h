/* api/json_encode: Lua values as canonical JSON.
 *
 * The same value always gives the same bytes: member names sorted by bytes, no blanks (unless an
 * indent is asked for), integers as integers, floats so that they read back the same.
 * Tables are read without metamethods: one made by json.array, or with something at 1, is an array,
 * any other an object. Raw objects are written as Lua sees them. */
#ifndef REEVE_API_JSON_ENCODE_H
#define REEVE_API_JSON_ENCODE_H

#include <lua.h>
#include <stdbool.h>

#include "../host/base/buf.h"
#include "../host/base/err.h"

struct json_encoding {
    int indent; /* blanks a level is indented by; 0: all on one line */

    /* Asked about each userdata that is neither a raw object nor json.null: appends its JSON and
     * returns true, or returns false to have it refused; *rc is what `out` said. May be NULL. */
    bool (*other)(lua_State *L, int idx, struct buf *out, enum err *rc);
};

/* Appends the value's JSON to `out`; `how` may be NULL. ERR_INVALID for what cannot be written
 * (another type, NaN, an infinity, invalid UTF-8, an array with holes or names, an object with a
 * name that is no string, more than LIMIT_JSON_DEPTH levels), naming its path and never its value;
 * ERR_LIMIT, ERR_NOMEM from the buffer. `out` then holds a part.  [-0, +0, m] */
enum err json_encode_with(lua_State *L, int idx, struct buf *out, const struct json_encoding *how,
                          struct error *e);

/* The same on one line, for values without foreign userdata. */
enum err json_encode(lua_State *L, int idx, struct buf *out, struct error *e);

/* What the table at t is in JSON; neither where its keys are not 1 to n and yet it begins as an
 * array.  [-0, +0, m] */
enum json_form { JSON_FORM_OBJECT, JSON_FORM_ARRAY, JSON_FORM_NONE };
enum json_form json_table_form(lua_State *L, int t);

/* Gives the table on top of the stack the metatable of arrays.  [-0, +0, m] */
void json_mark_array(lua_State *L);

#endif

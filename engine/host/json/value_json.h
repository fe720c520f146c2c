/* value_json: trees (value.h) from JSON, and as canonical JSON: the same tree always gives the same
 * bytes, with names sorted, no blanks, integers as integers and floats so that they read back. */
#ifndef REEVE_VALUE_JSON_H
#define REEVE_VALUE_JSON_H

#include "value.h"

/* Makes a tree of text that was checked before (json_check). Strings without escapes point into the
 * text. Names that are repeated are all there; an integer beyond 64 bits is a string of its digits.
 * ERR_LIMIT where it has too many values or levels, ERR_NOMEM. */
enum err value_json_read(struct value_pool *p, const char *json, size_t len, struct value *out);

/* Appends the tree's JSON; ERR_INVALID at a fault; ERR_LIMIT, ERR_NOMEM from the buffer. */
enum err value_json_write(const struct value *v, struct buf *out);

#endif

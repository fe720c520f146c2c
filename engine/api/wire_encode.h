/* wire_encode: a Lua value as a protobuf message, by tables. The rules are in wire.h. */
#ifndef REEVE_API_WIRE_ENCODE_H
#define REEVE_API_WIRE_ENCODE_H

#include "wire_tables.h"

/* Appends the value on top of the stack as a message of that type. ERR_INVALID naming message and
 * field, never the value; ERR_LIMIT for nesting; ERR_LIMIT and ERR_NOMEM of the buffer, without a
 * text. `out` then holds a part.  [-0, +0, m] */
enum err wire_encode(const struct wire_tables *ts, const struct wire_rules *type, struct buf *out,
                     struct error *e);

#endif

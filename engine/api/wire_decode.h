/* wire_decode: the bytes of a protobuf message as a Lua value, by tables. The rules are in
 * wire.h. */
#ifndef REEVE_API_WIRE_DECODE_H
#define REEVE_API_WIRE_DECODE_H

#include "wire_tables.h"

/* Pushes the message as a value of that type. ERR_INVALID, and ERR_LIMIT past LIMIT_WIRE_DEPTH
 * levels or LIMIT_WIRE_VALUES values; then nothing is pushed.  [-0, +1|0, m] */
enum err wire_decode(const struct wire_tables *ts, const struct wire_rules *type,
                     const char *bytes, size_t len, struct error *e);

#endif

/* wire: protobuf as data, require "host.wire": Lua values to messages and back by message tables,
 * which are Lua too (engine/lua/c1/messages.lua).
 *
 *   encode(tables, name, value) -> bytes | nil, message, code
 *   encoder(tables, name) -> function(value) -> bytes | nil, message, code       the same, for many
 *   decode(tables, name, bytes) -> value | nil, message, code
 *
 *   tables["a.b.Message"] = { field = { number, type [, rule] [, oneof = "group"] }, … }
 *
 * type   string bytes bool enum int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32
 *        sfixed64 float double, or the name of a message
 * rule   "repeated" (numbers packed), "map" (names are strings; type is that of the values),
 *        "optional"
 *
 * A message is a table by names of fields; a field that it does not have is refused. Enums are
 * their numbers; integers are Lua's, those of uint64 past them negative. Written are fields by
 * their numbers and maps by their names, so that the same value always gives the same bytes;
 * defaults are left out, except of fields that are optional or in a oneof, of elements and members.
 * What is absent from the bytes is absent from the table.
 *
 * google.protobuf.Any is { type = "a.b.Message", value = { … } }; one whose type is not in the
 * tables has `bytes` in place of value. Struct, ListValue and Value are plain tables and values as
 * those of host.json: null is json.null, what json.array made or begins at 1 is a list, all numbers
 * become doubles, but integers that none is equal to, which become texts. A Timestamp may be given
 * as a text (host/base/when); read, it is a table as its message says.
 *
 * Read is what any writer may write: fields in any order, numbers packed or not, messages in
 * pieces, of several values the last; unknown fields are passed over. Refused are lengths that are
 * not there, groups, strings that are not UTF-8, more than LIMIT_WIRE bytes, LIMIT_WIRE_VALUES
 * values or LIMIT_WIRE_DEPTH levels. */
#ifndef REEVE_API_WIRE_H
#define REEVE_API_WIRE_H

#include <lua.h>

#define WIRE_ANY_PREFIX "type.googleapis.com/" /* of the types' URLs in Any */
#define WIRE_TIMESTAMP "google.protobuf.Timestamp"

int luaopen_host_wire(lua_State *L);

#endif

/* wire_tables: message tables, as Lua keeps them, made ready for wire_encode and wire_decode.
 *
 * The tables are the engine's own data and trusted: what is wrong in them raises. A message is made
 * ready when it is first asked for and kept as long as the tables are, which must not change any
 * more; names are theirs. */
#ifndef REEVE_API_WIRE_TABLES_H
#define REEVE_API_WIRE_TABLES_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "../host/c1/wire.h"

/* In the order of their names in wire_tables.c: bytes, numbers, messages. */
enum wire_kind {
    WIRE_KIND_STRING,
    WIRE_KIND_BYTES,
    WIRE_KIND_BOOL,
    WIRE_KIND_INT32,
    WIRE_KIND_INT64,
    WIRE_KIND_UINT32,
    WIRE_KIND_UINT64,
    WIRE_KIND_SINT32,
    WIRE_KIND_SINT64,
    WIRE_KIND_FIXED32,
    WIRE_KIND_FIXED64,
    WIRE_KIND_SFIXED32,
    WIRE_KIND_SFIXED64,
    WIRE_KIND_FLOAT,
    WIRE_KIND_DOUBLE,
    WIRE_KIND_ENUM,
    WIRE_KIND_ANY,
    WIRE_KIND_STRUCT,
    WIRE_KIND_VALUE,
    WIRE_KIND_LIST,
    WIRE_KIND_MESSAGE,
};

/* A field that is optional, or in a oneof, is written whenever it is there. */
enum wire_rule { WIRE_RULE_ONE, WIRE_RULE_OPTIONAL, WIRE_RULE_REPEATED, WIRE_RULE_MAP };

enum { WIRE_TABLE_FIELDS = 64 };

struct wire_rules {
    uint32_t number;
    enum wire_kind kind;
    enum wire_rule rule;
    const char *of, *name; /* the message's name and the field's */
    const char *type;
    const char *oneof;                /* NULL where it is in none */
    const struct wire_table *message; /* of WIRE_KIND_MESSAGE */
};

struct wire_table {
    lua_Integer index; /* where the index of its fields is in the table of what is ready */
    size_t n;
    struct wire_rules field[]; /* by their numbers */
};

/* Where Lua's tables, and what was made of them, are on the stack. */
struct wire_tables {
    lua_State *L;
    int source, ready;
};

/* Pushes what is ready of the tables at absolute index `source`.  [-0, +1, m] */
struct wire_tables wire_tables_open(lua_State *L, int source);

/* What the type `name` is, as a field of no number; false where there is no such message.
 * [-0, +0, v] */
bool wire_tables_find(const struct wire_tables *ts, const char *name, struct wire_rules *out);

/* Pushes the table that leads from the names of t's fields to their places, counted from 1.
 * [-0, +1, -] */
void wire_tables_push_index(const struct wire_tables *ts, const struct wire_table *t);

/* How a value of a kind stands on the wire, packed fields apart. */
enum wire_type wire_tables_type(enum wire_kind kind);

/* The fields of google.protobuf.Struct and ListValue, which are plain tables in Lua. */
extern const struct wire_rules wire_struct_fields, wire_list_values;

#endif

#include "wire_tables.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

/* The registry keeps, under the address of this, what was made ready of each set of tables. */
static const char ready_key;

static const char *const kinds[] = {
    "string",   "bytes",    "bool",    "int32",    "int64",
    "uint32",   "uint64",   "sint32",  "sint64",   "fixed32",
    "fixed64",  "sfixed32", "sfixed64", "float",   "double",
    "enum",     "google.protobuf.Any", "google.protobuf.Struct",
    "google.protobuf.Value", "google.protobuf.ListValue", NULL,
};

const struct wire_rules wire_struct_fields = {
    .number = 1, .kind = WIRE_KIND_VALUE, .rule = WIRE_RULE_MAP,
    .of = "google.protobuf.Struct", .name = "fields",
};

const struct wire_rules wire_list_values = {
    .number = 1, .kind = WIRE_KIND_VALUE, .rule = WIRE_RULE_REPEATED,
    .of = "google.protobuf.ListValue", .name = "values",
};

enum wire_type wire_tables_type(enum wire_kind kind) {
    switch (kind) {
    case WIRE_KIND_FIXED32:
    case WIRE_KIND_SFIXED32:
    case WIRE_KIND_FLOAT: return WIRE_FIXED32;
    case WIRE_KIND_FIXED64:
    case WIRE_KIND_SFIXED64:
    case WIRE_KIND_DOUBLE: return WIRE_FIXED64;
    default:
        return kind >= WIRE_KIND_BOOL && kind <= WIRE_KIND_ENUM ? WIRE_VARINT : WIRE_BYTES;
    }
}

static enum wire_kind kind_of(const char *type) {
    int kind = 0;
    while (kinds[kind] && strcmp(kinds[kind], type) != 0) kind++;
    return (enum wire_kind)kind;
}

/* Under 0 stands that messages are being made. What is found so at the start of a call was left by
 * one that raised (no memory, say), and is made anew: its messages may point to half of one. */
static bool is_making(lua_State *L, int ready) {
    bool making = lua_rawgeti(L, ready, 0) != LUA_TNIL;
    lua_pop(L, 1);
    return making;
}

static void set_making(lua_State *L, int ready, bool making) {
    if (making)
        lua_pushboolean(L, true);
    else
        lua_pushnil(L);
    lua_rawseti(L, ready, 0);
}

struct wire_tables wire_tables_open(lua_State *L, int source) {
    api_weak_table(L, &ready_key);
    lua_pushvalue(L, source);
    if (lua_rawget(L, -2) != LUA_TTABLE || is_making(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, source);
        lua_pushvalue(L, -2);
        lua_rawset(L, -4);
    }
    lua_remove(L, -2);
    return (struct wire_tables){L, source, lua_gettop(L)};
}

/* The string just pushed, which the table below it holds; NULL where it is none.  [-1, +0, -] */
static const char *take_text(lua_State *L) {
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    lua_pop(L, 1);
    return text;
}

/* The entry { number, type, rule, oneof = group } on top, its name below it. */
static void read_entry(lua_State *L, const char *of, struct wire_rules *f) {
    static const char *const rules[] = {"optional", "repeated", "map"};
    if (lua_type(L, -2) != LUA_TSTRING || !lua_istable(L, -1))
        luaL_error(L, "%s: a field's name and a table expected", of);
    f->of = of;
    f->name = lua_tostring(L, -2);
    lua_rawgeti(L, -1, 2);
    f->type = take_text(L);
    lua_getfield(L, -1, "oneof");
    f->oneof = take_text(L);
    lua_rawgeti(L, -1, 3);
    const char *rule = take_text(L);
    lua_rawgeti(L, -1, 1);
    f->number = (uint32_t)lua_tointeger(L, -1);
    lua_pop(L, 1);
    for (int i = 0; rule && i < 3; i++)
        if (strcmp(rules[i], rule) == 0) f->rule = (enum wire_rule)(i + 1);
    if (!f->number || !f->type || (rule && !f->rule))
        luaL_error(L, "%s.%s: { number, type [, rule] } expected", of, f->name);
    f->kind = kind_of(f->type);
}

static int by_number(const void *a, const void *b) {
    const struct wire_rules *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* Files, under the next number, where each name of a field leads to. */
static void make_index(const struct wire_tables *ts, struct wire_table *t) {
    lua_State *L = ts->L;
    lua_createtable(L, 0, (int)t->n);
    for (size_t i = 0; i < t->n; i++) {
        if (i && t->field[i].number == t->field[i - 1].number)
            luaL_error(L, "%s.%s: its number is taken", t->field[i].of, t->field[i].name);
        lua_pushinteger(L, (lua_Integer)i + 1);
        lua_setfield(L, -2, t->field[i].name);
    }
    t->index = (lua_Integer)lua_rawlen(L, ts->ready) + 1;
    lua_rawseti(L, ts->ready, t->index);
}

static size_t count(lua_State *L) {
    size_t n = 0;
    for (lua_pushnil(L); lua_next(L, -2); n++) lua_pop(L, 1);
    return n;
}

/* Makes the message whose table is on top ready. It is filed before its fields are looked at, so
 * that a message may hold itself. */
static const struct wire_table *make(const struct wire_tables *ts, const char *name) {
    lua_State *L = ts->L;
    size_t n = count(L), size = sizeof(struct wire_table) + n * sizeof(struct wire_rules);
    bool making = is_making(L, ts->ready);
    luaL_checkstack(L, 16, "message tables");
    if (n > WIRE_TABLE_FIELDS) luaL_error(L, "%s: too many fields", name);
    set_making(L, ts->ready, true);
    lua_pushstring(L, name);
    name = lua_tostring(L, -1); /* held by `ready` from here on */
    struct wire_table *t = memset(lua_newuserdatauv(L, size, 0), 0, size);
    lua_rawset(L, ts->ready);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) read_entry(L, name, &t->field[t->n++]);
    qsort(t->field, t->n, sizeof *t->field, by_number);
    make_index(ts, t);
    for (size_t i = 0; i < t->n; i++) {
        struct wire_rules found, *f = &t->field[i];
        if (f->kind < WIRE_KIND_MESSAGE) continue;
        if (!wire_tables_find(ts, f->type, &found))
            luaL_error(L, "%s.%s: there is no message %s", name, f->name, f->type);
        f->message = found.message;
    }
    set_making(L, ts->ready, making);
    return t;
}

bool wire_tables_find(const struct wire_tables *ts, const char *name, struct wire_rules *out) {
    lua_State *L = ts->L;
    int top = lua_gettop(L);
    *out = (struct wire_rules){.kind = WIRE_KIND_MESSAGE, .of = name, .name = "", .type = name};
    luaL_checkstack(L, 4, "message tables");
    if (lua_getfield(L, ts->ready, name) == LUA_TUSERDATA)
        out->message = lua_touserdata(L, -1);
    else if ((out->kind = kind_of(name)) < WIRE_KIND_MESSAGE)
        out->message = NULL;
    else if (lua_getfield(L, ts->source, name) == LUA_TTABLE)
        out->message = make(ts, name);
    lua_settop(L, top);
    return out->message != NULL || (out->kind >= WIRE_KIND_ANY && out->kind < WIRE_KIND_MESSAGE);
}

void wire_tables_push_index(const struct wire_tables *ts, const struct wire_table *t) {
    lua_rawgeti(ts->L, ts->ready, t->index);
}

#include "wire_decode.h"

#include <lauxlib.h>
#include <string.h>

#include "../host/base/limits.h"
#include "../host/base/utf8.h"
#include "json.h"
#include "wire.h"

enum { SLOTS = 16 }; /* of the Lua stack that one level needs, what is called in it included */

struct decoder {
    lua_State *L;
    const struct wire_tables *ts;
    struct error *e;
    int depth;
    size_t values;
};

/* Pushes what the bytes are as a value of f's kind; where an older table, which they add to, is on
 * top, that is taken instead of a new one. */
static enum err body(struct decoder *d, const struct wire_rules *f, struct wire bytes, bool older);

static enum err refuse(struct decoder *d, const struct wire_rules *f, const char *why) {
    return err_set(d->e, ERR_INVALID, "%s%s%s: %s", f->of, *f->name ? "." : "", f->name, why);
}

static enum err push_text(struct decoder *d, const struct wire_rules *f, struct wire bytes) {
    if (f->kind == WIRE_KIND_STRING && !utf8_valid(bytes.at, bytes.len))
        return refuse(d, f, "it is not valid UTF-8");
    lua_pushlstring(d->L, bytes.at, bytes.len);
    return ERR_OK;
}

static float float_of(uint64_t bits) {
    uint32_t half = (uint32_t)bits;
    float number;
    memcpy(&number, &half, sizeof number);
    return number;
}

static double double_of(uint64_t bits) {
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Of numbers of 32 bits that stand there longer the low ones count, as everywhere in protobuf. */
static void push_number(lua_State *L, enum wire_kind kind, uint64_t bits) {
    switch (kind) {
    case WIRE_KIND_BOOL: lua_pushboolean(L, bits != 0); break;
    case WIRE_KIND_FLOAT: lua_pushnumber(L, float_of(bits)); break;
    case WIRE_KIND_DOUBLE: lua_pushnumber(L, double_of(bits)); break;
    case WIRE_KIND_UINT32:
    case WIRE_KIND_FIXED32: lua_pushinteger(L, (uint32_t)bits); break;
    case WIRE_KIND_ENUM:
    case WIRE_KIND_INT32:
    case WIRE_KIND_SFIXED32: lua_pushinteger(L, (int32_t)(uint32_t)bits); break;
    case WIRE_KIND_SINT32: lua_pushinteger(L, wire_unzigzag((uint32_t)bits)); break;
    case WIRE_KIND_SINT64: lua_pushinteger(L, wire_unzigzag(bits)); break;
    default: lua_pushinteger(L, (lua_Integer)bits); break;
    }
}

static enum err counted(struct decoder *d) {
    if (++d->values <= LIMIT_WIRE_VALUES) return ERR_OK;
    return err_set(d->e, ERR_LIMIT, "a message with more than %d values", LIMIT_WIRE_VALUES);
}

/* Pushes the value of a field that is of the type its kind has on the wire. */
static enum err push_one(struct decoder *d, const struct wire_rules *f,
                         const struct wire_field *at) {
    enum err rc = counted(d);
    if (rc) return rc;
    if (f->kind <= WIRE_KIND_BYTES) return push_text(d, f, at->bytes);
    if (f->kind > WIRE_KIND_ENUM) return body(d, f, at->bytes, false);
    push_number(d->L, f->kind, at->bits);
    return ERR_OK;
}

static void push_default(lua_State *L, const struct wire_rules *f) {
    if (f->kind <= WIRE_KIND_BYTES)
        lua_pushliteral(L, "");
    else if (f->kind <= WIRE_KIND_ENUM)
        push_number(L, f->kind, 0);
    else if (f->kind == WIRE_KIND_VALUE)
        json_push_null(L);
    else
        lua_newtable(L);
}

/* Puts the member of a map into the table on top. */
static enum err map_entry(struct decoder *d, const struct wire_rules *f, struct wire bytes) {
    static const struct wire_rules name = {.kind = WIRE_KIND_STRING, .of = "a map", .name = "key"};
    lua_State *L = d->L;
    enum err rc = ERR_OK;
    int key = lua_gettop(L) + 1;
    lua_pushliteral(L, "");
    push_default(L, f);
    while (!rc && bytes.len) {
        struct wire_field at;
        rc = wire_next(&bytes, &at, d->e);
        if (rc || at.number > 2) continue;
        const struct wire_rules *part = at.number == 1 ? &name : f;
        if (at.type != wire_tables_type(part->kind)) continue;
        rc = push_one(d, part, &at);
        if (!rc) lua_replace(L, key + (int)at.number - 1);
    }
    if (!rc) lua_rawset(L, key - 1);
    return rc;
}

static void append(lua_State *L) {
    lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

static enum err packed(struct decoder *d, const struct wire_rules *f, struct wire bytes) {
    enum err rc = ERR_OK;
    while (!rc && bytes.len) {
        uint64_t bits;
        rc = wire_bits(&bytes, wire_tables_type(f->kind), &bits, d->e);
        if (!rc) rc = counted(d);
        if (rc) break;
        push_number(d->L, f->kind, bits);
        append(d->L);
    }
    return rc;
}

/* Adds what came to the list or map on top. */
static enum err collect(struct decoder *d, const struct wire_rules *f,
                        const struct wire_field *at) {
    if (f->rule == WIRE_RULE_MAP) return map_entry(d, f, at->bytes);
    if (at->type != wire_tables_type(f->kind)) return packed(d, f, at->bytes);
    enum err rc = push_one(d, f, at);
    if (!rc) append(d->L);
    return rc;
}

static bool fits(const struct wire_rules *f, enum wire_type type) {
    if (f->rule == WIRE_RULE_MAP) return type == WIRE_BYTES;
    return type == wire_tables_type(f->kind) ||
           (f->rule == WIRE_RULE_REPEATED && type == WIRE_BYTES);
}

/* Of a oneof the last that came counts. */
static void drop_others(struct decoder *d, const struct wire_table *t, const struct wire_rules *f) {
    for (size_t i = 0; f->oneof && i < t->n; i++) {
        const struct wire_rules *other = &t->field[i];
        if (other == f || !other->oneof || strcmp(other->oneof, f->oneof) != 0) continue;
        lua_pushnil(d->L);
        lua_setfield(d->L, -2, other->name);
    }
}

/* Puts a field into the table of its message, on top. */
static enum err field(struct decoder *d, const struct wire_rules *f, const struct wire_field *at) {
    lua_State *L = d->L;
    int top = lua_gettop(L);
    bool many = f->rule >= WIRE_RULE_REPEATED;
    bool older = (many || f->kind == WIRE_KIND_MESSAGE) &&
                 lua_getfield(L, top, f->name) == LUA_TTABLE;
    if (!older) lua_settop(L, top);
    if (many && !older) lua_newtable(L);
    enum err rc = many    ? collect(d, f, at)
                  : older ? body(d, f, at->bytes, true)
                          : push_one(d, f, at);
    if (!rc) lua_setfield(L, top, f->name);
    return rc;
}

static const struct wire_rules *by_number(const struct wire_table *t, uint32_t number) {
    size_t i = 0;
    while (i < t->n && t->field[i].number < number) i++;
    return i < t->n && t->field[i].number == number ? &t->field[i] : NULL;
}

/* Into the table on top. What is unknown, or of another type than we know it, is passed over. */
static enum err message(struct decoder *d, const struct wire_table *t, struct wire bytes) {
    enum err rc = ERR_OK;
    while (!rc && bytes.len) {
        struct wire_field at;
        rc = wire_next(&bytes, &at, d->e);
        const struct wire_rules *f = rc ? NULL : by_number(t, at.number);
        if (!f || !fits(f, at.type)) continue;
        drop_others(d, t, f);
        rc = field(d, f, &at);
    }
    return rc;
}

/* A Struct's members, or a ListValue's values, into the table on top. */
static enum err collection(struct decoder *d, const struct wire_rules *f, struct wire bytes) {
    enum err rc = ERR_OK;
    while (!rc && bytes.len) {
        struct wire_field at;
        rc = wire_next(&bytes, &at, d->e);
        if (!rc && at.number == f->number && at.type == WIRE_BYTES) rc = collect(d, f, &at);
    }
    return rc;
}

/* The message in an Any, into the table on top: packed as `bytes` where its type is not known. */
static enum err any_value(struct decoder *d, struct wire bytes) {
    lua_State *L = d->L;
    struct wire_rules type;
    size_t len;
    lua_getfield(L, -1, "type");
    const char *name = lua_tolstring(L, -1, &len);
    if (strlen(name) == len && wire_tables_find(d->ts, name, &type)) {
        enum err rc = body(d, &type, bytes, false);
        if (!rc) lua_setfield(L, -3, "value");
        lua_pop(L, 1);
        return rc;
    }
    lua_pushlstring(L, bytes.at, bytes.len);
    lua_setfield(L, -3, "bytes");
    lua_pop(L, 1);
    return ERR_OK;
}

/* The name of a message's type is what follows the last slash of its URL. */
static struct wire type_name(struct wire url) {
    for (size_t i = url.len; i > 0; i--)
        if (url.at[i - 1] == '/') return (struct wire){url.at + i, url.len - i};
    return url;
}

static enum err any(struct decoder *d, const struct wire_rules *f, struct wire bytes) {
    struct wire url = {"", 0}, inner = {"", 0};
    while (bytes.len) {
        struct wire_field at;
        enum err rc = wire_next(&bytes, &at, d->e);
        if (rc) return rc;
        if (at.type != WIRE_BYTES) continue;
        if (at.number == 1) url = at.bytes;
        if (at.number == 2) inner = at.bytes;
    }
    if (!utf8_valid(url.at, url.len)) return refuse(d, f, "its type is not valid UTF-8");
    url = type_name(url);
    lua_pushlstring(d->L, url.at, url.len);
    lua_setfield(d->L, -2, "type");
    return any_value(d, inner);
}

/* The last member counts; one that is none of them all is a null. */
static enum err value(struct decoder *d, struct wire bytes) {
    static const struct wire_rules kinds[] = {
        {.kind = WIRE_KIND_ENUM},
        {.kind = WIRE_KIND_DOUBLE},
        {.kind = WIRE_KIND_STRING, .of = "google.protobuf.Value", .name = "string_value"},
        {.kind = WIRE_KIND_BOOL},
        {.kind = WIRE_KIND_STRUCT, .of = "google.protobuf.Struct", .name = ""},
        {.kind = WIRE_KIND_LIST, .of = "google.protobuf.ListValue", .name = ""},
    };
    lua_State *L = d->L;
    json_push_null(L);
    while (bytes.len) {
        struct wire_field at;
        enum err rc = wire_next(&bytes, &at, d->e);
        if (rc) return rc;
        if (at.number > sizeof kinds / sizeof *kinds) continue;
        const struct wire_rules *kind = &kinds[at.number - 1];
        if (at.type != wire_tables_type(kind->kind)) continue;
        lua_pop(L, 1);
        rc = at.number == 1 ? ERR_OK : push_one(d, kind, &at);
        if (rc) return rc;
        if (at.number == 1) json_push_null(L);
    }
    return ERR_OK;
}

static enum err level(struct decoder *d, const struct wire_rules *f, struct wire bytes) {
    switch (f->kind) {
    case WIRE_KIND_ANY: return any(d, f, bytes);
    case WIRE_KIND_STRUCT: return collection(d, &wire_struct_fields, bytes);
    case WIRE_KIND_LIST: json_mark_array(d->L); return collection(d, &wire_list_values, bytes);
    default: return message(d, f->message, bytes);
    }
}

static enum err body(struct decoder *d, const struct wire_rules *f, struct wire bytes,
                     bool older) {
    luaL_checkstack(d->L, SLOTS, "a message");
    if (f->kind == WIRE_KIND_VALUE) return value(d, bytes);
    if (d->depth == LIMIT_WIRE_DEPTH)
        return err_set(d->e, ERR_LIMIT, "messages nested deeper than %d", LIMIT_WIRE_DEPTH);
    if (!older) lua_newtable(d->L);
    d->depth++;
    enum err rc = level(d, f, bytes);
    d->depth--;
    return rc;
}

enum err wire_decode(const struct wire_tables *ts, const struct wire_rules *type,
                     const char *bytes, size_t len, struct error *e) {
    struct decoder d = {ts->L, ts, e, 0, 0};
    int top = lua_gettop(ts->L);
    enum err rc = len > LIMIT_WIRE
                      ? err_set(e, ERR_LIMIT, "a message of more than %d bytes", LIMIT_WIRE)
                      : body(&d, type, (struct wire){bytes, len}, false);
    if (rc) lua_settop(ts->L, top);
    return rc;
}

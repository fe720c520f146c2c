#include "wire_encode.h"

#include <float.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../host/base/limits.h"
#include "../host/base/utf8.h"
#include "../host/base/when.h"
#include "json.h"
#include "wire.h"

enum {
    SLOTS = 16, /* of the Lua stack that one level needs, what is called in it included */
    FEW = 16,   /* members of a map that are sorted without asking for memory */
};

struct encoder {
    lua_State *L;
    const struct wire_tables *ts;
    struct buf *out;
    struct error *e;
    int depth;
};

struct key {
    const char *text;
    size_t len;
};

/* Everywhere below the value is on top of the stack; what is left above it, body() takes away. */
static enum err body(struct encoder *c, const struct wire_rules *f);

static enum err refuse(struct encoder *c, const struct wire_rules *f, const char *why) {
    return err_set(c->e, ERR_INVALID, "%s%s%s: %s", f->of, *f->name ? "." : "", f->name, why);
}

static enum err text(struct encoder *c, const struct wire_rules *f, bool always) {
    size_t len;
    if (lua_type(c->L, -1) != LUA_TSTRING) return refuse(c, f, "a string expected");
    const char *bytes = lua_tolstring(c->L, -1, &len);
    if (f->kind == WIRE_KIND_STRING && !utf8_valid(bytes, len))
        return refuse(c, f, "it is not valid UTF-8");
    return len || always ? wire_add_bytes(c->out, f->number, bytes, len) : ERR_OK;
}

static enum err integer_bits(struct encoder *c, const struct wire_rules *f, uint64_t *bits) {
    int whole;
    lua_Integer n = lua_tointegerx(c->L, -1, &whole);
    if (!whole) return refuse(c, f, "a whole number expected");
    bool fits = true;
    switch (f->kind) {
    case WIRE_KIND_UINT32:
    case WIRE_KIND_FIXED32: fits = n >= 0 && n <= UINT32_MAX; break;
    case WIRE_KIND_ENUM:
    case WIRE_KIND_INT32:
    case WIRE_KIND_SINT32:
    case WIRE_KIND_SFIXED32: fits = n >= INT32_MIN && n <= INT32_MAX; break;
    default: break;
    }
    bool zigzag = f->kind == WIRE_KIND_SINT32 || f->kind == WIRE_KIND_SINT64;
    *bits = zigzag ? wire_zigzag(n) : (uint64_t)n;
    return fits ? ERR_OK : refuse(c, f, "a number of 32 bits expected");
}

static enum err float_bits(struct encoder *c, const struct wire_rules *f, uint64_t *bits) {
    double number = lua_tonumber(c->L, -1);
    if (f->kind == WIRE_KIND_DOUBLE) {
        memcpy(bits, &number, sizeof number);
        return ERR_OK;
    }
    if (isfinite(number) && fabs(number) > FLT_MAX) return refuse(c, f, "too great for a float");
    float small = (float)number;
    uint32_t half;
    memcpy(&half, &small, sizeof half);
    *bits = half;
    return ERR_OK;
}

/* What a number or boolean is on the wire; all bits 0 is what proto3 leaves out. */
static enum err bits_of(struct encoder *c, const struct wire_rules *f, uint64_t *bits) {
    if (f->kind == WIRE_KIND_BOOL) {
        *bits = (uint64_t)lua_toboolean(c->L, -1);
        return lua_isboolean(c->L, -1) ? ERR_OK : refuse(c, f, "true or false expected");
    }
    if (lua_type(c->L, -1) != LUA_TNUMBER) return refuse(c, f, "a number expected");
    bool real = f->kind == WIRE_KIND_FLOAT || f->kind == WIRE_KIND_DOUBLE;
    return real ? float_bits(c, f, bits) : integer_bits(c, f, bits);
}

static enum err number(struct encoder *c, const struct wire_rules *f, bool always) {
    uint64_t bits;
    enum wire_type type = wire_tables_type(f->kind);
    enum err rc = bits_of(c, f, &bits);
    if (rc || (!bits && !always)) return rc;
    rc = wire_add_tag(c->out, f->number, type);
    return rc ? rc : wire_add(c->out, type, bits);
}

static enum err nested(struct encoder *c, const struct wire_rules *f) {
    size_t mark;
    enum err rc = wire_begin(c->out, f->number, &mark);
    if (!rc) rc = body(c, f);
    return rc ? rc : wire_end(c->out, mark);
}

static enum err one(struct encoder *c, const struct wire_rules *f, bool always) {
    if (f->kind <= WIRE_KIND_BYTES) return text(c, f, always);
    if (f->kind <= WIRE_KIND_ENUM) return number(c, f, always);
    return nested(c, f);
}

static bool is_list(lua_State *L) {
    if (!lua_istable(L, -1)) return false;
    if (json_table_form(L, -1) == JSON_FORM_ARRAY) return true;
    lua_pushnil(L);
    if (!lua_next(L, -2)) return true;
    lua_pop(L, 2);
    return false;
}

static enum err packed(struct encoder *c, const struct wire_rules *f) {
    size_t mark;
    enum wire_type type = wire_tables_type(f->kind);
    lua_Integer n = (lua_Integer)lua_rawlen(c->L, -1);
    enum err rc = n ? wire_begin(c->out, f->number, &mark) : ERR_OK;
    for (lua_Integer i = 1; !rc && i <= n; i++) {
        uint64_t bits;
        lua_rawgeti(c->L, -1, i);
        rc = bits_of(c, f, &bits);
        if (!rc) rc = wire_add(c->out, type, bits);
        lua_pop(c->L, 1);
    }
    return rc || !n ? rc : wire_end(c->out, mark);
}

static enum err repeated(struct encoder *c, const struct wire_rules *f) {
    if (!is_list(c->L)) return refuse(c, f, "a list expected");
    if (f->kind >= WIRE_KIND_BOOL && f->kind <= WIRE_KIND_ENUM) return packed(c, f);
    lua_Integer n = (lua_Integer)lua_rawlen(c->L, -1);
    enum err rc = ERR_OK;
    for (lua_Integer i = 1; !rc && i <= n; i++) {
        lua_rawgeti(c->L, -1, i);
        rc = one(c, f, true);
        lua_pop(c->L, 1);
    }
    return rc;
}

static int by_bytes(const void *a, const void *b) {
    const struct key *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static size_t entries(lua_State *L, int t) {
    size_t n = 0;
    for (lua_pushnil(L); lua_next(L, t); n++) lua_pop(L, 1);
    return n;
}

/* Fills in the names of the table at t, in their order. */
static enum err sorted(struct encoder *c, const struct wire_rules *f, int t, struct key *key,
                       size_t n) {
    lua_State *L = c->L;
    struct key *k = key;
    for (lua_pushnil(L); lua_next(L, t); lua_pop(L, 1), k++) {
        if (lua_type(L, -2) != LUA_TSTRING) return refuse(c, f, "names must be strings");
        k->text = lua_tolstring(L, -2, &k->len);
        if (!utf8_valid(k->text, k->len)) return refuse(c, f, "a name is not valid UTF-8");
    }
    qsort(key, n, sizeof *key, by_bytes);
    return ERR_OK;
}

static enum err map_entry(struct encoder *c, const struct wire_rules *f, const struct key *key) {
    struct wire_rules value = *f;
    size_t mark;
    value.number = 2;
    enum err rc = wire_begin(c->out, f->number, &mark);
    if (!rc) rc = wire_add_bytes(c->out, 1, key->text, key->len);
    if (!rc) rc = one(c, &value, true);
    return rc ? rc : wire_end(c->out, mark);
}

static enum err map(struct encoder *c, const struct wire_rules *f) {
    lua_State *L = c->L;
    int t = lua_gettop(L);
    if (!lua_istable(L, t)) return refuse(c, f, "a table expected");
    struct key few[FEW], *key = few;
    size_t n = entries(L, t);
    if (n > FEW) key = lua_newuserdatauv(L, n * sizeof *key, 0);
    enum err rc = sorted(c, f, t, key, n);
    for (size_t i = 0; !rc && i < n; i++) {
        lua_pushlstring(L, key[i].text, key[i].len);
        lua_rawget(L, t);
        rc = map_entry(c, f, key + i);
        lua_pop(L, 1);
    }
    lua_settop(L, t);
    return rc;
}

static enum err field(struct encoder *c, const struct wire_rules *f) {
    switch (f->rule) {
    case WIRE_RULE_MAP: return map(c, f);
    case WIRE_RULE_REPEATED: return repeated(c, f);
    default: return one(c, f, f->rule == WIRE_RULE_OPTIONAL || f->oneof);
    }
}

/* Puts the values of the table at t where its fields have their places on the stack, counted from
 * its index at t + 1. Which are there, a bit each. */
static enum err spread(struct encoder *c, const struct wire_rules *f, int t, uint64_t *bits) {
    lua_State *L = c->L;
    *bits = 0;
    for (lua_pushnil(L); lua_next(L, t);) {
        lua_pushvalue(L, -2);
        lua_rawget(L, t + 1);
        int place = (int)lua_tointeger(L, -1);
        lua_pop(L, 1);
        if (place) {
            *bits |= (uint64_t)1 << (place - 1);
            lua_replace(L, t + 1 + place);
            continue;
        }
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "?";
        return err_set(c->e, ERR_INVALID, "%s: it has no field '%.64s'", f->type, name);
    }
    return ERR_OK;
}

static enum err check_oneofs(struct encoder *c, const struct wire_table *t, uint64_t bits) {
    const struct wire_rules *last = NULL;
    for (size_t i = 0; i < t->n; i++) {
        const struct wire_rules *f = &t->field[i];
        if (!(bits >> i & 1) || !f->oneof) continue;
        if (last && strcmp(last->oneof, f->oneof) == 0)
            return refuse(c, f, "another of its oneof is there as well");
        last = f;
    }
    return ERR_OK;
}

/* A google.protobuf.Timestamp that stands as text. */
static enum err time_text(struct encoder *c, const struct wire_rules *type) {
    size_t len;
    const char *text = lua_tolstring(c->L, -1, &len);
    int64_t seconds;
    uint32_t nanos;
    if (!when_seconds(text, len, &seconds, &nanos)) return refuse(c, type, "no time");
    enum err rc = seconds ? wire_add_tag(c->out, 1, WIRE_VARINT) : ERR_OK;
    if (!rc && seconds) rc = wire_add(c->out, WIRE_VARINT, (uint64_t)seconds);
    if (!rc && nanos) rc = wire_add_tag(c->out, 2, WIRE_VARINT);
    return rc || !nanos ? rc : wire_add(c->out, WIRE_VARINT, nanos);
}

static enum err message(struct encoder *c, const struct wire_rules *type) {
    const struct wire_table *t = type->message;
    lua_State *L = c->L;
    int value = lua_gettop(L), index = value + 1;
    uint64_t bits;
    if (lua_type(L, value) == LUA_TSTRING && strcmp(type->type, WIRE_TIMESTAMP) == 0)
        return time_text(c, type);
    if (!lua_istable(L, value)) return refuse(c, type, "a table expected");
    luaL_checkstack(L, (int)t->n + SLOTS, "a message");
    wire_tables_push_index(c->ts, t);
    lua_settop(L, index + (int)t->n);
    enum err rc = spread(c, type, value, &bits);
    if (!rc) rc = check_oneofs(c, t, bits);
    for (size_t i = 0; !rc && i < t->n; i++) {
        if (!(bits >> i & 1)) continue;
        lua_pushvalue(L, index + 1 + (int)i);
        rc = field(c, &t->field[i]);
        lua_pop(L, 1);
    }
    return rc;
}

/* The member `name` of the table on top is pushed; its type is returned. */
static int member(lua_State *L, const char *name) {
    lua_pushstring(L, name);
    return lua_rawget(L, -2);
}

/* The `value` of an Any, on top, packed by the tables. */
static enum err packed_any(struct encoder *c, const struct wire_rules *f, const char *type) {
    struct wire_rules inner;
    size_t mark, before = c->out->len;
    if (!wire_tables_find(c->ts, type, &inner)) return refuse(c, f, "a type that is not known");
    enum err rc = wire_begin(c->out, 2, &mark);
    if (!rc) rc = body(c, &inner);
    if (rc) return rc;
    if (c->out->len > mark) return wire_end(c->out, mark);
    c->out->len = before; /* an empty message is left out */
    return ERR_OK;
}

static enum err any(struct encoder *c, const struct wire_rules *f) {
    static const struct wire_rules bytes = {
        .number = 2, .kind = WIRE_KIND_BYTES, .of = "google.protobuf.Any", .name = "bytes"};
    lua_State *L = c->L;
    size_t len, mark;
    if (!lua_istable(L, -1) || member(L, "type") != LUA_TSTRING)
        return refuse(c, f, "a table { type = …, value = … } expected");
    const char *type = lua_tolstring(L, -1, &len);
    if (!utf8_valid(type, len)) return refuse(c, f, "its type is not valid UTF-8");
    enum err rc = wire_begin(c->out, 1, &mark);
    if (!rc) rc = buf_add_text(c->out, WIRE_ANY_PREFIX);
    if (!rc) rc = buf_add(c->out, type, len);
    if (!rc) rc = wire_end(c->out, mark);
    if (rc) return rc;
    lua_pop(L, 1); /* the table holds it */
    if (member(L, "bytes") != LUA_TNIL) return text(c, &bytes, false);
    lua_pop(L, 1);
    return member(L, "value") == LUA_TNIL ? ERR_OK : packed_any(c, f, type);
}

/* A double that is not the integer would be another one. */
static enum err value_integer(struct encoder *c) {
    char text[24];
    lua_Integer n = lua_tointeger(c->L, -1);
    int len = snprintf(text, sizeof text, LUA_INTEGER_FMT, (LUAI_UACINT)n);
    return wire_add_bytes(c->out, 3, text, (size_t)len);
}

static bool is_exact(lua_Integer n) {
    return n <= (lua_Integer)1 << DBL_MANT_DIG && n >= -((lua_Integer)1 << DBL_MANT_DIG);
}

/* The kinds that a Value may be, by their numbers there. */
static enum err value_as(struct encoder *c, uint32_t number, enum wire_kind kind) {
    struct wire_rules f = {
        .number = number, .kind = kind, .of = "google.protobuf.Value", .name = "value"};
    return one(c, &f, true);
}

static enum err value(struct encoder *c, const struct wire_rules *f) {
    lua_State *L = c->L;
    switch (lua_type(L, -1)) {
    case LUA_TNUMBER:
        if (lua_isinteger(L, -1) && !is_exact(lua_tointeger(L, -1))) return value_integer(c);
        return value_as(c, 2, WIRE_KIND_DOUBLE);
    case LUA_TSTRING: return value_as(c, 3, WIRE_KIND_STRING);
    case LUA_TBOOLEAN: return value_as(c, 4, WIRE_KIND_BOOL);
    case LUA_TTABLE:
        if (json_table_form(L, -1) == JSON_FORM_ARRAY) return value_as(c, 6, WIRE_KIND_LIST);
        return value_as(c, 5, WIRE_KIND_STRUCT);
    default: break;
    }
    if (!json_is_null(L, -1)) return refuse(c, f, "a Struct has no form for it");
    enum err rc = wire_add_tag(c->out, 1, WIRE_VARINT);
    return rc ? rc : wire_add(c->out, WIRE_VARINT, 0);
}

static enum err level(struct encoder *c, const struct wire_rules *f) {
    switch (f->kind) {
    case WIRE_KIND_ANY: return any(c, f);
    case WIRE_KIND_STRUCT: return map(c, &wire_struct_fields);
    case WIRE_KIND_LIST: return repeated(c, &wire_list_values);
    default: return message(c, f);
    }
}

/* A message's bytes, without tag and length. */
static enum err body(struct encoder *c, const struct wire_rules *f) {
    int top = lua_gettop(c->L);
    luaL_checkstack(c->L, SLOTS, "a message");
    if (f->kind == WIRE_KIND_VALUE) return value(c, f);
    if (c->depth == LIMIT_WIRE_DEPTH)
        return err_set(c->e, ERR_LIMIT, "%s: nested deeper than %d", f->type ? f->type : f->of,
                       LIMIT_WIRE_DEPTH);
    c->depth++;
    enum err rc = level(c, f);
    c->depth--;
    lua_settop(c->L, top);
    return rc;
}

enum err wire_encode(const struct wire_tables *ts, const struct wire_rules *type, struct buf *out,
                     struct error *e) {
    struct encoder c = {ts->L, ts, out, e, 0};
    return body(&c, type);
}

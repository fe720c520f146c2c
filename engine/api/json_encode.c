#include "json_encode.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../host/base/limits.h"
#include "../host/json/json.h"
#include "json_raw.h"

enum { FEW = 48, PATH_MAX_TEXT = 512 };

/* Where in the value we are; the outermost has no `up`. */
struct place {
    const struct place *up;
    const char *name; /* NULL: an element */
    size_t len;
    lua_Integer index;
};

struct encoder {
    lua_State *L;
    struct buf *out;
    const struct json_encoding *how;
    struct error *e;
    int depth;
};

/* A member of an object; its value waits on the Lua stack, its name is held by the table. */
struct member {
    const char *name;
    size_t len;
    int at;
};

static const char array_key;

static enum err encode(struct encoder *c, int idx, const struct place *place);

static size_t write_place(const struct place *place, char *text, size_t room) {
    if (!place->up) return 0;
    size_t n = write_place(place->up, text, room);
    if (n + 1 >= room) return n;
    int more;
    if (!place->name)
        more = snprintf(text + n, room - n, "[%lld]", (long long)place->index);
    else
        more = snprintf(text + n, room - n, "%s%.*s", n ? "." : "",
                        place->len > 64 ? 64 : (int)place->len, place->name);
    n += more > 0 ? (size_t)more : 0;
    return n < room ? n : room - 1;
}

/* The names in a path may be what is wrong: only what is printable of them is shown. */
static enum err refuse(struct encoder *c, const struct place *place, const char *why) {
    char path[PATH_MAX_TEXT] = "the value";
    size_t n = write_place(place, path, sizeof path);
    for (size_t i = 0; i < n; i++)
        if (path[i] < 0x20 || path[i] > 0x7e) path[i] = '?';
    return err_set(c->e, ERR_INVALID, "%s: %s", path, why);
}

/* What the buffer said, told where it is a failure. */
static enum err written(struct encoder *c, enum err rc) {
    if (rc == ERR_LIMIT)
        err_set(c->e, rc, "the JSON text is larger than %zu bytes", c->out->max);
    else if (rc)
        err_set(c->e, rc, "no memory for a JSON text");
    return rc;
}

static enum err line(struct encoder *c) {
    if (!c->how->indent) return ERR_OK;
    return buf_printf(c->out, "\n%*s", c->depth * c->how->indent, "");
}

static enum err encode_string(struct encoder *c, int idx, const struct place *place) {
    size_t len;
    const char *text = lua_tolstring(c->L, idx, &len);
    if (!json_utf8_valid(text, len)) return refuse(c, place, "it is not valid UTF-8");
    return written(c, json_escape(text, len, c->out));
}

static enum err encode_number(struct encoder *c, int idx, const struct place *place) {
    if (lua_isinteger(c->L, idx))
        return written(c, buf_printf(c->out, "%lld", (long long)lua_tointeger(c->L, idx)));
    enum err rc = json_float(lua_tonumber(c->L, idx), c->out);
    return rc == ERR_INVALID ? refuse(c, place, "a number that JSON cannot hold (NaN or infinite)")
                             : written(c, rc);
}

static enum err encode_array(struct encoder *c, int t, const struct place *place) {
    lua_State *L = c->L;
    lua_Integer n = (lua_Integer)lua_rawlen(L, t);
    enum err rc = buf_add_byte(c->out, '[');
    c->depth++;
    for (lua_Integer i = 1; !rc && i <= n; i++) {
        struct place here = {place, NULL, 0, i};
        if (i > 1) rc = buf_add_byte(c->out, ',');
        if (!rc) rc = line(c);
        if (written(c, rc)) return rc;
        lua_rawgeti(L, t, i);
        rc = encode(c, lua_gettop(L), &here);
        lua_pop(L, 1);
        if (rc) return rc;
    }
    c->depth--;
    if (!rc && n) rc = line(c);
    return written(c, rc ? rc : buf_add_byte(c->out, ']'));
}

static size_t count_keys(lua_State *L, int t) {
    size_t n = 0;
    for (lua_pushnil(L); lua_next(L, t); n++) lua_pop(L, 1);
    return n;
}

static int by_name(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    int order = memcmp(x->name, y->name, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Leaves the values of all members on the stack; false at a name that is no string. */
static bool collect(lua_State *L, int t, struct member *members) {
    struct member *m = members;
    lua_pushnil(L);
    while (lua_next(L, t)) {
        if (lua_type(L, -2) != LUA_TSTRING) return false;
        m->name = lua_tolstring(L, -2, &m->len);
        m++->at = lua_gettop(L) - 1;
        lua_insert(L, -2);
    }
    return true;
}

/* The same for a level of a raw object. */
static void collect_raw(lua_State *L, int t, struct member *members, lua_Integer n) {
    for (lua_Integer i = 1; i <= n; i++) {
        struct member *m = members + i - 1;
        lua_rawgeti(L, t, i);
        m->name = lua_tolstring(L, -1, &m->len);
        lua_rawget(L, t);
        m->at = lua_gettop(L);
    }
}

static enum err encode_member(struct encoder *c, const struct member *m,
                              const struct place *place) {
    struct place here = {place, m->name, m->len, 0};
    if (!json_utf8_valid(m->name, m->len)) return refuse(c, &here, "its name is not valid UTF-8");
    enum err rc = line(c);
    if (!rc) rc = json_escape(m->name, m->len, c->out);
    if (!rc) rc = buf_add_byte(c->out, ':');
    if (!rc && c->how->indent) rc = buf_add_byte(c->out, ' ');
    return rc ? written(c, rc) : encode(c, m->at, &here);
}

static enum err encode_members(struct encoder *c, struct member *members, size_t n,
                               const struct place *place) {
    qsort(members, n, sizeof *members, by_name);
    enum err rc = written(c, buf_add_byte(c->out, '{'));
    c->depth++;
    for (size_t i = 0; !rc && i < n; i++) {
        if (i) rc = written(c, buf_add_byte(c->out, ','));
        if (!rc) rc = encode_member(c, members + i, place);
    }
    c->depth--;
    if (rc) return rc;
    rc = n ? line(c) : ERR_OK;
    return written(c, rc ? rc : buf_add_byte(c->out, '}'));
}

static enum err encode_object(struct encoder *c, int t, const struct place *place, bool raw) {
    lua_State *L = c->L;
    struct member few[FEW], *members = few;
    size_t n = raw ? lua_rawlen(L, t) : count_keys(L, t);
    if (n > INT_MAX / 2 || !lua_checkstack(L, (int)n + 8))
        return refuse(c, place, "too many members");
    if (n > FEW) members = lua_newuserdatauv(L, n * sizeof *members, 0);
    if (raw)
        collect_raw(L, t, members, (lua_Integer)n);
    else if (!collect(L, t, members))
        return refuse(c, place, "an object's names must be strings (and an array begins at 1)");
    return encode_members(c, members, n, place);
}

static bool is_marked(lua_State *L, int t) {
    if (!lua_getmetatable(L, t)) return false;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key);
    bool same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

static bool has_first(lua_State *L, int t) {
    bool there = lua_rawgeti(L, t, 1) != LUA_TNIL;
    lua_pop(L, 1);
    return there;
}

enum json_form json_table_form(lua_State *L, int t) {
    t = lua_absindex(L, t);
    if (!is_marked(L, t) && !has_first(L, t)) return JSON_FORM_OBJECT;
    return count_keys(L, t) == lua_rawlen(L, t) ? JSON_FORM_ARRAY : JSON_FORM_NONE;
}

static enum err encode_table(struct encoder *c, int t, const struct place *place) {
    switch (json_table_form(c->L, t)) {
    case JSON_FORM_OBJECT: return encode_object(c, t, place, false);
    case JSON_FORM_ARRAY: return encode_array(c, t, place);
    default: return refuse(c, place, "an array must have the keys 1 to n and no others");
    }
}

static enum err encode_raw(struct encoder *c, int idx, const struct place *place) {
    bool array = json_is_raw_array(c->L, idx);
    json_raw_level(c->L, idx);
    int t = lua_gettop(c->L);
    return array ? encode_array(c, t, place) : encode_object(c, t, place, true);
}

static enum err encode_userdata(struct encoder *c, int idx, const struct place *place) {
    enum err rc = ERR_OK;
    if (json_is_null(c->L, idx)) return written(c, buf_add_text(c->out, "null"));
    if (json_is_raw(c->L, idx)) return encode_raw(c, idx, place);
    if (c->how->other && c->how->other(c->L, idx, c->out, &rc)) return written(c, rc);
    return refuse(c, place, "JSON has no form for this kind of object");
}

static enum err encode_other(struct encoder *c, int idx, const struct place *place) {
    char why[64];
    snprintf(why, sizeof why, "JSON has no form for a %s", luaL_typename(c->L, idx));
    return refuse(c, place, why);
}

static bool is_simple(lua_State *L, int idx) {
    return lua_type(L, idx) != LUA_TTABLE && !json_is_raw(L, idx);
}

static enum err encode(struct encoder *c, int idx, const struct place *place) {
    lua_State *L = c->L;
    int top = lua_gettop(L);
    enum err rc;
    if (c->depth == LIMIT_JSON_DEPTH && !is_simple(L, idx))
        return refuse(c, place, "it is nested too deep");
    if (!lua_checkstack(L, 16)) return refuse(c, place, "too many values");
    switch (lua_type(L, idx)) {
    case LUA_TSTRING: return encode_string(c, idx, place);
    case LUA_TNUMBER: return encode_number(c, idx, place);
    case LUA_TBOOLEAN:
        return written(c, buf_add_text(c->out, lua_toboolean(L, idx) ? "true" : "false"));
    case LUA_TTABLE: rc = encode_table(c, idx, place); break;
    case LUA_TLIGHTUSERDATA:
    case LUA_TUSERDATA: rc = encode_userdata(c, idx, place); break;
    default: return encode_other(c, idx, place);
    }
    lua_settop(L, top);
    return rc;
}

enum err json_encode_with(lua_State *L, int idx, struct buf *out, const struct json_encoding *how,
                          struct error *e) {
    struct encoder c = {L, out, how, e, 0};
    struct place outermost = {NULL, NULL, 0, 0};
    return encode(&c, lua_absindex(L, idx), &outermost);
}

enum err json_encode(lua_State *L, int idx, struct buf *out, struct error *e) {
    static const struct json_encoding plain = {0, NULL};
    return json_encode_with(L, idx, out, &plain, e);
}

void json_mark_array(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key) != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &array_key);
    }
    lua_setmetatable(L, -2);
}

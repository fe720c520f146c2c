#include "json.h"

#include "../host/base/limits.h"
#include "../host/json/json_scan.h"
#include "api.h"
#include "vm.h"

int luaopen_cjson(lua_State *L);

enum {
    ENCODE_FIRST = 1 * KIB, /* what most records fit, so that their buffer does not grow */
    CJSON_FROM = 4 * KIB,   /* bytes of a document from which cjson's start is worth it */
    MEMBER = 32,            /* bytes that a member of an object takes, about */
    MEMBERS_MAX = 64,       /* that a table gets room for before they are there */
    MEMBERS_INNER = 4,      /* that one in another gets room for, whose length is not known yet */
};

/* Facts of documents that lua-cjson decodes as we do; of the others it would make other values
 * (numbers, nulls, empty arrays), or refuse them. */
enum { FAITHFUL = JSON_HAS_BOOLEAN | JSON_HAS_ESCAPE | JSON_HAS_NESTED | JSON_HAS_NUL | JSON_BAD_UTF8 };

/* The registry keeps cjson's decode under the address of this. */
static const char decode_key;

/* Our own instance of lua-cjson; its module table, whose settings can be turned into a crash, is
 * dropped here and never handed out. */
static void push_cjson_decode(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &decode_key) == LUA_TFUNCTION) return;
    lua_pop(L, 1);
    lua_pushcfunction(L, luaopen_cjson);
    lua_call(L, 0, 1);
    lua_getfield(L, -1, "decode");
    lua_remove(L, -2);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &decode_key);
}

/* False, and nothing pushed, where cjson will not have it. Large documents only: for records, and
 * the elements of a list, which json_raw.c decodes, its start costs more than the decoding. */
static bool decode_by_cjson(lua_State *L, const char *bytes, size_t len) {
    unsigned facts;
    struct error e;
    if (json_check(bytes, len, LIMIT_JSON_DEPTH, &facts, &e)) return false;
    if (json_value(bytes, len).kind < JSON_ARRAY || facts & ~(unsigned)FAITHFUL) return false;
    push_cjson_decode(L);
    lua_pushlstring(L, bytes, len);
    if (vm_call(L, 1, 1) == LUA_OK) return true;
    lua_pop(L, 1);
    return false;
}

/* The table of an array or object that begins; `left` is how many bytes are behind that. */
static void push_table(lua_State *L, const struct json_scan *s, size_t left) {
    bool object = s->objects & 1;
    size_t max = s->depth == 1 ? MEMBERS_MAX : MEMBERS_INNER, members = left / MEMBER;
    luaL_checkstack(L, 8, "JSON");
    lua_createtable(L, 0, object ? (int)(members < max ? members : max) : 0);
    if (!object) json_mark_array(L);
}

/* Puts the value on top into the table it stands in, which the scan is back in. */
static void put(lua_State *L, const struct json_scan *s) {
    if (s->depth == 0) return;
    if (!(s->objects & 1)) {
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
        return;
    }
    if (json_is_null(L, -1)) {
        lua_pop(L, 1);
        lua_pushnil(L);
    }
    lua_rawset(L, -3);
}

/* What the scan has stopped at: from s->start to `end`. */
static void push_token(lua_State *L, const struct json_scan *s, const char *end) {
    size_t len = (size_t)(end - s->start);
    struct json_value value = {s->start, len, JSON_STRING, s->facts & JSON_HAS_ESCAPE};
    if (*s->start != '"') value = json_value(s->start, len);
    json_push_simple(L, &value);
}

/* Pushes what the scan sees as it sees it. JSON_WRONG leaves a part on the stack. */
static enum json_event push_scanned(lua_State *L, struct json_scan *s, const char **at,
                                    const char *end) {
    for (;;) {
        enum json_event event = json_scan(s, at, end);
        switch (event) {
        case JSON_OPEN:
            push_table(L, s, (size_t)(end - *at));
            s->watch++;
            break;
        case JSON_KEY: push_token(L, s, *at); break;
        case JSON_VALUE:
            push_token(L, s, *at);
            put(L, s);
            break;
        case JSON_CLOSE:
            s->watch--;
            put(L, s);
            break;
        default: return event;
        }
    }
}

enum err json_decode_push(lua_State *L, const char *bytes, size_t len, struct error *e) {
    struct json_scan s;
    const char *at = bytes, *end = bytes + len;
    int top = lua_gettop(L);
    if (len >= CJSON_FROM && decode_by_cjson(L, bytes, len)) return ERR_OK;
    json_scan_open(&s, LIMIT_JSON_DEPTH);
    enum json_event event = push_scanned(L, &s, &at, end);
    if (event != JSON_WRONG && json_scan_finish(&s)) {
        if (lua_gettop(L) == top) push_token(L, &s, end); /* a number ends where the document does */
        return ERR_OK;
    }
    lua_settop(L, top);
    return json_scan_error(&s, event, (size_t)(at - bytes), e);
}

/* decode(text) -> value | nil, message, code */
static int f_decode(lua_State *L) {
    size_t len;
    struct error e;
    const char *text = luaL_checklstring(L, 1, &len);
    return json_decode_push(L, text, len, &e) ? api_fail(L, &e) : 1;
}

/* raw(text) -> raw object, or the value where it is a simple one | nil, message, code */
static int f_raw(lua_State *L) {
    size_t len;
    struct error e;
    const char *text = luaL_checklstring(L, 1, &len);
    if (json_check(text, len, LIMIT_JSON_DEPTH, NULL, &e)) return api_fail(L, &e);
    json_push_raw(L, text, len);
    return 1;
}

/* encode(value [, { indent = blanks, max = bytes }]) -> text | nil, message, code */
static int f_encode(lua_State *L) {
    struct json_encoding how = {0, NULL};
    struct error e;
    lua_Integer max = LIMIT_JSON_TEXT;
    luaL_checkany(L, 1);
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        how.indent = (int)api_opt_integer(L, 2, "indent", 0);
        max = api_opt_integer(L, 2, "max", max);
        luaL_argcheck(L, how.indent >= 0 && how.indent <= 16, 2, "an indent of 0 to 16 expected");
        luaL_argcheck(L, max > 0, 2, "a positive max expected");
    }
    struct buf *out = api_buf(L, (size_t)max);
    buf_reserve(out, max < ENCODE_FIRST ? 0 : ENCODE_FIRST);
    if (json_encode_with(L, 1, out, &how, &e)) return api_fail(L, &e);
    lua_pushlstring(L, out->data, out->len);
    buf_free(out);
    return 1;
}

/* array([t]) -> t, which stays an array when it is empty */
static int f_array(lua_State *L) {
    if (lua_isnoneornil(L, 1))
        lua_newtable(L);
    else
        luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    json_mark_array(L);
    return 1;
}

static int f_is_raw(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, json_is_raw(L, 1));
    return 1;
}

int luaopen_host_json(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"array", f_array},   {"decode", f_decode}, {"encode", f_encode},
        {"is_raw", f_is_raw}, {"raw", f_raw},       {NULL, NULL},
    };
    luaL_newlib(L, functions);
    json_push_null(L);
    lua_setfield(L, -2, "null");
    return 1;
}

#include "secret.h"

#include <string.h>

#include "../host/base/limits.h"
#include "../host/c1/c1key.h"
#include "../host/secret/scrub.h"
#include "../host/secret/stand_in.h"
#include "../host/system/keyfile.h"
#include "api.h"

#define CLASS "reeve.secret"

enum { JOIN_MAX = 16 };

struct secret *secret_test(lua_State *L, int idx) {
    struct secret **place = luaL_testudata(L, idx, CLASS);
    return place ? *place : NULL;
}

static struct secret *check(lua_State *L, int arg) {
    struct secret *s = secret_test(L, arg);
    luaL_argexpected(L, s, arg, "secret");
    return s;
}

static void define_class(lua_State *L);

/* Room for a secret, still empty: made before the secret is, so that nothing leaks. Who pushes one may
 * be another binding, before anybody has asked for this one. */
static struct secret **place(lua_State *L) {
    struct secret **p = lua_newuserdatauv(L, sizeof *p, 0);
    *p = NULL;
    if (luaL_getmetatable(L, CLASS) == LUA_TNIL) define_class(L);
    lua_pop(L, 1);
    luaL_setmetatable(L, CLASS);
    return p;
}

/* To Lua a secret is a few bytes, and it would be in no hurry; here it is some pages of locked memory.
 * Not where the collector was stopped (l_concat). */
static void collect_now_and_then(lua_State *L) {
    enum { EVERY = 256 };
    static unsigned made;
    if (++made < EVERY || !lua_gc(L, LUA_GCISRUNNING)) return;
    made = 0;
    lua_gc(L, LUA_GCCOLLECT);
}

int secret_push_made(lua_State *L, enum err (*make)(void *, struct secret **, struct error *),
                     void *ctx) {
    struct error e = {0};
    collect_now_and_then(L);
    struct secret **p = place(L);
    enum err rc = make(ctx, p, &e);
    if (rc == ERR_LIMIT || rc == ERR_NOMEM) {
        lua_gc(L, LUA_GCCOLLECT, 0);
        rc = make(ctx, p, &e);
    }
    return rc ? api_fail(L, &e) : 1;
}

struct secret_part secret_check_part(lua_State *L, int arg) {
    struct secret_part p = {.secret = secret_test(L, arg)};
    if (!p.secret) p.bytes = luaL_checklstring(L, arg, &p.len);
    return p;
}

/* What the makers below are made of; none uses all of it. */
struct order {
    struct secret_part parts[JOIN_MAX];
    size_t n;
    struct secret *key;
    const char *text;
    size_t len;
    enum file_trust trust;
};

static enum err make_new(void *ctx, struct secret **out, struct error *e) {
    struct order *o = ctx;
    return secret_new(o->text, o->len, out, e);
}

static int l_new(lua_State *L) {
    struct order o = {0};
    o.text = luaL_checklstring(L, 1, &o.len);
    return secret_push_made(L, make_new, &o);
}

static enum err make_random(void *ctx, struct secret **out, struct error *e) {
    struct order *o = ctx;
    return secret_random(o->len, out, e);
}

static int l_random(lua_State *L) {
    lua_Integer len = luaL_checkinteger(L, 1);
    luaL_argcheck(L, len >= 0 && len <= LIMIT_SECRET, 1, "length out of range");
    struct order o = {.len = (size_t)len};
    return secret_push_made(L, make_random, &o);
}

static int l_is(lua_State *L) {
    lua_pushboolean(L, secret_test(L, 1) != NULL);
    return 1;
}

static enum err make_join(void *ctx, struct secret **out, struct error *e) {
    struct order *o = ctx;
    return secret_join(o->parts, o->n, out, e);
}

/* Lua 5.4.4's luaV_concat keeps a pointer into the stack while the metamethod runs, so the stack
 * must not move then: no collection may shrink it, and no call may have to grow it. For the latter
 * every coroutine begins with room to spare (VM_STACK_ROOM), and what is too deep for that raises,
 * which leaves luaV_concat before it looks again. */
enum { CONCAT_DEPTH = 64 };

/* Operators have no second result: what fails raises. */
static int l_concat(lua_State *L) {
    lua_Debug ar;
    struct order o = {.n = 2};
    if (lua_getstack(L, CONCAT_DEPTH, &ar))
        return luaL_error(L, "a secret is joined more than %d calls deep", CONCAT_DEPTH);
    o.parts[0] = secret_check_part(L, 1);
    o.parts[1] = secret_check_part(L, 2);
    int running = lua_gc(L, LUA_GCISRUNNING);
    lua_gc(L, LUA_GCSTOP);
    int n = secret_push_made(L, make_join, &o);
    if (running) lua_gc(L, LUA_GCRESTART);
    return n == 1 ? 1 : luaL_error(L, "%s", lua_tostring(L, -2));
}

static int l_join(lua_State *L) {
    struct order o = {0};
    int n = lua_gettop(L);
    luaL_argcheck(L, n <= JOIN_MAX, JOIN_MAX + 1, "too many parts");
    for (int i = 1; i <= n; i++) o.parts[o.n++] = secret_check_part(L, i);
    return secret_push_made(L, make_join, &o);
}

static enum err make_basic(void *ctx, struct secret **out, struct error *e) {
    struct order *o = ctx;
    return secret_basic(&o->parts[0], &o->parts[1], out, e);
}

static int l_basic(lua_State *L) {
    struct order o = {0};
    o.parts[0] = secret_check_part(L, 1);
    o.parts[1] = secret_check_part(L, 2);
    return secret_push_made(L, make_basic, &o);
}

static enum err make_urlencode(void *ctx, struct secret **out, struct error *e) {
    return secret_urlencode(ctx, out, e);
}

static int l_urlencode(lua_State *L) {
    return secret_push_made(L, make_urlencode, check(L, 1));
}

static enum err make_json(void *ctx, struct secret **out, struct error *e) {
    return secret_json(ctx, out, e);
}

static int l_json_string(lua_State *L) {
    return secret_push_made(L, make_json, check(L, 1));
}

static enum err make_header(void *ctx, struct secret **out, struct error *e) {
    return secret_header(ctx, out, e);
}

static int l_header(lua_State *L) {
    return secret_push_made(L, make_header, check(L, 1));
}

static int l_equal(lua_State *L) {
    lua_pushboolean(L, secret_equal(check(L, 1), check(L, 2)));
    return 1;
}

static int l_tostring(lua_State *L) {
    lua_pushliteral(L, "***");
    return 1;
}

static int l_release(lua_State *L) {
    struct secret **p = luaL_checkudata(L, 1, CLASS);
    secret_drop(*p);
    *p = NULL;
    return 0;
}

static int l_seal(lua_State *L) {
    struct error e = {0};
    struct secret *key = check(L, 1);
    struct secret_part p = secret_check_part(L, 2);
    size_t len, context_len;
    const char *context = luaL_checklstring(L, 3, &context_len);
    const char *bytes = secret_part_bytes(&p, &len);
    struct buf *out = api_buf(L, len + SECRET_SEAL_EXTRA);
    enum err rc = secret_seal(key, bytes, len, context, context_len, out, &e);
    if (rc) return api_fail(L, &e);
    lua_pushlstring(L, out->data, out->len);
    return 1;
}

static enum err make_open(void *ctx, struct secret **out, struct error *e) {
    struct order *o = ctx;
    return secret_open(o->key, o->text, o->len, o->parts[0].bytes, o->parts[0].len, out, e);
}

static int l_open(lua_State *L) {
    struct order o = {.key = check(L, 1)};
    o.text = luaL_checklstring(L, 2, &o.len);
    o.parts[0].bytes = luaL_checklstring(L, 3, &o.parts[0].len);
    return secret_push_made(L, make_open, &o);
}

static int l_open_bytes(lua_State *L) {
    struct error e = {0};
    struct secret *key = check(L, 1);
    size_t len, context_len;
    const char *sealed = luaL_checklstring(L, 2, &len);
    const char *context = luaL_checklstring(L, 3, &context_len);
    struct buf *out = api_buf(L, len);
    enum err rc = secret_open_bytes(key, sealed, len, context, context_len, out, &e);
    if (rc) return api_fail(L, &e);
    lua_pushlstring(L, out->data, out->len);
    return 1;
}

static enum err make_c1_key(void *ctx, struct secret **out, struct error *e) {
    return c1key_read(ctx, out, e);
}

static int l_c1_key(lua_State *L) {
    return secret_push_made(L, make_c1_key, check(L, 1));
}

static enum err make_load_key(void *ctx, struct secret **out, struct error *e) {
    struct order *o = ctx;
    return keyfile_load(o->text, o->trust, out, e);
}

static int l_load_key(lua_State *L) {
    static const char *const trusts[] = {"private", "trusted", NULL};
    struct order o = {.text = luaL_checkstring(L, 1)};
    o.trust = luaL_checkoption(L, 2, "private", trusts) ? FILE_TRUSTED : FILE_PRIVATE;
    return secret_push_made(L, make_load_key, &o);
}

static enum err make_make_key(void *ctx, struct secret **out, struct error *e) {
    struct order *o = ctx;
    return keyfile_make(o->text, out, e);
}

static int l_make_key(lua_State *L) {
    struct order o = {.text = luaL_checkstring(L, 1)};
    return secret_push_made(L, make_make_key, &o);
}

static int l_subkey(lua_State *L) {
    unsigned char key[64];
    struct error e = {0};
    struct secret *from = check(L, 1);
    const char *purpose = luaL_checkstring(L, 2);
    lua_Integer len = luaL_checkinteger(L, 3);
    luaL_argcheck(L, len >= 16 && len <= (lua_Integer)sizeof key, 3, "16 to 64 expected");
    if (secret_subkey(from, purpose, (size_t)len, key, &e)) return api_fail(L, &e);
    lua_pushlstring(L, (const char *)key, (size_t)len);
    return 1;
}

static int l_hash(lua_State *L) {
    char hex[SECRET_DIGEST_HEX + 1];
    struct secret_part parts[JOIN_MAX];
    int n = lua_gettop(L);
    luaL_argcheck(L, n >= 1 && n <= JOIN_MAX, n ? JOIN_MAX + 1 : 1, "1 to 16 parts expected");
    for (int i = 0; i < n; i++) parts[i] = secret_check_part(L, i + 1);
    secret_digest_parts(parts, (size_t)n, hex);
    lua_pushlstring(L, hex, SECRET_DIGEST_HEX);
    return 1;
}

static int l_hash128(lua_State *L) {
    unsigned char out[SECRET_HASH];
    size_t key_len, len;
    const char *key = luaL_checklstring(L, 1, &key_len);
    const char *bytes = luaL_checklstring(L, 2, &len);
    luaL_argcheck(L, key_len == SECRET_HASH_KEY, 1, "16 bytes expected");
    secret_hash128((const unsigned char *)key, bytes, len, out);
    lua_pushlstring(L, (const char *)out, sizeof out);
    return 1;
}

static int l_random_hex(lua_State *L) {
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[64];
    char hex[2 * sizeof bytes];
    lua_Integer n = luaL_checkinteger(L, 1);
    luaL_argcheck(L, n >= 1 && n <= (lua_Integer)sizeof bytes, 1, "1 to 64 bytes expected");
    secret_random_bytes(bytes, (size_t)n);
    for (size_t i = 0; i < (size_t)n; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    lua_pushlstring(L, hex, 2 * (size_t)n);
    return 1;
}

static int l_scrub(lua_State *L) {
    size_t len;
    struct error e = {0};
    const char *text = luaL_checklstring(L, 1, &len);
    lua_settop(L, 1);
    if (scrub_clean(text, len)) return 1;
    struct buf *b = api_buf(L, len);
    enum err rc = buf_add(b, text, len);
    if (rc) {
        err_set(&e, rc, "scrub a text of %zu bytes: out of memory", len);
        return api_fail(L, &e);
    }
    scrub_buf(b);
    lua_pushlstring(L, b->data, b->len);
    return 1;
}

static int l_holds(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct secret **p = place(L);
    const struct secret *s = scrub_find(text, len);
    if (!s) return 0;
    *p = secret_keep((struct secret *)s);
    return 1;
}

enum { STAND_IN_GROWS = 4 }; /* the shortest secret has 6 bytes, its stand-in 23 */

static int l_stand_in(lua_State *L) {
    struct error e = {0};
    size_t key_len, len;
    bool found;
    const char *key = luaL_checklstring(L, 1, &key_len);
    luaL_argcheck(L, key_len == SECRET_HASH_KEY, 1, "16 bytes expected");
    struct secret_part p = secret_check_part(L, 2);
    const char *text = secret_part_bytes(&p, &len);
    struct buf *out = api_buf(L, STAND_IN_GROWS * len);
    enum err rc = stand_in_text((const unsigned char *)key, text, len, out, &found);
    if (rc) {
        err_set(&e, rc, "redact a text of %zu bytes: out of memory", len);
        return api_fail(L, &e);
    }
    if (p.secret && !found) lua_pushliteral(L, "***");
    else lua_pushlstring(L, out->data, out->len);
    return 1;
}

/* No __index: a secret has nothing to look at, and a plugin could call __gc through it. */
static void define_class(lua_State *L) {
    static const luaL_Reg meta[] = {
        {"__concat", l_concat}, {"__tostring", l_tostring}, {"__gc", l_release}, {NULL, NULL},
    };
    luaL_newmetatable(L, CLASS);
    luaL_setfuncs(L, meta, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

int luaopen_host_secret(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"new", l_new},
        {"random", l_random},
        {"is", l_is},
        {"join", l_join},
        {"basic", l_basic},
        {"urlencode", l_urlencode},
        {"json_string", l_json_string},
        {"header", l_header},
        {"equal", l_equal},
        {"seal", l_seal},
        {"open", l_open},
        {"open_bytes", l_open_bytes},
        {"c1_key", l_c1_key},
        {"load_key", l_load_key},
        {"make_key", l_make_key},
        {"subkey", l_subkey},
        {"hash", l_hash},
        {"hash128", l_hash128},
        {"random_hex", l_random_hex},
        {"scrub", l_scrub},
        {"holds", l_holds},
        {"stand_in", l_stand_in},
        {NULL, NULL},
    };
    define_class(L);
    luaL_newlib(L, functions);
    return 1;
}

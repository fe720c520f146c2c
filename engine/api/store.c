/* host.store: a store of named tables for the engine's Lua; what the home's ledger is kept in.
 *
 *   open(dir, {write=, create=, passing=, map_mb=, dbs={"name", …}}) -> env | nil, message, code
 *   env:get(db, key) -> bytes | nil          (nil, message, code where reading failed)
 *   env:put(db, key, value) · env:del(db, key) -> true | nil, message, code
 *   env:append(db, value) -> n | nil, …      under the next number, as 8 bytes big-endian
 *   env:write{ {"put", db, key, value} | {"del", db, key}, … } -> true | nil, …   all or nothing
 *   env:swap(db, key, old|nil, new) -> true | false | nil, …   false: the value is not `old`
 *   env:each(db [, from]) -> iterator of key, value   over a copy of at most EACH_BATCH at a time
 *   env:close()
 * Every change is durable when the call returns. */
#include "../host/store/store.h"

#include <string.h>

#include "api.h"
#include "store.h"

#define CLASS "reeve.store"

enum { DBS_MAX = 8, EACH_BATCH = 64 };

struct env {
    struct store *s;
};

static struct store *check(lua_State *L) {
    struct env *env = luaL_checkudata(L, 1, CLASS);
    if (!env->s) luaL_error(L, "this store is closed");
    return env->s;
}

/* A table's name to its index: the list given at open is kept as the userdata's value. */
static int check_db(lua_State *L, int arg) {
    luaL_checkstring(L, arg);
    lua_getiuservalue(L, 1, 1);
    lua_pushvalue(L, arg);
    if (lua_rawget(L, -2) != LUA_TNUMBER) luaL_argerror(L, arg, "no such table in this store");
    int db = (int)lua_tointeger(L, -1);
    lua_pop(L, 2);
    return db;
}

static struct span check_bytes(lua_State *L, int arg) {
    size_t n;
    const char *p = luaL_checklstring(L, arg, &n);
    return span_of(p, n);
}

static int env_close(lua_State *L) {
    struct env *env = luaL_checkudata(L, 1, CLASS);
    store_close(env->s);
    env->s = NULL;
    return 0;
}

/* {"a", "b"} becomes the table names and a Lua table name → index. */
static size_t read_dbs(lua_State *L, struct store_table *tables) {
    if (lua_getfield(L, 2, "dbs") != LUA_TTABLE) luaL_error(L, "option 'dbs': table expected");
    lua_Unsigned count = lua_rawlen(L, -1);
    if (count > DBS_MAX) luaL_error(L, "option 'dbs': at most %d names", DBS_MAX);
    lua_createtable(L, 0, (int)count);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        tables[i] = (struct store_table){luaL_checkstring(L, -1), 0};
        lua_pushinteger(L, (lua_Integer)i);
        lua_rawset(L, -3);
    }
    return (size_t)count;
}

static int f_open(lua_State *L) {
    const char *dir = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    struct store_options options = {
        .write = api_opt_boolean(L, 2, "write", 0),
        .create = api_opt_boolean(L, 2, "create", 0),
        .passing = api_opt_boolean(L, 2, "passing", 0),
        .map_bytes = (size_t)api_opt_integer(L, 2, "map_mb", 1024) << 20,
    };
    struct env *env = lua_newuserdatauv(L, sizeof *env, 1);
    env->s = NULL;
    luaL_setmetatable(L, CLASS);
    struct store_table tables[DBS_MAX];
    size_t count = read_dbs(L, tables);
    lua_setiuservalue(L, 3, 1);
    struct error e;
    if (store_open(&env->s, dir, tables, count, &options, &e)) return api_fail(L, &e);
    lua_settop(L, 3);
    return 1;
}

static int env_get(lua_State *L) {
    struct store *s = check(L);
    int db = check_db(L, 2);
    struct span key = check_bytes(L, 3), value;
    struct store_txn *t;
    struct error e;
    enum err rc = store_begin(s, false, &t, &e);
    if (rc) return api_fail(L, &e);
    rc = store_get(t, db, key, &value, &e);
    /* The one allocation that may raise: a raise here would leak the transaction. */
    struct buf *copy = NULL;
    if (!rc) {
        lua_State *owner = L;
        copy = api_buf(owner, value.n);
        if (buf_add(copy, value.p, value.n)) rc = err_set(&e, ERR_NOMEM, "out of memory");
    }
    store_abort(t);
    if (rc == ERR_NOT_FOUND) return 0;
    if (rc) return api_fail(L, &e);
    lua_pushlstring(L, copy->data, copy->len);
    return 1;
}

struct change {
    int db;
    bool del;
    struct span key, value;
};

static enum err apply(struct store_txn *t, const struct change *c, struct error *e) {
    return c->del ? store_del(t, c->db, c->key, NULL, e) : store_put(t, c->db, c->key, c->value, e);
}

static int write_all(lua_State *L, struct store *s, const struct change *changes, size_t n) {
    struct store_txn *t;
    struct error e;
    enum err rc = store_begin(s, true, &t, &e);
    if (rc) return api_fail(L, &e);
    for (size_t i = 0; i < n && !rc; i++) rc = apply(t, &changes[i], &e);
    if (rc) {
        store_abort(t);
        return api_fail(L, &e);
    }
    rc = store_commit(t, &e);
    return api_result(L, rc, &e);
}

static int env_put(lua_State *L) {
    struct store *s = check(L);
    struct change c = {check_db(L, 2), false, check_bytes(L, 3), check_bytes(L, 4)};
    return write_all(L, s, &c, 1);
}

static int env_del(lua_State *L) {
    struct store *s = check(L);
    struct change c = {.db = check_db(L, 2), .del = true, .key = check_bytes(L, 3)};
    return write_all(L, s, &c, 1);
}

/* Reads changes[i] from the table at the stack's top; its strings stay alive in the argument. */
static struct change read_change(lua_State *L) {
    struct change c = {0};
    int top = lua_gettop(L);
    for (int i = 1; i <= 4; i++) lua_rawgeti(L, top, i);
    c.del = strcmp(luaL_checkstring(L, top + 1), "del") == 0;
    c.db = check_db(L, top + 2);
    c.key = check_bytes(L, top + 3);
    if (!c.del) c.value = check_bytes(L, top + 4);
    lua_settop(L, top);
    return c;
}

static int env_write(lua_State *L) {
    struct store *s = check(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t n = (size_t)lua_rawlen(L, 2);
    struct change *changes = lua_newuserdatauv(L, (n + 1) * sizeof *changes, 0);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        luaL_checktype(L, -1, LUA_TTABLE);
        changes[i] = read_change(L);
        lua_pop(L, 1);
    }
    return write_all(L, s, changes, n);
}

static void number_key(unsigned char key[8], uint64_t n) {
    for (int i = 7; i >= 0; i--, n >>= 8) key[i] = (unsigned char)n;
}

static uint64_t key_number(struct span key) {
    uint64_t n = 0;
    for (size_t i = 0; i < key.n && i < 8; i++) n = n << 8 | ((const unsigned char *)key.p)[i];
    return n;
}

static enum err append(struct store_txn *t, int db, struct span value, uint64_t *n,
                       struct error *e) {
    struct store_cursor *c;
    enum err rc = store_cursor(t, db, &c, e);
    if (rc) return rc;
    struct span last = {0};
    *n = store_move(c, STORE_LAST, &last, NULL, e) ? 1 : key_number(last) + 1;
    store_cursor_close(c);
    unsigned char key[8];
    number_key(key, *n);
    return store_append(t, db, span_of(key, 8), value, e);
}

static int env_append(lua_State *L) {
    struct store *s = check(L);
    int db = check_db(L, 2);
    struct span value = check_bytes(L, 3);
    struct store_txn *t;
    struct error e;
    uint64_t n = 0;
    enum err rc = store_begin(s, true, &t, &e);
    if (rc) return api_fail(L, &e);
    rc = append(t, db, value, &n, &e);
    if (rc)
        store_abort(t);
    else
        rc = store_commit(t, &e);
    if (rc) return api_fail(L, &e);
    lua_pushinteger(L, (lua_Integer)n);
    return 1;
}

static bool same(enum err found, struct span now, bool expects, struct span old) {
    if (found == ERR_NOT_FOUND) return !expects;
    return expects && now.n == old.n && memcmp(now.p, old.p, old.n) == 0;
}

static int env_swap(lua_State *L) {
    struct store *s = check(L);
    int db = check_db(L, 2);
    struct span key = check_bytes(L, 3), now = {0}, old = {0};
    bool expects = !lua_isnil(L, 4);
    if (expects) old = check_bytes(L, 4);
    struct span new = check_bytes(L, 5);
    struct store_txn *t;
    struct error e;
    enum err rc = store_begin(s, true, &t, &e);
    if (rc) return api_fail(L, &e);
    rc = store_get(t, db, key, &now, &e);
    bool swap = (rc == ERR_OK || rc == ERR_NOT_FOUND) && same(rc, now, expects, old);
    if (rc == ERR_NOT_FOUND) rc = ERR_OK;
    if (swap && !rc) rc = store_put(t, db, key, new, &e);
    if (rc || !swap)
        store_abort(t);
    else
        rc = store_commit(t, &e);
    if (rc) return api_fail(L, &e);
    lua_pushboolean(L, swap);
    return 1;
}

/* Copies up to EACH_BATCH entries from `from` on into a buffer: lengths, then bytes. The reader
 * has ended before Lua sees any of them. */
static enum err batch(struct store *s, int db, struct span from, bool after, struct buf *out,
                      struct error *e) {
    struct store_txn *t;
    struct store_cursor *c = NULL;
    enum err rc = store_begin(s, false, &t, e);
    if (!rc) rc = store_cursor(t, db, &c, e);
    struct span key = from, value;
    if (!rc) rc = store_move(c, STORE_SEEK, &key, &value, e);
    if (!rc && after && key.n == from.n && memcmp(key.p, from.p, from.n) == 0)
        rc = store_move(c, STORE_NEXT, &key, &value, e);
    for (int n = 0; !rc && n < EACH_BATCH; n++) {
        rc = buf_add(out, &key.n, sizeof key.n);
        if (!rc) rc = buf_add(out, &value.n, sizeof value.n);
        if (!rc) rc = buf_add(out, key.p, key.n);
        if (!rc) rc = buf_add(out, value.p, value.n);
        if (!rc) rc = store_move(c, STORE_NEXT, &key, &value, e);
    }
    store_cursor_close(c);
    store_abort(t);
    if (rc == ERR_NOMEM || rc == ERR_LIMIT) err_set(e, ERR_NOMEM, "out of memory reading a store");
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

/* Upvalues: env, db, key to go on from, whether that key was given out, buffer, offset in it. */
static int next_entry(lua_State *L) {
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    struct buf *b = lua_touserdata(L, lua_upvalueindex(5));
    size_t at = (size_t)lua_tointeger(L, lua_upvalueindex(6));
    if (at >= b->len) {
        struct span from;
        from.p = lua_tolstring(L, lua_upvalueindex(3), &from.n);
        buf_clear(b);
        struct error e;
        if (batch(check(L), (int)lua_tointeger(L, lua_upvalueindex(2)), from,
                  lua_toboolean(L, lua_upvalueindex(4)), b, &e))
            return api_raise(L, &e);
        if (b->len == 0) return 0;
        at = 0;
    }
    size_t sizes[2];
    memcpy(sizes, b->data + at, sizeof sizes);
    at += sizeof sizes;
    lua_pushlstring(L, b->data + at, sizes[0]);
    lua_pushvalue(L, -1);
    lua_replace(L, lua_upvalueindex(3));
    lua_pushboolean(L, 1);
    lua_replace(L, lua_upvalueindex(4));
    lua_pushlstring(L, b->data + at + sizes[0], sizes[1]);
    lua_pushinteger(L, (lua_Integer)(at + sizes[0] + sizes[1]));
    lua_replace(L, lua_upvalueindex(6));
    return 2;
}

static int env_each(lua_State *L) {
    check(L);
    int db = check_db(L, 2);
    lua_settop(L, 3);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, db);
    size_t n;
    const char *from = luaL_optlstring(L, 3, "", &n);
    lua_pushlstring(L, n ? from : "\0", n ? n : 1); /* LMDB knows no empty key */
    lua_pushboolean(L, 0);
    api_buf(L, (size_t)1 << 30);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_entry, 6);
    return 1;
}

static const luaL_Reg methods[] = {
    {"get", env_get},   {"put", env_put},   {"del", env_del},     {"append", env_append},
    {"write", env_write}, {"swap", env_swap}, {"each", env_each}, {"close", env_close},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {{"open", f_open}, {NULL, NULL}};

int luaopen_host_store(lua_State *L) {
    api_class(L, CLASS, methods, env_close);
    luaL_newlib(L, functions);
    return 1;
}

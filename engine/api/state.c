/* host.state: what is remembered of one connector.
 *
 *   open(dir, {write=, create=, passing=, map_mb=}) -> st | nil, message, code   ("not_found": nothing yet)
 *   st:meta() -> {accepted=, held=, open=, last=}       held and open are absent where there is none
 *   st:run(n) -> JSON | nil · st:runs() -> iterator of n, JSON, newest first
 *   st:log(run) -> iterator of JSON
 *   st:records(what [, type]) -> iterator of JSON        what: resource, entitlement, grant
 *   st:holdings() -> iterator of kind, JSON              resources, each followed by the grants it holds
 *   st:show(type, id [, slug [, type, id]]) -> JSON | nil   the resource, its entitlement, or a grant of it
 *   st:history(type, id) -> iterator of {run, op, kind, before, after}, newest first
 *   st:changes(from, to) -> the same, of all things that runs after `from` up to `to` changed
 *   st:changes_from(run, row, to) -> the same with row, of each run by itself, from that row on; op is
 *                          "same", and there is no record, where nobody sees a difference
 *   st:excluded([run]) -> iterator of JSON
 *   st:sources(type, id) -> iterator of {kind, list, parent, with, raw}, the seen one first
 *   st:objects() -> the same, every object that the last accepted listings gave, listing by listing
 *   st:cached(key) -> bytes | nil                        the plugin's own cache
 * and for who writes:
 *   st:begin(JSON) -> run · st:put_run(run, JSON) · st:add_log(run, {JSON, …}, first)
 *   st:publish(run, JSON) · st:hold(run, JSON) · st:close_run(run, JSON)   the run is open no more
 *   st:undo(run) · st:drop(run) · st:tidy() · st:forget(run) · st:drop_log(run)
 *   st:cache({key = bytes|false, …}) · st:copy(dir)
 *   st:close()
 * Iterators raise { code, message } where reading fails. */
#include "state.h"

#include <stdlib.h>
#include <string.h>

#include "../host/model/model_fields.h"
#include "../host/store/browse.h"
#include "../host/store/publish.h"
#include "api.h"

#define CLASS "reeve.state"
#define BROWSE "reeve.browse"

struct state *state_check(lua_State *L, int idx) {
    struct state *s = luaL_checkudata(L, idx, CLASS);
    if (!s->store) luaL_error(L, "this state is closed");
    return s;
}

static int st_close(lua_State *L) {
    state_close(luaL_checkudata(L, 1, CLASS));
    return 0;
}

static int f_open(lua_State *L) {
    const char *dir = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    struct store_options options = {
        .write = api_opt_boolean(L, 2, "write", 0),
        .create = api_opt_boolean(L, 2, "create", 0),
        .passing = api_opt_boolean(L, 2, "passing", 0),
        .map_bytes = (size_t)api_opt_integer(L, 2, "map_mb", 64 * 1024) << 20,
    };
    struct state *s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (struct state){0};
    luaL_setmetatable(L, CLASS);
    struct error e;
    if (state_open(s, dir, &options, &e)) return api_fail(L, &e);
    return 1;
}

static void set_number(lua_State *L, const char *field, uint64_t n, bool always) {
    if (!n && !always) return;
    lua_pushinteger(L, (lua_Integer)n);
    lua_setfield(L, -2, field);
}

static enum err read_numbers(struct state *s, struct state_numbers *n, struct error *e) {
    struct store_txn *t;
    enum err rc = store_begin(s->store, false, &t, e);
    if (rc) return rc;
    rc = state_numbers(t, n, e);
    store_abort(t);
    return rc;
}

static int st_meta(lua_State *L) {
    struct state_numbers n;
    struct error e;
    if (read_numbers(state_check(L, 1), &n, &e)) return api_fail(L, &e);
    lua_createtable(L, 0, 4);
    set_number(L, "accepted", n.accepted, true);
    set_number(L, "held", n.held, false);
    set_number(L, "open", n.open, false);
    set_number(L, "last", n.last, true);
    return 1;
}

/* Copies a value out of a transaction into a buffer userdata, so that nothing leaks by a raise. */
static int push_value(lua_State *L, struct state *s, int table, struct span key) {
    struct buf *copy = api_buf(L, (size_t)1 << 30);
    struct store_txn *t;
    struct span v;
    struct error e;
    enum err rc = store_begin(s->store, false, &t, &e);
    if (rc) return api_fail(L, &e);
    rc = store_get(t, table, key, &v, &e);
    if (!rc && buf_add(copy, v.p, v.n)) rc = err_set(&e, ERR_NOMEM, "out of memory");
    store_abort(t);
    if (rc == ERR_NOT_FOUND) return 0;
    if (rc) return api_fail(L, &e);
    lua_pushlstring(L, copy->data, copy->len);
    return 1;
}

static int st_run(lua_State *L) {
    struct state_key k = state_key_run((uint64_t)luaL_checkinteger(L, 2));
    return push_value(L, state_check(L, 1), STATE_RUN, state_span(&k));
}

static int st_cached(lua_State *L) {
    size_t n;
    const char *key = luaL_checklstring(L, 2, &n);
    return push_value(L, state_check(L, 1), STATE_CACHE, span_of(key, n));
}

/* The entry before (or, forward, from) `key` in a table, copied: its key and value. */
static enum err step(struct state *s, int table, bool forward, struct state_key *key,
                     struct buf *value, struct error *e) {
    struct store_txn *t;
    struct store_cursor *c = NULL;
    struct span k = state_span(key), v;
    enum err rc = store_begin(s->store, false, &t, e);
    if (!rc) rc = store_cursor(t, table, &c, e);
    if (!rc) rc = store_move(c, STORE_SEEK, &k, &v, e);
    if (!forward && rc == ERR_NOT_FOUND)
        rc = store_move(c, STORE_LAST, &k, &v, e);
    else if (!forward && !rc)
        rc = store_move(c, STORE_PREVIOUS, &k, &v, e);
    if (!rc && k.n <= sizeof key->bytes) {
        memcpy(key->bytes, k.p, k.n);
        key->n = k.n;
        buf_clear(value);
        if (buf_add(value, v.p, v.n)) rc = err_set(e, ERR_NOMEM, "out of memory");
    }
    store_cursor_close(c);
    store_abort(t);
    return rc;
}

/* Upvalues: state, run to go down from, buffer. */
static int next_run(lua_State *L) {
    struct state *s = state_check(L, lua_upvalueindex(1));
    struct state_key k = state_key_run((uint64_t)lua_tointeger(L, lua_upvalueindex(2)));
    struct buf *value = lua_touserdata(L, lua_upvalueindex(3));
    struct error e;
    enum err rc = step(s, STATE_RUN, false, &k, value, &e);
    if (rc == ERR_NOT_FOUND) return 0;
    if (rc) return api_raise(L, &e);
    lua_pushinteger(L, (lua_Integer)state_u64(k.bytes));
    lua_pushvalue(L, -1);
    lua_replace(L, lua_upvalueindex(2));
    lua_pushlstring(L, value->data, value->len);
    return 2;
}

static int st_runs(lua_State *L) {
    state_check(L, 1);
    lua_settop(L, 1);
    lua_pushinteger(L, LUA_MAXINTEGER);
    api_buf(L, (size_t)1 << 30);
    lua_pushcclosure(L, next_run, 3);
    return 1;
}

/* Upvalues: state, run, next n, buffer. */
static int next_log(lua_State *L) {
    struct state *s = state_check(L, lua_upvalueindex(1));
    uint64_t run = (uint64_t)lua_tointeger(L, lua_upvalueindex(2));
    struct state_key k = state_key_run_n(run, (uint64_t)lua_tointeger(L, lua_upvalueindex(3)));
    struct buf *value = lua_touserdata(L, lua_upvalueindex(4));
    struct error e;
    enum err rc = step(s, STATE_LOG, true, &k, value, &e);
    if (rc == ERR_NOT_FOUND || (!rc && state_u64(k.bytes) != run)) return 0;
    if (rc) return api_raise(L, &e);
    lua_pushinteger(L, (lua_Integer)state_u64(k.bytes + 8) + 1);
    lua_replace(L, lua_upvalueindex(3));
    lua_pushlstring(L, value->data, value->len);
    return 1;
}

static int st_log(lua_State *L) {
    state_check(L, 1);
    luaL_checkinteger(L, 2);
    lua_settop(L, 2);
    lua_pushinteger(L, 0);
    api_buf(L, (size_t)1 << 30);
    lua_pushcclosure(L, next_log, 4);
    return 1;
}

/* --- browsing --- */

struct holder {
    struct browse *b;
};

static int browse_release(lua_State *L) {
    struct holder *h = luaL_checkudata(L, 1, BROWSE);
    browse_free(h->b);
    h->b = NULL;
    return 0;
}

static struct holder *new_holder(lua_State *L) {
    struct holder *h = lua_newuserdatauv(L, sizeof *h, 1);
    h->b = NULL;
    luaL_setmetatable(L, BROWSE);
    lua_pushvalue(L, 1); /* the state outlives what browses it */
    lua_setiuservalue(L, -2, 1);
    return h;
}

static bool browse_step(lua_State *L, struct browse_item *item) {
    struct holder *h = luaL_checkudata(L, lua_upvalueindex(1), BROWSE);
    struct error e;
    bool more = false;
    state_check(L, lua_upvalueindex(2));
    if (!h->b) return false;
    if (browse_next(h->b, item, &more, &e)) api_raise(L, &e);
    if (!more) {
        browse_free(h->b);
        h->b = NULL;
    }
    return more;
}

static int next_json(lua_State *L) {
    struct browse_item item;
    if (!browse_step(L, &item)) return 0;
    lua_pushlstring(L, item.after.p, item.after.n);
    return 1;
}

static void set_json(lua_State *L, const char *field, struct span json) {
    if (!json.p) return;
    lua_pushlstring(L, json.p, json.n);
    lua_setfield(L, -2, field);
}

static const char *const kind_names[] = {"", "resource", "entitlement", "grant"};

static void push_change(lua_State *L, const struct browse_item *item) {
    static const char *const ops[] = {"same", "added", "changed", "removed"};
    lua_createtable(L, 0, 6);
    lua_pushinteger(L, (lua_Integer)item->run);
    lua_setfield(L, -2, "run");
    lua_pushstring(L, ops[item->op & 3]);
    lua_setfield(L, -2, "op");
    lua_pushstring(L, kind_names[item->kind & 3]);
    lua_setfield(L, -2, "kind");
    set_json(L, "before", item->before);
    set_json(L, "after", item->after);
}

static int next_change(lua_State *L) {
    struct browse_item item;
    if (!browse_step(L, &item)) return 0;
    push_change(L, &item);
    return 1;
}

static int next_row(lua_State *L) {
    struct browse_item item;
    if (!browse_step(L, &item)) return 0;
    push_change(L, &item);
    lua_pushinteger(L, (lua_Integer)item.row);
    lua_setfield(L, -2, "row");
    return 1;
}

static void set_text(lua_State *L, const char *field, struct span text) {
    if (text.n) set_json(L, field, text);
}

static int next_source(lua_State *L) {
    struct browse_item item;
    struct record r;
    struct error e;
    if (!browse_step(L, &item)) return 0;
    if (record_read(&r, item.after, &e)) return api_raise(L, &e);
    lua_createtable(L, 0, 5);
    set_text(L, "kind", r.kind);
    set_text(L, "list", r.list);
    set_text(L, "parent", r.parent);
    set_text(L, "with", r.with);
    set_text(L, "raw", r.raw);
    return 1;
}

/* The browse is at the top: the iterator over it. */
static int push_iterator(lua_State *L, lua_CFunction next, enum err rc, const struct error *e) {
    if (rc) return api_fail(L, e);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, next, 2);
    return 1;
}

static uint64_t accepted(lua_State *L, struct state *s) {
    struct state_numbers n;
    struct error e;
    if (read_numbers(s, &n, &e)) api_raise(L, &e);
    return n.accepted;
}

static int st_records(lua_State *L) {
    static const char *const kinds[] = {"resource", "entitlement", "grant", NULL};
    struct state *s = state_check(L, 1);
    enum record_kind kind = (enum record_kind)(luaL_checkoption(L, 2, NULL, kinds) + 1);
    size_t n;
    const char *type = luaL_optlstring(L, 3, "", &n);
    uint64_t run = accepted(L, s);
    struct holder *h = new_holder(L);
    struct error e;
    enum err rc = browse_things(&h->b, s, kind, span_of(type, n), run, &e);
    return push_iterator(L, next_json, rc, &e);
}

static int next_holding(lua_State *L) {
    struct browse_item item;
    if (!browse_step(L, &item)) return 0;
    lua_pushstring(L, kind_names[item.kind & 3]);
    lua_pushlstring(L, item.after.p, item.after.n);
    return 2;
}

static int st_holdings(lua_State *L) {
    struct state *s = state_check(L, 1);
    uint64_t run = accepted(L, s);
    struct holder *h = new_holder(L);
    struct error e;
    return push_iterator(L, next_holding, browse_holdings(&h->b, s, run, &e), &e);
}

static int st_changes(lua_State *L) {
    struct state *s = state_check(L, 1);
    lua_Integer from = luaL_checkinteger(L, 2), to = luaL_checkinteger(L, 3);
    struct holder *h = new_holder(L);
    struct error e;
    enum err rc = browse_changes(&h->b, s, (uint64_t)from, (uint64_t)to, &e);
    return push_iterator(L, next_change, rc, &e);
}

static int st_changes_from(lua_State *L) {
    struct state *s = state_check(L, 1);
    lua_Integer run = luaL_checkinteger(L, 2), row = luaL_checkinteger(L, 3);
    lua_Integer to = luaL_checkinteger(L, 4);
    struct holder *h = new_holder(L);
    struct error e;
    enum err rc = browse_changes_from(&h->b, s, (uint64_t)run, (uint64_t)row, (uint64_t)to, &e);
    return push_iterator(L, next_row, rc, &e);
}

static int st_excluded(lua_State *L) {
    struct state *s = state_check(L, 1);
    uint64_t run = lua_isnoneornil(L, 2) ? accepted(L, s) : (uint64_t)luaL_checkinteger(L, 2);
    struct holder *h = new_holder(L);
    struct error e;
    return push_iterator(L, next_json, browse_excluded(&h->b, s, run, &e), &e);
}

static void check_key(lua_State *L, struct state *s, unsigned char key[RECORD_KEY]) {
    size_t n;
    const char *type = luaL_checkstring(L, 2), *id = luaL_checklstring(L, 3, &n);
    model_key(s->secret, RECORD_RESOURCE, type, id, n, NULL, key);
}

static int st_history(lua_State *L) {
    struct state *s = state_check(L, 1);
    unsigned char key[RECORD_KEY];
    check_key(L, s, key);
    uint64_t run = accepted(L, s);
    struct holder *h = new_holder(L);
    struct error e;
    return push_iterator(L, next_change, browse_history(&h->b, s, key, run, &e), &e);
}

static int st_sources(lua_State *L) {
    struct state *s = state_check(L, 1);
    unsigned char key[RECORD_KEY];
    check_key(L, s, key);
    uint64_t run = luaL_optinteger(L, 4, 0) ? (uint64_t)lua_tointeger(L, 4) : accepted(L, s);
    struct holder *h = new_holder(L);
    struct error e;
    return push_iterator(L, next_source, browse_sources(&h->b, s, key, run, &e), &e);
}

static int st_objects(lua_State *L) {
    struct state *s = state_check(L, 1);
    uint64_t run = accepted(L, s);
    struct holder *h = new_holder(L);
    struct error e;
    return push_iterator(L, next_source, browse_objects(&h->b, s, run, &e), &e);
}

/* The key of a resource, entitlement or grant: of two, three or five texts from argument 2 on. */
static void check_thing(lua_State *L, const struct state *s, unsigned char key[RECORD_KEY]) {
    struct span tuple[5];
    size_t n = 0;
    for (; n < 5 && (n < 2 || !lua_isnoneornil(L, (int)n + 2)); n++)
        tuple[n].p = luaL_checklstring(L, (int)n + 2, &tuple[n].n);
    luaL_argcheck(L, n != 4, 6, "a grant's principal has an id");
    record_key(s->secret, n == 2 ? RECORD_RESOURCE : n == 3 ? RECORD_ENTITLEMENT : RECORD_GRANT,
               tuple, n, key);
}

static int st_show(lua_State *L) {
    struct state *s = state_check(L, 1);
    unsigned char key[RECORD_KEY];
    check_thing(L, s, key);
    uint64_t run = accepted(L, s);
    struct holder *h = new_holder(L);
    struct browse_item item;
    struct record r;
    struct error e;
    bool more;
    enum err rc = browse_sources(&h->b, s, key, run, &e);
    if (!rc) rc = browse_next(h->b, &item, &more, &e);
    if (!rc && more) rc = record_read(&r, item.after, &e);
    if (rc) return api_fail(L, &e);
    size_t part = more && r.head.outcome == RECORD_KEPT ? record_find(&r, key) : 0;
    if (!more || r.head.outcome != RECORD_KEPT || part == r.parts) return 0;
    struct span json = record_json(&r, part);
    lua_pushlstring(L, json.p, json.n);
    return 1;
}

/* --- writing --- */

static struct span check_span(lua_State *L, int arg) {
    size_t n;
    const char *p = luaL_checklstring(L, arg, &n);
    return span_of(p, n);
}

static int finish(lua_State *L, struct store_txn *t, enum err rc, struct error *e) {
    if (rc)
        store_abort(t);
    else
        rc = store_commit(t, e);
    return api_result(L, rc, e);
}

static int st_begin(lua_State *L) {
    struct state *s = state_check(L, 1);
    struct span json = check_span(L, 2);
    struct store_txn *t;
    struct state_numbers n;
    struct error e;
    enum err rc = store_begin(s->store, true, &t, &e);
    if (rc) return api_fail(L, &e);
    rc = state_numbers(t, &n, &e);
    n.open = ++n.last;
    struct state_range range = {n.next_rec, n.next_rec};
    struct state_key k = state_key_run(n.last);
    if (!rc) rc = state_put_numbers(t, &n, &e);
    if (!rc) rc = state_put_range(t, n.last, &range, &e);
    if (!rc) rc = store_put(t, STATE_RUN, state_span(&k), json, &e);
    if (finish(L, t, rc, &e) != 1) return 3;
    lua_pushinteger(L, (lua_Integer)n.last);
    return 1;
}

static int st_put_run(lua_State *L) {
    struct state *s = state_check(L, 1);
    struct state_key k = state_key_run((uint64_t)luaL_checkinteger(L, 2));
    struct span json = check_span(L, 3);
    struct store_txn *t;
    struct error e;
    enum err rc = store_begin(s->store, true, &t, &e);
    if (rc) return api_fail(L, &e);
    rc = store_put(t, STATE_RUN, state_span(&k), json, &e);
    return finish(L, t, rc, &e);
}

/* How a run ends that is not published: held (it waits), or closed. */
static int end_run(lua_State *L, bool held) {
    struct state *s = state_check(L, 1);
    uint64_t run = (uint64_t)luaL_checkinteger(L, 2);
    struct span json = check_span(L, 3);
    struct state_key k = state_key_run(run);
    struct store_txn *t;
    struct state_numbers n;
    struct error e;
    enum err rc = store_begin(s->store, true, &t, &e);
    if (rc) return api_fail(L, &e);
    rc = state_numbers(t, &n, &e);
    if (n.open == run) n.open = 0;
    if (held) n.held = run;
    if (!held && n.held == run) n.held = 0;
    if (!rc) rc = state_put_numbers(t, &n, &e);
    if (!rc) rc = store_put(t, STATE_RUN, state_span(&k), json, &e);
    return finish(L, t, rc, &e);
}

static int st_hold(lua_State *L) {
    return end_run(L, true);
}

static int st_close_run(lua_State *L) {
    return end_run(L, false);
}

static int st_add_log(lua_State *L) {
    struct state *s = state_check(L, 1);
    uint64_t run = (uint64_t)luaL_checkinteger(L, 2), n = (uint64_t)luaL_checkinteger(L, 4);
    luaL_checktype(L, 3, LUA_TTABLE);
    lua_Integer count = (lua_Integer)lua_rawlen(L, 3);
    luaL_checkstack(L, 2, NULL);
    for (lua_Integer i = 1; i <= count; i++)
        if (lua_rawgeti(L, 3, i) != LUA_TSTRING) return luaL_argerror(L, 3, "a list of strings");
        else lua_pop(L, 1);
    struct store_txn *t;
    struct error e;
    enum err rc = store_begin(s->store, true, &t, &e);
    if (rc) return api_fail(L, &e);
    for (lua_Integer i = 1; i <= count && !rc; i++, n++) {
        size_t len;
        lua_rawgeti(L, 3, i);
        const char *line = lua_tolstring(L, -1, &len);
        struct state_key k = state_key_run_n(run, n);
        rc = store_put(t, STATE_LOG, state_span(&k), span_of(line, len), &e);
        lua_pop(L, 1);
    }
    return finish(L, t, rc, &e);
}

static int st_publish(lua_State *L) {
    struct state *s = state_check(L, 1);
    uint64_t run = (uint64_t)luaL_checkinteger(L, 2);
    struct error e;
    return api_result(L, publish_run(s, run, check_span(L, 3), &e), &e);
}

static int with_run(lua_State *L, enum err (*act)(struct state *, uint64_t, struct error *)) {
    struct state *s = state_check(L, 1);
    struct error e;
    return api_result(L, act(s, (uint64_t)luaL_checkinteger(L, 2), &e), &e);
}

static int st_undo(lua_State *L) {
    return with_run(L, publish_undo);
}

static int st_drop(lua_State *L) {
    return with_run(L, publish_drop);
}

static int st_forget(lua_State *L) {
    return with_run(L, publish_forget);
}

static enum err drop_log(struct state *s, uint64_t run, struct error *e) {
    struct state_key k = state_key_run(run);
    return state_clear(s, STATE_LOG, state_span(&k), e);
}

static int st_drop_log(lua_State *L) {
    return with_run(L, drop_log);
}

static int st_tidy(lua_State *L) {
    struct error e;
    return api_result(L, publish_tidy(state_check(L, 1), &e), &e);
}

static int st_copy(lua_State *L) {
    struct error e;
    struct state *s = state_check(L, 1);
    return api_result(L, store_copy(s->store, luaL_checkstring(L, 2), &e), &e);
}

static const luaL_Reg methods[] = {
    {"meta", st_meta},         {"run", st_run},           {"runs", st_runs},
    {"log", st_log},           {"records", st_records},   {"show", st_show},
    {"history", st_history},   {"changes", st_changes},   {"excluded", st_excluded},
    {"changes_from", st_changes_from},
    {"sources", st_sources},   {"objects", st_objects},   {"holdings", st_holdings},
    {"cached", st_cached},     {"begin", st_begin},       {"put_run", st_put_run},
    {"add_log", st_add_log},   {"publish", st_publish},   {"hold", st_hold},
    {"close_run", st_close_run}, {"undo", st_undo},       {"drop", st_drop},
    {"forget", st_forget},     {"drop_log", st_drop_log}, {"tidy", st_tidy},
    {"copy", st_copy},         {"close", st_close},       {NULL, NULL},
};

static const luaL_Reg functions[] = {{"open", f_open}, {NULL, NULL}};

int luaopen_host_state(lua_State *L) {
    static const luaL_Reg none[] = {{NULL, NULL}};
    api_class(L, CLASS, methods, st_close);
    api_class(L, BROWSE, none, browse_release);
    luaL_newlib(L, functions);
    return 1;
}

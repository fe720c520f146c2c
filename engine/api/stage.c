/* host.stage: the fetching half of a run, and its comparison.
 *
 *   open(st, run, resources) -> g | nil, message, code     resources: the manifest's, as JSON
 *   g:kind(name, {map = fn, script = fn, map_file=, script_file=, keep_raw = bool})
 *          what a kind of object is mapped by, and the files as messages name them
 *   g:unit{list=, parent=, emits={…}, settings=, day=, epoch=}
 *       -> u, {state=, pages=, seen=}, note | nil, message, code
 *          parent: its name as JSON {"type","id"}; settings: JSON; epoch: a digest of all that
 *          results depend on beside the object (plugin, mapping, settings)
 *   u:emitter() -> what the plugin sees as ctx.emit, and emit_set_aside (emit.h)
 *   u:counts() -> {seen, hits, skipped, aside, faults, nameless, fault}
 *   u:page_end(state, note) · u:page_drop() -> true | nil, message, code
 *          state: open complete incomplete failed not_covered
 *   u:changes() · u:gone(type, id) · u:changes_end(rest) · u:restart()
 *          of a listing of changes: see host/store/stage.h; the last two -> true | nil, message, code
 *   u:number() · u:close()
 *   g:sync() · g:tick() · g:cache(key, value) · g:index(unit)
 *   g:walk(unit) -> iterator of raw, name, kind, parent, outcome
 *   g:find(name | kind, id) -> raw, parent | nil
 *   g:names() -> a set of texts;  set:add(text) -> true where it was not there | nil, message, code
 *   g:compare({{name=, gone=bool, keep=bool}, …} [, progress]) -> result | nil, message, code
 *   g:close() */
#include "stage.h"

#include <stdio.h>
#include <string.h>

#include "../host/base/limits.h"
#include "../host/json/json.h"
#include "../host/secret/secret.h"
#include "../host/store/compare.h"
#include "../host/store/names.h"
#include "api.h"
#include "emit.h"
#include "json.h"
#include "state.h"
#include "tally_push.h"
#include "vm.h"

static struct api_stage *check_stage(lua_State *L) {
    struct api_stage *g = luaL_checkudata(L, 1, STAGE_CLASS);
    if (!g->g) luaL_error(L, "this stage is closed");
    return g;
}

static struct api_unit *check_unit(lua_State *L) {
    struct api_unit *u = luaL_checkudata(L, 1, UNIT_CLASS);
    if (!u->u) luaL_error(L, "this listing is closed");
    return u;
}

static int stage_release(lua_State *L) {
    struct api_stage *g = luaL_checkudata(L, 1, STAGE_CLASS);
    stage_close(g->g);
    model_free(g->model);
    record_draft_free(&g->draft);
    value_pool_free(&g->values);
    buf_free(&g->text);
    buf_free(&g->value);
    g->g = NULL;
    g->model = NULL;
    return 0;
}

static int f_open(lua_State *L) {
    struct state *s = state_check(L, 1);
    lua_Integer run = luaL_checkinteger(L, 2);
    size_t len;
    const char *resources = luaL_checklstring(L, 3, &len);
    struct api_stage *g = lua_newuserdatauv(L, sizeof *g, STAGE_VALUES);
    *g = (struct api_stage){.s = s, .run = (uint64_t)run};
    record_draft_init(&g->draft);
    value_pool_init(&g->values, LIMIT_VALUES);
    buf_init(&g->text, 4 * LIMIT_RECORD);
    buf_init(&g->value, 64 * MIB);
    luaL_setmetatable(L, STAGE_CLASS);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, STAGE_VALUE_STATE);
    lua_newtable(L);
    lua_setiuservalue(L, -2, STAGE_VALUE_KINDS);
    struct error e;
    enum err rc = model_open(&g->model, resources, len, s->secret, &e);
    if (!rc) rc = stage_open(&g->g, s, (uint64_t)run, &e);
    if (rc) return api_fail(L, &e);
    return 1;
}

static void take_file(lua_State *L, const char *field, char *file, size_t size) {
    size_t len;
    const char *name = api_opt_string(L, 3, field, &len);
    snprintf(file, size, "%s", name ? name : "the mapping");
}

static int g_kind(lua_State *L) {
    check_stage(L);
    const char *name = luaL_checkstring(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    struct api_kind *k = lua_newuserdatauv(L, sizeof *k, KIND_VALUES);
    *k = (struct api_kind){.keep_raw = api_opt_boolean(L, 3, "keep_raw", 1)};
    luaL_argcheck(L, strlen(name) < sizeof k->name, 2, "at most 64 bytes");
    snprintf(k->name, sizeof k->name, "%s", name);
    take_file(L, "map_file", k->map_file, sizeof k->map_file);
    take_file(L, "script_file", k->script_file, sizeof k->script_file);
    k->map = lua_getfield(L, 3, "map") == LUA_TFUNCTION;
    lua_setiuservalue(L, 4, KIND_VALUE_MAP);
    k->script = lua_getfield(L, 3, "script") == LUA_TFUNCTION;
    lua_setiuservalue(L, 4, KIND_VALUE_SCRIPT);
    snprintf(k->makers, sizeof k->makers, "%s%s%s", k->map_file, k->script ? ", " : "",
             k->script ? k->script_file : "");
    lua_getiuservalue(L, 1, STAGE_VALUE_KINDS);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, 4);
    lua_rawset(L, -3);
    return 0;
}

/* --- units --- */

static int unit_release(lua_State *L) {
    struct api_unit *u = luaL_checkudata(L, 1, UNIT_CLASS);
    stage_unit_free(u->u);
    u->u = NULL;
    buf_free(&u->list);
    buf_free(&u->parent);
    buf_free(&u->at);
    return 0;
}

static void set_text(lua_State *L, struct buf *b, const char *text, size_t len) {
    if (text && buf_add(b, text, len)) luaL_error(L, "a listing's names are too long");
}

/* "list":…,"parent":…,"settings":…,"day":… */
static void make_at(lua_State *L, struct api_unit *u, int options) {
    size_t settings_len, day_len;
    const char *settings = api_opt_string(L, options, "settings", &settings_len);
    const char *day = api_opt_string(L, options, "day", &day_len);
    struct buf *at = &u->at;
    enum err rc = buf_add_text(at, "\"list\":");
    if (!rc) rc = json_escape(u->list.data, u->list.len, at);
    if (!rc && u->parent.len) rc = buf_add_text(at, ",\"parent\":");
    if (!rc) rc = buf_add(at, u->parent.data, u->parent.len);
    if (!rc && settings) rc = buf_add_text(at, ",\"settings\":");
    if (!rc && settings) rc = buf_add(at, settings, settings_len);
    if (!rc && day) rc = buf_add_text(at, ",\"day\":");
    if (!rc && day) rc = json_escape(day, day_len, at);
    if (rc) luaL_error(L, "a listing's settings are too long");
}

/* A key of its own for each kind of a unit: hashes of one never match those of another. */
static void make_key(lua_State *L, struct api_unit *u, struct api_emission *m) {
    struct buf *b = &u->stage->text;
    buf_clear(b);
    enum err rc = buf_add(b, u->epoch, sizeof u->epoch);
    if (!rc) rc = buf_add(b, m->kind->name, strlen(m->kind->name) + 1);
    if (!rc) rc = buf_add(b, u->list.data, u->list.len + 1);
    if (!rc) rc = buf_add(b, u->parent.data, u->parent.len);
    if (rc) luaL_error(L, "a listing's names are too long");
    secret_hash128(u->stage->s->secret, b->data, b->len, m->key);
}

static void make_label(const struct api_unit *u, const struct api_kind *k, const char *file,
                       char *label, size_t size) {
    snprintf(label, size, "%s, list %s, kind %s", file, u->list.data, k->name);
}

/* kind name -> emission, for what the list emits; the unit is at `unit`, its options at 2. */
static void make_emissions(lua_State *L, struct api_unit *u, int unit) {
    lua_getiuservalue(L, 1, STAGE_VALUE_KINDS);
    int kinds = lua_gettop(L);
    lua_newtable(L);
    int emissions = lua_gettop(L);
    if (lua_getfield(L, 2, "emits") != LUA_TTABLE) luaL_error(L, "option 'emits': table expected");
    int emits = lua_gettop(L);
    for (lua_Unsigned i = 1; i <= lua_rawlen(L, emits); i++) {
        lua_rawgeti(L, emits, (lua_Integer)i);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, kinds) != LUA_TUSERDATA)
            luaL_error(L, "the kind '%s' was not declared", lua_tostring(L, -2));
        struct api_emission *m = lua_newuserdatauv(L, sizeof *m, EMISSION_VALUES);
        m->kind = lua_touserdata(L, -2);
        make_key(L, u, m);
        make_label(u, m->kind, m->kind->map_file, m->map_label, sizeof m->map_label);
        make_label(u, m->kind, m->kind->script_file, m->script_label, sizeof m->script_label);
        lua_pushvalue(L, -2);
        lua_setiuservalue(L, -2, EMISSION_VALUE_KIND);
        lua_remove(L, -2);
        lua_rawset(L, emissions);
    }
    lua_pushvalue(L, emissions);
    lua_setiuservalue(L, unit, UNIT_VALUE_EMISSIONS);
}

static const char *const states[] = {"open", "complete", "incomplete", "failed", "not_covered",
                                     NULL};

static int push_unit(lua_State *L, int unit, const struct seq_progress *p, const struct buf *note) {
    lua_pushvalue(L, unit);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, states[p->state <= SEQ_NOT_COVERED ? p->state : 0]);
    lua_setfield(L, -2, "state");
    lua_pushinteger(L, p->pages);
    lua_setfield(L, -2, "pages");
    lua_pushinteger(L, (lua_Integer)p->seen);
    lua_setfield(L, -2, "seen");
    lua_pushlstring(L, note->data, note->len);
    return 3;
}

static int g_unit(lua_State *L) {
    struct api_stage *g = check_stage(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    size_t list_len, parent_len, epoch_len;
    const char *list = api_opt_string(L, 2, "list", &list_len);
    const char *parent = api_opt_string(L, 2, "parent", &parent_len);
    const char *epoch = api_opt_string(L, 2, "epoch", &epoch_len);
    luaL_argcheck(L, list != NULL, 2, "a list is wanted");
    struct api_unit *u = lua_newuserdatauv(L, sizeof *u, UNIT_VALUES);
    *u = (struct api_unit){.stage = g};
    buf_init(&u->list, LIMIT_STRING);
    buf_init(&u->parent, LIMIT_STRING);
    buf_init(&u->at, 2 * MIB);
    luaL_setmetatable(L, UNIT_CLASS);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 3, UNIT_VALUE_STAGE);
    set_text(L, &u->list, list, list_len);
    set_text(L, &u->parent, parent, parent_len);
    secret_hash128(g->s->secret, epoch ? epoch : "", epoch_len, u->epoch);
    make_at(L, u, 2);
    make_emissions(L, u, 3);
    struct buf *note = api_buf(L, MIB);
    struct seq_progress progress;
    struct error e;
    enum err rc = stage_unit_open(g->g, span_of(u->list.data, u->list.len),
                                  span_of(u->parent.data, u->parent.len), &u->u, &progress, note, &e);
    return rc ? api_fail(L, &e) : push_unit(L, 3, &progress, note);
}

static int u_emitter(lua_State *L) {
    check_unit(L);
    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, emit, 1);
    lua_insert(L, 1);
    lua_pushcclosure(L, emit_set_aside, 1);
    return 2;
}

static void set_integer(lua_State *L, const char *field, uint64_t n) {
    lua_pushinteger(L, (lua_Integer)n);
    lua_setfield(L, -2, field);
}

static void set_word(lua_State *L, const char *field, const char *text) {
    if (!text[0]) return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, field);
}

static int u_counts(lua_State *L) {
    struct api_unit *u = check_unit(L);
    lua_createtable(L, 0, 7);
    set_integer(L, "seen", stage_unit_seen(u->u));
    set_integer(L, "hits", u->hits);
    set_integer(L, "skipped", u->skipped);
    set_integer(L, "aside", u->aside);
    set_integer(L, "faults", u->faults);
    set_word(L, "nameless", u->nameless);
    set_word(L, "fault", u->fault);
    return 1;
}

static int u_page_end(lua_State *L) {
    struct api_unit *u = check_unit(L);
    enum seq_state state = (enum seq_state)luaL_checkoption(L, 2, NULL, states);
    size_t n;
    const char *note = luaL_optlstring(L, 3, "", &n);
    struct error e;
    return api_result(L, stage_page_end(u->u, state, span_of(note, n), &e), &e);
}

static int u_page_drop(lua_State *L) {
    struct api_unit *u = check_unit(L);
    struct error e;
    u->nameless[0] = u->fault[0] = '\0';
    return api_result(L, stage_page_drop(u->u, &e), &e);
}

static int u_changes(lua_State *L) {
    stage_changes(check_unit(L)->u);
    return 0;
}

static int u_gone(lua_State *L) {
    struct api_unit *u = check_unit(L);
    struct span type, id;
    type.p = luaL_checklstring(L, 2, &type.n);
    id.p = luaL_checklstring(L, 3, &id.n);
    struct error e;
    if (stage_changes_gone(u->u, type, id, &e)) api_raise(L, &e);
    return 0;
}

static int u_changes_end(lua_State *L) {
    struct api_unit *u = check_unit(L);
    struct error e;
    return api_result(L, stage_changes_end(u->u, lua_toboolean(L, 2), &e), &e);
}

static int u_restart(lua_State *L) {
    struct api_unit *u = check_unit(L);
    struct error e;
    u->nameless[0] = u->fault[0] = '\0';
    u->hits = u->skipped = u->aside = u->faults = 0;
    return api_result(L, stage_unit_restart(u->u, &e), &e);
}

static int u_number(lua_State *L) {
    lua_pushinteger(L, stage_unit_number(check_unit(L)->u));
    return 1;
}

/* --- the whole --- */

static int g_sync(lua_State *L) {
    struct error e;
    return api_result(L, stage_sync(check_stage(L)->g, &e), &e);
}

static int g_tick(lua_State *L) {
    struct error e;
    return api_result(L, stage_tick(check_stage(L)->g, &e), &e);
}

static int g_cache(lua_State *L) {
    struct api_stage *g = check_stage(L);
    size_t key_len, n;
    const char *key = luaL_checklstring(L, 2, &key_len), *value = luaL_checklstring(L, 3, &n);
    luaL_argcheck(L, key_len > 0 && key_len < 256, 2, "1 to 255 bytes");
    struct error e;
    return api_result(
        L, stage_cache(g->g, span_of(key, key_len), span_of(value, n), &e), &e);
}

static int g_index(lua_State *L) {
    struct api_stage *g = check_stage(L);
    struct error e;
    return api_result(L, stage_index(g->g, (uint32_t)luaL_checkinteger(L, 2), &e), &e);
}

enum { RECORD_VALUES = 5 };

/* Pushes raw, name, kind, parent, outcome of a record; all are copied before the reader ends. */
static enum err push_record(lua_State *L, struct api_stage *g, uint64_t number, struct error *e) {
    struct buf *copy = api_buf(L, (size_t)64 * MIB), *name = api_buf(L, LIMIT_STRING);
    struct store_txn *t;
    struct record r;
    struct state_key k = state_key_run(number);
    struct span v;
    enum err rc = store_begin(g->s->store, false, &t, e);
    if (rc) return rc;
    rc = store_get(t, STATE_REC, state_span(&k), &v, e);
    if (!rc && buf_add(copy, v.p, v.n)) rc = err_set(e, ERR_NOMEM, "out of memory");
    store_abort(t);
    if (!rc) rc = record_read(&r, span_of(copy->data, copy->len), e);
    if (rc) return rc;
    record_name(&r, name);
    json_push_raw(L, r.raw.n ? r.raw.p : "{}", r.raw.n ? r.raw.n : 2);
    lua_pushlstring(L, name->data, name->len);
    lua_pushlstring(L, r.kind.p, r.kind.n);
    lua_pushlstring(L, r.parent.p, r.parent.n);
    lua_pushstring(L, r.head.outcome == RECORD_KEPT        ? "kept"
                      : r.head.outcome == RECORD_SET_ASIDE ? "set_aside"
                      : r.head.by_operator                 ? "skipped_by_operator"
                                                           : "skipped");
    return ERR_OK;
}

struct walk {
    struct stage_walk w;
    uint64_t records[64];
    size_t n, i;
};

/* Upvalues: stage, struct walk. */
static int next_walk(lua_State *L) {
    struct api_stage *g = luaL_checkudata(L, lua_upvalueindex(1), STAGE_CLASS);
    struct walk *w = lua_touserdata(L, lua_upvalueindex(2));
    struct error e;
    if (!g->g) return luaL_error(L, "this stage is closed");
    if (w->i == w->n) {
        w->i = 0;
        if (stage_walk(g->g, &w->w, w->records, sizeof w->records / sizeof *w->records, &w->n, &e))
            return api_raise(L, &e);
        if (!w->n) return 0;
    }
    return push_record(L, g, w->records[w->i++], &e) ? api_raise(L, &e) : RECORD_VALUES;
}

static int g_walk(lua_State *L) {
    struct api_stage *g = check_stage(L);
    uint32_t unit = (uint32_t)luaL_checkinteger(L, 2);
    struct error e;
    if (stage_sync(g->g, &e)) return api_fail(L, &e);
    lua_settop(L, 1);
    struct walk *w = lua_newuserdatauv(L, sizeof *w, 0);
    *w = (struct walk){.w = {.unit = unit}};
    lua_pushcclosure(L, next_walk, 2);
    return 1;
}

/* find(name) or find(kind, id): ids are compared as JSON strings. */
static int g_find(lua_State *L) {
    struct api_stage *g = check_stage(L);
    size_t n, id_len;
    const char *name = luaL_checklstring(L, 2, &n);
    lua_settop(L, 3);
    struct buf *b = api_buf(L, LIMIT_STRING);
    enum err rc = buf_add(b, name, n);
    if (!lua_isnil(L, 3)) {
        const char *id = luaL_checklstring(L, 3, &id_len);
        if (!rc) rc = buf_add_byte(b, 0);
        if (!rc) rc = json_escape(id, id_len, b);
    }
    if (rc) return luaL_argerror(L, 2, "too long");
    uint64_t record;
    struct error e;
    if (stage_find(g->g, span_of(b->data, b->len), &record, &e)) return api_fail(L, &e);
    if (!record) return 0;
    if (push_record(L, g, record, &e)) return api_fail(L, &e);
    lua_pushvalue(L, -5);
    lua_pushvalue(L, -3);
    return 2;
}

#define NAMES_CLASS "reeve.names"

static int names_release(lua_State *L) {
    names_free(luaL_checkudata(L, 1, NAMES_CLASS));
    return 0;
}

static int g_names(lua_State *L) {
    struct api_stage *g = check_stage(L);
    struct names *s = lua_newuserdatauv(L, sizeof *s, 0);
    *s = (struct names){.used = 0};
    memcpy(s->key, g->s->secret, sizeof s->key);
    luaL_setmetatable(L, NAMES_CLASS);
    return 1;
}

static int names_l_add(lua_State *L) {
    struct names *s = luaL_checkudata(L, 1, NAMES_CLASS);
    struct span text;
    struct error e;
    bool added;
    text.p = luaL_checklstring(L, 2, &text.n);
    if (names_add(s, text, &added, &e)) return api_fail(L, &e);
    lua_pushboolean(L, added);
    return 1;
}

static void progress(void *of, size_t judged) {
    lua_State *L = of;
    lua_pushvalue(L, 3);
    lua_pushinteger(L, (lua_Integer)judged);
    /* A failing display must not end a comparison. */
    if (vm_call(L, 1, 0) != LUA_OK) lua_pop(L, 1);
}

static int g_compare(lua_State *L) {
    struct api_stage *g = check_stage(L);
    luaL_checktype(L, 2, LUA_TTABLE);
    bool told = lua_isfunction(L, 3);
    size_t count = (size_t)lua_rawlen(L, 2);
    struct compare_list *lists = lua_newuserdatauv(L, (count + 1) * sizeof *lists, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        luaL_checktype(L, -1, LUA_TTABLE);
        lists[i].name.p = api_opt_string(L, lua_gettop(L), "name", &lists[i].name.n);
        lists[i].gone_if_unvisited = api_opt_boolean(L, lua_gettop(L), "gone", 0);
        lists[i].keep = api_opt_boolean(L, lua_gettop(L), "keep", 0);
        lua_pop(L, 1);
    }
    struct tally *tally = tally_new(L);
    struct error e;
    enum err rc = stage_sync(g->g, &e);
    stage_rest(g->g);
    if (!rc)
        rc = compare_run(g->s, g->run, lists, count, tally, told ? progress : NULL, L, &e);
    if (rc) return api_fail(L, &e);
    tally_push(L, tally, g->s, g->run);
    return 1;
}

static const luaL_Reg stage_methods[] = {
    {"kind", g_kind},   {"unit", g_unit}, {"sync", g_sync}, {"tick", g_tick},
    {"cache", g_cache}, {"index", g_index}, {"walk", g_walk}, {"find", g_find},
    {"names", g_names}, {"compare", g_compare}, {"close", stage_release}, {NULL, NULL},
};

static const luaL_Reg unit_methods[] = {
    {"emitter", u_emitter}, {"counts", u_counts}, {"page_end", u_page_end},
    {"page_drop", u_page_drop}, {"number", u_number}, {"changes", u_changes}, {"gone", u_gone},
    {"changes_end", u_changes_end}, {"restart", u_restart}, {"close", unit_release}, {NULL, NULL},
};

static const luaL_Reg names_methods[] = {{"add", names_l_add}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"open", f_open}, {NULL, NULL}};

int luaopen_host_stage(lua_State *L) {
    api_class(L, STAGE_CLASS, stage_methods, stage_release);
    api_class(L, UNIT_CLASS, unit_methods, unit_release);
    api_class(L, NAMES_CLASS, names_methods, names_release);
    luaL_newlib(L, functions);
    return 1;
}

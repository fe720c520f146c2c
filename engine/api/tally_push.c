#include "tally_push.h"

#include <string.h>

#include "../host/base/limits.h"
#include "../host/json/json.h"
#include "../host/store/index.h"
#include "api.h"

static int release(lua_State *L) {
    tally_free(lua_touserdata(L, 1));
    return 0;
}

struct tally *tally_new(lua_State *L) {
    struct tally *t = lua_newuserdatauv(L, sizeof *t, 0);
    *t = (struct tally){0};
    if (luaL_newmetatable(L, "reeve.tally")) {
        lua_pushcfunction(L, release);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return t;
}

static void set(lua_State *L, const char *field, uint64_t n) {
    lua_pushinteger(L, (lua_Integer)n);
    lua_setfield(L, -2, field);
}

static void push_type(lua_State *L, const struct tally_type *type) {
    lua_createtable(L, 0, 4);
    set(L, "added", type->added);
    set(L, "changed", type->changed);
    set(L, "removed", type->removed);
    lua_createtable(L, 0, (int)type->field_count);
    for (size_t i = 0; i < type->field_count; i++)
        set(L, type->fields[i].name, type->fields[i].changed);
    lua_setfield(L, -2, "fields");
}

/* What an entitlement is called, from a record that shows one of its grants; and whether it is
 * privileged, from its own record as it is in this run. Copied: the reader ends before Lua. */
struct facts {
    struct buf *grant;
    bool privileged;
};

static enum err copy_grant(struct store_txn *t, const struct tally_entitlement *e,
                           struct facts *out, struct error *error) {
    struct record r;
    enum err rc = state_record(t, e->record, &r, error);
    for (size_t i = 0; i < r.parts && !rc; i++) {
        struct record_part part = record_part(&r, i);
        if (part.key[0] != RECORD_GRANT || memcmp(part.on, e->key, RECORD_KEY) != 0) continue;
        struct span json = record_json(&r, i);
        buf_clear(out->grant);
        return buf_add(out->grant, json.p, json.n);
    }
    return rc;
}

static enum err is_privileged(struct store_txn *t, const unsigned char key[RECORD_KEY],
                              uint64_t run, bool *out, struct error *error) {
    struct store_cursor *c;
    struct record r;
    uint64_t number;
    enum err rc = store_cursor(t, STATE_IDX, &c, error);
    *out = false;
    if (rc) return rc;
    rc = index_effective(c, key, run, &number, NULL, error);
    store_cursor_close(c);
    if (rc || !number) return rc;
    rc = state_record(t, number, &r, error);
    size_t part = rc ? 0 : record_find(&r, key);
    if (rc || part == r.parts) return rc;
    struct span json = record_json(&r, part);
    *out = json_find(json.p, json.n, "privileged").kind == JSON_TRUE;
    return ERR_OK;
}

static enum err read_facts(struct state *s, uint64_t run, const struct tally_entitlement *e,
                           struct facts *out, struct error *error) {
    struct store_txn *t;
    enum err rc = store_begin(s->store, false, &t, error);
    if (rc) return rc;
    rc = copy_grant(t, e, out, error);
    if (!rc) rc = is_privileged(t, e->key, run, &out->privileged, error);
    store_abort(t);
    return rc;
}

static void set_member(lua_State *L, const char *field, const struct buf *json, const char *path) {
    struct json_value v = json_find(json->data, json->len, path);
    struct buf *text = api_buf(L, LIMIT_STRING);
    if (v.kind == JSON_STRING && !json_unescape(&v, text))
        lua_pushlstring(L, text->data, text->len);
    else
        lua_pushliteral(L, "");
    lua_setfield(L, -3, field);
    lua_pop(L, 1);
}

static void push_entitlement(lua_State *L, const struct tally_entitlement *e,
                             const struct facts *f) {
    lua_createtable(L, 0, 7);
    set_member(L, "type", f->grant, "entitlement.type");
    set_member(L, "id", f->grant, "entitlement.id");
    set_member(L, "slug", f->grant, "entitlement.slug");
    lua_pushboolean(L, f->privileged);
    lua_setfield(L, -2, "privileged");
    set(L, "before", e->before);
    set(L, "added", e->added);
    set(L, "removed", e->removed);
}

void tally_push(lua_State *L, const struct tally *t, struct state *s, uint64_t run) {
    lua_createtable(L, 0, 9);
    lua_createtable(L, 0, (int)t->type_count);
    for (size_t i = 0; i < t->type_count; i++) {
        push_type(L, &t->types[i]);
        lua_setfield(L, -2, t->types[i].name);
    }
    lua_setfield(L, -2, "types");
    struct facts f = {.grant = api_buf(L, LIMIT_RECORD)};
    struct error e;
    lua_createtable(L, (int)t->entitlement_count, 0);
    lua_Integer n = 0;
    for (size_t i = 0; i < t->slot_count; i++) {
        if (!t->slots[i].used) continue;
        if (read_facts(s, run, &t->slots[i], &f, &e)) api_raise(L, &e);
        push_entitlement(L, &t->slots[i], &f);
        lua_rawseti(L, -2, ++n);
    }
    lua_setfield(L, -3, "entitlements");
    lua_pop(L, 1);
    set(L, "conflicts", t->conflicts);
    set(L, "dangling", t->dangling);
    set(L, "skipped", t->skipped);
    set(L, "skipped_records", t->skipped_records);
    set(L, "aside_records", t->aside_records);
    set(L, "faults", t->faults);
    set(L, "changes", t->changes);
}

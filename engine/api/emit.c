/* emit: the path that every object takes, a hundred thousand times a run: seen before? else mapped,
 * checked, kept. Nothing here owns memory across a call that may raise: buffers belong to the stage
 * and the unit. */
#include <stdio.h>
#include <string.h>

#include "../host/base/limits.h"
#include "../host/json/json.h"
#include "../host/secret/secret.h"
#include "api.h"
#include "emit.h"
#include "json.h"
#include "stage.h"
#include "value.h"
#include "vm.h"

enum {
    LOOKS = 4, /* objects of a kind that are looked at for whether their raw id is their id */
    REASON_MAX = 512,
};

/* One object on its way. Absolute stack indexes. */
struct object {
    struct api_unit *unit;
    struct api_stage *stage;
    struct api_emission *emission;
    struct api_kind *kind;
    int at_emission, at_raw;
    struct span raw, with;
    unsigned char hash[16];
};

static void check(lua_State *L, enum err rc, const struct error *e) {
    if (rc) api_raise(L, e);
}

static void check_memory(lua_State *L, enum err rc) {
    if (rc == ERR_LIMIT) luaL_error(L, "emit: the object is larger than 1 MiB");
    if (rc) luaL_error(L, "emit: out of memory");
}

/* The emission of this kind in this unit, at the top of the stack; unknown kinds raise. */
static void push_emission(lua_State *L, struct object *o, int kind) {
    lua_getiuservalue(L, lua_upvalueindex(1), UNIT_VALUE_EMISSIONS);
    lua_pushvalue(L, kind);
    if (lua_rawget(L, -2) != LUA_TUSERDATA) {
        luaL_error(L, "emit: the list '%s' does not emit the kind '%s'; add it to its emits",
                   o->unit->list.data, lua_tostring(L, kind));
    }
    lua_remove(L, -2);
    o->emission = lua_touserdata(L, -1);
    o->kind = o->emission->kind;
    o->at_emission = lua_gettop(L);
}

/* What a target gives in place of an object is its nonsense, not the plugin's mistake. */
static void no_object(lua_State *L, struct object *o, const char *what) {
    struct error e;
    err_set(&e, ERR_INVALID, "list %s: the target gave %s where an object was expected",
            o->unit->list.data, what);
    api_raise(L, &e);
}

/* A plain table becomes a raw object, so that mappings see one thing. */
static void take_raw(lua_State *L, struct object *o, int raw) {
    struct error e;
    o->raw.p = json_raw_bytes(L, raw, &o->raw.n);
    if (!o->raw.p) {
        luaL_argexpected(L, !lua_isnil(L, raw), raw, "object");
        if (!lua_istable(L, raw)) no_object(L, o, lua_isuserdata(L, raw) ? "null" : "a bare value");
        struct buf *text = &o->stage->text;
        buf_clear(text);
        if (json_encode(L, raw, text, &e)) luaL_error(L, "emit: %s", e.text);
        json_push_raw(L, text->data, text->len);
        lua_replace(L, raw);
        o->raw.p = json_raw_bytes(L, raw, &o->raw.n);
    }
    if (*(const char *)o->raw.p != '{') no_object(L, o, "an array");
    o->at_raw = raw;
}

/* Joined data goes into the hash, and into `at`. */
static void take_with(lua_State *L, struct object *o, int with) {
    struct error e;
    o->with = span_of("", 0);
    if (lua_isnoneornil(L, with)) return;
    luaL_argexpected(L, lua_istable(L, with) || json_is_raw(L, with), with, "table");
    struct buf *text = &o->stage->text;
    buf_clear(text);
    if (json_encode(L, with, text, &e)) luaL_error(L, "emit: with: %s", e.text);
    lua_pushlstring(L, text->data, text->len);
    o->with.p = lua_tolstring(L, -1, &o->with.n); /* stays on the stack, and so alive */
}

static void hash(lua_State *L, struct object *o) {
    if (!o->with.n) {
        secret_hash128(o->emission->key, o->raw.p, o->raw.n, o->hash);
        return;
    }
    struct buf *text = &o->stage->text;
    buf_clear(text);
    enum err rc = buf_add(text, o->with.p, o->with.n);
    if (!rc) rc = buf_add_byte(text, 0);
    if (!rc) rc = buf_add(text, o->raw.p, o->raw.n);
    check_memory(L, rc);
    secret_hash128(o->emission->key, text->data, text->len, o->hash);
}

/* {"kind":…,"list":…,"parent":…,"settings":…,"with":…} */
static void push_at(lua_State *L, struct object *o) {
    lua_getiuservalue(L, o->at_emission, EMISSION_VALUE_AT);
    if (!o->with.n && !lua_isnil(L, -1)) return;
    lua_pop(L, 1);
    struct buf *text = &o->stage->text;
    buf_clear(text);
    enum err rc = buf_printf(text, "{\"kind\":\"%s\",", o->kind->name);
    if (!rc) rc = buf_add(text, o->unit->at.data, o->unit->at.len);
    if (!rc && o->with.n) rc = buf_add_text(text, ",\"with\":");
    if (!rc) rc = buf_add(text, o->with.p, o->with.n);
    if (!rc) rc = buf_add_byte(text, '}');
    check_memory(L, rc);
    json_push_raw(L, text->data, text->len);
    if (o->with.n) return;
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, o->at_emission, EMISSION_VALUE_AT);
}

/* --- what becomes of it --- */

static void count(struct object *o, unsigned outcome) {
    o->unit->skipped += (outcome & SEQ_OUTCOME) == RECORD_SKIPPED;
    o->unit->aside += (outcome & SEQ_OUTCOME) == RECORD_SET_ASIDE;
    o->unit->faults += (outcome & SEQ_FAULT) != 0;
    if (outcome & SEQ_NAMELESS && !o->unit->nameless[0])
        snprintf(o->unit->nameless, sizeof o->unit->nameless,
                 "an object whose id could not be told was set aside");
}

static void keep(lua_State *L, struct object *o, unsigned flags) {
    struct error e;
    struct record_origin origin = {
        .list = span_of(o->unit->list.data, o->unit->list.len),
        .kind = span_of(o->kind->name, strlen(o->kind->name)),
        .parent = span_of(o->unit->parent.data, o->unit->parent.len),
        .with = o->with,
        .raw = o->kind->keep_raw ? o->raw : span_of("", 0),
    };
    flags |= o->stage->draft.head.outcome;
    buf_clear(&o->stage->value);
    check_memory(L, record_draft_write(&o->stage->draft, &origin, &o->stage->value));
    struct span value = span_of(o->stage->value.data, o->stage->value.len);
    check(L, stage_keep(o->unit->u, o->hash, flags, value, &e), &e);
    count(o, flags);
}

/* An id that a record without content can be known by: a field of the raw object or of a mapping's
 * result, as text on the stack; NULL where there is none that is sound. */
static const char *usable_id(lua_State *L, size_t *len) {
    int type = lua_type(L, -1);
    const char *id = NULL;
    if (type == LUA_TSTRING || (type == LUA_TNUMBER && lua_isinteger(L, -1)))
        id = lua_tolstring(L, -1, len);
    bool sound = id && *len > 0 && *len <= LIMIT_ID && !memchr(id, 0, *len) &&
                 json_utf8_valid(id, *len);
    return sound ? id : NULL;
}

struct identity {
    const char *type, *id; /* type NULL: the kind */
    size_t id_len;
    bool guess; /* taken from the raw object: the mapping may make another id of it */
};

static void raw_identity(lua_State *L, struct object *o, struct identity *out) {
    struct json_value id = json_find(o->raw.p, o->raw.n, "id");
    *out = (struct identity){.guess = true};
    if (id.kind != JSON_STRING && id.kind != JSON_INTEGER) return;
    json_push_simple(L, &id);
    out->id = usable_id(L, &out->id_len);
}

/* Pushes a field of the table at idx; its place on the stack. */
static int push_field(lua_State *L, int idx, const char *name) {
    lua_pushstring(L, name);
    lua_rawget(L, idx);
    return lua_gettop(L);
}

/* From a mapping's "type" and "id" at these places; falls back on the raw object. */
static void identity_of(lua_State *L, struct object *o, int type, int id, struct identity *out) {
    *out = (struct identity){.type = NULL};
    if (lua_type(L, type) == LUA_TSTRING) out->type = lua_tostring(L, type);
    lua_pushvalue(L, id);
    out->id = usable_id(L, &out->id_len);
    if (!out->id) raw_identity(L, o, out);
}

static void record_identity(lua_State *L, struct object *o, int record, struct identity *out) {
    int type = push_field(L, record, "type"), id = push_field(L, record, "id");
    identity_of(L, o, type, id, out);
}

/* Is there a resource of the kind's name with this id in the accepted state? */
static bool is_known(lua_State *L, struct object *o, const struct identity *who) {
    struct error e;
    bool known;
    struct span id = span_of(who->id, who->id_len);
    check(L, stage_knows(o->stage->g, o->kind->name, id, &known, &e), &e);
    return known;
}

static bool looks_again(struct object *o) {
    return !o->kind->raw_ids && o->kind->looked++ < LOOKS;
}

/* Learns whether a kind's ids are those of its raw objects: from one that needs no mapping, */
static void learn_from_hit(lua_State *L, struct object *o) {
    struct identity raw;
    if (!looks_again(o)) return;
    raw_identity(L, o, &raw);
    o->kind->raw_ids = raw.id && is_known(L, o, &raw);
}

/* and from what a mapping made. */
static void learn_from_record(lua_State *L, struct object *o, int record) {
    struct identity mapped, raw;
    if (!looks_again(o)) return;
    record_identity(L, o, record, &mapped);
    raw_identity(L, o, &raw);
    o->kind->raw_ids = !mapped.guess && raw.id && mapped.id_len == raw.id_len &&
                       memcmp(mapped.id, raw.id, raw.id_len) == 0 &&
                       (!mapped.type || strcmp(mapped.type, o->kind->name) == 0);
}

/* An id that was guessed wrong would protect nothing: then the list must not delete. */
static bool is_nameless(lua_State *L, struct object *o, const struct identity *who) {
    if (!who->id) return true;
    return who->guess && !o->kind->raw_ids && !is_known(L, o, who);
}

/* The first fault of a mapping, for the message of a run that fails for them. */
static void note_fault(struct object *o, const struct identity *who, const char *reason) {
    if (o->unit->fault[0]) return;
    snprintf(o->unit->fault, sizeof o->unit->fault, "%s%s%.*s", reason, who->id ? ", id " : "",
             who->id ? (int)who->id_len : 0, who->id ? who->id : "");
}

static void keep_without(lua_State *L, struct object *o, const struct identity *who,
                         enum record_outcome outcome, bool by_operator, bool fault,
                         const char *reason) {
    struct error e;
    bool nameless = outcome == RECORD_SET_ASIDE && is_nameless(L, o, who);
    enum err rc = model_without(o->stage->model, o->kind->name, who->type, who->id, who->id_len,
                                outcome, reason, &o->stage->draft, &e);
    check(L, rc, &e);
    o->stage->draft.head.by_operator = by_operator;
    if (fault) note_fault(o, who, reason);
    keep(L, o, (fault ? SEQ_FAULT : 0) | (nameless ? SEQ_NAMELESS : 0));
}

/* What Lua says of a failed operation names variables and types, never values; what a script raises
 * by error() may hold anything, so that only its place is told. */
static void fault_reason(lua_State *L, const char *label, char *out, size_t size) {
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    const char *colon = strchr(text, ':');
    const char *rest = colon ? strstr(colon + 1, ": ") : NULL;
    size_t place = rest ? (size_t)(rest - text) : 0;
    bool own = rest && (strncmp(rest + 2, "attempt to ", 11) == 0 ||
                        strncmp(rest + 2, "bad argument ", 13) == 0 ||
                        strncmp(rest + 2, "global ", 7) == 0);
    if (own)
        snprintf(out, size, "%s", text);
    else
        snprintf(out, size, "%.*s: the mapping raised an error",
                 place ? (int)place : (int)strlen(label), place ? text : label);
}

/* Calls the mapping below its arguments; `label` is who it is. True: its result is at the top;
 * false: `reason` says how it failed. */
static bool call(lua_State *L, int nargs, const char *label, char reason[REASON_MAX]) {
    const char *former = vm_watch(label);
    int status = vm_protect(L, nargs, 1);
    vm_watch(former);
    if (status == LUA_OK) return true;
    if (status == VM_BREACH) lua_error(L);
    fault_reason(L, label, reason, REASON_MAX);
    return false;
}

static void keep_unmapped(lua_State *L, struct object *o, enum record_outcome outcome,
                          const char *reason) {
    struct identity who;
    raw_identity(L, o, &who);
    keep_without(L, o, &who, outcome, false, outcome == RECORD_SET_ASIDE, reason);
}

/* The plugin's turn. True: the record is at the top. */
static bool map(lua_State *L, struct object *o) {
    char reason[REASON_MAX];
    if (!o->kind->map) {
        keep_unmapped(L, o, RECORD_SKIPPED, "the plugin maps no such kind");
        return false;
    }
    lua_getiuservalue(L, o->at_emission, EMISSION_VALUE_KIND);
    lua_getiuservalue(L, -1, KIND_VALUE_MAP);
    lua_pushvalue(L, o->at_raw);
    push_at(L, o);
    bool returned = call(L, 2, o->emission->map_label, reason);
    if (returned && lua_istable(L, -1)) return true;
    if (returned && lua_isnil(L, -1)) {
        keep_unmapped(L, o, RECORD_SKIPPED, "the plugin's mapping left it out");
        return false;
    }
    if (returned)
        snprintf(reason, sizeof reason, "%s: the mapping returned a %s", o->kind->map_file,
                 luaL_typename(L, -1));
    keep_unmapped(L, o, RECORD_SET_ASIDE, reason);
    return false;
}

/* Does the operator's result at `result` still have the record's type and id? */
static const char *fault_of_result(lua_State *L, int result, int type, int id) {
    if (!lua_istable(L, result)) return "the mapping returned neither a record nor nil";
    if (lua_rawequal(L, push_field(L, result, "type"), type) &&
        lua_rawequal(L, push_field(L, result, "id"), id))
        return NULL;
    return "the mapping changed the record's type or id";
}

/* The operator's turn, with the record at the top; his result takes its place. */
static bool map_again(lua_State *L, struct object *o) {
    if (!o->kind->script) return true;
    int record = lua_gettop(L);
    int type = push_field(L, record, "type"), id = push_field(L, record, "id");
    lua_getiuservalue(L, o->at_emission, EMISSION_VALUE_KIND);
    lua_getiuservalue(L, -1, KIND_VALUE_SCRIPT);
    lua_pushvalue(L, o->at_raw);
    lua_pushvalue(L, record);
    push_at(L, o);
    char reason[REASON_MAX];
    bool returned = call(L, 3, o->emission->script_label, reason);
    int result = lua_gettop(L);
    const char *fault = returned ? fault_of_result(L, result, type, id) : reason;
    if (!fault) {
        lua_settop(L, result);
        return true;
    }
    struct identity who;
    identity_of(L, o, type, id, &who);
    if (returned && lua_isnil(L, result)) {
        keep_without(L, o, &who, RECORD_SKIPPED, true, false, "the operator's mapping left it out");
        return false;
    }
    if (returned) snprintf(reason, sizeof reason, "%s: %s", o->kind->script_file, fault);
    keep_without(L, o, &who, RECORD_SET_ASIDE, returned, true, reason);
    return false;
}

/* Sets aside what the record at `record` was meant to be. */
static void keep_unreadable(lua_State *L, struct object *o, int record, bool fault,
                            const char *reason) {
    struct identity who;
    record_identity(L, o, record, &who);
    keep_without(L, o, &who, RECORD_SET_ASIDE, false, fault, reason);
}

/* The record at `record` as a tree. False: it can be none, and is set aside. */
static bool read_record(lua_State *L, struct object *o, int record, struct value *out) {
    struct value_pool *p = &o->stage->values;
    char fault[REASON_MAX / 2], reason[REASON_MAX];
    value_pool_clear(p);
    enum err rc = value_from_lua(L, record, p, out);
    if (rc == ERR_NOMEM) check_memory(L, rc);
    if (rc) {
        keep_unreadable(L, o, record, false, "the record has too many values");
        return false;
    }
    if (!p->faulty) return true;
    bool text = value_first_fault(out, fault, sizeof fault) == VALUE_BAD_TEXT;
    snprintf(reason, sizeof reason, "%s: %s", o->kind->makers, fault);
    keep_unreadable(L, o, record, !text, text ? fault : reason);
    return false;
}

/* Checks and keeps the record at the top. */
static void finish(lua_State *L, struct object *o) {
    static const unsigned char none[RECORD_KEY];
    struct error e;
    struct model_result result;
    struct value tree;
    struct identity who;
    struct record_draft *draft = &o->stage->draft;
    int record = lua_gettop(L);
    if (!read_record(L, o, record, &tree)) return;
    enum err rc = model_check(o->stage->model, o->kind->name, o->kind->makers, &tree, draft,
                              &result, &e);
    check(L, rc, &e);
    bool aside = draft->head.outcome == RECORD_SET_ASIDE;
    bool nameless = aside && memcmp(draft->parts.data, none, RECORD_KEY) == 0;
    if (result.mapping_fault) {
        record_identity(L, o, record, &who);
        note_fault(o, &who, result.reason);
        /* Under a type that is none it protects nothing. */
        nameless = nameless ||
                   (who.type && !model_has_type(o->stage->model, who.type, strlen(who.type)));
    }
    keep(L, o, (result.mapping_fault ? SEQ_FAULT : 0) | (nameless ? SEQ_NAMELESS : 0));
    if (!aside) learn_from_record(L, o, record);
}

/* The object that is given, at 1 its kind, at 2 itself. True: nobody has to look at it again, since
 * it is as it was last time. */
static bool is_known_object(lua_State *L, struct object *o) {
    struct error e;
    bool hit;
    unsigned outcome = 0;
    *o = (struct object){.unit = lua_touserdata(L, lua_upvalueindex(1))}; /* emitter() put it there */
    luaL_checktype(L, 1, LUA_TSTRING);
    if (!o->unit->u) luaL_error(L, "emit: this page is over");
    o->stage = o->unit->stage;
    if (!vm_give(L))
        luaL_error(L, "emit: more than %d objects without asking the target; an endless loop?",
                   LIMIT_GIVEN);
    push_emission(L, o, 1);
    take_raw(L, o, 2);
    take_with(L, o, 3);
    hash(L, o);
    check(L, stage_look(o->unit->u, o->hash, &hit, &outcome, &e), &e);
    if (!hit) return false;
    o->unit->hits++;
    count(o, outcome);
    return true;
}

int emit(lua_State *L) {
    struct object o;
    lua_settop(L, 3);
    if (is_known_object(L, &o)) {
        learn_from_hit(L, &o);
        return 0;
    }
    if (map(L, &o) && map_again(L, &o)) finish(L, &o);
    return 0;
}

int emit_set_aside(lua_State *L) {
    struct object o;
    struct identity who = {.type = NULL};
    lua_settop(L, 5);
    const char *reason = luaL_checkstring(L, 3);
    who.type = luaL_optstring(L, 4, NULL);
    lua_pushnil(L);
    lua_insert(L, 3); /* no joined data */
    if (is_known_object(L, &o)) return 0;
    lua_pushvalue(L, 6);
    who.id = usable_id(L, &who.id_len);
    keep_without(L, &o, &who, RECORD_SET_ASIDE, false, false, reason);
    return 0;
}

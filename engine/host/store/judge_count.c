/* How much a run changes, counted as each key is judged; see tally.h. Part of judge.h. */
#include <stdio.h>
#include <string.h>

#include "../json/json.h"
#include "../secret/secret.h"
#include "judge_private.h"

static enum err no_memory(struct error *e) {
    return err_set(e, ERR_NOMEM, "out of memory counting what changed");
}

static enum err count_grant(struct judge *j, const unsigned char on[RECORD_KEY], uint64_t record,
                            bool added, struct error *e) {
    struct tally_entitlement *t = tally_entitlement(j->tally, on);
    if (!t) return no_memory(e);
    if (!t->record) {
        struct span k = span_of(on, RECORD_KEY), v;
        struct store_cursor *c;
        enum err rc = store_cursor(j->txn, STATE_TALLY, &c, e);
        if (rc) return rc;
        rc = store_move(c, STORE_FIND, &k, &v, e);
        for (; !rc && v.n == 16 && state_u64(v.p) <= j->accepted;
             rc = store_move(c, STORE_NEXT_DUP, &k, &v, e))
            t->before = state_u64((const char *)v.p + 8);
        store_cursor_close(c);
        if (rc && rc != ERR_NOT_FOUND) return rc;
    }
    t->record = record;
    t->added += added;
    t->removed += !added;
    return ERR_OK;
}

/* The first byte of a hash is 0, so that it is no key. */
void judge_note(const struct judge *j, const struct record_part *part, struct span json,
                unsigned char note[RECORD_KEY]) {
    memcpy(note, part->on, RECORD_KEY);
    if (part->key[0] != RECORD_RESOURCE) return;
    struct span type = judge_type(RECORD_RESOURCE, json);
    secret_hash128(j->s->secret, type.p, type.n, note);
    note[0] = 0;
}

static struct tally_type *grant_tally(struct judge *j, struct span type, struct span json) {
    char name[160];
    struct json_value slug = json_find(json.p, json.n, "entitlement.slug");
    int n = snprintf(name, sizeof name, "%.*s:%.*s", (int)type.n, (const char *)type.p,
                     (int)slug.len - 2, slug.at + 1);
    return tally_type(j->tally, name, (size_t)n < sizeof name ? (size_t)n : sizeof name - 1);
}

static struct tally_type *type_tally(struct judge *j, enum record_kind kind, struct span json) {
    struct span type = judge_type(kind, json);
    if (kind == RECORD_GRANT) return grant_tally(j, type, json);
    if (kind == RECORD_ENTITLEMENT) return tally_type(j->tally, "entitlements", 12);
    return tally_type(j->tally, type.p, type.n);
}

/* Resources of a type, and grants of an entitlement, mostly come in thousands: under which name the
 * last were counted is kept by their note. */
static enum err counted_as(struct judge *j, const struct judge_group *g, uint64_t record,
                           const unsigned char note[RECORD_KEY], struct tally_type **out,
                           struct error *e) {
    size_t slot = note[RECORD_KEY - 1] % JUDGE_CACHE;
    if (j->named[slot].type && memcmp(j->named[slot].note, note, RECORD_KEY) == 0) {
        *out = &j->tally->types[j->named[slot].type - 1];
        return ERR_OK;
    }
    struct record r;
    struct span json;
    enum err rc = judge_part(j, g, record, &r, NULL, &json, e);
    if (rc) return rc;
    *out = type_tally(j, g->kind, json);
    if (!*out) return no_memory(e);
    memcpy(j->named[slot].note, note, RECORD_KEY);
    j->named[slot].type = (size_t)(*out - j->tally->types) + 1;
    return ERR_OK;
}

/* The note of the group's part of this record, as it came along or is read. */
static enum err find_note(struct judge *j, const struct judge_group *g, uint64_t record,
                          unsigned char note[RECORD_KEY], struct error *e) {
    for (size_t i = 0; i < j->providers.count; i++) {
        const struct index_provider *p = &j->providers.items[i];
        if (p->record != record || !p->noted) continue;
        memcpy(note, p->note, RECORD_KEY);
        return ERR_OK;
    }
    struct record r;
    struct record_part part;
    struct span json;
    enum err rc = judge_part(j, g, record, &r, &part, &json, e);
    if (!rc) judge_note(j, &part, json, note);
    return rc;
}

static enum err count_fields(struct judge *j, const struct judge_group *g, struct tally_type *type,
                             uint64_t before, uint64_t after, struct error *e) {
    struct record r;
    struct span was, is;
    enum err rc = judge_part(j, g, before, &r, NULL, &was, e);
    if (!rc) rc = judge_part(j, g, after, &r, NULL, &is, e);
    if (!rc && tally_fields(type, was, is)) rc = no_memory(e);
    return rc;
}

enum err judge_count(struct judge *j, const struct judge_group *g, enum compare_op op, uint64_t before,
                      uint64_t after, struct error *e) {
    uint64_t record = after ? after : before;
    unsigned char note[RECORD_KEY];
    struct tally_type *type;
    enum err rc = find_note(j, g, record, note, e);
    if (!rc) rc = counted_as(j, g, record, note, &type, e);
    if (rc) return rc;
    j->tally->changes++;
    type->added += op == COMPARE_ADDED;
    type->removed += op == COMPARE_REMOVED;
    type->changed += op == COMPARE_CHANGED;
    if (op == COMPARE_CHANGED && g->kind == RECORD_RESOURCE)
        rc = count_fields(j, g, type, before, after, e);
    if (op == COMPARE_REMOVED && g->kind == RECORD_RESOURCE) j->resource_removed = true;
    if (op == COMPARE_REMOVED && g->kind == RECORD_ENTITLEMENT) j->entitlement_removed = true;
    if (!rc && g->kind == RECORD_GRANT && op != COMPARE_CHANGED)
        rc = count_grant(j, note, record, op == COMPARE_ADDED, e);
    return rc;
}

enum err judge_tallies(struct judge *j, struct error *e) {
    enum err rc = ERR_OK;
    for (size_t i = 0; i < j->tally->slot_count && !rc; i++) {
        const struct tally_entitlement *t = &j->tally->slots[i];
        if (!t->used) continue;
        struct state_key v = state_key_run_n(j->run, t->before + t->added - t->removed);
        rc = store_put(j->txn, STATE_TALLY, span_of(t->key, RECORD_KEY), state_span(&v), e);
        if (!rc) rc = judge_tick(j, 1, 0, e);
    }
    return rc;
}

/* How much a run changes, counted as each key is judged; see tally.h. Part of judge.h. */
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "judge_private.h"

static enum err no_memory(struct error *e) {
    return err_set(e, ERR_NOMEM, "out of memory counting what changed");
}

static enum err count_grant(struct judge *j, const struct record_part *part, uint64_t record,
                            bool added, struct error *e) {
    struct tally_entitlement *t = tally_entitlement(j->tally, part->on);
    if (!t) return no_memory(e);
    if (!t->record) {
        struct span k = span_of(part->on, RECORD_KEY), v;
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

/* Grants of one entitlement mostly come in thousands: the last names found are kept by its key. */
static struct tally_type *grant_tally(struct judge *j, struct span type,
                                      const struct record_part *part, struct span json) {
    size_t slot = part->on[RECORD_KEY - 1] % JUDGE_CACHE;
    if (j->named[slot].type && memcmp(j->named[slot].key, part->on, RECORD_KEY) == 0)
        return &j->tally->types[j->named[slot].type - 1];
    char name[160];
    struct json_value slug = json_find(json.p, json.n, "entitlement.slug");
    int n = snprintf(name, sizeof name, "%.*s:%.*s", (int)type.n, (const char *)type.p,
                     (int)slug.len - 2, slug.at + 1);
    struct tally_type *found =
        tally_type(j->tally, name, (size_t)n < sizeof name ? (size_t)n : sizeof name - 1);
    if (!found) return NULL;
    memcpy(j->named[slot].key, part->on, RECORD_KEY);
    j->named[slot].type = (size_t)(found - j->tally->types) + 1;
    return found;
}

static struct tally_type *type_tally(struct judge *j, const struct judge_group *g,
                                     const struct record_part *part, struct span json) {
    struct span type = judge_type(g, json);
    if (g->kind == RECORD_GRANT) return grant_tally(j, type, part, json);
    if (g->kind == RECORD_ENTITLEMENT) return tally_type(j->tally, "entitlements", 12);
    return tally_type(j->tally, type.p, type.n);
}

enum err judge_count(struct judge *j, const struct judge_group *g, enum compare_op op, uint64_t before,
                      uint64_t after, struct error *e) {
    struct record r, old;
    struct record_part part;
    struct span json, was;
    enum err rc = judge_part(j, g, after ? after : before, &r, &part, &json, e);
    if (rc) return rc;
    j->tally->changes++;
    struct tally_type *type = type_tally(j, g, &part, json);
    if (!type) return no_memory(e);
    type->added += op == COMPARE_ADDED;
    type->removed += op == COMPARE_REMOVED;
    type->changed += op == COMPARE_CHANGED;
    if (op == COMPARE_CHANGED && g->kind == RECORD_RESOURCE) {
        rc = judge_part(j, g, before, &old, NULL, &was, e);
        if (!rc && tally_fields(type, was, json)) rc = no_memory(e);
    }
    if (op == COMPARE_REMOVED && g->kind == RECORD_RESOURCE) j->resource_removed = true;
    if (op == COMPARE_REMOVED && g->kind == RECORD_ENTITLEMENT) j->entitlement_removed = true;
    if (!rc && g->kind == RECORD_GRANT && op != COMPARE_CHANGED)
        rc = count_grant(j, &part, after ? after : before, op == COMPARE_ADDED, e);
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

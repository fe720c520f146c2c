#include "judge_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/limits.h"
#include "../json/json.h"

/* Pages made dirty in one transaction: 4 MiB. A first run appends, and fills a page with some forty
 * rows; a later one may touch a page a row. */
enum { JUDGE_PAGES = 1000, JUDGE_ROWS_A_PAGE = 12 };

enum { DELTA_BITS = 4 }; /* of a payload, JUDGE_OWN included */

static enum err no_memory(struct error *e) {
    return err_set(e, ERR_NOMEM, "out of memory comparing a run");
}

static enum err begin(struct judge *j, struct error *e) {
    enum err rc = store_begin(j->s->store, true, &j->txn, e);
    return rc ? rc : store_cursor(j->txn, STATE_IDX, &j->idx, e);
}

static bool read_foreign(struct judge *j) {
    struct span v;
    return store_get(j->txn, STATE_META, span_of("foreign", 7), &v, NULL) == ERR_OK;
}

enum err judge_open(struct judge *j, struct state *s, uint64_t run, struct tally *tally,
                    struct error *e) {
    *j = (struct judge){.s = s, .run = run, .tally = tally};
    struct state_numbers n = {0};
    enum err rc = store_begin(s->store, false, &j->reader, e);
    if (!rc) rc = begin(j, e);
    if (!rc) rc = state_numbers(j->txn, &n, e);
    j->accepted = n.accepted;
    if (!rc) j->foreign = read_foreign(j);
    for (int kind = RECORD_RESOURCE; kind <= RECORD_GRANT && !rc; kind++)
        rc = sorter_open(&j->sorters[kind], s->dir, 0, e);
    return rc;
}

void judge_close(struct judge *j) {
    store_cursor_close(j->idx);
    store_abort(j->txn);
    store_abort(j->reader);
    for (int kind = RECORD_RESOURCE; kind <= RECORD_GRANT; kind++) sorter_free(j->sorters[kind]);
    index_free(&j->providers);
}

enum err judge_commit(struct judge *j, struct error *e) {
    store_cursor_close(j->idx);
    j->idx = NULL;
    enum err rc = store_commit(j->txn, e);
    j->txn = NULL;
    j->work = 0;
    return rc;
}

enum err judge_tick(struct judge *j, size_t rows, size_t pages, struct error *e) {
    j->work += rows * (j->accepted ? JUDGE_ROWS_A_PAGE : 1) + pages * JUDGE_ROWS_A_PAGE;
    if (j->work < JUDGE_PAGES * JUDGE_ROWS_A_PAGE) return ERR_OK;
    enum err rc = judge_commit(j, e);
    return rc ? rc : begin(j, e);
}

/* --- queueing --- */

static enum err queue(struct judge *j, const struct sorter_item *item, struct error *e) {
    if (item->key[0] < RECORD_RESOURCE || item->key[0] > RECORD_GRANT) return ERR_OK;
    return sorter_add(j->sorters[item->key[0]], item, e);
}

enum err judge_key(struct judge *j, const unsigned char key[RECORD_KEY], uint64_t record,
                   enum judge_delta delta, struct error *e) {
    struct sorter_item item = {.payload = record << DELTA_BITS | delta};
    memcpy(item.key, key, RECORD_KEY);
    return queue(j, &item, e);
}

/* A part that came, with what spares reading its record again: in the order of keys, records lie
 * anywhere in a store that no cache holds. */
static enum err queue_added(struct judge *j, const struct record *r, size_t i, uint64_t number,
                            bool own, struct error *e) {
    struct record_part part = record_part(r, i);
    struct sorter_item item = {.payload = number << DELTA_BITS | JUDGE_ADD | (own ? JUDGE_OWN : 0)};
    memcpy(item.key, part.key, RECORD_KEY);
    judge_note(j, &part, record_json(r, i), item.note);
    return queue(j, &item, e);
}

static enum err mark_foreign(struct judge *j, struct error *e) {
    if (j->foreign) return ERR_OK;
    j->foreign = true;
    return store_put(j->txn, STATE_META, span_of("foreign", 7), span_of("1", 1), e);
}

static bool is_foreign(const struct record *r, const struct record_part *part) {
    if (part->key[0] == RECORD_RESOURCE) return false;
    if (!r->head.has_resource) return true;
    struct record_part own = record_part(r, 0);
    const unsigned char *to = part->key[0] == RECORD_GRANT ? part->principal : part->on;
    return memcmp(own.key, to, RECORD_KEY) != 0;
}

static enum judge_delta delta_of(const struct record *r, enum judge_delta delta) {
    if (delta != JUDGE_ADD) return delta;
    if (r->head.outcome == RECORD_SKIPPED) return JUDGE_SKIP;
    return r->head.outcome == RECORD_SET_ASIDE ? JUDGE_ASIDE : JUDGE_ADD;
}

static enum err write_change(struct judge *j, enum compare_op op,
                             const unsigned char key[RECORD_KEY], uint64_t before, uint64_t after,
                             struct error *e);

static enum err read_record(struct judge *j, uint64_t number, struct record *out, struct error *e) {
    enum err rc = ERR_OK;
    if (j->last_number != number) rc = state_record(j->reader, number, &j->last, e);
    j->last_number = rc ? 0 : number;
    *out = j->last;
    return rc;
}

/* Parts of kinds up to `from` are left out. */
static enum err queue_parts(struct judge *j, uint64_t number, enum record_kind from,
                            enum judge_delta delta, struct error *e) {
    static const unsigned char none[RECORD_KEY];
    struct record r;
    enum err rc = read_record(j, number, &r, e);
    if (rc) return rc;
    delta = delta_of(&r, delta);
    bool foreign = false, keyless = r.parts == 0;
    for (size_t i = 0; i < r.parts && !rc; i++) {
        struct record_part part = record_part(&r, i);
        bool others = is_foreign(&r, &part);
        keyless = memcmp(part.key, none, RECORD_KEY) == 0;
        foreign = foreign || others;
        if (part.key[0] <= from) continue;
        rc = delta == JUDGE_ADD ? queue_added(j, &r, i, number, !others, e)
                                : judge_key(j, part.key, number, delta, e);
    }
    if (!rc && foreign && delta == JUDGE_ADD) rc = mark_foreign(j, e);
    if (!rc && keyless && delta == JUDGE_REMOVE)
        rc = write_change(j, COMPARE_DROPPED, none, number, 0, e);
    return rc;
}

enum err judge_record(struct judge *j, uint64_t record, enum judge_delta delta, struct error *e) {
    return queue_parts(j, record, 0, delta, e);
}

/* --- what a key's thing hangs on --- */

static enum err is_there(struct judge *j, const unsigned char key[RECORD_KEY], bool *there,
                         bool *skipped, struct error *e) {
    size_t slot = key[RECORD_KEY - 1] % JUDGE_CACHE;
    if (!j->cache[slot].used || memcmp(j->cache[slot].key, key, RECORD_KEY) != 0) {
        uint64_t record;
        enum err rc =
            index_effective(j->idx, key, j->run, &record, &j->cache[slot].skipped, e);
        if (rc) return rc;
        memcpy(j->cache[slot].key, key, RECORD_KEY);
        j->cache[slot].used = true;
        j->cache[slot].there = record != 0;
    }
    *there = j->cache[slot].there;
    *skipped = j->cache[slot].skipped;
    return ERR_OK;
}

/* INDEX_EFFECTIVE where the part stands on firm ground, else what becomes of it. */
static enum err footing(struct judge *j, const struct record_part *part, enum index_role *role,
                        struct error *e) {
    bool grant = part->key[0] == RECORD_GRANT, on = false, to = true, skip = false, skip_on = false,
         skip_to = false;
    enum err rc = is_there(j, part->on, &on, &skip, e);
    if (!rc && grant) rc = is_there(j, part->principal, &to, &skip_to, e);
    if (!rc && !on && grant) {
        bool unused;
        rc = is_there(j, part->on_resource, &unused, &skip_on, e);
    }
    bool skipped = (!on && (skip || skip_on)) || (!to && skip_to);
    *role = on && to ? INDEX_EFFECTIVE : skipped ? INDEX_SKIPPED : INDEX_DANGLING;
    return rc;
}

/* --- one key --- */

static bool is_candidate(const struct judge_group *g, const struct index_provider *p) {
    if (p->removed && !p->kept) return false;
    switch (p->role) {
    case INDEX_EFFECTIVE:
    case INDEX_SHADOWED:
    case INDEX_CONFLICT:
    case INDEX_DISPUTED:
    case INDEX_DANGLING:
        return true;
    case INDEX_SKIPPED:
        return g->kind != RECORD_RESOURCE;
    case INDEX_PROTECTED:
        return p->kept;
    default:
        return false;
    }
}

/* What a mapping left out takes the place of what its listing kept; what was set aside and kept
 * yields too. */
static bool is_weighed(const struct judge_group *g, const struct index_provider *p) {
    return is_candidate(g, p) || (p->added && p->role == INDEX_SKIPPED) ||
           (p->weak && !p->removed && p->role == INDEX_ASIDE);
}

static enum err apply(struct judge *j, const struct sorter_item *item, struct error *e) {
    enum judge_delta delta = item->payload & (JUDGE_OWN - 1);
    if (delta == JUDGE_CHECK) return ERR_OK;
    if (j->providers.count > LIMIT_PROVIDERS)
        return err_set(e, ERR_LIMIT, "one id is given more than %d times: a list that repeats itself",
                       LIMIT_PROVIDERS);
    struct index_provider *p = index_provider(&j->providers, item->payload >> DELTA_BITS);
    if (!p) return no_memory(e);
    if (delta == JUDGE_REMOVE) p->removed = true;
    if (delta == JUDGE_WEAK) p->weak = true;
    if (delta == JUDGE_KEEP) p->kept = true;
    if (delta == JUDGE_ADD) {
        p->noted = true;
        p->own = item->payload & JUDGE_OWN;
        memcpy(p->note, item->note, RECORD_KEY);
    }
    if (delta == JUDGE_ADD || delta == JUDGE_ASIDE || delta == JUDGE_SKIP) {
        p->added = true;
        p->role = delta == JUDGE_ADD     ? INDEX_SHADOWED
                  : delta == JUDGE_ASIDE ? INDEX_ASIDE
                                         : INDEX_SKIPPED;
    }
    return ERR_OK;
}

enum err judge_part(struct judge *j, const struct judge_group *g, uint64_t number,
                        struct record *r, struct record_part *part, struct span *json,
                        struct error *e) {
    enum err rc = read_record(j, number, r, e);
    if (rc) return rc;
    size_t i = record_find(r, g->key);
    if (i == r->parts)
        return err_set(e, ERR_STORAGE, "the index is damaged: a record lacks what it should hold");
    if (part) *part = record_part(r, i);
    if (json) *json = record_json(r, i);
    return ERR_OK;
}

static bool same_bytes(struct span a, struct span b) {
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* What providers are weighed by; the bytes lie in the store's map as long as the reader is open. */
struct weight {
    struct span list, parent, content;
};

static enum err load_weight(struct judge *j, const struct judge_group *g, uint64_t record,
                            struct weight *w, struct error *e) {
    struct record r;
    enum err rc = judge_part(j, g, record, &r, NULL, &w->content, e);
    if (rc) return rc;
    w->list = r.list;
    w->parent = r.parent;
    return ERR_OK;
}

/* Marks pairs of one list that differ; what a listing that ended badly kept goes where that same
 * listing gave the thing anew. Another listing is no proof that it is gone from this one. */
static void weigh_pair(const struct judge_group *g, struct index_provider *a, const struct weight *x,
                       struct index_provider *b, const struct weight *y) {
    bool one_list = same_bytes(x->list, y->list);
    if (a->weak != b->weak) {
        struct index_provider *weak = a->weak ? a : b;
        if (one_list && same_bytes(x->parent, y->parent)) weak->removed = true;
        return;
    }
    bool both = is_candidate(g, a) && is_candidate(g, b);
    if (both && one_list && g->kind != RECORD_GRANT && !same_bytes(x->content, y->content))
        a->role = b->role = INDEX_CONFLICT;
}

/* Each record is read once: a thing may have thousands of parents that give it. */
static enum err weigh(struct judge *j, const struct judge_group *g, struct error *e) {
    struct index_provider *p = j->providers.items;
    size_t n = j->providers.count;
    if (n < 2) return ERR_OK;
    struct weight *w = calloc(n, sizeof *w);
    enum err rc = w ? ERR_OK : no_memory(e);
    for (size_t i = 0; i < n && !rc; i++)
        if (is_weighed(g, &p[i])) rc = load_weight(j, g, p[i].record, &w[i], e);
    for (size_t a = 0; a < n && !rc; a++)
        for (size_t b = a + 1; b < n && is_weighed(g, &p[a]); b++)
            if (is_weighed(g, &p[b])) weigh_pair(g, &p[a], &w[a], &p[b], &w[b]);
    free(w);
    return rc;
}

/* Which of two goes first: the list named like the type, else byte order, else the older. */
static bool goes_first(const struct record *a, uint64_t an, const struct record *b, uint64_t bn,
                       struct span type) {
    bool a_named = same_bytes(a->list, type), b_named = same_bytes(b->list, type);
    if (a_named != b_named) return a_named;
    size_t n = a->list.n < b->list.n ? a->list.n : b->list.n;
    int c = memcmp(a->list.p, b->list.p, n);
    if (c) return c < 0;
    return a->list.n != b->list.n ? a->list.n < b->list.n : an < bn;
}

/* The type stands first in what the model writes, and has no character that is escaped. */
struct span judge_type(enum record_kind kind, struct span json) {
    const char *before = kind == RECORD_RESOURCE      ? "{\"type\":\""
                         : kind == RECORD_ENTITLEMENT ? "{\"resource\":{\"type\":\""
                                                      : "{\"entitlement\":{\"type\":\"";
    size_t n = strlen(before);
    if (json.n <= n || memcmp(json.p, before, n) != 0) return span_of("", 0);
    const char *type = (const char *)json.p + n, *end = memchr(type, '"', json.n - n);
    return span_of(type, end ? (size_t)(end - type) : 0);
}

static bool is_eligible(const struct judge_group *g, const struct index_provider *p) {
    return is_candidate(g, p) && (p->role == INDEX_EFFECTIVE || p->role == INDEX_SHADOWED);
}

static enum err choose(struct judge *j, const struct judge_group *g, struct index_provider **winner,
                       struct error *e) {
    struct index_provider *first = j->providers.items;
    *winner = NULL;
    if (j->providers.count == 1) { /* one alone wins unread */
        *winner = is_eligible(g, first) ? first : NULL;
        return ERR_OK;
    }
    struct record best = {0}, r;
    for (size_t i = 0; i < j->providers.count; i++) {
        struct index_provider *p = &j->providers.items[i];
        struct span json;
        if (!is_eligible(g, p)) continue;
        p->role = INDEX_SHADOWED;
        enum err rc = judge_part(j, g, p->record, &r, NULL, &json, e);
        if (rc) return rc;
        bool fresher = *winner && p->weak != (*winner)->weak && same_bytes(r.list, best.list);
        bool wins = fresher ? !p->weak
                            : !*winner || goes_first(&r, p->record, &best, (*winner)->record,
                                                     judge_type(g->kind, json));
        if (!wins) continue;
        *winner = p;
        best = r;
    }
    return ERR_OK;
}

/* Does it stand on firm ground, as can be said without reading it? What came with the resource that
 * it hangs on does where what its note names is there, unless such resources were refused. */
static enum err stands_by_note(struct judge *j, const struct index_provider *p, bool *stands,
                               struct error *e) {
    bool skipped;
    *stands = false;
    if (!p->noted || !p->own || j->resource_refused) return ERR_OK;
    return is_there(j, p->note, stands, &skipped, e);
}

/* Takes what hangs on something that is not there out of the choice. */
static enum err look_at_ground(struct judge *j, const struct judge_group *g,
                               struct index_provider *p, struct error *e) {
    struct record r;
    struct record_part part;
    bool stands;
    enum err rc = stands_by_note(j, p, &stands, e);
    if (rc || stands) return rc;
    rc = judge_part(j, g, p->record, &r, &part, NULL, e);
    enum index_role role = INDEX_EFFECTIVE;
    if (!rc) rc = footing(j, &part, &role, e);
    if (role != INDEX_EFFECTIVE) p->role = role;
    return rc;
}

/* Gives every provider its role; *seen is the record that is seen from now on, 0 for none. */
static enum err settle(struct judge *j, const struct judge_group *g, uint64_t *seen, struct error *e) {
    struct index_provider *p = j->providers.items;
    size_t n = j->providers.count;
    for (size_t i = 0; i < n; i++)
        if (is_candidate(g, &p[i])) p[i].role = INDEX_SHADOWED;
    enum err rc = weigh(j, g, e);
    for (size_t i = 0; i < n && !rc && g->kind != RECORD_RESOURCE; i++)
        if (is_candidate(g, &p[i]) && p[i].role == INDEX_SHADOWED)
            rc = look_at_ground(j, g, &p[i], e);
    struct index_provider *winner = NULL;
    if (!rc) rc = choose(j, g, &winner, e);
    *seen = winner ? winner->record : 0;
    if (winner) winner->role = INDEX_EFFECTIVE;
    return rc;
}

/* While something is set aside and nothing else provides the thing, its former version stays. */
static enum err protect(struct judge *j, const struct judge_group *g, uint64_t *seen, struct error *e) {
    if (*seen || !g->former) return ERR_OK;
    bool aside = false;
    for (size_t i = 0; i < j->providers.count; i++) {
        const struct index_provider *p = &j->providers.items[i];
        aside = aside || (!p->removed && (p->role == INDEX_ASIDE || p->role == INDEX_CONFLICT));
    }
    struct index_provider *former = aside ? index_provider(&j->providers, g->former) : NULL;
    if (!former) return aside ? no_memory(e) : ERR_OK;
    *seen = g->former;
    if (former->role == INDEX_CONFLICT && !former->removed) {
        former->role = INDEX_DISPUTED;
        return ERR_OK;
    }
    former->role = INDEX_PROTECTED;
    former->removed = false;
    return g->kind == RECORD_RESOURCE
               ? queue_parts(j, g->former, RECORD_RESOURCE, JUDGE_KEEP, e)
               : ERR_OK;
}

/* A protected version that is no longer needed was provided by nobody else. */
static void end_protection(struct judge *j, uint64_t seen) {
    for (size_t i = 0; i < j->providers.count; i++) {
        struct index_provider *p = &j->providers.items[i];
        if (p->role == INDEX_PROTECTED && p->record != seen && !p->kept) p->removed = true;
    }
}

static enum err write_aside(struct judge *j, const struct judge_group *g, const struct index_provider *p,
                            struct error *e) {
    struct tally *t = j->tally;
    if (p->role == INDEX_CONFLICT || p->role == INDEX_DISPUTED) t->conflicts++;
    if (p->role == INDEX_DANGLING) t->dangling++;
    if (p->role == INDEX_SKIPPED) t->skipped++;
    struct compare_aside row = {.record = p->record, .role = p->role};
    memcpy(row.key, g->key, RECORD_KEY);
    struct state_key k = state_key_run_n(j->run, ++j->asides);
    return store_append(j->txn, STATE_ASIDE, state_span(&k), span_of(&row, sizeof row), e);
}

static enum err write_change(struct judge *j, enum compare_op op,
                             const unsigned char key[RECORD_KEY], uint64_t before, uint64_t after,
                             struct error *e) {
    unsigned char row[1 + RECORD_KEY + 16];
    struct state_key k = state_key_run_n(before, after);
    row[0] = (unsigned char)op;
    memcpy(row + 1, key, RECORD_KEY);
    memcpy(row + 1 + RECORD_KEY, k.bytes, 16);
    k = state_key_run_n(j->run, ++j->changes);
    return store_append(j->txn, STATE_CHG, state_span(&k), span_of(row, sizeof row), e);
}

static bool is_part_aside(const struct judge_group *g, const struct index_provider *p) {
    return p->role == INDEX_CONFLICT || p->role == INDEX_DISPUTED || p->role == INDEX_DANGLING ||
           (p->role == INDEX_SKIPPED && g->kind != RECORD_RESOURCE);
}

/* Writes the roles that changed; *any says whether one did. */
static enum err write_roles(struct judge *j, const struct judge_group *g, bool *any, struct error *e) {
    enum err rc = ERR_OK;
    for (size_t i = 0; i < j->providers.count && !rc; i++) {
        struct index_provider *p = &j->providers.items[i];
        if (p->removed && !p->kept) p->role = INDEX_GONE;
        if (is_part_aside(g, p)) rc = write_aside(j, g, p, e);
        if (rc || p->role == p->before) continue;
        /* On a first run keys come in order, and the first event of a key is behind all others. */
        rc = index_put(j->txn, g->key, j->run, p->record, p->role, !j->accepted && !*any, e);
        *any = true;
    }
    return rc;
}

/* A version that was protected, or yielded, and goes takes its other parts with it. */
static enum err cascade(struct judge *j, const struct judge_group *g, struct error *e) {
    enum err rc = ERR_OK;
    if (g->kind != RECORD_RESOURCE) return ERR_OK;
    for (size_t i = 0; i < j->providers.count && !rc; i++) {
        struct index_provider *p = &j->providers.items[i];
        bool was = p->before == INDEX_PROTECTED || p->weak;
        if (was && p->role == INDEX_GONE)
            rc = queue_parts(j, p->record, RECORD_RESOURCE, JUDGE_REMOVE, e);
    }
    return rc;
}

static enum err compare_versions(struct judge *j, const struct judge_group *g, uint64_t before,
                                 uint64_t after, enum compare_op *op, struct error *e) {
    struct record x, y;
    struct span was, is;
    *op = !before ? COMPARE_ADDED : !after ? COMPARE_REMOVED : COMPARE_SAME;
    if (before == after || !before || !after) {
        if (before == after) *op = COMPARE_SAME;
        return ERR_OK;
    }
    enum err rc = judge_part(j, g, before, &x, NULL, &was, e);
    if (!rc) rc = judge_part(j, g, after, &y, NULL, &is, e);
    if (!rc && !same_bytes(was, is)) *op = COMPARE_CHANGED;
    return rc;
}

/* Nobody is to be seen: was there one that came? */
static void note_refused(struct judge *j) {
    for (size_t i = 0; i < j->providers.count; i++)
        j->resource_refused = j->resource_refused || j->providers.items[i].noted;
}

/* Judges the key whose providers and deltas are in j->providers. */
static enum err judge_group(struct judge *j, const struct judge_group *g, struct error *e) {
    uint64_t seen = 0;
    bool any = false;
    enum compare_op op = COMPARE_SAME;
    enum err rc = settle(j, g, &seen, e);
    if (!rc) rc = protect(j, g, &seen, e);
    end_protection(j, seen);
    if (g->kind == RECORD_RESOURCE && !seen) note_refused(j);
    if (!rc) rc = compare_versions(j, g, g->former, seen, &op, e);
    if (!rc && op != COMPARE_SAME) rc = judge_count(j, g, op, g->former, seen, e);
    if (!rc) rc = write_roles(j, g, &any, e);
    if (!rc) rc = cascade(j, g, e);
    if (!rc && any) rc = write_change(j, op, g->key, g->former, seen, e);
    return rc;
}

static enum err open_group(struct judge *j, struct judge_group *g, const unsigned char key[RECORD_KEY],
                           struct error *e) {
    memcpy(g->key, key, RECORD_KEY);
    g->kind = key[0];
    g->former = 0;
    j->providers.count = 0;
    enum err rc =
        j->accepted ? index_fold(j->idx, key, j->accepted, &j->providers, e) : ERR_OK;
    for (size_t i = 0; i < j->providers.count; i++) {
        enum index_role role = j->providers.items[i].role;
        if (index_is_seen(role))
            g->former = j->providers.items[i].record;
    }
    return rc;
}

enum err judge_kind(struct judge *j, enum record_kind kind,
                    void (*progress)(void *of, size_t judged), void *of, struct error *e) {
    struct sorter *s = j->sorters[kind];
    struct sorter_item item;
    struct judge_group g;
    bool more = false;
    size_t judged = 0;
    memset(j->cache, 0, sizeof j->cache);
    enum err rc = sorter_finish(s, e);
    if (!rc) rc = sorter_next(s, &item, &more, e);
    while (!rc && more) {
        rc = open_group(j, &g, item.key, e);
        while (!rc && more && memcmp(item.key, g.key, RECORD_KEY) == 0) {
            rc = apply(j, &item, e);
            if (!rc) rc = sorter_next(s, &item, &more, e);
        }
        if (!rc) rc = judge_group(j, &g, e);
        if (!rc) rc = judge_tick(j, 1, 0, e);
        if (progress && ++judged % 4096 == 0) progress(of, judged);
    }
    return rc;
}

static enum err scan_key(struct judge *j, const unsigned char key[RECORD_KEY], struct error *e) {
    struct judge_group g = {.kind = key[0]};
    memcpy(g.key, key, RECORD_KEY);
    uint64_t number;
    struct record r;
    struct record_part part;
    enum index_role role;
    enum err rc = index_effective(j->idx, key, j->accepted, &number, NULL, e);
    if (rc || !number) return rc;
    rc = judge_part(j, &g, number, &r, &part, NULL, e);
    if (!rc) rc = footing(j, &part, &role, e);
    return rc || role == INDEX_EFFECTIVE ? rc : judge_key(j, key, number, JUDGE_CHECK, e);
}

enum err judge_scan(struct judge *j, enum record_kind kind, struct error *e) {
    struct store_cursor *c;
    unsigned char key[RECORD_KEY] = {(unsigned char)kind};
    memset(j->cache, 0, sizeof j->cache);
    enum err rc = store_cursor(j->txn, STATE_IDX, &c, e);
    if (rc) return rc;
    struct span k = span_of(key, RECORD_KEY), v;
    rc = store_move(c, STORE_SEEK, &k, &v, e);
    while (!rc && k.n == RECORD_KEY && *(const unsigned char *)k.p == kind) {
        memcpy(key, k.p, RECORD_KEY);
        rc = scan_key(j, key, e);
        if (!rc) rc = store_move(c, STORE_NEXT_KEY, &k, &v, e);
    }
    store_cursor_close(c);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

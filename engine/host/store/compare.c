#include "compare.h"

#include <stdlib.h>
#include <string.h>

#include "judge.h"
#include "seq.h"

/* What happens to a unit (one listing of one parent). */
enum action {
    UNTOUCHED, /* not listed in this run, and no reason to think that it gives nothing */
    LISTED,    /* to its end: what it did not give is gone */
    PARTLY,    /* what it did not give is kept */
    OVER,      /* its list or its parent is no more */
};

struct unit {
    uint32_t number;
    enum action action;
};

struct compare {
    struct judge judge;
    uint64_t run;
    const struct compare_list *lists;
    size_t list_count;
    struct unit *units;
    size_t unit_count, unit_capacity;
};

/* A unit's new sequence, written chunk by chunk. */
struct writer {
    struct judge *j;
    uint32_t unit;
    uint64_t run;
    uint32_t chunk;
    size_t used;
    struct seq_entry entries[SEQ_CHUNK];
    struct seq_head head;
};

/* A unit as it was, and what of it was seen again. */
struct old {
    uint64_t run;
    struct seq_head head;
    unsigned char *seen; /* a bit an entry */
    uint32_t chunk;      /* the one in `entries`, if n > 0 */
    size_t n;
    struct seq_entry entries[SEQ_CHUNK];
};

static enum err no_memory(struct error *e) {
    return err_set(e, ERR_NOMEM, "out of memory comparing a run");
}

static enum err damaged(const struct judge *j, struct error *e) {
    return err_set(e, ERR_STORAGE, "the state in %s is damaged: restore it, or move it away to "
                   "start afresh", j->s->dir);
}

/* --- which units there are --- */

static const struct compare_list *list_named(const struct compare *c, struct span name) {
    for (size_t i = 0; i < c->list_count; i++)
        if (c->lists[i].name.n == name.n && memcmp(c->lists[i].name.p, name.p, name.n) == 0)
            return &c->lists[i];
    return NULL;
}

static enum err action_of(struct compare *c, const struct seq_unit *unit, enum action *out,
                          struct error *e) {
    struct state_key k = seq_progress_key(c->run, unit->number);
    struct seq_progress p;
    struct span v;
    enum err rc = store_get(c->judge.txn, STATE_PROG, state_span(&k), &v, e);
    const struct compare_list *list = list_named(c, unit->list);
    if (rc && rc != ERR_NOT_FOUND) return rc;
    if (!list)
        *out = OVER;
    else if (!rc && seq_progress_read(v, &p, NULL) && p.state != SEQ_OPEN) /* open: begun only */
        *out = p.state == SEQ_COMPLETE && !list->keep ? LISTED : PARTLY;
    else
        *out = list->gone_if_unvisited ? OVER : UNTOUCHED;
    return ERR_OK;
}

static enum err add_unit(struct compare *c, struct span value, struct error *e) {
    struct seq_unit unit;
    if (!seq_unit_read(value, &unit)) return damaged(&c->judge, e);
    if (c->unit_count == c->unit_capacity) {
        size_t capacity = c->unit_capacity ? 2 * c->unit_capacity : 16;
        struct unit *units = realloc(c->units, capacity * sizeof *units);
        if (!units) return no_memory(e);
        c->units = units;
        c->unit_capacity = capacity;
    }
    struct unit *u = &c->units[c->unit_count++];
    u->number = unit.number;
    return action_of(c, &unit, &u->action, e);
}

static enum err find_units(struct compare *c, struct error *e) {
    struct store_cursor *cursor;
    enum err rc = store_cursor(c->judge.txn, STATE_UNIT, &cursor, e);
    if (rc) return rc;
    struct span key = {0}, value;
    rc = store_move(cursor, STORE_NEXT, &key, &value, e);
    while (!rc) {
        rc = add_unit(c, value, e);
        if (!rc) rc = store_move(cursor, STORE_NEXT, &key, &value, e);
    }
    store_cursor_close(cursor);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

/* --- a unit's new sequence --- */

static enum err write_chunk(struct writer *w, struct error *e) {
    if (!w->used) return ERR_OK;
    struct state_key k = seq_key(w->unit, w->run, w->chunk++);
    enum err rc = store_put(w->j->txn, STATE_SEQ, state_span(&k),
                            span_of(w->entries, w->used * sizeof *w->entries), e);
    w->used = 0;
    return rc ? rc : judge_tick(w->j, 0, 2, e);
}

static void count_entry(struct seq_head *head, const struct seq_entry *entry) {
    head->count++;
    head->skipped += (entry->flags & SEQ_OUTCOME) == RECORD_SKIPPED;
    head->aside += (entry->flags & SEQ_OUTCOME) == RECORD_SET_ASIDE;
    head->faults += (entry->flags & SEQ_FAULT) && !(entry->flags & SEQ_WEAK);
}

static enum err write_entry(struct writer *w, const struct seq_entry *entry, struct error *e) {
    w->entries[w->used++] = *entry;
    count_entry(&w->head, entry);
    return w->used == SEQ_CHUNK ? write_chunk(w, e) : ERR_OK;
}

static enum err write_head(struct writer *w, struct error *e) {
    enum err rc = write_chunk(w, e);
    struct state_key k = seq_key(w->unit, w->run, SEQ_HEAD);
    return rc ? rc : store_put(w->j->txn, STATE_SEQ, state_span(&k),
                               span_of(&w->head, sizeof w->head), e);
}

static enum err old_entry(struct compare *c, uint32_t unit, struct old *old, uint64_t index,
                          struct seq_entry *out, struct error *e) {
    uint32_t chunk = (uint32_t)(index / SEQ_CHUNK);
    enum err rc = ERR_OK;
    if (!old->n || old->chunk != chunk) {
        rc = seq_chunk(c->judge.txn, unit, old->run, chunk, old->entries, &old->n, e);
        old->chunk = chunk;
    }
    if (rc) return rc;
    if (index % SEQ_CHUNK >= old->n) return damaged(&c->judge, e);
    *out = old->entries[index % SEQ_CHUNK];
    return ERR_OK;
}

/* Calls `each` for every entry the unit was given in this run, page by page. The rows are copied,
 * since `each` writes. */
struct staged {
    struct compare *c;
    struct unit *u;
    struct old *old;
    struct writer *w;
    uint64_t hits, added, expected; /* expected: the entry a hit would be if nothing moved */
    bool in_order;
};

static enum err each_row(struct staged *st, enum err (*each)(struct staged *, struct seq_entry *,
                                                             struct error *),
                         struct error *e) {
    struct seq_entry row[SEQ_CHUNK];
    unsigned char last[24];
    struct state_key prefix = state_key_run(st->c->run);
    state_key_u32(&prefix, st->u->number);
    struct state_key from = prefix;
    enum err rc = ERR_OK;
    for (bool first = true; !rc; first = false) {
        struct store_cursor *cursor;
        struct span key = state_span(&from), value;
        rc = store_cursor(st->c->judge.txn, STATE_STAGE, &cursor, e);
        if (rc) return rc;
        rc = store_move(cursor, STORE_SEEK, &key, &value, e);
        if (!rc && !first) rc = store_move(cursor, STORE_NEXT, &key, &value, e);
        bool ours = !rc && key.n <= sizeof last && key.n > prefix.n &&
                    memcmp(key.p, prefix.bytes, prefix.n) == 0;
        size_t n = ours ? value.n / sizeof *row : 0;
        if (ours) {
            memcpy(row, value.p, n * sizeof *row);
            memcpy(from.bytes, key.p, key.n);
            from.n = key.n;
        }
        store_cursor_close(cursor);
        if (!ours) return rc == ERR_NOT_FOUND ? ERR_OK : rc;
        for (size_t i = 0; i < n && !rc; i++) rc = each(st, &row[i], e);
    }
    return rc;
}

/* First pass: is it just what there was? */
static enum err look_at(struct staged *st, struct seq_entry *entry, struct error *e) {
    (void)e;
    if (entry->flags & SEQ_VOID) return ERR_OK;
    if (!(entry->flags & SEQ_HITS)) {
        st->added++;
        return ERR_OK;
    }
    uint64_t first = entry->record >> 32, n = entry->record & 0xFFFFFFFF;
    if (first != st->expected) st->in_order = false;
    st->expected = first + n;
    st->hits += n;
    return ERR_OK;
}

static enum err copy_hits(struct staged *st, const struct seq_entry *range, struct error *e) {
    uint64_t first = range->record >> 32, n = range->record & 0xFFFFFFFF;
    enum err rc = ERR_OK;
    for (uint64_t i = first; i < first + n && !rc; i++) {
        struct seq_entry entry;
        if (i >= st->old->head.count) return damaged(&st->c->judge, e);
        st->old->seen[i / 8] |= (unsigned char)(1 << i % 8);
        rc = old_entry(st->c, st->u->number, st->old, i, &entry, e);
        if (!rc) rc = write_entry(st->w, &entry, e);
    }
    return rc;
}

/* Second pass: the new sequence, and what came. */
static enum err take(struct staged *st, struct seq_entry *entry, struct error *e) {
    if (entry->flags & SEQ_VOID) return ERR_OK;
    if (entry->flags & SEQ_HITS) return copy_hits(st, entry, e);
    enum err rc = judge_record(&st->c->judge, entry->record, JUDGE_ADD, e);
    return rc ? rc : write_entry(st->w, entry, e);
}

/* What was kept and then yielded to something newer may have been forgotten since. */
static bool is_forgotten(struct compare *c, const struct seq_entry *entry) {
    struct state_key k = state_key_run(entry->record);
    struct span v;
    return entry->flags & SEQ_WEAK &&
           store_get(c->judge.txn, STATE_REC, state_span(&k), &v, NULL) == ERR_NOT_FOUND;
}

/* What the unit did not give again. */
static enum err leave(struct staged *st, enum action action, struct error *e) {
    enum err rc = ERR_OK;
    for (uint64_t i = 0; i < st->old->head.count && !rc; i++) {
        struct seq_entry entry;
        if (st->old->seen[i / 8] >> i % 8 & 1) continue;
        rc = old_entry(st->c, st->u->number, st->old, i, &entry, e);
        if (!rc && is_forgotten(st->c, &entry)) continue;
        bool keep = action == PARTLY;
        bool record = (entry.flags & SEQ_OUTCOME) != RECORD_SKIPPED;
        if (!rc && (!keep || record))
            rc = judge_record(&st->c->judge, entry.record, keep ? JUDGE_WEAK : JUDGE_REMOVE, e);
        entry.flags |= SEQ_WEAK;
        if (!rc && keep) rc = write_entry(st->w, &entry, e);
        if (!rc) rc = judge_tick(&st->c->judge, 0, 0, e);
    }
    return rc;
}

static void count_head(struct tally *t, const struct seq_head *head) {
    t->skipped_records += head->skipped;
    t->aside_records += head->aside;
    t->faults += head->faults;
}

static enum err compare_unit(struct compare *c, struct unit *u, struct error *e) {
    struct old old = {0};
    struct writer w = {.j = &c->judge, .unit = u->number, .run = c->run};
    struct staged st = {.c = c, .u = u, .old = &old, .w = &w, .in_order = true};
    enum err rc = seq_in_force(c->judge.txn, u->number, c->judge.accepted, &old.run, &old.head, e);
    if (!rc && (u->action == LISTED || u->action == PARTLY)) rc = each_row(&st, look_at, e);
    if (rc) return rc;
    bool same = u->action == LISTED ? st.in_order && !st.added && st.hits == old.head.count
                                    : u->action == UNTOUCHED || (u->action == PARTLY && !st.added);
    if (same || (u->action == OVER && !old.head.count)) {
        count_head(c->judge.tally, &old.head);
        return ERR_OK;
    }
    old.seen = calloc(old.head.count / 8 + 1, 1);
    if (!old.seen) return no_memory(e);
    if (u->action != OVER) rc = each_row(&st, take, e);
    if (!rc) rc = leave(&st, u->action, e);
    if (!rc) rc = write_head(&w, e);
    count_head(c->judge.tally, &w.head);
    free(old.seen);
    return rc;
}

/* --- all of it --- */

/* What compare would not believe last time may be right now, though nothing happened to it. */
static enum err look_again(struct compare *c, struct error *e) {
    struct store_cursor *cursor;
    enum err rc = store_cursor(c->judge.txn, STATE_ASIDE, &cursor, e);
    if (rc) return rc;
    struct state_key k = state_key_run_n(c->judge.accepted, 0);
    struct span key = state_span(&k), value;
    struct compare_aside row;
    rc = store_move(cursor, STORE_SEEK, &key, &value, e);
    while (!rc && key.n == 16 && state_u64(key.p) == c->judge.accepted &&
           compare_aside_read(value, &row)) {
        rc = judge_key(&c->judge, row.key, 0, JUDGE_CHECK, e);
        if (!rc) rc = store_move(cursor, STORE_NEXT, &key, &value, e);
    }
    store_cursor_close(cursor);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum err judge_all(struct compare *c, void (*progress)(void *, size_t), void *of,
                          struct error *e) {
    struct judge *j = &c->judge;
    enum err rc = judge_kind(j, RECORD_RESOURCE, progress, of, e);
    if (!rc && j->resource_removed && j->foreign) rc = judge_scan(j, RECORD_ENTITLEMENT, e);
    if (!rc) rc = judge_kind(j, RECORD_ENTITLEMENT, progress, of, e);
    bool scan = j->entitlement_removed || (j->resource_removed && j->foreign);
    if (!rc && scan) rc = judge_scan(j, RECORD_GRANT, e);
    if (!rc) rc = judge_kind(j, RECORD_GRANT, progress, of, e);
    if (!rc) rc = judge_tallies(j, e);
    return rc ? rc : judge_commit(j, e);
}

enum err compare_run(struct state *s, uint64_t run, const struct compare_list *lists, size_t count,
                     struct tally *tally, void (*progress)(void *of, size_t judged), void *of,
                     struct error *e) {
    struct compare c = {.run = run, .lists = lists, .list_count = count};
    enum err rc = judge_open(&c.judge, s, run, tally, e);
    if (!rc) rc = find_units(&c, e);
    for (size_t i = 0; i < c.unit_count && !rc; i++) rc = compare_unit(&c, &c.units[i], e);
    if (!rc && c.judge.accepted) rc = look_again(&c, e);
    if (!rc) rc = judge_all(&c, progress, of, e);
    judge_close(&c.judge);
    free(c.units);
    return rc;
}

bool compare_change_read(struct span value, struct compare_change *out) {
    const unsigned char *p = value.p;
    if (value.n != 1 + RECORD_KEY + 16) return false;
    out->op = p[0];
    memcpy(out->key, p + 1, RECORD_KEY);
    out->before = state_u64(p + 1 + RECORD_KEY);
    out->after = state_u64(p + 1 + RECORD_KEY + 8);
    return true;
}

bool compare_aside_read(struct span value, struct compare_aside *out) {
    if (value.n != sizeof *out) return false;
    memcpy(out, value.p, sizeof *out);
    return true;
}

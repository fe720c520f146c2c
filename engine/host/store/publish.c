#include "publish.h"

#include <string.h>

#include "compare.h"
#include "index.h"
#include "seq.h"

enum { BATCH = 500 };

static enum err finish(struct store_txn *t, enum err rc, struct error *e) {
    if (!rc) return store_commit(t, e);
    store_abort(t);
    return rc;
}

static enum err damaged(const struct state *s, struct error *e) {
    return err_set(e, ERR_STORAGE, "the state in %s is damaged: restore it, or move it away to "
                   "start afresh", s->dir);
}

enum err publish_run(struct state *s, uint64_t run, struct span record, struct error *e) {
    struct store_txn *t;
    struct state_numbers n;
    enum err rc = store_begin(s->store, true, &t, e);
    if (rc) return rc;
    rc = state_numbers(t, &n, e);
    n.accepted = run;
    n.held = n.open = 0;
    struct state_key k = state_key_run(run);
    if (!rc) rc = state_put_numbers(t, &n, e);
    if (!rc) rc = store_put(t, STATE_RUN, state_span(&k), record, e);
    return finish(t, rc, e);
}

/* Takes the oldest change of a run out of its list; `done` where there is none. */
static enum err take_change(struct state *s, struct store_txn *t, uint64_t run,
                            struct compare_change *change, bool *done, struct error *e) {
    struct store_cursor *c;
    struct state_key prefix = state_key_run(run);
    struct span key = state_span(&prefix), value;
    enum err rc = store_cursor(t, STATE_CHG, &c, e);
    if (!rc) rc = store_move(c, STORE_SEEK, &key, &value, e);
    *done = rc == ERR_NOT_FOUND || (!rc && state_u64(key.p) != run);
    if (!rc && !*done && !compare_change_read(value, change)) rc = damaged(s, e);
    if (!rc && !*done) rc = store_cursor_del(c, e);
    store_cursor_close(c);
    return *done ? ERR_OK : rc;
}

/* Undoes up to BATCH changes of a run, oldest first: an undo that was cut goes on from there. */
static enum err undo_some(struct state *s, uint64_t run, bool *done, struct error *e) {
    struct store_txn *t;
    enum err rc = store_begin(s->store, true, &t, e);
    *done = false;
    for (int i = 0; i < BATCH && !rc && !*done; i++) {
        struct compare_change change;
        rc = take_change(s, t, run, &change, done, e);
        if (!rc && !*done) rc = index_undo(t, change.key, run, e);
    }
    return finish(t, rc, e);
}

/* Tallies and sequences have no list of changes: there are as many as entitlements and listings. */
static enum err undo_tallies(struct state *s, uint64_t run, struct error *e) {
    struct store_txn *t;
    struct store_cursor *c = NULL;
    enum err rc = store_begin(s->store, true, &t, e);
    if (!rc) rc = store_cursor(t, STATE_TALLY, &c, e);
    unsigned char at[RECORD_KEY];
    struct span key = {0}, value;
    if (!rc) rc = store_move(c, STORE_SEEK, &key, &value, e);
    while (!rc && key.n == sizeof at && value.n == 16) {
        bool ours = state_u64(value.p) == run;
        memcpy(at, key.p, sizeof at);
        key.p = at;
        if (ours) rc = store_cursor_del(c, e);
        if (!rc) rc = store_move(c, ours ? STORE_SEEK : STORE_NEXT, &key, &value, e);
    }
    store_cursor_close(c);
    return finish(t, rc == ERR_NOT_FOUND ? ERR_OK : rc, e);
}

/* Calls `each` for every unit's number. */
static enum err each_unit(struct state *s, enum err (*each)(struct state *, uint32_t, uint64_t,
                                                            struct error *),
                          uint64_t run, struct error *e) {
    unsigned char at[16] = {0};
    enum err rc = ERR_OK;
    for (bool first = true; !rc; first = false) {
        struct store_txn *t;
        struct store_cursor *c = NULL;
        struct seq_unit unit;
        struct span key = span_of(at, sizeof at), value;
        rc = store_begin(s->store, false, &t, e);
        if (!rc) rc = store_cursor(t, STATE_UNIT, &c, e);
        if (!rc) rc = store_move(c, STORE_SEEK, &key, &value, e);
        if (!rc && !first && key.n == 16 && memcmp(key.p, at, 16) == 0)
            rc = store_move(c, STORE_NEXT, &key, &value, e);
        bool ok = !rc && key.n == 16 && seq_unit_read(value, &unit);
        if (ok) memcpy(at, key.p, 16);
        uint32_t number = ok ? unit.number : 0;
        store_cursor_close(c);
        store_abort(t);
        if (ok) rc = each(s, number, run, e);
        else if (!rc) break;
    }
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum err clear_sequence(struct state *s, uint32_t unit, uint64_t run, struct error *e) {
    struct state_key k = seq_key(unit, run, 0);
    k.n -= 4;
    return state_clear(s, STATE_SEQ, state_span(&k), e);
}

enum err publish_undo(struct state *s, uint64_t run, struct error *e) {
    bool done = false;
    enum err rc = ERR_OK;
    while (!rc && !done) rc = undo_some(s, run, &done, e);
    if (!rc) rc = undo_tallies(s, run, e);
    if (!rc) rc = each_unit(s, clear_sequence, run, e);
    struct state_key k = state_key_run(run);
    return rc ? rc : state_clear(s, STATE_ASIDE, state_span(&k), e);
}

static enum err clear_staged(struct state *s, uint64_t run, struct error *e) {
    struct state_key k = state_key_run(run);
    enum err rc = state_clear(s, STATE_STAGE, state_span(&k), e);
    if (!rc) rc = state_clear(s, STATE_PROG, state_span(&k), e);
    return rc ? rc : state_clear(s, STATE_GOT, span_of("", 0), e);
}

enum err publish_drop(struct state *s, uint64_t run, struct error *e) {
    enum err rc = publish_undo(s, run, e);
    if (!rc) rc = clear_staged(s, run, e);
    return rc ? rc : state_drop_records(s, run, e);
}

/* Sequences of a unit older than the one in force. */
static enum err clear_older(struct state *s, uint32_t unit, uint64_t accepted, struct error *e) {
    bool done = false;
    enum err rc = ERR_OK;
    while (!rc && !done) {
        struct store_txn *t;
        struct store_cursor *c = NULL;
        struct seq_head head;
        uint64_t in_force, found = 0;
        rc = store_begin(s->store, false, &t, e);
        if (!rc) rc = seq_in_force(t, unit, accepted, &in_force, &head, e);
        if (!rc) rc = store_cursor(t, STATE_SEQ, &c, e);
        struct state_key k = seq_key(unit, 0, 0);
        struct span key = state_span(&k), value;
        if (!rc) rc = store_move(c, STORE_SEEK, &key, &value, e);
        if (!rc && state_u32(key.p) == unit) found = state_u64((const char *)key.p + 4);
        store_cursor_close(c);
        store_abort(t);
        done = rc || !found || found >= in_force;
        if (!done) rc = clear_sequence(s, unit, found, e);
    }
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err publish_tidy(struct state *s, struct error *e) {
    struct store_txn *t;
    struct state_numbers n;
    enum err rc = store_begin(s->store, false, &t, e);
    if (rc) return rc;
    rc = state_numbers(t, &n, e);
    store_abort(t);
    if (!rc) rc = clear_staged(s, n.accepted, e);
    if (!rc && n.held) rc = clear_staged(s, n.held, e);
    return rc ? rc : each_unit(s, clear_older, n.accepted, e);
}

/* --- forgetting --- */

struct forgotten {
    struct store_txn *t;
    enum err rc;
};

/* Does an event of any of the record's parts tell of it? Parts may go in different runs. */
static enum err is_told_of(struct store_txn *t, uint64_t number, bool *told) {
    struct store_cursor *c;
    struct record r;
    struct index_event event;
    *told = false;
    enum err rc = state_record(t, number, &r, NULL);
    if (!rc) rc = store_cursor(t, STATE_IDX, &c, NULL);
    if (rc) return rc;
    for (size_t i = 0; i < r.parts && !rc && !*told; i++) {
        struct record_part part = record_part(&r, i);
        struct span k = span_of(part.key, RECORD_KEY), v;
        rc = store_move(c, STORE_FIND, &k, &v, NULL);
        for (; !rc && !*told; rc = store_move(c, STORE_NEXT_DUP, &k, &v, NULL))
            *told = index_event_read(v, &event) && event.record == number;
        if (rc == ERR_NOT_FOUND) rc = ERR_OK;
    }
    store_cursor_close(c);
    return rc;
}

static void forget_record(void *of, uint64_t record) {
    struct forgotten *f = of;
    struct state_key k = state_key_run(record);
    bool told = false;
    if (!f->rc) f->rc = is_told_of(f->t, record, &told);
    if (!f->rc && !told) f->rc = store_del(f->t, STATE_REC, state_span(&k), NULL, NULL);
}

static enum err forget_some(struct state *s, uint64_t run, bool *done, struct error *e) {
    struct store_txn *t;
    enum err rc = store_begin(s->store, true, &t, e);
    struct forgotten f = {.t = t};
    *done = false;
    for (int i = 0; i < BATCH && !rc && !*done; i++) {
        struct compare_change change;
        rc = take_change(s, t, run, &change, done, e);
        if (rc || *done) break;
        if (change.op == COMPARE_DROPPED)
            forget_record(&f, change.before);
        else
            rc = index_forget(t, change.key, run, forget_record, &f, e);
        if (!rc && f.rc) rc = err_set(e, f.rc, "cannot forget records of run %llu",
                                      (unsigned long long)run);
    }
    return finish(t, rc, e);
}

enum err publish_forget(struct state *s, uint64_t run, struct error *e) {
    bool done = false;
    enum err rc = ERR_OK;
    while (!rc && !done) rc = forget_some(s, run, &done, e);
    struct state_key k = state_key_run(run);
    if (!rc) rc = state_clear(s, STATE_LOG, state_span(&k), e);
    if (!rc) rc = state_clear(s, STATE_ASIDE, state_span(&k), e);
    return rc ? rc : state_clear(s, STATE_RUN, state_span(&k), e);
}

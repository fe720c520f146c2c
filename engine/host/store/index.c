#include "index.h"

#include <stdlib.h>
#include <string.h>

enum { EVENT = 8 + 8 + 1 };

static void event_write(unsigned char out[EVENT], uint64_t run, uint64_t record,
                        enum index_role role) {
    struct state_key k = state_key_run_n(run, record);
    memcpy(out, k.bytes, 16);
    out[16] = (unsigned char)role;
}

bool index_event_read(struct span value, struct index_event *out) {
    if (value.n != EVENT) return false;
    const unsigned char *p = value.p;
    *out = (struct index_event){state_u64(p), state_u64(p + 8), (enum index_role)p[16]};
    return true;
}

void index_free(struct index_providers *p) {
    free(p->items);
    *p = (struct index_providers){0};
}

struct index_provider *index_provider(struct index_providers *p, uint64_t record) {
    for (size_t i = 0; i < p->count; i++)
        if (p->items[i].record == record) return &p->items[i];
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 8;
        struct index_provider *items = realloc(p->items, capacity * sizeof *items);
        if (!items) return NULL;
        p->items = items;
        p->capacity = capacity;
    }
    p->items[p->count] = (struct index_provider){.record = record};
    return &p->items[p->count++];
}

static struct span key_span(const unsigned char key[RECORD_KEY]) {
    return span_of(key, RECORD_KEY);
}

static enum err damaged(struct error *e) {
    return err_set(e, ERR_STORAGE,
                   "the index is damaged: restore the state, or move it away to start afresh");
}

enum err index_fold(struct store_cursor *c, const unsigned char key[RECORD_KEY], uint64_t run,
                    struct index_providers *out, struct error *e) {
    out->count = 0;
    struct span k = key_span(key), v;
    struct index_event event;
    enum err rc = store_move(c, STORE_FIND, &k, &v, e);
    for (; !rc; rc = store_move(c, STORE_NEXT_DUP, &k, &v, e)) {
        if (!index_event_read(v, &event)) return damaged(e);
        if (event.run > run) break;
        struct index_provider *p = index_provider(out, event.record);
        if (!p) return err_set(e, ERR_NOMEM, "out of memory reading the index");
        p->role = p->before = event.role;
    }
    if (rc && rc != ERR_NOT_FOUND) return rc;
    size_t kept = 0;
    for (size_t i = 0; i < out->count; i++)
        if (out->items[i].role != INDEX_GONE) out->items[kept++] = out->items[i];
    out->count = kept;
    return ERR_OK;
}

/* Those that leave a thing out; more than a few lists that skip one thing are not told apart. */
struct skippers {
    uint64_t records[8];
    size_t n;
};

static void note_skipper(struct skippers *s, const struct index_event *event) {
    size_t i = 0;
    while (i < s->n && s->records[i] != event->record) i++;
    if (i < s->n) s->records[i] = s->records[--s->n];
    if (event->role == INDEX_SKIPPED && s->n < sizeof s->records / sizeof *s->records)
        s->records[s->n++] = event->record;
}

/* One pass without memory: a record's later event overrides its earlier one. */
enum err index_effective(struct store_cursor *c, const unsigned char key[RECORD_KEY], uint64_t run,
                         uint64_t *record, bool *skipped, struct error *e) {
    struct span k = key_span(key), v;
    struct index_event event;
    struct skippers skippers = {.n = 0};
    *record = 0;
    enum err rc = store_move(c, STORE_FIND, &k, &v, e);
    for (; !rc; rc = store_move(c, STORE_NEXT_DUP, &k, &v, e)) {
        if (!index_event_read(v, &event)) return damaged(e);
        if (event.run > run) break;
        bool seen = index_is_seen(event.role);
        if (seen) *record = event.record;
        if (!seen && event.record == *record) *record = 0;
        if (event.role == INDEX_SKIPPED || skippers.n) note_skipper(&skippers, &event);
    }
    if (skipped) *skipped = skippers.n != 0;
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err index_put(struct store_txn *t, const unsigned char key[RECORD_KEY], uint64_t run,
                   uint64_t record, enum index_role role, bool append, struct error *e) {
    unsigned char event[EVENT];
    event_write(event, run, record, role);
    struct span v = span_of(event, sizeof event);
    return append ? store_append(t, STATE_IDX, key_span(key), v, e)
                  : store_put(t, STATE_IDX, key_span(key), v, e);
}

enum err index_undo(struct store_txn *t, const unsigned char key[RECORD_KEY], uint64_t run,
                    struct error *e) {
    struct store_cursor *c;
    struct index_event event;
    enum err rc = store_cursor(t, STATE_IDX, &c, e);
    if (rc) return rc;
    struct span k = key_span(key), v;
    rc = store_move(c, STORE_FIND, &k, &v, e);
    while (!rc) {
        if (!index_event_read(v, &event)) rc = damaged(e);
        else if (event.run != run) rc = store_move(c, STORE_NEXT_DUP, &k, &v, e);
        else {
            /* The events of a run are the last ones: delete, and look from the start again. */
            rc = store_cursor_del(c, e);
            k = key_span(key);
            if (!rc) rc = store_move(c, STORE_FIND, &k, &v, e);
        }
    }
    store_cursor_close(c);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum err forget_record(struct store_txn *t, const unsigned char key[RECORD_KEY],
                              const struct index_event *events, size_t n, size_t i,
                              void (*gone)(void *, uint64_t), void *of, struct error *e) {
    size_t last = i;
    for (size_t k = i + 1; k < n; k++)
        if (events[k].record == events[i].record) last = k;
    bool drop = last != i || events[i].role == INDEX_GONE;
    if (!drop) return ERR_OK;
    unsigned char event[EVENT];
    event_write(event, events[i].run, events[i].record, events[i].role);
    struct span v = span_of(event, sizeof event);
    enum err rc = store_del(t, STATE_IDX, key_span(key), &v, e);
    if (!rc && last == i) gone(of, events[i].record);
    return rc;
}

enum err index_forget(struct store_txn *t, const unsigned char key[RECORD_KEY], uint64_t run,
                      void (*gone)(void *of, uint64_t record), void *of, struct error *e) {
    enum { AT_ONCE = 256 }; /* a thing with more events is folded over several calls */
    struct index_event events[AT_ONCE];
    size_t n = 0;
    struct store_cursor *c;
    enum err rc = store_cursor(t, STATE_IDX, &c, e);
    if (rc) return rc;
    struct span k = key_span(key), v;
    rc = store_move(c, STORE_FIND, &k, &v, e);
    while (!rc && n < AT_ONCE && index_event_read(v, &events[n]) && events[n].run <= run) {
        n++;
        rc = store_move(c, STORE_NEXT_DUP, &k, &v, e);
    }
    store_cursor_close(c);
    rc = rc == ERR_NOT_FOUND ? ERR_OK : rc;
    for (size_t i = 0; i < n && !rc; i++)
        rc = forget_record(t, key, events, n, i, gone, of, e);
    return rc;
}

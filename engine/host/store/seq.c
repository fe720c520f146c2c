#include "seq.h"

#include <stdlib.h>
#include <string.h>

struct state_key seq_key(uint32_t unit, uint64_t run, uint32_t chunk) {
    struct state_key k = {.n = 0};
    state_key_u32(&k, unit);
    state_key_u64(&k, run);
    state_key_u32(&k, chunk);
    return k;
}

enum err seq_in_force(struct store_txn *t, uint32_t unit, uint64_t run, uint64_t *found_run,
                      struct seq_head *head, struct error *e) {
    *found_run = 0;
    *head = (struct seq_head){0};
    struct store_cursor *c;
    enum err rc = store_cursor(t, STATE_SEQ, &c, e);
    if (rc) return rc;
    struct state_key k = seq_key(unit, run, SEQ_HEAD);
    struct span key = state_span(&k), value;
    rc = store_move(c, STORE_SEEK, &key, &value, e);
    if (rc == ERR_NOT_FOUND)
        rc = store_move(c, STORE_LAST, &key, &value, e);
    else if (!rc && memcmp(key.p, k.bytes, k.n) != 0)
        rc = store_move(c, STORE_PREVIOUS, &key, &value, e);
    if (!rc && key.n == k.n && state_u32(key.p) == unit && value.n == sizeof *head) {
        *found_run = state_u64((const char *)key.p + 4);
        memcpy(head, value.p, sizeof *head);
    }
    store_cursor_close(c);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err seq_chunk(struct store_txn *t, uint32_t unit, uint64_t run, uint32_t chunk,
                   struct seq_entry *out, size_t *n, struct error *e) {
    struct state_key k = seq_key(unit, run, chunk);
    struct span v;
    *n = 0;
    enum err rc = run ? store_get(t, STATE_SEQ, state_span(&k), &v, e) : ERR_NOT_FOUND;
    if (rc == ERR_NOT_FOUND) return ERR_OK;
    if (rc) return rc;
    *n = v.n / sizeof *out;
    if (*n > SEQ_CHUNK) *n = SEQ_CHUNK;
    memcpy(out, v.p, *n * sizeof *out);
    return ERR_OK;
}

bool seq_unit_read(struct span value, struct seq_unit *out) {
    const char *p = value.p;
    if (value.n < 6) return false;
    out->number = state_u32(p);
    size_t list = (size_t)(unsigned char)p[4] << 8 | (unsigned char)p[5];
    if (value.n < 6 + list) return false;
    out->list = span_of(p + 6, list);
    out->parent = span_of(p + 6 + list, value.n - 6 - list);
    return true;
}

struct state_key seq_progress_key(uint64_t run, uint32_t unit) {
    struct state_key k = state_key_run(run);
    state_key_u32(&k, unit);
    return k;
}

bool seq_progress_read(struct span value, struct seq_progress *out, struct span *note) {
    if (value.n < sizeof *out) return false;
    memcpy(out, value.p, sizeof *out);
    if (note) *note = span_of((const char *)value.p + sizeof *out, value.n - sizeof *out);
    return true;
}

enum err seq_walk_open(struct seq_walk *w, struct store_txn *t, uint64_t run, struct error *e) {
    *w = (struct seq_walk){.run = run};
    struct store_cursor *c;
    struct seq_unit unit;
    struct span key = {0}, value;
    enum err rc = store_cursor(t, STATE_UNIT, &c, e);
    if (rc) return rc;
    rc = store_move(c, STORE_NEXT, &key, &value, e);
    while (!rc && seq_unit_read(value, &unit)) {
        uint32_t *units = realloc(w->units, (w->count + 1) * sizeof *units);
        if (!units) rc = err_set(e, ERR_NOMEM, "out of memory reading the state");
        if (units) w->units = units;
        if (units) units[w->count++] = unit.number;
        if (!rc) rc = store_move(c, STORE_NEXT, &key, &value, e);
    }
    store_cursor_close(c);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

void seq_walk_free(struct seq_walk *w) {
    free(w->units);
    w->units = NULL;
}

/* The next chunk of the unit under way; *more is false where it has none. */
static enum err next_chunk(struct seq_walk *w, struct store_txn *t, bool *more, struct error *e) {
    struct seq_head head;
    enum err rc = ERR_OK;
    if (!w->unit_run) rc = seq_in_force(t, w->units[w->at], w->run, &w->unit_run, &head, e);
    w->i = w->n = 0;
    if (!rc && w->unit_run)
        rc = seq_chunk(t, w->units[w->at], w->unit_run, w->chunk++, w->entries, &w->n, e);
    *more = !rc && w->n > 0;
    return rc;
}

enum err seq_walk_next(struct seq_walk *w, struct store_txn *t, struct seq_entry *entry, bool *more,
                       struct error *e) {
    while (w->i == w->n) {
        *more = w->at < w->count;
        if (!*more) return ERR_OK;
        bool chunk;
        enum err rc = next_chunk(w, t, &chunk, e);
        if (rc) return rc;
        if (chunk) break;
        w->at++;
        w->unit_run = 0;
        w->chunk = 0;
    }
    *entry = w->entries[w->i++];
    *more = true;
    return ERR_OK;
}

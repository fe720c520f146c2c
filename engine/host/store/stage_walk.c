/* Going over what a run's units gave: for lists that are asked once a parent, and for those who
 * look up by name what an earlier list gave. Part of stage.h. */
#include <string.h>

#include "../base/buf.h"
#include "../base/limits.h"
#include "../json/json.h"
#include "../secret/secret.h"
#include "index.h"
#include "stage_private.h"

static enum err walk_entry(struct stage *g, struct store_txn *t, struct stage_walk *w,
                           const struct seq_entry *entry, uint64_t old_run, uint64_t *record,
                           bool *last, struct error *e) {
    *last = true;
    *record = entry->record;
    if (!(entry->flags & SEQ_HITS)) return ERR_OK;
    uint64_t index = (entry->record >> 32) + w->within, count = entry->record & 0xFFFFFFFF;
    struct seq_entry chunk[SEQ_CHUNK];
    size_t n;
    enum err rc = seq_chunk(t, w->unit, old_run, (uint32_t)(index / SEQ_CHUNK), chunk, &n, e);
    if (rc) return rc;
    if (index % SEQ_CHUNK >= n)
        return err_set(e, ERR_STORAGE, "the state in %s is damaged: a listing is shorter than it was",
                       g->s->dir);
    *record = chunk[index % SEQ_CHUNK].record;
    *last = w->within + 1 == count;
    return ERR_OK;
}

static enum err walk_pages(struct stage *g, struct store_txn *t, struct stage_walk *w,
                           uint64_t old_run, uint32_t pages, uint64_t *records, size_t max,
                           size_t *n, struct error *e) {
    enum err rc = ERR_OK;
    while (*n < max && !rc && w->page < pages) {
        struct state_key k = stage_part_key(g->run, w->unit, w->page, w->part);
        struct span v;
        rc = store_get(t, STATE_STAGE, state_span(&k), &v, e);
        if (rc == ERR_NOT_FOUND || (!rc && w->entry >= v.n / sizeof(struct seq_entry))) {
            w->page += rc != ERR_OK;
            w->part = rc ? 0 : w->part + 1;
            w->entry = 0;
            rc = ERR_OK;
            continue;
        }
        if (rc) break;
        struct seq_entry entry;
        bool last;
        memcpy(&entry, (const char *)v.p + w->entry * sizeof entry, sizeof entry);
        if (entry.flags & SEQ_VOID) {
            w->entry++;
            continue;
        }
        rc = walk_entry(g, t, w, &entry, old_run, &records[*n], &last, e);
        (*n)++;
        w->within = last ? 0 : w->within + 1;
        w->entry += last;
    }
    return rc;
}

enum err stage_walk(struct stage *g, struct stage_walk *w, uint64_t *records, size_t max, size_t *n,
                    struct error *e) {
    *n = 0;
    struct store_txn *t;
    enum err rc = store_begin(g->s->store, false, &t, e);
    if (rc) return rc;
    uint64_t old_run;
    struct seq_head head;
    struct seq_progress p = {0};
    struct span v;
    struct state_key k = seq_progress_key(g->run, w->unit);
    rc = seq_in_force(t, w->unit, g->accepted, &old_run, &head, e);
    if (!rc) rc = store_get(t, STATE_PROG, state_span(&k), &v, e);
    if (!rc && seq_progress_read(v, &p, NULL))
        rc = walk_pages(g, t, w, old_run, p.pages, records, max, n, e);
    store_abort(t);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum err put_name(struct stage *g, struct store_txn *t, struct span name, uint64_t record,
                         struct error *e) {
    unsigned char key[16];
    struct state_key value = state_key_run(record);
    secret_hash128(g->s->secret, name.p, name.n, key);
    return store_put(t, STATE_GOT, span_of(key, sizeof key), state_span(&value), e);
}

/* Under its name, and under its kind and id where the kind is no type of its own. */
static enum err index_record(struct stage *g, struct store_txn *t, uint64_t number, struct buf *b,
                             struct error *e) {
    struct record r;
    enum err rc = state_record(t, number, &r, e);
    if (rc) return rc;
    buf_clear(b);
    rc = record_name(&r, b);
    if (rc == ERR_NOT_FOUND) return ERR_OK;
    struct json_value id = json_find(b->data, b->len, "id");
    size_t n = b->len;
    if (!rc) rc = buf_add(b, r.kind.p, r.kind.n);
    if (!rc) rc = buf_add_byte(b, 0);
    size_t at = (size_t)(id.at - b->data);
    if (!rc) rc = buf_reserve(b, id.len);
    if (!rc) rc = buf_add(b, b->data + at, id.len);
    if (rc) return err_set(e, ERR_NOMEM, "out of memory indexing a listing");
    rc = put_name(g, t, span_of(b->data, n), number, e);
    return rc ? rc : put_name(g, t, span_of(b->data + n, b->len - n), number, e);
}

enum err stage_index(struct stage *g, uint32_t unit, struct error *e) {
    enum { AT_ONCE = 256 };
    struct stage_walk w = {.unit = unit};
    uint64_t records[AT_ONCE];
    size_t n = 1;
    struct buf b;
    buf_init(&b, LIMIT_STRING);
    enum err rc = stage_sync(g, e);
    while (!rc && n > 0) {
        struct store_txn *t;
        rc = stage_walk(g, &w, records, AT_ONCE, &n, e);
        if (rc || !n) break;
        rc = store_begin(g->s->store, true, &t, e);
        for (size_t i = 0; i < n && !rc; i++) rc = index_record(g, t, records[i], &b, e);
        if (rc)
            store_abort(t);
        else
            rc = store_commit(t, e);
    }
    buf_free(&b);
    return rc;
}

enum err stage_find(struct stage *g, struct span name, uint64_t *record, struct error *e) {
    unsigned char key[16];
    struct store_txn *t;
    struct span v;
    *record = 0;
    secret_hash128(g->s->secret, name.p, name.n, key);
    enum err rc = store_begin(g->s->store, false, &t, e);
    if (rc) return rc;
    rc = store_get(t, STATE_GOT, span_of(key, sizeof key), &v, e);
    if (!rc && v.n == 8) *record = state_u64(v.p);
    store_abort(t);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err stage_knows(struct stage *g, const char *type, struct span id, bool *known,
                     struct error *e) {
    unsigned char key[RECORD_KEY];
    struct span tuple[] = {span_of(type, strlen(type)), id};
    struct store_txn *t;
    struct store_cursor *c;
    uint64_t record = 0;
    record_key(g->s->secret, RECORD_RESOURCE, tuple, 2, key);
    *known = false;
    enum err rc = store_begin(g->s->store, false, &t, e);
    if (rc) return rc;
    rc = store_cursor(t, STATE_IDX, &c, e);
    if (!rc) {
        rc = index_effective(c, key, g->accepted, &record, NULL, e);
        store_cursor_close(c);
    }
    store_abort(t);
    *known = record != 0;
    return rc;
}

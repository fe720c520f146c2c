#include "stage_private.h"

#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/limits.h"
#include "../secret/secret.h"

enum {
    STAGE_BATCH = 3 * MIB,   /* bytes of records that wait to be written */
    STAGE_ROWS = 256 * 1024, /* bytes of other rows that wait */
    STAGE_ROW = 2 * MIB,     /* one of them at most: a cursor, a value of the cache */
    STAGE_DELAY_MS = 200,    /* longest a page that ended waits, while others end */
};

struct row {
    unsigned char table, key;
    uint32_t value;
};

static enum err no_memory(struct error *e) {
    return err_set(e, ERR_NOMEM, "out of memory staging a run");
}

enum err stage_open(struct stage **out, struct state *s, uint64_t run, struct error *e) {
    struct stage *g = calloc(1, sizeof *g);
    *out = g;
    if (!g) return no_memory(e);
    g->s = s;
    g->run = run;
    buf_init(&g->records, STAGE_BATCH + 2 * LIMIT_RECORD + 16 * MIB);
    buf_init(&g->rows, STAGE_ROWS + STAGE_ROW);
    clock_gettime(CLOCK_MONOTONIC, &g->last_sync);
    struct store_txn *t;
    struct state_numbers n;
    enum err rc = store_begin(s->store, false, &t, e);
    if (!rc) {
        rc = state_numbers(t, &n, e);
        store_abort(t);
    }
    if (rc) {
        stage_close(g);
        *out = NULL;
        return rc;
    }
    g->accepted = n.accepted;
    g->next_rec = g->written = n.next_rec;
    g->next_unit = n.next_unit;
    return ERR_OK;
}

void stage_close(struct stage *g) {
    if (!g) return;
    buf_free(&g->records);
    buf_free(&g->rows);
    free(g);
}

static enum err write_records(struct stage *g, struct store_txn *t, struct error *e) {
    const char *p = g->records.data, *end = p + g->records.len;
    enum err rc = ERR_OK;
    for (uint64_t number = g->written; p < end && !rc; number++) {
        size_t n;
        memcpy(&n, p, sizeof n);
        struct state_key k = state_key_run(number);
        rc = store_append(t, STATE_REC, state_span(&k), span_of(p + sizeof n, n), e);
        p += sizeof n + n;
    }
    return rc;
}

static enum err write_rows(struct stage *g, struct store_txn *t, struct error *e) {
    const char *p = g->rows.data, *end = p + g->rows.len;
    enum err rc = ERR_OK;
    while (p < end && !rc) {
        struct row row;
        memcpy(&row, p, sizeof row);
        p += sizeof row;
        rc = store_put(t, row.table, span_of(p, row.key), span_of(p + row.key, row.value), e);
        p += row.key + row.value;
    }
    return rc;
}

static enum err write_numbers(struct stage *g, struct store_txn *t, struct error *e) {
    struct state_numbers n;
    struct state_range range;
    enum err rc = state_numbers(t, &n, e);
    n.next_rec = g->next_rec;
    n.next_unit = g->next_unit;
    if (!rc) rc = state_put_numbers(t, &n, e);
    if (!rc) rc = state_range(t, g->run, &range, e);
    range.end = g->next_rec;
    return rc ? rc : state_put_range(t, g->run, &range, e);
}

enum err stage_sync(struct stage *g, struct error *e) {
    clock_gettime(CLOCK_MONOTONIC, &g->last_sync);
    if (!g->records.len && !g->rows.len) return ERR_OK;
    struct store_txn *t;
    enum err rc = store_begin(g->s->store, true, &t, e);
    if (rc) return rc;
    rc = write_records(g, t, e);
    if (!rc) rc = write_rows(g, t, e);
    if (!rc) rc = write_numbers(g, t, e);
    if (rc) {
        store_abort(t);
        return rc;
    }
    rc = store_commit(t, e);
    if (rc) return rc;
    g->written = g->next_rec;
    g->page_waits = false;
    buf_clear(&g->records);
    buf_clear(&g->rows);
    return ERR_OK;
}

void stage_rest(struct stage *g) {
    if (!g->records.len) buf_free(&g->records);
    if (!g->rows.len) buf_free(&g->rows);
}

static bool sync_is_due(const struct stage *g) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long ms = (now.tv_sec - g->last_sync.tv_sec) * 1000 +
              (now.tv_nsec - g->last_sync.tv_nsec) / 1000000;
    return ms >= STAGE_DELAY_MS || g->rows.len > STAGE_ROWS;
}

static enum err add_row(struct stage *g, int table, struct span key, struct span head,
                        struct span tail, struct error *e) {
    struct row row = {(unsigned char)table, (unsigned char)key.n, (uint32_t)(head.n + tail.n)};
    enum err rc = ERR_OK;
    if (g->rows.len + sizeof row + key.n + row.value > STAGE_ROWS) rc = stage_sync(g, e);
    if (rc) return rc;
    rc = buf_add(&g->rows, &row, sizeof row);
    if (!rc) rc = buf_add(&g->rows, key.p, key.n);
    if (!rc) rc = buf_add(&g->rows, head.p, head.n);
    if (!rc) rc = buf_add(&g->rows, tail.p, tail.n);
    return rc ? no_memory(e) : ERR_OK;
}

struct state_key stage_part_key(uint64_t run, uint32_t unit, uint32_t page, uint32_t part) {
    struct state_key k = state_key_run(run);
    state_key_u32(&k, unit);
    state_key_u32(&k, page);
    state_key_u32(&k, part);
    return k;
}

static enum err flush_entries(struct stage_unit *u, struct error *e) {
    enum err rc = ERR_OK;
    for (size_t i = 0; i < u->pending && !rc; i += SEQ_CHUNK) {
        size_t n = u->pending - i < SEQ_CHUNK ? u->pending - i : SEQ_CHUNK;
        struct state_key k = stage_part_key(u->g->run, u->number, u->page, u->part++);
        rc = add_row(u->g, STATE_STAGE, state_span(&k),
                     span_of(u->entries + i, n * sizeof *u->entries), span_of(NULL, 0), e);
    }
    if (!rc) u->pending = 0;
    return rc;
}

/* --- units --- */

static enum err unit_key(struct stage *g, struct span list, struct span parent,
                         unsigned char out[16], struct error *e) {
    struct buf b;
    buf_init(&b, 2 * LIMIT_STRING);
    enum err rc = buf_add(&b, list.p, list.n);
    if (!rc) rc = buf_add_byte(&b, 0);
    if (!rc) rc = buf_add(&b, parent.p, parent.n);
    secret_hash128(g->s->secret, b.data, b.len, out);
    buf_free(&b);
    return rc ? no_memory(e) : ERR_OK;
}

static enum err new_unit(struct stage_unit *u, const unsigned char key[16], struct span list,
                         struct span parent, struct error *e) {
    struct state_key number = {.n = 0};
    u->number = (uint32_t)u->g->next_unit++;
    state_key_u32(&number, u->number);
    number.bytes[number.n++] = (unsigned char)(list.n >> 8);
    number.bytes[number.n++] = (unsigned char)list.n;
    struct buf value;
    buf_init(&value, 2 * LIMIT_STRING);
    enum err rc = buf_add(&value, number.bytes, number.n);
    if (!rc) rc = buf_add(&value, list.p, list.n);
    if (!rc) rc = buf_add(&value, parent.p, parent.n);
    rc = rc ? no_memory(e)
            : add_row(u->g, STATE_UNIT, span_of(key, 16), span_of(value.data, value.len),
                      span_of(NULL, 0), e);
    buf_free(&value);
    return rc;
}

static enum err find_unit(struct stage_unit *u, struct store_txn *t, const unsigned char key[16],
                          struct seq_progress *progress, struct buf *note, struct error *e) {
    struct span v, text;
    struct seq_unit unit;
    struct seq_head head;
    enum err rc = store_get(t, STATE_UNIT, span_of(key, 16), &v, e);
    if (rc) return rc;
    if (!seq_unit_read(v, &unit)) return err_set(e, ERR_STORAGE, "a stored listing is damaged");
    u->number = unit.number;
    rc = seq_in_force(t, u->number, u->g->accepted, &u->old_run, &head, e);
    u->old_count = head.count;
    struct state_key k = seq_progress_key(u->g->run, u->number);
    if (!rc) rc = store_get(t, STATE_PROG, state_span(&k), &v, e);
    if (rc == ERR_NOT_FOUND) return ERR_OK;
    if (!rc && seq_progress_read(v, progress, &text) && buf_add(note, text.p, text.n))
        return no_memory(e);
    return rc;
}

/* What a page that never ended left: rows with its number or a later one. */
static enum err drop_from_page(struct stage_unit *u, struct error *e) {
    struct state_key k = stage_part_key(u->g->run, u->number, u->page, 0);
    k.n -= 4;
    return state_clear(u->g->s, STATE_STAGE, state_span(&k), e);
}

enum err stage_unit_open(struct stage *g, struct span list, struct span parent,
                         struct stage_unit **out, struct seq_progress *progress, struct buf *note,
                         struct error *e) {
    unsigned char key[16];
    *progress = (struct seq_progress){0};
    struct stage_unit *u = calloc(1, sizeof *u);
    *out = u;
    if (!u) return no_memory(e);
    u->g = g;
    struct store_txn *t = NULL;
    enum err rc = unit_key(g, list, parent, key, e);
    if (!rc) rc = store_begin(g->s->store, false, &t, e);
    if (!rc) rc = find_unit(u, t, key, progress, note, e);
    store_abort(t);
    bool known = rc == ERR_OK;
    if (rc == ERR_NOT_FOUND) rc = new_unit(u, key, list, parent, e);
    u->page = progress->pages;
    u->seen = progress->seen;
    u->at = u->page_at = progress->at;
    if (!rc && known) rc = drop_from_page(u, e);
    if (rc) {
        stage_unit_free(u);
        *out = NULL;
    }
    return rc;
}

void stage_unit_free(struct stage_unit *u) {
    free(u);
}

uint32_t stage_unit_number(const struct stage_unit *u) {
    return u->number;
}

uint64_t stage_unit_seen(const struct stage_unit *u) {
    return u->seen + u->page_seen;
}

/* --- objects --- */

static enum err fill_window(struct stage_unit *u, struct error *e) {
    struct store_txn *t;
    enum err rc = store_begin(u->g->s->store, false, &t, e);
    if (rc) return rc;
    uint32_t chunk = (uint32_t)(u->at / SEQ_CHUNK);
    size_t n = 0, more = 0;
    rc = seq_chunk(t, u->number, u->old_run, chunk, u->window, &n, e);
    if (!rc && n == SEQ_CHUNK)
        rc = seq_chunk(t, u->number, u->old_run, chunk + 1, u->window + n, &more, e);
    u->window_at = (uint64_t)chunk * SEQ_CHUNK;
    u->window_n = n + more;
    store_abort(t);
    return rc;
}

/* The window holds this entry and the rest of its chunk and the next: how far a target may move
 * things about before we no longer recognise them and map them anew. */
static enum err look_around(struct stage_unit *u, struct error *e) {
    bool inside = u->at >= u->window_at && u->at < u->window_at + u->window_n;
    if (inside && (u->at - u->window_at < SEQ_CHUNK || u->window_n <= SEQ_CHUNK)) return ERR_OK;
    return fill_window(u, e);
}

static bool same_hash(const struct seq_entry *entry, const unsigned char hash[16]) {
    return memcmp(entry->hash, hash, SEQ_HASH) == 0 && !(entry->flags & SEQ_WEAK);
}

enum err stage_add_entry(struct stage_unit *u, const struct seq_entry *entry, struct error *e) {
    enum err rc = u->pending == STAGE_PENDING ? flush_entries(u, e) : ERR_OK;
    if (!rc) u->entries[u->pending++] = *entry;
    return rc;
}

enum err stage_add_hit(struct stage_unit *u, uint64_t index, struct error *e) {
    struct seq_entry *last = u->pending ? &u->entries[u->pending - 1] : NULL;
    if (last && last->flags & SEQ_HITS &&
        (last->record >> 32) + (last->record & 0xFFFFFFFF) == index) {
        last->record++;
        return ERR_OK;
    }
    struct seq_entry entry = {.flags = SEQ_HITS, .record = index << 32 | 1};
    return stage_add_entry(u, &entry, e);
}

enum err stage_look(struct stage_unit *u, const unsigned char hash[16], bool *hit,
                    unsigned *outcome, struct error *e) {
    *hit = false;
    if (u->changes || u->at >= u->old_count) return ERR_OK;
    enum err rc = look_around(u, e);
    if (rc) return rc;
    for (size_t i = (size_t)(u->at - u->window_at); i < u->window_n; i++)
        if (same_hash(&u->window[i], hash)) {
            *hit = true;
            *outcome = u->window[i].flags & (SEQ_OUTCOME | SEQ_FAULT | SEQ_NAMELESS);
            u->at = u->window_at + i + 1;
            u->page_seen++;
            return stage_add_hit(u, u->window_at + i, e);
        }
    return ERR_OK;
}

enum err stage_keep(struct stage_unit *u, const unsigned char hash[16], unsigned outcome,
                    struct span record, struct error *e) {
    struct stage *g = u->g;
    enum err rc = ERR_OK;
    if (g->records.len + record.n > STAGE_BATCH) rc = stage_sync(g, e);
    if (rc) return rc;
    if (buf_reserve(&g->records, sizeof record.n + record.n)) return no_memory(e);
    buf_add(&g->records, &record.n, sizeof record.n);
    buf_add(&g->records, record.p, record.n);
    struct seq_entry entry = {.flags = (unsigned char)outcome, .record = g->next_rec++};
    memcpy(entry.hash, hash, SEQ_HASH);
    u->page_seen++;
    return stage_add_entry(u, &entry, e);
}

/* --- pages --- */

enum err stage_page_end(struct stage_unit *u, enum seq_state state, struct span note,
                        struct error *e) {
    struct seq_progress p = {
        .state = state, .pages = u->page + 1, .seen = u->seen + u->page_seen, .at = u->at};
    enum err rc = flush_entries(u, e);
    struct state_key k = seq_progress_key(u->g->run, u->number);
    if (!rc) rc = add_row(u->g, STATE_PROG, state_span(&k), span_of(&p, sizeof p), note, e);
    u->g->page_waits = true;
    if (!rc && sync_is_due(u->g)) rc = stage_sync(u->g, e);
    if (rc) return rc;
    u->page++;
    u->part = 0;
    u->seen = p.seen;
    u->page_seen = 0;
    u->page_at = u->at;
    return ERR_OK;
}

enum err stage_page_drop(struct stage_unit *u, struct error *e) {
    u->pending = 0;
    u->page_seen = 0;
    u->at = u->page_at;
    u->window_n = 0;
    if (u->part == 0) return ERR_OK;
    u->part = 0;
    enum err rc = stage_sync(u->g, e);
    return rc ? rc : drop_from_page(u, e);
}

enum err stage_unit_restart(struct stage_unit *u, struct error *e) {
    enum err rc = stage_sync(u->g, e);
    u->changes = false;
    u->pending = u->page = u->part = 0;
    u->seen = u->page_seen = u->at = u->page_at = 0;
    u->window_n = 0;
    struct state_key k = seq_progress_key(u->g->run, u->number); /* its rows begin alike */
    return rc ? rc : state_clear(u->g->s, STATE_STAGE, state_span(&k), e);
}

enum err stage_tick(struct stage *g, struct error *e) {
    return g->page_waits && sync_is_due(g) ? stage_sync(g, e) : ERR_OK;
}

enum err stage_cache(struct stage *g, struct span key, struct span value, struct error *e) {
    return add_row(g, STATE_CACHE, key, value, span_of(NULL, 0), e);
}

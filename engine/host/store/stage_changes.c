/* A listing of changes: the target said only what is new, changed or gone. At its end everything else
 * that the listing gave last time counts as given now, so that compare sees a whole listing.
 *
 * What came is read in the order it came: of several words on one thing the last one counts, the
 * others are made void. Memory: 24 bytes a change, STAGE_CHANGES of them at most. Part of stage.h. */
#include <stdlib.h>
#include <string.h>

#include "index.h"
#include "stage_private.h"

enum { STAGE_CHANGES = 65536 };

/* What was said of a thing, the how-manieth entry of the listing it is. */
struct word {
    unsigned char key[RECORD_KEY];
    uint64_t at;
};

struct changes {
    struct stage_unit *u;
    struct word *words;
    size_t count, capacity;
    uint64_t *gone; /* records of last time that are not to be taken over, sorted */
    size_t gone_count, gone_capacity;
    unsigned char void_bits[STAGE_CHANGES / 8];
};

static enum err no_memory(struct error *e) {
    return err_set(e, ERR_NOMEM, "out of memory taking over a listing");
}

static enum err grow(void **items, size_t count, size_t *capacity, size_t size, struct error *e) {
    if (count < *capacity) return ERR_OK;
    size_t wanted = *capacity ? 2 * *capacity : 256;
    void *p = realloc(*items, wanted * size);
    if (!p) return no_memory(e);
    *items = p;
    *capacity = wanted;
    return ERR_OK;
}

/* Of a thing that could not be named there is the key that no thing has. */
static bool is_nameless(const unsigned char key[RECORD_KEY]) {
    static const unsigned char none[RECORD_KEY];
    return memcmp(key, none, RECORD_KEY) == 0;
}

/* --- what was said --- */

static enum err key_of_record(struct store_txn *t, uint64_t number,
                              unsigned char key[RECORD_KEY], struct error *e) {
    struct record r;
    enum err rc = state_record(t, number, &r, e);
    if (rc) return rc;
    memset(key, 0, RECORD_KEY);
    if (r.head.has_resource && r.parts) {
        struct record_part part = record_part(&r, 0);
        memcpy(key, part.key, RECORD_KEY);
    }
    if (!is_nameless(key) || r.head.outcome == RECORD_SET_ASIDE) return ERR_OK;
    return err_set(e, ERR_CONFIG,
                   "kind %.*s: an object without an id of its own cannot be listed by changes: which "
                   "of the former ones it replaces could not be told", (int)r.kind.n,
                   (const char *)r.kind.p);
}

static enum err note_word(struct changes *c, struct store_txn *t, const struct seq_entry *entry,
                          uint64_t at, struct error *e) {
    if (at >= STAGE_CHANGES)
        return err_set(e, ERR_LIMIT, "more than %d changes", STAGE_CHANGES);
    enum err rc = grow((void **)&c->words, c->count, &c->capacity, sizeof *c->words, e);
    if (rc) return rc;
    struct word *w = &c->words[c->count++];
    w->at = at;
    if (entry->record) return key_of_record(t, entry->record, w->key, e);
    w->key[0] = RECORD_RESOURCE;
    memcpy(w->key + 1, entry->hash, SEQ_HASH);
    return ERR_OK;
}

static enum err read_row(struct changes *c, struct store_txn *t, struct span key,
                         struct span value, uint64_t *at, struct error *e) {
    (void)key;
    enum err rc = ERR_OK;
    for (size_t i = 0; i < value.n / sizeof(struct seq_entry) && !rc; i++) {
        struct seq_entry entry;
        memcpy(&entry, (const char *)value.p + i * sizeof entry, sizeof entry);
        rc = note_word(c, t, &entry, (*at)++, e);
    }
    return rc;
}

/* Calls `each` for every row of the pages that count. */
static enum err each_row(struct changes *c, bool write,
                         enum err (*each)(struct changes *, struct store_txn *, struct span key,
                                          struct span value, uint64_t *at, struct error *),
                         struct error *e) {
    struct store_txn *t;
    uint64_t at = 0;
    enum err rc = store_begin(c->u->g->s->store, write, &t, e);
    if (rc) return rc;
    uint32_t page = 0, part = 0;
    while (page < c->u->page && !rc) {
        struct state_key k = stage_part_key(c->u->g->run, c->u->number, page, part++);
        struct span v;
        rc = store_get(t, STATE_STAGE, state_span(&k), &v, e);
        if (!rc) rc = each(c, t, state_span(&k), v, &at, e);
        if (rc == ERR_NOT_FOUND) {
            page++;
            part = 0;
            rc = ERR_OK;
        }
    }
    if (!rc && write) return store_commit(t, e);
    store_abort(t);
    return rc;
}

static int by_key_and_place(const void *a, const void *b) {
    const struct word *x = a, *y = b;
    int order = memcmp(x->key, y->key, RECORD_KEY);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Leaves the last word on each thing; the places of the others go into void_bits. A thing that
 * could not be named keeps all: it makes its listing incomplete anyway. */
static void keep_last_words(struct changes *c) {
    size_t kept = 0;
    if (c->count) qsort(c->words, c->count, sizeof *c->words, by_key_and_place);
    for (size_t i = 0; i < c->count; i++) {
        const struct word *w = &c->words[i];
        bool last = i + 1 == c->count || memcmp(w->key, w[1].key, RECORD_KEY) != 0;
        if (!is_nameless(w->key) && !last)
            c->void_bits[w->at / 8] |= (unsigned char)(1 << w->at % 8);
        else
            c->words[kept++] = *w;
    }
    c->count = kept;
}

/* Says in the rows which entries are void. Done twice, it does the same. */
static enum err void_row(struct changes *c, struct store_txn *t, struct span key,
                         struct span value, uint64_t *at, struct error *e) {
    struct seq_entry entries[SEQ_CHUNK];
    size_t n = value.n / sizeof *entries;
    bool touched = false;
    if (n > SEQ_CHUNK) n = SEQ_CHUNK;
    memcpy(entries, value.p, n * sizeof *entries);
    for (size_t i = 0; i < n; i++, (*at)++) {
        if (!(c->void_bits[*at / 8] >> *at % 8 & 1)) continue;
        entries[i].flags |= SEQ_VOID;
        touched = true;
    }
    if (!touched) return ERR_OK;
    return store_put(t, STATE_STAGE, key, span_of(entries, n * sizeof *entries), e);
}

/* --- what is taken over --- */

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum err add_gone(struct changes *c, uint64_t record, struct error *e) {
    enum err rc = grow((void **)&c->gone, c->gone_count, &c->gone_capacity, sizeof *c->gone, e);
    if (!rc) c->gone[c->gone_count++] = record;
    return rc;
}

/* The records that gave, as of the accepted run, what now has another word. */
static enum err find_gone(struct changes *c, struct error *e) {
    struct store_txn *t;
    struct store_cursor *cursor;
    struct index_providers p = {0};
    enum err rc = store_begin(c->u->g->s->store, false, &t, e);
    if (rc) return rc;
    rc = store_cursor(t, STATE_IDX, &cursor, e);
    if (rc) goto out;
    for (size_t i = 0; i < c->count && !rc; i++) {
        rc = index_fold(cursor, c->words[i].key, c->u->g->accepted, &p, e);
        for (size_t k = 0; k < p.count && !rc; k++) rc = add_gone(c, p.items[k].record, e);
    }
    store_cursor_close(cursor);
    if (c->gone_count) qsort(c->gone, c->gone_count, sizeof *c->gone, by_number);
out:
    index_free(&p);
    store_abort(t);
    return rc;
}

static bool is_gone(const struct changes *c, uint64_t record) {
    return c->gone_count && bsearch(&record, c->gone, c->gone_count, sizeof *c->gone, by_number);
}

static enum err take_chunk(struct changes *c, uint32_t chunk, struct error *e) {
    struct seq_entry entries[SEQ_CHUNK];
    struct store_txn *t;
    size_t n = 0;
    enum err rc = store_begin(c->u->g->s->store, false, &t, e);
    if (rc) return rc;
    rc = seq_chunk(t, c->u->number, c->u->old_run, chunk, entries, &n, e);
    store_abort(t);
    for (size_t i = 0; i < n && !rc; i++)
        if (!is_gone(c, entries[i].record))
            rc = stage_add_hit(c->u, (uint64_t)chunk * SEQ_CHUNK + i, e);
    return rc;
}

static enum err take_rest(struct changes *c, struct error *e) {
    enum err rc = find_gone(c, e);
    for (uint64_t at = 0; at < c->u->old_count && !rc; at += SEQ_CHUNK)
        rc = take_chunk(c, (uint32_t)(at / SEQ_CHUNK), e);
    return rc;
}

/* --- stage.h --- */

void stage_changes(struct stage_unit *u) {
    u->changes = true;
}

enum err stage_changes_gone(struct stage_unit *u, struct span type, struct span id,
                            struct error *e) {
    struct span tuple[] = {type, id};
    unsigned char key[RECORD_KEY];
    record_key(u->g->s->secret, RECORD_RESOURCE, tuple, 2, key);
    struct seq_entry entry = {.flags = SEQ_VOID};
    memcpy(entry.hash, key + 1, SEQ_HASH);
    u->page_seen++;
    return stage_add_entry(u, &entry, e);
}

enum err stage_changes_end(struct stage_unit *u, bool rest, struct error *e) {
    struct changes *c = calloc(1, sizeof *c);
    if (!c) return no_memory(e);
    c->u = u;
    enum err rc = stage_sync(u->g, e);
    if (!rc) rc = each_row(c, false, read_row, e);
    if (!rc) keep_last_words(c);
    if (!rc) rc = each_row(c, true, void_row, e);
    if (!rc && rest) rc = take_rest(c, e);
    free(c->words);
    free(c->gone);
    free(c);
    return rc;
}

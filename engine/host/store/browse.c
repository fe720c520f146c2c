#include "browse.h"

#include <stdlib.h>
#include <string.h>

#include "../base/limits.h"
#include "../json/json.h"
#include "excluded.h"
#include "index.h"
#include "seq.h"
#include "sorter.h"

enum what { THINGS, HOLDINGS, CHANGES, ROWS, HISTORY, EXCLUDED, SOURCES, OBJECTS };

struct browse {
    enum what what;
    struct state *s;
    enum record_kind kind;
    uint64_t run, from, row; /* rows: the next one is at or behind (from, row) */
    unsigned char key[RECORD_KEY];
    struct sorter *sorter;    /* things: by record; holdings, changes: by key */
    uint64_t *list;           /* things: parts of a record; history: runs, oldest first; sources: records */
    size_t count, capacity;
    size_t at;                /* how many of the list are done */
    struct sorter_item first; /* things: of the next record, where there are `more` */
    bool more;                /* things, holdings: there are some that are not read yet */
    struct buf ahead;         /* things, holdings: those that are read, struct place */
    size_t given;             /* bytes of `ahead` that were given out */
    struct buf type;          /* things: what resources must be; empty: any */
    struct excluded *excluded;
    struct seq_walk *walk;
    unsigned char last[RECORD_KEY]; /* changes: the key given last */
    struct buf out;
};

/* What was read ahead: its kind and record, and where its JSON is in `out`. */
struct place {
    enum record_kind kind;
    uint64_t record;
    size_t at, n;
};

/* A transaction costs as much as reading some records: one reads so many bytes of JSON at least. */
enum { AHEAD = 64 * KIB };

static enum err no_memory(struct error *e) {
    return err_set(e, ERR_NOMEM, "out of memory reading the state");
}

static enum err open_browse(struct browse **out, struct state *s, enum what what, uint64_t run,
                            struct error *e) {
    struct browse *b = calloc(1, sizeof *b);
    *out = b;
    if (!b) return no_memory(e);
    b->what = what;
    b->s = s;
    b->run = run;
    buf_init(&b->out, 64 * MIB);
    buf_init(&b->type, MIB);
    buf_init(&b->ahead, 64 * MIB);
    return ERR_OK;
}

void browse_free(struct browse *b) {
    if (!b) return;
    sorter_free(b->sorter);
    excluded_free(b->excluded);
    if (b->walk) seq_walk_free(b->walk);
    free(b->walk);
    free(b->list);
    buf_free(&b->out);
    buf_free(&b->type);
    buf_free(&b->ahead);
    free(b);
}

static enum err give_up(struct browse **out, enum err rc) {
    if (rc) {
        browse_free(*out);
        *out = NULL;
    }
    return rc;
}

static bool has_type(const struct browse *b, struct span json) {
    if (!b->type.len || b->kind != RECORD_RESOURCE) return true;
    struct json_value v = json_find(json.p, json.n, "type");
    return json_string_is(&v, b->type.data, b->type.len);
}

/* --- things --- */

/* A thing by its record, which is not read yet: records are then read one after the other. */
static struct sorter_item by_record(uint64_t number, const unsigned char key[RECORD_KEY]) {
    struct sorter_item item = {.payload = state_u64(key + 8)};
    struct state_key k = state_key_run(number);
    memcpy(item.key, k.bytes, 8);
    memcpy(item.key + 8, key, 8);
    return item;
}

static void key_of(const struct sorter_item *item, unsigned char key[RECORD_KEY]) {
    struct state_key rest = state_key_run(item->payload);
    memcpy(key, item->key + 8, 8);
    memcpy(key + 8, rest.bytes, 8);
}

enum { PART_BITS = 24 }; /* more parts than the bytes of a record have room for */

/* A thing by who holds it, with its record and its part there: the resource itself goes first.
 * ERR_NOT_FOUND where the record does not have it. */
static enum err by_holder(struct store_txn *t, uint64_t number, const unsigned char key[RECORD_KEY],
                          struct sorter_item *item, struct error *e) {
    struct record r;
    enum err rc = state_record(t, number, &r, e);
    if (rc) return rc;
    size_t part = record_find(&r, key);
    if (part == r.parts) return ERR_NOT_FOUND;
    struct record_part p = record_part(&r, part);
    bool grant = p.key[0] == RECORD_GRANT;
    item->payload = (uint64_t)grant << 63 | number << PART_BITS | (uint64_t)part;
    memcpy(item->key, grant ? p.principal : p.key, sizeof item->key);
    return ERR_OK;
}

static enum err gather_thing(struct browse *b, struct store_txn *t, struct store_cursor *c,
                             const unsigned char key[RECORD_KEY], struct error *e) {
    uint64_t number;
    enum err rc = index_effective(c, key, b->run, &number, NULL, e);
    if (rc || !number) return rc;
    struct sorter_item item = by_record(number, key);
    if (b->what == HOLDINGS) rc = by_holder(t, number, key, &item, e);
    if (rc) return rc == ERR_NOT_FOUND ? ERR_OK : rc;
    return sorter_add(b->sorter, &item, e);
}

static enum err gather_things(struct browse *b, enum record_kind kind, struct error *e) {
    struct store_txn *t;
    struct store_cursor *walk = NULL, *look = NULL;
    unsigned char key[RECORD_KEY] = {(unsigned char)kind};
    struct span k = span_of(key, RECORD_KEY), v;
    enum err rc = store_begin(b->s->store, false, &t, e);
    if (!rc) rc = store_cursor(t, STATE_IDX, &walk, e);
    if (!rc) rc = store_cursor(t, STATE_IDX, &look, e);
    if (!rc) rc = store_move(walk, STORE_SEEK, &k, &v, e);
    while (!rc && k.n == RECORD_KEY && *(const unsigned char *)k.p == kind) {
        rc = gather_thing(b, t, look, k.p, e);
        if (!rc) rc = store_move(walk, STORE_NEXT_KEY, &k, &v, e);
    }
    store_cursor_close(look);
    store_cursor_close(walk);
    store_abort(t);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err browse_things(struct browse **out, struct state *s, enum record_kind kind,
                       struct span type, uint64_t run, struct error *e) {
    enum err rc = open_browse(out, s, THINGS, run, e);
    if (rc) return rc;
    struct browse *b = *out;
    b->kind = kind;
    if (buf_add(&b->type, type.p, type.n)) rc = no_memory(e);
    if (!rc) rc = sorter_open(&b->sorter, s->dir, 0, e);
    if (!rc) rc = gather_things(b, kind, e);
    if (!rc) rc = sorter_finish(b->sorter, e);
    if (!rc) rc = sorter_next(b->sorter, &b->first, &b->more, e);
    return give_up(out, rc);
}

static enum err copy(struct browse *b, struct span bytes, struct span *out, struct error *e) {
    size_t start = b->out.len;
    if (buf_add(&b->out, bytes.p, bytes.n)) return no_memory(e);
    *out = span_of(b->out.data + start, bytes.n);
    return ERR_OK;
}

static enum err add_number(struct browse *b, uint64_t n, struct error *e) {
    if (b->count && b->list[b->count - 1] == n) return ERR_OK;
    if (b->count == b->capacity) {
        size_t capacity = b->capacity ? 2 * b->capacity : 16;
        uint64_t *list = realloc(b->list, capacity * sizeof *list);
        if (!list) return no_memory(e);
        b->list = list;
        b->capacity = capacity;
    }
    b->list[b->count++] = n;
    return ERR_OK;
}

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static enum err add_ahead(struct browse *b, enum record_kind kind, uint64_t record,
                          struct span json, struct error *e) {
    struct place place = {kind, record, b->out.len, json.n};
    if (buf_add(&b->ahead, &place, sizeof place) || buf_add(&b->out, json.p, json.n))
        return no_memory(e);
    return ERR_OK;
}

/* Reads what is seen of the next record, in the order it has there. */
static enum err read_things(struct browse *b, struct store_txn *t, struct error *e) {
    struct record r;
    uint64_t number = state_u64(b->first.key);
    enum err rc = state_record(t, number, &r, e);
    b->count = 0;
    while (!rc && b->more && state_u64(b->first.key) == number) {
        unsigned char key[RECORD_KEY];
        key_of(&b->first, key);
        size_t part = record_find(&r, key);
        if (part < r.parts && has_type(b, record_json(&r, part))) rc = add_number(b, part, e);
        if (!rc) rc = sorter_next(b->sorter, &b->first, &b->more, e);
    }
    if (b->count > 1) qsort(b->list, b->count, sizeof *b->list, by_number);
    for (size_t i = 0; !rc && i < b->count; i++)
        rc = add_ahead(b, b->kind, number, record_json(&r, (size_t)b->list[i]), e);
    return rc;
}

enum err browse_holdings(struct browse **out, struct state *s, uint64_t run, struct error *e) {
    enum err rc = open_browse(out, s, HOLDINGS, run, e);
    if (rc) return rc;
    rc = sorter_open(&(*out)->sorter, s->dir, 0, e);
    if (!rc) rc = gather_things(*out, RECORD_RESOURCE, e);
    if (!rc) rc = gather_things(*out, RECORD_GRANT, e);
    if (!rc) rc = sorter_finish((*out)->sorter, e);
    (*out)->more = true;
    return give_up(out, rc);
}

static enum err read_holding(struct browse *b, struct store_txn *t, struct error *e) {
    struct sorter_item place;
    struct record r;
    enum err rc = sorter_next(b->sorter, &place, &b->more, e);
    if (rc || !b->more) return rc;
    uint64_t number = place.payload << 1 >> 1 >> PART_BITS;
    rc = state_record(t, number, &r, e);
    size_t part = (size_t)(place.payload & ((1u << PART_BITS) - 1));
    enum record_kind kind = place.payload >> 63 ? RECORD_GRANT : RECORD_RESOURCE;
    return rc ? rc : add_ahead(b, kind, number, record_json(&r, part), e);
}

static enum err read_ahead(struct browse *b, struct store_txn *t, struct error *e) {
    enum err rc = ERR_OK;
    buf_clear(&b->ahead);
    buf_clear(&b->out);
    b->given = 0;
    while (!rc && b->more && b->out.len < AHEAD)
        rc = b->what == THINGS ? read_things(b, t, e) : read_holding(b, t, e);
    return rc;
}

/* Gives out what was read ahead; *more is false where nothing is left of it. */
static void next_ahead(struct browse *b, struct browse_item *item, bool *more) {
    struct place place;
    *more = b->given < b->ahead.len;
    if (!*more) return;
    memcpy(&place, b->ahead.data + b->given, sizeof place);
    b->given += sizeof place;
    item->kind = place.kind;
    item->record = place.record;
    item->after = span_of(b->out.data + place.at, place.n);
}

/* --- changes --- */

static enum err gather_changes(struct browse *b, struct error *e) {
    struct store_txn *t;
    struct store_cursor *c = NULL;
    struct compare_change change;
    struct state_numbers n;
    struct state_key from = state_key_run_n(b->from + 1, 0);
    struct span key = state_span(&from), value;
    enum err rc = store_begin(b->s->store, false, &t, e);
    if (!rc) rc = state_numbers(t, &n, e);
    if (!rc) rc = store_cursor(t, STATE_CHG, &c, e);
    if (!rc) rc = store_move(c, STORE_SEEK, &key, &value, e);
    while (!rc && state_u64(key.p) <= b->run && compare_change_read(value, &change)) {
        uint64_t run = state_u64(key.p);
        struct sorter_item item = {.payload = run};
        memcpy(item.key, change.key, RECORD_KEY);
        bool seen = run == b->run || run <= n.accepted;
        if (seen && change.op != COMPARE_SAME && change.op != COMPARE_DROPPED)
            rc = sorter_add(b->sorter, &item, e);
        if (!rc) rc = store_move(c, STORE_NEXT, &key, &value, e);
    }
    store_cursor_close(c);
    store_abort(t);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err browse_changes(struct browse **out, struct state *s, uint64_t from, uint64_t to,
                        struct error *e) {
    enum err rc = open_browse(out, s, CHANGES, to, e);
    if (rc) return rc;
    (*out)->from = from;
    rc = sorter_open(&(*out)->sorter, s->dir, 0, e);
    if (!rc) rc = gather_changes(*out, e);
    if (!rc) rc = sorter_finish((*out)->sorter, e);
    return give_up(out, rc);
}

static enum err version(struct browse *b, struct store_txn *t, struct store_cursor *c,
                        const unsigned char key[RECORD_KEY], uint64_t run, struct span *out,
                        struct error *e) {
    uint64_t number;
    struct record r;
    *out = span_of(NULL, 0);
    enum err rc = index_effective(c, key, run, &number, NULL, e);
    if (rc || !number) return rc;
    rc = state_record(t, number, &r, e);
    size_t part = rc ? 0 : record_find(&r, key);
    if (rc || part == r.parts) return rc;
    *out = record_json(&r, part);
    return buf_reserve(&b->out, out->n) ? no_memory(e) : ERR_OK;
}

/* How a key was at one run and is at another; *differ is false where that is the same. */
static enum err versions(struct browse *b, struct store_txn *t, const unsigned char *key,
                         uint64_t from, uint64_t to, struct browse_item *item, bool *differ,
                         struct error *e) {
    struct store_cursor *c;
    struct span was, is;
    enum err rc = store_cursor(t, STATE_IDX, &c, e);
    if (rc) return rc;
    rc = version(b, t, c, key, from, &was, e);
    if (!rc) rc = version(b, t, c, key, to, &is, e);
    store_cursor_close(c);
    if (rc) return rc;
    *differ = was.n != is.n || memcmp(was.p ? was.p : "", is.p ? is.p : "", was.n) != 0;
    item->op = !was.p ? COMPARE_ADDED : !is.p ? COMPARE_REMOVED : COMPARE_CHANGED;
    item->kind = key[0];
    item->run = to;
    /* Both are copied in one go: growing would move the first. */
    if (buf_reserve(&b->out, was.n + is.n)) return no_memory(e);
    if (was.p) rc = copy(b, was, &item->before, e);
    if (is.p && !rc) rc = copy(b, is, &item->after, e);
    return rc;
}

static enum err next_change(struct browse *b, struct store_txn *t, struct browse_item *item,
                            bool *more, struct error *e) {
    bool differ = false;
    struct sorter_item place;
    enum err rc = ERR_OK;
    while (!rc && !differ) {
        rc = sorter_next(b->sorter, &place, more, e);
        if (rc || !*more) return rc;
        if (memcmp(place.key, b->last, RECORD_KEY) == 0) continue;
        memcpy(b->last, place.key, RECORD_KEY);
        buf_clear(&b->out);
        rc = versions(b, t, place.key, b->from, b->run, item, &differ, e);
    }
    return rc;
}

/* --- changes row by row --- */

enum err browse_changes_from(struct browse **out, struct state *s, uint64_t from, uint64_t row,
                             uint64_t to, struct error *e) {
    enum err rc = open_browse(out, s, ROWS, to, e);
    if (rc) return rc;
    (*out)->from = from;
    (*out)->row = row;
    return ERR_OK;
}

/* The row at or behind the browse's place, which becomes the row's. */
static enum err seek_row(struct browse *b, struct store_txn *t, struct compare_change *change,
                         bool *more, struct error *e) {
    struct store_cursor *c;
    struct state_key from = state_key_run_n(b->from, b->row);
    struct span key = state_span(&from), value;
    enum err rc = store_cursor(t, STATE_CHG, &c, e);
    if (rc) return rc;
    rc = store_move(c, STORE_SEEK, &key, &value, e);
    *more = !rc && state_u64(key.p) <= b->run && compare_change_read(value, change);
    if (*more) {
        b->from = state_u64(key.p);
        b->row = state_u64((const char *)key.p + 8);
    }
    store_cursor_close(c);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

static enum err next_row(struct browse *b, struct store_txn *t, struct browse_item *item,
                         bool *more, struct error *e) {
    struct compare_change change;
    bool differ = false;
    enum err rc = seek_row(b, t, &change, more, e);
    if (rc || !*more) return rc;
    if (change.op != COMPARE_SAME && change.op != COMPARE_DROPPED)
        rc = versions(b, t, change.key, b->from - 1, b->from, item, &differ, e);
    if (!differ) *item = (struct browse_item){.op = COMPARE_SAME};
    item->run = b->from;
    item->row = b->row++;
    return rc;
}

/* --- one thing's history and sources --- */

static enum err gather_runs(struct browse *b, struct error *e) {
    struct store_txn *t;
    struct store_cursor *c = NULL;
    struct index_event event;
    struct span k = span_of(b->key, RECORD_KEY), v;
    enum err rc = store_begin(b->s->store, false, &t, e);
    if (!rc) rc = store_cursor(t, STATE_IDX, &c, e);
    if (!rc) rc = store_move(c, STORE_FIND, &k, &v, e);
    while (!rc && index_event_read(v, &event) && event.run <= b->run) {
        rc = add_number(b, event.run, e);
        if (!rc) rc = store_move(c, STORE_NEXT_DUP, &k, &v, e);
    }
    store_cursor_close(c);
    store_abort(t);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err browse_history(struct browse **out, struct state *s, const unsigned char key[RECORD_KEY],
                        uint64_t run, struct error *e) {
    enum err rc = open_browse(out, s, HISTORY, run, e);
    if (rc) return rc;
    memcpy((*out)->key, key, RECORD_KEY);
    return give_up(out, gather_runs(*out, e));
}

static enum err next_version(struct browse *b, struct store_txn *t, struct browse_item *item,
                             bool *more, struct error *e) {
    bool differ = false;
    enum err rc = ERR_OK;
    while (!rc && !differ && b->at < b->count) {
        uint64_t to = b->list[b->count - 1 - b->at];
        uint64_t from = b->at + 1 < b->count ? b->list[b->count - 2 - b->at] : 0;
        b->at++;
        buf_clear(&b->out);
        *item = (struct browse_item){0};
        rc = versions(b, t, b->key, from, to, item, &differ, e);
    }
    *more = differ;
    return rc;
}

static enum err gather_sources(struct browse *b, struct error *e) {
    struct store_txn *t;
    struct store_cursor *c = NULL;
    struct index_providers p = {0};
    enum err rc = store_begin(b->s->store, false, &t, e);
    if (!rc) rc = store_cursor(t, STATE_IDX, &c, e);
    if (!rc) rc = index_fold(c, b->key, b->run, &p, e);
    for (int seen = 1; seen >= 0; seen--)
        for (size_t i = 0; i < p.count && !rc; i++)
            if (index_is_seen(p.items[i].role) == (seen == 1)) rc = add_number(b, p.items[i].record, e);
    index_free(&p);
    store_cursor_close(c);
    store_abort(t);
    return rc;
}

enum err browse_sources(struct browse **out, struct state *s, const unsigned char key[RECORD_KEY],
                        uint64_t run, struct error *e) {
    enum err rc = open_browse(out, s, SOURCES, run, e);
    if (rc) return rc;
    memcpy((*out)->key, key, RECORD_KEY);
    return give_up(out, gather_sources(*out, e));
}

static enum err copy_record(struct browse *b, struct store_txn *t, struct browse_item *item,
                            struct error *e) {
    struct state_key k = state_key_run(item->record);
    struct span v;
    enum err rc = store_get(t, STATE_REC, state_span(&k), &v, e);
    if (rc == ERR_NOT_FOUND) return err_set(e, ERR_STORAGE, "a stored record is missing");
    return rc ? rc : copy(b, v, &item->after, e);
}

static enum err next_source(struct browse *b, struct store_txn *t, struct browse_item *item,
                            bool *more, struct error *e) {
    *more = b->at < b->count;
    if (!*more) return ERR_OK;
    item->record = b->list[b->at++];
    return copy_record(b, t, item, e);
}

static enum err next_object(struct browse *b, struct store_txn *t, struct browse_item *item,
                            bool *more, struct error *e) {
    struct seq_entry entry;
    enum err rc = seq_walk_next(b->walk, t, &entry, more, e);
    if (rc || !*more) return rc;
    item->record = entry.record;
    return copy_record(b, t, item, e);
}

enum err browse_objects(struct browse **out, struct state *s, uint64_t run, struct error *e) {
    enum err rc = open_browse(out, s, OBJECTS, run, e);
    if (rc) return rc;
    struct store_txn *t = NULL;
    (*out)->walk = calloc(1, sizeof *(*out)->walk);
    rc = (*out)->walk ? store_begin(s->store, false, &t, e) : no_memory(e);
    if (!rc) rc = seq_walk_open((*out)->walk, t, run, e);
    store_abort(t);
    return give_up(out, rc);
}

enum err browse_excluded(struct browse **out, struct state *s, uint64_t run, struct error *e) {
    enum err rc = open_browse(out, s, EXCLUDED, run, e);
    if (rc) return rc;
    return give_up(out, excluded_open(&(*out)->excluded, s, run, e));
}

enum err browse_next(struct browse *b, struct browse_item *item, bool *more, struct error *e) {
    *item = (struct browse_item){.kind = b->kind, .run = b->run};
    next_ahead(b, item, more);
    if (*more) return ERR_OK;
    buf_clear(&b->out);
    struct store_txn *t;
    enum err rc = store_begin(b->s->store, false, &t, e);
    if (rc) return rc;
    switch (b->what) {
    case THINGS:
    case HOLDINGS:
        rc = read_ahead(b, t, e);
        if (!rc) next_ahead(b, item, more);
        break;
    case CHANGES:
        rc = next_change(b, t, item, more, e);
        break;
    case ROWS:
        rc = next_row(b, t, item, more, e);
        break;
    case HISTORY:
        rc = next_version(b, t, item, more, e);
        break;
    case SOURCES:
        rc = next_source(b, t, item, more, e);
        break;
    case OBJECTS:
        rc = next_object(b, t, item, more, e);
        break;
    case EXCLUDED:
        rc = excluded_next(b->excluded, t, &b->out, more, e);
        item->after = span_of(b->out.data, b->out.len);
        break;
    }
    store_abort(t);
    return rc;
}

#include "excluded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/limits.h"
#include "../json/json.h"
#include "compare.h"
#include "index.h"
#include "seq.h"

struct excluded {
    uint64_t run;
    struct seq_walk walk;
    size_t i;              /* within a staged row */
    unsigned char row[24]; /* the last staged row that was looked at */
    size_t row_n;
    bool parts; /* records are done: on to what compare set aside */
    uint64_t part;
};

static enum err no_memory(struct error *e) {
    return err_set(e, ERR_NOMEM, "out of memory reading what was left out");
}

enum err excluded_open(struct excluded **out, struct state *s, uint64_t run, struct error *e) {
    struct excluded *x = calloc(1, sizeof *x);
    *out = x;
    if (!x) return no_memory(e);
    x->run = run;
    struct store_txn *t;
    enum err rc = store_begin(s->store, false, &t, e);
    if (!rc) {
        rc = seq_walk_open(&x->walk, t, run, e);
        store_abort(t);
    }
    if (rc) {
        excluded_free(x);
        *out = NULL;
    }
    return rc;
}

void excluded_free(struct excluded *x) {
    if (!x) return;
    seq_walk_free(&x->walk);
    free(x);
}

static enum err write_item(struct excluded *x, struct buf *out, struct span type, struct span id,
                           const char *why, const char *reason, struct error *e) {
    enum err rc = buf_add_text(out, "{\"type\":");
    if (!rc) rc = buf_add(out, type.p, type.n);
    if (!rc && id.n) rc = buf_add_text(out, ",\"id\":");
    if (!rc) rc = buf_add(out, id.p, id.n);
    if (!rc) rc = buf_printf(out, ",\"why\":\"%s\",\"reason\":", why);
    if (!rc) rc = buf_add_text(out, reason);
    if (!rc) rc = buf_printf(out, ",\"run\":%llu}", (unsigned long long)x->run);
    return rc ? no_memory(e) : ERR_OK;
}

static struct span token(struct span json, const char *path) {
    struct json_value v = json_find(json.p, json.n, path);
    return v.kind == JSON_NONE ? span_of("", 0) : span_of(v.at, v.len);
}

static enum err write_record(struct excluded *x, struct store_txn *t, uint64_t number,
                             struct buf *out, struct error *e) {
    struct record r;
    enum err rc = state_record(t, number, &r, e);
    if (rc) return rc;
    struct span json = record_json(&r, 0), reason = token(json, "reason");
    struct buf text;
    buf_init(&text, 4096);
    if (buf_add(&text, reason.p, reason.n)) rc = no_memory(e);
    if (!rc)
        rc = write_item(x, out, token(json, "type"), token(json, "id"),
                        r.head.outcome == RECORD_SKIPPED ? "skipped" : "set_aside", text.data, e);
    buf_free(&text);
    return rc;
}

static enum err next_record(struct excluded *x, struct store_txn *t, uint64_t *record, bool *more,
                            struct error *e) {
    struct seq_entry entry;
    enum err rc;
    do {
        rc = seq_walk_next(&x->walk, t, &entry, more, e);
    } while (!rc && *more && (entry.flags & SEQ_OUTCOME) == RECORD_KEPT);
    *record = entry.record;
    return rc;
}

/* What was staged by a run that has no sequence of its own. */
static enum err next_staged(struct excluded *x, struct store_txn *t, uint64_t *record, bool *more,
                            struct error *e) {
    struct store_cursor *c;
    struct state_key prefix = state_key_run(x->run);
    enum err rc = store_cursor(t, STATE_STAGE, &c, e);
    *more = false;
    while (!rc && !*more) {
        struct span key = x->row_n ? span_of(x->row, x->row_n) : state_span(&prefix), value;
        struct seq_entry entry;
        rc = store_move(c, STORE_SEEK, &key, &value, e);
        bool ours = !rc && key.n <= sizeof x->row && state_u64(key.p) == x->run;
        if (!ours) break;
        if (key.n != x->row_n || memcmp(key.p, x->row, key.n) != 0) x->i = 0;
        memcpy(x->row, key.p, key.n);
        x->row_n = key.n;
        uint64_t in_force;
        struct seq_head head;
        rc = seq_in_force(t, state_u32(x->row + 8), x->run, &in_force, &head, e);
        bool told = in_force == x->run; /* with the unit's sequence, in the run's own order */
        for (; !rc && !told && !*more && x->i < value.n / sizeof entry; x->i++) {
            memcpy(&entry, (const char *)value.p + x->i * sizeof entry, sizeof entry);
            if (entry.flags & SEQ_HITS || (entry.flags & SEQ_OUTCOME) == RECORD_KEPT) continue;
            *record = entry.record;
            *more = true;
        }
        if (!*more) x->row[x->row_n++] = 0; /* the least key behind this one */
    }
    store_cursor_close(c);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

/* Appends a JSON string's text as it stands, without its quotes. */
static enum err add_inner(struct buf *out, struct span json, const char *path) {
    struct json_value v = json_find(json.p, json.n, path);
    return v.kind == JSON_STRING ? buf_add(out, v.at + 1, v.len - 2) : ERR_OK;
}

/* "role/r1:member" of a grant, or "role/r1" of an entitlement's resource, or "user/u1". */
static enum err add_name(struct buf *out, struct span json, const char *type, const char *id,
                         const char *slug) {
    enum err rc = add_inner(out, json, type);
    if (!rc) rc = buf_add_byte(out, '/');
    if (!rc) rc = add_inner(out, json, id);
    if (!rc && slug) rc = buf_add_byte(out, ':');
    return rc || !slug ? rc : add_inner(out, json, slug);
}

/* Why a part of a record was left out, as a JSON string: the part and what it hangs on by name. */
static enum err add_reason(struct buf *out, const struct compare_aside *row, struct span json) {
    if (row->role != INDEX_SKIPPED && row->role != INDEX_DANGLING)
        return buf_add_text(
            out, "\"the same id came twice from one list, with different contents\"");
    bool grant = row->key[0] == RECORD_GRANT;
    enum err rc = buf_add_text(out, grant ? "\"grant " : "\"entitlement ");
    if (grant) {
        if (!rc) rc = add_name(out, json, "entitlement.type", "entitlement.id", "entitlement.slug");
        if (!rc) rc = buf_add_text(out, " to ");
        if (!rc) rc = add_name(out, json, "principal.type", "principal.id", NULL);
    } else if (!rc) {
        rc = add_name(out, json, "resource.type", "resource.id", "slug");
    }
    const char *why = row->role == INDEX_SKIPPED ? "was skipped by a mapping\"" : "does not exist\"";
    if (!rc) rc = buf_add_text(out, grant ? ": what it is on, or to, " : ": its resource ");
    return rc ? rc : buf_add_text(out, why);
}

static enum err write_part(struct excluded *x, struct store_txn *t, const struct compare_aside *row,
                           struct buf *out, struct error *e) {
    static const char *const roots[] = {[RECORD_RESOURCE] = "", [RECORD_ENTITLEMENT] = "resource.",
                                        [RECORD_GRANT] = "principal."};
    char type[32] = "", id[32] = "";
    struct record r;
    enum err rc = state_record(t, row->record, &r, e);
    if (rc) return rc;
    size_t part = record_find(&r, row->key);
    struct span json = part < r.parts ? record_json(&r, part) : span_of("{}", 2);
    const char *root = row->key[0] <= RECORD_GRANT ? roots[row->key[0]] : "";
    snprintf(type, sizeof type, "%stype", root);
    snprintf(id, sizeof id, "%sid", root);
    struct buf reason;
    buf_init(&reason, 8 * LIMIT_ID);
    rc = add_reason(&reason, row, json) ? no_memory(e) : ERR_OK;
    if (!rc)
        rc = write_item(x, out, token(json, type), token(json, id),
                        row->role == INDEX_SKIPPED ? "skipped" : "set_aside", reason.data, e);
    buf_free(&reason);
    return rc;
}

static enum err next_part(struct excluded *x, struct store_txn *t, struct buf *out, bool *more,
                          struct error *e) {
    struct state_key k = state_key_run_n(x->run, ++x->part);
    struct span v;
    struct compare_aside row;
    enum err rc = store_get(t, STATE_ASIDE, state_span(&k), &v, e);
    *more = !rc && compare_aside_read(v, &row);
    if (*more) rc = write_part(x, t, &row, out, e);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err excluded_next(struct excluded *x, struct store_txn *t, struct buf *out, bool *more,
                       struct error *e) {
    uint64_t record = 0;
    enum err rc = ERR_OK;
    *more = false;
    if (!x->parts) {
        rc = next_record(x, t, &record, more, e);
        if (!rc && !*more) rc = next_staged(x, t, &record, more, e);
        if (!rc && *more) return write_record(x, t, record, out, e);
        x->parts = true;
    }
    return rc ? rc : next_part(x, t, out, more, e);
}

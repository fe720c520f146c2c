#include "state.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "../secret/secret.h"

static const struct store_table tables[STATE_TABLES] = {
    [STATE_META] = {"meta", 0},   [STATE_REC] = {"rec", 0},
    [STATE_IDX] = {"idx", STORE_DUPLICATES},
    [STATE_UNIT] = {"unit", 0},   [STATE_SEQ] = {"seq", 0},
    [STATE_STAGE] = {"stage", 0}, [STATE_PROG] = {"prog", 0},
    [STATE_CHG] = {"chg", 0},     [STATE_ASIDE] = {"aside", 0},
    [STATE_TALLY] = {"tally", STORE_DUPLICATES},
    [STATE_RUN] = {"run", 0},     [STATE_LOG] = {"log", 0},
    [STATE_CACHE] = {"cache", 0}, [STATE_GOT] = {"got", 0},
};

enum { CLEAR_BATCH = 500 }; /* entries deleted in one transaction */

static struct span text(const char *s) {
    return span_of(s, strlen(s));
}

static enum err make(struct state *s, struct store_txn *t, struct error *e) {
    uint32_t schema = STATE_SCHEMA;
    secret_random_bytes(s->secret, sizeof s->secret);
    struct state_numbers n = {.next_rec = 1, .next_unit = 1};
    enum err rc = store_put(t, STATE_META, text("schema"), span_of(&schema, sizeof schema), e);
    if (!rc) rc = store_put(t, STATE_META, text("secret"), span_of(s->secret, 16), e);
    return rc ? rc : state_put_numbers(t, &n, e);
}

static enum err read_meta(struct state *s, struct store_txn *t, struct error *e) {
    struct span v;
    uint32_t schema = 0;
    enum err rc = store_get(t, STATE_META, text("schema"), &v, e);
    if (rc) return rc;
    if (v.n == sizeof schema) memcpy(&schema, v.p, sizeof schema);
    if (schema != STATE_SCHEMA)
        return err_set(e, ERR_STORAGE,
                       "the state in %s has schema %u and this program knows %d: use the newer "
                       "program, or move the folder away to start afresh",
                       s->dir, schema, STATE_SCHEMA);
    rc = store_get(t, STATE_META, text("secret"), &v, e);
    if (rc || v.n != sizeof s->secret)
        return err_set(e, ERR_STORAGE, "the state in %s is damaged: move it away to start afresh",
                       s->dir);
    memcpy(s->secret, v.p, sizeof s->secret);
    return ERR_OK;
}

enum err state_open(struct state *s, const char *dir, const struct store_options *options,
                    struct error *e) {
    *s = (struct state){0};
    snprintf(s->dir, sizeof s->dir, "%s", dir);
    struct store_txn *t = NULL;
    enum err rc = store_open(&s->store, dir, tables, STATE_TABLES, options, e);
    if (!rc) rc = store_begin(s->store, options->write, &t, e);
    if (!rc) rc = read_meta(s, t, e);
    if (rc == ERR_NOT_FOUND && t && options->write) {
        rc = make(s, t, e);
        if (!rc) rc = store_commit(t, e);
        else store_abort(t);
    } else {
        store_abort(t);
    }
    if (rc == ERR_NOT_FOUND) err_set(e, rc, "nothing has been stored in %s yet", dir);
    if (rc) state_close(s);
    return rc;
}

void state_close(struct state *s) {
    store_close(s->store);
    s->store = NULL;
}

enum err state_numbers(struct store_txn *t, struct state_numbers *out, struct error *e) {
    struct span v;
    *out = (struct state_numbers){.next_rec = 1, .next_unit = 1};
    enum err rc = store_get(t, STATE_META, text("numbers"), &v, e);
    if (rc == ERR_NOT_FOUND) return ERR_OK;
    if (!rc && v.n != sizeof *out)
        return err_set(e, ERR_STORAGE, "the state is damaged: restore it, or move it away to start "
                       "afresh");
    if (!rc) memcpy(out, v.p, sizeof *out);
    return rc;
}

enum err state_put_numbers(struct store_txn *t, const struct state_numbers *n, struct error *e) {
    return store_put(t, STATE_META, text("numbers"), span_of(n, sizeof *n), e);
}

void state_key_u32(struct state_key *k, uint32_t n) {
    n = htobe32(n);
    memcpy(k->bytes + k->n, &n, sizeof n);
    k->n += sizeof n;
}

void state_key_u64(struct state_key *k, uint64_t n) {
    n = htobe64(n);
    memcpy(k->bytes + k->n, &n, sizeof n);
    k->n += sizeof n;
}

uint32_t state_u32(const void *p) {
    uint32_t n;
    memcpy(&n, p, sizeof n);
    return be32toh(n);
}

uint64_t state_u64(const void *p) {
    uint64_t n;
    memcpy(&n, p, sizeof n);
    return be64toh(n);
}

struct state_key state_key_run(uint64_t run) {
    struct state_key k = {.n = 0};
    state_key_u64(&k, run);
    return k;
}

struct state_key state_key_run_n(uint64_t run, uint64_t n) {
    struct state_key k = state_key_run(run);
    state_key_u64(&k, n);
    return k;
}

enum err state_record(struct store_txn *t, uint64_t number, struct record *out, struct error *e) {
    struct state_key k = state_key_run(number);
    struct span v;
    enum err rc = store_get(t, STATE_REC, state_span(&k), &v, e);
    if (rc == ERR_NOT_FOUND)
        return err_set(e, ERR_STORAGE, "record %llu is missing; the store is damaged: restore the "
                       "folder, or move it away to start afresh", (unsigned long long)number);
    return rc ? rc : record_read(out, v, e);
}

enum err state_clear(struct state *s, int table, struct span prefix, struct error *e) {
    bool done = false;
    enum err rc = ERR_OK;
    while (!rc && !done) {
        struct store_txn *t;
        rc = store_begin(s->store, true, &t, e);
        if (rc) return rc;
        rc = store_del_prefix(t, table, prefix, CLEAR_BATCH, &done, e);
        if (rc)
            store_abort(t);
        else
            rc = store_commit(t, e);
    }
    return rc;
}

static struct state_key range_key(uint64_t run) {
    struct state_key k = {.bytes = {'r', ':'}, .n = 2};
    state_key_u64(&k, run);
    return k;
}

enum err state_range(struct store_txn *t, uint64_t run, struct state_range *out, struct error *e) {
    struct state_key k = range_key(run);
    struct span v;
    enum err rc = store_get(t, STATE_META, state_span(&k), &v, e);
    *out = (struct state_range){0, 0};
    if (!rc && v.n == sizeof *out) memcpy(out, v.p, sizeof *out);
    return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err state_put_range(struct store_txn *t, uint64_t run, const struct state_range *range,
                         struct error *e) {
    struct state_key k = range_key(run);
    return store_put(t, STATE_META, state_span(&k), span_of(range, sizeof *range), e);
}

static enum err drop_some(struct state *s, struct state_range *left, struct error *e) {
    struct store_txn *t;
    enum err rc = store_begin(s->store, true, &t, e);
    if (rc) return rc;
    for (int i = 0; i < CLEAR_BATCH && left->first < left->end && !rc; i++, left->first++) {
        struct state_key k = state_key_run(left->first);
        rc = store_del(t, STATE_REC, state_span(&k), NULL, e);
    }
    if (!rc) return store_commit(t, e);
    store_abort(t);
    return rc;
}

enum err state_drop_records(struct state *s, uint64_t run, struct error *e) {
    struct store_txn *t;
    struct state_range left;
    enum err rc = store_begin(s->store, false, &t, e);
    if (rc) return rc;
    rc = state_range(t, run, &left, e);
    store_abort(t);
    while (!rc && left.first < left.end) rc = drop_some(s, &left, e);
    return rc;
}

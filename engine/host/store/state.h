/* state: what is remembered of one connector: its tables, their keys, and its few numbers.
 *
 *   meta   "secret", "schema", "numbers", and per run which records it made
 *   rec    record number -> record (record.h); immutable, appended
 *   idx    key of a thing -> events (run, record, role): who provides it since which run (index.h)
 *   unit   hash(list, parent) -> its number, list and parent: one listing of one parent
 *   seq    (unit, run, chunk) -> what the listing gave in that run, in the target's order: the
 *          memory of results. In force is the newest run <= accepted. The last chunk is a head.
 *   stage  (run, unit, page, part) -> the same for a run under way, hits folded into ranges
 *   prog   (run, unit) -> how far that listing is
 *   chg    (run, n) -> what compare changed: the answer to diff and history, and the way back
 *   aside  (run, n) -> things that compare would not believe; looked at again in every run
 *   tally  key of an entitlement -> (run, holders)
 *   run    run -> its record, JSON; log (run, n) -> its log lines, JSON
 *   cache  the plugin's own; got hash(kind, id) -> record, for ctx.get, of one run
 *
 * All numbers in keys are big-endian, so that byte order is their order. Everything a run writes
 * carries its number and is invisible until "accepted" reaches it, by one small transaction. */
#ifndef REEVE_STATE_H
#define REEVE_STATE_H

#include <stdint.h>

#include "../base/err.h"
#include "../model/record.h"
#include "store.h"

enum state_table {
    STATE_META,
    STATE_REC,
    STATE_IDX,
    STATE_UNIT,
    STATE_SEQ,
    STATE_STAGE,
    STATE_PROG,
    STATE_CHG,
    STATE_ASIDE,
    STATE_TALLY,
    STATE_RUN,
    STATE_LOG,
    STATE_CACHE,
    STATE_GOT,
    STATE_TABLES
};

enum { STATE_SCHEMA = 1 };

struct state {
    struct store *store;
    unsigned char secret[16]; /* keys the hashes; never leaves the state */
    char dir[4096];
};

struct state_numbers {
    uint64_t accepted; /* the run that readers see; 0: none yet */
    uint64_t held;     /* the run that waits for a decision; 0: none */
    uint64_t open;     /* the run under way, or left so by a process that died; 0: none */
    uint64_t last;     /* the newest run's number */
    uint64_t next_rec;
    uint64_t next_unit;
};

/* Opens the state in the existing folder `dir`; the caller ends it by state_close(). Readers get
 * ERR_NOT_FOUND where nothing was ever written. ERR_STORAGE for a schema that is newer. */
enum err state_open(struct state *s, const char *dir, const struct store_options *options,
                    struct error *e);
void state_close(struct state *s);

enum err state_numbers(struct store_txn *t, struct state_numbers *out, struct error *e);
enum err state_put_numbers(struct store_txn *t, const struct state_numbers *n, struct error *e);

/* A key made of numbers, big-endian. */
struct state_key {
    unsigned char bytes[24];
    size_t n;
};
void state_key_u32(struct state_key *k, uint32_t n);
void state_key_u64(struct state_key *k, uint64_t n);
uint32_t state_u32(const void *p);
uint64_t state_u64(const void *p);
struct state_key state_key_run(uint64_t run);
struct state_key state_key_run_n(uint64_t run, uint64_t n);
static inline struct span state_span(const struct state_key *k) {
    return span_of(k->bytes, k->n);
}

/* A record by its number, read in place: valid until the transaction ends or writes. */
enum err state_record(struct store_txn *t, uint64_t number, struct record *out, struct error *e);

/* Deletes all under a prefix, in as many transactions as it takes. */
enum err state_clear(struct state *s, int table, struct span prefix, struct error *e);

/* The first and the one after the last record number that a run made. */
struct state_range {
    uint64_t first, end;
};
enum err state_range(struct store_txn *t, uint64_t run, struct state_range *out, struct error *e);
enum err state_put_range(struct store_txn *t, uint64_t run, const struct state_range *range,
                         struct error *e);

/* Deletes the records that a run made: for one that was undone or never finished. */
enum err state_drop_records(struct state *s, uint64_t run, struct error *e);

#endif

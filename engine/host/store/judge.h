/* judge: one key at a time, in order: who provides it now, and what that changes.
 *
 * The second half of compare, which feeds it; private to the two. */
#ifndef REEVE_JUDGE_H
#define REEVE_JUDGE_H

#include "compare.h"
#include "index.h"
#include "sorter.h"

/* What happened to a key, in the low bits of a sorter item's payload; then comes JUDGE_OWN; the rest
 * is the record. */
enum judge_delta {
    JUDGE_CHECK,  /* nothing, but look at it again */
    JUDGE_REMOVE, /* this record no longer comes */
    JUDGE_ADD,    /* this record came */
    JUDGE_ASIDE,  /* it came, and cannot be believed */
    JUDGE_SKIP,   /* it came, and a mapping left it out */
    JUDGE_WEAK,   /* kept, since its listing did not end well: yields to one that came */
    JUDGE_KEEP,   /* part of a version that is protected: stays whatever else is said */
};

enum {
    JUDGE_OWN = 8, /* it hangs on the resource of its own record, and else on what its note is */
    JUDGE_CACHE = 64,
};

struct judge {
    struct state *s;
    uint64_t run, accepted;
    bool foreign; /* some grant or entitlement is on or to another record's resource */
    struct store_txn *reader; /* for records, which are all written before: spans stay valid */
    uint64_t last_number;     /* the record read last, */
    struct record last;       /* since a key's steps all look at the same one */
    struct store_txn *txn;    /* the write transaction, renewed by judge_tick() */
    struct store_cursor *idx; /* of txn */
    size_t work;
    struct sorter *sorters[RECORD_GRANT + 1]; /* by kind */
    struct tally *tally;
    uint64_t changes, asides; /* rows written */
    bool resource_removed, entitlement_removed;
    bool resource_refused; /* one came, and is not there all the same */
    struct index_providers providers;
    struct {
        unsigned char key[RECORD_KEY];
        bool there, skipped, used;
    } cache[JUDGE_CACHE];
    struct {
        unsigned char note[RECORD_KEY];
        size_t type; /* index in the tally's types, from 1 */
    } named[JUDGE_CACHE];
};

/* Begins, for what run `run` changes; state and tally are the caller's and outlive it. Also where it
 * fails it is ended by judge_close(), which drops what was not committed. */
enum err judge_open(struct judge *j, struct state *s, uint64_t run, struct tally *tally,
                    struct error *e);
void judge_close(struct judge *j);

/* So many rows, or whole pages, were written: commits and begins anew where it has become much. Spans
 * end with it. */
enum err judge_tick(struct judge *j, size_t rows, size_t pages, struct error *e);

/* Commits what was written since; the last call before judge_close(). */
enum err judge_commit(struct judge *j, struct error *e);

/* Queues what happened to every key of a record. */
enum err judge_record(struct judge *j, uint64_t record, enum judge_delta delta, struct error *e);
enum err judge_key(struct judge *j, const unsigned char key[RECORD_KEY], uint64_t record,
                   enum judge_delta delta, struct error *e);

/* Judges all queued keys of a kind. */
enum err judge_kind(struct judge *j, enum record_kind kind,
                    void (*progress)(void *of, size_t judged), void *of, struct error *e);

/* Queues those keys of a kind whose thing hangs on one that is no more. */
enum err judge_scan(struct judge *j, enum record_kind kind, struct error *e);

/* Writes the entitlements' new numbers of holders. */
enum err judge_tallies(struct judge *j, struct error *e);

#endif

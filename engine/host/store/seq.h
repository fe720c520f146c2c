/* seq: what a listing gave, in the target's order: the memory of results.
 *
 * An entry stands for one emitted object: a keyed hash of its bytes and of everything else its
 * mapping depended on, and the record that came of it. A listing that is asked again is walked in
 * lockstep with its entries: an object whose hash is there needs neither decoding nor mapping. */
#ifndef REEVE_SEQ_H
#define REEVE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "state.h"

enum {
    SEQ_HASH = 15,
    SEQ_CHUNK = 170,         /* entries a value: 4,080 bytes, one overflow page */
    SEQ_HEAD = 0xFFFFFFFF,   /* the chunk number of the head */
};

/* Flags beside the outcome (record.h) in an entry's low bits. */
enum {
    SEQ_OUTCOME = 3,
    SEQ_FAULT = 1 << 2, /* set aside for what a mapping did */
    SEQ_WEAK = 1 << 3,  /* kept from before by a listing that was incomplete: never matches */
    SEQ_NAMELESS = 1 << 5, /* set aside, and its id cannot be told: its list deletes nothing */
    SEQ_HITS = 1 << 4,  /* in stage only: entries first .. first + count of the old sequence */
    SEQ_VOID = 1 << 6,  /* in stage only: counts for nothing. Without a record, it says that the thing
                         * whose key ends in `hash` is gone; else something newer was said of it */
};

struct seq_entry {
    unsigned char hash[SEQ_HASH];
    unsigned char flags;
    uint64_t record; /* with SEQ_HITS: first << 32 | count */
};

struct seq_head {
    uint64_t count, skipped, aside, faults;
};

/* The run whose sequence of this unit is in force at `run`, and its head; *found_run 0: none. */
enum err seq_in_force(struct store_txn *t, uint32_t unit, uint64_t run, uint64_t *found_run,
                      struct seq_head *head, struct error *e);

/* Copies one chunk into `out` (room for SEQ_CHUNK); *n entries, 0 behind the last. */
enum err seq_chunk(struct store_txn *t, uint32_t unit, uint64_t run, uint32_t chunk,
                   struct seq_entry *out, size_t *n, struct error *e);

struct state_key seq_key(uint32_t unit, uint64_t run, uint32_t chunk);

/* A unit: one listing of one parent. Spans live as long as the value they were read from. */
struct seq_unit {
    uint32_t number;
    struct span list, parent; /* parent: {"type":…,"id":…} or empty */
};
bool seq_unit_read(struct span value, struct seq_unit *out);

/* Goes over everything that all units gave as of a run, unit by unit, in the target's order. No
 * reader needs to stay open between steps. Ended by seq_walk_free(). */
struct seq_walk {
    uint64_t run;
    uint32_t *units;
    size_t count, at;  /* units, and the one being walked */
    uint64_t unit_run; /* whose sequence of it is in force; 0: not looked up yet */
    uint32_t chunk;
    size_t n, i;
    struct seq_entry entries[SEQ_CHUNK];
};
enum err seq_walk_open(struct seq_walk *w, struct store_txn *t, uint64_t run, struct error *e);
enum err seq_walk_next(struct seq_walk *w, struct store_txn *t, struct seq_entry *entry, bool *more,
                       struct error *e);
void seq_walk_free(struct seq_walk *w);

/* How far a unit is in a run. */
enum seq_state {
    SEQ_OPEN = 0,
    SEQ_COMPLETE = 1,
    SEQ_INCOMPLETE = 2, /* what came counts, what did not is kept */
    SEQ_FAILED = 3,     /* as incomplete, for one parent of many */
    SEQ_NOT_COVERED = 4,/* this credential may not read it: the last accepted stays */
};
struct seq_progress {
    uint32_t state, pages;
    uint64_t seen; /* objects emitted by pages that count */
    uint64_t at;   /* the next old entry to match */
};
struct state_key seq_progress_key(uint64_t run, uint32_t unit);
/* `note` is what the engine's Lua keeps beside it: cursor, announced total, times, reason. */
bool seq_progress_read(struct span value, struct seq_progress *out, struct span *note);

#endif

/* stage_private: what stage.c, stage_walk.c and stage_changes.c share. */
#ifndef REEVE_STAGE_PRIVATE_H
#define REEVE_STAGE_PRIVATE_H

#include <time.h>

#include "stage.h"

struct stage {
    struct state *s;
    uint64_t run, accepted;
    uint64_t next_rec;  /* the next record's number */
    uint64_t written;   /* the first that is not in the store yet */
    uint64_t next_unit;
    struct buf records; /* waiting: size_t length, bytes, … */
    struct buf rows;    /* waiting: struct row, key, value, … */
    struct timespec last_sync;
    bool page_waits; /* a page that ended is not in the store yet */
};

enum { STAGE_PENDING = 2 * SEQ_CHUNK };

struct stage_unit {
    struct stage *g;
    uint32_t number;
    bool changes; /* only changes are listed: nothing is matched, the rest comes at the end */
    uint64_t old_run;
    uint64_t old_count;
    uint64_t at, page_at; /* next old entry to match: now, and when the page began */
    uint32_t page, part;
    uint64_t seen, page_seen;
    uint64_t window_at; /* index of the first entry in the window */
    size_t window_n;
    struct seq_entry window[2 * SEQ_CHUNK];
    size_t pending;
    struct seq_entry entries[STAGE_PENDING];
};

struct state_key stage_part_key(uint64_t run, uint32_t unit, uint32_t page, uint32_t part);

/* An entry of the page under way; that of the old entry `index`: those that follow each other are
 * kept as one. */
enum err stage_add_entry(struct stage_unit *u, const struct seq_entry *entry, struct error *e);
enum err stage_add_hit(struct stage_unit *u, uint64_t index, struct error *e);

#endif

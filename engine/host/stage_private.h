/* stage_private: what stage.c and stage_walk.c share. */
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

struct state_key stage_part_key(uint64_t run, uint32_t unit, uint32_t page, uint32_t part);

#endif

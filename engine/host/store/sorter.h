/* sorter: more items than memory should hold, in order of their keys.
 *
 * Items have a fixed size: a 16-byte key, 8 bytes of payload, a note. They are collected in memory,
 * sorted a run at a time, and runs that do not fit go to one unnamed file in the folder given at
 * open, which vanishes with the sorter. Memory is SORTER_RUN items and a small window a run,
 * whatever the number of items. Use: open, add…, finish, next… until it says no, free. */
#ifndef REEVE_SORTER_H
#define REEVE_SORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"

struct sorter;

struct sorter_item {
    unsigned char key[16];
    uint64_t payload;       /* orders items of one key */
    unsigned char note[16]; /* comes along */
};

/* `dir` names where the file goes when one is needed. `run` is how many items are kept in memory,
 * 0 for the default; tests take few. The caller ends it by sorter_free(), which takes NULL. */
enum err sorter_open(struct sorter **out, const char *dir, size_t run, struct error *e);
void sorter_free(struct sorter *s);

enum err sorter_add(struct sorter *s, const struct sorter_item *item, struct error *e);

/* No more items come; sorter_next() may be called. */
enum err sorter_finish(struct sorter *s, struct error *e);

/* The next item in order; *more is false after the last. */
enum err sorter_next(struct sorter *s, struct sorter_item *item, bool *more, struct error *e);

#endif

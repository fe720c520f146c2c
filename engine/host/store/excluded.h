/* excluded: what a run left out, and why: objects that a mapping skipped, records and parts of
 * records that could not be believed. Used through browse.h. */
#ifndef REEVE_EXCLUDED_H
#define REEVE_EXCLUDED_H

#include <stdbool.h>

#include "../base/buf.h"
#include "../base/err.h"
#include "state.h"

struct excluded;

/* As of a run: what its listings gave, and those that it did not ask again. */
enum err excluded_open(struct excluded **out, struct state *s, uint64_t run, struct error *e);
void excluded_free(struct excluded *x);

/* Appends the next one to `out` as JSON {type,id,reason,why,run}; *more is false after the last. */
enum err excluded_next(struct excluded *x, struct store_txn *t, struct buf *out, bool *more,
                       struct error *e);

#endif

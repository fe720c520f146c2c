/* browse: the state as those see it who read it: records, changes, what was left out.
 *
 * A browse copies what it gives out, so that no reader of the store stays open while Lua, a pager
 * or a slow disk has the word. What it shows is one moment all the same: it reads as of a run, and
 * later runs do not disturb that. Listings of all things are read some records ahead. Memory is
 * bounded by the largest record and the sorter. */
#ifndef REEVE_BROWSE_H
#define REEVE_BROWSE_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/buf.h"
#include "../base/err.h"
#include "compare.h"
#include "state.h"

/* One thing or change. Spans point into the browse's buffer, until the next call. */
struct browse_item {
    enum compare_op op;
    enum record_kind kind;
    uint64_t run, record;
    uint64_t row; /* of browse_changes_from() alone */
    struct span before, after; /* JSON; empty where there is none. Listings use `after` */
};

struct browse;

/* Everything of a kind that is seen as of a run, in the order in which it last changed. `type`
 * (may be empty) leaves out resources of other types. */
enum err browse_things(struct browse **out, struct state *s, enum record_kind kind,
                       struct span type, uint64_t run, struct error *e);

/* Every resource seen as of a run, each followed by the grants that it holds; `kind` tells which an
 * item is. Resources come in an order of no meaning that is the same in every run. */
enum err browse_holdings(struct browse **out, struct state *s, uint64_t run, struct error *e);

/* What runs after `from` up to `to` changed, each thing once: how it was and how it is. With
 * `from` = `to` - 1 that is what one run did. Held and rejected runs are left out but for `to`. */
enum err browse_changes(struct browse **out, struct state *s, uint64_t from, uint64_t to,
                        struct error *e);

/* What each run changed by itself, row by row as compare found it (resources, then entitlements,
 * then grants): from row `row` of run `from` on, up to an accepted run `to`, before which there are
 * rows of accepted runs only. Begun at an item's run and row it gives that item again, until its run is
 * forgotten. op is COMPARE_SAME, without before and after, where readers see no difference. Where it
 * begins makes no difference to what a step costs. */
enum err browse_changes_from(struct browse **out, struct state *s, uint64_t from, uint64_t row,
                             uint64_t to, struct error *e);

/* The versions of one resource, newest first. */
enum err browse_history(struct browse **out, struct state *s, const unsigned char key[RECORD_KEY],
                        uint64_t run, struct error *e);

/* What a run left out (skipped, set aside): as JSON {type,id,why,reason,run}. */
enum err browse_excluded(struct browse **out, struct state *s, uint64_t run, struct error *e);

/* The records that provide a resource now, the seen one first, whole (raw bytes included):
 * `after` is the record as stored (record_read). */
enum err browse_sources(struct browse **out, struct state *s, const unsigned char key[RECORD_KEY],
                        uint64_t run, struct error *e);

/* Every object that the listings in force gave, listing by listing, as browse_sources(). */
enum err browse_objects(struct browse **out, struct state *s, uint64_t run, struct error *e);

/* The next one; *more is false after the last. */
enum err browse_next(struct browse *b, struct browse_item *item, bool *more, struct error *e);
void browse_free(struct browse *b);

#endif

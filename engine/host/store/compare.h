/* compare: what a fetched run means: which things are new, changed and gone.
 *
 * Works on differences alone: a listing that gave what it gave before costs nothing. For every
 * other, the records that came and those that went are turned into (key, record, what) and sorted;
 * then each key that something happened to is judged once, in order: resources, entitlements,
 * grants. What it finds is written under the run's number and stays invisible until publish; a
 * compare that was cut is undone (undo_run) and done again.
 *
 * Rules (architecture: "What happens in a sync"):
 *   - a thing is gone when no record provides it any more; a listing that did not end well keeps
 *     what it gave before, unless it gave the same thing anew;
 *   - of several records the one from the list named like the type is seen, else the first list in
 *     byte order; two contents from one list are both set aside;
 *   - while something is set aside, the version before it stays;
 *   - a grant or entitlement on or to a thing that is not there is set aside, or skipped where the
 *     thing was skipped.
 * Not looked at: whether somebody holds two entitlements of one exclusion group. It needs a principal's
 * grants side by side, and nothing keeps them so yet. */
#ifndef REEVE_COMPARE_H
#define REEVE_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "state.h"
#include "tally.h"

/* What the caller knows of a list of the plugin as it is now. */
struct compare_list {
    struct span name;
    bool gone_if_unvisited; /* its parents were all listed: a parent not seen is no more */
    bool keep; /* another list that gives its kinds did not come whole: what is not here may be there */
};

/* Compares run `run` (fetched, not yet published) with the accepted one. Lists that are not named
 * no longer exist: what only they gave is gone. Fills `tally`, which the caller opened. Told now
 * and then, `progress` (may be NULL) gets the number of keys judged. */
enum err compare_run(struct state *s, uint64_t run, const struct compare_list *lists, size_t count,
                     struct tally *tally, void (*progress)(void *of, size_t judged), void *of,
                     struct error *e);

/* A row of STATE_CHG. */
enum compare_op { COMPARE_SAME, COMPARE_ADDED, COMPARE_CHANGED, COMPARE_REMOVED, COMPARE_DROPPED };
struct compare_change {
    enum compare_op op; /* SAME: other records provide it, nobody sees a difference;
                         * DROPPED: a record without a key went, `before` is its number */
    unsigned char key[RECORD_KEY];
    uint64_t before, after; /* records that were and are seen, 0: none */
};
bool compare_change_read(struct span value, struct compare_change *out);

/* A row of STATE_ASIDE. */
struct compare_aside {
    unsigned char key[RECORD_KEY];
    uint64_t record;
    uint32_t role; /* index.h: CONFLICT, DANGLING or SKIPPED */
};
bool compare_aside_read(struct span value, struct compare_aside *out);

#endif

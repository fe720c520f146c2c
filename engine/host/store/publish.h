/* publish: what becomes of a run that was compared: it is accepted, or undone.
 *
 * Accepting is one small transaction, whatever the run changed. All else here is tidying that may
 * be cut at any point and done again: publish_tidy() sees what is left over and removes it. */
#ifndef REEVE_PUBLISH_H
#define REEVE_PUBLISH_H

#include "../base/err.h"
#include "state.h"

/* From here on readers see this run. Its record (JSON) is written with it. A held run that it was,
 * or that it replaces, is none any more. */
enum err publish_run(struct state *s, uint64_t run, struct span record, struct error *e);

/* Undoes what compare wrote for a run that is not accepted. */
enum err publish_undo(struct state *s, uint64_t run, struct error *e);

/* Drops all of a run but its record and log: what compare wrote, what was staged, its records. */
enum err publish_drop(struct state *s, uint64_t run, struct error *e);

/* Deletes what the accepted run has made superfluous: staged rows (a held run's too: it was
 * compared), older sequences, lookups. To be done after a run, and before the next one. */
enum err publish_tidy(struct state *s, struct error *e);

/* Forgets the history that an accepted run older than the accepted one began with: records nobody
 * sees since then, its changes and its record. Runs are forgotten oldest first. */
enum err publish_forget(struct state *s, uint64_t run, struct error *e);

#endif

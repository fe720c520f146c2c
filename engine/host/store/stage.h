/* stage: the fetching half of a run. Objects come in as bytes with a hash, and only what is new
 * is written; nothing of it is visible until compare and publish.
 *
 * A page (one call of a list function) is the unit of commit: what it gave counts when it ends, in
 * the transaction that keeps the next cursor; a page that is cut or killed leaves nothing behind
 * but records nobody refers to. Records are collected and written a few MiB at a time, for all
 * units together, appended. Memory: STAGE_BATCH and, a unit that is open, some 20 KiB. */
#ifndef REEVE_STAGE_H
#define REEVE_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "seq.h"
#include "state.h"

struct stage;
struct stage_unit;

/* Begins, or goes on with, run number `run`, which the numbers name as open. The state is
 * the caller's and outlives the stage, which he ends by stage_close(). */
enum err stage_open(struct stage **out, struct state *s, uint64_t run, struct error *e);
void stage_close(struct stage *g);

/* A unit, made where this list and parent were never listed before. `parent` is {"type","id"} as
 * JSON, or empty. *progress and *note (valid until the next call) say how far it came before, all
 * zero for a fresh one. What a page that did not end left behind is dropped. The caller ends it by
 * stage_unit_free(). */
enum err stage_unit_open(struct stage *g, struct span list, struct span parent,
                         struct stage_unit **out, struct seq_progress *progress, struct buf *note,
                         struct error *e);
void stage_unit_free(struct stage_unit *u);

/* Was an object with this hash there last time, at about this place? Then it is marked as still
 * there, and *outcome (flags of seq.h) says what came of it. */
enum err stage_look(struct stage_unit *u, const unsigned char hash[16], bool *hit,
                    unsigned *outcome, struct error *e);

/* Keeps a new record (a finished value of record.h) for the object with this hash. */
enum err stage_keep(struct stage_unit *u, const unsigned char hash[16], unsigned outcome,
                    struct span record, struct error *e);

/* Objects emitted since the page began, and by all pages that count. */
uint64_t stage_unit_seen(const struct stage_unit *u);

/* Ends the page: all it gave counts from here on, durably. */
enum err stage_page_end(struct stage_unit *u, enum seq_state state, struct span note,
                        struct error *e);

/* Drops what the page gave so far. */
enum err stage_page_drop(struct stage_unit *u, struct error *e);

/* Forgets all that the unit gave in this run, as if it had never been asked. */
enum err stage_unit_restart(struct stage_unit *u, struct error *e);

/* From here on the unit is told changes only: what it does not give again was not mentioned. Said
 * before its first object, also by a run that goes on. */
void stage_changes(struct stage_unit *u);

/* The target said that this thing is gone; an object that comes later may bring it back. */
enum err stage_changes_gone(struct stage_unit *u, struct span type, struct span id,
                            struct error *e);

/* Ends a listing of changes, between its last page that ended open and a further stage_page_end:
 * of several words on one thing the last one counts, and with `rest` all that was not mentioned
 * counts as given again. ERR_LIMIT: too many changes, list all instead. ERR_CONFIG: an object
 * without an id was among them. */
enum err stage_changes_end(struct stage_unit *u, bool rest, struct error *e);

/* Writes all that waits, durably. Page ends are otherwise written together, at the latest when a
 * page ends STAGE_DELAY after the last time. */
enum err stage_sync(struct stage *g, struct error *e);

/* Gives back the memory of what waited; it is taken anew where more comes. */
void stage_rest(struct stage *g);

/* Writes pages that ended longer than STAGE_DELAY ago: to be called while nothing else happens. */
enum err stage_tick(struct stage *g, struct error *e);

/* Keeps a value in the plugin's cache, written with the pages that end. */
enum err stage_cache(struct stage *g, struct span key, struct span value, struct error *e);

/* Makes what a unit gave in this run (pages that count) findable by its name: stage_find(). */
enum err stage_index(struct stage *g, uint32_t unit, struct error *e);

/* The number of the record of that name, {"type":…,"id":…} as JSON or KIND and a NUL and id; 0
 * where no indexed unit gave it. */
enum err stage_find(struct stage *g, struct span name, uint64_t *record, struct error *e);

/* Is there a resource of this type and id in the accepted state? */
enum err stage_knows(struct stage *g, const char *type, struct span id, bool *known,
                     struct error *e);

/* The number by which a unit is known to stage_walk and compare. */
uint32_t stage_unit_number(const struct stage_unit *u);

/* Goes over the records that a unit gave in this run, pages that count and are written (see
 * stage_sync). Starts from all zero but `unit`. Gives up to `max` of them, 0 at the end; no reader
 * stays open between calls. */
struct stage_walk {
    uint32_t unit;
    uint32_t page, part;
    size_t entry;
    uint64_t within; /* of an entry that is a range of hits */
};
enum err stage_walk(struct stage *g, struct stage_walk *w, uint64_t *records, size_t max, size_t *n,
                    struct error *e);

#endif

/* index: who provides a thing (a resource, entitlement or grant), since which run.
 *
 * A thing's key has events, each (run, record, role); the last one of a record says what it is to
 * the thing now. At most one record is effective: what readers see. */
#ifndef REEVE_INDEX_H
#define REEVE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "state.h"

enum index_role {
    INDEX_GONE = 0,
    INDEX_EFFECTIVE = 1, /* the one that is seen */
    INDEX_SHADOWED = 2,  /* provides it too, but another goes first */
    INDEX_ASIDE = 3,     /* could not be believed by itself; protects the version before */
    INDEX_CONFLICT = 4,  /* one of two contents from one list */
    INDEX_DANGLING = 5,  /* a part on or to something that is not there */
    INDEX_SKIPPED = 6,   /* a mapping left it out on purpose */
    INDEX_PROTECTED = 7, /* seen: the version before, kept since the newer one was set aside */
    INDEX_DISPUTED = 8,  /* seen: one of two contents from one list, the one there was before */
};

/* Is a thing's record with this role the one that readers see? */
static inline bool index_is_seen(enum index_role role) {
    return role == INDEX_EFFECTIVE || role == INDEX_PROTECTED || role == INDEX_DISPUTED;
}

struct index_provider {
    uint64_t record;
    enum index_role role, before; /* `before` is for compare: the role at the accepted run */
    bool added, removed, weak, kept;
    bool noted, own; /* for compare too: what is known of its part without reading it (judge.h) */
    unsigned char note[RECORD_KEY];
};

/* Grows as needed; the owner ends it by index_free(). */
struct index_providers {
    struct index_provider *items;
    size_t count, capacity;
};
void index_free(struct index_providers *p);

/* The provider with this record, added with role INDEX_GONE where it is not there. NULL: no memory. */
struct index_provider *index_provider(struct index_providers *p, uint64_t record);

/* All providers of a key as of a run, those gone left out. `c` is a cursor on STATE_IDX. */
enum err index_fold(struct store_cursor *c, const unsigned char key[RECORD_KEY], uint64_t run,
                    struct index_providers *out, struct error *e);

/* The record that is seen as of a run, 0 where there is none; *skipped (may be NULL) says whether a
 * mapping left the thing out. */
enum err index_effective(struct store_cursor *c, const unsigned char key[RECORD_KEY], uint64_t run,
                         uint64_t *record, bool *skipped, struct error *e);

/* Writes an event. `append`: the key is behind all others and new. */
enum err index_put(struct store_txn *t, const unsigned char key[RECORD_KEY], uint64_t run,
                   uint64_t record, enum index_role role, bool append, struct error *e);

/* Deletes a key's events of one run. */
enum err index_undo(struct store_txn *t, const unsigned char key[RECORD_KEY], uint64_t run,
                    struct error *e);

/* Folds the events up to `run` into one a record; those of records gone by then are deleted, and
 * told by `gone`, which deletes the records that no other key tells of. */
enum err index_forget(struct store_txn *t, const unsigned char key[RECORD_KEY], uint64_t run,
                      void (*gone)(void *of, uint64_t record), void *of, struct error *e);

/* An event's parts, for those who walk a key's history. */
struct index_event {
    uint64_t run, record;
    enum index_role role;
};
bool index_event_read(struct span value, struct index_event *out);

#endif

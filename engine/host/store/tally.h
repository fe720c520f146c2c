/* tally: how much a run changes, as the guard wants to know it.
 *
 * Counted per resource type, per "type:slug" of grants, and per entitlement that gained or lost
 * holders (memory: 64 bytes for each of those). Field by field for changed resources: members of
 * "profile" count one by one. The owner of a struct tally ends it by tally_free(). */
#ifndef REEVE_TALLY_H
#define REEVE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "../model/record.h"

struct tally_field {
    char name[72]; /* "status", "profile.scope" … */
    uint64_t changed;
};

struct tally_type {
    char name[160]; /* "user", "role:member" */
    uint64_t added, changed, removed;
    struct tally_field *fields;
    size_t field_count;
};

struct tally_entitlement {
    unsigned char key[RECORD_KEY];
    uint64_t record;                /* one that shows its grants, to name it by */
    uint64_t before, added, removed; /* holders */
    bool used;
};

struct tally {
    struct tally_type *types;
    size_t type_count;
    struct tally_entitlement *slots; /* open addressing */
    size_t slot_count, entitlement_count;
    uint64_t conflicts, dangling, skipped;       /* parts that compare set aside or skipped */
    uint64_t skipped_records, aside_records, faults; /* records, over all listings in force */
    uint64_t changes;                            /* things that changed in any way one can see */
};

void tally_free(struct tally *t);

/* The counters of a type, made where it is new; beyond TALLY_TYPES names the rest share one,
 * "others". NULL: out of memory. */
struct tally_type *tally_type(struct tally *t, const char *name, size_t len);

/* Counts the fields in which two resources (canonical JSON) differ. */
enum err tally_fields(struct tally_type *type, struct span before, struct span after);

/* The counters of an entitlement; NULL: out of memory. */
struct tally_entitlement *tally_entitlement(struct tally *t, const unsigned char key[RECORD_KEY]);

#endif

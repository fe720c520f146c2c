/* record: what one emitted object became, as the state keeps it: immutable, one value a number.
 *
 * A record holds at most one resource, the entitlements and grants that came with it, where it
 * came from (list, kind, parent), and the raw bytes it was made of. Its parts have keys: 16 bytes
 * that stand for a tuple, the first being the kind of thing, the rest a keyed hash, so that a
 * target cannot choose ids that collide.
 *
 * A record that was skipped or set aside has no parts, but the key of its resource where its id
 * could be told, and as text an object {"type","id","reason"}.
 *
 * Layout, little-endian: struct record_head, one struct record_part a part (resource first, then
 * entitlements, then grants), then the bytes: each part's JSON, list, kind, parent, with, raw. */
#ifndef REEVE_RECORD_H
#define REEVE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/buf.h"
#include "../base/err.h"
#include "../base/span.h"

enum { RECORD_KEY = 16 };

/* The first byte of a key. Their order is the order in which compare meets them. */
enum record_kind { RECORD_RESOURCE = 1, RECORD_ENTITLEMENT = 2, RECORD_GRANT = 3 };

enum record_outcome {
    RECORD_KEPT = 0,
    RECORD_SKIPPED = 1,   /* a mapping returned nil */
    RECORD_SET_ASIDE = 2, /* it cannot be believed; protects the version before */
};

struct record_part {
    unsigned char key[RECORD_KEY];
    /* an entitlement: the key of its resource; a grant: of its entitlement */
    unsigned char on[RECORD_KEY];
    /* a grant: the key of the entitlement's resource, and of the principal */
    unsigned char on_resource[RECORD_KEY];
    unsigned char principal[RECORD_KEY];
    uint32_t json; /* bytes of this part's JSON */
    uint32_t unused;
};

struct record_head {
    unsigned char magic; /* RECORD_MAGIC: a value that is none is damage */
    unsigned char outcome;
    unsigned char has_resource; /* the first part is a resource (or the key of one set aside) */
    unsigned char by_operator;  /* skipped by the operator's mapping, not by the plugin's */
    uint32_t entitlements, grants;
    uint32_t list, kind, parent, with, raw; /* bytes of each */
    uint32_t unused;
};

enum { RECORD_MAGIC = 'R' };

/* A record being read: spans point into the value and live as long as it does. */
struct record {
    struct record_head head;
    size_t parts;
    const unsigned char *part; /* unaligned: read by record_part() */
    const char *json;
    struct span list, kind, parent, with, raw;
};

/* ERR_STORAGE where the value is not a record. */
enum err record_read(struct record *r, struct span value, struct error *e);

/* The i-th part, and its JSON. */
struct record_part record_part(const struct record *r, size_t i);
struct span record_json(const struct record *r, size_t i);

/* The part with this key: its index, or r->parts where there is none. */
size_t record_find(const struct record *r, const unsigned char key[RECORD_KEY]);

/* What others call the object: {"type":…,"id":…} as JSON, from its resource where it has one, else
 * from the raw object's "id" and the kind. Appends to `out`; ERR_NOT_FOUND where it has no id. */
enum err record_name(const struct record *r, struct buf *out);

/* The key for a tuple of strings. */
void record_key(const unsigned char secret[16], enum record_kind kind, const struct span *tuple,
                size_t n, unsigned char out[RECORD_KEY]);

/* A record being written. The owner ends it by record_draft_free(); it is reused by
 * record_draft_begin(). */
struct record_draft {
    struct record_head head;
    struct buf parts, json;
    size_t counted; /* bytes of json that belong to parts already */
};

void record_draft_init(struct record_draft *d);
void record_draft_free(struct record_draft *d);
void record_draft_begin(struct record_draft *d);

/* Adds a part whose JSON is what was appended to d->json since the last part. Resource first, then
 * entitlements, then grants. */
enum err record_draft_part(struct record_draft *d, enum record_kind kind,
                           const struct record_part *part);

/* Where a record came from. Spans may be empty. */
struct record_origin {
    struct span list, kind, parent, with, raw;
};

/* Appends the finished value to `out`. */
enum err record_draft_write(const struct record_draft *d, const struct record_origin *origin,
                            struct buf *out);

#endif

/* model: what a record is. Checks what a mapping returned and writes it in its one normal form.
 *
 * A mapping's result arrives as a tree (value.h): one object with the fields of a resource, and
 * perhaps "entitlements" and "grants"; without "id" it carries only those. The model knows the
 * fields (the table in model_fields.c), the resource types and declared entitlements of one plugin, and
 * the limits of limits.h. It drops "" and null, writes integer ids as decimals and times as
 * RFC 3339 UTC, and puts fields into their fixed order, so that equal records are equal bytes. */
#ifndef REEVE_MODEL_H
#define REEVE_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"
#include "../json/value.h"
#include "record.h"

struct model;

/* `resources` is the manifest's table of that name as JSON, copied; `secret` keys the tuples. The
 * caller ends *out by model_free(), which takes NULL. ERR_CONFIG where the JSON is none. */
enum err model_open(struct model **out, const char *resources, size_t len,
                    const unsigned char secret[16], struct error *e);
void model_free(struct model *m);

struct model_result {
    bool mapping_fault; /* set aside for what the mapping did, not for what the target sent */
    char reason[384];   /* names the field, never its value; "" where the record is good */
};

/* Checks one result for an object of this kind (the default of "type") and fills `draft`: as a
 * record where it is good; else as one that is set aside, with its reason, and its key where type
 * and id could be told. The tree has no faults (value_first_fault), and may get another order. `by`
 * is who made it, for the words on a mapping's fault; may be NULL. Fails (ERR_NOMEM) only where
 * memory is out. */
enum err model_check(struct model *m, const char *kind, const char *by, const struct value *record,
                     struct record_draft *draft, struct model_result *result, struct error *e);

/* Fills `draft` with what stands for an object that is no record: `outcome` says why. `id` may be
 * NULL where it is not known; `type` NULL takes the kind. */
enum err model_without(struct model *m, const char *kind, const char *type, const char *id,
                       size_t id_len, enum record_outcome outcome, const char *reason,
                       struct record_draft *draft, struct error *e);

/* Does the plugin have this resource type? */
bool model_has_type(const struct model *m, const char *type, size_t len);

#endif

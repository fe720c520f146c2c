/* model_fields: the fields a resource may have, as data, in the order in which they are written. */
#ifndef REEVE_MODEL_FIELDS_H
#define REEVE_MODEL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/when.h"
#include "../json/value.h"
#include "record.h"

enum model_field_kind {
    MODEL_STRING,
    MODEL_TIME,
    MODEL_BOOLEAN,
    MODEL_CHOICE,
    MODEL_STRINGS,
    MODEL_REFERENCE,
    MODEL_PROFILE,
};

struct model_field {
    const char *name;
    size_t name_len;
    enum model_field_kind kind;
    const char *trait;   /* only resources with it have the field; NULL: all */
    const char *choices; /* of a MODEL_CHOICE: words with a blank between */
};

enum { MODEL_FIELDS_MAX = 32, MODEL_TIME_MAX = WHEN_MAX };

/* The first two members of a field. */
#define MODEL_NAMED(name) name, sizeof name - 1

/* Ended by one without a name. "type" and "id" are not in it: model.c writes them first. */
extern const struct model_field model_fields[];

/* Where type and id are kept beside the others. */
enum { MODEL_TYPE = MODEL_FIELDS_MAX - 2, MODEL_ID = MODEL_FIELDS_MAX - 1 };

/* A member's name to its field's index, MODEL_TYPE and MODEL_ID included; -1 where it is none. */
int model_field_index(const char *name, size_t len);

/* Is the word one of these? */
bool model_is_choice(const char *choices, const char *word, size_t len);

/* A field's value as a time in its normal form. Text is RFC 3339 or an HTTP date; a number is
 * seconds since 1970, or milliseconds where it is 100,000,000,000 or more (seconds would then be
 * past the year 5138). False where it is neither. */
bool model_time(const struct value *v, char out[MODEL_TIME_MAX]);

/* The key of a resource, or with a slug of an entitlement on it. */
void model_key(const unsigned char secret[16], enum record_kind kind, const char *type,
               const char *id, size_t id_len, const char *slug, unsigned char out[RECORD_KEY]);

#endif

/* model_check: one check of a record under way, and the writing of checked values: what model.c and
 * model_parts.c stand on. Private to the model; others use model.h. */
#ifndef REEVE_MODEL_CHECK_H
#define REEVE_MODEL_CHECK_H

#include "../base/limits.h"
#include "../json/value.h"
#include "model.h"
#include "model_fields.h"

struct model_type {
    struct span name, trait;          /* trait.p is NULL where there is none */
    const struct value *entitlements; /* the declared ones by slug; NULL: none */
};

enum { MODEL_TYPES_MAX = 64 };

/* Types point into the tree, and the tree into the text. */
struct model {
    unsigned char secret[16];
    char *resources;
    struct value_pool pool;
    size_t count;
    struct model_type types[MODEL_TYPES_MAX];
};

struct model_check {
    struct model *m;
    const char *by;
    struct record_draft *draft;
    struct model_result *result;
    const struct model_type *type;
    const struct value *fields[MODEL_FIELDS_MAX]; /* NULL: absent */
    const struct value *entitlements, *grants;
    struct span unknown; /* the name of a field that is none */
    char digits[24];     /* the last integer that was read as text */
    char id[LIMIT_ID + 1], type_name[65];
    size_t id_len, type_len;
};

/* A { type, id } as text. */
struct model_reference {
    char type[65], id[LIMIT_ID + 1];
    size_t type_len, id_len;
};

/* All return ERR_INVALID once the record is refused, its reason then in c->result. */

/* Refuses: the first word on a record stands; whose mapping it was goes before it. */
enum err model_refuse(struct model_check *c, bool mapping, const char *format, const char *a,
                      const char *b);

/* Absent, null or "". */
bool model_absent(const struct value *v);

/* The text of a string, where it is, or of an integer, in c->digits; at most `max` bytes, no
 * NUL. */
enum err model_text(struct model_check *c, const char *field, const struct value *v, size_t max,
                    struct span *text);

/* Append to the draft: as they are; ,"name": (no comma after an opening brace); a string; any
 * value; a field of this kind where present. */
enum err model_add(struct model_check *c, const char *text);
enum err model_add_name(struct model_check *c, const char *name);
enum err model_add_string(struct model_check *c, const char *bytes, size_t len);
enum err model_add_value(struct model_check *c, const struct value *v);
enum err model_add_field(struct model_check *c, const struct model_field *f,
                         const struct value *v);

/* The members of an object by name, NULL where absent; `names` ends with NULL. False where it has
 * another one, or is no object. */
bool model_members(const struct value *object, const char *const *names,
                   const struct value **found);

enum err model_read_reference(struct model_check *c, const char *field, const struct value *v,
                              struct model_reference *out);
/* {"type":…,"id":…  the closing brace is the caller's: he may have more to say. */
enum err model_add_reference(struct model_check *c, const char *name,
                             const struct model_reference *ref);

/* Copies a text that was checked to fit, and its end; returns its length. */
size_t model_copy_text(struct span text, char *out);

/* The resource type of this name; NULL where the plugin has none. */
const struct model_type *model_type_named(const struct model *m, const char *name, size_t len);

/* model_parts.c: the record's entitlements, declared ones included, and its grants. */
enum err model_add_entitlements(struct model_check *c);
enum err model_add_grants(struct model_check *c);

#endif

/* model_check: what model.c and model_parts.c share: one check under way, and the writing of
 * checked values. Private to the model; others use model.h. */
#ifndef REEVE_MODEL_CHECK_H
#define REEVE_MODEL_CHECK_H

#include "json.h"
#include "limits.h"
#include "model.h"
#include "model_fields.h"

struct model_type {
    struct json_value name, trait, entitlements;
};

struct model_check {
    struct model *m;
    struct record_draft *draft;
    struct model_result *result;
    struct buf text; /* the last string read, its escapes resolved */
    const struct model_type *type;
    struct json_value fields[MODEL_FIELDS_MAX];
    struct json_value entitlements, grants, unknown;
    char id[LIMIT_ID + 1], type_name[65];
    size_t id_len;
};

/* A { type, id } as text. */
struct model_reference {
    char type[65], id[LIMIT_ID + 1];
    size_t type_len, id_len;
};

/* All return ERR_INVALID once the record is refused, its reason then in c->result. */

/* Refuses: the first word on a record stands. */
enum err model_refuse(struct model_check *c, bool mapping, const char *format, const char *a,
                      const char *b);

/* Absent, null or "". */
bool model_absent(const struct json_value *v);

/* The text of a string or integer into c->text, at most `max` bytes, valid UTF-8, no NUL. */
enum err model_text(struct model_check *c, const char *field, const struct json_value *v,
                    size_t max);

/* Append to the draft: as they are; ,"name": ; a string; a field of this kind where present. */
enum err model_add(struct model_check *c, const char *text);
enum err model_add_name(struct model_check *c, const char *name);
enum err model_add_string(struct model_check *c, const char *bytes, size_t len);
enum err model_add_field(struct model_check *c, const struct model_field *f,
                         const struct json_value *v);

/* The members of an object by name, JSON_NONE where absent; `names` ends with NULL. False where it
 * has another one, or is no object. */
bool model_members(const struct json_value *object, const char *const *names,
                   struct json_value *found);

enum err model_read_reference(struct model_check *c, const char *field, const struct json_value *v,
                              struct model_reference *out);
/* {"type":…,"id":…  the closing brace is the caller's: he may have more to say. */
enum err model_add_reference(struct model_check *c, const char *name,
                             const struct model_reference *ref);

const unsigned char *model_secret(const struct model *m);

/* model_parts.c: the record's entitlements, declared ones included, and its grants. */
enum err model_add_entitlements(struct model_check *c);
enum err model_add_grants(struct model_check *c);

#endif

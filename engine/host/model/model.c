#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "../json/json.h"
#include "../json/value_json.h"
#include "model_check.h"

enum { MANIFEST_VALUES = 100000 };

static struct model_type type_of(const struct value_member *m) {
    const struct value *trait = value_member(&m->value, "trait", 5);
    return (struct model_type){
        .name = span_of(m->name, m->name_len),
        .trait = trait && trait->kind == VALUE_STRING ? span_of(trait->text, trait->len)
                                                      : span_of(NULL, 0),
        .entitlements = value_member(&m->value, "entitlements", 12),
    };
}

enum err model_open(struct model **out, const char *resources, size_t len,
                    const unsigned char secret[16], struct error *e) {
    struct model *m = calloc(1, sizeof *m);
    struct value types;
    *out = m;
    if (!m || !(m->resources = malloc(len + 1))) goto no_memory;
    memcpy(m->resources, resources, len);
    memcpy(m->secret, secret, sizeof m->secret);
    value_pool_init(&m->pool, MANIFEST_VALUES);
    enum err rc = value_json_read(&m->pool, m->resources, len, &types);
    if (rc == ERR_NOMEM) goto no_memory;
    if (!rc && types.kind == VALUE_OBJECT && types.len <= MODEL_TYPES_MAX) {
        for (size_t i = 0; i < types.len; i++) m->types[i] = type_of(&types.members[i]);
        m->count = types.len;
        return ERR_OK;
    }
    model_free(m);
    *out = NULL;
    return err_set(e, ERR_CONFIG, "the manifest's resources are no table of at most %d types",
                   MODEL_TYPES_MAX);
no_memory:
    model_free(m);
    *out = NULL;
    return err_set(e, ERR_NOMEM, "out of memory reading a manifest");
}

void model_free(struct model *m) {
    if (!m) return;
    value_pool_free(&m->pool);
    free(m->resources);
    free(m);
}

bool model_has_type(const struct model *m, const char *type, size_t len) {
    return model_type_named(m, type, len) != NULL;
}

static enum err unknown_field(struct model_check *c) {
    char name[48];
    size_t n = c->unknown.n < sizeof name - 1 ? c->unknown.n : sizeof name - 1;
    memcpy(name, c->unknown.p, n);
    name[n] = '\0';
    return model_refuse(c, true, "%s: there is no such field%s", name,
                        "; what the target calls its own goes into profile");
}

/* Members come in no order: of several unknown ones, always the same is told. */
static void note_unknown(struct model_check *c, const struct value_member *m) {
    size_t shorter = m->name_len < c->unknown.n ? m->name_len : c->unknown.n;
    int order = c->unknown.p ? memcmp(m->name, c->unknown.p, shorter) : 1;
    if (order > 0 || (order == 0 && m->name_len > c->unknown.n))
        c->unknown = span_of(m->name, m->name_len);
}

/* Sorts the members of the result into c->fields; unknown ones are the mapping's mistake. */
static enum err read_members(struct model_check *c, const struct value *record) {
    if (record->kind != VALUE_OBJECT)
        return model_refuse(c, true, "%s%s", "the mapping returned no table", "");
    for (size_t k = 0; k < record->len; k++) {
        const struct value_member *m = &record->members[k];
        int i = model_field_index(m->name, m->name_len);
        if (i >= 0)
            c->fields[i] = &m->value;
        else if (value_is_named(m, "entitlements", 12))
            c->entitlements = &m->value;
        else if (value_is_named(m, "grants", 6))
            c->grants = &m->value;
        else
            note_unknown(c, m); /* refused once type and id are known, to say whose it is */
    }
    return ERR_OK;
}

/* Type and id: what everything else hangs on. Without an id there is no resource. */
static enum err read_identity(struct model_check *c, const char *kind) {
    const struct value *type = c->fields[MODEL_TYPE], *id = c->fields[MODEL_ID];
    struct span text;
    c->type_len = model_copy_text(span_of(kind, strlen(kind)), c->type_name);
    enum err rc = ERR_OK;
    if (!model_absent(id)) rc = model_text(c, "id", id, LIMIT_ID, &text);
    if (!rc && !model_absent(id)) c->id_len = model_copy_text(text, c->id);
    if (!rc && !model_absent(type))
        rc = model_text(c, "type", type, sizeof c->type_name - 1, &text);
    if (rc) return rc;
    if (!model_absent(type)) c->type_len = model_copy_text(text, c->type_name);
    c->type = model_type_named(c->m, c->type_name, c->type_len);
    if (!c->type && c->id_len)
        return model_refuse(c, true, "type: the plugin has no resource type %s%s", c->type_name,
                            "");
    return ERR_OK;
}

/* Does a resource of another trait have this field? */
static bool is_of_another_trait(const struct model_check *c, const struct model_field *f) {
    const struct span *trait = &c->type->trait;
    return f->trait && trait->p &&
           (strlen(f->trait) != trait->n || memcmp(f->trait, trait->p, trait->n) != 0);
}

static enum err add_resource(struct model_check *c) {
    enum err rc = model_add(c, "{");
    if (!rc) rc = model_add_name(c, "type");
    if (!rc) rc = model_add_string(c, c->type_name, c->type_len);
    if (!rc) rc = model_add_name(c, "id");
    if (!rc) rc = model_add_string(c, c->id, c->id_len);
    for (int i = 0; !rc && model_fields[i].name; i++) {
        const struct model_field *f = &model_fields[i];
        if (model_absent(c->fields[i])) continue;
        if (is_of_another_trait(c, f))
            return model_refuse(c, true, "%s: only resources with the trait %s have it", f->name,
                                f->trait);
        rc = model_add_field(c, f, c->fields[i]);
    }
    if (!rc) rc = model_add(c, "}");
    struct record_part part = {0};
    if (rc) return rc;
    model_key(c->m->secret, RECORD_RESOURCE, c->type_name, c->id, c->id_len, NULL, part.key);
    return record_draft_part(c->draft, RECORD_RESOURCE, &part);
}

enum err model_without(struct model *m, const char *kind, const char *type, const char *id,
                       size_t id_len, enum record_outcome outcome, const char *reason,
                       struct record_draft *draft, struct error *e) {
    record_draft_begin(draft);
    draft->head.outcome = (unsigned char)outcome;
    if (!type) type = kind;
    if (id_len > LIMIT_ID) id_len = 0;
    struct buf *out = &draft->json;
    enum err rc = buf_add_text(out, "{\"type\":");
    if (!rc) rc = json_escape(type, strlen(type), out);
    if (!rc && id && id_len) rc = buf_add_text(out, ",\"id\":");
    if (!rc && id && id_len) rc = json_escape(id, id_len, out);
    if (!rc) rc = buf_add_text(out, ",\"reason\":");
    if (!rc) rc = json_escape(reason, strlen(reason), out);
    if (!rc) rc = buf_add_text(out, "}");
    struct record_part part = {0};
    if (id && id_len) model_key(m->secret, RECORD_RESOURCE, type, id, id_len, NULL, part.key);
    /* Without an id the part has a key that no resource has: all zero. */
    if (!rc) rc = record_draft_part(draft, RECORD_RESOURCE, &part);
    return rc ? err_set(e, ERR_NOMEM, "out of memory setting a record aside") : ERR_OK;
}

/* Does it say anything that only a resource has? Then it was meant as one. */
static bool has_content(const struct model_check *c) {
    for (int i = 0; i < MODEL_FIELDS_MAX; i++)
        if (i != MODEL_TYPE && i != MODEL_ID && !model_absent(c->fields[i])) return true;
    return model_absent(c->entitlements) && model_absent(c->grants);
}

enum err model_check(struct model *m, const char *kind, const char *by, const struct value *record,
                     struct record_draft *draft, struct model_result *result, struct error *e) {
    struct model_check c = {.m = m, .by = by, .draft = draft, .result = result};
    *result = (struct model_result){0};
    record_draft_begin(draft);
    enum err rc = read_members(&c, record);
    if (!rc) rc = read_identity(&c, kind);
    if (!rc && c.unknown.p) rc = unknown_field(&c);
    if (!rc && c.id_len) rc = add_resource(&c);
    if (!rc && !c.id_len && has_content(&c))
        rc = model_refuse(&c, false, "%s%s", "it has no id", "");
    if (!rc) rc = model_add_entitlements(&c);
    if (!rc) rc = model_add_grants(&c);
    if (rc == ERR_INVALID)
        return model_without(m, kind, c.type_name[0] ? c.type_name : NULL, c.id, c.id_len,
                             RECORD_SET_ASIDE, result->reason, draft, e);
    return rc ? err_set(e, ERR_NOMEM, "out of memory checking a record") : ERR_OK;
}

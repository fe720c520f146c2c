#include "model.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "model_check.h"
#include "value_json.h"

enum { TYPES_MAX = 64, MANIFEST_VALUES = 100000 };

/* Types point into the tree, and the tree into the text. */
struct model {
    unsigned char secret[16];
    char *resources;
    struct value_pool pool;
    size_t count;
    struct model_type types[TYPES_MAX];
};

static struct model_type type_of(const struct value_member *m) {
    const struct value *trait = value_member(&m->value, "trait", 5);
    return (struct model_type){
        .name = span_of(m->name, m->name_len),
        .trait = trait && trait->kind == VALUE_STRING ? span_of(trait->text, trait->len)
                                                      : span_of(NULL, 0),
        .entitlements = value_member(&m->value, "entitlements", 12),
    };
}

/* Copies a text that was checked to fit, and its end; returns its length. */
static size_t copy_text(struct span text, char *out) {
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return text.n;
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
    if (!rc && types.kind == VALUE_OBJECT && types.len <= TYPES_MAX) {
        for (size_t i = 0; i < types.len; i++) m->types[i] = type_of(&types.members[i]);
        m->count = types.len;
        return ERR_OK;
    }
    model_free(m);
    *out = NULL;
    return err_set(e, ERR_CONFIG, "the manifest's resources are no table of at most %d types",
                   TYPES_MAX);
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

const unsigned char *model_secret(const struct model *m) {
    return m->secret;
}

static const struct model_type *type_named(const struct model *m, const char *name, size_t len) {
    for (size_t i = 0; i < m->count; i++)
        if (m->types[i].name.n == len && memcmp(m->types[i].name.p, name, len) == 0)
            return &m->types[i];
    return NULL;
}

bool model_has_type(const struct model *m, const char *type, size_t len) {
    return type_named(m, type, len) != NULL;
}

/* What is wrong with the record; the first word on it stands. */
enum err model_refuse(struct model_check *c, bool mapping, const char *format, const char *a,
                      const char *b) {
    char *reason = c->result->reason;
    size_t size = sizeof c->result->reason;
    int n = mapping && c->by ? snprintf(reason, size, "%s: ", c->by) : 0;
    if (n >= 0 && (size_t)n < size) snprintf(reason + n, size - (size_t)n, format, a, b);
    c->result->mapping_fault = mapping;
    return ERR_INVALID;
}

static enum err full(struct model_check *c, enum err rc) {
    if (rc != ERR_LIMIT) return rc;
    return model_refuse(c, false, "%s%s", "the record is larger than 1 MiB", "");
}

bool model_absent(const struct value *v) {
    return !v || v->kind == VALUE_NULL || (v->kind == VALUE_STRING && v->len == 0);
}

static enum err check_text(struct model_check *c, const char *field, const char *text, size_t len,
                           size_t max) {
    if (len > max)
        return model_refuse(c, false, "%s: %s", field,
                            max == LIMIT_ID ? "it is longer than 512 bytes"
                                            : "it is longer than 64 KiB");
    if (memchr(text, 0, len)) return model_refuse(c, false, "%s: %s", field, "it holds a NUL");
    return ERR_OK;
}

enum err model_text(struct model_check *c, const char *field, const struct value *v, size_t max,
                    struct span *text) {
    if (v->kind == VALUE_INTEGER) {
        int n = snprintf(c->digits, sizeof c->digits, "%" PRId64, v->integer);
        *text = span_of(c->digits, (size_t)n);
        return ERR_OK;
    }
    if (v->kind != VALUE_STRING)
        return model_refuse(c, true, "%s: %s", field, "a string was expected");
    *text = span_of(v->text, v->len);
    return check_text(c, field, v->text, v->len, max);
}

enum err model_add(struct model_check *c, const char *text) {
    return full(c, buf_add_text(&c->draft->json, text));
}

enum err model_add_name(struct model_check *c, const char *name) {
    struct buf *out = &c->draft->json;
    size_t len = strlen(name);
    enum err rc = buf_reserve(out, len + 4);
    if (rc) return full(c, rc);
    char *p = out->data + out->len;
    if (out->len && p[-1] != '{') *p++ = ',';
    *p++ = '"';
    memcpy(p, name, len); /* our own names: nothing in them is escaped */
    p += len;
    *p++ = '"';
    *p++ = ':';
    out->len = (size_t)(p - out->data);
    return ERR_OK;
}

enum err model_add_string(struct model_check *c, const char *bytes, size_t len) {
    return full(c, json_escape(bytes, len, &c->draft->json));
}

enum err model_add_value(struct model_check *c, const struct value *v) {
    return full(c, value_json_write(v, &c->draft->json));
}

static enum err add_text_field(struct model_check *c, const char *name, const struct value *v,
                               size_t max) {
    struct span text;
    enum err rc = model_text(c, name, v, max, &text);
    if (!rc) rc = model_add_name(c, name);
    return rc ? rc : model_add_string(c, text.p, text.n);
}

static enum err add_time(struct model_check *c, const char *name, const struct value *v) {
    char when[MODEL_TIME_MAX];
    struct span text = {"", 0};
    enum err rc = v->kind == VALUE_FLOAT ? ERR_OK : model_text(c, name, v, 128, &text);
    if (rc) return rc;
    if (!model_time(v, when))
        return model_refuse(c, false, "%s: %s", name, "it is not a time that is understood");
    rc = model_add_name(c, name);
    return rc ? rc : model_add_string(c, when, strlen(when));
}

static enum err add_boolean(struct model_check *c, const char *name, const struct value *v) {
    if (v->kind != VALUE_TRUE && v->kind != VALUE_FALSE)
        return model_refuse(c, true, "%s: %s", name, "true or false was expected");
    enum err rc = model_add_name(c, name);
    return rc ? rc : model_add_value(c, v);
}

static enum err add_choice(struct model_check *c, const struct model_field *f,
                           const struct value *v) {
    struct span word;
    enum err rc = model_text(c, f->name, v, LIMIT_ID, &word);
    if (rc) return rc;
    if (!model_is_choice(f->choices, word.p, word.n))
        return model_refuse(c, true, "%s: one of %s was expected", f->name, f->choices);
    rc = model_add_name(c, f->name);
    return rc ? rc : model_add_string(c, word.p, word.n);
}

static enum err add_strings(struct model_check *c, const char *name, const struct value *v) {
    if (v->kind != VALUE_ARRAY)
        return model_refuse(c, true, "%s: %s", name, "a list of strings was expected");
    enum err rc = model_add_name(c, name);
    if (!rc) rc = model_add(c, "[");
    const char *comma = "";
    for (size_t i = 0; !rc && i < v->len; i++) {
        struct span text;
        if (model_absent(&v->members[i].value)) continue;
        rc = model_text(c, name, &v->members[i].value, LIMIT_STRING, &text);
        if (!rc) rc = model_add(c, comma);
        if (!rc) rc = model_add_string(c, text.p, text.n);
        comma = ",";
    }
    return rc ? rc : model_add(c, "]");
}

bool model_members(const struct value *object, const char *const *names,
                   const struct value **found) {
    bool known = object->kind == VALUE_OBJECT;
    for (size_t i = 0; names[i]; i++) found[i] = NULL;
    for (size_t k = 0; known && k < object->len; k++) {
        const struct value_member *m = &object->members[k];
        size_t i = 0;
        while (names[i] && !value_is_named(m, names[i], strlen(names[i]))) i++;
        if (names[i]) found[i] = &m->value;
        known = names[i];
    }
    return known;
}

enum err model_read_reference(struct model_check *c, const char *field, const struct value *v,
                              struct model_reference *out) {
    if (!v || v->kind != VALUE_OBJECT)
        return model_refuse(c, true, "%s: %s", field, "a table { type, id } was expected");
    const struct value *type = value_member(v, "type", 4), *id = value_member(v, "id", 2);
    if (model_absent(type)) return model_refuse(c, true, "%s: %s", field, "it has no type");
    if (model_absent(id)) return model_refuse(c, false, "%s: %s", field, "it has no id");
    struct span text;
    enum err rc = model_text(c, field, type, sizeof out->type - 1, &text);
    if (rc) return rc;
    out->type_len = copy_text(text, out->type);
    if (!type_named(c->m, out->type, out->type_len))
        return model_refuse(c, true, "%s: the plugin has no resource type %s", field, out->type);
    rc = model_text(c, field, id, LIMIT_ID, &text);
    if (!rc) out->id_len = copy_text(text, out->id);
    return rc;
}

enum err model_add_reference(struct model_check *c, const char *name,
                             const struct model_reference *ref) {
    enum err rc = model_add_name(c, name);
    if (!rc) rc = model_add(c, "{");
    if (!rc) rc = model_add_name(c, "type");
    if (!rc) rc = model_add_string(c, ref->type, ref->type_len);
    if (!rc) rc = model_add_name(c, "id");
    if (!rc) rc = model_add_string(c, ref->id, ref->id_len);
    return rc;
}

static enum err add_reference_field(struct model_check *c, const char *name,
                                    const struct value *v) {
    struct model_reference ref;
    enum err rc = model_read_reference(c, name, v, &ref);
    if (!rc) rc = model_add_reference(c, name, &ref);
    return rc ? rc : model_add(c, "}");
}

/* Strings and names anywhere in a profile: what would make the record unreadable elsewhere. */
static enum err check_deep(struct model_check *c, const char *field, const struct value *v) {
    enum err rc = ERR_OK;
    if (v->kind == VALUE_STRING) return check_text(c, field, v->text, v->len, LIMIT_STRING);
    if (v->kind < VALUE_ARRAY) return ERR_OK;
    for (size_t i = 0; !rc && i < v->len; i++) {
        const struct value_member *m = &v->members[i];
        rc = check_text(c, field, m->name, m->name_len, LIMIT_STRING);
        if (!rc) rc = check_deep(c, field, &m->value);
    }
    return rc;
}

static enum err add_profile(struct model_check *c, const char *name, const struct value *v) {
    if (v->kind == VALUE_ARRAY && v->len == 0) return ERR_OK;
    if (v->kind != VALUE_OBJECT)
        return model_refuse(c, true, "%s: %s", name, "a table was expected");
    size_t start = c->draft->json.len;
    enum err rc = model_add_name(c, name);
    if (!rc) rc = model_add(c, "{");
    size_t empty = c->draft->json.len;
    value_sort(v);
    for (size_t i = 0; !rc && i < v->len; i++) {
        const struct value_member *m = &v->members[i];
        if (model_absent(&m->value)) continue;
        rc = check_text(c, name, m->name, m->name_len, LIMIT_STRING);
        if (!rc) rc = check_deep(c, name, &m->value);
        if (!rc && c->draft->json.len > empty) rc = model_add(c, ",");
        if (!rc) rc = model_add_string(c, m->name, m->name_len);
        if (!rc) rc = model_add(c, ":");
        if (!rc) rc = model_add_value(c, &m->value);
    }
    if (!rc && c->draft->json.len == empty) {
        c->draft->json.len = start;
        return ERR_OK;
    }
    return rc ? rc : model_add(c, "}");
}

enum err model_add_field(struct model_check *c, const struct model_field *f,
                         const struct value *v) {
    if (model_absent(v)) return ERR_OK;
    switch (f->kind) {
    case MODEL_STRING: return add_text_field(c, f->name, v, LIMIT_STRING);
    case MODEL_TIME: return add_time(c, f->name, v);
    case MODEL_BOOLEAN: return add_boolean(c, f->name, v);
    case MODEL_CHOICE: return add_choice(c, f, v);
    case MODEL_STRINGS: return add_strings(c, f->name, v);
    case MODEL_REFERENCE: return add_reference_field(c, f->name, v);
    case MODEL_PROFILE: return add_profile(c, f->name, v);
    }
    return ERR_OK;
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
    c->type_len = copy_text(span_of(kind, strlen(kind)), c->type_name);
    enum err rc = ERR_OK;
    if (!model_absent(id)) rc = model_text(c, "id", id, LIMIT_ID, &text);
    if (!rc && !model_absent(id)) c->id_len = copy_text(text, c->id);
    if (!rc && !model_absent(type))
        rc = model_text(c, "type", type, sizeof c->type_name - 1, &text);
    if (rc) return rc;
    if (!model_absent(type)) c->type_len = copy_text(text, c->type_name);
    c->type = type_named(c->m, c->type_name, c->type_len);
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

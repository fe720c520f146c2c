#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_check.h"

enum { TYPES_MAX = 64 };

struct model {
    unsigned char secret[16];
    char *resources;
    size_t count;
    struct model_type types[TYPES_MAX];
};

enum err model_open(struct model **out, const char *resources, size_t len,
                    const unsigned char secret[16], struct error *e) {
    struct model *m = calloc(1, sizeof *m);
    *out = m;
    if (!m || !(m->resources = malloc(len + 1))) {
        model_free(m);
        *out = NULL;
        return err_set(e, ERR_NOMEM, "out of memory reading a manifest");
    }
    memcpy(m->resources, resources, len);
    memcpy(m->secret, secret, sizeof m->secret);
    struct json_each it;
    bool opens = json_each_open(&it, m->resources, len);
    while (json_each_next(&it)) {
        opens = opens && m->count < TYPES_MAX;
        if (!opens) break;
        struct model_type *t = &m->types[m->count++];
        t->name = it.key;
        t->trait = json_find(it.value.at, it.value.len, "trait");
        t->entitlements = json_find(it.value.at, it.value.len, "entitlements");
    }
    if (opens) return ERR_OK;
    model_free(m);
    *out = NULL;
    return err_set(e, ERR_CONFIG, "the manifest's resources are no table of at most %d types",
                   TYPES_MAX);
}

void model_free(struct model *m) {
    if (!m) return;
    free(m->resources);
    free(m);
}

const unsigned char *model_secret(const struct model *m) {
    return m->secret;
}

static const struct model_type *type_named(const struct model *m, const char *name, size_t len) {
    for (size_t i = 0; i < m->count; i++)
        if (json_string_is(&m->types[i].name, name, len)) return &m->types[i];
    return NULL;
}

bool model_has_type(const struct model *m, const char *type, size_t len) {
    return type_named(m, type, len) != NULL;
}

/* What is wrong with the record; the first word on it stands. */
enum err model_refuse(struct model_check *c, bool mapping, const char *format, const char *a,
                       const char *b) {
    c->result->mapping_fault = mapping;
    snprintf(c->result->reason, sizeof c->result->reason, format, a, b);
    return ERR_INVALID;
}

static enum err full(struct model_check *c, enum err rc) {
    if (rc != ERR_LIMIT) return rc;
    return model_refuse(c, false, "%s%s", "the record is larger than 1 MiB", "");
}

bool model_absent(const struct json_value *v) {
    return v->kind == JSON_NONE || v->kind == JSON_NULL || (v->kind == JSON_STRING && v->len == 2);
}

static enum err too_long(struct model_check *c, const char *field, size_t max) {
    return model_refuse(c, false, "%s: %s", field,
                        max == LIMIT_ID ? "it is longer than 512 bytes"
                                        : "it is longer than 64 KiB");
}

static bool is_plain(const struct json_value *v) {
    return v->kind == JSON_STRING && !v->escaped;
}

/* A string without escapes is checked where it stands: it can hold no NUL. */
static enum err check_plain(struct model_check *c, const char *field, const struct json_value *v,
                            size_t max) {
    if (v->len - 2 > max) return too_long(c, field, max);
    if (!json_utf8_valid(v->at + 1, v->len - 2))
        return model_refuse(c, false, "%s: %s", field, "it is not valid UTF-8");
    return ERR_OK;
}

/* The text of a string or integer into c->text, checked against `max` bytes. */
enum err model_text(struct model_check *c, const char *field, const struct json_value *v,
                        size_t max) {
    if (v->kind != JSON_STRING && v->kind != JSON_INTEGER)
        return model_refuse(c, true, "%s: %s", field, "a string was expected");
    buf_clear(&c->text);
    if (is_plain(v)) {
        enum err plain = check_plain(c, field, v, max);
        return plain ? plain : buf_add(&c->text, v->at + 1, v->len - 2);
    }
    enum err rc =
        v->kind == JSON_STRING ? json_unescape(v, &c->text) : buf_add(&c->text, v->at, v->len);
    if (rc == ERR_LIMIT) return model_refuse(c, false, "%s: %s", field, "it is too long");
    if (rc) return rc;
    if (c->text.len > max) return too_long(c, field, max);
    if (memchr(c->text.data, 0, c->text.len))
        return model_refuse(c, false, "%s: %s", field, "it holds a NUL");
    if (!json_utf8_valid(c->text.data, c->text.len))
        return model_refuse(c, false, "%s: %s", field, "it is not valid UTF-8");
    return ERR_OK;
}

enum err model_add(struct model_check *c, const char *text) {
    return full(c, buf_add_text(&c->draft->json, text));
}

/* Appends ,"name": (without the comma after an opening brace). */
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

static enum err add_text_field(struct model_check *c, const char *name, const struct json_value *v,
                               size_t max) {
    if (model_absent(v)) return ERR_OK;
    enum err rc = is_plain(v) ? check_plain(c, name, v, max) : model_text(c, name, v, max);
    if (!rc) rc = model_add_name(c, name);
    if (!rc && is_plain(v)) return full(c, buf_add(&c->draft->json, v->at, v->len));
    return rc ? rc : model_add_string(c, c->text.data, c->text.len);
}

static enum err add_time(struct model_check *c, const char *name, const struct json_value *v) {
    char when[MODEL_TIME_MAX];
    enum err rc = v->kind == JSON_FLOAT ? ERR_OK : model_text(c, name, v, 128);
    if (rc) return rc;
    if (!model_time(v, c->text.data, c->text.len, when))
        return model_refuse(c, false, "%s: %s", name, "it is not a time that is understood");
    rc = model_add_name(c, name);
    return rc ? rc : model_add_string(c, when, strlen(when));
}

static enum err add_boolean(struct model_check *c, const char *name, const struct json_value *v) {
    if (v->kind != JSON_TRUE && v->kind != JSON_FALSE)
        return model_refuse(c, true, "%s: %s", name, "true or false was expected");
    enum err rc = model_add_name(c, name);
    return rc ? rc : model_add(c, v->kind == JSON_TRUE ? "true" : "false");
}

static enum err add_choice(struct model_check *c, const struct model_field *f,
                           const struct json_value *v) {
    enum err rc = model_text(c, f->name, v, LIMIT_ID);
    if (rc) return rc;
    if (!model_is_choice(f->choices, c->text.data, c->text.len))
        return model_refuse(c, true, "%s: one of %s was expected", f->name, f->choices);
    rc = model_add_name(c, f->name);
    return rc ? rc : model_add_string(c, c->text.data, c->text.len);
}

static enum err add_strings(struct model_check *c, const char *name, const struct json_value *v) {
    struct json_each it;
    if (v->kind != JSON_ARRAY)
        return model_refuse(c, true, "%s: %s", name, "a list of strings was expected");
    enum err rc = model_add_name(c, name);
    if (!rc) rc = model_add(c, "[");
    const char *comma = "";
    json_each_open(&it, v->at, v->len);
    while (!rc && json_each_next(&it)) {
        if (model_absent(&it.value)) continue;
        rc = model_text(c, name, &it.value, LIMIT_STRING);
        if (!rc) rc = model_add(c, comma);
        if (!rc) rc = model_add_string(c, c->text.data, c->text.len);
        comma = ",";
    }
    return rc ? rc : model_add(c, "]");
}

bool model_members(const struct json_value *object, const char *const *names,
                   struct json_value *found) {
    struct json_each it;
    bool known = true;
    for (size_t i = 0; names[i]; i++) found[i] = (struct json_value){.kind = JSON_NONE};
    if (!json_each_open(&it, object->at, object->len) || !it.object) return false;
    while (json_each_next(&it)) {
        size_t i = 0;
        while (names[i] && !json_string_is(&it.key, names[i], strlen(names[i]))) i++;
        if (names[i]) found[i] = it.value;
        known = known && names[i];
    }
    return known;
}

enum err model_read_reference(struct model_check *c, const char *field, const struct json_value *v,
                               struct model_reference *out) {
    if (v->kind != JSON_OBJECT)
        return model_refuse(c, true, "%s: %s", field, "a table { type, id } was expected");
    static const char *const names[] = {"type", "id", NULL};
    struct json_value found[2];
    model_members(v, names, found);
    struct json_value type = found[0], id = found[1];
    if (model_absent(&type) || model_absent(&id))
        return model_refuse(c, model_absent(&type), "%s: %s", field,
                      model_absent(&type) ? "it has no type" : "it has no id");
    enum err rc = model_text(c, field, &type, sizeof out->type - 1);
    if (rc) return rc;
    out->type_len = c->text.len;
    memcpy(out->type, c->text.data, c->text.len + 1);
    if (!type_named(c->m, out->type, out->type_len))
        return model_refuse(c, true, "%s: the plugin has no resource type %s", field, out->type);
    rc = model_text(c, field, &id, LIMIT_ID);
    if (rc) return rc;
    out->id_len = c->text.len;
    memcpy(out->id, c->text.data, c->text.len + 1);
    return ERR_OK;
}

enum err model_add_reference(struct model_check *c, const char *name, const struct model_reference *ref) {
    enum err rc = model_add_name(c, name);
    if (!rc) rc = model_add(c, "{");
    if (!rc) rc = model_add_name(c, "type");
    if (!rc) rc = model_add_string(c, ref->type, ref->type_len);
    if (!rc) rc = model_add_name(c, "id");
    if (!rc) rc = model_add_string(c, ref->id, ref->id_len);
    return rc; /* the closing brace is the caller's: he may have more to say */
}

static enum err add_reference_field(struct model_check *c, const char *name, const struct json_value *v) {
    struct model_reference ref;
    enum err rc = model_read_reference(c, name, v, &ref);
    if (!rc) rc = model_add_reference(c, name, &ref);
    return rc ? rc : model_add(c, "}");
}

/* Strings anywhere below a profile: what would make the record unreadable elsewhere. */
static enum err check_deep(struct model_check *c, const char *name, const struct json_value *v,
                           unsigned depth) {
    if (is_plain(v)) return check_plain(c, name, v, LIMIT_STRING);
    if (v->kind == JSON_STRING) return model_text(c, name, v, LIMIT_STRING);
    if (v->kind != JSON_ARRAY && v->kind != JSON_OBJECT) return ERR_OK;
    if (depth == 0) return model_refuse(c, false, "%s: %s", name, "it is nested too deeply");
    struct json_each it;
    enum err rc = ERR_OK;
    json_each_open(&it, v->at, v->len);
    while (!rc && json_each_next(&it)) {
        if (it.object) rc = check_deep(c, name, &it.key, 0);
        if (!rc) rc = check_deep(c, name, &it.value, depth - 1);
    }
    return rc;
}

static enum err add_profile(struct model_check *c, const char *name, const struct json_value *v) {
    if (v->kind == JSON_ARRAY && v->len == 2) return ERR_OK;
    if (v->kind != JSON_OBJECT) return model_refuse(c, true, "%s: %s", name, "a table was expected");
    size_t start = c->draft->json.len;
    enum err rc = model_add_name(c, name);
    if (!rc) rc = model_add(c, "{");
    size_t empty = c->draft->json.len;
    struct json_each it;
    json_each_open(&it, v->at, v->len);
    while (!rc && json_each_next(&it)) {
        if (model_absent(&it.value)) continue;
        rc = check_deep(c, name, &it.key, 1);
        if (!rc) rc = check_deep(c, name, &it.value, LIMIT_JSON_DEPTH);
        if (!rc && c->draft->json.len > empty) rc = model_add(c, ",");
        if (!rc) rc = full(c, buf_add(&c->draft->json, it.key.at, it.key.len));
        if (!rc) rc = model_add(c, ":");
        if (!rc) rc = full(c, buf_add(&c->draft->json, it.value.at, it.value.len));
    }
    if (!rc && c->draft->json.len == empty) {
        c->draft->json.len = start;
        return ERR_OK;
    }
    return rc ? rc : model_add(c, "}");
}

enum err model_add_field(struct model_check *c, const struct model_field *f, const struct json_value *v) {
    if (model_absent(v)) return ERR_OK;
    switch (f->kind) {
    case MODEL_STRING:
        return add_text_field(c, f->name, v, LIMIT_STRING);
    case MODEL_TIME:
        return add_time(c, f->name, v);
    case MODEL_BOOLEAN:
        return add_boolean(c, f->name, v);
    case MODEL_CHOICE:
        return add_choice(c, f, v);
    case MODEL_STRINGS:
        return add_strings(c, f->name, v);
    case MODEL_REFERENCE:
        return add_reference_field(c, f->name, v);
    case MODEL_PROFILE:
        return add_profile(c, f->name, v);
    case MODEL_INTEGER:
        break;
    }
    return ERR_OK;
}

static enum err unknown_field(struct model_check *c, const struct json_value *key) {
    char name[48];
    size_t n = key->len - 2 < sizeof name - 1 ? key->len - 2 : sizeof name - 1;
    memcpy(name, key->at + 1, n);
    name[n] = '\0';
    return model_refuse(c, true, "%s: there is no such field%s", name,
                  "; what the target calls its own goes into profile");
}

/* Sorts the members of the result into c->fields; unknown ones are the mapping's mistake. */
static enum err read_members(struct model_check *c, const char *json, size_t len) {
    struct json_each it;
    if (!json_each_open(&it, json, len) || !it.object)
        return model_refuse(c, true, "%s%s", "the mapping returned no table", "");
    while (json_each_next(&it)) {
        int i = model_field_index(&it.key);
        if (i >= 0)
            c->fields[i] = it.value;
        else if (json_string_is(&it.key, "entitlements", 12))
            c->entitlements = it.value;
        else if (json_string_is(&it.key, "grants", 6))
            c->grants = it.value;
        else
            c->unknown = it.key; /* refused once type and id are known, to say whose it is */
    }
    return ERR_OK;
}

/* Type and id: what everything else hangs on. Without an id there is no resource. */
static enum err read_identity(struct model_check *c, const char *kind) {
    const struct json_value *type = &c->fields[MODEL_TYPE], *id = &c->fields[MODEL_ID];
    snprintf(c->type_name, sizeof c->type_name, "%s", kind);
    enum err rc = ERR_OK;
    if (!model_absent(id)) rc = model_text(c, "id", id, LIMIT_ID);
    if (!rc && !model_absent(id)) {
        c->id_len = c->text.len;
        memcpy(c->id, c->text.data, c->text.len);
    }
    if (!rc && !model_absent(type)) rc = model_text(c, "type", type, sizeof c->type_name - 1);
    if (rc) return rc;
    if (!model_absent(type)) snprintf(c->type_name, sizeof c->type_name, "%s", c->text.data);
    c->type = type_named(c->m, c->type_name, strlen(c->type_name));
    if (!c->type && c->id_len)
        return model_refuse(c, true, "type: the plugin has no resource type %s%s", c->type_name, "");
    return ERR_OK;
}

static enum err add_resource(struct model_check *c) {
    enum err rc = model_add(c, "{");
    if (!rc) rc = model_add_name(c, "type");
    if (!rc) rc = model_add_string(c, c->type_name, strlen(c->type_name));
    if (!rc) rc = model_add_name(c, "id");
    if (!rc) rc = model_add_string(c, c->id, c->id_len);
    for (int i = 0; !rc && model_fields[i].name; i++) {
        const struct model_field *f = &model_fields[i];
        if (f->trait && !model_absent(&c->fields[i]) && c->type->trait.kind == JSON_STRING &&
            !json_string_is(&c->type->trait, f->trait, strlen(f->trait)))
            return model_refuse(c, true, "%s: only resources with the trait %s have it", f->name, f->trait);
        rc = model_add_field(c, f, &c->fields[i]);
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
        if (i != MODEL_TYPE && i != MODEL_ID && !model_absent(&c->fields[i])) return true;
    return model_absent(&c->entitlements) && model_absent(&c->grants);
}

enum err model_check(struct model *m, const char *kind, const char *json, size_t len,
                     struct record_draft *draft, struct model_result *result, struct error *e) {
    struct model_check c = {.m = m, .draft = draft, .result = result};
    *result = (struct model_result){0};
    buf_init(&c.text, LIMIT_RECORD);
    record_draft_begin(draft);
    enum err rc = read_members(&c, json, len);
    if (!rc) rc = read_identity(&c, kind);
    if (!rc && c.unknown.kind == JSON_STRING) rc = unknown_field(&c, &c.unknown);
    if (!rc && c.id_len) rc = add_resource(&c);
    if (!rc && !c.id_len && has_content(&c))
        rc = model_refuse(&c, false, "%s%s", "it has no id", "");
    if (!rc) rc = model_add_entitlements(&c);
    if (!rc) rc = model_add_grants(&c);
    if (rc == ERR_INVALID)
        rc = model_without(m, kind, c.type_name[0] ? c.type_name : NULL, c.id, c.id_len,
                           RECORD_SET_ASIDE, result->reason, draft, e);
    else if (rc)
        rc = err_set(e, ERR_NOMEM, "out of memory checking a record");
    buf_free(&c.text);
    return rc;
}

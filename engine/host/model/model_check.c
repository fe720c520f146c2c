#include "model_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../json/json.h"
#include "../json/value_json.h"

size_t model_copy_text(struct span text, char *out) {
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
    return text.n;
}

const struct model_type *model_type_named(const struct model *m, const char *name, size_t len) {
    for (size_t i = 0; i < m->count; i++)
        if (m->types[i].name.n == len && memcmp(m->types[i].name.p, name, len) == 0)
            return &m->types[i];
    return NULL;
}

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
    out->type_len = model_copy_text(text, out->type);
    if (!model_type_named(c->m, out->type, out->type_len))
        return model_refuse(c, true, "%s: the plugin has no resource type %s", field, out->type);
    rc = model_text(c, field, id, LIMIT_ID, &text);
    if (!rc) out->id_len = model_copy_text(text, out->id);
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

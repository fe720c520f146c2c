#include "value_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "../base/limits.h"
#include "json.h"

/* The text of a string token, in place where nothing in it is escaped. */
static const char *text_of(struct value_pool *p, const struct json_value *token, size_t *len) {
    *len = token->len - 2;
    if (!token->escaped) return token->at + 1;
    char *text = value_pool_bytes(p, token->len);
    if (text) *len = json_unescape_into(token, text);
    return text;
}

static enum err read_string(struct value_pool *p, const struct json_value *token,
                            struct value *out) {
    size_t len;
    const char *text = text_of(p, token, &len);
    if (!text) return ERR_NOMEM;
    *out = value_string(p, text, len);
    return ERR_OK;
}

static struct value read_number(struct value_pool *p, const struct json_value *token) {
    struct value v = {.kind = VALUE_INTEGER};
    if (json_to_integer(token, &v.integer)) return v;
    v.kind = VALUE_FLOAT;
    if (token->kind == JSON_FLOAT && json_to_float(token, &v.number)) return v;
    return value_string(p, token->at, token->len);
}

static enum err read_any(struct value_pool *p, const struct json_value *token, unsigned depth,
                         struct value *out);

static enum err read_members(struct value_pool *p, const struct json_value *token, unsigned depth,
                             struct value *out) {
    struct json_each it;
    enum err rc = depth < LIMIT_JSON_DEPTH ? ERR_OK : ERR_LIMIT;
    size_t from = value_begin(p);
    json_each_open(&it, token->at, token->len);
    while (!rc && json_each_next(&it)) {
        struct value member;
        size_t len = 0;
        const char *name = it.object ? text_of(p, &it.key, &len) : "";
        rc = name ? read_any(p, &it.value, depth + 1, &member) : ERR_NOMEM;
        if (!rc) rc = value_add(p, name, len, &member);
    }
    return rc ? rc : value_end(p, from, it.object ? VALUE_OBJECT : VALUE_ARRAY, out);
}

static enum err read_any(struct value_pool *p, const struct json_value *token, unsigned depth,
                         struct value *out) {
    switch (token->kind) {
    case JSON_STRING: return read_string(p, token, out);
    case JSON_INTEGER:
    case JSON_FLOAT: *out = read_number(p, token); return ERR_OK;
    case JSON_ARRAY:
    case JSON_OBJECT: return read_members(p, token, depth, out);
    case JSON_TRUE: *out = (struct value){.kind = VALUE_TRUE}; return ERR_OK;
    case JSON_FALSE: *out = (struct value){.kind = VALUE_FALSE}; return ERR_OK;
    default: *out = (struct value){.kind = VALUE_NULL}; return ERR_OK;
    }
}

enum err value_json_read(struct value_pool *p, const char *json, size_t len, struct value *out) {
    struct json_value whole = json_value(json, len);
    return read_any(p, &whole, 0, out);
}

static enum err write_members(const struct value *v, struct buf *out) {
    bool object = v->kind == VALUE_OBJECT;
    value_sort(v);
    enum err rc = buf_add_byte(out, object ? '{' : '[');
    for (size_t i = 0; !rc && i < v->len; i++) {
        const struct value_member *m = &v->members[i];
        if (i) rc = buf_add_byte(out, ',');
        if (!rc && object) rc = json_escape(m->name, m->name_len, out);
        if (!rc && object) rc = buf_add_byte(out, ':');
        if (!rc) rc = value_json_write(&m->value, out);
    }
    return rc ? rc : buf_add_byte(out, object ? '}' : ']');
}

static enum err write_integer(int64_t integer, struct buf *out) {
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, integer);
    return buf_add(out, text, (size_t)n);
}

enum err value_json_write(const struct value *v, struct buf *out) {
    switch (v->kind) {
    case VALUE_NULL: return buf_add(out, "null", 4);
    case VALUE_FALSE: return buf_add(out, "false", 5);
    case VALUE_TRUE: return buf_add(out, "true", 4);
    case VALUE_INTEGER: return write_integer(v->integer, out);
    case VALUE_FLOAT: return json_float(v->number, out);
    case VALUE_STRING: return json_escape(v->text, v->len, out);
    case VALUE_ARRAY:
    case VALUE_OBJECT: return write_members(v, out);
    default: return ERR_INVALID;
    }
}

#include "value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_utf8.h"

enum { CHUNK = 16 * 1024, NAME_SHOWN = 64 };

/* Memory that is given out from its front; a larger piece than CHUNK has one of its own. */
struct value_chunk {
    struct value_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};

void value_pool_init(struct value_pool *p, size_t max_values) {
    *p = (struct value_pool){.max_values = max_values};
}

static void free_chunks(struct value_chunk *chunk) {
    while (chunk) {
        struct value_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void value_pool_free(struct value_pool *p) {
    free_chunks(p->chunks);
    free(p->open);
    value_pool_init(p, p->max_values);
}

void value_pool_clear(struct value_pool *p) {
    bool large = p->chunks && (p->chunks->next || p->chunks->size > CHUNK);
    if (large || p->open_cap * sizeof *p->open > CHUNK) value_pool_free(p);
    if (p->chunks) p->chunks->used = 0;
    p->values = p->open_len = 0;
    p->faulty = false;
}

static void *allocate(struct value_pool *p, size_t size) {
    struct value_chunk *chunk = p->chunks;
    size = (size + 15) & ~(size_t)15;
    if (!chunk || size > chunk->size - chunk->used) {
        size_t room = size > CHUNK ? size : CHUNK;
        chunk = malloc(sizeof *chunk + room);
        if (!chunk) return NULL;
        *chunk = (struct value_chunk){.next = p->chunks, .size = room};
        p->chunks = chunk;
    }
    chunk->used += size;
    return chunk->bytes + chunk->used - size;
}

char *value_pool_bytes(struct value_pool *p, size_t len) {
    return allocate(p, len);
}

struct value value_fault(struct value_pool *p, enum value_kind kind, const char *why) {
    p->faulty = true;
    return (struct value){.kind = kind, .text = why};
}

struct value value_string(struct value_pool *p, const char *text, size_t len) {
    if (!json_utf8_valid(text, len)) return value_fault(p, VALUE_BAD_TEXT, "it is not valid UTF-8");
    return (struct value){.kind = VALUE_STRING, .len = len, .text = text};
}

size_t value_begin(const struct value_pool *p) {
    return p->open_len;
}

static enum err grow(struct value_pool *p) {
    size_t cap = p->open_cap ? 2 * p->open_cap : 64;
    struct value_member *open = realloc(p->open, cap * sizeof *open);
    if (!open) return ERR_NOMEM;
    p->open = open;
    p->open_cap = cap;
    return ERR_OK;
}

enum err value_add(struct value_pool *p, const char *name, size_t name_len, const struct value *v) {
    if (p->values == p->max_values) return ERR_LIMIT;
    if (p->open_len == p->open_cap && grow(p)) return ERR_NOMEM;
    struct value_member *m = &p->open[p->open_len++];
    *m = (struct value_member){name, name_len, *v};
    if (!json_utf8_valid(name, name_len))
        m->value = value_fault(p, VALUE_BAD_TEXT, "its name is not valid UTF-8");
    p->values++;
    return ERR_OK;
}

enum err value_end(struct value_pool *p, size_t from, enum value_kind kind, struct value *out) {
    size_t n = p->open_len - from;
    *out = (struct value){.kind = kind, .len = n};
    p->open_len = from;
    if (!n) return ERR_OK;
    out->members = allocate(p, n * sizeof *out->members);
    if (!out->members) return ERR_NOMEM;
    memcpy(out->members, p->open + from, n * sizeof *out->members);
    return ERR_OK;
}

bool value_is_named(const struct value_member *m, const char *name, size_t len) {
    return m->name_len == len && memcmp(m->name, name, len) == 0;
}

const struct value *value_member(const struct value *object, const char *name, size_t len) {
    if (object->kind != VALUE_OBJECT) return NULL;
    for (size_t i = 0; i < object->len; i++)
        if (value_is_named(&object->members[i], name, len)) return &object->members[i].value;
    return NULL;
}

static int by_name(const void *a, const void *b) {
    const struct value_member *x = a, *y = b;
    size_t shorter = x->name_len < y->name_len ? x->name_len : y->name_len;
    int order = memcmp(x->name, y->name, shorter);
    return order ? order : (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

void value_sort(const struct value *object) {
    if (object->kind == VALUE_OBJECT && object->len > 1)
        qsort(object->members, object->len, sizeof *object->members, by_name);
}

/* Appends to a text that may be cut; names may be what is wrong, so they are made printable. */
static size_t append_place(char *text, size_t size, size_t at, const struct value *in, size_t i) {
    const struct value_member *m = &in->members[i];
    int shown = m->name_len > NAME_SHOWN ? NAME_SHOWN : (int)m->name_len;
    int n = in->kind == VALUE_ARRAY
                ? snprintf(text + at, size - at, "[%zu]", i + 1)
                : snprintf(text + at, size - at, "%s%.*s", at ? "." : "", shown, m->name);
    size_t end = at + (n > 0 ? (size_t)n : 0);
    if (end >= size) end = size - 1;
    for (size_t k = at; k < end; k++)
        if (text[k] < 0x20 || text[k] > 0x7e) text[k] = '?';
    return end;
}

/* `at`: bytes of text that name the place of v. */
static enum value_kind find_fault(const struct value *v, char *text, size_t size, size_t at) {
    if (v->kind >= VALUE_FAULT) {
        snprintf(text + at, size - at, "%s: %s", at ? "" : "the value", v->text);
        return v->kind;
    }
    if (v->kind < VALUE_ARRAY) return VALUE_NULL;
    value_sort(v);
    for (size_t i = 0; i < v->len; i++) {
        size_t end = append_place(text, size, at, v, i);
        enum value_kind found = find_fault(&v->members[i].value, text, size, end);
        if (found != VALUE_NULL) return found;
    }
    return VALUE_NULL;
}

enum value_kind value_first_fault(const struct value *v, char *text, size_t size) {
    text[0] = '\0';
    return find_fault(v, text, size, 0);
}

/* value: data as a tree: what a mapping returned, or a manifest declares, without Lua or text.
 *
 * A struct value is small and copied freely. What arrays and objects consist of lies in a pool, and
 * lives until that is cleared; a string points to bytes of the pool or of whoever made the tree
 * (api/value.h: of Lua), who sees to it that they outlive it.
 *
 * Who makes a tree need not stop at what JSON has no form for: it goes in as a fault, so that what
 * is told of it can be told in an order that is always the same. Strings and names are valid UTF-8,
 * or they are faults. */
#ifndef REEVE_VALUE_H
#define REEVE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/buf.h"
#include "../base/err.h"

enum value_kind {
    VALUE_NULL,
    VALUE_FALSE,
    VALUE_TRUE,
    VALUE_INTEGER,
    VALUE_FLOAT, /* finite */
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_OBJECT,
    VALUE_FAULT,    /* no JSON: `text` says why, for people */
    VALUE_BAD_TEXT, /* the same, where it is the bytes of a text that are wrong */
};

struct value_member;

struct value {
    enum value_kind kind;
    size_t len; /* bytes of a string, members of an array or object */
    union {
        int64_t integer;
        double number;
        const char *text;
        struct value_member *members;
    };
};

/* Of an object, or of an array, where names are "". */
struct value_member {
    const char *name;
    size_t name_len;
    struct value value;
};

/* Memory of trees. All but `faulty` is private. */
struct value_pool {
    bool faulty; /* there is a fault in what was made since it was cleared */
    size_t values, max_values;
    struct value_chunk *chunks;
    struct value_member *open; /* members of arrays and objects that are being made */
    size_t open_len, open_cap;
};

/* At most max_values in all trees together. The owner ends it by value_pool_free(). */
void value_pool_init(struct value_pool *p, size_t max_values);
void value_pool_free(struct value_pool *p);

/* Forgets all trees; keeps what memory an ordinary one needs. */
void value_pool_clear(struct value_pool *p);

/* `len` bytes of the pool for a string; NULL where memory is out. */
char *value_pool_bytes(struct value_pool *p, size_t len);

struct value value_fault(struct value_pool *p, enum value_kind kind, const char *why);

/* A string with its bytes left where they are; a fault where they are not valid UTF-8. */
struct value value_string(struct value_pool *p, const char *text, size_t len);

/* Arrays and objects are made from the inside out:
 *     size_t from = value_begin(p);
 *     … value_add(p, name, name_len, &member) …     with others made, and ended, in between
 *     value_end(p, from, VALUE_OBJECT, &object);
 * ERR_LIMIT where there are more than max_values, ERR_NOMEM; then the pool can only be cleared. */
size_t value_begin(const struct value_pool *p);
enum err value_add(struct value_pool *p, const char *name, size_t name_len, const struct value *v);
enum err value_end(struct value_pool *p, size_t from, enum value_kind kind, struct value *out);

bool value_is_named(const struct value_member *m, const char *name, size_t len);

/* An object's member; NULL where it has none, or is no object. */
const struct value *value_member(const struct value *object, const char *name, size_t len);

/* Puts an object's members into the order of their names' bytes. */
void value_sort(const struct value *object);

/* The first fault of a tree in the order of names: its place and what it is ("profile.x[2]: it is
 * not valid UTF-8"), unprintable bytes of names as '?'. Its kind; VALUE_NULL: there is none. */
enum value_kind value_first_fault(const struct value *v, char *text, size_t size);

#endif

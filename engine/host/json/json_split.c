#include "json_split.h"

#include <string.h>

#include "../base/limits.h"
#include "json.h"

enum stage {
    AT_VALUE, /* the value at the watched depth is the next thing on the path */
    IN_OBJECT, /* inside an object on the path, or beside it: its names are compared */
    IN_ARRAY, /* inside the array: elements */
};

static unsigned count_names(const char *where) {
    unsigned n = *where != '\0';
    for (; *where; where++) n += *where == '.';
    return n;
}

static bool has_empty_name(const char *where) {
    size_t len = strlen(where);
    return len && (where[0] == '.' || where[len - 1] == '.' || strstr(where, ".."));
}

/* The n-th name of the path, counted from 0. */
static const char *nth_name(const struct json_split *s, unsigned n, size_t *len) {
    const char *name = s->where;
    while (n--) name = strchr(name, '.') + 1;
    *len = strcspn(name, ".");
    return name;
}

enum err json_split_open(struct json_split *s, const struct json_split_options *o,
                         struct error *e) {
    const char *where = o->where ? o->where : "";
    memset(s, 0, sizeof *s);
    buf_init(&s->rest, o->rest_bytes);
    buf_init(&s->carry, o->element_bytes);
    json_scan_open(&s->scan, o->depth && o->depth < LIMIT_JSON_DEPTH ? o->depth : LIMIT_JSON_DEPTH);
    s->element_bytes = o->element_bytes;
    s->optional = o->optional;
    if (strlen(where) >= sizeof s->where || has_empty_name(where))
        return err_set(e, ERR_USAGE, "the path of an array is names joined by dots, of at most "
                       "%zu bytes together", sizeof s->where - 1);
    memcpy(s->where, where, strlen(where) + 1);
    s->levels = count_names(where);
    return ERR_OK;
}

void json_split_free(struct json_split *s) {
    buf_free(&s->rest);
    buf_free(&s->carry);
}

/* Remembers the failure, so that every later call says the same. */
#define FAIL(s, code, ...) err_set(&(s)->failure, code, __VA_ARGS__)

/* p is the wrong byte. */
static void fail_scan(struct json_split *s, const char *p) {
    size_t at = s->seen + (size_t)(p - s->piece) + 1;
    unsigned char c = (unsigned char)*p;
    if (!s->scan.expected)
        FAIL(s, ERR_LIMIT, "the answer is nested deeper than %u levels, at byte %zu",
             s->scan.max_depth, at);
    else
        FAIL(s, ERR_INVALID, c > 0x20 && c < 0x7f
             ? "the answer is not JSON: at byte %zu, %s was expected, not '%c'"
             : "the answer is not JSON: at byte %zu, %s was expected, not 0x%02x",
             at, s->scan.expected, c);
}

static void fail_element(struct json_split *s, enum err rc) {
    if (rc == ERR_NOMEM)
        FAIL(s, rc, "no memory for an element of the answer");
    else
        FAIL(s, rc, "element %zu of %s%s is larger than %zu bytes", s->elements + 1,
             s->levels ? "the answer's array " : "the answer", s->where, s->element_bytes);
}

/* The value on the path at the watched depth is not what the path needs there. */
static void fail_kind(struct json_split *s) {
    size_t len;
    if (s->levels == 0) {
        FAIL(s, ERR_INVALID, "the answer is not an array");
    } else if (s->scan.watch == 0) {
        FAIL(s, ERR_INVALID, "the answer has no array \"%s\": it is not an object", s->where);
    } else {
        const char *name = nth_name(s, s->scan.watch - 1, &len);
        FAIL(s, ERR_INVALID, "the answer has no array \"%s\": \"%.*s\" is not an %s", s->where,
             (int)len, name, s->scan.watch == s->levels ? "array" : "object");
    }
}

static void keep_rest(struct json_split *s, const char *from, const char *to) {
    enum err rc = buf_add(&s->rest, from, (size_t)(to - from));
    if (rc == ERR_NOMEM)
        FAIL(s, rc, "no memory for the answer");
    else if (rc)
        FAIL(s, rc, "the answer without its array is larger than %zu bytes", s->rest.max);
}

/* A member's name has ended: is it the next on the path? */
static void compare_name(struct json_split *s) {
    size_t len;
    unsigned level = s->scan.watch;
    const char *name = nth_name(s, level - 1, &len);
    struct json_value key = {s->rest.data + s->key_at, s->rest.len - s->key_at, JSON_STRING, true};
    if (!json_string_is(&key, name, len)) return;
    if (level <= s->met)
        FAIL(s, ERR_INVALID, "the answer has \"%.*s\" twice", (int)len, name);
    s->met = level;
    s->stage = AT_VALUE;
}

/* An array or object has begun on the path. */
static void enter(struct json_split *s) {
    bool last = s->scan.watch == s->levels, object = s->scan.objects & 1;
    if (last == object) {
        fail_kind(s);
        return;
    }
    s->scan.watch++;
    s->stage = last ? IN_ARRAY : IN_OBJECT;
    s->scan.values_only = s->found = last;
}

static void leave(struct json_split *s) {
    s->scan.watch--;
    s->scan.values_only = false;
    s->stage = IN_OBJECT;
}

/* A value on the path is neither an array nor an object. */
static void take_scalar(struct json_split *s) {
    if (s->scan.facts == JSON_HAS_NULL)
        s->stage = IN_OBJECT;
    else
        fail_kind(s);
}

/* The bytes from `from` to p go to rest; where a name at the watched depth begins in them. */
static void keep_outside(struct json_split *s, const char *from, const char *p) {
    if (s->scan.start)
        s->key_at = s->rest.len + (size_t)(s->scan.start - from);
    s->scan.start = NULL;
    keep_rest(s, from, p);
}

/* What an event outside the array means. */
static void take_outside(struct json_split *s, enum json_event event) {
    if (event == JSON_CLOSE)
        leave(s);
    else if (event == JSON_KEY)
        compare_name(s);
    else if (s->stage == AT_VALUE && event == JSON_OPEN)
        enter(s);
    else if (s->stage == AT_VALUE && event == JSON_VALUE)
        take_scalar(s);
}

/* Feeds bytes until something happens outside the array, or the piece ends. */
static void feed_outside(struct json_split *s, const char **at, const char *end) {
    const char *from = *at;
    enum json_event event = json_scan(&s->scan, at, end);
    if (event == JSON_WRONG) {
        fail_scan(s, *at);
        return;
    }
    keep_outside(s, from, *at);
    if (!s->failure.code) take_outside(s, event);
}

/* A part of an element has to be remembered. */
static void carry(struct json_split *s, const char *from, const char *to) {
    enum err rc = buf_add(&s->carry, from, (size_t)(to - from));
    if (rc) fail_element(s, rc);
    s->carried = true;
}

/* An element has ended at p; what of it was not carried begins at `from`. */
static void take_element(struct json_split *s, const char *from, const char *p) {
    s->element = s->scan.start;
    s->element_len = s->scan.start ? (size_t)(p - s->scan.start) : 0;
    if (s->carried) {
        carry(s, from, p);
        s->element = s->carry.data;
        s->element_len = s->carry.len;
    } else if (s->element_len > s->element_bytes) {
        fail_element(s, ERR_LIMIT);
    }
    s->scan.start = NULL;
    s->carried = false;
    s->facts = s->scan.facts;
    s->elements++;
}

/* Feeds bytes until an element or the array ends, or the piece. True: there is an element. */
static bool feed_inside(struct json_split *s, const char **at, const char *end) {
    const char *from = *at;
    switch (json_scan(&s->scan, at, end)) {
    case JSON_VALUE: take_element(s, from, *at); return true;
    case JSON_CLOSE:
        leave(s);
        keep_rest(s, *at - 1, *at);
        return false;
    case JSON_WRONG: fail_scan(s, *at); return false;
    default:
        if (s->scan.start)
            carry(s, s->scan.start, end);
        else if (s->carried)
            carry(s, from, end);
        return false;
    }
}

static enum err give_failure(const struct json_split *s, struct error *e) {
    if (e && s->failure.code) *e = s->failure;
    return s->failure.code;
}

enum json_split_result json_split_feed(struct json_split *s, const char *bytes, size_t n,
                                       size_t *used, struct error *e) {
    const char *p = bytes, *end = bytes + n;
    bool element = false;
    s->piece = bytes;
    s->scan.start = NULL;
    if (!s->carried) buf_clear(&s->carry);
    while (p < end && !element && !s->failure.code) {
        if (s->stage == IN_ARRAY)
            element = feed_inside(s, &p, end);
        else
            feed_outside(s, &p, end);
    }
    *used = (size_t)(p - bytes);
    s->seen += *used;
    if (give_failure(s, e)) return JSON_SPLIT_ERROR;
    if (element) return JSON_SPLIT_ELEMENT;
    return s->stage == IN_OBJECT && s->scan.watch == 0 ? JSON_SPLIT_END : JSON_SPLIT_NEED;
}

enum err json_split_finish(struct json_split *s, struct error *e) {
    if (s->failure.code) return give_failure(s, e);
    if (s->seen == 0)
        FAIL(s, ERR_INVALID, "the answer is empty where JSON was expected");
    else if (!json_scan_finish(&s->scan))
        FAIL(s, ERR_INVALID, "the answer ends in the middle of its JSON, after %zu bytes", s->seen);
    else if (s->stage == AT_VALUE)
        fail_kind(s);
    else if (!s->found && !s->optional && s->levels)
        FAIL(s, ERR_INVALID, "the answer has no array \"%s\"", s->where);
    else if (!s->found && !s->optional)
        fail_kind(s);
    return give_failure(s, e);
}

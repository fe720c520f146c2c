/* json: a strict RFC 8259 checker, iterator and escaper over bytes, with no Lua in it.
 *
 * Nothing here owns memory: a struct json_value points into the bytes it was read from and lives
 * as long as they do. Checking comes first (json_check, or the splitter of json_split.h, which
 * checks every byte it passes on); iterating over bytes that were not checked is safe, but what it
 * gives then means nothing.
 *
 * Wrong structure (number forms, literals, escapes, control bytes in a string, depth, trailing
 * bytes) fails the whole document. A bad string does not: invalid UTF-8, half a surrogate pair and
 * NUL are facts of the element they stand in, so that only the record made of it is set aside. */
#ifndef REEVE_JSON_H
#define REEVE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/buf.h"
#include "../base/err.h"
#include "json_utf8.h"

enum json_kind {
    JSON_NONE, /* no value: what stands there is no JSON */
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_INTEGER, /* a number without point and exponent, of any length */
    JSON_FLOAT,   /* a number with one of them */
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* What a document or element contains, the bits of an `unsigned facts`. */
enum {
    JSON_HAS_NUMBER = 1 << 0,
    JSON_HAS_NULL = 1 << 1,
    JSON_HAS_BOOLEAN = 1 << 2,
    JSON_HAS_ESCAPE = 1 << 3,      /* a backslash in a string or key */
    JSON_HAS_NESTED = 1 << 4,      /* an array or object inside the outermost one */
    JSON_HAS_EMPTY_ARRAY = 1 << 5, /* [] at any level, the outermost included */
    JSON_BAD_UTF8 = 1 << 6,
    JSON_LONE_SURROGATE = 1 << 7, /* \ud800 without its other half */
    JSON_HAS_NUL = 1 << 8,        /* \u0000 */
    JSON_UNKNOWN = 1 << 9,        /* nobody has looked: any of the above may hold */
};

struct json_value {
    const char *at; /* the whole token: a string with its quotes, an object with its braces */
    size_t len;
    enum json_kind kind;
    bool escaped; /* of a string: there is a backslash in it */
};

/* Is this one JSON value with nothing but blanks around it? *facts (may be NULL) gets its facts.
 * ERR_INVALID with the byte's place and what was expected there ("byte 17: …", counted from 1),
 * ERR_LIMIT where it is nested deeper than max_depth, at most LIMIT_JSON_DEPTH. */
enum err json_check(const char *bytes, size_t len, unsigned max_depth, unsigned *facts,
                    struct error *e);

/* The first value in the bytes, blanks before it skipped; kind JSON_NONE where there is none. */
struct json_value json_value(const char *bytes, size_t len);

/* Goes over one level of an array or object, in document order:
 *     struct json_each it;
 *     json_each_open(&it, bytes, len);
 *     while (json_each_next(&it)) … it.key (objects only; repeated ones come each time) …
 *                                   it.value …                                                */
struct json_each {
    struct json_value key, value;
    const char *at, *end;
    bool object;
};

/* False, and nothing to iterate over, where the bytes begin with neither [ nor {. */
bool json_each_open(struct json_each *it, const char *bytes, size_t len);
bool json_each_next(struct json_each *it);

/* The value at a dotted path of member names ("data.access_token"), the last where names repeat;
 * JSON_NONE where it is absent. "" is the document itself. */
struct json_value json_find(const char *bytes, size_t len, const char *path);

/* True where the string token's text is exactly this, escapes resolved. */
bool json_string_is(const struct json_value *string, const char *text, size_t len);

/* Appends a string token's text to `out`. Half a surrogate pair becomes its three-byte form, which
 * json_utf8_valid() refuses; \u0000 becomes a NUL; other bytes stay as they are.
 * ERR_LIMIT, ERR_NOMEM from the buffer. */
enum err json_unescape(const struct json_value *string, struct buf *out);

/* The same into memory of the caller, `out` having room for string->len bytes. The length. */
size_t json_unescape_into(const struct json_value *string, char *out);

/* Appends the bytes as a JSON string with its quotes: only what must be is escaped, control bytes
 * as \n \r \t \b \f or \u00XX; all else as it is, valid UTF-8 or not. ERR_LIMIT, ERR_NOMEM. */
enum err json_escape(const char *bytes, size_t len, struct buf *out);

/* False where the integer does not fit 64 bits. */
bool json_to_integer(const struct json_value *number, int64_t *out);

/* False where the number's magnitude is beyond what a double holds (or has over 1,000 digits). */
bool json_to_float(const struct json_value *number, double *out);

/* Appends the shortest of 15, 16 or 17 digits that reads back as the same double, always with a
 * point or an exponent.
 * ERR_INVALID for NaN and infinities; ERR_LIMIT, ERR_NOMEM. */
enum err json_float(double number, struct buf *out);

#endif

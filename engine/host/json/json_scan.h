/* json_scan: the state machine that sees every byte of a document once, in whatever pieces it
 * comes, and stops where something happens at the depth that is watched.
 *
 * json_check, json_split and json.decode are made of it; others want those. Nothing is owned or
 * allocated. */
#ifndef REEVE_JSON_SCAN_H
#define REEVE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "json_utf8.h"

enum json_event {
    JSON_MORE,  /* all bytes are seen */
    JSON_KEY,   /* a member's name has ended, in an object at the watched depth */
    JSON_OPEN,  /* an array or object has begun as a value at the watched depth */
    JSON_VALUE, /* a value has ended at the watched depth */
    JSON_CLOSE, /* the array or object whose inside is the watched depth has ended */
    JSON_WRONG, /* s->expected says why */
};

struct json_scan {
    uint64_t objects;     /* bit 0: is the innermost open container an object; bit 1: the next … */
    unsigned depth;       /* open containers */
    unsigned max_depth;   /* at most 64 */
    unsigned watch;       /* the depth whose events stop the scan; 0 is the document itself */
    bool values_only;     /* do not stop for JSON_KEY and JSON_OPEN */
    unsigned facts;       /* JSON_HAS_… since the value at the watched depth began */
    const char *start;    /* where that value, or that member's name, began; the caller sets it to
                           * NULL before a new piece, so NULL: in an earlier piece, or not yet */
    const char *expected; /* after JSON_WRONG: what was, or NULL where it is nested too deep */

    /* private */
    unsigned char state;
    unsigned char step; /* letters of a literal that were seen; hex digits still to come */
    bool name;          /* the string being read is a member's name */
    bool half;          /* the last escape was the first half of a surrogate pair */
    unsigned code;      /* the escape being read */
    struct json_utf8 utf8;
    const char *literal;
};

/* Watches depth 0. max_depth is cut to 64, which is what `objects` can hold. */
void json_scan_open(struct json_scan *s, unsigned max_depth);

/* Sees bytes from *at to end, and brings *at forward behind what it saw (a number's end is known
 * by the byte behind it, which is not passed). After JSON_WRONG, *at is the wrong byte, and the
 * scan is over. */
enum json_event json_scan(struct json_scan *s, const char **at, const char *end);

/* No more bytes will come. True where the document is complete. */
bool json_scan_finish(struct json_scan *s);

/* Why a scan is over that gave JSON_WRONG, or did not finish, `at` bytes behind the beginning. */
enum err json_scan_error(const struct json_scan *s, enum json_event event, size_t at,
                         struct error *e);

/* The first byte that is not plain in a string (a quote, a backslash, a control byte), or end.
 * *high becomes true where a byte of 0x80 or more was passed. */
const char *json_scan_plain(const char *p, const char *end, bool *high);

#endif

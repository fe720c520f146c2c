/* json_scan: the state machine that sees every byte of a document once, in whatever pieces it
 * comes, and stops where something happens at the depth that is watched.
 *
 * json_check and json_split are made of it; others want those. Nothing is owned or allocated. */
#ifndef REEVE_JSON_SCAN_H
#define REEVE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "json_utf8.h"

enum json_event {
    JSON_MORE,  /* all bytes are seen */
    JSON_KEY,   /* a member's name has ended, in an object at the watched depth */
    JSON_OPEN,  /* an array or object has begun as a value at the watched depth */
    JSON_VALUE, /* a value has ended at the watched depth; of a number, the byte after it was seen */
    JSON_CLOSE, /* the array or object whose inside is the watched depth has ended */
    JSON_WRONG, /* s->wrong says why */
};

struct json_scan {
    uint64_t objects;    /* bit 0: is the innermost open container an object; bit 1: the next … */
    unsigned depth;      /* open containers */
    unsigned max_depth;  /* at most 64 */
    unsigned watch;      /* the depth whose events stop the scan */
    unsigned facts;      /* since the value at the watched depth began */
    unsigned char state; /* private */
    unsigned char step;  /* private: within a literal, or hex digits still to come */
    bool key;            /* the string being read is a member's name */
    bool half;           /* the last escape was the first half of a surrogate pair */
    unsigned code;       /* private: the escape being read */
    struct json_utf8 utf8;
    const char *literal;
    const char *start;   /* where the value (or key) at the watched depth began in this piece;
                          * NULL where it began in an earlier one, or none has begun */
    const char *wrong;   /* after JSON_WRONG: what was expected, or NULL where it is too deep */
};

/* Watches depth 0: the document itself. max_depth is cut to 64. */
void json_scan_open(struct json_scan *s, unsigned max_depth);

/* Sees bytes from *at to end, and brings *at forward behind what it saw. After JSON_WRONG, *at is
 * the wrong byte, and the scan is over. */
enum json_event json_scan(struct json_scan *s, const char **at, const char *end);

/* No more bytes will come. True where the document is complete; sees to a number at its end. */
bool json_scan_finish(struct json_scan *s);

#endif

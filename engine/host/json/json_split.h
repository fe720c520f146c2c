/* json_split: takes one array out of a document while it arrives, element by element.
 *
 * The owner opens a splitter, feeds it the pieces of the document in order and ends it with
 * json_split_free(), which may be called twice. It sees every byte once, strictly (json.h says what
 * fails a document and what only marks an element). Memory does not grow with the document: at most
 * one element that spans pieces, and the document without the array ("rest"), both bounded.
 *
 *     struct json_split s;
 *     json_split_open(&s, &(struct json_split_options){.where = "users", …}, &e);
 *     for each piece:
 *         while (n > 0) {
 *             switch (json_split_feed(&s, bytes, n, &used, &e)) {
 *             case JSON_SPLIT_ELEMENT: … s.element, s.element_len, s.facts …; break;
 *             case JSON_SPLIT_ERROR: … e …; goto out;
 *             default: break;
 *             }
 *             bytes += used, n -= used;
 *         }
 *     rc = json_split_finish(&s, &e);                                                          */
#ifndef REEVE_JSON_SPLIT_H
#define REEVE_JSON_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/buf.h"
#include "../base/err.h"
#include "json_scan.h"

enum { JSON_SPLIT_WHERE_MAX = 256 }; /* bytes of a path */

struct json_split_options {
    const char *where;    /* dotted member names, "users", "data.items"; NULL or "": the root */
    size_t element_bytes; /* the largest element */
    size_t rest_bytes;    /* the largest rest */
    unsigned depth;       /* levels of the whole document; 0: LIMIT_JSON_DEPTH, which is the most */
    bool optional;        /* the array may be absent, or null */
};

enum json_split_result {
    JSON_SPLIT_NEED,    /* all was used; more must come */
    JSON_SPLIT_ELEMENT, /* s->element …; feed the bytes behind `used` to go on */
    JSON_SPLIT_END,     /* all was used; the document is complete, only blanks may follow */
    JSON_SPLIT_ERROR,   /* ERR_INVALID, ERR_LIMIT or ERR_NOMEM; said again at every later call */
};

struct json_split {
    const char *element; /* after ELEMENT: valid until the next call, and while the piece is */
    size_t element_len;
    unsigned facts;   /* of the element: JSON_HAS_… of json.h */
    size_t elements;  /* handed out so far */
    size_t seen;      /* bytes used so far */
    struct buf rest;  /* after finish: the document with the array left as []; before, a part */

    /* private */
    struct json_scan scan;
    struct buf carry;
    char where[JSON_SPLIT_WHERE_MAX];
    size_t element_bytes;
    const char *piece;    /* being fed */
    size_t key_at;        /* where in rest the name being read began */
    unsigned levels;      /* names in the path */
    unsigned met;         /* of them, those that have been there */
    unsigned char stage;
    bool optional, found;
    bool carried;         /* the element being read began in an earlier piece */
    struct error failure;
};

/* ERR_USAGE where `where` is too long or has an empty name; the splitter may then still be freed.
 * The strings of the options are copied. */
enum err json_split_open(struct json_split *s, const struct json_split_options *o,
                         struct error *e);
void json_split_free(struct json_split *s);

/* Sees bytes until an element is complete or all are seen; *used says how many. */
enum json_split_result json_split_feed(struct json_split *s, const char *bytes, size_t n,
                                       size_t *used, struct error *e);

/* No more bytes will come. ERR_INVALID where the document is not complete or has no such array
 * (and it is not optional); what was an error before is one again. */
enum err json_split_finish(struct json_split *s, struct error *e);

#endif

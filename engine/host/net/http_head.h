/* http_head: the status and header lines of one answer, and its trailers, as they come in line by
 * line.
 *
 * Lines of an interim answer (1xx) are forgotten when the next status line comes; what comes after
 * the end of the final head are trailers. Ends with http_head_free(). */
#ifndef REEVE_HTTP_HEAD_H
#define REEVE_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/buf.h"
#include "../base/err.h"

struct http_head {
    struct buf lines; /* "name: value\n", names in lower case, blanks around values dropped */
    struct buf trailers; /* the same */
    int status, version; /* version: the first number of HTTP's */
    bool complete;
    bool encoded;     /* has a content-encoding */
};

void http_head_init(struct http_head *h);
void http_head_free(struct http_head *h);
void http_head_clear(struct http_head *h);

/* One line, with or without its end. ERR_LIMIT past LIMIT_HEADERS of lines or of trailers,
 * ERR_NOMEM. */
enum err http_head_line(struct http_head *h, const char *line, size_t len);

/* The value of the first header of this lower-case name, not NUL-terminated; NULL: absent. */
const char *http_head_find(const struct http_head *h, const char *name, size_t *len);

/* One of the statuses that send elsewhere, with a location. */
bool http_head_moves(const struct http_head *h);

#endif

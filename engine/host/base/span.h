/* span: bytes that somebody else owns, and how many.
 *
 * Who hands one out says how long it lives. `p` may hold NULs, and need not be followed by one. */
#ifndef REEVE_SPAN_H
#define REEVE_SPAN_H

#include <stddef.h>

struct span {
    const void *p;
    size_t n;
};

static inline struct span span_of(const void *p, size_t n) {
    return (struct span){p, n};
}

#endif

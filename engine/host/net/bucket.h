/* bucket: so many requests in so many seconds, never more.
 *
 * A token bucket whose tokens come back exactly `per_s` after they were taken: no window of that
 * length ever sees more than `requests`, which a bucket that refills steadily cannot promise (it
 * lets a full bucket and its refill through in one window). The owner ends it with bucket_free(). */
#ifndef REEVE_BUCKET_H
#define REEVE_BUCKET_H

#include <stddef.h>

#include "../base/err.h"

struct bucket {
    double *taken; /* a ring: when each token was last taken, in seconds */
    size_t tokens, next;
    double per_s;
};

/* `requests` at least 1, per_s above 0. Past LIMIT_TOKENS both are scaled down together.
 * ERR_USAGE, ERR_NOMEM. */
enum err bucket_init(struct bucket *b, size_t requests, double per_s);
void bucket_free(struct bucket *b);

/* Takes the next token and says in how many seconds from `now` (any clock that only goes forward)
 * it may be used: 0 for at once. Those who take one after another are served in that order. */
double bucket_take(struct bucket *b, double now);

#endif

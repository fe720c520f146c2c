#include "bucket.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../base/limits.h"

enum err bucket_init(struct bucket *b, size_t requests, double per_s) {
    memset(b, 0, sizeof *b);
    if (requests < 1 || !(per_s > 0) || !isfinite(per_s)) return ERR_USAGE;
    if (requests > LIMIT_TOKENS) {
        per_s *= (double)LIMIT_TOKENS / (double)requests;
        requests = LIMIT_TOKENS;
    }
    b->taken = malloc(requests * sizeof *b->taken);
    if (!b->taken) return ERR_NOMEM;
    for (size_t i = 0; i < requests; i++) b->taken[i] = -INFINITY;
    b->tokens = requests;
    b->per_s = per_s;
    return ERR_OK;
}

void bucket_free(struct bucket *b) {
    free(b->taken);
    memset(b, 0, sizeof *b);
}

double bucket_take(struct bucket *b, double now) {
    double *token = &b->taken[b->next];
    double when = fmax(now, *token + b->per_s);
    b->next = (b->next + 1) % b->tokens;
    *token = when;
    return when - now;
}

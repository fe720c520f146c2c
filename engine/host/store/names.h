/* names: a set of texts of any length, 16 bytes each: their keyed hashes. For what may be asked a
 * million times "was that there already?", where the texts themselves are never asked for again. */
#ifndef REEVE_NAMES_H
#define REEVE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"
#include "../base/span.h"

enum { NAMES_MAX = 1 << 24 }; /* 512 MiB */

/* The owner ends it by names_free(). All zero but `key` is an empty set. */
struct names {
    unsigned char key[16]; /* of the hashes: who chooses the texts must not know it */
    unsigned char (*slots)[16];
    size_t used, capacity; /* capacity: a power of two, or 0 */
};
void names_free(struct names *s);

/* Adds a text; *added says whether it was not there. ERR_LIMIT behind NAMES_MAX texts. */
enum err names_add(struct names *s, struct span text, bool *added, struct error *e);

#endif

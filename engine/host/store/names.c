#include "names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../secret/secret.h"

enum { NAMES_FIRST = 64 };

static const unsigned char empty[16];

void names_free(struct names *s) {
    free(s->slots);
    s->slots = NULL;
    s->used = s->capacity = 0;
}

/* The slot where this hash is, or where it belongs. The hash is as good as random: its own bytes say
 * where to look first. */
static unsigned char *slot_of(unsigned char (*slots)[16], size_t capacity,
                              const unsigned char hash[16]) {
    uint64_t at;
    memcpy(&at, hash, sizeof at);
    while (memcmp(slots[at & (capacity - 1)], empty, 16) != 0 &&
           memcmp(slots[at & (capacity - 1)], hash, 16) != 0)
        at++;
    return slots[at & (capacity - 1)];
}

static enum err grow(struct names *s, struct error *e) {
    size_t capacity = s->capacity ? 2 * s->capacity : NAMES_FIRST;
    unsigned char (*slots)[16] = calloc(capacity, sizeof *slots);
    if (!slots) return err_set(e, ERR_NOMEM, "out of memory keeping %zu names", s->used);
    for (size_t i = 0; i < s->capacity; i++)
        if (memcmp(s->slots[i], empty, 16) != 0)
            memcpy(slot_of(slots, capacity, s->slots[i]), s->slots[i], 16);
    free(s->slots);
    s->slots = slots;
    s->capacity = capacity;
    return ERR_OK;
}

enum err names_add(struct names *s, struct span text, bool *added, struct error *e) {
    unsigned char hash[16];
    if (s->used >= NAMES_MAX) return err_set(e, ERR_LIMIT, "more than %d names", NAMES_MAX);
    if (4 * s->used >= 3 * s->capacity) {
        enum err rc = grow(s, e);
        if (rc) return rc;
    }
    secret_hash128(s->key, text.p, text.n, hash);
    if (memcmp(hash, empty, 16) == 0) hash[0] = 1; /* what stands for an empty slot */
    unsigned char *slot = slot_of(s->slots, s->capacity, hash);
    *added = memcmp(slot, empty, 16) == 0;
    memcpy(slot, hash, 16);
    s->used += *added;
    return ERR_OK;
}

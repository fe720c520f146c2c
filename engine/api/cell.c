#include "cell.h"

#include <stdlib.h>
#include <string.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { LARGEST = 0 };
#else
enum { LARGEST = 512 };
#endif

enum { GRAIN = 16, PIECE = 64 * 1024 };

struct cell {
    struct cell *next;
};

/* By size in grains: cells that were given back. */
static struct cell *spare[LARGEST / GRAIN + 1];

/* The piece that cells are cut from, at its end. */
static struct {
    char *bytes;
    size_t left;
} piece;

static size_t grains(size_t size) {
    return (size + GRAIN - 1) / GRAIN;
}

static void *cut(size_t size) {
    if (piece.left < size) {
        char *bytes = malloc(PIECE);
        if (!bytes) return NULL;
        piece.bytes = bytes;
        piece.left = PIECE;
    }
    piece.left -= size;
    return piece.bytes + piece.left;
}

static void *take(size_t size) {
    if (size > LARGEST) return malloc(size);
    struct cell *cell = spare[grains(size)];
    if (!cell) return cut(grains(size) * GRAIN);
    spare[grains(size)] = cell->next;
    return cell;
}

void cell_free(void *block, size_t size) {
    struct cell *cell = block;
    if (!block || size > LARGEST) {
        free(block);
        return;
    }
    cell->next = spare[grains(size)];
    spare[grains(size)] = cell;
}

void *cell_resize(void *block, size_t old, size_t size) {
    if (!block) return take(size);
    if (old > LARGEST && size > LARGEST) return realloc(block, size);
    if (grains(old) == grains(size)) return block;
    void *now = take(size);
    if (!now) return size < old ? block : NULL; /* one that is too large serves as well */
    memcpy(now, block, old < size ? old : size);
    cell_free(block, old);
    return now;
}

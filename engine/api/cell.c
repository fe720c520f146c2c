#include "cell.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../host/base/limits.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { LARGEST = 0 };
#else
enum { LARGEST = 512 };
#endif

enum { GRAIN = 16, FIELD = 32 * MIB };

struct cell {
    struct cell *next;
};

/* By size in grains: cells that were given back. */
static struct cell *spare[LARGEST / GRAIN + 1];

/* What cells are cut from, from its beginning on; pages of it that none was cut from take no memory. */
static struct {
    char *bytes;
    size_t cut;
    bool asked;
} field;

static size_t grains(size_t size) {
    return (size + GRAIN - 1) / GRAIN;
}

static bool is_cell(const void *block) {
    return (uintptr_t)block - (uintptr_t)field.bytes < field.cut;
}

/* NULL where nothing is left of the field, or the machine had none. */
static void *cut(size_t size) {
    if (!field.asked) field.bytes = malloc(FIELD);
    field.asked = true;
    if (!field.bytes || FIELD - field.cut < size) return NULL;
    field.cut += size;
    return field.bytes + field.cut - size;
}

static void *take(size_t size) {
    if (size > LARGEST) return malloc(size);
    struct cell *cell = spare[grains(size)];
    if (cell) {
        spare[grains(size)] = cell->next;
        return cell;
    }
    void *block = cut(grains(size) * GRAIN);
    return block ? block : malloc(size);
}

void cell_free(void *block, size_t size) {
    struct cell *cell = block;
    if (!is_cell(block)) {
        free(block);
        return;
    }
    cell->next = spare[grains(size)];
    spare[grains(size)] = cell;
}

void *cell_resize(void *block, size_t old, size_t size) {
    if (!block) return take(size);
    bool cell = is_cell(block);
    if (cell && grains(old) == grains(size)) return block;
    void *now = cell ? take(size) : realloc(block, size);
    if (!now) return size < old ? block : NULL; /* one that is too large serves as well */
    if (!cell) return now;
    memcpy(now, block, old < size ? old : size);
    cell_free(block, old);
    return now;
}

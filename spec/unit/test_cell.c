/* Tests of api/cell: blocks of all sizes keep what is in them while others come, move and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../engine/api/cell.h"

enum { BLOCKS = 500, STEPS = 200000, LARGEST = 1200 };

static struct {
    unsigned char *bytes;
    size_t size;
} blocks[BLOCKS];

static unsigned dice(unsigned *seed, unsigned n) {
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % n;
}

/* Each block is full of its own number. */
static void check(unsigned i, size_t size) {
    for (size_t k = 0; k < size; k++) assert_int_equal(blocks[i].bytes[k], (unsigned char)i);
}

static void resize(unsigned i, size_t size) {
    size_t old = blocks[i].size;
    blocks[i].bytes = cell_resize(blocks[i].bytes, old, size);
    assert_non_null(blocks[i].bytes);
    assert_int_equal((uintptr_t)blocks[i].bytes % _Alignof(max_align_t), 0);
    check(i, old < size ? old : size);
    memset(blocks[i].bytes, (int)i, size);
    blocks[i].size = size;
}

static void end(unsigned i) {
    check(i, blocks[i].size);
    cell_free(blocks[i].bytes, blocks[i].size);
    blocks[i].bytes = NULL;
    blocks[i].size = 0;
}

static void a_block_keeps_its_bytes(void **state) {
    unsigned seed = 1;
    (void)state;
    for (int step = 0; step < STEPS; step++) {
        unsigned i = dice(&seed, BLOCKS);
        if (blocks[i].bytes && dice(&seed, 3) == 0) end(i);
        else resize(i, 1 + dice(&seed, dice(&seed, 4) ? 100 : LARGEST));
    }
    for (unsigned i = 0; i < BLOCKS; i++) end(i);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_block_keeps_its_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

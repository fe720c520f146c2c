/* Tests of api/cell: blocks of all sizes keep what is in them while others come, move and go,
 * and what was given back serves again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <stdlib.h>
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

enum { MOST = 8 << 20, FROM = 32, UPTO = 512, BOUND = 48 << 20 };

/* Takes `MOST` bytes in blocks of one size, and gives them back; what malloc has meanwhile. */
static size_t taken_in(size_t size) {
    size_t n = MOST / size;
    void **all = calloc(n, sizeof *all);
    assert_non_null(all);
    for (size_t i = 0; i < n; i++) assert_non_null(all[i] = cell_resize(NULL, 0, size));
    struct mallinfo2 now = mallinfo2();
    for (size_t i = 0; i < n; i++) cell_free(all[i], size);
    free(all);
    return now.uordblks + now.hblkhd;
}

/* A script that needs one size after the other is held to its limit too. */
static void sizes_that_come_one_after_the_other_share_memory(void **state) {
    (void)state;
    for (size_t size = FROM; size <= UPTO; size += 16) assert_in_range(taken_in(size), 0, BOUND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_keeps_its_bytes),
        cmocka_unit_test(sizes_that_come_one_after_the_other_share_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tests of host/store/sorter: the order, whatever the number of runs that memory holds, against qsort. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../engine/host/store/sorter.h"

static int compare(const void *a, const void *b) {
    const struct sorter_item *x = a, *y = b;
    int c = memcmp(x->key, y->key, sizeof x->key);
    return c ? c : (x->payload > y->payload) - (x->payload < y->payload);
}

/* A generator of its own, the same everywhere. */
static uint64_t next_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 17;
}

/* `spread` is how many key bytes differ: few make many equal keys. */
static void sorts(size_t n, size_t run, size_t spread, int kinds) {
    struct sorter *s;
    struct error e;
    uint64_t seed = n * 31 + run;
    struct sorter_item *items = calloc(n + 1, sizeof *items), item;
    const char *tmp = getenv("TMPDIR");
    assert_int_equal(ERR_OK, sorter_open(&s, tmp ? tmp : "/tmp", run, &e));
    for (size_t i = 0; i < n; i++) {
        items[i].key[0] = (unsigned char)(1 + next_random(&seed) % (uint64_t)kinds);
        for (size_t k = 1; k <= spread; k++) items[i].key[k] = (unsigned char)next_random(&seed);
        items[i].payload = next_random(&seed) % 7;
        assert_int_equal(ERR_OK, sorter_add(s, &items[i], &e));
    }
    assert_int_equal(ERR_OK, sorter_finish(s, &e));
    qsort(items, n, sizeof *items, compare);
    bool more;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ERR_OK, sorter_next(s, &item, &more, &e));
        assert_true(more);
        assert_int_equal(0, compare(&items[i], &item));
    }
    assert_int_equal(ERR_OK, sorter_next(s, &item, &more, &e));
    assert_false(more);
    sorter_free(s);
    free(items);
}

static void in_memory(void **state) {
    (void)state;
    sorts(0, 0, 4, 1);
    sorts(1, 0, 4, 1);
    sorts(1000, 0, 4, 3);
}

static void through_the_file(void **state) {
    (void)state;
    sorts(10, 10, 4, 1); /* exactly one run: nothing is written */
    sorts(11, 10, 4, 1);
    sorts(5000, 7, 2, 3);
    sorts(5000, 300, 1, 2);
}

/* Runs of over 4,096 items of one kind are put into drawers by their hash. */
static void by_drawers(void **state) {
    (void)state;
    sorts(20000, 0, 8, 1);
    sorts(20000, 6000, 8, 1);
    sorts(20000, 6000, 1, 1); /* drawers that are full of equals */
    sorts(20000, 6000, 8, 3); /* of several kinds: drawers would not do */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_memory),
        cmocka_unit_test(through_the_file),
        cmocka_unit_test(by_drawers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

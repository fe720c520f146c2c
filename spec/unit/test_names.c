/* names: every text once, however many there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../engine/host/store/names.h"

static bool add(struct names *s, const char *text, size_t n) {
    struct error e;
    bool added;
    assert_int_equal(names_add(s, span_of(text, n), &added, &e), ERR_OK);
    return added;
}

static void each_text_is_new_once(void **state) {
    (void)state;
    struct names s = {.key = "0123456789abcde"};
    char text[32];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 50000; i++) {
            int n = snprintf(text, sizeof text, "{\"id\":\"%d\"}", i);
            assert_int_equal(add(&s, text, (size_t)n), round == 0);
        }
    assert_int_equal(s.used, 50000);
    assert_true(s.capacity < 4 * 50000);
    names_free(&s);
}

static void bytes_count_all_of_them(void **state) {
    (void)state;
    struct names s = {.key = "0123456789abcde"};
    assert_true(add(&s, "", 0));
    assert_false(add(&s, "", 0));
    assert_true(add(&s, "\0", 1));
    assert_true(add(&s, "\0a", 2));
    assert_true(add(&s, "\0b", 2));
    assert_false(add(&s, "\0a", 2));
    names_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text_is_new_once),
        cmocka_unit_test(bytes_count_all_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

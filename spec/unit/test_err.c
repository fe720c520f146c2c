#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "../../engine/host/base/err.h"

/* The first code of this name; ERR_COUNT where there is none. */
static enum err named(const char *name) {
    int i = 0;
    while (i < ERR_COUNT && strcmp(err_name((enum err)i), name) != 0) i++;
    return (enum err)i;
}

static void every_code_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        const char *name = err_name((enum err)i);
        assert_non_null(name);
        assert_true(strlen(name) > 0);
        assert_int_equal(named(name), i);
    }
}

static void exit_codes_are_the_documented_ones(void **state) {
    (void)state;
    static const char *const names[] = {
        "ok",   "failed",  "usage", "config",  "credentials", "unavailable", "held",
        "partial", "busy", "storage", "changes", "pending",   "stale",
    };
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        assert_int_equal(err_exit(named(names[i])), i);
    for (int i = 0; i < ERR_COUNT; i++) assert_in_range(err_exit((enum err)i), 0, 12);
}

static void unknown_is_failed(void **state) {
    (void)state;
    assert_int_equal(err_exit((enum err)ERR_COUNT), 1);
    assert_string_equal(err_name((enum err)-1), "failed");
}

static void set_returns_its_code(void **state) {
    (void)state;
    struct error e;
    assert_int_equal(err_set(&e, ERR_BUSY, "pid %d", 7), ERR_BUSY);
    assert_int_equal(e.code, ERR_BUSY);
    assert_string_equal(e.text, "pid 7");
    assert_int_equal(err_set(NULL, ERR_BUSY, "nobody reads this"), ERR_BUSY);
}

/* Text that is cut must stay UTF-8: the last character is whole or not there. */
static void long_text_is_cut_at_a_characters_edge(void **state) {
    (void)state;
    static const char *const characters[] = {"a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t shift = 0; shift < 4; shift++) {
        for (size_t width = 1; width <= 4; width++) {
            char text[2 * ERR_TEXT_MAX] = "";
            memset(text, '.', shift);
            for (size_t at = shift; at + 5 < sizeof text; at += width)
                memcpy(text + at, characters[width - 1], width);
            struct error e;
            err_set(&e, ERR_FAILED, "%s", text);
            size_t len = strlen(e.text);
            assert_in_range(len, ERR_TEXT_MAX - 8, ERR_TEXT_MAX - 1);
            assert_int_equal((len - shift) % width, 0);
        }
    }
}

static void errno_is_told(void **state) {
    (void)state;
    struct error e;
    errno = ENOENT;
    assert_int_equal(err_errno(&e, ERR_CONFIG, "cannot read", "a/file"), ERR_CONFIG);
    assert_string_equal(e.text, "cannot read a/file: No such file or directory");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_of_its_own),
        cmocka_unit_test(exit_codes_are_the_documented_ones),
        cmocka_unit_test(unknown_is_failed),
        cmocka_unit_test(set_returns_its_code),
        cmocka_unit_test(long_text_is_cut_at_a_characters_edge),
        cmocka_unit_test(errno_is_told),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}

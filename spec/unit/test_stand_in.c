/* stand_in: a secret becomes the same word wherever it stands, and the text around it stays. */
#include "../../engine/host/secret/stand_in.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const unsigned char key[SECRET_HASH_KEY] = "0123456789abcdef";

static struct secret *hold(const char *value) {
    struct secret *s;
    assert_int_equal(secret_new(value, strlen(value), &s, NULL), ERR_OK);
    return s;
}

/* The text with stand-ins; the caller frees it. */
static char *shown(const char *text, bool *found) {
    struct buf b;
    buf_init(&b, 4096);
    assert_int_equal(stand_in_text(key, text, strlen(text), &b, found), ERR_OK);
    char *copy = strdup(b.data);
    assert_non_null(copy);
    buf_free(&b);
    return copy;
}

static void becomes(const char *text, const char *before, const char *word, const char *after) {
    bool found;
    char want[256], *got = shown(text, &found);
    assert_true(found);
    int n = snprintf(want, sizeof want, "%s%s%s", before, word, after);
    assert_in_range(n, 1, (int)sizeof want - 1);
    assert_string_equal(got, want);
    free(got);
}

static void spelt_secrets_are_replaced(void **state) {
    struct secret *s = hold("pass/word+42");
    bool found;
    (void)state;
    char *word = shown("pass/word+42", &found);
    assert_int_equal(strlen(word), strlen("secret-") + 16);
    assert_memory_equal(word, "secret-", 7);
    becomes("a=pass/word+42&b", "a=", word, "&b");
    becomes("a=pass%2Fword%2b42&b", "a=", word, "&b");
    becomes("{\"a\":\"pass\\/word+42\"}", "{\"a\":\"", word, "\"}");
    free(word);
    secret_drop(s);
}

static void base64_is_encoded_again(void **state) {
    struct secret *s = hold("pass/word+42");
    bool found;
    (void)state;
    /* "id:pass/word+42" with padding that is none here, and its stand-in by coreutils' base64 */
    char *got = shown("Basic aWQ6cGFzcy93b3JkKzQy", &found);
    assert_true(found);
    assert_memory_equal(got, "Basic aWQ6c2VjcmV0L", 18); /* "id:secret-…" */
    assert_int_equal(strlen(got), strlen("Basic ") + (3 + 23 + 2) / 3 * 4 - 1);
    assert_null(strchr(got, '='));
    free(got);
    secret_drop(s);
}

static void what_holds_none_stays(void **state) {
    struct secret *s = hold("pass/word+42");
    const char *text = "Basic dXNlcjpvdGhlcg== pass/word+4 and more";
    bool found;
    (void)state;
    char *got = shown(text, &found);
    assert_false(found);
    assert_string_equal(got, text);
    free(got);
    secret_drop(s);
}

static void the_longest_of_two_wins(void **state) {
    struct secret *a = hold("abcdef"), *b = hold("abcdefgh");
    bool found;
    (void)state;
    char *word = shown("abcdefgh", &found);
    becomes("<abcdefgh>", "<", word, ">");
    free(word);
    secret_drop(a);
    secret_drop(b);
}

static void a_small_buffer_is_told(void **state) {
    struct secret *s = hold("pass/word+42");
    struct buf b;
    bool found;
    (void)state;
    buf_init(&b, 8);
    assert_int_equal(stand_in_text(key, "pass/word+42", 12, &b, &found), ERR_LIMIT);
    buf_free(&b);
    secret_drop(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spelt_secrets_are_replaced), cmocka_unit_test(base64_is_encoded_again),
        cmocka_unit_test(what_holds_none_stays), cmocka_unit_test(the_longest_of_two_wins),
        cmocka_unit_test(a_small_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../engine/host/base/limits.h"
#include "../../engine/host/net/bucket.h"

static void assert_near(double got, double want) {
    if (fabs(got - want) > 1e-9) fail_msg("%g where %g was expected", got, want);
}

static void a_full_bucket_makes_nobody_wait(void **state) {
    (void)state;
    struct bucket b;
    assert_int_equal(bucket_init(&b, 3, 1), ERR_OK);
    for (int i = 0; i < 3; i++) assert_near(bucket_take(&b, 100), 0);
    bucket_free(&b);
}

static void a_token_comes_back_per_s_after_it_was_taken(void **state) {
    (void)state;
    struct bucket b;
    assert_int_equal(bucket_init(&b, 2, 10), ERR_OK);
    assert_near(bucket_take(&b, 0), 0);
    assert_near(bucket_take(&b, 4), 0);
    assert_near(bucket_take(&b, 5), 5);  /* the first, back at 10 */
    assert_near(bucket_take(&b, 5), 9);  /* the second, back at 14 */
    assert_near(bucket_take(&b, 6), 14); /* the first again, at 20 */
    assert_near(bucket_take(&b, 90), 0);
    bucket_free(&b);
}

/* Whatever the arrivals, no window of per_s sees more than the tokens. */
static void no_window_sees_more_than_the_tokens(void **state) {
    (void)state;
    enum { TOKENS = 5, TAKEN = 400 };
    struct bucket b;
    double used[TAKEN], now = 0;
    unsigned seed = 7;
    assert_int_equal(bucket_init(&b, TOKENS, 1), ERR_OK);
    for (int i = 0; i < TAKEN; i++) {
        seed = seed * 1103515245u + 12345u;
        now += (double)(seed >> 16 & 0xff) / 1024;
        used[i] = now + bucket_take(&b, now);
    }
    for (int i = TOKENS; i < TAKEN; i++)
        assert_true(used[i] - used[i - TOKENS] >= 1 - 1e-9);
    bucket_free(&b);
}

static void a_great_number_is_scaled_with_its_time(void **state) {
    (void)state;
    struct bucket b;
    assert_int_equal(bucket_init(&b, 2 * LIMIT_TOKENS, 60), ERR_OK);
    assert_int_equal(b.tokens, LIMIT_TOKENS);
    assert_near(b.per_s, 30);
    bucket_free(&b);
}

static void nonsense_is_refused(void **state) {
    (void)state;
    struct bucket b;
    assert_int_equal(bucket_init(&b, 0, 1), ERR_USAGE);
    assert_int_equal(bucket_init(&b, 1, 0), ERR_USAGE);
    assert_int_equal(bucket_init(&b, 1, -1), ERR_USAGE);
    assert_int_equal(bucket_init(&b, 1, NAN), ERR_USAGE);
    assert_int_equal(bucket_init(&b, 1, INFINITY), ERR_USAGE);
    bucket_free(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_bucket_makes_nobody_wait),
        cmocka_unit_test(a_token_comes_back_per_s_after_it_was_taken),
        cmocka_unit_test(no_window_sees_more_than_the_tokens),
        cmocka_unit_test(a_great_number_is_scaled_with_its_time),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

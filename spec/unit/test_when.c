/* when: times in all their forms. */
#include "../../engine/host/base/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static void expect(const char *text, enum when_form form, const char *normal) {
    char out[WHEN_MAX];
    bool good = when_parse(text, strlen(text), form, out);
    assert_string_equal(out, normal ? normal : "");
    assert_int_equal(good, normal != NULL);
}

static void text(const char *in, const char *normal) {
    expect(in, WHEN_TEXT, normal);
}

static void rfc3339_becomes_utc(void **state) {
    (void)state;
    text("2021-04-10T16:31:47Z", "2021-04-10T16:31:47Z");
    text("2021-04-10t16:31:47z", "2021-04-10T16:31:47Z");
    text("2021-04-10 16:31:47Z", "2021-04-10T16:31:47Z");
    text("2021-04-10T16:31:47+02:00", "2021-04-10T14:31:47Z");
    text("2021-01-01T00:30:00+05:45", "2020-12-31T18:45:00Z");
    text("2020-12-31T23:30:00-01:00", "2021-01-01T00:30:00Z");
    text("2021-04-10T16:31:47-00:00", "2021-04-10T16:31:47Z");
}

static void fractions_keep_their_digits(void **state) {
    (void)state;
    text("2021-04-10T16:31:47.5Z", "2021-04-10T16:31:47.5Z");
    text("2021-04-10T16:31:47.511183549Z", "2021-04-10T16:31:47.511183549Z");
    text("2021-04-10T16:31:47.511183549123Z", "2021-04-10T16:31:47.511183549123Z");
    text("2021-04-10T16:31:47.5100Z", "2021-04-10T16:31:47.51Z");
    text("2021-04-10T16:31:47.000Z", "2021-04-10T16:31:47Z");
    text("2021-04-10T16:31:47,25Z", "2021-04-10T16:31:47.25Z");
    text("2021-04-10T16:31:47.Z", NULL);
    text("2021-04-10T16:31:47.12345678901234567890123456789012345Z",
         "2021-04-10T16:31:47.12345678901234567890123456789012Z");
}

static void the_calendar_is_kept(void **state) {
    (void)state;
    text("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z");
    text("2023-02-29T00:00:00Z", NULL);
    text("2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z");
    text("1900-02-29T00:00:00Z", NULL);
    text("2021-04-31T00:00:00Z", NULL);
    text("2021-00-10T00:00:00Z", NULL);
    text("2021-13-10T00:00:00Z", NULL);
    text("2021-04-00T00:00:00Z", NULL);
    text("2021-04-10T24:00:00Z", NULL);
    text("2021-04-10T23:60:00Z", NULL);
    text("2021-04-10T16:31:61Z", NULL);
    text("2021-04-10T16:31:47+24:00", NULL);
    text("2021-04-10T16:31:47+02:60", NULL);
}

static void leap_seconds_stay_in_their_day(void **state) {
    (void)state;
    text("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z");
    text("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.5Z");
    text("2017-01-01T00:59:60+01:00", "2016-12-31T23:59:59Z");
    text("2016-12-31T23:59:60+01:00", NULL);
    text("2021-04-10T16:31:60Z", NULL);
}

static void years_end_somewhere(void **state) {
    (void)state;
    text("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z");
    text("0000-01-01T00:00:00+00:01", NULL);
    text("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z");
    text("9999-12-31T23:59:59-00:01", NULL);
}

static void what_is_no_time_is_refused(void **state) {
    static const char *const bad[] = {
        "", "2021", "2021-04-10", "2021-04-10T16:31Z", "2021-04-10T16:31:47", " 2021-04-10T16:31:47Z",
        "2021-04-10T16:31:47Z ", "2021-04-10T16:31:47+0200", "2021-4-10T16:31:47Z", "now",
        "+2021-04-10T16:31:47Z", "2021-04-10T16:31:47ZZ", "２021-04-10T16:31:47Z",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) text(bad[i], NULL);
    char out[WHEN_MAX];
    assert_false(when_parse("2021-04-10T16:31:47Z\0", 21, WHEN_TEXT, out));
}

static void http_dates_are_read(void **state) {
    (void)state;
    /* The three examples of RFC 9110, 5.6.7: the same time. */
    text("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z");
    text("Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z");
    text("Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37Z");
    text("Wed Nov 16 08:49:37 1994", "1994-11-16T08:49:37Z");
    text("Friday, 31-Dec-69 23:59:59 GMT", "2069-12-31T23:59:59Z");
    text("Sun, 06 Nov 1994 08:49:37 CET", NULL);
    text("Sun, 6 Nov 1994 08:49:37 GMT", NULL);
    text("Sun, 31 Feb 1994 08:49:37 GMT", NULL);
    int64_t seconds;
    assert_true(when_http("Sun, 06 Nov 1994 08:49:37 GMT", 29, &seconds));
    assert_int_equal(seconds, 784111777);
    assert_false(when_http("1994-11-06T08:49:37Z", 20, &seconds));
}

static void numbers_count_from_1970(void **state) {
    (void)state;
    expect("0", WHEN_SECONDS, "1970-01-01T00:00:00Z");
    expect("1618065507", WHEN_SECONDS, "2021-04-10T14:38:27Z");
    expect("1618065507.25", WHEN_SECONDS, "2021-04-10T14:38:27.25Z");
    expect("-1", WHEN_SECONDS, "1969-12-31T23:59:59Z");
    expect("-0.5", WHEN_SECONDS, "1969-12-31T23:59:59.5Z");
    expect("1618065507511", WHEN_MILLIS, "2021-04-10T14:38:27.511Z");
    expect("-1", WHEN_MILLIS, "1969-12-31T23:59:59.999Z");
    expect("-1000", WHEN_MILLIS, "1969-12-31T23:59:59Z");
    expect("253402300799", WHEN_SECONDS, "9999-12-31T23:59:59Z");
    expect("253402300800", WHEN_SECONDS, NULL);
    expect("99999999999999999999999", WHEN_SECONDS, NULL);
    expect("1e9", WHEN_SECONDS, NULL);
    expect("", WHEN_SECONDS, NULL);
    expect("-", WHEN_SECONDS, NULL);
    expect("1.", WHEN_SECONDS, NULL);
    expect("2021-04-10T16:31:47Z", WHEN_SECONDS, NULL);
}

static void seconds_and_nanos_are_told(void **state) {
    int64_t seconds;
    uint32_t nanos;
    const char *t = "1969-12-31T23:59:59.25Z";
    (void)state;
    assert_true(when_seconds(t, strlen(t), &seconds, &nanos));
    assert_int_equal(seconds, -1);
    assert_int_equal(nanos, 250000000);
    assert_false(when_seconds("never", 5, &seconds, &nanos));
}

/* Another implementation of the calendar, the C library's, agrees on each day of 800 years. */
static void days_are_those_of_the_c_library(void **state) {
    char out[WHEN_MAX], theirs[64];
    (void)state;
    for (int64_t day = -146097; day <= 146097; day++) {
        time_t t = (time_t)(day * 86400 + 86399);
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%SZ", &tm);
        assert_true(when_write(t, 0, out));
        assert_string_equal(out, theirs);
        int64_t back;
        assert_true(when_seconds(out, strlen(out), &back, NULL));
        assert_true(back == t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3339_becomes_utc),
        cmocka_unit_test(fractions_keep_their_digits),
        cmocka_unit_test(the_calendar_is_kept),
        cmocka_unit_test(leap_seconds_stay_in_their_day),
        cmocka_unit_test(years_end_somewhere),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(http_dates_are_read),
        cmocka_unit_test(numbers_count_from_1970),
        cmocka_unit_test(seconds_and_nanos_are_told),
        cmocka_unit_test(days_are_those_of_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

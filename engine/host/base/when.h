/* when: times as they come, and as Reeve writes them.
 *
 * The normal form is RFC 3339 in UTC with a capital T and Z; a fraction keeps the digits it came
 * with but for zeros at its end: 2021-04-10T16:31:47Z, 2021-04-10T16:31:47.511183549Z. Two texts
 * are the same time exactly where their normal forms are equal. To order times, compare seconds and
 * nanoseconds (when_seconds): as bytes, "…47.5Z" would come before "…47Z".
 *
 * Years are 0000 to 9999, also after an offset is taken off. The calendar is the Gregorian one, in
 * the past too. 24:00:00 is refused. A leap second (23:59:60 UTC, and :60 at no other time) becomes
 * the :59 before it, fraction and all, so that a time stays within its day. */
#ifndef REEVE_WHEN_H
#define REEVE_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WHEN_FRACTION_MAX = 32,                    /* digits; more are cut, not rounded */
    WHEN_MAX = 20 + 1 + WHEN_FRACTION_MAX + 1, /* bytes of a normal form with its NUL */
};

enum when_form {
    WHEN_TEXT,    /* RFC 3339 ('t', 'z' and a blank for T allowed, ',' for '.'), or an HTTP date */
    WHEN_SECONDS, /* decimal digits since 1970, with sign and fraction */
    WHEN_MILLIS,  /* the same in milliseconds */
};

/* The normal form of a time, NUL-terminated; false, and an empty text, where it is none. */
bool when_parse(const char *text, size_t len, enum when_form form, char out[WHEN_MAX]);

/* The normal form of seconds and nanoseconds (0 to 999999999) since 1970; false out of range. */
bool when_write(int64_t seconds, uint32_t nanos, char out[WHEN_MAX]);

/* The seconds since 1970 that a text in any WHEN_TEXT form says; what its fraction has beyond
 * nanoseconds is cut. `nanos` may be NULL. */
bool when_seconds(const char *text, size_t len, int64_t *seconds, uint32_t *nanos);

/* The same for an HTTP date alone (IMF-fixdate, RFC 850, asctime), as Retry-After and Date have. */
bool when_http(const char *text, size_t len, int64_t *seconds);

#endif

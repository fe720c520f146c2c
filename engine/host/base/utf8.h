/* utf8: UTF-8 as Unicode defines it: no overlong forms, no surrogates, nothing over U+10FFFF. */
#ifndef REEVE_UTF8_H
#define REEVE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character that begins the `len` bytes (at least one) and its length, 1 to 4; 0 where they
 * begin with no valid one. `character` may be NULL. */
size_t utf8_next(const char *bytes, size_t len, uint32_t *character);

bool utf8_valid(const char *bytes, size_t len);

/* The greatest length ≤ max at which the bytes can be cut without cutting a character. */
size_t utf8_cut(const char *bytes, size_t len, size_t max);

#endif

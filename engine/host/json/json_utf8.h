/* json_utf8: is this UTF-8? In one piece or in pieces as they arrive.
 *
 * What RFC 3629 calls UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF. A NUL is
 * valid UTF-8; whoever forbids it looks for it. Nothing is owned, nothing allocated. */
#ifndef REEVE_JSON_UTF8_H
#define REEVE_JSON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Where a run of bytes stands in the middle of a character; all zero between characters. */
struct json_utf8 {
    unsigned char need;     /* continuation bytes still to come */
    unsigned char low, high; /* bounds of the next of them */
};

/* True where the bytes go on well from *u, which is brought forward; false at the first byte that
 * cannot be, *u then being all zero. A character may be unfinished at the end: u->need says so. */
bool json_utf8_run(struct json_utf8 *u, const char *bytes, size_t len);

/* True where all bytes are whole characters. */
bool json_utf8_valid(const char *bytes, size_t len);

#endif

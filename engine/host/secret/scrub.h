/* scrub: no secret in any text that leaves.
 *
 * Every text that goes to a log, a message or the store passes here: each value of a living secret
 * (secret.h) in it becomes ***, whether it stands there plain, percent-encoded (any of its bytes,
 * either case, + for a blank), escaped as in JSON, in hexadecimal (either case) or in base64
 * (either alphabet, also as the middle of something longer, as in a Basic header). A value that
 * the text's end cuts short is found too, from SECRET_KNOWN_MIN bytes up: texts are scrubbed
 * before they are cut, but a peer may have cut them already. */
#ifndef REEVE_SCRUB_H
#define REEVE_SCRUB_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/buf.h"

struct secret;

/* Does the text hold no secret? About a nanosecond a byte. */
bool scrub_clean(const char *text, size_t len);

/* The first secret of which the text holds a form; NULL where it is clean. */
const struct secret *scrub_find(const char *text, size_t len);

/* The secret that the text begins with, written byte for byte in any way but hexadecimal or base64,
 * and whole; the longest where there are several. *taken is then how many bytes it takes. */
const struct secret *scrub_spelt(const char *text, size_t len, size_t *taken);

/* Scrubs a buffer's content in place. Never fails: *** is shorter than what it hides. */
void scrub_buf(struct buf *b);

#endif

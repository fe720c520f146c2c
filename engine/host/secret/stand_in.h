/* stand_in: secrets replaced by what may be shown in their place.
 *
 * For texts that are kept and must still fit together (cassettes): the same secret becomes the same
 * "secret-" and 16 hexadecimal digits everywhere, so that an answer that gave a token and the
 * request that sent it still agree. The digits are a hash under the caller's key: who has thrown
 * the key away cannot try secrets against them. */
#ifndef REEVE_STAND_IN_H
#define REEVE_STAND_IN_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/buf.h"
#include "secret.h"

/* Appends the text to out with a stand-in for each whole living secret in it, be it plain,
 * percent-encoded, escaped as in JSON, or in base64 that begins where the text's base64 does (a
 * Basic header, a part of a token), which is encoded again. Other forms stay: scrub_find() tells
 * them. *found: was there any? ERR_LIMIT, ERR_NOMEM as buf_add(). */
enum err stand_in_text(const unsigned char key[SECRET_HASH_KEY], const char *text, size_t len,
                       struct buf *out, bool *found);

#endif

/* buf: bytes that grow up to a maximum.
 *
 * The owner of a struct buf owns its memory and ends it with buf_free(), which may be called
 * twice. There is no default maximum: buf_init() wants one, named in limits.h or configured.
 * Bytes are pointer and length; they may hold NULs. `data` is always followed by one NUL that
 * `len` does not count, so that a buffer of text can be handed to a C function that wants one. */
#ifndef REEVE_BUF_H
#define REEVE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct buf {
    char *data; /* never NULL: an empty buffer points to a static NUL */
    size_t len;
    size_t cap;
    size_t max;
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);

/* Forgets the content, keeps the memory. */
void buf_clear(struct buf *b);

/* Appends. ERR_LIMIT where `max` would be passed, ERR_NOMEM; the content is then unchanged. */
enum err buf_add(struct buf *b, const void *bytes, size_t len);
enum err buf_add_text(struct buf *b, const char *text);
enum err buf_add_byte(struct buf *b, unsigned char byte);
enum err buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for `len` more bytes at data + b->len; the caller writes them and adds to b->len. */
enum err buf_reserve(struct buf *b, size_t len);

/* Drops the first `len` bytes. */
void buf_drop(struct buf *b, size_t len);

/* Hands the memory to the caller, who frees it with free(); the buffer is empty again.
 * NULL where memory is out. */
char *buf_take(struct buf *b, size_t *len);

#endif

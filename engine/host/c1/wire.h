/* wire: the bytes of protobuf messages, a field at a time, without knowing what they mean.
 *
 * A reader is bytes of the caller's; fields point into them. Nothing is owned, nothing allocated:
 * writers append to the caller's buf, whose maximum bounds them. Lengths are checked against what
 * is there before anything is made of them; groups (wire types 3 and 4), field numbers that cannot
 * be, and varints of more than 64 bits are refused. How deep messages lie in one another is the
 * business of who calls: api/wire_decode bounds it. */
#ifndef REEVE_WIRE_H
#define REEVE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "../base/buf.h"
#include "../base/err.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* What is left to read. */
struct wire {
    const char *at;
    size_t len;
};

struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t bits;     /* the value of all types but WIRE_BYTES, as it stands there */
    struct wire bytes; /* the value of WIRE_BYTES */
};

/* Reads the next field; only where w->len is not 0. ERR_INVALID where the bytes are none; *w is
 * then of no more use. */
enum err wire_next(struct wire *w, struct wire_field *field, struct error *e);

/* Reads a value of a type other than WIRE_BYTES, without a tag: an element of a packed field. */
enum err wire_bits(struct wire *w, enum wire_type type, uint64_t *bits, struct error *e);

/* Append; ERR_LIMIT and ERR_NOMEM of buf_add, `out` then holding a part. wire_add is wire_bits the
 * other way round. */
enum err wire_add(struct buf *out, enum wire_type type, uint64_t bits);
enum err wire_add_tag(struct buf *out, uint32_t number, enum wire_type type);
enum err wire_add_bytes(struct buf *out, uint32_t number, const char *bytes, size_t len);

/* A field whose length is known at its end: what is appended between the two is its value. A
 * level of 128 bytes or more moves them once, by what its length is longer than a byte. */
enum err wire_begin(struct buf *out, uint32_t number, size_t *mark);
enum err wire_end(struct buf *out, size_t mark);

/* Signed integers so that small ones are short, whatever their sign: sint32, sint64. */
uint64_t wire_zigzag(int64_t value);
int64_t wire_unzigzag(uint64_t bits);

#endif

#include "wire.h"

#include <string.h>

enum { VARINT_MAX = 10, NUMBER_MAX = (1 << 29) - 1 };

static enum err read_varint(struct wire *w, uint64_t *bits, struct error *e) {
    *bits = 0;
    for (size_t i = 0; i < VARINT_MAX && i < w->len; i++) {
        unsigned char byte = (unsigned char)w->at[i];
        if (i == VARINT_MAX - 1 && byte > 1) break;
        *bits |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80) continue;
        w->at += i + 1;
        w->len -= i + 1;
        return ERR_OK;
    }
    return err_set(e, ERR_INVALID, w->len < VARINT_MAX ? "a number is cut off"
                                                       : "a number has more than 64 bits");
}

static enum err read_fixed(struct wire *w, size_t n, uint64_t *bits, struct error *e) {
    if (w->len < n) return err_set(e, ERR_INVALID, "a number of %zu bytes is cut off", n);
    *bits = 0;
    for (size_t i = 0; i < n; i++) *bits |= (uint64_t)(unsigned char)w->at[i] << (8 * i);
    w->at += n;
    w->len -= n;
    return ERR_OK;
}

enum err wire_bits(struct wire *w, enum wire_type type, uint64_t *bits, struct error *e) {
    if (type == WIRE_VARINT) return read_varint(w, bits, e);
    return read_fixed(w, type == WIRE_FIXED64 ? 8 : 4, bits, e);
}

static enum err read_bytes(struct wire *w, struct wire *bytes, struct error *e) {
    uint64_t len;
    enum err rc = read_varint(w, &len, e);
    if (rc) return rc;
    if (len > w->len)
        return err_set(e, ERR_INVALID, "a field claims %llu bytes where %zu are left",
                       (unsigned long long)len, w->len);
    *bytes = (struct wire){w->at, (size_t)len};
    w->at += len;
    w->len -= (size_t)len;
    return ERR_OK;
}

enum err wire_next(struct wire *w, struct wire_field *field, struct error *e) {
    uint64_t tag;
    enum err rc = read_varint(w, &tag, e);
    if (rc) return rc;
    if (tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
        return err_set(e, ERR_INVALID, "a field has a number that none can have");
    *field = (struct wire_field){.number = (uint32_t)(tag >> 3), .type = (enum wire_type)(tag & 7)};
    switch (field->type) {
    case WIRE_VARINT:
    case WIRE_FIXED64:
    case WIRE_FIXED32: return wire_bits(w, field->type, &field->bits, e);
    case WIRE_BYTES: return read_bytes(w, &field->bytes, e);
    }
    return err_set(e, ERR_INVALID, "field %u has the wire type %d, which is not read",
                   field->number, (int)(tag & 7));
}

static size_t write_varint(unsigned char *to, uint64_t bits) {
    size_t n = 0;
    for (; bits > 0x7f; bits >>= 7) to[n++] = (unsigned char)(bits | 0x80);
    to[n++] = (unsigned char)bits;
    return n;
}

enum err wire_add(struct buf *out, enum wire_type type, uint64_t bits) {
    unsigned char text[VARINT_MAX];
    if (type == WIRE_VARINT) return buf_add(out, text, write_varint(text, bits));
    size_t n = type == WIRE_FIXED64 ? 8 : 4;
    for (size_t i = 0; i < n; i++) text[i] = (unsigned char)(bits >> (8 * i));
    return buf_add(out, text, n);
}

static uint64_t tag(uint32_t number, enum wire_type type) {
    return (uint64_t)number << 3 | (uint64_t)type;
}

enum err wire_add_tag(struct buf *out, uint32_t number, enum wire_type type) {
    return wire_add(out, WIRE_VARINT, tag(number, type));
}

enum err wire_add_bytes(struct buf *out, uint32_t number, const char *bytes, size_t len) {
    unsigned char head[2 * VARINT_MAX];
    size_t n = write_varint(head, tag(number, WIRE_BYTES));
    n += write_varint(head + n, len);
    enum err rc = buf_add(out, head, n);
    return rc ? rc : buf_add(out, bytes, len);
}

/* Most lengths are a byte: its place is there before it is known. */
enum err wire_begin(struct buf *out, uint32_t number, size_t *mark) {
    unsigned char head[VARINT_MAX + 1];
    size_t n = write_varint(head, tag(number, WIRE_BYTES));
    head[n++] = 0;
    enum err rc = buf_add(out, head, n);
    *mark = out->len;
    return rc;
}

enum err wire_end(struct buf *out, size_t mark) {
    unsigned char text[VARINT_MAX];
    size_t len = out->len - mark, n = write_varint(text, len);
    if (n > 1) {
        enum err rc = buf_add(out, text, n - 1); /* room; where it stands is moved over */
        if (rc) return rc;
        memmove(out->data + mark + n - 1, out->data + mark, len);
    }
    memcpy(out->data + mark - 1, text, n);
    return ERR_OK;
}

uint64_t wire_zigzag(int64_t value) {
    return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

int64_t wire_unzigzag(uint64_t bits) {
    uint64_t value = bits >> 1 ^ (bits & 1 ? UINT64_MAX : 0);
    return (int64_t)value;
}

#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every empty buffer points here, and nothing is ever written to it: cap is 0. */
static char nothing[1];

enum { BUF_FIRST = 256 };

void buf_init(struct buf *b, size_t max) {
    *b = (struct buf){.data = nothing, .max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2};
}

void buf_free(struct buf *b) {
    if (b->cap) free(b->data);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b) {
    b->len = 0;
    if (b->cap) b->data[0] = '\0';
}

enum err buf_reserve(struct buf *b, size_t len) {
    if (len > b->max || b->len > b->max - len) return ERR_LIMIT;
    size_t need = b->len + len + 1;
    if (need <= b->cap) return ERR_OK;
    size_t cap = b->cap ? b->cap : BUF_FIRST;
    while (cap < need) cap += cap / 2;
    if (cap > b->max + 1) cap = b->max + 1;
    char *data = realloc(b->cap ? b->data : NULL, cap);
    if (!data) return ERR_NOMEM;
    b->data = data;
    b->cap = cap;
    return ERR_OK;
}

enum err buf_add(struct buf *b, const void *bytes, size_t len) {
    enum err rc = buf_reserve(b, len);
    if (rc) return rc;
    if (len) memcpy(b->data + b->len, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
    return ERR_OK;
}

enum err buf_add_text(struct buf *b, const char *text) {
    return buf_add(b, text, strlen(text));
}

enum err buf_add_byte(struct buf *b, unsigned char byte) {
    return buf_add(b, &byte, 1);
}

enum err buf_printf(struct buf *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    enum err rc = n < 0 ? ERR_FAILED : buf_reserve(b, (size_t)n);
    if (!rc) b->len += (size_t)vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
    va_end(again);
    return rc;
}

void buf_drop(struct buf *b, size_t len) {
    if (len >= b->len) {
        buf_clear(b);
        return;
    }
    memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
    b->data[b->len] = '\0';
}

char *buf_take(struct buf *b, size_t *len) {
    if (!b->cap && buf_reserve(b, 0)) return NULL;
    char *data = b->data;
    data[b->len] = '\0';
    if (len) *len = b->len;
    buf_init(b, b->max);
    return data;
}

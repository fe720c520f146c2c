/* base64: bytes as text and back, in both alphabets of RFC 4648 (4 and 5). */
#ifndef REEVE_BASE64_H
#define REEVE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

enum base64_alphabet { BASE64_PLAIN, BASE64_URL };

/* The six bits of a character of either alphabet; -1. */
int base64_digit(unsigned char c);

/* The characters that len bytes take, padding included. */
size_t base64_size(size_t len);

/* Append; ERR_LIMIT and ERR_NOMEM as buf_add(). Where the buffer has room for base64_size(len) bytes
 * more, nothing is moved. */
enum err base64_encode(const void *bytes, size_t len, enum base64_alphabet alphabet, bool padded,
                       struct buf *out);

/* Appends what characters of either alphabet, all of them digits, stand for. */
enum err base64_decode(const char *digits, size_t len, struct buf *out);

#endif

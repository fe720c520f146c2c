#include "base64.h"

#include <stdint.h>

static const char *const alphabets[] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

int base64_digit(unsigned char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

size_t base64_size(size_t len) {
    return (len + 2) / 3 * 4;
}

enum err base64_encode(const void *bytes, size_t len, enum base64_alphabet alphabet, bool padded,
                       struct buf *out) {
    const unsigned char *from = bytes;
    const char *digits = alphabets[alphabet];
    enum err rc = ERR_OK;
    for (size_t i = 0; i < len && !rc; i += 3) {
        uint32_t three = 0;
        size_t n = len - i < 3 ? len - i : 3;
        for (size_t k = 0; k < 3; k++) three = three << 8 | (k < n ? from[i + k] : 0);
        for (size_t k = 0; k < 4 && !rc; k++) {
            if (k <= n) rc = buf_add_byte(out, (unsigned char)digits[three >> (18 - 6 * k) & 63]);
            else if (padded) rc = buf_add_byte(out, '=');
        }
    }
    return rc;
}

enum err base64_decode(const char *digits, size_t len, struct buf *out) {
    uint32_t bits = 0;
    enum err rc = ERR_OK;
    for (size_t i = 0; i < len && !rc; i++) {
        bits = bits << 6 | (uint32_t)base64_digit((unsigned char)digits[i]);
        size_t have = (i % 4) * 2; /* bits that were left over before this digit, by its place */
        if (have) rc = buf_add_byte(out, (unsigned char)(bits >> (6 - have)));
    }
    return rc;
}

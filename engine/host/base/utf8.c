#include "utf8.h"

#include <string.h>

/* The length a first byte announces; 0 for one that begins nothing. */
static size_t announced(unsigned char first) {
    if (first < 0x80) return 1;
    if (first < 0xC2) return 0;
    if (first < 0xE0) return 2;
    if (first < 0xF0) return 3;
    return first < 0xF5 ? 4 : 0;
}

static bool in_range(uint32_t c, size_t len) {
    if (len == 3) return c >= 0x800 && !(c >= 0xD800 && c <= 0xDFFF);
    return len != 4 || (c >= 0x10000 && c <= 0x10FFFF);
}

size_t utf8_next(const char *bytes, size_t len, uint32_t *character) {
    const unsigned char *s = (const unsigned char *)bytes;
    size_t n = announced(s[0]);
    if (n == 0 || n > len) return 0;
    uint32_t c = n == 1 ? s[0] : s[0] & (0x7FU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        c = c << 6 | (s[i] & 0x3F);
    }
    if (!in_range(c, n)) return 0;
    if (character) *character = c;
    return n;
}

/* The length of the ASCII at the beginning, in steps of eight bytes. */
static size_t ascii(const char *bytes, size_t len) {
    size_t n = 0;
    for (uint64_t word; len - n >= sizeof word; n += sizeof word) {
        memcpy(&word, bytes + n, sizeof word);
        if (word & UINT64_C(0x8080808080808080)) break;
    }
    return n;
}

bool utf8_valid(const char *bytes, size_t len) {
    for (size_t i = ascii(bytes, len); i < len;) {
        if ((unsigned char)bytes[i] < 0x80) {
            i++;
            continue;
        }
        size_t n = utf8_next(bytes + i, len - i, NULL);
        if (!n) return false;
        i += n;
    }
    return true;
}

size_t utf8_cut(const char *bytes, size_t len, size_t max) {
    if (len <= max) return len;
    while (max > 0 && ((unsigned char)bytes[max] & 0xC0) == 0x80) max--;
    return max;
}

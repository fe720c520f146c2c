#include "json_utf8.h"

#include <stdint.h>
#include <string.h>

static const struct json_utf8 between = {0, 0, 0};

/* What must follow a lead byte; need 0 where the byte leads nothing. */
static struct json_utf8 lead(unsigned char c) {
    if (c >= 0xc2 && c <= 0xdf) return (struct json_utf8){1, 0x80, 0xbf};
    if (c == 0xe0) return (struct json_utf8){2, 0xa0, 0xbf};
    if (c == 0xed) return (struct json_utf8){2, 0x80, 0x9f};
    if (c >= 0xe1 && c <= 0xef) return (struct json_utf8){2, 0x80, 0xbf};
    if (c == 0xf0) return (struct json_utf8){3, 0x90, 0xbf};
    if (c >= 0xf1 && c <= 0xf3) return (struct json_utf8){3, 0x80, 0xbf};
    if (c == 0xf4) return (struct json_utf8){3, 0x80, 0x8f};
    return between;
}

static size_t ascii_run(const char *bytes, size_t len) {
    size_t i = 0;
    uint64_t word;
    for (; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        if (word & UINT64_C(0x8080808080808080)) break;
    }
    while (i < len && (unsigned char)bytes[i] < 0x80) i++;
    return i;
}

bool json_utf8_run(struct json_utf8 *u, const char *bytes, size_t len) {
    struct json_utf8 now = *u;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (now.need) {
            if (c < now.low || c > now.high) goto wrong;
            now = (struct json_utf8){(unsigned char)(now.need - 1), 0x80, 0xbf};
        } else if (c < 0x80) {
            i += ascii_run(bytes + i, len - i) - 1;
        } else {
            now = lead(c);
            if (!now.need) goto wrong;
        }
    }
    *u = now.need ? now : between;
    return true;
wrong:
    *u = between;
    return false;
}

bool json_utf8_valid(const char *bytes, size_t len) {
    struct json_utf8 u = between;
    size_t ascii = ascii_run(bytes, len); /* mostly all of it */
    return ascii == len || (json_utf8_run(&u, bytes + ascii, len - ascii) && u.need == 0);
}

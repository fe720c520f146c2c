#include "scrub.h"

#include <stdint.h>
#include <string.h>

#include "../base/base64.h"
#include "secret.h"

enum { PAIRS = 1 << 16 };

/* Which pairs of bytes begin a form of a secret: all that clean text is asked about. */
static uint8_t begins[PAIRS / 8];
static unsigned long built_for;

struct match {
    size_t len;      /* bytes of the text that the form takes; 0: none */
    bool left_mixed; /* base64: the character before it tells some bits as well */
    const struct secret *of;
};

static void mark(unsigned char first, unsigned char second) {
    unsigned pair = (unsigned)first << 8 | second;
    begins[pair / 8] |= (uint8_t)(1U << pair % 8);
}

static bool marked(const char *p) {
    unsigned pair = (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
    return begins[pair / 8] >> pair % 8 & 1;
}

static int hex_digit(unsigned char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex_pair(const char *p) {
    int high = hex_digit((unsigned char)p[0]);
    int low = hex_digit((unsigned char)p[1]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* The byte a JSON escape stands for, by its letter; -1. */
static int json_letter(char c) {
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    const char *at = c ? strchr(letters, c) : NULL;
    return at ? (unsigned char)bytes[at - letters] : -1;
}

/* How many bytes of the text stand for the byte, plainly or in some way of writing it; 0: none.
 * The text's end in the middle of an escape is not looked at: escapes are short. */
static size_t written(const char *text, size_t len, unsigned char byte) {
    if (len >= 3 && text[0] == '%' && hex_pair(text + 1) == byte) return 3;
    if (len >= 2 && text[0] == '\\') {
        if (json_letter(text[1]) == byte) return 2;
        if (len >= 6 && text[1] == 'u' && hex_pair(text + 2) == 0 && hex_pair(text + 4) == byte)
            return 6;
    }
    return (unsigned char)text[0] == byte || (text[0] == '+' && byte == ' ') ? 1 : 0;
}

/* The value, each byte written in any way, up to the text's end: *told bytes of it. */
static size_t spell(const char *text, size_t len, const char *value, size_t n, size_t *told) {
    size_t at = 0;
    for (*told = 0; *told < n && at < len; (*told)++) {
        size_t step = written(text + at, len - at, (unsigned char)value[*told]);
        if (!step) return 0;
        at += step;
    }
    return at;
}

/* From how many bytes on a value that is cut counts. "secret-token:" (RFC 8959) says that a secret
 * follows and is no part of it: else "client_secret" would be the beginning of one. */
static size_t least(const char *value, size_t n) {
    static const char scheme[] = "secret-token:";
    size_t len = sizeof scheme - 1;
    return SECRET_KNOWN_MIN + (n > len && memcmp(value, scheme, len) == 0 ? len : 0);
}

/* A value cut by the text's end counts. */
static size_t match_written(const char *text, size_t len, const char *value, size_t n) {
    size_t told, taken = spell(text, len, value, n, &told);
    return told == n || told >= least(value, n) ? taken : 0;
}

static size_t match_hex(const char *text, size_t len, const char *value, size_t n) {
    size_t i = 0;
    for (; i < n && 2 * i + 1 < len; i++)
        if (hex_pair(text + 2 * i) != (unsigned char)value[i]) return 0;
    return i == n || i >= least(value, n) ? 2 * i : 0;
}

/* The k-th six bits of base64 of the value behind `shift` unknown bytes; -1 where not all six
 * are the value's. */
static int base64_bits(const char *value, size_t n, size_t shift, size_t k) {
    size_t bit = 6 * k;
    if (bit < 8 * shift || bit + 6 > 8 * (shift + n)) return -1;
    bit -= 8 * shift;
    size_t i = bit / 8;
    unsigned two = (unsigned)(unsigned char)value[i] << 8;
    if (i + 1 < n) two |= (unsigned char)value[i + 1];
    return (int)(two >> (10 - bit % 8) & 63);
}

static size_t base64_start(size_t shift) {
    return (8 * shift + 5) / 6;
}

static size_t match_base64(const char *text, size_t len, const char *value, size_t n,
                           size_t shift) {
    size_t at = 0;
    for (size_t k = base64_start(shift); at < len; k++, at++) {
        int bits = base64_bits(value, n, shift, k);
        if (bits < 0) break;
        if (base64_digit((unsigned char)text[at]) != bits) return 0;
    }
    bool whole = base64_bits(value, n, shift, base64_start(shift) + at) < 0;
    if (!whole) return at * 6 / 8 >= least(value, n) ? at : 0;
    /* The character after it tells the value's last bits. */
    return at < len && base64_digit((unsigned char)text[at]) >= 0 ? at + 1 : at;
}

static void longer(struct match *m, const struct secret *of, size_t len, bool left_mixed) {
    if (len > m->len) *m = (struct match){.len = len, .left_mixed = left_mixed, .of = of};
}

/* The longest form of any secret at the beginning of the text. */
static struct match match_any(const char *text, size_t len) {
    struct match m = {0};
    const struct secret *s;
    for (size_t i = 0; (s = secret_known(i)); i++) {
        size_t n;
        const char *value = secret_bytes(s, &n);
        longer(&m, s, match_written(text, len, value, n), false);
        longer(&m, s, match_hex(text, len, value, n), false);
        for (size_t shift = 0; shift < 3; shift++)
            longer(&m, s, match_base64(text, len, value, n, shift), shift > 0);
    }
    return m;
}

/* Marks the pairs that match_written() can begin with, for a value that begins with two bytes. */
static void mark_written(unsigned char first, unsigned char second) {
    static const char high[] = "0123456789abcdefABCDEF";
    for (const char *h = high; *h; h++)
        if (hex_digit((unsigned char)*h) == first >> 4) mark('%', (unsigned char)*h);
    mark('\\', 'u');
    for (const char *l = "\"\\/bfnrt"; *l; l++)
        if (json_letter(*l) == first) mark('\\', (unsigned char)*l);
    unsigned char plain[2] = {first, '+'};
    for (int i = 0; i < (first == ' ' ? 2 : 1); i++) {
        mark(plain[i], second);
        mark(plain[i], '%');
        mark(plain[i], '\\');
        if (second == ' ') mark(plain[i], '+');
    }
}

static void mark_hex(unsigned char first) {
    static const char low[] = "0123456789abcdef", high[] = "0123456789ABCDEF";
    unsigned a = first >> 4, b = first & 15;
    mark((unsigned char)low[a], (unsigned char)low[b]);
    mark((unsigned char)low[a], (unsigned char)high[b]);
    mark((unsigned char)high[a], (unsigned char)low[b]);
    mark((unsigned char)high[a], (unsigned char)high[b]);
}

static void mark_base64(const char *value, size_t n, size_t shift) {
    int first = base64_bits(value, n, shift, base64_start(shift));
    int second = base64_bits(value, n, shift, base64_start(shift) + 1);
    for (unsigned c = 0; c < 256; c++)
        for (unsigned d = 0; d < 256 && base64_digit((unsigned char)c) == first; d++)
            if (base64_digit((unsigned char)d) == second) mark((unsigned char)c, (unsigned char)d);
}

static void build(void) {
    if (built_for == secret_generation()) return;
    memset(begins, 0, sizeof begins);
    const struct secret *s;
    for (size_t i = 0; (s = secret_known(i)); i++) {
        size_t n;
        const char *value = secret_bytes(s, &n);
        mark_written((unsigned char)value[0], (unsigned char)value[1]);
        mark_hex((unsigned char)value[0]);
        for (size_t shift = 0; shift < 3; shift++) mark_base64(value, n, shift);
    }
    built_for = secret_generation();
}

/* The form that begins at text[i]; its length is 0 where none does. */
static struct match probe(const char *text, size_t len, size_t i) {
    if (i + 1 >= len || !marked(text + i)) return (struct match){0};
    return match_any(text + i, len - i);
}

const struct secret *scrub_find(const char *text, size_t len) {
    if (!secret_known(0)) return NULL;
    build();
    for (size_t i = 0; i < len; i++) {
        struct match m = probe(text, len, i);
        if (m.len) return m.of;
    }
    return NULL;
}

bool scrub_clean(const char *text, size_t len) {
    return !scrub_find(text, len);
}

const struct secret *scrub_spelt(const char *text, size_t len, size_t *taken) {
    const struct secret *s, *found = NULL;
    *taken = 0;
    for (size_t i = 0; (s = secret_known(i)); i++) {
        size_t n, told;
        const char *value = secret_bytes(s, &n);
        size_t at = spell(text, len, value, n, &told);
        if (told < n || at <= *taken) continue;
        *taken = at;
        found = s;
    }
    return found;
}

/* Forms may overlap: where the one that begins at i ends, or one that begins inside it. */
static size_t end_of(const char *text, size_t len, size_t i, size_t end) {
    while (++i < end) {
        struct match m = probe(text, len, i);
        if (i + m.len > end) end = i + m.len;
    }
    return end;
}

/* What was kept of a text before a form: without a base64 digit that tells some of its bits, and
 * without the backslash of an escape that the form begins in, so that JSON stays JSON. */
static size_t edge(const char *text, size_t to, bool left_mixed) {
    if (left_mixed && to > 0 && base64_digit((unsigned char)text[to - 1]) >= 0) to--;
    size_t slashes = 0;
    while (slashes < to && text[to - 1 - slashes] == '\\') slashes++;
    return to - slashes % 2;
}

/* In place: what is written never overtakes what is read, since *** is shorter than any form. */
static size_t scrub(char *text, size_t len) {
    size_t to = 0;
    for (size_t i = 0; i < len;) {
        struct match m = probe(text, len, i);
        if (!m.len) {
            text[to++] = text[i++];
            continue;
        }
        i = end_of(text, len, i, i + m.len);
        to = edge(text, to, m.left_mixed);
        memcpy(text + to, "***", 3);
        to += 3;
    }
    return to;
}

void scrub_buf(struct buf *b) {
    if (scrub_clean(b->data, b->len)) return;
    b->len = scrub(b->data, b->len);
    b->data[b->len] = '\0';
}

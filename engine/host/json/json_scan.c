#include "json_scan.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "json.h"

enum state {
    BEFORE_VALUE,
    BEFORE_FIRST_VALUE, /* or ] */
    BEFORE_NAME,
    BEFORE_FIRST_NAME, /* or } */
    BEFORE_COLON,
    AFTER_VALUE,
    IN_STRING,
    IN_ESCAPE,
    IN_HEX,
    IN_LITERAL,
    NUMBER_MINUS, /* from here to NUMBER_POWER: which part of a number was seen last */
    NUMBER_ZERO,
    NUMBER_WHOLE,
    NUMBER_POINT,
    NUMBER_FRACTION,
    NUMBER_E,
    NUMBER_SIGN,
    NUMBER_POWER,
    AT_END,
};

#define INLINE static inline __attribute__((always_inline))

void json_scan_open(struct json_scan *s, unsigned max_depth) {
    memset(s, 0, sizeof *s);
    s->max_depth = max_depth < 64 ? max_depth : 64;
}

INLINE bool is_digit(unsigned c) {
    return c - '0' < 10;
}

INLINE bool is_plain(unsigned char c) {
    return c >= 0x20 && c != '"' && c != '\\';
}

INLINE const char *plain(const char *p, const char *end, bool *high) {
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i control = _mm_set1_epi8(0x1f);
    for (; end - p >= 16; p += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i stop = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
        stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
        unsigned stops = (unsigned)_mm_movemask_epi8(stop);
        unsigned highs = (unsigned)_mm_movemask_epi8(v);
        if (stops) {
            unsigned n = (unsigned)__builtin_ctz(stops);
            if (highs & ((1U << n) - 1)) *high = true;
            return p + n;
        }
        if (highs) *high = true;
    }
#endif
    for (; p < end && is_plain((unsigned char)*p); p++)
        if ((unsigned char)*p >= 0x80) *high = true;
    return p;
}

const char *json_scan_plain(const char *p, const char *end, bool *high) {
    return plain(p, end, high);
}

INLINE const char *skip_blanks(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

static enum json_event wrong(struct json_scan *s, const char *expected) {
    s->expected = expected;
    return JSON_WRONG;
}

INLINE enum json_event value_ended(struct json_scan *s) {
    s->state = s->depth ? AFTER_VALUE : AT_END;
    return s->depth == s->watch ? JSON_VALUE : JSON_MORE;
}

static enum json_event too_deep(struct json_scan *s, const char **at) {
    --*at;
    return wrong(s, NULL);
}

/* *at is behind the bracket. */
INLINE enum json_event push(struct json_scan *s, const char **at, bool object) {
    if (s->depth == s->max_depth) return too_deep(s, at);
    if (s->depth > s->watch) s->facts |= JSON_HAS_NESTED;
    s->objects = s->objects << 1 | object;
    s->state = object ? BEFORE_FIRST_NAME : BEFORE_FIRST_VALUE;
    return s->depth++ == s->watch && !s->values_only ? JSON_OPEN : JSON_MORE;
}

INLINE enum json_event pop(struct json_scan *s) {
    if (s->state == BEFORE_FIRST_VALUE) s->facts |= JSON_HAS_EMPTY_ARRAY;
    s->objects >>= 1;
    if (s->depth-- != s->watch) return value_ended(s);
    s->state = s->depth ? AFTER_VALUE : AT_END;
    return JSON_CLOSE;
}

INLINE enum json_event begin_string(struct json_scan *s, bool name) {
    s->name = name;
    s->state = IN_STRING;
    return JSON_MORE;
}

static enum json_event begin_literal(struct json_scan *s, const char *literal, unsigned fact) {
    s->literal = literal;
    s->step = 1;
    s->facts |= fact;
    s->state = IN_LITERAL;
    return JSON_MORE;
}

static enum json_event begin_number(struct json_scan *s, unsigned char c) {
    s->facts |= JSON_HAS_NUMBER;
    s->state = c == '-' ? NUMBER_MINUS : c == '0' ? NUMBER_ZERO : NUMBER_WHOLE;
    return JSON_MORE;
}

/* At a value's first byte, which is passed unless it is wrong. */
INLINE enum json_event begin_value(struct json_scan *s, const char **at) {
    const char *p = (*at)++;
    if (s->depth == s->watch) {
        s->start = p;
        s->facts = 0;
    }
    switch (*p) {
    case '"': return begin_string(s, false);
    case '{': return push(s, at, true);
    case '[': return push(s, at, false);
    case 't': return begin_literal(s, "true", JSON_HAS_BOOLEAN);
    case 'f': return begin_literal(s, "false", JSON_HAS_BOOLEAN);
    case 'n': return begin_literal(s, "null", JSON_HAS_NULL);
    case '-':
    case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9':
        return begin_number(s, (unsigned char)*p);
    default: *at = p; return wrong(s, "a value");
    }
}

INLINE enum json_event begin_name(struct json_scan *s, const char **at) {
    const char *p = *at;
    if (*p == '"') {
        *at = p + 1;
        if (s->depth == s->watch) s->start = p;
        return begin_string(s, true);
    }
    if (*p != '}' || s->state == BEFORE_NAME)
        return wrong(s, s->state == BEFORE_NAME ? "a name in quotes" : "a name in quotes or }");
    *at = p + 1;
    return pop(s);
}

INLINE enum json_event after_value(struct json_scan *s, const char **at) {
    bool object = s->objects & 1;
    if (**at == ',') {
        ++*at;
        s->state = object ? BEFORE_NAME : BEFORE_VALUE;
        return JSON_MORE;
    }
    if (**at != (object ? '}' : ']')) return wrong(s, object ? "a comma or }" : "a comma or ]");
    ++*at;
    return pop(s);
}

INLINE enum json_event string_ended(struct json_scan *s) {
    if (!s->name) return value_ended(s);
    s->state = BEFORE_COLON;
    return s->depth == s->watch && !s->values_only ? JSON_KEY : JSON_MORE;
}

static void lone(struct json_scan *s) {
    s->facts |= JSON_LONE_SURROGATE;
    s->half = false;
}

/* What a run of plain bytes means where some are not ASCII, or something before it is unfinished;
 * `stopped` where the run has ended with it, and not only the piece. */
static void check_text(struct json_scan *s, const char *p, const char *q, bool stopped) {
    if (!json_utf8_run(&s->utf8, p, (size_t)(q - p)) || (stopped && s->utf8.need)) {
        s->facts |= JSON_BAD_UTF8;
        memset(&s->utf8, 0, sizeof s->utf8);
    }
    if (s->half && (q > p || (stopped && *q == '"'))) lone(s);
}

INLINE enum json_event in_string(struct json_scan *s, const char **at, const char *end) {
    bool high = false;
    const char *q = plain(*at, end, &high);
    if (__builtin_expect(high | s->half | (s->utf8.need != 0), 0))
        check_text(s, *at, q, q < end);
    *at = q;
    if (q == end) return JSON_MORE;
    if (*q == '"') {
        *at = q + 1;
        return string_ended(s);
    }
    if (*q != '\\') return wrong(s, "an escaped control byte");
    *at = q + 1;
    s->facts |= JSON_HAS_ESCAPE;
    s->state = IN_ESCAPE;
    return JSON_MORE;
}

static enum json_event in_escape(struct json_scan *s, const char **at) {
    if (**at == 'u') {
        s->code = 0;
        s->step = 4;
        s->state = IN_HEX;
    } else if (**at && strchr("\"\\/bfnrt", **at)) {
        if (s->half) lone(s);
        s->state = IN_STRING;
    } else {
        return wrong(s, "an escape (one of \"\\/bfnrtu)");
    }
    ++*at;
    return JSON_MORE;
}

/* \uHHHH is complete. */
static void escaped(struct json_scan *s) {
    bool first = s->code >= 0xd800 && s->code <= 0xdbff;
    bool second = s->code >= 0xdc00 && s->code <= 0xdfff;
    if (s->half != second) lone(s);
    s->half = first;
    if (s->code == 0) s->facts |= JSON_HAS_NUL;
    s->state = IN_STRING;
}

static enum json_event in_hex(struct json_scan *s, const char **at) {
    unsigned c = (unsigned char)**at;
    unsigned letter = (c | 32U) - 'a';
    if (!is_digit(c) && letter > 5) return wrong(s, "a hexadecimal digit");
    ++*at;
    s->code = s->code << 4 | (is_digit(c) ? c - '0' : letter + 10);
    if (--s->step == 0) escaped(s);
    return JSON_MORE;
}

static enum json_event in_literal(struct json_scan *s, const char **at, const char *end) {
    const char *p = *at;
    while (p < end && s->literal[s->step] && *p == s->literal[s->step]) p++, s->step++;
    *at = p;
    if (s->literal[s->step] == '\0') return value_ended(s);
    return p == end ? JSON_MORE : wrong(s, "true, false or null");
}

/* The part of a number that c belongs to, after `part`; AT_END where it belongs to none. */
INLINE enum state number_part(unsigned char part, unsigned char c) {
    bool digit = is_digit(c), exponent = (c | 32) == 'e';
    switch (part) {
    case NUMBER_MINUS: return c == '0' ? NUMBER_ZERO : digit ? NUMBER_WHOLE : AT_END;
    case NUMBER_WHOLE:
        if (digit) return NUMBER_WHOLE; /* fall through */
    case NUMBER_ZERO: return c == '.' ? NUMBER_POINT : exponent ? NUMBER_E : AT_END;
    case NUMBER_POINT: return digit ? NUMBER_FRACTION : AT_END;
    case NUMBER_FRACTION: return digit ? NUMBER_FRACTION : exponent ? NUMBER_E : AT_END;
    case NUMBER_E: return digit ? NUMBER_POWER : c == '+' || c == '-' ? NUMBER_SIGN : AT_END;
    default: return digit ? NUMBER_POWER : AT_END;
    }
}

static bool number_complete(unsigned char part) {
    return part == NUMBER_ZERO || part == NUMBER_WHOLE || part == NUMBER_FRACTION ||
           part == NUMBER_POWER;
}

static enum json_event in_number(struct json_scan *s, const char **at, const char *end) {
    const char *p = *at;
    enum state part = AT_END;
    for (; p < end; p++) {
        part = number_part(s->state, (unsigned char)*p);
        if (part == AT_END) break;
        s->state = (unsigned char)part;
    }
    *at = p;
    if (p == end) return JSON_MORE;
    return number_complete(s->state) ? value_ended(s) : wrong(s, "a digit");
}

/* Between tokens: *at is the first byte that is not blank. */
INLINE enum json_event between(struct json_scan *s, const char **at) {
    switch (s->state) {
    case AFTER_VALUE: return after_value(s, at);
    case BEFORE_NAME:
    case BEFORE_FIRST_NAME: return begin_name(s, at);
    case BEFORE_COLON:
        if (**at != ':') return wrong(s, "a colon");
        ++*at;
        s->state = BEFORE_VALUE;
        return JSON_MORE;
    case BEFORE_FIRST_VALUE:
        if (**at == ']') {
            ++*at;
            return pop(s);
        } /* fall through */
    case BEFORE_VALUE: return begin_value(s, at);
    default: return wrong(s, "the end");
    }
}

INLINE enum json_event step(struct json_scan *s, const char **at, const char *end) {
    switch (s->state) {
    case IN_STRING: return in_string(s, at, end);
    case IN_ESCAPE: return in_escape(s, at);
    case IN_HEX: return in_hex(s, at);
    case IN_LITERAL: return in_literal(s, at, end);
    case NUMBER_MINUS: case NUMBER_ZERO: case NUMBER_WHOLE: case NUMBER_POINT:
    case NUMBER_FRACTION: case NUMBER_E: case NUMBER_SIGN: case NUMBER_POWER:
        return in_number(s, at, end);
    default:
        *at = skip_blanks(*at, end);
        return *at < end ? between(s, at) : JSON_MORE;
    }
}

enum json_event json_scan(struct json_scan *s, const char **at, const char *end) {
    const char *p = *at;
    enum json_event event = JSON_MORE;
    while (p < end && event == JSON_MORE) event = step(s, &p, end);
    *at = p;
    return event;
}

bool json_scan_finish(struct json_scan *s) {
    if (s->depth == 0 && number_complete(s->state)) s->state = AT_END;
    return s->state == AT_END;
}

enum err json_scan_error(const struct json_scan *s, enum json_event event, size_t at,
                         struct error *e) {
    if (event != JSON_WRONG)
        return err_set(e, ERR_INVALID, "byte %zu: it ends too early", at + 1);
    if (!s->expected)
        return err_set(e, ERR_LIMIT, "nested deeper than %u levels", s->max_depth);
    return err_set(e, ERR_INVALID, "byte %zu: %s was expected", at + 1, s->expected);
}

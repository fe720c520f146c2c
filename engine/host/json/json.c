#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/limits.h"
#include "json_scan.h"

enum { NUMBER_DIGITS = 1000 }; /* the longest float that is read as one */

enum err json_check(const char *bytes, size_t len, unsigned max_depth, unsigned *facts,
                    struct error *e) {
    struct json_scan s;
    const char *p = bytes, *end = bytes + len;
    enum json_event event = JSON_VALUE;
    json_scan_open(&s, max_depth < LIMIT_JSON_DEPTH ? max_depth : LIMIT_JSON_DEPTH);
    s.values_only = true;
    while (event == JSON_VALUE) event = json_scan(&s, &p, end);
    if (event == JSON_WRONG || !json_scan_finish(&s))
        return json_scan_error(&s, event, (size_t)(p - bytes), e);
    if (facts) *facts = s.facts;
    return ERR_OK;
}

static const char *skip_blanks(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    return p;
}

/* Behind the string that begins at p; NULL where it does not end. */
static const char *skip_string(const char *p, const char *end, bool *slash) {
    bool high;
    for (p++; p < end; p++) {
        p = json_scan_plain(p, end, &high);
        if (p == end || *p == '"') break;
        if (*p != '\\') continue;
        *slash = true;
        p++;
    }
    return p < end ? p + 1 : NULL;
}

/* Behind the array or object that begins at p; NULL where it does not end. */
static const char *skip_container(const char *p, const char *end) {
    size_t depth = 0;
    bool slash;
    while (p && p < end) {
        char c = *p;
        if (c == '"') {
            p = skip_string(p, end, &slash);
            continue;
        }
        p++;
        if (c == '[' || c == '{') depth++;
        if ((c == ']' || c == '}') && --depth == 0) return p;
    }
    return NULL;
}

static struct json_value number(const char *p, const char *end) {
    struct json_value v = {p, 0, JSON_INTEGER, false};
    for (; p < end && ((*p >= '0' && *p <= '9') || (*p && strchr("+-.eE", *p))); p++)
        if (*p == '.' || *p == 'e' || *p == 'E') v.kind = JSON_FLOAT;
    v.len = (size_t)(p - v.at);
    return v;
}

static struct json_value literal(const char *p, const char *end, const char *text,
                                 enum json_kind kind) {
    size_t len = strlen(text);
    if ((size_t)(end - p) < len || memcmp(p, text, len) != 0) kind = JSON_NONE;
    return (struct json_value){p, len, kind, false};
}

struct json_value json_value(const char *bytes, size_t len) {
    const char *end = bytes + len, *p = skip_blanks(bytes, end), *behind = NULL;
    struct json_value v = {p, 0, JSON_NONE, false};
    if (p == end) return v;
    switch (*p) {
    case '"':
        v.kind = JSON_STRING;
        behind = skip_string(p, end, &v.escaped);
        break;
    case '{':
    case '[':
        v.kind = *p == '{' ? JSON_OBJECT : JSON_ARRAY;
        behind = skip_container(p, end);
        break;
    case 't': return literal(p, end, "true", JSON_TRUE);
    case 'f': return literal(p, end, "false", JSON_FALSE);
    case 'n': return literal(p, end, "null", JSON_NULL);
    default:
        if (*p == '-' || (*p >= '0' && *p <= '9')) return number(p, end);
    }
    if (!behind)
        v.kind = JSON_NONE;
    else
        v.len = (size_t)(behind - p);
    return v;
}

bool json_each_open(struct json_each *it, const char *bytes, size_t len) {
    const char *end = bytes + len, *p = skip_blanks(bytes, end);
    memset(it, 0, sizeof *it);
    it->object = p < end && *p == '{';
    bool opens = it->object || (p < end && *p == '[');
    it->at = opens ? p + 1 : end;
    it->end = end;
    return opens;
}

static bool stop(struct json_each *it) {
    it->at = it->end;
    return false;
}

bool json_each_next(struct json_each *it) {
    const char *p = skip_blanks(it->at, it->end);
    if (p < it->end && *p == ',') p = skip_blanks(p + 1, it->end);
    if (it->object) {
        it->key = json_value(p, (size_t)(it->end - p));
        if (it->key.kind != JSON_STRING) return stop(it);
        p = skip_blanks(it->key.at + it->key.len, it->end);
        if (p == it->end || *p++ != ':') return stop(it);
    }
    it->value = json_value(p, (size_t)(it->end - p));
    if (it->value.kind == JSON_NONE) return stop(it);
    it->at = it->value.at + it->value.len;
    return true;
}

/* The last member with this name. */
static struct json_value member(const struct json_value *object, const char *name, size_t len) {
    struct json_value found = {NULL, 0, JSON_NONE, false};
    struct json_each it;
    if (object->kind != JSON_OBJECT) return found;
    json_each_open(&it, object->at, object->len);
    while (json_each_next(&it))
        if (json_string_is(&it.key, name, len)) found = it.value;
    return found;
}

struct json_value json_find(const char *bytes, size_t len, const char *path) {
    struct json_value v = json_value(bytes, len);
    while (*path && v.kind != JSON_NONE) {
        size_t n = strcspn(path, ".");
        v = member(&v, path, n);
        path += n + (path[n] == '.');
    }
    return v;
}

static char *put_utf8(char *out, unsigned code) {
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *out++ = (char)(0xe0 | code >> 12);
        } else {
            *out++ = (char)(0xf0 | code >> 18);
            *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (code & 0x3f));
    return out;
}

static unsigned hex4(const char *p) {
    unsigned code = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i];
        code = code << 4 | (c <= '9' ? (c - '0') & 15 : ((c | 32) - 'a' + 10) & 15);
    }
    return code;
}

/* The character of the escape \uHHHH at p, and of the second half behind it where there is one. */
static const char *put_unicode(const char *p, const char *end, char **out) {
    unsigned code = hex4(p + 2);
    p += 6;
    if (code >= 0xd800 && code <= 0xdbff && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        unsigned second = hex4(p + 2);
        if (second >= 0xdc00 && second <= 0xdfff) {
            code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
            p += 6;
        }
    }
    *out = put_utf8(*out, code);
    return p;
}

static char unescaped(char c) {
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *at = c ? strchr(from, c) : NULL;
    return at ? to[at - from] : c;
}

/* The bytes that the escape at p means, at most four. */
static const char *put_escape(const char *p, const char *end, char **out) {
    if (end - p >= 6 && p[1] == 'u') return put_unicode(p, end, out);
    if (end - p < 2) return end;
    *(*out)++ = unescaped(p[1]);
    return p + 2;
}

/* Where the next escape of a string's text is, or end. */
static const char *find_escape(const struct json_value *string, const char *p, const char *end) {
    const char *slash = string->escaped ? memchr(p, '\\', (size_t)(end - p)) : NULL;
    return slash ? slash : end;
}

size_t json_unescape_into(const struct json_value *string, char *out) {
    if (string->len < 2) return 0;
    const char *p = string->at + 1, *end = string->at + string->len - 1;
    char *o = out;
    while (p < end) {
        const char *slash = find_escape(string, p, end);
        memcpy(o, p, (size_t)(slash - p));
        o += slash - p;
        p = slash < end ? put_escape(slash, end, &o) : end;
    }
    return (size_t)(o - out);
}

enum err json_unescape(const struct json_value *string, struct buf *out) {
    enum err rc = buf_reserve(out, string->len);
    if (rc) return rc;
    out->len += json_unescape_into(string, out->data + out->len);
    out->data[out->len] = '\0';
    return ERR_OK;
}

/* Takes `len` bytes off the text where it begins with them. */
static bool take(const char **text, size_t *left, const char *bytes, size_t len) {
    if (len > *left || memcmp(*text, bytes, len) != 0) return false;
    *text += len;
    *left -= len;
    return true;
}

bool json_string_is(const struct json_value *string, const char *text, size_t len) {
    if (!string->escaped) return string->len == len + 2 && memcmp(string->at + 1, text, len) == 0;
    if (string->len < len + 2) return false; /* no escape is shorter than what it means */
    const char *p = string->at + 1, *end = string->at + string->len - 1;
    while (p < end) {
        char escape[4], *o = escape;
        const char *slash = find_escape(string, p, end);
        if (!take(&text, &len, p, (size_t)(slash - p))) return false;
        p = slash < end ? put_escape(slash, end, &o) : end;
        if (!take(&text, &len, escape, (size_t)(o - escape))) return false;
    }
    return len == 0;
}

static enum err escape_byte(unsigned char c, struct buf *out) {
    static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
    const char *at = c ? strchr(from, c) : NULL;
    if (!at) return buf_printf(out, "\\u%04x", c);
    enum err rc = buf_add_byte(out, '\\');
    return rc ? rc : buf_add_byte(out, (unsigned char)to[at - from]);
}

/* Nothing is to be escaped, and there is room. */
static void add_quoted(const char *bytes, size_t len, struct buf *out) {
    char *to = out->data + out->len;
    *to++ = '"';
    if (len) memcpy(to, bytes, len);
    to[len] = '"';
    to[len + 1] = '\0';
    out->len += len + 2;
}

enum err json_escape(const char *bytes, size_t len, struct buf *out) {
    const char *p = bytes, *end = bytes + len, *q;
    bool high;
    enum err rc = buf_reserve(out, len + 2);
    if (rc) return rc;
    if (json_scan_plain(p, end, &high) == end) {
        add_quoted(bytes, len, out);
        return ERR_OK;
    }
    out->data[out->len++] = '"';
    while ((q = json_scan_plain(p, end, &high)) < end) {
        rc = buf_add(out, p, (size_t)(q - p));
        if (!rc) rc = escape_byte((unsigned char)*q, out);
        if (rc) return rc;
        p = q + 1;
    }
    rc = buf_add(out, p, (size_t)(end - p));
    return rc ? rc : buf_add_byte(out, '"');
}

bool json_to_integer(const struct json_value *num, int64_t *out) {
    const char *p = num->at, *end = p + num->len;
    bool negative = p < end && *p == '-';
    uint64_t limit = (uint64_t)INT64_MAX + negative, n = 0;
    if (num->kind != JSON_INTEGER) return false;
    for (p += negative; p < end; p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (n > (limit - digit) / 10) return false;
        n = n * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

/* strtod follows the locale's decimal point: this program never calls setlocale. */
bool json_to_float(const struct json_value *num, double *out) {
    char text[NUMBER_DIGITS + 1];
    if (num->len > NUMBER_DIGITS) return false;
    memcpy(text, num->at, num->len);
    text[num->len] = '\0';
    *out = strtod(text, NULL);
    return isfinite(*out);
}

enum err json_float(double num, struct buf *out) {
    char text[40];
    if (!isfinite(num)) return ERR_INVALID;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, num);
        if (strtod(text, NULL) == num) break;
    }
    enum err rc = buf_add_text(out, text);
    return rc || strpbrk(text, ".e") ? rc : buf_add_text(out, ".0");
}

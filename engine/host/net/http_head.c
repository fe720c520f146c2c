#include "http_head.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../base/limits.h"

void http_head_init(struct http_head *h) {
    memset(h, 0, sizeof *h);
    buf_init(&h->lines, LIMIT_HEADERS);
    buf_init(&h->trailers, LIMIT_HEADERS);
}

void http_head_free(struct http_head *h) {
    buf_free(&h->lines);
    buf_free(&h->trailers);
}

void http_head_clear(struct http_head *h) {
    buf_clear(&h->lines);
    buf_clear(&h->trailers);
    h->status = h->version = 0;
    h->complete = h->encoded = false;
}

static bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void begin(struct http_head *h, const char *line, size_t len) {
    http_head_clear(h);
    h->version = len > 5 && isdigit((unsigned char)line[5]) ? line[5] - '0' : 0;
    const char *code = memchr(line, ' ', len);
    size_t left = code ? len - (size_t)(code - line) : 0;
    for (size_t i = 1; i < left && i <= 3 && isdigit((unsigned char)code[i]); i++)
        h->status = h->status * 10 + (code[i] - '0');
}

static enum err add_line(struct buf *b, const char *line, size_t len) {
    const char *colon = memchr(line, ':', len);
    if (!colon || colon == line || blank(*line)) return ERR_OK;
    size_t name = (size_t)(colon - line), start = b->len;
    const char *value = colon + 1, *end = line + len;
    while (value < end && blank(*value)) value++;
    while (end > value && blank(end[-1])) end--;
    enum err rc = buf_add(b, line, name);
    if (!rc) rc = buf_add_text(b, ": ");
    if (!rc) rc = buf_add(b, value, (size_t)(end - value));
    if (!rc) rc = buf_add_byte(b, '\n');
    if (rc) return rc;
    char *at = b->data + start;
    for (size_t i = 0; i < name; i++) at[i] = (char)tolower((unsigned char)at[i]);
    return ERR_OK;
}

static enum err add_field(struct http_head *h, const char *line, size_t len) {
    size_t start = h->lines.len;
    enum err rc = add_line(&h->lines, line, len);
    if (!rc && strncmp(h->lines.data + start, "content-encoding:", 17) == 0) h->encoded = true;
    return rc;
}

enum err http_head_line(struct http_head *h, const char *line, size_t len) {
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n')) len--;
    if (h->complete) return len > 0 ? add_line(&h->trailers, line, len) : ERR_OK;
    if (len == 0) {
        h->complete = h->status >= 200;
        return ERR_OK;
    }
    if (len > 5 && memcmp(line, "HTTP/", 5) == 0) {
        begin(h, line, len);
        return ERR_OK;
    }
    return add_field(h, line, len);
}

const char *http_head_find(const struct http_head *h, const char *name, size_t *len) {
    size_t n = strlen(name);
    const char *at = h->lines.data, *end = at + h->lines.len;
    while (at < end) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        if ((size_t)(eol - at) >= n + 2 && memcmp(at, name, n) == 0 && at[n] == ':') {
            *len = (size_t)(eol - at) - n - 2;
            return at + n + 2;
        }
        at = eol + 1;
    }
    return NULL;
}

bool http_head_moves(const struct http_head *h) {
    size_t len;
    switch (h->status) {
    case 301: case 302: case 303: case 307: case 308:
        return http_head_find(h, "location", &len) != NULL;
    default: return false;
    }
}

/* The splitter over any bytes: whole, byte by byte and cut where the first byte says, it gives the
 * same elements and the same verdict (of two errors in one element, "too large" and "not JSON", the
 * pieces decide which is seen first); what it accepts the checker accepts, element by element. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/host/base/limits.h"
#include "../../engine/host/json/json.h"
#include "../../engine/host/json/json_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ELEMENT = 512, REST = 512 };

static void must(int holds) {
    if (!holds) abort();
}

struct outcome {
    struct buf text; /* elements, each behind its length, then the rest */
    enum err rc;
};

static void note(struct outcome *o, const char *bytes, size_t len) {
    must(!buf_add(&o->text, &len, sizeof len) && !buf_add(&o->text, bytes, len));
}

static int feed(struct json_split *s, struct outcome *o, const char *bytes, size_t n) {
    enum json_split_result result = JSON_SPLIT_NEED;
    struct error e;
    while (n > 0 && result != JSON_SPLIT_ERROR) {
        size_t used = n + 1;
        result = json_split_feed(s, bytes, n, &used, &e);
        must(used <= n);
        if (result == JSON_SPLIT_ELEMENT) {
            must(s->element_len <= ELEMENT);
            must(!json_check(s->element, s->element_len, LIMIT_JSON_DEPTH, NULL, &e));
            note(o, s->element, s->element_len);
        }
        bytes += used;
        n -= used;
    }
    return result != JSON_SPLIT_ERROR;
}

/* In pieces of `step` bytes. */
static void split(struct outcome *o, const char *where, const char *bytes, size_t size, size_t step) {
    struct json_split_options options = {.where = where, .element_bytes = ELEMENT, .rest_bytes = REST};
    struct json_split s;
    struct error e;
    buf_init(&o->text, 64 * MIB);
    must(!json_split_open(&s, &options, &e));
    for (size_t at = 0; at < size; at += step)
        if (!feed(&s, o, bytes + at, size - at < step ? size - at : step)) break;
    o->rc = json_split_finish(&s, &e);
    if (!o->rc) note(o, s.rest.data, s.rest.len);
    json_split_free(&s);
}

static void compare(const char *where, const char *bytes, size_t size, size_t step) {
    struct outcome whole, pieces;
    split(&whole, where, bytes, size, size ? size : 1);
    split(&pieces, where, bytes, size, step);
    must(!whole.rc == !pieces.rc);
    if (whole.rc == pieces.rc) {
        must(whole.text.len == pieces.text.len);
        must(memcmp(whole.text.data, pieces.text.data, whole.text.len) == 0);
    }
    if (!whole.rc) must(!json_check(bytes, size, LIMIT_JSON_DEPTH, NULL, NULL));
    buf_free(&whole.text);
    buf_free(&pieces.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const char *bytes = (const char *)data + 1;
    compare("users", bytes, size - 1, 1);
    compare("users", bytes, size - 1, (size_t)data[0] + 1);
    compare("", bytes, size - 1, (size_t)data[0] + 1);
    compare("data.items", bytes, size - 1, 7);
    return 0;
}

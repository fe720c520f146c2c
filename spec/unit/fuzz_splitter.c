/* Any bytes through the splitter, whole and in pieces: both must give the same, and what it lets
 * through must be what json_check lets through. The first byte says where the array is, the second
 * how long the pieces are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/host/json.h"
#include "../../engine/host/json_split.h"
#include "../../engine/host/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BOUND = 1 << 20 };

static void must(int holds) {
    if (!holds) abort();
}

/* Elements, each with its facts behind it, and the rest; or the words of the error. */
static enum err run(const char *where, const char *bytes, size_t n, size_t piece, struct buf *out) {
    struct json_split s;
    struct error e = {0};
    struct json_split_options o = {where, BOUND, BOUND, 0, false};
    must(json_split_open(&s, &o, &e) == ERR_OK);
    for (size_t at = 0, used; at < n; at += used) {
        size_t left = n - at < piece ? n - at : piece;
        enum json_split_result result = json_split_feed(&s, bytes + at, left, &used, &e);
        if (result == JSON_SPLIT_ERROR) break;
        must(used > 0 || result == JSON_SPLIT_ELEMENT);
        if (result != JSON_SPLIT_ELEMENT) continue;
        unsigned facts;
        must(json_check(s.element, s.element_len, LIMIT_JSON_DEPTH, &facts, NULL) == ERR_OK);
        must(facts == s.facts);
        buf_add(out, s.element, s.element_len);
        buf_printf(out, " %x\n", s.facts);
    }
    enum err rc = json_split_finish(&s, &e);
    must(rc == e.code);
    if (rc) {
        buf_clear(out);
        buf_add_text(out, e.text);
    } else {
        must(json_check(s.rest.data, s.rest.len, LIMIT_JSON_DEPTH, NULL, NULL) == ERR_OK);
        buf_add(out, s.rest.data, s.rest.len);
    }
    json_split_free(&s);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const paths[] = {"", "a", "a.b", "users"};
    struct buf whole, pieces;
    if (size < 2) return 0;
    const char *where = paths[data[0] & 3], *bytes = (const char *)data + 2;
    size_t n = size - 2, piece = 1 + (size_t)data[1] % 32;
    buf_init(&whole, SIZE_MAX / 2);
    buf_init(&pieces, SIZE_MAX / 2);
    enum err rc = run(where, bytes, n, n, &whole);
    must(run(where, bytes, n, piece, &pieces) == rc);
    must(whole.len == pieces.len && memcmp(whole.data, pieces.data, whole.len) == 0);
    must(rc || json_check(bytes, n, LIMIT_JSON_DEPTH, NULL, NULL) == ERR_OK);
    buf_free(&whole);
    buf_free(&pieces);
    return 0;
}

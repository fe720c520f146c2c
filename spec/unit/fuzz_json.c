/* Any bytes through json_check and the iterator. What is checked must be readable to its last
 * string, and what is written must read back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/host/json.h"
#include "../../engine/host/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds) {
    if (!holds) abort();
}

static void try_string(const struct json_value *v, unsigned facts) {
    struct buf text, again;
    buf_init(&text, SIZE_MAX / 2);
    buf_init(&again, SIZE_MAX / 2);
    must(json_unescape(v, &text) == ERR_OK);
    must(text.len <= v->len - 2);
    must(json_string_is(v, text.data, text.len));
    must(json_utf8_valid(text.data, text.len) || facts & (JSON_BAD_UTF8 | JSON_LONE_SURROGATE));
    must(!memchr(text.data, 0, text.len) || facts & JSON_HAS_NUL);
    must(v->escaped == (memchr(v->at, '\\', v->len) != NULL));
    must(!v->escaped || facts & JSON_HAS_ESCAPE);
    must(json_escape(text.data, text.len, &again) == ERR_OK);
    struct json_value w = json_value(again.data, again.len);
    must(w.kind == JSON_STRING && w.len == again.len && json_string_is(&w, text.data, text.len));
    buf_free(&text);
    buf_free(&again);
}

static void try_number(const struct json_value *v) {
    int64_t integer;
    double number, back;
    struct buf text;
    if (v->kind == JSON_INTEGER) json_to_integer(v, &integer);
    if (v->kind != JSON_FLOAT || !json_to_float(v, &number)) return;
    buf_init(&text, 64);
    must(json_float(number, &text) == ERR_OK);
    struct json_value w = json_value(text.data, text.len);
    must(w.kind == JSON_FLOAT && json_to_float(&w, &back) && back == number);
    buf_free(&text);
}

static void try_value(const struct json_value *v, unsigned facts) {
    struct json_each it;
    must(v->kind != JSON_NONE);
    must(json_check(v->at, v->len, LIMIT_JSON_DEPTH, NULL, NULL) == ERR_OK);
    if (v->kind == JSON_STRING) try_string(v, facts);
    must((v->kind != JSON_INTEGER && v->kind != JSON_FLOAT) || facts & JSON_HAS_NUMBER);
    try_number(v);
    if (v->kind < JSON_ARRAY) return;
    must(json_each_open(&it, v->at, v->len));
    while (json_each_next(&it)) {
        if (it.object) try_string(&it.key, facts);
        try_value(&it.value, facts);
    }
}

/* Not checked: nothing to expect, but that nothing outside is read. */
static void wander(const char *bytes, size_t len, int depth) {
    struct json_each it;
    json_each_open(&it, bytes, len);
    while (json_each_next(&it)) {
        char *text = malloc(it.value.len + 1);
        if (it.value.kind == JSON_STRING) must(json_unescape_into(&it.value, text) <= it.value.len);
        try_number(&it.value);
        if (depth < 100) wander(it.value.at, it.value.len, depth + 1);
        free(text);
    }
    json_find(bytes, len, "a.b");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *bytes = (const char *)data;
    struct error e;
    unsigned facts;
    if (json_check(bytes, size, LIMIT_JSON_DEPTH, &facts, &e)) {
        must(e.code == ERR_INVALID || e.code == ERR_LIMIT);
        if (size < 4096) wander(bytes, size, 0);
        return 0;
    }
    struct json_value v = json_value(bytes, size);
    try_value(&v, facts);
    return 0;
}

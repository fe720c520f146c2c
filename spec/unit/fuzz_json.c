/* The JSON reader over any bytes: what it accepts iterates, unescapes and reads back; decoded into
 * Lua and encoded again it is accepted again, and says the same when encoded twice, and as a
 * tree. */
#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/api/json.h"
#include "../../engine/api/value.h"
#include "../../engine/api/vm.h"
#include "../../engine/host/base/limits.h"
#include "../../engine/host/json/json.h"
#include "../../engine/host/json/value_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds) {
    if (!holds) abort();
}

static void read_scalar(const struct json_value *v) {
    struct buf text;
    int64_t integer;
    double number;
    buf_init(&text, MIB);
    if (v->kind == JSON_STRING) must(!json_unescape(v, &text) && text.len <= v->len);
    if (v->kind == JSON_INTEGER) json_to_integer(v, &integer);
    if (v->kind == JSON_INTEGER || v->kind == JSON_FLOAT) json_to_float(v, &number);
    buf_free(&text);
}

static void walk(struct json_value v, unsigned depth) {
    struct json_each it;
    read_scalar(&v);
    if (depth > LIMIT_JSON_DEPTH || !json_each_open(&it, v.at, v.len)) return;
    while (json_each_next(&it)) {
        if (it.object) read_scalar(&it.key);
        must(it.value.at >= v.at && it.value.at + it.value.len <= v.at + v.len);
        walk(it.value, depth + 1);
    }
}

static void must_write(const struct value *tree, const struct buf *expected) {
    struct buf text;
    buf_init(&text, 16 * MIB);
    must(!value_json_write(tree, &text));
    must(text.len == expected->len && memcmp(text.data, expected->data, text.len) == 0);
    buf_free(&text);
}

/* The value at the top of the stack, as JSON; as a tree, and as one of that JSON, it says the
 * same. */
static void encode(lua_State *L, struct buf *out) {
    struct error e;
    struct value_pool pool;
    struct value tree;
    buf_init(out, 16 * MIB);
    value_pool_init(&pool, 16 * MIB);
    must(!json_encode(L, -1, out, &e));
    must(!value_from_lua(L, -1, &pool, &tree) && !pool.faulty);
    must_write(&tree, out);
    must(!value_json_read(&pool, out->data, out->len, &tree));
    must_write(&tree, out);
    value_pool_free(&pool);
}

static int round_trip(lua_State *L) {
    const char *bytes = lua_touserdata(L, 1);
    size_t len = (size_t)lua_tointeger(L, 2);
    struct buf once, twice;
    struct error e;
    must(!json_decode_push(L, bytes, len, &e));
    encode(L, &once);
    must(!json_check(once.data, once.len, LIMIT_JSON_DEPTH, NULL, &e));
    must(!json_decode_push(L, once.data, once.len, &e));
    encode(L, &twice);
    must(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    buf_free(&once);
    buf_free(&twice);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lua_State *L;
    const unsigned bad = JSON_BAD_UTF8 | JSON_LONE_SURROGATE | JSON_HAS_NUL;
    const char *bytes = (const char *)data;
    unsigned facts = 0;
    struct error e;
    if (!L) L = vm_new();
    walk(json_value(bytes, size), 0);
    if (json_check(bytes, size, LIMIT_JSON_DEPTH, &facts, &e) || facts & bad) return 0;
    lua_pushcfunction(L, round_trip);
    lua_pushlightuserdata(L, (void *)(uintptr_t)bytes);
    lua_pushinteger(L, (lua_Integer)size);
    must(vm_call(L, 2, 0) == LUA_OK);
    return 0;
}

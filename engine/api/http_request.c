#include "http_request.h"

#include <string.h>

#include "../host/base/limits.h"
#include "../host/json/json.h"
#include "../host/json/json_split.h"
#include "../host/secret/secret.h"
#include "api.h"
#include "json.h"
#include "secret.h"
#include "vm.h"

#define CLASS "reeve.http.request"

enum { OF_CLIENT = 1, OF_SOURCE };

struct request {
    struct http_request *wire; /* NULL: given up */
    size_t element_max;
    struct buf whole;          /* the body, where it is wanted whole */
    size_t split_at;           /* of it, what the splitter has seen */
    struct json_split split;
    bool splitting, split_over, checked;
    struct buf kept;           /* a copy of what has come, for who records it; max 0: not wanted */
    bool kept_whole, kept_over; /* nothing is missing in it; there was more than it may hold */
};

static struct request *check(lua_State *L, int idx) {
    return luaL_checkudata(L, idx, CLASS);
}

/* One that is still there. */
static struct request *live(lua_State *L, int idx) {
    struct request *q = check(L, idx);
    if (!q->wire) luaL_error(L, "this answer was given up");
    return q;
}

void http_request_push(lua_State *L, int client, size_t body_max, size_t element_max) {
    client = lua_absindex(L, client);
    struct request *q = lua_newuserdatauv(L, sizeof *q, 2);
    memset(q, 0, sizeof *q);
    buf_init(&q->whole, body_max);
    buf_init(&q->kept, 0);
    q->element_max = element_max;
    luaL_setmetatable(L, CLASS);
    lua_pushvalue(L, client);
    lua_setiuservalue(L, -2, OF_CLIENT);
}

void http_request_set(lua_State *L, int idx, struct http_request *started, int source) {
    struct request *q = check(L, idx);
    if (source) {
        lua_pushvalue(L, source);
        lua_setiuservalue(L, idx, OF_SOURCE);
    }
    q->wire = started;
    http_set_owner(started, q);
}

static void forget_body(struct request *q) {
    secret_wipe(q->whole.data, q->whole.len);
    buf_free(&q->whole);
    if (q->splitting) json_split_free(&q->split);
    q->splitting = false;
}

/* Copies, for who records the answer. */
static void keep(struct request *q, const char *bytes, size_t len) {
    if (q->kept.max && buf_add(&q->kept, bytes, len)) q->kept_over = true;
}

/* Takes bytes of the answer; they are gone from the wire. */
static void take(struct request *q, const char *bytes, size_t len) {
    keep(q, bytes, len);
    http_take(q->wire, len);
}

/* What has come and nobody has taken. */
static void keep_rest(struct request *q) {
    size_t len;
    if (!q->kept.max || !q->wire) return;
    const char *bytes = http_bytes(q->wire, &len);
    keep(q, bytes, len);
    q->kept_whole = http_ended(q->wire, NULL) == ERR_OK;
}

static int l_cancel(lua_State *L) {
    struct request *q = check(L, 1);
    keep_rest(q);
    http_drop(q->wire);
    q->wire = NULL;
    forget_body(q);
    return 0;
}

static int l_free(lua_State *L) {
    struct request *q = check(L, 1);
    l_cancel(L);
    secret_wipe(q->kept.data, q->kept.len);
    buf_free(&q->kept);
    return 0;
}

enum { KEPT_MOST = 256 * MIB };

static int l_keep(lua_State *L) {
    struct request *q = live(L, 1);
    lua_Integer max = luaL_checkinteger(L, 2);
    luaL_argcheck(L, max > 0 && max <= KEPT_MOST, 2, "out of bounds");
    if (!q->kept.max) buf_init(&q->kept, (size_t)max);
    return 0;
}

static int l_settled(lua_State *L) {
    struct request *q = check(L, 1);
    lua_pushboolean(L, !q->wire || http_ended(q->wire, NULL) != ERR_AGAIN);
    return 1;
}

static int l_kept(lua_State *L) {
    struct request *q = check(L, 1);
    keep_rest(q);
    size_t max = q->kept.max;
    q->kept.max = 0;
    if (q->kept_over) {
        struct error e;
        err_set(&e, ERR_LIMIT, "an answer has more than %zu bytes", max);
        return api_fail(L, &e);
    }
    lua_pushlstring(L, q->kept.data, q->kept.len);
    lua_pushboolean(L, q->kept_whole);
    return 2;
}

static int l_client(lua_State *L) {
    check(L, 1);
    lua_getiuservalue(L, 1, OF_CLIENT);
    return 1;
}

/* Waiting. */

/* Yields the request at index 1; goes on in `k` when it has news. */
static int wait_for_news(lua_State *L, lua_KContext ctx, lua_KFunction k) {
    lua_pushvalue(L, 1);
    return lua_yieldk(L, 1, ctx, k);
}

static int l_want(lua_State *L) {
    struct request *q = check(L, 1);
    lua_pushboolean(L, !q->wire || http_want(q->wire));
    return 1;
}

static int wait_k(lua_State *L, int status, lua_KContext ctx) {
    struct request *q = live(L, 1);
    struct error e;
    enum err rc;
    (void)status;
    vm_progress(L);
    while ((rc = http_headers_in(q->wire, &e)) == ERR_AGAIN)
        if (!http_want(q->wire)) return wait_for_news(L, ctx, wait_k);
    return api_result(L, rc, &e);
}

static int l_wait(lua_State *L) {
    lua_settop(L, 1);
    return wait_k(L, LUA_OK, 0);
}

/* What is known of the answer. */

static int l_status(lua_State *L) {
    lua_pushinteger(L, http_status(live(L, 1)->wire));
    return 1;
}

static int l_shown(lua_State *L) {
    lua_pushstring(L, http_shown(live(L, 1)->wire));
    return 1;
}

/* Pushes the value; where the table at the top but one has that name already, joined to it. */
static void push_joined(lua_State *L, const char *value, size_t len) {
    lua_pushvalue(L, -1);
    lua_rawget(L, -3);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushlstring(L, value, len);
        return;
    }
    lua_pushliteral(L, ", ");
    lua_pushlstring(L, value, len);
    lua_concat(L, 3);
}

static int push_lines(lua_State *L, const char *at, size_t len) {
    const char *end = at + len;
    lua_newtable(L);
    while (at < end) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        const char *colon = memchr(at, ':', (size_t)(eol - at));
        lua_pushlstring(L, at, (size_t)(colon - at));
        push_joined(L, colon + 2, (size_t)(eol - colon - 2));
        lua_rawset(L, -3);
        at = eol + 1;
    }
    return 1;
}

static int l_headers(lua_State *L) {
    size_t len;
    const char *lines = http_header_lines(live(L, 1)->wire, &len);
    return push_lines(L, lines, len);
}

static int l_trailers(lua_State *L) {
    size_t len;
    const char *lines = http_trailer_lines(live(L, 1)->wire, &len);
    lua_pushboolean(L, http_severed(live(L, 1)->wire));
    push_lines(L, lines, len);
    lua_insert(L, -2);
    return 2;
}

/* The whole body. */

/* Takes over what has come. ERR_AGAIN while more is to come. */
static enum err gather(struct request *q, struct error *e) {
    size_t len;
    const char *bytes = http_bytes(q->wire, &len);
    if (len > 0) {
        enum err rc = buf_add(&q->whole, bytes, len);
        if (rc)
            return err_set(e, rc == ERR_LIMIT ? ERR_INVALID : rc,
                           "%s: the answer has more than %zu bytes (limits.body_mb)",
                           http_shown(q->wire), q->whole.max);
        take(q, bytes, len);
    }
    return http_ended(q->wire, e);
}

/* Does what `then` does with a body that is there; ctx is that function. */
typedef int then_function(lua_State *L, struct request *q);

static int whole_k(lua_State *L, int status, lua_KContext ctx) {
    struct request *q = live(L, 1);
    struct error e;
    enum err rc;
    (void)status;
    vm_progress(L);
    while ((rc = gather(q, &e)) == ERR_AGAIN)
        if (!http_want(q->wire)) return wait_for_news(L, ctx, whole_k);
    if (rc) return api_fail(L, &e);
    return ((then_function *)ctx)(L, q);
}

static int with_whole(lua_State *L, then_function *then) {
    struct request *q = live(L, 1);
    if (q->splitting && q->whole.len == 0)
        return luaL_error(L, "an answer read with each is not there as a whole");
    return whole_k(L, LUA_OK, (lua_KContext)then);
}

static int then_body(lua_State *L, struct request *q) {
    lua_pushlstring(L, q->whole.data, q->whole.len);
    return 1;
}

static int l_body(lua_State *L) {
    lua_settop(L, 1);
    return with_whole(L, then_body);
}

/* ERR_INVALID with the request before the reason. */
static enum err check_json(struct request *q, struct error *e) {
    struct error why;
    if (q->checked) return ERR_OK;
    enum err rc = json_check(q->whole.data, q->whole.len, LIMIT_JSON_DEPTH, NULL, &why);
    q->checked = rc == ERR_OK;
    if (rc) err_set(e, ERR_INVALID, "%s: the answer is not JSON: %s", http_shown(q->wire), why.text);
    return rc;
}

static int then_json(lua_State *L, struct request *q) {
    struct error e;
    if (check_json(q, &e)) return api_fail(L, &e);
    json_push_raw(L, q->whole.data, q->whole.len);
    return 1;
}

static int l_json(lua_State *L) {
    lua_settop(L, 1);
    return with_whole(L, then_json);
}

/* A string token of the body. */
struct token {
    char *at;
    size_t len;
    bool escaped;
};

static enum err make_secret(void *ctx, struct secret **out, struct error *e) {
    struct token *t = ctx;
    struct json_value string = {t->at, t->len, JSON_STRING, t->escaped};
    struct buf text;
    buf_init(&text, LIMIT_SECRET);
    enum err rc = json_unescape(&string, &text);
    if (rc) err_set(e, rc, "a secret in an answer is over %d bytes", LIMIT_SECRET);
    if (!rc) rc = secret_new(text.data, text.len, out, e);
    secret_wipe(text.data, text.len);
    buf_free(&text);
    return rc;
}

/* Nothing of the token stays in the body, which stays JSON. */
static void blank_out(struct token *t) {
    secret_wipe(t->at, t->len);
    memset(t->at, ' ', t->len);
    if (t->len >= 4) memcpy(t->at, "null", 4);
    else *t->at = '0';
}

static int then_secret(lua_State *L, struct request *q) {
    struct error e;
    const char *path = luaL_checkstring(L, 2);
    if (check_json(q, &e)) return api_fail(L, &e);
    struct json_value v = json_find(q->whole.data, q->whole.len, path);
    if (v.kind != JSON_STRING || v.len <= 2) {
        err_set(&e, ERR_INVALID, "%s: no text at '%s' in the answer", http_shown(q->wire), path);
        return api_fail(L, &e);
    }
    struct token t = {q->whole.data + (v.at - q->whole.data), v.len, v.escaped};
    int n = secret_push_made(L, make_secret, &t);
    if (n == 1) blank_out(&t);
    return n;
}

static int l_secret(lua_State *L) {
    luaL_checkstring(L, 2);
    lua_settop(L, 2);
    return with_whole(L, then_secret);
}

/* The first bytes, for messages. */

static int start_k(lua_State *L, int status, lua_KContext max) {
    struct request *q = live(L, 1);
    (void)status;
    while (gather(q, NULL) == ERR_AGAIN && q->whole.len < (size_t)max)
        if (!http_want(q->wire)) return wait_for_news(L, max, start_k);
    lua_pushlstring(L, q->whole.data, q->whole.len < (size_t)max ? q->whole.len : (size_t)max);
    return 1;
}

static int l_start_of_body(lua_State *L) {
    lua_Integer max = luaL_checkinteger(L, 2);
    luaL_argcheck(L, max > 0 && max <= LIMIT_BODY_BUFFER, 2, "out of bounds");
    live(L, 1);
    lua_settop(L, 1);
    return start_k(L, LUA_OK, (lua_KContext)max);
}

/* For a body that is kept. */

static int small_k(lua_State *L, int status, lua_KContext max) {
    struct request *q = live(L, 1);
    struct error e;
    enum err rc;
    (void)status;
    vm_progress(L);
    while ((rc = gather(q, &e)) == ERR_AGAIN && q->whole.len <= (size_t)max)
        if (!http_want(q->wire)) return wait_for_news(L, max, small_k);
    if (q->whole.len > (size_t)max) lua_pushboolean(L, false);
    else if (rc) return api_fail(L, &e);
    else lua_pushlstring(L, q->whole.data, q->whole.len);
    return 1;
}

static int l_small(lua_State *L) {
    lua_Integer max = luaL_checkinteger(L, 2);
    luaL_argcheck(L, max > 0 && max <= MIB, 2, "out of bounds");
    if (live(L, 1)->splitting) return luaL_error(L, "its elements are being read");
    lua_settop(L, 1);
    return small_k(L, LUA_OK, (lua_KContext)max);
}

static int l_stand_in(lua_State *L) {
    struct request *q = live(L, 1);
    struct error e;
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);
    if (q->splitting || q->whole.len > 0) return luaL_error(L, "the answer has a body of its own");
    enum err rc = buf_add(&q->whole, bytes, len);
    if (rc) err_set(&e, rc, "%s: no room for the answer that was kept", http_shown(q->wire));
    return api_result(L, rc, &e);
}

/* Element by element. The iterator's upvalue 1 is the request. */

static int failure_text(lua_State *L) {
    lua_pushliteral(L, "message");
    lua_rawget(L, 1);
    return 1;
}

void http_failure(lua_State *L) {
    if (luaL_newmetatable(L, "reeve.http.failure")) {
        lua_pushcfunction(L, failure_text);
        lua_setfield(L, -2, "__tostring");
        lua_pushboolean(L, 0);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
}

/* Raises { status, code, message, url, cut }. */
static int raise(lua_State *L, struct request *q, const struct error *e) {
    const char *shown = http_shown(q->wire), *url = strchr(shown, ' ');
    enum err code = e->code == ERR_CUT ? ERR_UNAVAILABLE : e->code;
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, http_status(q->wire)), lua_setfield(L, -2, "status");
    lua_pushstring(L, err_name(code)), lua_setfield(L, -2, "code");
    lua_pushstring(L, e->text), lua_setfield(L, -2, "message");
    lua_pushstring(L, url ? url + 1 : shown), lua_setfield(L, -2, "url");
    if (e->code == ERR_CUT) lua_pushboolean(L, 1), lua_setfield(L, -2, "cut");
    http_failure(L);
    return lua_error(L);
}

static int raise_json(lua_State *L, struct request *q, const struct error *why) {
    struct error e;
    err_set(&e, ERR_INVALID, "%s: %s", http_shown(q->wire), why->text);
    return raise(L, q, &e);
}

/* All has come: is the document complete? */
static int end_of_elements(lua_State *L, struct request *q) {
    struct error e;
    if (!q->split_over && json_split_finish(&q->split, &e)) return raise_json(L, q, &e);
    q->split_over = true;
    lua_pushnil(L);
    return 1;
}

/* What has come and the splitter has not seen: first what was read as a whole, before. */
static const char *unsplit(struct request *q, size_t *len) {
    *len = q->whole.len - q->split_at;
    return *len > 0 ? q->whole.data + q->split_at : http_bytes(q->wire, len);
}

static void split_seen(struct request *q, const char *bytes, size_t n) {
    if (q->split_at < q->whole.len) q->split_at += n;
    else take(q, bytes, n);
}

/* Takes one element out of what has come and pushes it: 1. 0 where there is none yet. The element
 * is pushed before its bytes are given back. */
static int push_element(lua_State *L, struct request *q) {
    struct error e;
    size_t len, used;
    const char *bytes;
    while (bytes = unsplit(q, &len), len > 0) {
        enum json_split_result got = json_split_feed(&q->split, bytes, len, &used, &e);
        if (got == JSON_SPLIT_ERROR) return raise_json(L, q, &e);
        bool element = got == JSON_SPLIT_ELEMENT;
        if (element) json_push_raw(L, q->split.element, q->split.element_len);
        split_seen(q, bytes, used);
        if (element) return 1;
    }
    return 0;
}

static int next_k(lua_State *L, int status, lua_KContext ctx) {
    struct request *q = lua_touserdata(L, lua_upvalueindex(1));
    struct error e;
    (void)status;
    for (;;) {
        if (!q->wire) return luaL_error(L, "this answer was given up");
        if (push_element(L, q)) return 1;
        enum err rc = http_ended(q->wire, &e);
        if (rc == ERR_OK) return end_of_elements(L, q);
        if (rc != ERR_AGAIN) return raise(L, q, &e);
        if (http_want(q->wire)) continue;
        lua_pushvalue(L, lua_upvalueindex(1));
        return lua_yieldk(L, 1, ctx, next_k);
    }
}

static int next_element(lua_State *L) {
    vm_progress(L);
    return next_k(L, LUA_OK, 0);
}

static int l_each(lua_State *L) {
    struct request *q = live(L, 1);
    struct error e;
    struct json_split_options o = {
        .where = luaL_optstring(L, 2, ""),
        .element_bytes = q->element_max,
        .rest_bytes = q->element_max,
        .optional = lua_toboolean(L, 3),
    };
    if (q->splitting) return luaL_error(L, "the elements of an answer can be read once");
    if (json_split_open(&q->split, &o, &e)) {
        json_split_free(&q->split);
        return luaL_error(L, "each: %s", e.text);
    }
    q->splitting = true;
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, next_element, 1);
    return 1;
}

static int l_unfinished(lua_State *L) {
    struct request *q = check(L, 1);
    lua_pushboolean(L, q->splitting && !q->split_over);
    return 1;
}

static int l_over(lua_State *L) {
    struct request *q = check(L, 1);
    bool open = q->splitting && !q->split_over;
    lua_pushboolean(L, !open && (!q->wire || http_ended(q->wire, NULL) != ERR_AGAIN));
    return 1;
}

static int l_rest(lua_State *L) {
    struct request *q = live(L, 1);
    if (!q->split_over) return luaL_error(L, "rest is there when the loop over each has ended");
    json_push_raw(L, q->split.rest.data, q->split.rest.len);
    return 1;
}

static const luaL_Reg methods[] = {
    {"want", l_want},       {"wait", l_wait},     {"status", l_status}, {"headers", l_headers},
    {"shown", l_shown},     {"body", l_body},     {"json", l_json},     {"secret", l_secret},
    {"each", l_each},       {"rest", l_rest},     {"over", l_over},     {"cancel", l_cancel},
    {"client", l_client},   {"unfinished", l_unfinished}, {"start_of_body", l_start_of_body},
    {"small", l_small},     {"stand_in", l_stand_in}, {"keep", l_keep}, {"kept", l_kept},
    {"settled", l_settled}, {"trailers", l_trailers},
    {NULL, NULL},
};

void http_request_open(lua_State *L) {
    api_class(L, CLASS, methods, l_free);
}

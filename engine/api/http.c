#include "http.h"

#include "../host/base/limits.h"
#include "../host/c1/asset.h"
#include "../host/net/bucket.h"
#include "../host/net/http.h"
#include "../host/net/http_url.h"
#include "../host/system/process.h"
#include "api.h"
#include "asset.h"
#include "http_request.h"
#include "json.h"
#include "secret.h"

#define CLIENT "reeve.http"
#define BUCKET "reeve.http.bucket"

/* A client's uservalue: its requests by address, weak, to find them again when they have news. */
enum { CLIENT_REQUESTS = 1 };

enum { HOSTS_MAX = 64, HEADERS_MAX = 64 };

struct client {
    struct http *http;
    size_t body_bytes, element_bytes;
};

static struct client *check_client(lua_State *L) {
    struct client *c = luaL_checkudata(L, 1, CLIENT);
    if (!c->http) luaL_error(L, "this client is closed");
    return c;
}

/* Opening. */

/* The strings of the list in field `field`, which live as long as the table does. */
static size_t read_hosts(lua_State *L, const char *field, const char **out) {
    size_t n = 0;
    if (lua_getfield(L, 1, field) == LUA_TTABLE) {
        n = lua_rawlen(L, -1);
        if (n > HOSTS_MAX) luaL_error(L, "option '%s': at most %d hosts", field, HOSTS_MAX);
        for (size_t i = 0; i < n; i++) {
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            out[i] = luaL_checkstring(L, -1);
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
    return n;
}

static void push_weak_table(lua_State *L) {
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
}

static int l_client(lua_State *L) {
    const char *declared[HOSTS_MAX], *named[HOSTS_MAX];
    luaL_checktype(L, 1, LUA_TTABLE);
    struct http_options o = {
        .declared = declared,
        .named = named,
        .n_declared = read_hosts(L, "hosts", declared),
        .n_named = read_hosts(L, "named", named),
        .timeout_s = api_opt_number(L, 1, "timeout_s", 30),
        .concurrency = (unsigned)api_opt_integer(L, 1, "concurrency", 8),
        .proxy = api_opt_string(L, 1, "proxy", NULL),
        .ca_file = api_opt_string(L, 1, "ca_file", NULL),
        .client_cert = api_opt_string(L, 1, "client_cert", NULL),
        .client_key = api_opt_string(L, 1, "client_key", NULL),
        .user_agent = api_opt_string(L, 1, "user_agent", NULL),
        .reroute = api_opt_string(L, 1, "reroute", NULL),
    };
    struct client *c = lua_newuserdatauv(L, sizeof *c, 1);
    c->http = NULL;
    c->body_bytes = (size_t)api_opt_integer(L, 1, "body_bytes", 64 * MIB);
    c->element_bytes = (size_t)api_opt_integer(L, 1, "element_bytes", MIB);
    luaL_setmetatable(L, CLIENT);
    push_weak_table(L);
    lua_setiuservalue(L, -2, CLIENT_REQUESTS);
    struct error e;
    if (http_open(&o, &c->http, &e)) return api_fail(L, &e);
    return 1;
}

static int l_close(lua_State *L) {
    struct client *c = luaL_checkudata(L, 1, CLIENT);
    http_close(c->http);
    c->http = NULL;
    return 0;
}

/* Starting a request. */

/* The bytes of a string, a number or a secret at the top of the stack; NULL for anything else. */
static const char *bytes_at_top(lua_State *L, size_t *len, bool *secret) {
    struct secret *s = secret_test(L, -1);
    if (s) *secret = true;
    if (s) return secret_bytes(s, len);
    return lua_tolstring(L, -1, len);
}

/* Each value stays on the stack, so that a number's text lives. */
static size_t read_headers(lua_State *L, struct http_header *out) {
    size_t n = 0;
    if (lua_getfield(L, 2, "headers") != LUA_TTABLE) return 0;
    luaL_checkstack(L, HEADERS_MAX + 4, NULL);
    int table = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table);) {
        if (n == HEADERS_MAX) luaL_error(L, "headers: at most %d", HEADERS_MAX);
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "headers: names must be strings");
        struct http_header *h = &out[n++];
        *h = (struct http_header){.name = lua_tostring(L, -2)};
        h->value = bytes_at_top(L, &h->value_len, &h->secret);
        if (!h->value) luaL_error(L, "header '%s': a string or a secret expected", h->name);
        lua_insert(L, -2);
    }
    return n;
}

static void read_ask(lua_State *L, struct http_ask *ask, struct http_header *headers) {
    bool url_secret = false;
    ask->method = api_opt_string(L, 2, "method", NULL);
    if (!ask->method) ask->method = "GET";
    ask->timeout_s = api_opt_number(L, 2, "timeout_s", 0);
    ask->deadline_s = api_opt_number(L, 2, "deadline_s", 0);
    ask->repeatable = api_opt_boolean(L, 2, "repeatable", 0);
    ask->http2 = api_opt_boolean(L, 2, "http2", 0);
    ask->n_headers = read_headers(L, headers);
    ask->headers = headers;
    lua_getfield(L, 2, "url");
    ask->url = bytes_at_top(L, &ask->url_len, &url_secret);
    if (!ask->url) luaL_error(L, "option 'url': a string or a secret expected");
    if (lua_getfield(L, 2, "body") == LUA_TNIL) return;
    if (asset_test(L, -1)) {
        if (!ask->http2) luaL_error(L, "option 'body': an upload goes with http2 only");
        ask->source = (struct http_source){asset_read, asset_test(L, -1)};
        return;
    }
    ask->body = bytes_at_top(L, &ask->body_len, &ask->body_secret);
    if (!ask->body) luaL_error(L, "option 'body': a string or a secret expected");
}

static int l_start(lua_State *L) {
    struct client *c = check_client(L);
    struct http_header headers[HEADERS_MAX];
    struct http_ask ask = {.method = NULL};
    struct http_request *started;
    struct error e;
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_Integer most = api_opt_integer(L, 2, "body_bytes", (lua_Integer)c->body_bytes);
    http_request_push(L, 1, most > 0 ? (size_t)most : 0, c->element_bytes);
    read_ask(L, &ask, headers);
    if (http_start(c->http, &ask, &started, &e)) return api_fail(L, &e);
    http_request_set(L, 3, started, ask.source.read ? -1 : 0);
    lua_getiuservalue(L, 1, CLIENT_REQUESTS);
    lua_pushvalue(L, 3);
    lua_rawsetp(L, -2, http_owner(started));
    lua_pushvalue(L, 3);
    return 1;
}

/* The loop. */

static int l_poll(lua_State *L) {
    struct client *c = check_client(L);
    double timeout_s = luaL_checknumber(L, 2);
    int fds[HTTP_FDS];
    size_t n_fds = api_descriptors(L, 3, fds, HTTP_FDS);
    struct error e;
    if (http_poll(c->http, timeout_s, fds, n_fds, &e)) return api_fail(L, &e);
    lua_getiuservalue(L, 1, CLIENT_REQUESTS);
    lua_newtable(L);
    lua_Integer n = 0;
    for (struct http_request *r; (r = http_woken(c->http));) {
        lua_rawgetp(L, -2, http_owner(r));
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

static int l_allow(lua_State *L) {
    struct error e = {.text = "out of memory for a host"};
    e.code = http_allow(check_client(L)->http, luaL_checkstring(L, 2));
    return api_result(L, e.code, &e);
}

static int l_allowed(lua_State *L) {
    lua_pushboolean(L, http_allowed(check_client(L)->http, luaL_checkstring(L, 2)));
    return 1;
}

static int l_stats(lua_State *L) {
    struct http_stats s;
    http_stats(check_client(L)->http, &s);
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, (lua_Integer)s.requests), lua_setfield(L, -2, "requests");
    lua_pushinteger(L, (lua_Integer)s.bytes), lua_setfield(L, -2, "bytes");
    lua_pushinteger(L, s.running), lua_setfield(L, -2, "running");
    lua_pushinteger(L, s.waiting), lua_setfield(L, -2, "waiting");
    return 1;
}

/* Buckets. */

static int l_bucket(lua_State *L) {
    lua_Integer requests = luaL_checkinteger(L, 1);
    double per_s = luaL_optnumber(L, 2, 1);
    luaL_argcheck(L, requests > 0, 1, "at least 1 expected");
    luaL_argcheck(L, per_s > 0, 2, "seconds above 0 expected");
    struct bucket *b = lua_newuserdatauv(L, sizeof *b, 0);
    b->taken = NULL;
    luaL_setmetatable(L, BUCKET);
    if (bucket_init(b, (size_t)requests, per_s)) luaL_error(L, "no memory for a bucket");
    return 1;
}

static int l_take(lua_State *L) {
    struct bucket *b = luaL_checkudata(L, 1, BUCKET);
    lua_pushnumber(L, bucket_take(b, process_mono()));
    return 1;
}

static int l_bucket_free(lua_State *L) {
    bucket_free(luaL_checkudata(L, 1, BUCKET));
    return 0;
}

/* URLs and dates. */

static void push_url(lua_State *L, struct http_url *u) {
    lua_createtable(L, 0, 4);
    lua_pushstring(L, u->text), lua_setfield(L, -2, "text");
    lua_pushstring(L, u->shown), lua_setfield(L, -2, "shown");
    lua_pushstring(L, u->origin), lua_setfield(L, -2, "origin");
    lua_pushstring(L, u->host), lua_setfield(L, -2, "host");
    http_url_free(u);
}

static int l_parse(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    struct http_url u;
    struct error e;
    if (http_url_parse(text, len, &u, &e)) return api_fail(L, &e);
    push_url(L, &u);
    return 1;
}

static int l_resolve(lua_State *L) {
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len), *reference = luaL_checkstring(L, 2);
    struct http_url base, to = {.text = NULL};
    struct error e;
    enum err rc = http_url_parse(text, len, &base, &e);
    if (!rc) rc = http_url_follow(&base, reference, &to, &e);
    http_url_free(&base);
    if (rc) return api_fail(L, &e);
    lua_pushstring(L, to.text);
    http_url_free(&to);
    return 1;
}

static int l_date(lua_State *L) {
    int64_t when = http_date(luaL_checkstring(L, 1));
    if (when < 0) return 0;
    lua_pushinteger(L, when);
    return 1;
}

static int l_failure(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    http_failure(L);
    return 1;
}

static const luaL_Reg client_methods[] = {
    {"start", l_start}, {"poll", l_poll},   {"allow", l_allow}, {"allowed", l_allowed},
    {"stats", l_stats}, {"close", l_close}, {NULL, NULL},
};

static const luaL_Reg bucket_methods[] = {{"take", l_take}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"client", l_client},   {"bucket", l_bucket}, {"parse", l_parse},
    {"resolve", l_resolve}, {"date", l_date},     {"failure", l_failure},
    {NULL, NULL},
};

int luaopen_host_http(lua_State *L) {
    api_class(L, CLIENT, client_methods, l_close);
    api_class(L, BUCKET, bucket_methods, l_bucket_free);
    http_request_open(L);
    luaL_requiref(L, "host.json", luaopen_host_json, 0); /* raw objects and secrets go out */
    luaL_requiref(L, "host.secret", luaopen_host_secret, 0);
    lua_pop(L, 2);
    luaL_newlib(L, functions);
    return 1;
}

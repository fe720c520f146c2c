#include "server.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "../host/base/limits.h"
#include "api.h"

#define SERVER "reeve.server"
#define EXCHANGE "reeve.server.exchange"
#define REQUEST "reeve.server.request"

/* Uservalues. A server has the table of exchanges whose reply is under way, so that these and the
 * strings they send stay alive; an exchange has that same table, and the body it sends. */
enum { SERVER_SENDING = 1, EXCHANGE_SENDING = 1, EXCHANGE_BODY = 2 };

enum { REPLY_HEADERS = 64 };

static struct server *check_server(lua_State *L) {
    struct server **s = luaL_checkudata(L, 1, SERVER);
    if (!*s) luaL_error(L, "this server is closed");
    return *s;
}

/* A whole number that is not negative; 0 where it is absent. */
static unsigned opt_limit(lua_State *L, const char *field) {
    lua_Integer n = api_opt_integer(L, 1, field, 0);
    if (n < 0 || n > INT_MAX) luaL_error(L, "option '%s': a number from 0 expected", field);
    return (unsigned)n;
}

static int l_listen(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer port = api_opt_integer(L, 1, "port", 0);
    struct server_options options = {
        .host = api_opt_string(L, 1, "host", NULL),
        .port = port < 0 || port > 65535 ? -1 : (int)port,
        .cert = api_opt_string(L, 1, "cert", NULL),
        .key = api_opt_string(L, 1, "key", NULL),
        .body_max = opt_limit(L, "body_bytes"),
        .connections = opt_limit(L, "connections"),
        .idle_s = opt_limit(L, "idle_s"),
    };
    struct server **s = lua_newuserdatauv(L, sizeof *s, 1);
    *s = NULL;
    luaL_setmetatable(L, SERVER);
    lua_newtable(L);
    lua_setiuservalue(L, -2, SERVER_SENDING);
    struct error e;
    if (server_open(s, &options, &e)) return api_fail(L, &e);
    return 1;
}

static int l_close(lua_State *L) {
    struct server **s = luaL_checkudata(L, 1, SERVER);
    server_close(*s);
    *s = NULL;
    return 0;
}

static int l_port(lua_State *L) {
    lua_pushinteger(L, server_port(check_server(L)));
    return 1;
}

/* fd, and the seconds after which poll(0) must be called at the latest, or nil. */
static int l_fd(lua_State *L) {
    struct server *s = check_server(L);
    double wait = server_wait_s(s);
    lua_pushinteger(L, server_fd(s));
    if (wait < 0)
        lua_pushnil(L);
    else
        lua_pushnumber(L, wait);
    return 2;
}

/* ------------------------------------------------------------------ requests */

/* The fields are first copied here: the library's iteration must not be left by a Lua error. */
struct lengths {
    size_t name, value;
};

static void copy_field(void *arg, struct server_span name, struct server_span value) {
    struct buf *b = arg;
    struct lengths n = {name.len, value.len};
    if (buf_reserve(b, sizeof n + n.name + n.value)) return;
    buf_add(b, &n, sizeof n);
    buf_add(b, name.bytes, name.len);
    buf_add(b, value.bytes, value.len);
}

static void lower(char *name, size_t len) {
    for (size_t i = 0; i < len; i++) name[i] = (char)tolower((unsigned char)name[i]);
}

/* Sets t[name] = value at the top; a header that is there already gets ", value" behind it. */
static void set_field(lua_State *L, char *at, struct lengths n, enum server_fields which) {
    if (which == SERVER_HEADERS) lower(at, n.name);
    lua_pushlstring(L, at, n.name);
    if (which == SERVER_HEADERS) {
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TSTRING)
            lua_pushliteral(L, ", ");
        else
            lua_pop(L, 1);
    }
    int earlier = lua_type(L, -2) == LUA_TSTRING ? 2 : 0;
    lua_pushlstring(L, at + n.name, n.value);
    if (earlier) lua_concat(L, 3);
    lua_rawset(L, -3);
}

static void push_fields(lua_State *L, struct exchange *x, enum server_fields which) {
    lua_newtable(L);
    struct buf *b = api_buf(L, 4 * LIMIT_REQUEST_HEAD);
    lua_insert(L, -2);
    exchange_fields(x, which, copy_field, b);
    struct lengths n;
    for (size_t at = 0; at < b->len; at += sizeof n + n.name + n.value) {
        memcpy(&n, b->data + at, sizeof n);
        set_field(L, b->data + at + sizeof n, n, which);
    }
    buf_free(b);
    lua_remove(L, -2);
}

/* Pushes the request's table; the exchange's userdata is at index ud.  [-0, +1, m] */
static void push_request(lua_State *L, int ud, struct exchange *x) {
    lua_createtable(L, 0, 6);
    lua_pushvalue(L, ud);
    lua_setfield(L, -2, "exchange");
    lua_pushstring(L, exchange_method(x));
    lua_setfield(L, -2, "method");
    struct server_span path = exchange_path(x), body = exchange_body(x);
    lua_pushlstring(L, path.bytes, path.len);
    lua_setfield(L, -2, "path");
    lua_pushlstring(L, body.bytes, body.len);
    lua_setfield(L, -2, "body");
    exchange_forget_body(x);
    push_fields(L, x, SERVER_QUERY);
    lua_setfield(L, -2, "query");
    push_fields(L, x, SERVER_HEADERS);
    lua_setfield(L, -2, "headers");
    luaL_setmetatable(L, REQUEST);
}

/* Takes the next request and pushes its table; false, and nothing pushed, where there is none. */
static int next_request(lua_State *L, struct server *s) {
    struct exchange **x = lua_newuserdatauv(L, sizeof *x, 2);
    *x = NULL;
    luaL_setmetatable(L, EXCHANGE);
    lua_getiuservalue(L, 1, SERVER_SENDING);
    lua_setiuservalue(L, -2, EXCHANGE_SENDING);
    *x = server_next(s);
    if (!*x) {
        lua_pop(L, 1);
        return 0;
    }
    push_request(L, lua_gettop(L), *x);
    lua_remove(L, -2);
    return 1;
}

static void forget_sent(lua_State *L, struct server *s) {
    lua_getiuservalue(L, 1, SERVER_SENDING);
    for (struct exchange *x = server_over(s); x; x = server_over(s)) {
        lua_pushnil(L);
        lua_rawsetp(L, -2, x);
    }
    lua_pop(L, 1);
}

static int l_poll(lua_State *L) {
    struct server *s = check_server(L);
    lua_Number timeout = luaL_optnumber(L, 2, -1);
    struct error e;
    if (server_poll(s, timeout, &e)) return api_fail(L, &e);
    forget_sent(L, s);
    lua_newtable(L);
    for (lua_Integer n = 1; next_request(L, s); n++) lua_rawseti(L, -2, n);
    return 1;
}

/* ------------------------------------------------------------------ replies */

static void add_header(lua_State *L, struct server_reply *reply, struct server_field *fields,
                       const char *name) {
    size_t len;
    const char *value = lua_tolstring(L, -1, &len);
    if (!value || strlen(value) != len)
        luaL_error(L, "header '%s': a string without NUL expected", name);
    if (reply->header_count == REPLY_HEADERS) luaL_error(L, "more than 64 headers");
    fields[reply->header_count++] = (struct server_field){name, value};
}

/* Reads {name = value or list of values} at t. The strings live as long as the table does. */
static void read_headers(lua_State *L, int t, struct server_reply *reply,
                         struct server_field *fields) {
    reply->headers = fields;
    if (lua_isnoneornil(L, t)) return;
    luaL_checktype(L, t, LUA_TTABLE);
    for (lua_pushnil(L); lua_next(L, t); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "a header's name is not a string");
        const char *name = lua_tostring(L, -2);
        if (!lua_istable(L, -1)) {
            if (lua_type(L, -1) != LUA_TSTRING)
                luaL_error(L, "header '%s': a string expected, got %s", name, luaL_typename(L, -1));
            add_header(L, reply, fields, name);
            continue;
        }
        lua_Integer count = luaL_len(L, -1);
        for (lua_Integer i = 1; i <= count; i++) {
            if (lua_rawgeti(L, -1, i) != LUA_TSTRING)
                luaL_error(L, "header '%s': a list of strings expected", name);
            add_header(L, reply, fields, name);
            lua_pop(L, 1);
        }
    }
}

static void read_options(lua_State *L, int t, struct server_reply *reply) {
    if (lua_isnoneornil(L, t)) return;
    luaL_checktype(L, t, LUA_TTABLE);
    lua_Integer truncate = api_opt_integer(L, t, "truncate", -1);
    if (truncate >= 0) reply->truncate = (size_t)truncate;
    reply->stall = api_opt_boolean(L, t, "stall", 0);
    reply->cut = api_opt_boolean(L, t, "cut", 0);
    reply->delay_s = api_opt_number(L, t, "delay_s", 0);
    reply->bytes_per_s = api_opt_number(L, t, "bytes_per_s", 0);
}

static struct exchange *request_exchange(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "exchange");
    struct exchange **x = luaL_testudata(L, -1, EXCHANGE);
    if (!x || !*x) luaL_argerror(L, 1, "a request expected");
    return *x;
}

static int l_reply(lua_State *L) {
    lua_settop(L, 5);
    struct server_field fields[REPLY_HEADERS];
    struct server_reply reply = {.status = (int)luaL_checkinteger(L, 2), .truncate = SERVER_WHOLE};
    read_headers(L, 3, &reply, fields);
    reply.body = luaL_optlstring(L, 4, "", &reply.len);
    read_options(L, 5, &reply);
    struct exchange *x = request_exchange(L);
    lua_getiuservalue(L, -1, EXCHANGE_SENDING);
    lua_pushvalue(L, -2);
    lua_rawsetp(L, -2, x);
    struct error e = {.code = ERR_OK};
    enum err rc = exchange_reply(x, &reply, &e);
    if (!rc) {
        lua_pushvalue(L, 4);
        lua_setiuservalue(L, -3, EXCHANGE_BODY);
    }
    /* Not under way: never begun, or over already, which server_over() may have told before. */
    if ((rc && rc != ERR_FAILED) || exchange_over(x)) {
        lua_pushnil(L);
        lua_rawsetp(L, -2, x);
    }
    return api_result(L, rc, &e);
}

static int release_exchange(lua_State *L) {
    struct exchange **x = luaL_checkudata(L, 1, EXCHANGE);
    exchange_free(*x);
    *x = NULL;
    return 0;
}

int luaopen_host_server(lua_State *L) {
    static const luaL_Reg server[] = {
        {"poll", l_poll}, {"port", l_port}, {"fd", l_fd}, {"close", l_close}, {NULL, NULL}};
    static const luaL_Reg request[] = {{"reply", l_reply}, {NULL, NULL}};
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg module[] = {{"listen", l_listen}, {NULL, NULL}};
    api_class(L, SERVER, server, l_close);
    api_class(L, EXCHANGE, none, release_exchange);
    api_class(L, REQUEST, request, NULL);
    luaL_newlib(L, module);
    return 1;
}

#include "sign.h"

#include "../host/secret/sign.h"
#include "api.h"
#include "secret.h"

/* What is to be made, for secret_push_made. */
struct order {
    int how, form;
    struct secret *key;
    struct secret_part a, b;
};

static struct secret *check_key(lua_State *L, int arg) {
    struct secret *key = secret_test(L, arg);
    luaL_argexpected(L, key, arg, "secret");
    return key;
}

static enum err make_jwt(void *ctx, struct secret **out, struct error *e) {
    struct order *o = ctx;
    return sign_jwt((enum sign_alg)o->how, o->key, &o->a, &o->b, out, e);
}

static int l_jwt(lua_State *L) {
    static const char *const names[] = {"RS256", "ES256", "EdDSA", "HS256", "Ed25519",
                                       NULL};
    struct order o = {.how = luaL_checkoption(L, 1, NULL, names)};
    o.key = check_key(L, 2);
    o.a = secret_check_part(L, 3);
    o.b = secret_check_part(L, 4);
    return secret_push_made(L, make_jwt, &o);
}

static enum err make_hmac(void *ctx, struct secret **out, struct error *e) {
    struct order *o = ctx;
    return sign_hmac((enum sign_hash)o->how, o->key, &o->a, (enum sign_form)o->form, out, e);
}

static int l_hmac(lua_State *L) {
    static const char *const names[] = {"sha256", "sha1", "sha512", NULL};
    static const char *const forms[] = {"hex", "base64", "base64url", NULL};
    struct order o = {.how = luaL_checkoption(L, 1, NULL, names)};
    o.key = check_key(L, 2);
    o.a = secret_check_part(L, 3);
    o.form = luaL_checkoption(L, 4, "hex", forms);
    return secret_push_made(L, make_hmac, &o);
}

int luaopen_host_sign(lua_State *L) {
    static const luaL_Reg functions[] = {{"jwt", l_jwt}, {"hmac", l_hmac}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}

/* secret: what other bindings do with secrets that Lua hands them.
 *
 * In Lua a secret is an opaque value: tostring gives ***, `..` with a string or a number gives a
 * secret, nothing gives its bytes. It lives as long as Lua holds it.
 *
 * require "host.secret"; `part` is a secret, a string or a number:
 *   new(bytes)  random(n)  is(value)  equal(a, b)             in constant time
 *   join(part, …)  basic(id, secret)  urlencode(secret)  json_string(secret) -> secret
 *   header(secret) -> the same, "Bearer abc" as a scheme and a secret, so that abc alone is scrubbed too
 *   scrub(text) -> the text with *** where a living secret stands in it, in any encoding
 *   holds(text) -> the living secret that stands in the text in any encoding | nil
 *   stand_in(key, part) -> the text with stand-ins (host/secret/stand_in.h), key has 16 bytes; of a secret in
 *                         which no root is found, ***
 *   seal(key, part, context) -> bytes                         open(key, bytes, context) -> secret
 *   open_bytes(key, bytes, context) -> bytes                  for what is sealed but no secret: cursors
 *   load_key(path [, "private"|"trusted"]) -> key             make_key(path) -> key, new, written 0600
 *   c1_key(client_secret) -> the Ed25519 key in a client secret of ConductorOne (host/c1/c1key.h)
 *   subkey(key, purpose, n) -> n bytes                        a key of its own for each purpose
 *   hash(part, …) -> BLAKE2b-256, hex                         hash128(key, bytes) -> SipHash-2-4-128
 *   random_hex(n) -> n bytes in hex */
#ifndef REEVE_API_SECRET_H
#define REEVE_API_SECRET_H

#include <lua.h>

#include "../host/secret/secret.h"

/* The secret at idx, or NULL where there is none. It lives as long as the Lua value does; who
 * needs it longer takes secret_keep(). Never raises.  [-0, +0, -] */
struct secret *secret_test(lua_State *L, int idx);

/* An argument that is a secret or, as plain bytes, a string or a number; it lives as long as the Lua
 * value does. Raises for anything else.  [-0, +0, v] */
struct secret_part secret_check_part(lua_State *L, int arg);

/* Runs `make` and pushes its secret; now and then, and where it says that secrets or memory are out,
 * collects those that Lua has dropped, and tries once more. Then pushes the secret and returns 1, or fails as
 * api_fail() does. `make` neither raises nor keeps anything.  [-0, +1|3, m] */
int secret_push_made(lua_State *L, enum err (*make)(void *ctx, struct secret **, struct error *),
                     void *ctx);

/* require "host.secret". */
int luaopen_host_secret(lua_State *L);

#endif

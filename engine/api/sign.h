/* sign: require "host.sign": tokens and HMACs, made with keys that Lua never sees.
 *
 *   jwt(alg, key, header, claims) -> secret | nil, message, code
 *        alg: "RS256" "ES256" "EdDSA" "HS256", or "Ed25519", which is EdDSA with a key of 32 bytes;
 *        key: a secret; header, claims: JSON, strings or secrets
 *   hmac(hash, key, data, encoding) -> secret | nil, message, code
 *        hash: "sha256" "sha1" "sha512"; key: a secret; data: a string or a secret;
 *        encoding: "hex" "base64" "base64url" */
#ifndef REEVE_API_SIGN_H
#define REEVE_API_SIGN_H

#include <lua.h>

int luaopen_host_sign(lua_State *L);

#endif

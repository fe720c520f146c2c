/* api/http: requests as Lua sees them: require "host.http".
 *
 *   client{ hosts = {…}, named = {…}, timeout_s, concurrency, proxy, ca_file, client_cert,
 *           client_key, body_bytes, element_bytes, user_agent, reroute } -> client | nil, message, code
 *        reroute: "http://127.0.0.1:PORT", where all requests go (host/net/http_reroute.h)
 *   client:start{ method, url, headers = {name = value}, body, timeout_s, repeatable, deadline_s,
 *                 http2, body_bytes }    -> request | nil, message, code
 *        url, header values and body may be secrets; a secret stays with the origin
 *        http2: by HTTP/2 or not at all, as gRPC wants it (host/net/http.h); body may then be an upload of
 *        host.asset too. body_bytes: of the answer, in place of the client's
 *   client:poll(timeout_s, fd…)          -> list of requests that were waited for and have news
 *        also ends when one of the descriptors can be read
 *   client:allow(host) · client:allowed(host) · client:stats() · client:close()
 *   bucket(requests, per_s) -> bucket; bucket:take() -> seconds to wait
 *   parse(url) -> { text, shown, origin, host } | nil, message, code
 *   resolve(base, reference) -> url | nil, message, code
 *   failure{ status, code, message, url } -> that table, as requests raise it: it has a tostring
 *   date(text) -> seconds since 1970 | nil
 *
 * The methods of a request that wait (wait, body, json, secret, rest, an iterator) yield the
 * request itself to whoever resumed the coroutine, and go on when it is resumed. */
#ifndef REEVE_API_HTTP_H
#define REEVE_API_HTTP_H

#include <lua.h>

int luaopen_host_http(lua_State *L);

#endif

/* api/http_request: one request and its answer, as Lua sees them.
 *
 *   request:want()     -> true where there is news; else it is told by client:poll
 *   request:wait()     -> true when the headers are in | nil, message, code
 *   request:status() · request:headers() (names in lower case, repeated ones joined by ", ")
 *   request:trailers() -> headers that came after the body, once it has ended; may they be lost, as
 *                         the connection ended with it (host/net/http.h)?
 *   request:shown()    -> "GET https://host/path", without query
 *   request:body()     -> the whole body | nil, message, code
 *   request:start_of_body(max) -> its first bytes, be it whole or broken; the rest is given up
 *   request:small(max) -> the whole body, false where it has more bytes (at most 1 MiB; what came is
 *                         still there for each, json, body) | nil, message, code
 *   request:stand_in(bytes) -> true: they are the body of this answer, which has none (304)
 *   request:json()     -> the whole body as a raw object or value | nil, message, code
 *   request:secret(path) -> the string at this path of the JSON body as a secret, which is then
 *                         no longer in the body | nil, message, code
 *   request:each(where, optional) -> an iterator over the elements of the array at this path;
 *                         it raises { status, code, message, url, cut }
 *   request:rest()     -> after the iterator's end: the document without that array
 *   request:unfinished() -> has an iterator begun and not ended?
 *   request:over()     -> has all come, and is no iterator unfinished?
 *   request:settled()  -> has all come, or was it given up? · request:keep(max): from now on, what
 *                         comes of the body is kept beside, up to so many bytes
 *   request:kept()     -> what was kept, and whether that is the whole body | nil, message, "limit"
 *   request:cancel() · request:client() */
#ifndef REEVE_API_HTTP_REQUEST_H
#define REEVE_API_HTTP_REQUEST_H

#include <lua.h>
#include <stddef.h>

#include "../host/net/http.h"

/* Registers the class; once.  [-0, +0, m] */
void http_request_open(lua_State *L);

/* Pushes an empty request that keeps the value at index `client` alive, with the limits of its
 * body and its elements in bytes.  [-0, +1, m] */
void http_request_push(lua_State *L, int client, size_t body_max, size_t element_max);

/* Gives the request at idx (from the bottom) what was started for it; http_owner() is then the
 * userdata's address. The value at index `source`, which the body is read from, lives as long; 0:
 * there is none.  [-0, +0, -] */
void http_request_set(lua_State *L, int idx, struct http_request *started, int source);

/* Makes the table at the top { status, code, message, url } a failure, as the iterator raises it:
 * tostring() gives its message.  [-0, +0, m] */
void http_failure(lua_State *L);

#endif

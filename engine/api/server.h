/* host.server: the HTTP server for Lua.
 *
 *   listen{ port=, host=, cert=, key=, body_bytes=, connections=, idle_s= }
 *                                              -> server | nil, message, code
 *        cert and key: PEM texts; the last three: limits, where they are to be smaller than usual
 *   server:port() -> integer
 *   server:poll(timeout_s) -> list of requests | nil, message, code
 *        waits until there is one, the time is over or a signal came; no timeout: no end
 *   server:fd() -> descriptor, seconds | nil
 *        for a loop that waits on other things too: readable when there is work; poll(0) is also
 *        due when the seconds are over
 *   server:close()
 *   request = { method, path, query = {name = value}, headers = {name = value}, body }
 *        names of headers are in lower case; path is still percent-encoded; of a name that comes
 *        twice, query keeps the last value, and headers has all, joined by ", "
 *   request:reply(status [, headers [, body [, options]]]) -> true | nil, message, code
 *        headers: {name = value or list of values}; the body is not copied;
 *        options: truncate = bytes, stall = true, cut = true, delay_s = seconds, bytes_per_s = number
 *
 * A request that is forgotten without a reply is hung up when Lua collects it. */
#ifndef REEVE_API_SERVER_H
#define REEVE_API_SERVER_H

#include <lua.h>

#include "../host/net/server.h"

int luaopen_host_server(lua_State *L);

#endif

/* asset: a file on its way to ConductorOne: require "host.asset".
 *
 *   open(path, host_id, task_id) -> upload | nil, message, code
 *        for the body of one request of host.http; the file is read while it is sent
 *   upload:close() */
#ifndef REEVE_API_ASSET_H
#define REEVE_API_ASSET_H

#include <lua.h>

#include "../host/c1/asset.h"

/* The upload at idx, NULL where there is none; it lives as long as the Lua value.  [-0, +0, -] */
struct asset *asset_test(lua_State *L, int idx);

int luaopen_host_asset(lua_State *L);

#endif

/* Protobuf over any bytes, as each kind of message that comes from outside: what is decoded is
 * encoded, and what was encoded says the same when it goes round again. The first byte picks the
 * message. */
#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../engine/api/vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char script[] =
    "local wire, messages = require 'host.wire', require 'c1.messages'\n"
    "local B, C = 'c1.connectorapi.baton.v1.', 'c1.connector.v2.'\n"
    "local names = { C .. 'Resource', C .. 'Grant', B .. 'BatonServiceGetTaskResponse',\n"
    "  B .. 'BatonServiceFinishTaskRequest', C .. 'ConnectorMetadata', C .. 'ResourceType',\n"
    "  'google.protobuf.Struct', 'google.protobuf.ListValue' }\n"
    "return function(bytes)\n"
    "  local name = names[(bytes:byte() or 0) % #names + 1]\n"
    "  local value = wire.decode(messages, name, bytes:sub(2))\n"
    "  if value == nil then return end\n"
    "  local once = assert(wire.encode(messages, name, value))\n"
    "  local twice = assert(wire.encode(messages, name, assert(wire.decode(messages, name, once))))\n"
    "  assert(once == twice, name)\n"
    "end\n";

static void must(int holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lua_State *L;
    if (!L) {
        L = vm_new();
        must(luaL_loadstring(L, script) == LUA_OK && vm_call(L, 0, 1) == LUA_OK);
    }
    lua_pushvalue(L, -1);
    lua_pushlstring(L, (const char *)data, size);
    must(vm_call(L, 1, 0) == LUA_OK);
    return 0;
}

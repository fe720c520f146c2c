/* Any bytes as a connector's file: it is accepted, or refused as a configuration error that names
 * the file; never an error of the engine's own, and never with the literal it found in a secret. */
#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../engine/api/vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char program[] =
    "local json, config = require 'host.json', require 'config.config'\n"
    "local settings, fail = require 'config.settings', require 'fail'\n"
    "local manifest = { name = 'acme', settings = {\n"
    "  { name = 'id', required = true }, { name = 'password', kind = 'secret' },\n"
    "  { name = 'url', kind = 'url' }, { name = 'host', kind = 'host' },\n"
    "  { name = 'n', kind = 'integer', default = 1 }, { name = 'flag', kind = 'boolean' },\n"
    "  { name = 'names', kind = 'list' }, { name = 'region', kind = 'choice', choices = { 'us', 'eu' } },\n"
    "} }\n"
    "local function read(tree)\n"
    "  local values = config.validate(tree, 'connector', 'a.json')\n"
    "  local options = config.resolve({ values }, 'connector')\n"
    "  return settings.resolve(manifest, options.settings or {}, 'a.json')\n"
    "end\n"
    "return function(text)\n"
    "  local tree = json.decode(text)\n"
    "  if tree == nil then return end\n"
    "  local ok, e = pcall(read, tree)\n"
    "  if ok then return end\n"
    "  assert(fail.is(e), e)\n"
    "  assert(e.code == 'config' and e.message:find('a.json', 1, true), e.message)\n"
    "  assert(not tostring(e):find('hunter2-is-a-literal', 1, true), 'a secret is told')\n"
    "end\n";

static void must(lua_State *L, int status) {
    if (status == LUA_OK) return;
    lua_writestringerror("%s\n", luaL_tolstring(L, -1, NULL));
    abort();
}

static lua_State *open(void) {
    lua_State *L = vm_new();
    must(L, luaL_loadbufferx(L, program, sizeof program - 1, "=fuzz_connector", "t"));
    must(L, vm_call(L, 0, 1));
    return L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lua_State *L;
    if (!L) L = open();
    lua_pushvalue(L, -1);
    lua_pushlstring(L, (const char *)data, size);
    must(L, vm_call(L, 1, 0));
    return 0;
}

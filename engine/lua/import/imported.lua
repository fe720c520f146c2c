-- imported: what stands in place of a plugin where there is no target to ask: a connector whose records are read from
-- .c1z files (import/import.lua). Its file says "plugin": "c1z"; its types are those that the files had.
local fail = require "fail"
local types = require "import.types"

local M = {}
local Plugin = {}
Plugin.__index = Plugin

--- What a connector's file says as its plugin.
M.NAME = "c1z"

-- Raised when what a message becomes (row.lua, record.lua) changes: nothing that was remembered is of use then.
local FORM <const> = 1

local LISTS <const> = { "entitlement", "grant", "resource" }

local function no_target(name)
  fail("usage", ("%s: no target to ask: it holds what was imported"):format(name),
    ("`reeve import %s -f FILE` reads another file"):format(name))
end

--- Raises where a connector has no target to ask.
function M.refuse(connector)
  if connector.plugin_name == M.NAME then no_target(connector.name) end
end

--- Is this connector one without a target? Where its file cannot be read it is not: who needs the file says so.
function M.is(home, name)
  local ok, tree = pcall(require("config.connector").read, home, name)
  return ok and tree.plugin == M.NAME
end

--- The command that makes a run of this connector.
function M.command(home, name)
  return M.is(home, name) and ("reeve import %s -f FILE"):format(name) or "reeve sync " .. name
end

--- The plugin of a connector without one. `read`: types that are just being read (types.lua) in place of those kept.
function M.plugin(home, name, read)
  local known = read or types.load(home, name)
  local version = require "version"
  return setmetatable({
    name = M.NAME, shown = M.NAME, origin = "bundled", connector_name = name,
    manifest = { api = 1, name = M.NAME, version = version, title = "Imported .c1z file", settings = {}, hosts = {},
      volatile = {}, resources = known.resources },
    digest = require("host.secret").hash(("%s %s %d"):format(M.NAME, version, FORM)),
    given = { types = known.names },
  }, Plugin)
end

--- As plugin/plugin.lua's: the lists are the file's tables; they are not asked but given (sync/fetch.lua, take).
function Plugin:connector()
  local lists = {}
  local function ask() no_target(self.connector_name) end
  for i, name in ipairs(LISTS) do
    lists[i] = { name = name, fn = ask, after = {}, emits = { name }, kinds = { name }, stable_cursor = false }
  end
  return { lists = lists, list = {} }
end

function Plugin.mapping()
  local record = require "import.record"
  return { resource = record.resource, entitlement = record.entitlement, grant = record.grant }
end

function Plugin.check() end

function Plugin.simulator() end

return M

-- world: a place where a scenario can be run as often as needed: a home in a temporary folder, a connector
-- in it, its target (target.lua), and any number of states by name.
--
--   local world = worlds.open(home, plugin, scenario)
--   local run = world:sync("first", { watch = fn, fresh_token = bool, snapshot = fn, guarded = bool })
--       run.outcome ("ok", "partial", "held", "failed"), run.record, run.code, run.message, run.asked, run.log
--       snapshot(n): the name under which to keep what a kill before the n-th answer would leave, or nil; the
--       requests then come one after the other, and run.ended[name] tells whether a listing had ended by then
--   world:lines("first")         the accepted records, a line of JSON each, sorted
--   world:copy("first", "second")
--   world:close()                removes the folder
local fail = require "fail"
local mode = require "mode"
local sys = require "host.sys"
local sync = require "sync.sync"
local targets = require "trial.target"

local M = {}
local World = {}
World.__index = World

local KINDS = { "resource", "entitlement", "grant" }

-- The connector is what its scenario says, whatever variables are set here.
local function forget_environment(manifest)
  for _, spec in ipairs(manifest.settings) do
    sys.unsetenv("REEVE_SETTINGS_" .. spec.name:upper())
    for _, name in ipairs(spec.aliases or {}) do sys.unsetenv(name) end
  end
end

local function connector_of(self, home, plugin, scenario)
  local settings, pending = {}, {}
  for name, value in pairs(scenario.settings) do settings[name] = value end
  for name, text in pairs(scenario.secrets) do
    settings[name], pending[name] = "store:" .. name, require("host.secret").new(text)
  end
  local guard = {}
  for name, resource in pairs(plugin.manifest.resources) do
    guard[name] = { removed = "100%", changed = "100%" }
    for slug in pairs(resource.entitlements or {}) do
      guard[name .. ":" .. slug] = { removed = "100%", gained = 1000000 }
    end
  end
  local mapping = scenario.script and "scripts/" .. scenario.mapping
  if mapping then
    fail.try(sys.mkdir_p(self.dir .. "/scripts", mode.private_folder))
    fail.try(sys.write_file(self.dir .. "/" .. mapping, scenario.script, mode.private_file))
  end
  local connector = require("config.connector").build(home, "trial", { plugin = plugin.name, settings = settings,
    guard = guard, mapping = mapping }, pending)
  connector.reroute, self.unguarded = self.target.url, connector.options.guard
  return connector
end

local function simulator(plugin, scenario)
  local parts = plugin:simulator()
    or fail("config", plugin.shown .. ": there is no simulator.lua to test against",
      "write one, or give the scenario a cassette (`reeve record`)")
  local set = {}
  for name, value in pairs(scenario.set) do set[#set + 1] = { name, tostring(value) } end
  local sim = require("sim.sim").new(parts, set, {}, sys.now)
  return function(req) return sim:answer(req) end
end

local function replayer(cassette)
  return function(req)
    local status, headers, body = cassette:answer(req)
    if status then return status, headers, body end
    return 404, {}, ""
  end
end

local function new_folder()
  local base = os.getenv "TMPDIR"
  if not base or base == "" then base = "/tmp" end
  local dir = ("%s/reeve-test.%s"):format(base, require("host.secret").random_hex(8))
  fail.try(sys.mkdir_p(dir, mode.private_folder))
  return sys.real_path(dir) or dir
end

--- Opens one; see the head of this file. `home` is where plugins are looked for.
function M.open(home, plugin, scenario)
  forget_environment(plugin.manifest)
  local self = setmetatable({ dir = new_folder() }, World)
  local ok, why = pcall(function()
    self.target = targets.open(scenario.cassette and replayer(scenario.cassette) or simulator(plugin, scenario))
    self.home = require("config.home").trial(self.dir, home)
    self.connector = connector_of(self, self.home, plugin, scenario)
    if scenario.cassette then self.connector.options.full_every = 0 end -- a record has no `changed` in it
  end)
  if ok then return self end
  self:close()
  if fail.is(why) and why.code == "usage" then -- an option that the simulator does not know
    why.code, why.message = "config", ("%s/test/scenarios.lua: %s: %s"):format(plugin.shown, scenario.name, why.message)
  end
  if fail.is(why) then -- nobody has written the connector's file that is told of
    why.message = why.message:gsub("^%S*/connectors/trial%.json", plugin.shown .. "/test/scenarios.lua", 1)
  end
  error(why, 0)
end

function World:path(name)
  return self.dir .. "/state/connectors/" .. name
end

-- What a process that is killed now would leave: what is committed, pages that ended among it.
local function snapshot(self, state, run, name)
  if run.fetch then fail.try(run.fetch.stage:sync()) end
  fail.try(sys.mkdir_p(self:path(name), mode.private_folder))
  fail.try(state:copy(self:path(name)))
  for _, list in pairs(run.fetch and run.fetch.lists or {}) do
    if list.parents > 0 then return true end
  end
  return false
end

--- Runs the connector on a state, which is made where there is none.
function World:sync(name, options)
  options = options or {}
  sync.check_signal()
  if options.fresh_token then sys.remove_tree(self.home.state .. "/ledger") end
  -- Read anew: what Lua variables held between runs is gone, as it is in another process.
  self.connector.plugin = require("plugin.plugin").load(self.home, self.connector.plugin_name)
  local state, run = sync.open_state(self.home, self:path(name)), nil
  local watch, keep, ended = options.watch, options.snapshot, {}
  self.target:watch(keep and function(n)
    local into = keep(n)
    if into then ended[into] = snapshot(self, state, run, into) end
  end or watch)
  local set = self.connector.options
  set.http.concurrency = keep and 1 or nil
  set.guard = options.guarded and {} or self.unguarded -- what faults take away is seen where nothing guards it
  local ok, result = pcall(sync.run_on, self.home, self.connector, state, { on_run = function(r) run = r end })
  local asked, log = self.target.asked, self.target.log
  if not ok then
    if type(result) ~= "table" or result.signal or not result.code then error(result, 0) end
    return { outcome = "failed", code = result.code, message = result.message, asked = asked, log = log,
      record = run and run.record }
  end
  state:close()
  return { outcome = result.outcome, record = result.run, asked = asked, log = log, ended = ended }
end

-- '{"type":"user",…' as '{"kind":"resource","type":"user",…'.
local function with_kind(kind, text)
  local rest = text:match("^%s*{(.*)$")
  return ('{"kind":"%s",%s'):format(kind, rest)
end

--- The records of the accepted state.
function World:lines(name)
  local state, lines = fail.try(require("host.state").open(self:path(name), {})), {}
  for _, kind in ipairs(KINDS) do
    for text in fail.try(state:records(kind)) do lines[#lines + 1] = with_kind(kind, text) end
  end
  state:close()
  table.sort(lines)
  return lines
end

--- A state as it is, under another name.
function World:copy(from, to)
  local state = fail.try(require("host.state").open(self:path(from), {}))
  fail.try(sys.mkdir_p(self:path(to), mode.private_folder))
  fail.try(state:copy(self:path(to)))
  state:close()
end

--- Removes a state.
function World:drop(name)
  sys.remove_tree(self:path(name))
end

--- Ends the target and removes the folder.
function World:close()
  if self.target then self.target:close() end
  sys.remove_tree(self.dir)
end

return M

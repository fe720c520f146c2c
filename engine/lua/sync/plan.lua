-- plan: what a sync would do. It works on a copy of the state, so that runs, held ones and open ones stay as they
-- are, and nothing is published.
--
--   plan.run(home, connector, { offline = bool, progress = }, fn) -> result
--       fn(state, run) is called while the copy exists; result is sync's: { outcome, run }
--       empty = true: a first run, as if nothing had been synced; on_session(session) is called before it asks
--
-- Offline, the last raw objects go through today's mapping, and nothing is asked.
local fail = require "fail"
local fetching = require "sync.fetch"
local json = require "host.json"
local mode = require "mode"
local sync = require "sync.sync"
local sys = require "host.sys"

local M = {}

local PREFIX = "plan."

-- What plans that were killed have left behind.
local function sweep(dir)
  for _, name in ipairs(sys.list_dir(dir) or {}) do
    local pid = name:match("^plan%.(%d+)$")
    if pid and not sys.stat("/proc/" .. pid) then sys.remove_tree(dir .. "/" .. name) end
  end
end

-- Copies the state, where anything was synced yet.
local function copy_state(dir, target)
  local state, message, code = require("host.state").open(dir, {})
  if state then
    fail.try(state:copy(target))
    state:close()
  elseif code ~= "not_found" then
    fail(code, message)
  end
end

-- The folder of a copy, still empty.
local function new_folder(dir)
  fail.try(sys.mkdir_p(dir, mode.private_folder))
  sweep(dir)
  local target = ("%s/%s%d"):format(dir, PREFIX, sys.pid())
  fail.try(sys.mkdir_p(target, mode.private_folder))
  return target
end

-- A fetch that asks nobody: every object that the accepted listings gave is emitted again, in its listing.
local function replay(_, connector, run, script, day)
  local settings_json = fail.try(json.encode(connector.settings))
  local none = { requests = 0, bytes = 0, retries = 0, throttled_s = 0, not_modified = 0 }
  local idle = { stats = function() return none end, close = function() end }
  local fetch = fetching.new {
    name = connector.name, plugin = connector.plugin, settings = connector.settings, settings_json = settings_json,
    session = idle, ledger = idle, state = run.state, run = run.number, script = script, day = day,
    epoch = run.record.epoch, keep_raw = true, concurrency = 1,
  }
  run.fetch = fetch
  fetch:replay(fail.try(run.state:objects()))
  return fetch
end

--- Plans; see the head of this file.
function M.run(home, connector, options, fn)
  if not options.offline then require("import.imported").refuse(connector) end
  sys.catch_signals() -- so that the copy goes at the end, whatever ends it
  local origin = home:state_dir(connector.name)
  local dir = new_folder(origin)
  local ok, result = pcall(function()
    if not options.empty then copy_state(origin, dir) end
    local state = sync.open_state(home, dir)
    local result = sync.run_on(home, connector, state, { fresh = true, hold = true, keep_state = true,
      progress = options.progress, on_session = options.on_session, fetch = options.offline and replay or nil })
    if fn then fn(state, result.run) end
    state:close()
    return result
  end)
  sys.remove_tree(dir)
  if not ok and type(result) == "table" and result.signal then
    result.message = ("ended by signal %d; nothing was changed"):format(result.signal)
  end
  if not ok then error(result, 0) end
  return result
end

return M

-- decision: accepts or rejects a held run, under the connector's lock, and leaves a line in the audit trail.
local fail = require "fail"
local json = require "host.json"
local sync = require "sync.sync"
local sys = require "host.sys"

local M = {}

-- What was left open rests on the state that is about to change.
local function abandon_open(state, meta)
  if not meta.open then return end
  require("sync.run").abandon(state, meta.open, json.decode(fail.try(state:run(meta.open)) or "{}"))
end

local function held_run(state, name, wanted)
  local meta = fail.try(state:meta())
  if not meta.held then fail("failed", name .. ": no run is held; nothing was done") end
  if wanted and wanted ~= meta.held then
    fail("failed", ("%s: run %d is not the held one (run %d is); nothing was done"):format(name, wanted, meta.held))
  end
  return meta.held, meta
end

local function decide(state, name, action, options)
  local number, meta = held_run(state, name, options.run)
  local record = json.decode(fail.try(state:run(number)))
  if record.dropped and action == "accept" then
    fail("failed", ("%s: run %d was being dropped when that was cut short; nothing was done"):format(name, number),
      ("`reeve sync %s` fetches afresh"):format(name))
  end
  abandon_open(state, meta)
  record.decision = { action = action, by = sys.user(), at = sys.time(), reason = options.reason }
  record.state = action == "accept" and "accepted" or "rejected"
  local encoded = fail.try(json.encode(record))
  if action == "accept" then
    fail.try(state:publish(number, encoded))
    fail.try(state:tidy())
  else
    require("sync.run").drop(state, number, record)
  end
  return record, meta
end

--- Accepts ("accept") or rejects ("reject") the held run. `options`: run (a number that must be the held one),
--- reason. Returns the run's record.
function M.run(home, name, action, options)
  local lock = sync.lock(home, name, false)
  local state = sync.open_state(home, home:state_dir(name))
  local ok, record, meta = pcall(decide, state, name, action, options)
  state:close()
  lock:release()
  if not ok then error(record, 0) end
  local ledger = require("state.ledger").open(home)
  ledger:audit { action = action, connector = name, run = record.run, reason = options.reason,
    before = ("run %d"):format(meta.accepted), after = action == "accept" and ("run %d"):format(record.run) or nil }
  ledger:close()
  return record
end

return M

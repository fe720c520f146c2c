-- retention: forgets what is older than the connector's retention.history, and the log lines of all runs but
-- the newest retention.logs.
local fail = require "fail"
local json = require "host.json"
local sys = require "host.sys"

local M = {}

local AT_ONCE = 20 -- runs forgotten after one sync: a long history that is cut does not hold up a run

--- Tidies after a run. `options.retention` is { history = seconds, logs = runs }.
function M.apply(state, options)
  local accepted, before, kept, old = fail.try(state:meta()).accepted, sys.now() - options.history, 0, {}
  for number, text in state:runs() do
    kept = kept + 1
    if kept > options.logs then fail.try(state:drop_log(number)) end
    local run = json.decode(text)
    local ended = run and sys.epoch(run.ended or run.started or "")
    if number < accepted and ended and ended < before then old[#old + 1] = number end
  end
  for i = #old, math.max(1, #old - AT_ONCE + 1), -1 do fail.try(state:forget(old[i])) end
end

return M

-- heartbeat: tells ConductorOne, while a task is worked on, that it is; and hears whether it still should be.
--
-- ConductorOne says in each answer when it wants the next.
local log = require "log"
local status = require "serve.status"
local task = require "target.task"
local timing = require "serve.timing"

local M = {}

local MISSED <const> = 9 -- in a row: as many as ConductorOne's own connectors take

local CANCELLED <const> = status.problem(status.code.CANCELLED, "ConductorOne cancelled the task")

-- One heartbeat: seconds until the next, or nil and the problem.
local function beat(session, id)
  local answer, problem = session.channel:call("Heartbeat", { host_id = session.host_id, task_id = id })
  if not answer then return nil, problem end
  if answer.cancelled then return nil, CANCELLED end
  return timing.heartbeat(answer.next_heartbeat)
end

-- Goes on until it is cancelled, or there is a problem that ends the work: that problem.
local function keep(session, id, wait)
  local missed = 0
  while true do
    task.sleep(wait)
    local next_wait, problem = beat(session, id)
    if problem == CANCELLED then return problem end
    missed = next_wait and 0 or missed + 1
    if missed == MISSED then
      return status.problem(problem.code, ("%d heartbeats in a row failed: %s"):format(MISSED, problem.message))
    end
    if problem then
      log.warn("heartbeat failed", { connector = session.name, task = id, message = problem.message })
    end
    wait = next_wait or wait
  end
end

--- Runs fn() with heartbeats beside it, the first before it begins: fn's results; or nil and a problem, where
--- the task was cancelled or ConductorOne could not be told: fn was ended then.
function M.during(session, id, fn)
  local wait, problem = beat(session, id)
  if not wait then return nil, problem end
  local work, lost = task.spawn(fn), nil
  local beats = task.spawn(function()
    lost = keep(session, id, wait)
    work:cancel()
  end)
  local results = table.pack(pcall(work.join, work))
  if lost then return nil, lost end
  beats:cancel()
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

return M

-- delivery: what a task made is brought to ConductorOne: its file, and how it ended.
--
-- Both are tried again where a failure may pass. A file is sent from its beginning each time, and given up after
-- FRESH_S: what it says about access would be out of date, and the next sync brings a newer one.
local log = require "log"
local status = require "serve.status"
local task = require "target.task"
local timing = require "serve.timing"

local M = {}

local FRESH_S <const> = 15 * 60
local PATIENT <const> = { tries = 5, deadline_s = 30 }

--- For M.finish, when nobody has time to wait.
M.HASTY = { tries = 1, deadline_s = 2 }

local LASTING <const> = { INVALID_ARGUMENT = true, NOT_FOUND = true, ALREADY_EXISTS = true, PERMISSION_DENIED = true,
  FAILED_PRECONDITION = true, UNIMPLEMENTED = true, UNAUTHENTICATED = true, OUT_OF_RANGE = true }

-- Would another try end likewise? Not for certain where only the network, or a proxy, said no.
local function lasts(problem)
  return not problem.transport and LASTING[status.name[problem.code]]
end

local function tell(what, session, id, problem, wait)
  log.warn(what, { connector = session.name, task = id, message = problem.message,
    again_in_s = wait and math.floor(wait) or nil })
end

--- Sends the file of a task. True, or nil and the last problem.
function M.upload(session, id, path)
  local first, failed = task.now(), 0
  while true do
    local sent, problem = session.channel:upload(session.host_id, id, path)
    if sent then return true end
    failed = failed + 1
    local wait = timing.again(failed)
    if lasts(problem) or task.now() + wait - first >= FRESH_S then return nil, problem end
    tell("upload failed", session, id, problem, wait)
    task.sleep(wait)
  end
end

--- Says how a task ended: `finish` is a BatonServiceFinishTaskRequest without its ids. Where it cannot be said,
--- that is told in the log; ConductorOne gives the task again, and is told then.
function M.finish(session, id, finish, patience)
  patience = patience or PATIENT
  local request = { host_id = session.host_id, task_id = id, status = finish.status, error = finish.error,
    success = finish.success }
  for failed = 1, patience.tries do
    local answer, problem = session.channel:call("FinishTask", request, { deadline_s = patience.deadline_s })
    if answer then return end
    local last = failed == patience.tries or lasts(problem)
    local wait = timing.again(failed)
    tell("the end of a task could not be told", session, id, problem, not last and wait or nil)
    if last then return end
    task.sleep(wait)
  end
end

return M

-- finish: how a task ended, as ConductorOne is told (BatonServiceFinishTaskRequest, without its ids).
local status = require "serve.status"

local M = {}

local TEXT_MAX <const> = 4096 -- bytes of a message: people read it

--- Done. `name`, `response`: a message that is the task's answer, where it has one.
function M.success(name, response)
  return { success = { response = name and { type = name, value = response } or nil } }
end

--- Not done. A problem is { code =, message =, details = }; `lasting`: not to be tried again.
function M.error(problem, lasting)
  local message = require("ui.text").beginning(problem.message or status.name[problem.code] or "", TEXT_MAX)
  return { status = { code = problem.code, message = message, details = problem.details },
    error = { non_retryable = lasting or nil } }
end

--- Not done, for what was raised (fail.lua's failures, and anything else).
function M.raised(why)
  local code = type(why) == "table" and why.code or "failed"
  local text = tostring(type(why) == "table" and why.message or why)
  if type(why) == "table" and why.hint then text = text .. "\n" .. why.hint end
  return M.error({ code = status.of_fail(code), message = require("ui.stderr").scrub(text) })
end

return M

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
  local message = problem.message or status.name[problem.code] or ""
  if not utf8.len(message) then message = message:gsub("[\128-\255]", "?") end -- protobuf takes no other text
  message = require("ui.text").beginning(message, TEXT_MAX)
  return { status = { code = problem.code, message = message, details = problem.details },
    error = { non_retryable = lasting or nil } }
end

--- Not done, for what was raised (fail.lua's failures, and anything else).
function M.raised(why)
  local failure = type(why) == "table" and why or { code = "failed", message = tostring(why) }
  local text = tostring(failure.message or why)
  if failure.hint then text = text .. "\n" .. failure.hint end
  return M.error { code = status.of_fail(failure.code), message = require("ui.stderr").scrub(text) }
end

return M

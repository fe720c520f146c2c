-- kind: of which kind a task is, by the one field of ConductorOne's Task that says what is to be done.
local messages = require "c1.messages"

local M = {}

--- The name of that field; "unknown" where it is none of those that we know. task: a Task, decoded, or its head.
function M.of(task)
  for name, field in pairs(messages["c1.connectorapi.baton.v1.Task"]) do
    if field.oneof and task[name] then return name end
  end
  return "unknown"
end

return M

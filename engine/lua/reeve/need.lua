-- need: what the functions of reeve.* are given, checked. A mistake is raised at the line that made it:
--
--   need.text("text.trim(s)", "s", s)      "text.trim(s): s: a text expected, got nil"
local json = require "host.json"
local shape = require "shape"

local M = {}

local function got(value)
  if value == nil then return "nil" end
  return json.is_raw(value) and "a raw object" or shape.show(value)
end

-- At the caller of the function that asked.
local function expected(call, name, what, value)
  error(("%s: %s: %s expected, got %s"):format(call, name, what, got(value)), 4)
end

function M.text(call, name, value)
  if type(value) ~= "string" then expected(call, name, "a text", value) end
end

function M.text_or_nil(call, name, value)
  if value ~= nil and type(value) ~= "string" then expected(call, name, "a text or nil", value) end
end

--- A number that is one: no infinity, no NaN.
function M.number(call, name, value)
  if type(value) ~= "number" or value ~= value or math.abs(value) == math.huge then
    expected(call, name, "a number", value)
  end
end

--- A plain table.
function M.table(call, name, what, value)
  if type(value) ~= "table" or json.is_raw(value) then expected(call, name, what, value) end
end

--- A text or a number.
function M.time(call, name, value)
  if type(value) == "string" then return end
  if type(value) ~= "number" or value ~= value or math.abs(value) == math.huge then
    expected(call, name, "a time as text or in seconds", value)
  end
end

return M

-- reeve.json: JSON for plugins and scripts, exact: integers to 64 bits, nulls in arrays json.null.
local json = require "host.json"
local need = require "reeve.need"

local M = { null = json.null }

--- Marks a list as an array, also when it is empty; returns it.
function M.array(list)
  need.table("json.array(list)", "list", "a table", list)
  return json.array(list)
end

--- The value of a JSON text; nil and a message where it is none.
function M.decode(text)
  need.text("json.decode(text)", "text", text)
  local value, message = json.decode(text)
  return value, message
end

--- The value as JSON, names sorted; nil and a message where it cannot be written.
function M.encode(value)
  local text, message = json.encode(value)
  return text, message
end

return require("contract.contract").bind("reeve.json", M)

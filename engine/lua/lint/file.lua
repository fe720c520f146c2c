-- file: a file as lint looks at it: { shown, path, text, role, tree }; where it is no Lua, no tree, but problem
-- and line. role: what the contract calls it ("connector", "mapping", "script", "simulator"), "plugin" or "module".
local parser = require "lint.parser"
local walk = require "lint.walk"

local M = {}

local File = {}
File.__index = File

--- The line in which a pattern is found first; 1 where it is not.
function File:line_of(pattern)
  local n = 0
  for line in (self.text .. "\n"):gmatch("([^\n]*)\n") do
    n = n + 1
    if line:find(pattern) then return n end
  end
  return 1
end

--- Does this name stand in this line? What is read by a name from elsewhere (a list of fields) is nobody's slip.
function File:says(number, name)
  local n = 0
  for line in (self.text .. "\n"):gmatch("([^\n]*)\n") do
    n = n + 1
    if n == number then
      return (" " .. line .. " "):find("[^%w_]" .. name:gsub("%p", "%%%0") .. "[^%w_]") ~= nil
    end
  end
  return false
end

--- A file from its text; `shown` is how findings name it.
function M.new(shown, path, text, role)
  local file = setmetatable({ shown = shown, path = path, text = text, role = role }, File)
  file.tree, file.problem, file.line = parser.parse(text)
  if file.tree then walk.link(file.tree) end
  return file
end

--- Of a plugin's files by name, those that a file requires, and those they require, as keys of `into`.
function M.required(file, by_name, into)
  for _, node in ipairs(file and file.tree and file.tree.globals or {}) do
    local call = node.name == "require" and node.parent
    local name = call and call.tag == "Call" and call.args[1] and call.args[1].tag == "String" and call.args[1].value
    local other = name and by_name[name:gsub("%.", "/") .. ".lua"]
    if other and not into[other] then
      into[other] = true
      M.required(other, by_name, into)
    end
  end
  return into
end

return M

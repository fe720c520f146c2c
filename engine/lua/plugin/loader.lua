-- loader: runs the Lua files of a plugin or an operator's script, in a sandbox of their own.
--
--   local l = loader.new(shown, read)
--       read(name) gives the text of a file ("connector.lua", "lib/names.lua"), nil where there is none;
--       shown is the folder as messages name it ("plugins/acme")
--   l:run("connector.lua")   what the file returns; a failure raises fail("config", …) with file and line
--   l.used                   the names of the files that were read, in the order they were
--
-- Such code has `require` for files beside it ("names" is names.lua, "lib.names" lib/names.lua) and for
-- reeve.json, reeve.paginate, reeve.text and reeve.time. After close() it can require nothing that was not
-- read before: the digest of a script covers all that it runs.
local fail = require "fail"
local shape = require "shape"
local suggest = require "suggest"
local vm = require "host.vm"

local M = {}
local Loader = {}
Loader.__index = Loader

local OURS = { "reeve.json", "reeve.paginate", "reeve.text", "reeve.time" }

local function copy(module)
  local t = {}
  for name, value in pairs(module) do t[name] = value end
  return t
end

local function file_of(name)
  if type(name) ~= "string" or not name:find("^[a-z0-9_.-]+$") or name:find("..", 1, true) then return nil end
  return (name:gsub("%.", "/")) .. ".lua"
end

-- The text of a file, noted as used; nil where there is none, or none any more.
function Loader:text(file)
  if self.closed then return nil end
  local text = self.read(file)
  if text then self.used[#self.used + 1] = file end
  return text
end

local function no_module(self, name)
  local question = suggest.question(name, OURS)
  local wanted = type(name) == "string" and "'" .. name .. "'" or "a " .. type(name)
  error(("require: there is no file for %s in %s%s"):format(wanted, self.shown, question and "; " .. question or ""), 0)
end

local function require_in(self, name)
  if shape.contains(OURS, name) then return copy(require(name)) end
  local file = file_of(name)
  local text = file and self:text(file)
  if not text then no_module(self, name) end
  local chunk, message = vm.load(text, "@" .. self.shown .. "/" .. file, self.env)
  if not chunk then error(message, 0) end
  self.loading[name] = true
  local value = chunk(name)
  self.loading[name] = nil
  return value == nil and true or value
end

-- What the sandbox knows as require.
local function requirer(self)
  return function(name)
    local value = self.loaded[name]
    if value ~= nil then return value end
    if self.loading[name] then error(("require: '%s' requires itself"):format(name), 0) end
    value = require_in(self, name)
    self.loaded[name] = value
    return value
  end
end

--- A loader with a sandbox of its own.
function M.new(shown, read)
  local self = setmetatable({ shown = shown, read = read, used = {}, loaded = {}, loading = {} }, Loader)
  self.env = vm.sandbox { require = requirer(self) }
  return self
end

--- An error of scripted code as a text with its place; a table's fields are read as they are.
function M.message(err)
  if type(err) == "string" then return err end
  local message = type(err) == "table" and rawget(err, "message")
  return type(message) == "string" and message or "an error that is a " .. type(err) .. " and has no message"
end

--- Runs a file and returns what it returned.
function Loader:run(file)
  local shown = self.shown .. "/" .. file
  local text = self:text(file)
  if not text then fail("config", shown .. ": there is no such file") end
  local chunk, message, code = vm.load(text, "@" .. shown, self.env)
  if not chunk then fail(code, message) end
  local former = vm.watch(shown)
  local ok, value = vm.protect(chunk)
  vm.watch(former)
  if not ok then fail("config", M.message(value)) end
  return value
end

--- From here on nothing more is read.
function Loader:close()
  self.closed = true
end

return M

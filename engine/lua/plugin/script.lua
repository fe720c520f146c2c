-- script: loads an operator's mapping, a Lua file in the home.
--
--   script.load(home, path, kinds) -> { map = kind to function, depends_on_day, digest, path, shown }
--
-- `path` is what the connector's file says ("scripts/acme.lua"), below the home; `kinds` are those that the
-- plugin's mapping has. The digest covers the file and those it requires; they are refused where others may
-- write them. A failure raises fail("config", …) with file and line.
local fail = require "fail"
local loader = require "plugin.loader"
local shape = require "shape"
local suggest = require "suggest"
local sys = require "host.sys"

local M = {}

local MAX_FILE = 1 << 20
local KIND = "^[a-z][a-z0-9_]*$"

-- The folder and the file of a path below the home, and the folder as messages name it.
local function place(home, path)
  local whole = home:path(path)
  if whole:sub(1, #home.dir + 1) ~= home.dir .. "/" then
    fail("config", ("mapping: a file below the home expected, got '%s'"):format(path))
  end
  local dir, file = whole:match("^(.*)/([^/]+)$")
  return dir, file, dir == home.dir and "." or dir:sub(#home.dir + 2)
end

-- Reads files of a folder into `texts`; nil where there is none of that name.
local function reader(dir, texts)
  return function(name)
    local text, message, code = sys.read_file(dir .. "/" .. name, MAX_FILE, "trusted")
    if code == "not_found" then return nil end
    texts[name] = fail.needed(text, message, code)
    return text
  end
end

local a_function = shape.is("a function", function(v) return type(v) == "function" end)

-- The functions by kind, out of what the file returned.
local function functions(value, kinds, file)
  if type(value) ~= "table" then shape.expected(file, "what it returns", "a table of functions", value) end
  local map = {}
  for _, kind in ipairs(shape.names(value)) do
    if kind ~= "depends_on_day" then
      a_function(rawget(value, kind), kind, file)
      map[kind] = rawget(value, kind)
    end
  end
  for key in next, value do
    if type(key) ~= "string" or not key:find(KIND) then shape.expected(file, "a key", "a kind", key) end
  end
  local known = {}
  for _, kind in ipairs(kinds) do known[kind] = true end
  for _, kind in ipairs(shape.names(map)) do
    if not known[kind] then
      local hint = suggest.hint(kind, kinds, "kinds")
      fail("config", ("%s: '%s' is no kind of this plugin"):format(file, kind), hint)
    end
  end
  if next(map) == nil then fail("config", file .. ": at least one function expected") end
  return map
end

--- Loads the script at a path of the home.
function M.load(home, path, kinds)
  local dir, file, shown = place(home, path)
  local texts = {}
  local trusted, message, code = sys.check_file(dir, "trusted")
  if not trusted and code ~= "not_found" then fail(code, message) end
  local l = loader.new(shown, reader(dir, texts))
  local value = l:run(file)
  l:close()
  local name = shown .. "/" .. file
  local map = functions(value, kinds, name)
  local by_day = rawget(value, "depends_on_day")
  if by_day ~= nil then shape.boolean(by_day, "depends_on_day", name) end
  return {
    map = map, depends_on_day = by_day == true, digest = require("plugin.plugin").digest(texts),
    path = dir .. "/" .. file, shown = name,
  }
end

return M

-- parts: checks what connector.lua, mapping.lua and simulator.lua of a plugin return.
--
-- Tables are read raw: one with a metatable of the plugin's making runs nothing here.
local contract = require "contract.contract"
local fail = require "fail"
local shape = require "shape"
local suggest = require "suggest"

local M = {}

local NAME = "^[a-z][a-z0-9_]*$"
local a_function = shape.is("a function", function(v) return type(v) == "function" end)
local name = shape.matching("a name of a-z, 0-9 and _", NAME)
local names = shape.list(name)

local LATER = "not part of plugin api 1"

local function one_or_more(value, place, file)
  return (type(value) == "table" and names or name)(value, place, file)
end

local list_fields = contract.bind("list", {
  per = name, after = one_or_more, emits = one_or_more, when = name, stable_cursor = shape.boolean,
  full = a_function, changed = a_function,
})

-- A list's table without its function, for the check of its keys.
local function keys_of(list)
  local rest = {}
  for key, value in next, list do
    if key ~= 1 then rest[key] = value end
  end
  return rest
end

local check_list = shape.record(list_fields)

local function as_list(value)
  if type(value) ~= "table" then return { value } end
  return table.move(value, 1, #value, 1, {})
end

local function normal_list(list_name, given, file)
  local place = "list." .. list_name
  local list = type(given) == "function" and { given } or given
  if type(list) ~= "table" then shape.expected(file, place, "a function, or a table with one", given) end
  check_list(keys_of(list), place, file)
  local full, changed = rawget(list, "full"), rawget(list, "changed")
  if (full ~= nil) ~= (changed ~= nil) then
    fail("config", ("%s: %s: 'full' and 'changed' belong together"):format(file, place))
  elseif full and (rawget(list, 1) or rawget(list, "per")) then
    fail("config",
      ("%s: %s: a list with 'full' and 'changed' has no other function and no 'per'"):format(file, place))
  end
  a_function(full or rawget(list, 1), place .. "[1]", file)
  return {
    name = list_name, fn = full or rawget(list, 1), changed = changed, per = rawget(list, "per"),
    when = rawget(list, "when"),
    after = as_list(rawget(list, "after")), emits = as_list(rawget(list, "emits") or list_name),
    stable_cursor = rawget(list, "stable_cursor") == true,
  }
end

local function unknown(file, place, what, word, known)
  fail("config", ("%s: %s: there is no %s '%s'"):format(file, place, what, word), suggest.hint(word, known))
end

-- The kinds that a list's ctx.emit may be given: "grant" among `emits` says that its objects make grants
-- only, and they go by the list's own name.
local function kinds_of(list)
  local kinds = {}
  for _, kind in ipairs(list.emits) do
    kind = kind == "grant" and list.name or kind
    if not shape.contains(kinds, kind) then kinds[#kinds + 1] = kind end
  end
  return kinds
end

-- Raises where `after` leads from a list back to it.
local function check_order(by_name, list, seen, file)
  if seen[list.name] == "open" then
    fail("config", ("%s: list.%s.after: the list waits for itself"):format(file, list.name))
  end
  if seen[list.name] then return end
  seen[list.name] = "open"
  for _, other in ipairs(list.after) do check_order(by_name, by_name[other], seen, file) end
  seen[list.name] = "done"
end

local function check_links(result, settings, file)
  local list_names, kinds = shape.names(result.list), {}
  for _, list in ipairs(result.lists) do
    for _, kind in ipairs(list.kinds) do kinds[kind] = true end
  end
  for _, list in ipairs(result.lists) do
    local place = "list." .. list.name
    if list.per and not kinds[list.per] then
      unknown(file, place .. ".per", "list that emits", list.per, shape.names(kinds))
    end
    for _, other in ipairs(list.after) do
      if not result.list[other] then unknown(file, place .. ".after", "list", other, list_names) end
    end
    if list.when and not shape.contains(settings, list.when) then
      unknown(file, place .. ".when", "setting", list.when, settings)
    end
  end
  local seen = {}
  for _, list in ipairs(result.lists) do check_order(result.list, list, seen, file) end
end

local parts = contract.bind("connector", {
  http = a_function, check = a_function, list = shape.map(NAME, "a name of a-z, 0-9 and _", function() end),
})
parts.get, parts.provision = LATER, LATER
local connector = shape.record(parts, contract.needed "connector")

--- Checks what connector.lua returned and brings it into the one form that plugin.lua describes.
function M.connector(value, file, manifest)
  connector(value, "", file)
  local result = { http = rawget(value, "http"), check = rawget(value, "check"), list = {}, lists = {} }
  for i, list_name in ipairs(shape.names(rawget(value, "list"))) do
    local list = normal_list(list_name, rawget(rawget(value, "list"), list_name), file)
    list.kinds = kinds_of(list)
    result.list[list_name], result.lists[i] = list, list
  end
  if #result.lists == 0 then fail("config", file .. ": list: at least one list expected") end
  local settings = {}
  for i, spec in ipairs(manifest.settings) do settings[i] = spec.name end
  check_links(result, settings, file)
  return result
end

local mapping = shape.map(NAME, "a kind of a-z, 0-9 and _", a_function)

--- Checks what mapping.lua returned; gives a plain table, kind to function.
function M.mapping(value, file)
  if type(value) ~= "table" then shape.expected(file, "what it returns", "a table of functions", value) end
  mapping(value, "", file)
  local map = {}
  for _, kind in ipairs(shape.names(value)) do map[kind] = rawget(value, kind) end
  if next(map) == nil then fail("config", file .. ": at least one function expected") end
  return map
end

--- Checks what simulator.lua returned, as far as every simulator is alike.
function M.simulator(value, file)
  if type(value) ~= "table" then shape.expected(file, "what it returns", "a table", value) end
  if type(rawget(value, "routes")) ~= "table" then
    shape.expected(file, "routes", "a table of functions", rawget(value, "routes"))
  end
  return value
end

--- Raises where a list emits a kind that has no mapping.
function M.fit(connector_part, map, shown)
  for _, list in ipairs(connector_part.lists) do
    for _, kind in ipairs(list.kinds) do
      if not map[kind] then
        local message = "%s/mapping.lua: there is no function for '%s', which list '%s' emits"
        fail("config", message:format(shown, kind, list.name), suggest.hint(kind, shape.names(map)))
      end
    end
  end
end

return M

-- fields: which members raw objects really had: paths, types, how many objects had them. No values.
--
--   fields.seen(objects) -> { KIND = { objects, kept, paths = { { path, types = { "string", … }, n } }, more } }
--       objects  an iterator of { kind, raw, with } as state:objects() gives it; raw, with are JSON texts
--       kept     of so many the raw object was there; paths are sorted; `more`: too many to keep
--
-- Paths go two levels down: raw.address.city, raw.emails[].value, at.with.role. Names are the target's and
-- may be data themselves (an object with an entry for each e-mail address): those that are no names, and
-- those of an object with very many, are counted as one, raw.members[*].
local json = require "host.json"

local M = {}

local DEPTH, MAX_PATHS, MAX_NAMES = 2, 300, 60
local NAME, MAX_NAME = "^[%a_$][%w_$:./-]*$", 80 -- of a member; URNs are names too

-- A decoded array has elements or, as json.array marks it, a metatable that is not shown; an object has neither.
local function is_array(value)
  return value[1] ~= nil or getmetatable(value) == false
end

local function type_of(value)
  if type(value) == "table" then return is_array(value) and "array" or "object" end
  if type(value) == "number" then return math.type(value) == "integer" and "integer" or "number" end
  return type(value)
end

-- How code writes the member: .name, ["odd-name"], [*] for what is no name.
local function member(name)
  if #name > MAX_NAME or not name:find(NAME) then return "[*]" end
  return name:find("^[%a_][%w_]*$") and "." .. name or ('["%s"]'):format(name)
end

-- The entry of a path, made where there is room.
local function entry_of(kind, path)
  local entry = kind.by_path[path]
  if entry or kind.count >= MAX_PATHS then
    kind.more = kind.more or not entry
    return entry
  end
  entry = { path = path, types = {}, n = 0, names = 0, known = {} }
  kind.by_path[path], kind.count = entry, kind.count + 1
  return entry
end

-- The path of a member; after too many names at one place, new ones are not told apart.
local function path_of(into, path, name)
  local step = member(name)
  if not into.known[step] then
    if into.names >= MAX_NAMES then step = "[*]" end
    if not into.known[step] then into.known[step], into.names = true, into.names + 1 end
  end
  return path .. step
end

local note

local function members(kind, into, path, object, depth)
  for name, value in pairs(object) do
    if type(name) == "string" then note(kind, path_of(into, path, name), value, depth) end
  end
end

-- Counts a value at its path, once for each object, and what is in it.
function note(kind, path, value, depth)
  local entry = value ~= json.null and entry_of(kind, path)
  if not entry then return end
  local what = type_of(value)
  entry.types[what] = true
  if entry.last ~= kind.objects then entry.n, entry.last = entry.n + 1, kind.objects end
  if depth == 0 then return end
  if what == "object" then
    members(kind, entry, path, value, depth - 1)
  elseif what == "array" then
    for _, item in ipairs(value) do
      if type(item) == "table" and not is_array(item) then
        members(kind, entry, path .. "[]", item, depth - 1)
      end
    end
  end
end

local function add(kind, object)
  kind.objects = kind.objects + 1
  if not object.raw then return end
  kind.kept = kind.kept + 1
  for root, text in pairs { raw = object.raw, ["at.with"] = object.with } do
    local value = json.decode(text)
    if type(value) == "table" then members(kind, kind[root], root, value, DEPTH - 1) end
  end
end

local function sorted(kind)
  local list = {}
  for _, entry in pairs(kind.by_path) do
    list[#list + 1] = { path = entry.path, types = require("shape").names(entry.types), n = entry.n }
  end
  table.sort(list, function(a, b) return a.path < b.path end)
  return { objects = kind.objects, kept = kind.kept, more = kind.more, paths = list }
end

--- The members of objects by kind; see the head of this file.
function M.seen(objects)
  local kinds = {}
  for object in objects do
    kinds[object.kind] = kinds[object.kind] or { objects = 0, kept = 0, count = 0, more = false, by_path = {},
      raw = { names = 0, known = {} }, ["at.with"] = { names = 0, known = {} } }
    add(kinds[object.kind], object)
  end
  local result = {}
  for name, kind in pairs(kinds) do result[name] = sorted(kind) end
  return result
end

return M

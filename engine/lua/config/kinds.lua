-- kinds: the kinds of values that configuration keys have: what is expected, checked, read from text.
local reference = require "config.reference"

local M = {}

local units = { s = 1, m = 60, h = 3600, d = 86400, w = 7 * 86400 }

--- A duration ("26h", "400d", "90m") as seconds; nil where it is none.
function M.seconds(text)
  if type(text) ~= "string" then return nil end
  local n, unit = text:match("^(%d+)([smhdw])$")
  return n and tonumber(n) * units[unit] or nil
end

--- A percentage's number ("30%" is 30); nil where it is none.
function M.percent(text)
  local n = type(text) == "string" and tonumber(text:match("^(%d+%.?%d*)%%$"))
  return n and n <= 100 and n or nil
end

local function is_integer(v)
  return math.type(v) == "integer" or math.type(v) == "float" and v % 1 == 0 and math.abs(v) < 2 ^ 53
end

local function within(entry, v)
  return (not entry.min or v >= entry.min) and (not entry.max or v <= entry.max)
    and (not entry.above or v > entry.above) and v == v
end

local function range(entry)
  if entry.above then return " above " .. entry.above end
  if entry.max then return (" from %d to %d"):format(entry.min or 0, entry.max) end
  return entry.min and " of at least " .. entry.min or ""
end

local function is_limit(v)
  return M.percent(v) ~= nil or is_integer(v) and v >= 0
end

local function is_list(v)
  if type(v) ~= "table" then return false end
  for k, item in pairs(v) do
    if math.type(k) ~= "integer" or type(item) ~= "string" or item == "" then return false end
  end
  return true
end

local function is_object(v)
  return type(v) == "table" and #v == 0
end

-- A type's guard measures removed and changed, an entitlement's (type:slug) removed and gained.
local function guard_problem(v)
  if not is_object(v) then return true, "an object of limits by resource type or type:slug" end
  for target, limits in pairs(v) do
    local slug = tostring(target):match("^[a-z][a-z0-9_]*:([a-z][a-z0-9_]*)$")
    if not slug and not tostring(target):find("^[a-z][a-z0-9_]*$") then
      return true, ("a resource type or type:slug (not '%s')"):format(target)
    end
    if not is_object(limits) then return true, ("an object of limits for '%s'"):format(target) end
    for name, limit in pairs(limits) do
      if name ~= "removed" and name ~= (slug and "gained" or "changed") then
        local other = slug and "gained" or "changed"
        return true, ("removed or %s for '%s' (not '%s')"):format(other, target, name)
      end
      if not is_limit(limit) then
        return true, ('a percentage ("30%%") or a whole number for %s.%s'):format(target, name)
      end
    end
  end
  return false
end

local kinds = {
  name = { "a name ([a-z][a-z0-9_-]*)", function(_, v)
    return type(v) == "string" and v:find("^[a-z][a-z0-9_-]*$")
  end },
  text = { "a text", function(_, v) return type(v) == "string" and v ~= "" end },
  path = { "a path", function(_, v)
    return type(v) == "string" and v ~= "" and not v:find("\0", 1, true)
  end },
  reference = { reference.expected, function(_, v) return reference.parse(v) ~= nil end },
  boolean = { "true or false", function(_, v) return type(v) == "boolean" end },
  list = { "a list of texts", function(_, v) return is_list(v) end },
  object = { "an object", function(_, v) return is_object(v) end },
  limit = { 'a percentage ("10%") or a whole number', function(_, v) return is_limit(v) end },
  duration = { 'a duration ("90s", "30m", "26h", "400d")', function(_, v) return M.seconds(v) ~= nil end },
  number = { "a number", function(e, v) return type(v) == "number" and within(e, v) end },
  integer = { "a whole number", function(e, v) return is_integer(v) and within(e, v) end },
  choice = { "one of", function(e, v)
    for _, choice in ipairs(e.choices) do
      if v == choice then return true end
    end
    return false
  end },
}

--- What a key expects, in words.
function M.expected(entry)
  if entry.kind == "guard" then return select(2, guard_problem(nil)) end
  local text = kinds[entry.kind][1]
  if entry.choices then return text .. " " .. table.concat(entry.choices, ", ") end
  return text .. range(entry)
end

--- Is the value what the key wants? Else false and what was expected.
function M.check(entry, value)
  if entry.kind == "guard" then
    local bad, expected = guard_problem(value)
    return not bad, expected
  end
  if kinds[entry.kind][2](entry, value) then return true end
  return false, M.expected(entry)
end

--- A value in words for a message: short, on one line.
function M.describe(value)
  if value == nil then return "nothing" end
  if type(value) == "string" then
    if value == "" then return "an empty text" end
    local short = #value > 40 and value:sub(1, 40) .. "…" or value
    return '"' .. short:gsub("%c", "?") .. '"'
  end
  if type(value) == "table" then
    return next(value) == nil and "an empty object or list" or #value > 0 and "a list" or "an object"
  end
  return type(value) == "userdata" and "null" or tostring(value)
end

local function parse_json(text)
  local value = require("host.json").decode(text)
  return type(value) == "table" and value or nil
end

local function parse_boolean(text)
  local words = { ["true"] = true, ["1"] = true, yes = true, ["false"] = false, ["0"] = false, no = false }
  return words[text:lower()]
end

--- The items of a text with commas between them, without the blanks around each.
function M.items(text)
  local list = {}
  for item in text:gmatch("[^,]+") do list[#list + 1] = item:match("^%s*(.-)%s*$") end
  return list
end

local parsers = {
  boolean = parse_boolean,
  list = M.items,
  guard = parse_json,
  object = parse_json,
  number = function(text) return tonumber(text) end,
  integer = function(text) return text:find("^%-?%d+$") and math.tointeger(tonumber(text)) or nil end,
  reference = function(text, entry) return reference.parse(text) and text or "env:" .. entry.env end,
  limit = function(text) return text:find("^%d+$") and math.tointeger(tonumber(text)) or text end,
}

--- The value that a text (of a variable or a command line) stands for; nil and what was expected where it is
--- none. A variable that is to name a secret may as well be the secret.
function M.parse(entry, text)
  local parse = parsers[entry.kind]
  local value = text
  if parse then value = parse(text, entry) end
  if value == nil then return nil, M.expected(entry) end
  return value
end

return M

-- shape: checks plain data against a description of it, and says exactly what is wrong where.
--
-- A shape is a function (value, place, file) that raises fail("config", "FILE: PLACE: X expected, got Y")
-- where the value is not what it describes. Those below make them.
local fail = require "fail"
local suggest = require "suggest"

local M = {}

--- A value as a message shows it: a short text in quotes, a number or boolean as it is, else its type.
function M.show(value)
  if type(value) == "string" and #value <= 60 then return "'" .. value .. "'" end
  if type(value) == "number" or type(value) == "boolean" then return tostring(value) end
  return value == nil and "nothing" or "a " .. type(value)
end

--- Raises that `expected` was expected at a place.
function M.expected(file, place, expected, value, hint)
  fail("config", ("%s: %s: %s expected, got %s"):format(file, place, expected, M.show(value)), hint)
end

--- The keys of a table that are strings, sorted.
function M.names(t)
  local names = {}
  for name in next, t do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- Is the value one of a list's?
function M.contains(list, value)
  for _, one in ipairs(list) do
    if one == value then return true end
  end
  return false
end

--- A shape from what it expects in words, and a function that tells whether a value is it.
function M.is(expected, test)
  return function(value, place, file)
    if not test(value) then M.expected(file, place, expected, value) end
  end
end

M.text = M.is("a text", function(v) return type(v) == "string" and v ~= "" end)
M.boolean = M.is("true or false", function(v) return type(v) == "boolean" end)
M.whole = M.is("a whole number", function(v) return math.type(v) == "integer" end)
M.positive = M.is("a number above 0", function(v) return type(v) == "number" and v > 0 and v < math.huge end)

--- A text that a pattern matches.
function M.matching(expected, pattern)
  return M.is(expected, function(v) return type(v) == "string" and v:find(pattern) ~= nil end)
end

--- One of these texts.
function M.one_of(...)
  local choices = { ... }
  return function(value, place, file)
    if M.contains(choices, value) then return end
    M.expected(file, place, "one of " .. table.concat(choices, ", "), value, suggest.question(value, choices))
  end
end

-- Raises unless the value is a table whose keys all are of one type.
local function check_keys(value, keys, expected, place, file)
  if type(value) ~= "table" then M.expected(file, place, expected, value) end
  for key in next, value do
    if math.type(key) ~= keys and type(key) ~= keys then
      M.expected(file, place, expected, value, "key " .. M.show(key) .. " does not belong in it")
    end
  end
end

--- A list { v, v, … } of a shape; `most` of them at most.
function M.list(of, most)
  return function(value, place, file)
    check_keys(value, "integer", "a list", place, file)
    local n = 0
    for _ in next, value do n = n + 1 end
    if n ~= #value then M.expected(file, place, "a list without gaps", value) end
    if most and n > most then
      fail("config", ("%s: %s: at most %d expected, got %d"):format(file, place, most, n))
    end
    for i, item in ipairs(value) do of(item, ("%s[%d]"):format(place, i), file) end
  end
end

local function below(place, name)
  return place == "" and name or place .. "." .. name
end

--- A table from names, which a pattern describes, to a shape.
function M.map(pattern, expected, of)
  return function(value, place, file)
    check_keys(value, "string", "a table by name", place == "" and "what it returns" or place, file)
    for _, name in ipairs(M.names(value)) do
      if not name:find(pattern) then
        M.expected(file, place == "" and "names" or place .. ", names", expected, name)
      end
      of(value[name], below(place, name), file)
    end
  end
end

--- A table with these fields and no others: fields[name] is a shape; `required` lists those that must be
--- there. A field whose shape is a text exists in no such table yet; the text says why.
function M.record(fields, required)
  local names = M.names(fields)
  return function(value, place, file)
    check_keys(value, "string", "a table with fields", place == "" and "what it returns" or place, file)
    for _, name in ipairs(M.names(value)) do
      local shape = fields[name]
      if not shape then
        local hint = suggest.hint(name, names, "known keys")
        fail("config", ("%s: unknown key '%s'"):format(file, below(place, name)), hint)
      elseif type(shape) == "string" then
        fail("config", ("%s: %s: %s"):format(file, below(place, name), shape))
      end
      shape(value[name], below(place, name), file)
    end
    for _, name in ipairs(required or {}) do
      if value[name] == nil then fail("config", ("%s: '%s' is missing"):format(file, below(place, name))) end
    end
  end
end

return M

-- output: data on stdout in the form that -o names: table, json, jsonl or csv. All else goes to stderr.
--
--   out:rows(columns, rows, none)   many things; rows is a list or an iterator of tables or of JSON texts
--   out:object(object)         one thing
--   out:say(text)              a line for people on stderr, unless --quiet
--
-- A column is { name, title, get = function(row), csv = function(row), right, always, whole = bool }: `name`
-- is the field (and the csv header), `title` the table's heading; a table leaves out columns in which no row
-- has anything, unless `always`. JSON texts are passed through to json and jsonl as they are, and decoded one
-- at a time for the other forms.
local fail = require "fail"

local M = {}
local Out = {}
Out.__index = Out

--- The output of a command, in the form its flags name.
function M.new(flags)
  return setmetatable({ form = flags.output or "table", quiet = flags.quiet, flags = flags }, Out)
end

-- Raised where stdout cannot be written; main ends the program with it. That a reader went away is not told.
local function broken(message, number)
  local e = fail.new("failed", "cannot write to standard output: " .. tostring(message))
  e.quiet = number == 32
  error(e, 0)
end

--- Writes bytes to stdout.
function Out.write(_, ...)
  local ok, message, number = io.stdout:write(...)
  if not ok then broken(message, number) end
end

--- A line for people, on stderr.
function Out:say(text)
  if not self.quiet then require("ui.stderr").line(text) end
end

local function json()
  return require "host.json"
end

--- A value as one line of canonical JSON (JSON text stays as it is).
function M.line(value)
  if type(value) == "string" then return value end
  local text, message = json().encode(value)
  return text or fail("failed", "cannot print: " .. tostring(message))
end

--- A value as an iterator of rows: lists and iterators alike.
function M.each(rows)
  if type(rows) ~= "table" then return rows end
  local i = 0
  return function()
    i = i + 1
    return rows[i]
  end
end

local forms = {}

function forms.json(out, _, rows)
  local sep = "[\n"
  for row in rows do
    out:write(sep, M.line(row))
    sep = ",\n"
  end
  out:write(sep == "[\n" and "[]\n" or "\n]\n")
end

function forms.jsonl(out, _, rows)
  for row in rows do out:write(M.line(row), "\n") end
end

function forms.csv(out, columns, rows)
  require("ui.csv").write(function(...) out:write(...) end, columns, M.decoded(rows))
end

forms["table"] = function(out, columns, rows)
  require("ui.grid").write(function(...) out:write(...) end, columns, M.decoded(rows), M.width(), out.flags)
end

--- An iterator of tables from one of tables or JSON texts.
function M.decoded(rows)
  return function()
    local row = rows()
    if type(row) ~= "string" then return row end
    return json().decode(row)
  end
end

--- The columns a table may take: the terminal's, or $COLUMNS; no limit where stdout is no terminal.
function M.width()
  local columns = tonumber(os.getenv("COLUMNS") or "")
  if columns and columns >= 20 then return columns end
  local sys = require "host.sys"
  return sys.isatty(1) and sys.width() or math.huge
end

-- Rows of which the first was taken already, nil where there is none: no iterator is asked again behind its end.
local function with_first(first, rest)
  local begun = false
  return function()
    if begun then return rest() end
    begun = first ~= nil
    return first
  end
end

--- Prints rows (a list or an iterator) with these columns. `none`: what people are told where there is no row, in
--- place of a table that has a heading alone.
function Out:rows(columns, rows, none)
  local form = forms[self.form] or fail("usage", "-o " .. self.form .. " is not a form of this data")
  local each = M.each(rows)
  if none then
    local first = each()
    if first == nil then
      self:say(none)
      if self.form == "table" then return end
    end
    each = with_first(first, each)
  end
  form(self, columns, each)
end

-- A value of an object as a person reads it in a table.
local function plain(value)
  if type(value) == "table" then return M.line(value) end
  return tostring(value)
end

local function object_rows(object, order)
  local rows, seen = {}, {}
  local function add(name)
    if object[name] ~= nil and not seen[name] then
      seen[name] = true
      rows[#rows + 1] = { field = name, value = plain(object[name]) }
    end
  end
  for _, name in ipairs(order or {}) do add(name) end
  for _, name in ipairs(require("shape").names(object)) do add(name) end
  return rows
end

--- Prints one object (a table, or JSON text); `order` names the fields that a table shows first.
function Out:object(object, order)
  if self.form == "json" then
    local value = type(object) == "string" and json().raw(object) or object
    return self:write(json().encode(value, { indent = 2 }), "\n")
  elseif self.form == "jsonl" then
    return self:write(M.line(object), "\n")
  end
  if type(object) == "string" then object = json().decode(object) end
  local columns = { { name = "field", title = "FIELD" }, { name = "value", title = "VALUE" } }
  local rows = M.each(object_rows(object, order))
  if self.form ~= "table" then return forms[self.form](self, columns, rows) end
  -- A value is shown whole, however wide: there is nothing beside it that would lose its place.
  require("ui.grid").write(function(...) self:write(...) end, columns, rows, math.huge)
end

return M

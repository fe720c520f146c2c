-- csv: rows as RFC 4180 writes them: CRLF, a header, quotes where they are needed, UTF-8 and no byte changed.
-- Nothing is prefixed to values that a spreadsheet may take for a formula: data stays what it is.
local M = {}

local find = string.find

-- Looking for one byte after the other is faster than for a set of them.
local function is_plain(text)
  return not (find(text, ",", 1, true) or find(text, '"', 1, true) or find(text, "\n", 1, true)
    or find(text, "\r", 1, true) or find(text, "^%s") or find(text, "^%s", -1))
end

--- A value as a field of a row.
function M.field(value)
  if value == nil then return "" end
  local kind = type(value)
  if kind == "number" or kind == "boolean" then return tostring(value) end
  local text = kind == "string" and value or require("host.json").encode(value)
  return is_plain(text) and text or '"' .. text:gsub('"', '""') .. '"'
end

--- One line of the fields, CRLF included.
function M.line(fields, n)
  local texts = {}
  for i = 1, n or #fields do texts[i] = M.field(fields[i]) end
  return table.concat(texts, ",") .. "\r\n"
end

local function value_of(column, row)
  if column.csv then return column.csv(row) end
  if column.get then return column.get(row) end
  return row[column.name]
end

--- Writes header and rows (an iterator of tables) through write(text).
function M.write(write, columns, rows)
  local names = {}
  for i, column in ipairs(columns) do names[i] = column.name end
  write(M.line(names))
  local fields = {}
  for row in rows do
    for i = 1, #columns do fields[i] = value_of(columns[i], row) end
    write(M.line(fields, #columns))
  end
end

return M

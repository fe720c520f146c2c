-- csv: rows as RFC 4180 writes them: CRLF, a header, quotes where they are needed, UTF-8 and no byte changed.
-- Nothing is prefixed to values that a spreadsheet may take for a formula: data stays what it is.
local M = {}

--- A value as a field of a row.
function M.field(value)
  if value == nil then return "" end
  local composed = type(value) == "table" or type(value) == "userdata"
  local text = composed and require("host.json").encode(value) or tostring(value)
  if not text:find('[",\r\n]') and not text:find("^%s") and not text:find("^%s", -1) then return text end
  return '"' .. text:gsub('"', '""') .. '"'
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
    for i, column in ipairs(columns) do fields[i] = value_of(column, row) end
    write(M.line(fields, #columns))
  end
end

return M

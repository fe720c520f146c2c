-- grid: rows as a table for people: columns as wide as what is in them, together no wider than the terminal.
-- Widths come from the first rows, so that a table of any length takes the memory of those.
local text = require "ui.text"

local M = {}

local SAMPLE, GAP, NARROW = 500, 2, 8

local function cell(column, row)
  local value
  if column.get then value = column.get(row) else value = row[column.name] end
  if value == nil then return "" end
  if type(value) == "table" then value = require("host.json").encode(value) end
  return text.safe(tostring(value))
end

-- The first rows as lists of cells, and the rows after them.
local function sample(columns, rows)
  local lines = {}
  for row in rows do
    local line = {}
    for i, column in ipairs(columns) do line[i] = cell(column, row) end
    lines[#lines + 1] = line
    if #lines == SAMPLE then break end
  end
  return lines
end

-- Per column its width; 0 for one that shows nothing.
local function measure(columns, lines)
  local widths = {}
  for i, column in ipairs(columns) do
    local width, used = text.width(column.title or column.name), column.always or #lines == 0
    for _, line in ipairs(lines) do
      used = used or line[i] ~= ""
      width = math.max(width, text.width(line[i]))
    end
    widths[i] = used and width or 0
  end
  return widths
end

local function total(widths)
  local sum, shown = 0, 0
  for _, width in ipairs(widths) do
    sum = sum + width
    if width > 0 then shown = shown + 1 end
  end
  return sum + GAP * math.max(0, shown - 1), shown
end

-- The widest column that may be cut; nil where all are narrow. A time that is cut says nothing: `whole` ones
-- stay.
local function widest_of(columns, widths)
  local widest
  for i, width in ipairs(widths) do
    if not columns[i].whole and width > (widest and widths[widest] or NARROW) then widest = i end
  end
  return widest
end

-- Makes the widest column as narrow as it takes, but no narrower than the next one.
local function shrink(widths, widest, over)
  local next_width = NARROW
  for i, width in ipairs(widths) do
    if i ~= widest and width < widths[widest] then next_width = math.max(next_width, width) end
  end
  widths[widest] = math.max(widths[widest] - over, math.min(next_width, widths[widest] - 1))
end

-- Takes room away from the widest columns until all fit; where all are narrow, the last one goes.
local function fit(columns, widths, room)
  local last = #widths
  while total(widths) > room do
    local widest = widest_of(columns, widths)
    if widest then
      shrink(widths, widest, total(widths) - room)
    elseif last > 1 then
      widths[last], last = 0, last - 1
    else
      return
    end
  end
end

-- A line that is wider than the room has its cells cut; one that is not is shown whole.
local function too_wide(widths, line, room)
  local natural = {}
  for i, width in ipairs(widths) do natural[i] = width > 0 and math.max(width, text.width(line[i])) or 0 end
  return total(natural) > room
end

local function print_line(write, columns, widths, line, room)
  local parts, cut = {}, room ~= math.huge and too_wide(widths, line, room)
  for i, width in ipairs(widths) do
    if width > 0 then
      local shown = cut and text.cut(line[i], width) or line[i]
      parts[#parts + 1] = text.pad(shown, width, columns[i].right)
    end
  end
  write((table.concat(parts, (" "):rep(GAP)):gsub("%s+$", "")), "\n")
end

--- Writes the table through write(text, …); room is the number of columns it may take.
function M.write(write, columns, rows, room)
  local lines = sample(columns, rows)
  local widths = measure(columns, lines)
  if room ~= math.huge then fit(columns, widths, room) end
  local titles = {}
  for i, column in ipairs(columns) do titles[i] = column.title or column.name:upper() end
  print_line(write, columns, widths, titles, room)
  for _, line in ipairs(lines) do print_line(write, columns, widths, line, room) end
  if #lines < SAMPLE then return end
  local line = {}
  for row in rows do
    for i, column in ipairs(columns) do line[i] = widths[i] > 0 and cell(column, row) or "" end
    print_line(write, columns, widths, line, room)
  end
end

return M

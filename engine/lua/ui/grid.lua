-- grid: rows as a table for people: columns as wide as what is in them, together no wider than the terminal.
-- Widths come from the first rows, so that a table of any length takes the memory of those.
local text = require "ui.text"

local M = {}

local SAMPLE, GAP, NARROW = 500, 2, 16

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

-- Widths for these natural ones: room is taken from the widest columns until all fit; where all are narrow, the last
-- column goes, and the others share its room.
local function fit(columns, natural, room)
  local kept = table.move(natural, 1, #natural, 1, {})
  for last = #natural, 1, -1 do
    local widths = table.move(kept, 1, #kept, 1, { fitted = true })
    local widest = widest_of(columns, widths)
    while widest and total(widths) > room do
      shrink(widths, widest, total(widths) - room)
      widest = widest_of(columns, widths)
    end
    if total(widths) <= room or last == 1 then return widths end
    kept[last] = 0
  end
end

-- A line that is wider than the room, as one far below those that were measured may be.
local function too_wide(widths, line, room)
  local natural = {}
  for i, width in ipairs(widths) do natural[i] = width > 0 and math.max(width, text.width(line[i])) or 0 end
  return total(natural) > room
end

-- In a table that had to be fitted every cell keeps to its column; else a longer one is shown whole, if it can be.
local function print_line(write, columns, widths, line, room)
  local parts, cut = {}, room ~= math.huge and (widths.fitted or too_wide(widths, line, room))
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
  if room ~= math.huge and total(widths) > room then widths = fit(columns, widths, room) end
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

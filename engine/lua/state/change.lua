-- change: what differs between two records, field by field; profile and other objects per key.
local M = {}

local function json()
  return require "host.json"
end

local function same(a, b)
  if a == b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  return json().encode(a) == json().encode(b)
end

local function is_object(v)
  return type(v) == "table" and #v == 0 and next(v) ~= nil
end

local function compare(before, after, prefix, found)
  for name, value in pairs(before) do
    local now = after[name]
    if is_object(value) and is_object(now) then
      compare(value, now, prefix .. name .. ".", found)
    elseif not same(value, now) then
      found[#found + 1] = { field = prefix .. name, before = value, after = now }
    end
  end
  for name, value in pairs(after) do
    if before[name] == nil then found[#found + 1] = { field = prefix .. name, after = value } end
  end
end

--- The fields that differ between two records (nil: there is none), sorted: { {field, before, after}, … }.
function M.fields(before, after)
  local found = {}
  compare(before or {}, after or {}, "", found)
  table.sort(found, function(a, b) return a.field < b.field end)
  return found
end

--- A change as it is printed: row with op, run, before, after (the records as they are stored, so that no
--- number changes) and, where both are there, the fields that differ. before and after are JSON texts or nil.
function M.row(row, before, after)
  local raw, decode = json().raw, json().decode
  if before and after then row.changed = json().array(M.fields(decode(before), decode(after))) end
  row.before, row.after = before and raw(before), after and raw(after)
  return row
end

--- Columns of changes: csv, which has no other place for them, gets the records before and after as JSON.
function M.with_records(form, columns)
  if form ~= "csv" then return columns end
  return table.move({ { name = "before" }, { name = "after" } }, 1, 2, #columns + 1, columns)
end

--- A value in a short text.
function M.text(value)
  if value == nil then return "–" end
  return type(value) == "table" and json().encode(value) or tostring(value)
end

--- The differences in one line: "status: enabled → disabled; profile.team: A → B".
function M.line(fields)
  local parts = {}
  for i, f in ipairs(fields) do
    parts[i] = ("%s: %s → %s"):format(f.field, M.text(f.before), M.text(f.after))
  end
  return table.concat(parts, "; ")
end

return M

-- differences: many changes in few rows: how many things of a type are in one state alone, and in how many a field
-- differs.
local change = require "state.change"

local M = {}

local OPS <const> = { removed = 1, added = 2, changed = 3 }

-- What a change is counted under: user, role:member (an entitlement), role:member grant.
local function group_of(entry, record)
  if entry.kind == "resource" then return record.type end
  local of = entry.kind == "grant" and record.entitlement or { type = record.resource.type, slug = record.slug }
  return ("%s:%s"):format(of.type, of.slug) .. (entry.kind == "grant" and " grant" or "")
end

local function add(found, group, op, field, example)
  local key = ("%s\0%s\0%s"):format(group, op, field or "")
  local row = found.by[key]
  if not row then
    row = { what = group, op = op, field = field, count = 0, example = example() }
    found.by[key], found[#found + 1] = row, row
  end
  row.count = row.count + 1
end

local function before(a, b)
  if a.what ~= b.what then return a.what < b.what end
  if a.op ~= b.op then return OPS[a.op] < OPS[b.op] end
  if a.count ~= b.count then return a.count > b.count end
  return (a.field or "") < (b.field or "")
end

--- Rows { what, op, field, count, example } for an iterator of entries ({ op, kind, before, after }, records as JSON).
--- A thing that differs in several fields counts in the row of each.
function M.rows(entries)
  local decode, key = require("host.json").decode, require("state.record").key
  local found = { by = {} }
  for entry in entries do
    local old, new = entry.before and decode(entry.before), entry.after and decode(entry.after)
    local group = group_of(entry, new or old)
    local function name() return key(entry.kind, new or old) end
    for _, field in ipairs(old and new and change.fields(old, new) or {}) do
      add(found, group, "changed", field.field, function() return name() .. ": " .. change.line { field } end)
    end
    if not (old and new) then add(found, group, entry.op, nil, name) end
  end
  table.sort(found, before)
  found.by = nil
  return found
end

--- Their columns.
M.columns = {
  { name = "what", title = "WHAT" }, { name = "op", title = "DIFFERENCE" }, { name = "field", title = "FIELD" },
  { name = "count", title = "COUNT", right = true }, { name = "example", title = "FOR EXAMPLE" },
}

return M

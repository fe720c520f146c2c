-- exclusion: which exclusion groups ConductorOne takes: at most 50 entitlements, of one resource type, at most one
-- of them the default. Others are left out of the file, each with its reason.
local M = {}

local MAX <const> = 50

-- A group that each resource has for itself is measured by the slugs in it: no resource has more of them.
local function member(record)
  return record.exclusion_group.scope == "resource" and record.slug or nil
end

local function add(group, record)
  local key = member(record)
  if key and group.known[key] then return end
  group.n = group.n + 1
  if key and group.n <= MAX then group.known[key] = true end
  if record.exclusion_group.default then group.defaults = group.defaults + 1 end
  if record.resource.type ~= group.type then group.mixed = true end
end

local function reason(group)
  if group.n > MAX then return ("more than %d entitlements"):format(MAX) end
  if group.mixed then return "more than one resource type" end
  return group.defaults > 1 and "more than one default" or nil
end

--- The groups that are left out: reasons by id. texts: an iterator of all entitlements as JSON.
function M.refused(texts)
  local json, groups, refused = require "host.json", {}, {}
  for text in texts do
    local record = text:find('"exclusion_group"', 1, true) and json.decode(text)
    if record and record.exclusion_group then
      local id = record.exclusion_group.id
      groups[id] = groups[id] or { n = 0, defaults = 0, type = record.resource.type, known = {} }
      add(groups[id], record)
    end
  end
  for id, group in pairs(groups) do refused[id] = reason(group) end
  return refused
end

return M

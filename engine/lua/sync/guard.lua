-- guard: is a run's change believable? Pure: from what a comparison counted to findings, in words.
--
--   guard.check { manifest =, options =, result =, before = counts, after = counts, first = bool,
--     allow_empty = bool }  ->  { { target =, what =, n =, of =, limit =, text = }, … }
--
-- Measured per resource type, and for grants per entitlement; the limits are the connector's for the type or
-- "type:slug" (config.guard). A first run has nothing to compare with: only never_empty is measured in it.
local config = require "config.config"
local shape = require "shape"

local M = {}

-- Fields that change by themselves: not counted, whoever they belong to.
local volatile = { last_login_at = true, last_used_at = true }

local function is_volatile(manifest, field)
  if volatile[field] then return true end
  for _, name in ipairs(manifest.volatile or {}) do
    if name == field then return true end
  end
  return false
end

local function add(findings, finding, format, ...)
  finding.text = format:format(...)
  findings[#findings + 1] = finding
end

local function percent(n, of)
  return of > 0 and (" (%d%%)"):format(n * 100 // of) or ""
end

local function check_removed(findings, target, name, n, of, limit)
  if n == 0 or not config.over(limit, n, of) then return end
  add(findings, { target = target, what = "removed", n = n, of = of, limit = limit },
    "%d of %d %s would be removed%s; the limit is %s", n, of, name, percent(n, of), limit)
end

local function check_changed(input, findings, target, stats, of, limit)
  for _, field in ipairs(shape.names(stats.fields)) do
    local n = stats.fields[field]
    if not is_volatile(input.manifest, field) and config.over(limit, n, of) then
      add(findings, { target = target, what = "changed", field = field, n = n, of = of, limit = limit },
        "%s of %d of %d %s would change%s; the limit is %s", field, n, of, target, percent(n, of), limit)
    end
  end
end

local function check_empty(input, findings, target, resource)
  if input.allow_empty or not resource.never_empty or (input.after[target] or 0) > 0 then return end
  add(findings, { target = target, what = "never_empty", n = 0 },
    "there would be no %s at all, and there is always at least one", target)
end

local function check_type(input, findings, target, resource)
  check_empty(input, findings, target, resource)
  local stats = input.result.types[target]
  if input.first or not stats then return end
  local limits = config.guard(input.options, target)
  local of = input.before[target] or 0
  local empty = (input.after[target] or 0) == 0
  if not (empty and input.allow_empty) then
    check_removed(findings, target, target, stats.removed, of, limits.removed)
  end
  check_changed(input, findings, target, stats, of, limits.changed)
end

local function check_entitlement(input, findings, entitlement)
  local target = entitlement.type .. ":" .. entitlement.slug
  local name = ("%s/%s:%s"):format(entitlement.type, entitlement.id, entitlement.slug)
  local limits = config.guard(input.options, target)
  local empty = (input.after[target] or 0) == 0
  if not (empty and input.allow_empty) then
    check_removed(findings, target, "holders of " .. name, entitlement.removed, entitlement.before, limits.removed)
  end
  if entitlement.privileged and config.over(limits.gained, entitlement.added, entitlement.before) then
    add(findings, { target = target, what = "gained", n = entitlement.added, of = entitlement.before,
      limit = limits.gained }, "%s is privileged and would gain %d holders; the limit is %s", name, entitlement.added,
      limits.gained)
  end
end

--- The findings, in a fixed order; none where the change is believable.
function M.check(input)
  local findings, types = {}, input.manifest.resources
  for _, name in ipairs(shape.names(types)) do check_type(input, findings, name, types[name]) end
  if input.first then return findings end
  table.sort(input.result.entitlements, function(a, b)
    if a.type ~= b.type then return a.type < b.type end
    return a.id ~= b.id and a.id < b.id or a.id == b.id and a.slug < b.slug
  end)
  for _, entitlement in ipairs(input.result.entitlements) do check_entitlement(input, findings, entitlement) end
  return findings
end

return M

-- compare: the differences between the accepted states of two connectors, as entries { op, kind, before,
-- after }. Resources are looked up in the other state one by one; of entitlements and grants only digests are
-- held.
local fail = require "fail"
local record = require "state.record"

local M = {}

local function decode(text)
  return require("host.json").decode(text)
end

-- Entries for resources of a that b has not, or has otherwise; then for those of b that a has not.
local function resources(a, b, yield)
  for text in fail.try(a:records("resource")) do
    local before = decode(text)
    local other = fail.try(b:show(before.type, before.id))
    if not other then
      yield { op = "removed", kind = "resource", before = text }
    elseif other ~= text then
      yield { op = "changed", kind = "resource", before = text, after = other }
    end
  end
  for text in fail.try(b:records("resource")) do
    local after = decode(text)
    if not fail.try(a:show(after.type, after.id)) then yield { op = "added", kind = "resource",
      after = text } end
  end
end

-- Both states' records of a kind by key; each key's text is dropped as soon as both turn out to be the same.
local function keyed(a, b, kind, yield)
  local left = {}
  for text in fail.try(a:records(kind)) do left[record.key(kind, decode(text))] = text end
  for text in fail.try(b:records(kind)) do
    local key = record.key(kind, decode(text))
    if not left[key] then
      yield { op = "added", kind = kind, after = text }
    elseif left[key] ~= text then
      yield { op = "changed", kind = kind, before = left[key], after = text }
    end
    left[key] = nil
  end
  for text in fail.try(a:records(kind)) do
    if left[record.key(kind, decode(text))] then yield { op = "removed", kind = kind, before = text } end
  end
end

--- An iterator of what differs from state a to state b.
function M.entries(a, b)
  return coroutine.wrap(function()
    resources(a, b, coroutine.yield)
    keyed(a, b, "entitlement", coroutine.yield)
    keyed(a, b, "grant", coroutine.yield)
  end)
end

return M

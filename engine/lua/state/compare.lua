-- compare: the differences between the accepted states of two connectors, as entries { op, kind, before,
-- after }. Resources are looked up in the other state one by one; entitlements and grants of one state are held.
--
-- With `as(kind, record)`, what is compared and shown is what that makes of a decoded record.
local fail = require "fail"
local record = require "state.record"

local M = {}

local function decode(text)
  return require("host.json").decode(text)
end

-- An entry for a key that is in both states; nil where they say the same. A state's texts are in one form, so that
-- what is equal in them is equal.
local function changed(kind, before, after, as)
  if before == after then return nil end
  if as then
    local encode = require("host.json").encode
    before, after = encode(as(kind, decode(before))), encode(as(kind, decode(after)))
    if before == after then return nil end
  end
  return { op = "changed", kind = kind, before = before, after = after }
end

-- Entries for resources of a that b has not, or has otherwise; then for those of b that a has not.
local function resources(a, b, as, yield)
  for text in fail.try(a:records("resource")) do
    local before = decode(text)
    local other = fail.try(b:show(before.type, before.id))
    if not other then
      yield { op = "removed", kind = "resource", before = text }
    else
      local entry = changed("resource", text, other, as)
      if entry then yield(entry) end
    end
  end
  for text in fail.try(b:records("resource")) do
    local after = decode(text)
    if not fail.try(a:show(after.type, after.id)) then yield { op = "added", kind = "resource",
      after = text } end
  end
end

-- Both states' records of a kind by key; each key's text is dropped as soon as both turn out to be the same.
local function keyed(a, b, kind, as, yield)
  local left = {}
  for text in fail.try(a:records(kind)) do left[record.key(kind, decode(text))] = text end
  for text in fail.try(b:records(kind)) do
    local key = record.key(kind, decode(text))
    local before = left[key]
    local entry = before and changed(kind, before, text, as)
      or not before and { op = "added", kind = kind, after = text }
    if entry then yield(entry) end
    left[key] = nil
  end
  for text in fail.try(a:records(kind)) do
    if left[record.key(kind, decode(text))] then yield { op = "removed", kind = kind, before = text } end
  end
end

--- An iterator of what differs from state a to state b.
function M.entries(a, b, as)
  return coroutine.wrap(function()
    resources(a, b, as, coroutine.yield)
    keyed(a, b, "entitlement", as, coroutine.yield)
    keyed(a, b, "grant", as, coroutine.yield)
  end)
end

return M

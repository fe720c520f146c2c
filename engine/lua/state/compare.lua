-- compare: the differences between the accepted states of two connectors, as entries { op, kind, before, after }.
-- Each record is looked up in the other state: memory does not grow with what there is.
--
-- With `as(kind, record)`, what is compared and shown is what that makes of a decoded record.
local fail = require "fail"

local M = {}

local function decode(text)
  return require("host.json").decode(text)
end

local find = {}

function find.resource(st, record)
  return st:show(record.type, record.id)
end

function find.entitlement(st, record)
  return st:show(record.resource.type, record.resource.id, record.slug)
end

function find.grant(st, record)
  local on, to = record.entitlement, record.principal
  return st:show(on.type, on.id, on.slug, to.type, to.id)
end

-- An entry for what is in both states; nil where they say the same. A state's texts are in one form, so that what is
-- equal in them is equal.
local function changed(kind, before, after, as)
  if before == after then return nil end
  if as then
    local encode = require("host.json").encode
    before, after = encode(as(kind, decode(before))), encode(as(kind, decode(after)))
    if before == after then return nil end
  end
  return { op = "changed", kind = kind, before = before, after = after }
end

-- What a has and b has not, or has otherwise; then what b has alone.
local function compare(a, b, kind, as, yield)
  for text in fail.try(a:records(kind)) do
    local other = fail.try(find[kind](b, decode(text)))
    local entry = not other and { op = "removed", kind = kind, before = text }
      or other and changed(kind, text, other, as)
    if entry then yield(entry) end
  end
  for text in fail.try(b:records(kind)) do
    if not fail.try(find[kind](a, decode(text))) then yield { op = "added", kind = kind, after = text } end
  end
end

--- An iterator of what differs from state a to state b.
function M.entries(a, b, as)
  return coroutine.wrap(function()
    for _, kind in ipairs { "resource", "entitlement", "grant" } do compare(a, b, kind, as, coroutine.yield) end
  end)
end

return M

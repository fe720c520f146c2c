-- exit: names of outcomes and the exit statuses they become (engine/host/base/err.c holds the same table for C).
local M = {}

local status = {
  ok = 0, failed = 1, usage = 2, config = 3, credentials = 4, unavailable = 5, held = 6, partial = 7,
  busy = 8, storage = 9, changes = 10, pending = 11, stale = 12,
  no_memory = 1, limit = 5, invalid = 5, not_found = 1, wait = 1, cut = 5,
}

-- Of several connectors, the status that most needs somebody: the first of these that occurs.
local urgency = { 9, 3, 4, 6, 5, 1, 12, 7, 8, 10, 11, 0 }

--- The exit status for an outcome's name; 1 for a name that is none.
function M.status(name)
  return status[name] or 1
end

--- The name of an exit status, as run records and messages write it.
function M.name(number)
  local names = { [0] = "ok", "failed", "usage", "config", "credentials", "unavailable", "held", "partial",
    "busy", "storage", "changes", "pending", "stale" }
  return names[number] or "failed"
end

--- Of a list of exit statuses, the most urgent one; a signal's (128 and more) and a usage error come first.
function M.urgent(statuses)
  local seen = {}
  for _, s in ipairs(statuses) do
    if s >= 128 or s == 2 then return s end
    seen[s] = true
  end
  for _, s in ipairs(urgency) do
    if seen[s] then return s end
  end
  return 0
end

return M

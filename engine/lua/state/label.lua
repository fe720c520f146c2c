-- label: the one word for how a connector is doing, derived from what is known and never stored.
local M = {}

-- Run states that say that the last run did not end well.
local bad = { failed = true }

--- Seconds since the accepted data was fetched; nil where there is none.
function M.age(facts)
  local at = facts.accepted and (facts.accepted.ended or facts.accepted.started)
  local epoch = at and require("host.sys").epoch(at)
  return epoch and math.max(0, facts.now - epoch) or nil
end

--- Is the accepted data older than max_age (seconds)?
function M.is_stale(facts)
  local age = M.age(facts)
  return age ~= nil and facts.max_age ~= nil and age > facts.max_age
end

--- The label for facts: { enabled, locked, held (run number), accepted, last (run records), max_age, now,
--- problem (text: the connector's configuration is not valid) }.
function M.of(facts)
  if facts.enabled == false then return "Paused" end
  if facts.locked then return "Syncing" end
  if facts.problem then return "Error" end
  if facts.held then return "Held" end
  if not facts.accepted then return "Not connected" end
  if facts.last and bad[facts.last.state] then return "Error" end
  return M.is_stale(facts) and "Stale" or "Connected"
end

return M

-- prometheus: the state of connectors as metrics (text exposition format): base units, no ids in labels.
local names = require("shape").names

local M = {}

local function quoted(text)
  return '"' .. tostring(text):gsub("\\", "\\\\"):gsub('"', '\\"'):gsub("\n", "\\n") .. '"'
end

local function labels(list)
  local parts = {}
  for i = 1, #list, 2 do parts[#parts + 1] = list[i] .. "=" .. quoted(list[i + 1]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function epoch(text)
  return text and require("host.sys").epoch(text)
end

local states = { "Not connected", "Syncing", "Connected", "Stale", "Held", "Paused", "Error" }

-- Name, kind, help, and what a connector's facts give: add(value, label, value, …).
local metrics = {
  { "reeve_run_state", "gauge", "1 for the label that the connector has", function(f, add)
    for _, state in ipairs(states) do add(state == f.label and 1 or 0, "state", state) end
  end },
  { "reeve_last_success_timestamp_seconds", "gauge", "When the accepted data was fetched", function(f, add)
    add(f.accepted and epoch(f.accepted.ended))
  end },
  { "reeve_max_age_seconds", "gauge", "Age at which the connector becomes stale", function(f, add)
    add(f.max_age)
  end },
  { "reeve_run_duration_seconds", "gauge", "Duration of the last run", function(f, add)
    local from, to = epoch(f.last and f.last.started), epoch(f.last and f.last.ended)
    add(from and to and ("%.3f"):format(to - from))
  end },
  { "reeve_run_partial", "gauge", "1 where the last run was partial", function(f, add)
    add(f.last and (f.last.partial and 1 or 0))
  end },
  { "reeve_objects", "gauge", "Accepted records by type, or type:slug for grants", function(f, add)
    local counts = f.accepted and f.accepted.counts or {}
    for _, type in ipairs(names(counts)) do add(counts[type], "type", type) end
  end },
  { "reeve_changes", "gauge", "Changes of the last run by type and operation", function(f, add)
    local changes = f.last and f.last.changes or {}
    for _, type in ipairs(names(changes)) do
      for _, op in ipairs { "added", "changed", "removed" } do
        add(changes[type][op], "type", type, "op", op)
      end
    end
  end },
  { "reeve_excluded", "gauge", "Records that the last run left out, by reason", function(f, add)
    local excluded = f.last and f.last.excluded or {}
    for _, why in ipairs(names(excluded)) do add(tonumber(excluded[why]), "why", why) end
  end },
  { "reeve_http_requests", "gauge", "HTTP requests of the last run", function(f, add)
    add(f.last and f.last.http and f.last.http.requests)
  end },
  { "reeve_throttled_seconds", "gauge", "Time that the last run waited for the target's limits", function(f,
    add)
    add(f.last and f.last.http and f.last.http.throttled_s)
  end },
}

--- The metrics of connectors (a list of health.of's results) as text.
function M.text(list)
  local lines = {}
  for _, metric in ipairs(metrics) do
    local name, kind, help, give = table.unpack(metric)
    local samples = {}
    for _, facts in ipairs(list) do
      give(facts, function(value, ...)
        if not value then return end
        samples[#samples + 1] = ("%s%s %s"):format(name, labels { "connector", facts.name, ... },
          tostring(value))
      end)
    end
    if #samples > 0 then
      lines[#lines + 1] = ("# HELP %s %s\n# TYPE %s %s"):format(name, help, name, kind)
      table.move(samples, 1, #samples, #lines + 1, lines)
    end
  end
  return #lines > 0 and table.concat(lines, "\n") .. "\n" or ""
end

return M

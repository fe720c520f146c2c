-- summary: a run in words: what it holds, what it changed, why it is held.
local M = {}

local function sorted(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  -- Resource types first, then "type:slug" of grants.
  table.sort(names, function(a, b)
    local x, y = a:find(":", 1, true) ~= nil, b:find(":", 1, true) ~= nil
    if x ~= y then return y end
    return a < b
  end)
  return names
end

--- "+2 ~5 -1" of { added, changed, removed }, without what is none; nil where nothing changed.
function M.delta(stats)
  local parts = {}
  for _, pair in ipairs { { "+", stats.added }, { "~", stats.changed }, { "-", stats.removed } } do
    if (pair[2] or 0) > 0 then parts[#parts + 1] = pair[1] .. pair[2] end
  end
  return parts[1] and table.concat(parts, " ")
end

--- "1000 user (+2 ~5), 6 role, 1000 role:member (+2)".
function M.counts(record)
  local parts = {}
  for _, name in ipairs(sorted(record.counts or {})) do
    local delta = M.delta((record.changes or {})[name] or {})
    parts[#parts + 1] = ("%d %s%s"):format(record.counts[name], name, delta and " (" .. delta .. ")" or "")
  end
  return #parts > 0 and table.concat(parts, ", ") or "nothing"
end

--- How much changed, all types together.
function M.changes(record)
  local n = 0
  for _, stats in pairs(record.changes or {}) do
    n = n + (stats.added or 0) + (stats.changed or 0) + (stats.removed or 0)
  end
  return n
end

local function seconds(record)
  local sys = require "host.sys"
  local from, to = sys.epoch(record.started or ""), sys.epoch(record.ended or "")
  return from and to and (" in %.1f s"):format(to - from) or ""
end

local function excluded_lines(name, record, lines)
  local excluded = record.excluded or {}
  if (excluded.set_aside or 0) > 0 then
    lines[#lines + 1] = ("  %d set aside: `reeve list %s excluded` says which and why"):format(excluded.set_aside, name)
  end
  if (excluded.skipped or 0) > 0 then lines[#lines + 1] = ("  %d skipped by a mapping"):format(excluded.skipped) end
  M.doubts(record, lines)
end

--- Adds a line for each list that did not come whole, and for each warning.
function M.doubts(record, lines)
  for _, list in ipairs(record.lists or {}) do
    if list.state ~= "complete" then
      lines[#lines + 1] = ("  list %s: %s%s"):format(list.list, list.state:gsub("_", " "),
        list.reason and ": " .. list.reason or "")
    end
  end
  for _, warning in ipairs(record.warnings or {}) do lines[#lines + 1] = "  warning: " .. warning end
  return lines
end

--- The lines that a sync ends with; the last of a held one has a line end in it.
function M.lines(name, result)
  local record, lines = result.run, {}
  local how = result.outcome == "held" and "held" or result.outcome == "partial" and "accepted, partial" or "accepted"
  lines[1] = ("%s: run %d %s%s: %s"):format(name, record.run, how, seconds(record), M.counts(record))
  excluded_lines(name, record, lines)
  if result.outcome ~= "held" then return lines end
  for _, finding in ipairs(record.findings or {}) do lines[#lines + 1] = "  " .. finding.text end
  if record.cause then lines[#lines + 1] = "  " .. record.cause end
  lines[#lines + 1] = ("  The former state stays in force. `reeve diff %s %d` shows what would change; then\n"
    .. "  `reeve accept %s` or `reeve reject %s`."):format(name, record.run, name, name)
  return lines
end

return M

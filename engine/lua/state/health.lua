-- health: what is known about a connector at this moment, for status, connectors and monitors.
local fail = require "fail"
local label = require "state.label"

local M = {}

local function quietly(fn)
  local ok, result = pcall(fn)
  if ok then return result end
  if fail.is(result) then return nil, result end
  error(result, 0)
end

-- Age and label need the connector's keys; where its file is not valid, the defaults serve and the problem is
-- told.
local function configured(home, name, facts)
  local c, problem = quietly(function() return require("config.connector").load(home, name) end)
  facts.problem = problem and problem.message
  facts.problem_code = problem and problem.code
  if problem and problem.code == "usage" then fail(problem.code, problem.message, problem.hint) end
  facts.enabled = not c or c.enabled
  facts.max_age = (c and c.options or home.options).max_age or 26 * 3600
  -- A file is as old as it is: only who says how old it may be is told that it is too old.
  if c and c.plugin_name == require("import.imported").NAME and not c.tree.max_age then facts.max_age = nil end
  facts.plugin, facts.app, facts.owners = c and c.plugin_name, c and c.app, c and c.owners
end

local function seen(home, name, facts)
  local snapshot, sys = require "state.snapshot", require "host.sys"
  local note = sys.locked(home:state_dir(name) .. "/lock")
  facts.locked, facts.locked_by = note ~= nil, note
  local st, problem = quietly(function() return (snapshot.find(home, name)) end)
  if problem then
    facts.problem, facts.problem_code = facts.problem or problem.message, facts.problem_code or problem.code
    return
  end
  local meta = st and fail.try(st:meta()) or {}
  facts.held = meta.held
  facts.last, facts.accepted = st and snapshot.run(st, meta.last), st and snapshot.run(st, meta.accepted)
end

--- What is known: { name, label, enabled, locked, held, last, accepted, age_s, stale, max_age, problem, … }.
function M.of(home, name)
  local facts = { name = name, now = require("host.sys").now() }
  configured(home, name, facts)
  seen(home, name, facts)
  facts.label = label.of(facts)
  facts.age_s = label.age(facts)
  facts.stale = label.is_stale(facts)
  return facts
end

--- What a person should know beside the label, in one line; nil where there is nothing.
function M.note(facts)
  if facts.problem then return facts.problem end
  if facts.locked then return facts.locked_by ~= "" and facts.locked_by or nil end
  if facts.held then
    local finding = facts.last and facts.last.findings and facts.last.findings[1]
    return ("run %d waits for `reeve accept %s`"):format(facts.held, facts.name)
      .. (finding and ": " .. (finding.text or "") or "")
  end
  local last = facts.last
  if last and last.state == "open" then
    return ("run %d was cut short; the next sync goes on with it"):format(last.run)
  end
  if last and last.state == "failed" then return ("run %d failed: %s"):format(last.run,
    last.message or "?") end
  if last and last.partial then return ("run %d is partial"):format(last.run) end
  return last and last.warnings and last.warnings[1] or nil
end

--- What it means to a monitor: an outcome's name ("ok", "stale", "held", …).
function M.outcome(facts)
  if facts.label == "Paused" then return "ok" end
  if facts.problem then return facts.problem_code end
  if facts.held then return "held" end
  if not facts.accepted then
    return facts.last and facts.last.state == "failed" and (facts.last.code or "failed") or "stale"
  end
  if facts.label == "Error" then return facts.last.code or "failed" end
  return facts.stale and "stale" or "ok"
end

-- What is empty or 0 says nothing and is left out.
local function some(list)
  return list and #list > 0 and require("host.json").array(list) or nil
end

local function positive(n)
  return n and n > 0 and n or nil
end

--- As -o json prints it.
function M.public(facts)
  local last, accepted = facts.last or {}, facts.accepted or {}
  return {
    name = facts.name, label = facts.label, plugin = facts.plugin, app = facts.app, owners = facts.owners,
    enabled = facts.enabled, note = M.note(facts), age_s = facts.age_s and math.floor(facts.age_s),
    max_age_s = facts.max_age, accepted_run = accepted.run, accepted_at = accepted.ended, counts = accepted.counts,
    held_run = facts.held, last_run = last.run, last_state = last.state, last_started = last.started,
    last_ended = last.ended, last_code = last.code, last_message = last.message, partial = last.partial,
    warnings = some(last.warnings), not_covered = positive(last.excluded and last.excluded.not_covered),
  }
end

return M

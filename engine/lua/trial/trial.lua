-- trial: a scenario of a plugin's tests, run undisturbed and then with all that may happen to it.
--
--   trial.run(home, plugin, scenario, step)
--       -> { lines = {…}, asked = n, checks = { { name, runs, sample, problem } }, problem }
--       lines: the records of the undisturbed run (world.lua); step(what) is called before each run.
--       `problem` is nil where the check went well; `sample` says where not every request had its turn.
--       Where the undisturbed run does not come to its end, there is only a `problem`.
--
-- What a fault leaves is compared with the undisturbed run's records: whatever went wrong, an accepted state loses
-- nothing, and the run after it gives what the undisturbed one gave.
local fail = require "fail"
local worlds = require "trial.world"

local M = {}

local MANY, FEW = 40, 4 -- requests at which a fault is tried: where each is, and where a sample is enough

-- The numbers 1 to n, or `most` of them: the first, the last, and others evenly between.
local function sample(n, most)
  local points = {}
  if n <= most then
    for i = 1, n do points[i] = i end
    return points
  end
  for i = 1, most do points[i] = 1 + (i - 1) * (n - 1) // (most - 1) end
  return points
end

-- The first line that only one of two sorted lists has, and which; nil where they are equal.
local function difference(wanted, got)
  for i = 1, math.max(#wanted, #got) do
    local a, b = wanted[i], got[i]
    if a ~= b then
      if b == nil or a ~= nil and a < b then return "lacks " .. a end
      return "has " .. b
    end
  end
end

local function told(run)
  if run.message then return ("%s (%s)"):format(run.outcome, run.message) end
  if run.outcome == "held" then return ("held (%s)"):format(run.record.findings[1].text) end
  for _, list in ipairs(run.outcome == "partial" and run.record.lists or {}) do
    if list.state ~= "complete" then return ("partial (list %s: %s)"):format(list.list, list.reason or list.state) end
  end
  local aside = run.outcome == "partial" and run.record.excluded.set_aside
  return aside and ("partial (%d records were set aside)"):format(aside) or run.outcome
end

local Trial = {}
Trial.__index = Trial

-- Runs on a state, undisturbed, until it is well; twice at most. A problem in words, or nil.
function Trial:recover(name)
  local run
  for _ = 1, 2 do
    run = self:sync(name)
    if run.outcome == "ok" then break end
  end
  if run.outcome ~= "ok" then return "the run after it ended as " .. told(run) end
  local what = difference(self.base, self.world:lines(name))
  return what and "the state after it " .. what
end

function Trial:sync(name, options)
  self.runs = self.runs + 1
  self.step(self.check, self.runs)
  return self.world:sync(name, options)
end

local function only(fault, k)
  return function(n) return n == k and fault or nil end
end

-- A fault at one request of a first run: the same state in the end.
function Trial:from_scratch(fault, k)
  local run = self:sync("try", { watch = only(fault, k), fresh_token = true })
  local problem
  if run.outcome == "ok" then
    local what = difference(self.base, self.world:lines("try"))
    problem = what and "the state " .. what
  else
    problem = self:recover("try")
  end
  self.world:drop("try")
  return problem
end

-- The same over a state that was accepted: nothing of it may go, whatever the run makes of the fault.
function Trial:over_accepted(watch)
  self.world:copy("base", "try")
  local run = self:sync("try", { watch = watch, fresh_token = true })
  local what = difference(self.base, self.world:lines("try"))
  local problem = what and ("the run ended as %s, and the state %s"):format(told(run), what)
    or run.outcome ~= "ok" and self:recover("try") or nil
  self.world:drop("try")
  return problem, run
end

local function at(trial, k)
  return ("request %d (%s): "):format(k, trial.log[k])
end

-- The requests to try something at.
function Trial:points(most)
  local points = sample(#self.log, most)
  if #points < #self.log then self.sampled = ("%d of %d requests"):format(#points, #self.log) end
  return points
end

-- A fault at some requests, one after the other.
function Trial:each(fault, most, accepted_too)
  local points = self:points(most)
  for _, k in ipairs(points) do
    local problem = self:from_scratch(fault, k)
    if not problem and accepted_too then problem = self:over_accepted(only(fault, k)) end
    if problem then return at(self, k) .. problem end
  end
end

local checks = {} -- in the order they are made and told

-- fn(trial) gives a problem, or nil.
local function check(name, fn)
  checks[#checks + 1] = { name = name, fn = fn }
end

check("again: nothing changes", function(trial)
  local run = trial:sync("base")
  if run.outcome ~= "ok" then return "the second run ended as " .. told(run) end
  local n = require("sync.summary").changes(run.record)
  if n > 0 then return ("the second run changed %d records of a target that did not change"):format(n) end
  local what = difference(trial.base, trial.world:lines("base"))
  return what and "after the second run the state " .. what
end)

check("a 500 at each request", function(trial) return trial:each("failure", MANY) end)
check("a 429 that asks to wait", function(trial) return trial:each("throttled", FEW, true) end)
check("a body cut short", function(trial) return trial:each("truncated", FEW, true) end)
check("a connection cut", function(trial) return trial:each("cut", FEW, true) end)
check("an answer that is HTML", function(trial) return trial:each("html", FEW, true) end)

-- The run after a kill at request k, whose state it goes on with; `whole`: one from the beginning. A problem, or nil.
local function after_kill(trial, name, whole)
  local run = trial:sync(name)
  local what = run.outcome == "ok" and difference(trial.base, trial.world:lines(name))
  trial.world:drop(name)
  if run.outcome ~= "ok" then return "the next run ended as " .. told(run) end
  if what then return "the state after the next run " .. what end
  if run.asked > whole.asked then return "the next run asked more than one from the beginning" end
  if whole.ended[name] and run.asked == whole.asked then
    return "a list had ended, and the next run asked for it again"
  end
end

check("a kill before each answer", function(trial)
  local names = {}
  for _, k in ipairs(trial:points(MANY)) do names[k] = "killed-" .. k end
  local whole = trial:sync("scratch", { snapshot = function(n) return names[n] end })
  trial.world:drop("scratch")
  if whole.outcome ~= "ok" then return "a run from the beginning ended as " .. told(whole) end
  for k, line in ipairs(whole.log) do
    local problem = names[k] and after_kill(trial, names[k], whole)
    if problem then return ("request %d (%s): %s"):format(k, line, problem) end
  end
end)

-- The first request of each kind that the undisturbed run made.
local function first_of_each(trial)
  local lines, seen = {}, {}
  for _, line in ipairs(trial.log) do
    if not seen[line] then lines[#lines + 1], seen[line] = line, true end
  end
  local chosen = {}
  for i, n in ipairs(sample(#lines, 3 * FEW)) do chosen[i] = lines[n] end
  return chosen
end

check("a list that may not be read (403)", function(trial)
  for _, forbidden in ipairs(first_of_each(trial)) do
    local problem = trial:over_accepted(function(_, line) return line == forbidden and "forbidden" or nil end)
    if problem then return forbidden .. ": " .. problem end
  end
end)

check("a credential that is refused (401)", function(trial)
  local problem, run = trial:over_accepted(function() return "refused" end)
  if problem then return problem end
  if run.code ~= "credentials" then return "the run ended as " .. told(run) .. ", and not for its credential" end
end)

-- Of two records the guard believes that both are gone.
check("answers with nothing in them", function(trial)
  trial.world:copy("base", "try")
  local run = trial:sync("try", { watch = function() return "empty" end, guarded = true })
  trial.world:drop("try")
  for type, stats in pairs(run.outcome ~= "held" and run.record and run.record.changes or {}) do
    if stats.removed >= 3 then return ("the run believed them, and removed %d %s"):format(stats.removed, type) end
  end
end)

-- Runs undisturbed; a problem, or nil. A mistake that shows without any fault is the configuration's or Lua's.
local function undisturbed(trial)
  local run = trial.world:sync("base")
  if run.code == "config" then fail("config", run.message) end
  local strange = trial.cassette and trial.cassette:unlike()
  if strange then return strange end
  if trial.cassette then trial.cassette:rewind(true) end -- what is asked again gets its answer again
  if run.outcome ~= "ok" then return "the undisturbed run ended as " .. told(run) end
  trial.base, trial.log = trial.world:lines("base"), run.log
end

local function run_checks(trial, results)
  for i, one in ipairs(checks) do
    trial.runs, trial.check, trial.sampled = 0, one.name, nil
    local problem = one.fn(trial)
    results[i] = { name = one.name, runs = trial.runs, sample = trial.sampled, problem = problem }
  end
end

--- Runs a scenario; see the head of this file.
function M.run(home, plugin, scenario, step)
  local world = worlds.open(home, plugin, scenario)
  local trial = setmetatable({ world = world, name = scenario.name, cassette = scenario.cassette,
    step = step or function() end }, Trial)
  local results = {}
  local ok, problem = pcall(function()
    local wrong = undisturbed(trial)
    if not wrong then run_checks(trial, results) end
    return wrong
  end)
  world:close()
  if not ok then error(problem, 0) end
  return { lines = trial.base, asked = trial.log and #trial.log, checks = results, problem = problem }
end

return M

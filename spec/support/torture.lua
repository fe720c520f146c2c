-- torture: runs small scenarios of the program again and again, and each time lets one more call fail
-- (spec/unit/torture.c): the n-th allocation, store call, network call, file call.
--
--   lua5.4 spec/support/torture.lua PROGRAM [SCENARIO|SCENARIO…]      REEVE_BIN: the program as it is
--   (scenarios by the beginnings of their names; torture_scenarios.lua says what there are)
--
-- What must hold each time: no crash, no finding of a sanitizer, an exit status that tells the truth, the last
-- accepted state or the new one and nothing between, nothing left behind, and a next run that ends as ever.
-- Of a kind with more than TORTURE_MAX calls (100) as many are picked, spread evenly. TORTURE_KINDS ("store file"):
-- these kinds alone; TORTURE_TELL=1: a line for each try, for who looks for words that blame the wrong thing.
package.path = "spec/support/?.lua;" .. package.path
local reeve = require "reeve"
local scenarios = require "torture_scenarios"

local PROGRAM, WANTED = arg[1], arg[2] or "."
local MAX = tonumber(os.getenv("TORTURE_MAX") or "100")
local KINDS, TELL = os.getenv "TORTURE_KINDS" or "malloc store net file", os.getenv "TORTURE_TELL"

local function copy(home)
  local to = reeve.path("home")
  assert(os.execute(("cp -a %s %s"):format(reeve.quote(home), reeve.quote(to))))
  return to
end

local function calls_of(report)
  local calls = {}
  for kind, n in (reeve.read(report) or ""):gmatch("(%a+) (%d+)") do calls[kind] = tonumber(n) end
  return calls
end

local function picks(total)
  local list = {}
  for i = 1, math.min(total, MAX) do
    list[i] = total <= MAX and i or 1 + (i - 1) * (total - 1) // (MAX - 1)
  end
  return list
end

-- The names of all that is below a home, as a set; the files of locks stay, and mean nothing.
local function names_in(home, names)
  local list = reeve.shell(("cd %s && find . ! -name '*lock'"):format(reeve.quote(home)))
  for name in list:gmatch("[^\n]+") do names[name] = true end
  return names
end

local found, tries = 0, 0
io.stdout:setvbuf "line"

local function finding(scenario, order, text, r)
  found = found + 1
  io.write(("FOUND %s with REEVE_TORTURE=%s: %s\n%s\n"):format(scenario.name, order, text,
    r and ("exit " .. r.code .. "\n" .. r.out .. r.err):gsub("\n", "\n  ") or ""))
end

local function words_of(scenario, home, program)
  local words = scenario.words
  words = { table.unpack(type(words) == "function" and words(home) or words) }
  words.program, words.stdin = program, scenario.stdin
  return words
end

-- Is each line one of the old or of the new state?
local function is_between(state, before, after)
  for line in state:gmatch("[^\n]+") do
    if not ("\n" .. before .. "\n" .. after .. "\n"):find("\n" .. line .. "\n", 1, true) then return false end
  end
  return true
end

-- Nothing can be tidied away on a disk that fails for good; a plan's copy that could not be goes with the next plan.
local function may_stay(name, order)
  return order:find("^file.*%+") or order:find("^file") and name:find("/plan%.%d+")
end

-- What is wrong with how it ended and what it left; nil: nothing.
local function wrong(scenario, world, home, state, r, order)
  local whole = state == world.before or state == world.after
  if r.signal or r.code > 12 or r.timed_out then return "it crashed" end
  if r.err:find("internal error", 1, true) then return "an internal error was told" end
  local told = r.err ~= "" or scenario.told and scenario.told(home)
  if r.code ~= 0 and not told then return "it failed without a word" end
  if r.code == 0 and state ~= world.after then return "it said that all is done, and the state is not the new" end
  if not whole and not (scenario.loose and is_between(state, world.before, world.after)) then
    return "the state is neither the old nor the new one: " .. state:sub(1, 300)
  end
  for name in pairs(names_in(home, {})) do
    if not world.names[name] and not may_stay(name, order) then return "it left " .. name end
  end
  return scenario.check and scenario.check(home, r)
end

local function try(scenario, world, order)
  local home = copy(world.origin)
  tries = tries + 1
  local r = scenarios.run(home, words_of(scenario, home, PROGRAM), { REEVE_TORTURE = order })
  local state = world.view(home)
  local problem = wrong(scenario, world, home, state, r, order)
  if problem then finding(scenario, order, problem, r) end
  if TELL then io.write(("%s %s exit %d: %s\n"):format(scenario.name, order, r.code, r.err:gsub("\n", " "))) end
  if r.code ~= 0 and state ~= world.after then
    local again = { table.unpack(scenario.again or words_of(scenario, home)) }
    again.stdin = scenario.stdin
    local mended = scenarios.run(home, again)
    local well = mended.code == 0 and world.view(home) == world.after
    if not well then finding(scenario, order, "the next run did not mend it", mended) end
  end
  os.execute("rm -rf " .. reeve.quote(home))
end

local function run(scenario)
  local origin, report = reeve.home(), reeve.path("report")
  scenario.prepare(origin)
  local world = { origin = origin, view = scenario.view or scenarios.records }
  local home = copy(origin)
  world.before, world.names = world.view(origin), names_in(origin, {})
  local r = scenarios.must(home, words_of(scenario, home, PROGRAM), 0, { REEVE_TORTURE_REPORT = report })
  local problem = scenario.check and scenario.check(home, r)
  if problem then error(scenario.name .. " as it is: " .. problem) end
  world.after, world.names = world.view(home), names_in(home, world.names)
  local calls = calls_of(report)
  for kind in KINDS:gmatch("%a+") do
    local list = picks(calls[kind] or 0)
    io.write(("%s: %d of %d %s calls\n"):format(scenario.name, #list, calls[kind] or 0, kind))
    for _, n in ipairs(list) do
      try(scenario, world, kind .. ":" .. n)
      if kind ~= "net" then try(scenario, world, kind .. ":" .. n .. "+") end
    end
  end
  if scenario.done then scenario.done() end
end

-- Is it one of the names, separated by "|", or their beginning?
local function wanted(name)
  for one in WANTED:gmatch("[^|]+") do
    if one == "." or name:sub(1, #one) == one then return true end
  end
end

local ok, why = pcall(function()
  for _, scenario in ipairs(scenarios.list) do
    if wanted(scenario.name) then run(scenario) end
  end
  if tries == 0 then error("there is no scenario " .. WANTED, 0) end
end)
scenarios.stop()
reeve.clean()
if not ok then io.write(tostring(why), "\n") end
io.write(("torture: %d found in %d tries\n"):format(found, tries))
os.exit(ok and found == 0)

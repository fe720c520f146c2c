-- test: a plugin's scenarios, against its simulator and without a network; what they give, and what faults make of it.
local fail = require "fail"
local harmless = require("ui.stderr").harmless
local text = require "ui.text"

local SHOWN = 20 -- differences of a scenario

-- The lines of a scenario's differences, "- …" and "+ …", the first ones of many.
local function difference_lines(compared)
  local lines, more = {}, 0
  for _, part in ipairs { { "- ", compared.removed }, { "+ ", compared.added } } do
    for _, line in ipairs(part[2]) do
      if #lines < SHOWN then lines[#lines + 1] = part[1] .. line else more = more + 1 end
    end
  end
  if more > 0 then lines[#lines + 1] = ("… and %d more"):format(more) end
  return lines
end

local function id_words(plugin, ids)
  return ("%d ids are not those of before for the same inputs: %s is gone, %s came. To operators these are other "
    .. "things: settings, decisions and history stay with the old ids. `reeve test %s --update --new-ids` accepts "
    .. "that, as does a new major version"):format(#ids.gone, ids.gone[1], ids.came[1], plugin.name)
end

-- Compares with what is expected, and writes that where it was asked for. Sets row.expected and row.problem.
local function judge(plugin, scenario, result, row, flags)
  local expectation = require "trial.expectation"
  local compared = expectation.compare(plugin, scenario, result.lines)
  row.expected = compared.state
  if compared.state == "same" then return end
  row.differences = compared.state == "differs" and difference_lines(compared) or nil
  local other_ids = compared.ids and not compared.major and not flags.new_ids
  if flags.update and not other_ids then
    expectation.write(plugin, scenario, result.lines)
    row.expected = compared.state == "new" and "written" or "updated"
  elseif other_ids then
    row.problem = id_words(plugin, compared.ids)
  elseif compared.state == "new" then
    row.problem = ("test/%s is not there; `reeve test %s --update` writes it, to be read by you"):format(
      scenario.expected, plugin.name)
  else
    row.problem = ("its records differ from test/%s (- expected, + given)"):format(scenario.expected)
  end
end

local function run_scenario(ctx, plugin, scenario, flags, progress)
  local result = require("trial.trial").run(ctx.home, plugin, scenario, function(what, n)
    progress:at(n, nil, ("runs of %s, %s"):format(scenario.name, what))
  end)
  local row = { name = scenario.name, checks = require("host.json").array(result.checks), problem = result.problem }
  if result.lines then
    row.records, row.requests = #result.lines, result.asked
    judge(plugin, scenario, result, row, flags)
  end
  row.ok = not row.problem
  for _, check in ipairs(result.checks) do
    check.ok = not check.problem
    row.ok = row.ok and check.ok
  end
  return row
end

local HOW = { same = "as expected", differs = "not as expected", new = "nothing expected yet",
  written = "written: read it", updated = "updated: read it" }

local function print_row(out, row)
  local records = row.records and ("%s, %s, %s"):format(text.count(row.records, "record"),
    text.count(row.requests, "request"), HOW[row.expected])
  out:write(("%s: %s\n"):format(row.name, records or "FAILED"))
  for _, line in ipairs(row.differences or {}) do out:write("  ", harmless(line), "\n") end
  if row.problem then out:write("  FAILED  ", harmless(row.problem), "\n") end
  for _, check in ipairs(row.checks) do
    out:write(("  %-6s  %s (%s%s)\n"):format(check.ok and "ok" or "FAILED", check.name, text.count(check.runs, "run"),
      check.sample and ", at " .. check.sample or ""))
    if check.problem then out:write("          ", harmless(check.problem), "\n") end
  end
end

local function print_all(out, result, seconds)
  if out.form == "json" then return out:object(result) end
  for _, row in ipairs(result.scenarios) do print_row(out, row) end
  local failed = 0
  for _, row in ipairs(result.scenarios) do failed = failed + (row.ok and 0 or 1) end
  local all = text.count(#result.scenarios, "scenario")
  out:write(("%s %s: %s in %.1f s\n"):format(result.plugin, result.version,
    failed == 0 and all .. " passed" or ("%d of %s failed"):format(failed, all), seconds))
end

return {
  name = "test",
  summary = "Run a plugin's scenarios against its simulator, and with faults",
  usage = "PLUGIN",
  min = 1,
  max = 1,
  examples = {
    { "reeve test acme", "every scenario of plugins/acme/test/scenarios.lua" },
    { "reeve test acme --update", "write what it gives now as what is expected, after showing it" },
  },
  flags = {
    { name = "update", help = "write the expected records; look at the difference before you keep it" },
    { name = "new-ids", help = "with --update: also where the ids of what was there before are others now" },
    { name = "output", short = "o", arg = "FORM", choices = { "table", "json" }, help = "table or json" },
  },
  notes = "Ends with 0 where all is well, 1 where a scenario fails, 3 where plugin or scenarios cannot be read.",
  run = function(ctx, args, flags)
    if flags.new_ids and not flags.update then fail("usage", "--new-ids goes with --update") end
    local sys = require "host.sys"
    sys.catch_signals()
    local plugin = require("plugin.plugin").load(ctx.home, args[1], "usage")
    local began, progress = sys.mono(), require("ui.progress").start("testing " .. args[1], ctx.flags)
    require("log").setup { format = "text", level = flags.verbose and "debug" or "error" } -- faults are no news
    local result = { plugin = plugin.name, version = plugin.manifest.version, ok = true, scenarios = {} }
    local ok, why = pcall(function()
      for i, scenario in ipairs(require("trial.scenario").all(plugin)) do
        result.scenarios[i] = run_scenario(ctx, plugin, scenario, flags, progress)
        result.ok = result.ok and result.scenarios[i].ok
      end
    end)
    progress:done()
    if not ok and type(why) == "table" and why.signal then why.message = "ended by signal " .. why.signal end
    if not ok then error(why, 0) end
    print_all(ctx.out, result, sys.mono() - began)
    return result.ok and 0 or 1
  end,
}

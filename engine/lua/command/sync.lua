-- sync: fetch, compare, guard, publish. Several connectors run in processes of their own.
local exit = require "exit"
local fail = require "fail"

-- One connector, in this process.
local function sync_one(ctx, name, flags)
  local progress = require("ui.progress").start("syncing " .. name, ctx.flags)
  local ok, result = pcall(require("sync.perform").run, ctx, name, { fresh = flags.fresh, full = flags.full,
    hold = flags.hold, allow_empty = flags.allow_empty, wait = flags.wait, progress = progress })
  progress:done()
  if not ok then
    if type(result) == "table" and result.signal then
      ctx.out:say(("%s: %s"):format(name, result.message))
      return 128 + result.signal
    end
    error(result, 0)
  end
  if not result then
    ctx.out:say(name .. ": paused (\"enabled\" is false); nothing was done")
    return 0
  end
  for _, line in ipairs(require("sync.summary").lines(name, result)) do ctx.out:say(line) end
  return exit.status(result.outcome)
end

local passed_on = { "fresh", "full", "hold", "wait", "quiet", "verbose", "no-color" }

local function command_line(ctx, name, flags)
  local argv = { (fail.try(require("host.sys").exe_path())), "sync", name, "--home", ctx.home.dir }
  for _, flag in ipairs(passed_on) do
    if flags[flag:gsub("%-", "_")] then argv[#argv + 1] = "--" .. flag end
  end
  if ctx.flags.log_format then
    argv[#argv + 1], argv[#argv + 2] = "--log-format", ctx.flags.log_format
  end
  return argv
end

local function jobs_of(ctx, flags)
  local jobs = tonumber(flags.jobs) or ctx.home.options.jobs or 2
  if flags.jobs and (not math.tointeger(jobs) or jobs < 1) then fail("usage", "--jobs: a number from 1 expected") end
  return math.tointeger(jobs)
end

-- Each in a process of its own, `jobs` at a time; a line for each, and the most urgent status. A signal goes on to
-- all of them, and no more are begun.
local function sync_many(ctx, names, flags)
  local sys = require "host.sys"
  local running, statuses, next_name, left = {}, {}, 1, 0
  local jobs, ended_by = jobs_of(ctx, flags), nil
  sys.catch_signals()
  while next_name <= #names or left > 0 do
    while left < jobs and next_name <= #names do
      local pid = fail.try(sys.spawn(command_line(ctx, names[next_name], flags)))
      running[pid], left, next_name = names[next_name], left + 1, next_name + 1
    end
    local pid, status, code = sys.wait_any()
    if not pid and code ~= "wait" then fail("failed", "cannot wait for a sync: " .. tostring(status)) end
    if not pid then
      ended_by, next_name = sys.signal_pending() or 15, #names + 1
      for child in pairs(running) do sys.kill(child, ended_by) end
    elseif running[pid] then
      statuses[#statuses + 1] = status
      ctx.out:say(("%s: %s"):format(running[pid], status < 128 and exit.name(status) or "signal " .. status - 128))
      running[pid], left = nil, left - 1
    end
  end
  return ended_by and 128 + ended_by or exit.urgent(statuses)
end

-- All there are, but for those that have nobody to ask.
local function all_names(ctx)
  local names, there = {}, ctx.home:connectors()
  for _, name in ipairs(there) do
    if require("import.imported").is(ctx.home, name) then
      ctx.out:say(name .. ": passed over: it was imported and has no target to ask")
    else
      names[#names + 1] = name
    end
  end
  if #there == 0 then fail("failed", "there is no connector yet", "`reeve add` writes one") end
  return names
end

local function names_of(ctx, args, flags)
  local names = require("ui.cli").connectors(args, flags, function() return all_names(ctx) end)
  -- A name that is none stops all; a file that is not valid only its own sync.
  for _, name in ipairs(names) do
    require("config.connector").check_there(ctx.home, name)
  end
  if flags.allow_empty and #names ~= 1 then fail("usage", "--allow-empty is for one connector") end
  return names
end

return {
  name = "sync",
  summary = "Fetch, compare with what is remembered, guard, publish",
  usage = "NAME… | --all",
  examples = {
    { "reeve sync main" },
    { "reeve sync --all --jobs 4", "each connector in a process of its own" },
    { "reeve sync main --hold", "fetch and compare, and leave the decision to `reeve accept`" },
  },
  flags = {
    { name = "all", help = "every connector of the home" },
    { name = "jobs", arg = "N", help = "how many connectors at once (2)" },
    { name = "full", help = "list everything, also where the target could say what changed" },
    { name = "fresh", help = "do not go on with a run that was cut short" },
    { name = "hold", help = "never publish by itself" },
    { name = "allow-empty", help = "believe that everything of a type is gone (one connector)" },
    { name = "wait", help = "wait while another sync of the connector runs" },
  },
  notes = "Ends with 0 done, 6 held by the guard, 7 partial, 8 busy, 4 credentials, 5 unavailable, 9 storage.",
  run = function(ctx, args, flags)
    local names = names_of(ctx, args, flags)
    if #names == 0 then return 0 end
    if #names == 1 then return sync_one(ctx, names[1], flags) end
    return sync_many(ctx, names, flags)
  end,
}

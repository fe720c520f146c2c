-- work: what the process does that a task has been given to (`reeve c1-task`): syncs and exports, or lists events.
--
-- It ends by saying how the task ended; serve/answer.lua brings that, and the file, to ConductorOne.
local exit = require "exit"
local fail = require "fail"
local finish = require "serve.finish"
local log = require "log"
local status = require "serve.status"

local M = {}

-- Which part of the state the file is to hold (c1.selection's options): what the task says, else what the operator did.
local function extent(sync_full, options)
  local targets = {}
  for _, resource in ipairs(sync_full.targeted_sync_resources or {}) do
    local id = resource.id or {}
    if not id.resource_type or not id.resource then fail("usage", "the task names a resource without type or id") end
    targets[#targets + 1] = { type = id.resource_type, id = id.resource }
  end
  local types = sync_full.sync_resource_type_ids or {}
  if #targets == 0 then targets = options.targets or targets end
  if #types == 0 then types = options.types or types end
  return { types = #types > 0 and types or nil, targets = #targets > 0 and targets or nil,
    skip_entitlements_and_grants = sync_full.skip_entitlements_and_grants or options.skip_entitlements_and_grants,
    skip_grants = sync_full.skip_grants or options.skip_grants }
end

-- How a sync went, in the log: its first line begins with the connector's name, which a field says here.
local function tell(name, lines, level)
  for i, line in ipairs(lines) do
    local text = i == 1 and line:sub(#name + 3) or line
    log[level](text:gsub("^%s+", ""):gsub("\n%s*", " "), { connector = name })
  end
end

-- A held run waits for a person: asking again would fetch everything again and hold it again.
local function held(name, result)
  local lines = require("sync.summary").lines(name, result)
  tell(name, lines, "warn")
  return finish.error({ code = status.code.FAILED_PRECONDITION, message = table.concat(lines, "\n") }, true)
end

local function export(ctx, name, wanted, folder)
  local st, _, run = require("state.snapshot").current(ctx.home, name)
  require("c1.export").write { home = ctx.home, name = name, st = st, run = run, path = folder.path .. "/sync.c1z",
    options = wanted, step = function() end }
  st:close()
end

local kinds = {}

function kinds.sync_full(ctx, name, job, options, folder)
  local wanted, engine = extent(job.sync_full, options), job.sync_full.storage_engine
  if engine and engine ~= "" and engine ~= "sqlite" then
    log.debug("ConductorOne asked for another form of file; it gets a c1z of version 1",
      { connector = name, asked = engine })
  end
  local result = require("sync.perform").run(ctx, name, { wait = true })
  if not result then fail("held", name .. ": paused (\"enabled\" is false)") end
  if result.outcome == "held" then return held(name, result) end
  tell(name, require("sync.summary").lines(name, result), "info")
  export(ctx, name, wanted, folder)
  return finish.success()
end

function kinds.list_events(ctx, name, job)
  return finish.success("c1.connector.v2.ListEventsResponse",
    require("c1.events").list(ctx.home, name, job.list_events))
end

local function done(ctx, name, folder)
  local job, options = folder:task()
  return kinds[require("serve.kind").of(job)](ctx, name, job, options, folder)
end

--- Does the task that the folder holds, and says in it how it ended. Returns the exit status. Raises errors of our own,
--- and failures that could not be said in the folder: the log of this process is then the only place for them.
function M.run(ctx, name, path)
  local folder = require("serve.folder").of(path)
  local ok, how = pcall(done, ctx, name, folder)
  if ok then
    folder:finish(how)
    return 0
  end
  local told = pcall(folder.finish, folder, finish.raised(how)) -- the folder is gone where the task was cancelled
  if fail.is(how) and how.signal then
    log.info(how.message, { connector = name })
    return 128 + how.signal
  end
  if not told or not fail.is(how) then error(how, 0) end
  return exit.status(how.code)
end

return M

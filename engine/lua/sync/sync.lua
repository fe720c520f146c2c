-- sync: one connector's run: fetch, compare, guard, publish.
--
--   sync.run(home, connector, { fresh =, full =, hold =, allow_empty =, wait =, progress = , dir = })
--       -> { outcome = "ok"|"partial"|"held", run = record }       raises where the run failed
--
-- The state's folder is the connector's, or `dir` for a run on a copy (plan). A lock that the kernel releases
-- keeps others away.
local changes = require "sync.changes"
local config = require "config.config"
local fail = require "fail"
local fetching = require "sync.fetch"
local guard = require "sync.guard"
local homes = require "config.home"
local json = require "host.json"
local log = require "log"
local mode = require "mode"
local runs = require "sync.run"
local shape = require "shape"
local sys = require "host.sys"
local task = require "target.task"

local M = {}

local LOCK_POLL_S = 0.2

-- Opening ---------------------------------------------------------------------------------------------------

local WRITABLE = "the state must be writable by the user who runs this, on a disk with room"

local function make_dir(dir)
  local ok, message, code = sys.mkdir_p(dir, mode.private_folder)
  if not ok then fail(code, message, code == "storage" and WRITABLE or nil) end
end

--- Takes the connector's lock; waits for it where `wait` is set. Busy is exit 8, with who holds it.
function M.lock(home, name, wait)
  local dir = home:state_dir(name)
  make_dir(dir)
  local network = sys.network_fs(dir)
  if network then
    fail("storage", ("%s lies on a network file system (%s), which cannot keep a state safe"):format(dir, network),
      'set "state" in reeve.json to a folder on a local disk')
  end
  while true do
    local lock, message, code = sys.lock(dir .. "/lock")
    if lock then
      return lock
    end
    if code ~= "busy" or not wait then
      fail(code, name .. ": " .. message, code == "storage" and WRITABLE or nil)
    end
    M.check_signal()
    sys.sleep(LOCK_POLL_S)
  end
end

--- Raises where the process was told to end.
function M.check_signal()
  local signal = sys.signal_pending()
  if signal then
    local e = fail.new("failed", ("ended by signal %d; the next sync goes on from here"):format(signal))
    e.signal = signal
    error(e, 0)
  end
end

--- The operator's mapping, or nil; and the day it depends on.
function M.script(home, connector)
  local path = connector.tree.mapping or connector.options.mapping
  if not path then return nil end
  local script = require("plugin.script").load(home, path, shape.names(connector.plugin:mapping()))
  return script, script.depends_on_day and sys.time():sub(1, 10) or nil
end

--- The state for writing.
function M.open_state(home, dir)
  make_dir(dir)
  return fail.try(require("host.state").open(dir, { write = true, create = true,
    passing = home.passing, map_mb = math.floor((home.options.map_gb or 64) * 1024) }))
end

-- The settings that a mapping sees as at.settings: all but the secret ones.
local function settings_json(connector)
  return (fail.try(json.encode(connector.settings)))
end

--- Sets the limits that the connector's plugin and mapping are held to.
function M.limit(connector)
  local limits = connector.options.limits or {}
  require("host.vm").limits { memory_mb = limits.memory_mb, instructions = limits.instructions, cpu_s = limits.cpu_s }
end

--- A session with the target, and the context it needs; used by check too.
function M.session(home, connector, options)
  local fetch = { name = connector.name, plugin = connector.plugin, settings = connector:resolve_secrets(),
    ledger = require("state.ledger").open(home), warnings = {} }
  fetch.session = require("target.http").session {
    name = connector.name,
    manifest = connector.manifest, settings = fetch.settings, ledger = fetch.ledger,
    options = options or connector.options, version = require "version",
    sandbox = connector.plugin.shown .. "/connector.lua", reroute = connector.reroute,
  }
  return fetch
end

--- What a plugin's function in task `t` returns. What it raises as text is a mistake in it.
function M.join(t)
  local ok, result = pcall(t.join, t)
  if ok then return result end
  if type(result) == "string" then fail("config", result) end
  error(result, 0)
end

--- Asks the plugin how to reach the target; must run in a task.
function M.attach(fetch)
  local connect = fetch.plugin:connector().http
  if not connect then return end
  local context = require "sync.context"
  local page = { no_http = true }
  local ctx = context.new(fetch, page)
  fetch.session.ctx = ctx
  local t = task.spawn(connect, { sandbox = fetch.plugin.shown .. "/connector.lua, http", args = { ctx } })
  fetch.session:attach(M.join(t))
end

-- A run -----------------------------------------------------------------------------------------------------

-- What the accepted run knows of lists that can go on from there; nothing where all are to be listed in full.
local function former_marks(run, options)
  local accepted = fail.try(run.state:meta()).accepted
  if options.full or accepted == 0 then return {} end
  return changes.former(json.decode(fail.try(run.state:run(accepted)) or "null"), run.record.epoch)
end

local function fetch_all(home, connector, run, script, day, options)
  local spec = M.session(home, connector)
  spec.settings_json, spec.state, spec.run = settings_json(connector), run.state, run.number
  spec.script, spec.day, spec.epoch = script, day, run.record.epoch
  spec.keep_raw, spec.concurrency = connector.options.keep_raw ~= false, connector.options.http.concurrency or 8
  spec.former, spec.full_every = former_marks(run, options), connector.options.full_every
  spec.warnings, spec.on_warn = run.record.warnings or {}, function() run:save() end
  run.record.warnings = spec.warnings
  local fetch = fetching.new(spec)
  run.fetch = fetch
  if options.on_session then options.on_session(spec.session) end
  task.on_poll(function()
    M.check_signal()
    fail.try(fetch.stage:tick())
    run:progress()
    if options.progress then options.progress:at(fetch:seen(), nil, "objects") end
  end)
  task.run(function()
    M.attach(fetch)
    fetch:run_all()
  end)
  task.on_poll(nil)
  return fetch
end

-- What the comparison found, for the run record: counts by type, and what changed.
local function take_result(record, result, before, manifest)
  record.counts, record.changes = {}, {}
  for name in pairs(manifest.resources) do record.counts[name] = before[name] or 0 end
  for name, n in pairs(before) do record.counts[name] = n end
  for name, stats in pairs(result.types) do
    if name ~= "entitlements" then
      record.counts[name] = (record.counts[name] or 0) + stats.added - stats.removed
    end
    local fields = next(stats.fields) and stats.fields or nil
    record.changes[name] = { added = stats.added, changed = stats.changed, removed = stats.removed, fields = fields }
  end
  for name, n in pairs(record.counts) do
    if n == 0 and not manifest.resources[name] and not result.types[name] then record.counts[name] = nil end
  end
  local not_covered = 0
  for _, list in ipairs(record.lists) do not_covered = not_covered + (list.state == "not_covered" and 1 or 0) end
  record.excluded = {
    skipped = result.skipped_records + result.skipped,
    set_aside = result.aside_records + result.conflicts + result.dangling,
    not_covered = not_covered,
  }
end

local function close_held(state, meta, by)
  if not meta.held then return end
  local record = json.decode(fail.try(state:run(meta.held)) or "{}") or {}
  if not record.dropped then -- else its rejection was cut short
    record.state = "replaced"
    record.decision = { action = "replaced", by = ("run %d"):format(by), at = sys.time() }
  end
  runs.drop(state, meta.held, record)
end

-- More faults of a mapping than are tolerated fail the run: the script is wrong, not the data.
local function check_faults(connector, fetch, result)
  local seen, allowed = fetch:seen(), connector.options.tolerate and connector.options.tolerate.mapping_errors or "10%"
  if result.faults == 0 or not config.over(allowed, result.faults, math.max(seen, 3)) then return end
  local example
  for _, into in pairs(fetch.lists) do example = example or into.fault end
  fail("config", ("%s: the mapping failed for %d of %d objects; the limit is %s"):format(connector.name,
    result.faults, seen, allowed), example)
end

-- What changed in the connector itself since the accepted run: the first thing to look at when a run is held.
local function what_changed(record, accepted)
  if not accepted then return nil end
  local list = {}
  if (accepted.plugin or {}).digest ~= record.plugin.digest then list[#list + 1] = "the plugin" end
  if (accepted.mapping or {}).digest ~= (record.mapping or {}).digest then list[#list + 1] = "the mapping" end
  if accepted.settings_digest ~= record.settings_digest then list[#list + 1] = "the settings" end
  if #list == 0 then return "plugin, mapping and settings are those of run " .. accepted.run end
  return "since run " .. accepted.run .. " there changed: " .. table.concat(list, ", ")
end

local function compare(connector, run, fetch, options)
  local state, record = run.state, run.record
  local meta = fail.try(state:meta())
  if run.compared then fail.try(state:undo(run.number)) end
  local accepted = meta.accepted > 0 and json.decode(fail.try(state:run(meta.accepted)) or "null") or nil
  if meta.held and meta.held ~= run.number then close_held(state, meta, run.number) end
  record.follows = meta.accepted > 0 and meta.accepted or nil
  record.lists, record.warnings, record.http = fetch:accounts(), fetch.warnings, fetch.session:stats()
  record.since = next(fetch.since) and fetch.since or nil
  local progress = options.progress
  local result = fail.try(fetch.stage:compare(fetch:list_facts(), progress and function(n)
    progress:at(n, nil, "compared")
  end))
  run.compared = true
  check_faults(connector, fetch, result)
  local before = accepted and accepted.counts or {}
  take_result(record, result, before, connector.manifest)
  record.findings = guard.check { manifest = connector.manifest, options = connector.options, result = result,
    before = before, after = record.counts, first = accepted == nil, allow_empty = options.allow_empty }
  local tolerated = connector.options.tolerate and connector.options.tolerate.set_aside or 0
  local aside = record.excluded.set_aside
  local all = 0
  for _, n in pairs(record.counts) do all = all + n end
  record.partial = fetch:is_partial() or (aside > 0 and config.over(tolerated, aside, all)) or nil
  record.cause = #record.findings > 0 and what_changed(record, accepted) or nil
  return result
end

local function decide(run, options)
  local held = #run.record.findings > 0 or options.hold
  if held then
    run:held()
    return "held"
  end
  run:publish()
  return run.record.partial and "partial" or "ok"
end

--- What was raised, as a failure with a code that is an exit status.
function M.as_failure(why)
  if type(why) == "table" and why.message then
    local code = why.code or "failed"
    local of_target = { throttled = true, invalid = true, cut = true, limit = true, not_found = why.status ~= nil }
    if of_target[code] then code = "unavailable" end
    local e = fail.new(code, why.message, why.hint)
    e.signal = why.signal
    return e
  end
  return fail.new("failed", tostring(why))
end

local function tell_failure(run, why)
  local e = M.as_failure(why)
  local record = run.record
  if run.fetch then
    record.lists, record.warnings = run.fetch:accounts(), run.fetch.warnings
    record.http = run.fetch.session:stats()
    -- Pages that ended wait to be written together; the next run goes on behind them.
    if e.code ~= "storage" then run.fetch.stage:sync() end
  end
  log.debug("sync failed", { connector = record.connector, run = run.number, code = e.code, message = e.message })
  run:end_log()
  -- A mistake in the configuration is not gone on with: what was fetched was mapped by it.
  local ok, second = pcall(run.failed, run, e.code, e.message, e.code == "config")
  if not ok and e.code ~= "storage" then e = M.as_failure(second) end
  return e
end

local function close_fetch(run)
  if not run.fetch then return end
  run.fetch.session:close()
  run.fetch:close()
  run.fetch.ledger:close()
  run.fetch = nil
end

local function begin(state, connector, identity, options)
  local run = runs.begin(state, connector, identity, options)
  run:keep_log()
  if options.on_run then options.on_run(run) end
  log.debug(run.resumed and "sync goes on" or "sync begins", { connector = connector.name, run = run.number })
  return run
end

--- Runs one connector on an open state; see the head of this file.
function M.run_on(home, connector, state, options)
  M.limit(connector)
  local script, day = M.script(home, connector)
  connector.plugin:check()
  local identity = runs.identity(connector, script, day)
  local run = begin(state, connector, identity, options)
  local function attempt()
    return xpcall(function()
      local fetch = (options.fetch or fetch_all)(home, connector, run, script, day, options)
      compare(connector, run, fetch, options)
      return decide(run, options)
    end, function(why)
      return type(why) == "string" and { code = "failed", message = fail.traced(why) } or why
    end)
  end
  local ok, outcome = attempt()
  if not ok and run.resumed and type(outcome) == "table" and outcome.afresh then
    log.warn("started afresh: " .. outcome.message, { connector = connector.name, run = run.number })
    close_fetch(run)
    run:end_log()
    run = begin(state, connector, identity, setmetatable({ fresh = true }, { __index = options }))
    ok, outcome = attempt()
  end
  task.on_poll(nil)
  if not ok then
    local e = tell_failure(run, outcome)
    close_fetch(run)
    state:close()
    error(e, 0)
  end
  log.debug("sync done", { connector = connector.name, run = run.number, outcome = outcome })
  run:end_log()
  local record = run.record
  if not options.keep_state then
    fail.try(state:tidy())
    require("sync.retention").apply(state, connector.options.retention or { history = 400 * 86400, logs = 50 })
  end
  close_fetch(run)
  return { outcome = outcome, run = record }
end

--- Syncs a connector.
function M.run(home, connector, options)
  if not options.fetch then require("import.imported").refuse(connector) end
  homes.check(home.dir)
  sys.catch_signals()
  local lock = M.lock(home, connector.name, options.wait)
  local state = M.open_state(home, home:state_dir(connector.name))
  options.on_run = function(run)
    lock:note(("run %d, since %s"):format(run.number, run.record.started))
  end
  local ok, result = pcall(M.run_on, home, connector, state, options)
  if ok then state:close() end
  lock:release()
  if not ok then error(result, 0) end
  return result
end

return M

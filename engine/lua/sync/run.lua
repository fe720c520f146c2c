-- run: one run's record, from its beginning to its end, and its log.
--
-- The record is what `reeve runs` shows (architecture: records and runs). It is written when the run begins,
-- when something is worth remembering, and with the transaction that ends it.
local fail = require "fail"
local json = require "host.json"
local log = require "log"
local sys = require "host.sys"

local M = {}
local Run = {}
Run.__index = Run

local STALE_S = 2 * 3600   -- without progress for so long, a run is not gone on with
local LOG_BATCH = 50       -- log lines that wait to be written together
local LOG_MAX = 2000       -- of one run; the rest is on stderr only

-- Lists stay lists when they are empty.
local function encode(record)
  for _, name in ipairs { "lists", "warnings", "findings" } do
    if record[name] then json.array(record[name]) end
  end
  return (fail.try(json.encode(record)))
end

local function decode(text)
  return text and json.decode(text) or nil
end

--- What a run's results depend on beside the objects: when it changes, an open run is not gone on with, and
--- nothing that was remembered is of use.
function M.identity(connector, script, day)
  local secret = require "host.secret"
  return {
    plugin = { name = connector.plugin.name, version = connector.manifest.version, digest = connector.plugin.digest },
    mapping = script and { path = script.shown, digest = script.digest, day = day } or nil,
    settings_digest = connector.settings_digest,
    epoch = secret.hash(json.encode { connector.plugin.digest, script and script.digest or "",
      connector.settings_digest, day or "" }),
  }
end

local function goes_on(old, identity, fresh)
  if not old or fresh or old.dropped or old.epoch ~= identity.epoch then return false end
  local since = sys.epoch(old.progress_at or old.started)
  return since ~= nil and sys.now() - since < STALE_S
end

-- What the plugin says of its resource types, for those who read the state when the plugin has gone.
local function types_of(manifest)
  local types = {}
  for name, declared in pairs(manifest.resources) do
    local slugs = require("shape").names(declared.entitlements or {})
    types[name] = { trait = declared.trait, title = declared.title, description = declared.description,
      skip = declared.skip, entitlements = slugs[1] and slugs or nil }
  end
  return types
end

--- Begins a run, or goes on with the one that was left open.
function M.begin(state, connector, identity, options)
  fail.try(state:tidy()) -- what a process that was killed after publishing has left
  local meta = fail.try(state:meta())
  local run = setmetatable({ state = state, lines = {}, line_count = 0, hidden = options.hidden }, Run)
  local old = decode(meta.open and fail.try(state:run(meta.open)))
  if goes_on(old, identity, options.fresh) then
    run.record, run.number, run.resumed = old, meta.open, true
    old.resumed = (old.resumed or 0) + 1
    old.state, old.message, old.code, old.ended = "open", nil, nil, nil
    run.compared = true -- perhaps: what a comparison began is undone before the next
    for _ in state:log(run.number) do run.line_count = run.line_count + 1 end
  else
    if meta.open then M.abandon(state, meta.open, old) end
    run.record = { state = "open", started = sys.time() }
  end
  local record = run.record
  record.pid, record.user, record.host, record.progress_at = sys.pid(), sys.user(), sys.hostname(), sys.time()
  record.plugin, record.mapping, record.settings_digest, record.epoch =
    identity.plugin, identity.mapping, identity.settings_digest, identity.epoch
  record.connector, record.types = connector.name, types_of(connector.manifest)
  run.number = run.number or fail.try(state:begin(encode(record)))
  record.run = run.number -- also of a run that ended before this was written
  run:save()
  return run
end

--- Drops what a run fetched and found, and closes it with its record. First of all the record says so: a process
--- that is killed half-way leaves a run that nobody goes on with or accepts.
function M.drop(state, number, record)
  record.run, record.dropped = number, true
  fail.try(state:put_run(number, encode(record)))
  fail.try(state:drop(number))
  record.dropped = nil
  fail.try(state:close_run(number, encode(record)))
end

--- Gives up a run that was left open: what it fetched is dropped, its record stays as failed.
function M.abandon(state, number, record)
  record = record or { run = number }
  if record.state == "open" then
    record.state, record.code = "failed", "failed"
    record.message = record.message or "it was cut short, and a later run started afresh"
    record.ended = record.ended or sys.time()
  end
  M.drop(state, number, record)
end

--- Writes the record as it is.
function Run:save()
  fail.try(self.state:put_run(self.number, encode(self.record)))
end

--- Notes that the run makes progress; written at most once a minute.
function Run:progress()
  local now = sys.mono()
  if self.saved and now - self.saved < 60 then return end
  self.saved = now
  self.record.progress_at = sys.time()
  self:save()
end

--- Log lines are kept with the run from here on.
function Run:keep_log()
  log.sink(function(line)
    if self.line_count >= LOG_MAX then return end
    self.line_count = self.line_count + 1
    self.lines[#self.lines + 1] = line
    if #self.lines >= LOG_BATCH then self:write_log() end
  end)
end

--- Writes the lines that wait.
function Run:write_log()
  if #self.lines == 0 then return end
  local lines = self.lines
  self.lines = {}
  -- A log that cannot be written must not end a run that can go on.
  self.state:add_log(self.number, lines, self.line_count - #lines)
end

--- Ends the log.
function Run:end_log()
  log.sink(nil)
  self:write_log()
end

--- The run failed: it stays open, so that the next one goes on from its last page, unless `final`.
function Run:failed(code, message, final)
  local record = self.record
  record.state, record.code, record.message = "failed", code, message
  record.ended, record.progress_at = sys.time(), sys.time()
  if final then
    M.drop(self.state, self.number, record)
  else
    self:save()
  end
end

--- The run waits for a decision.
function Run:held()
  self.record.state, self.record.ended = "held", sys.time()
  fail.try(self.state:hold(self.number, encode(self.record)))
end

--- The run is what readers see from here on.
function Run:publish()
  self.record.state, self.record.ended = "accepted", sys.time()
  fail.try(self.state:publish(self.number, encode(self.record)))
end

return M

-- fetch: asks for everything a plugin lists, side by side, as far as the lists depend on each other.
--
-- A list waits for those it comes `after`; one that is `per` a kind waits for the lists that give that kind,
-- and is then asked once for each object, http.concurrency at a time. Parents are read from the stage, never
-- held in Lua. The first failure of a list without `per` ends the run.
local fail = require "fail"
local host_stage = require "host.stage"
local json = require "host.json"
local listing = require "sync.listing"
local log = require "log"
local shape = require "shape"
local sys = require "host.sys"
local task = require "target.task"

local M = {}
local Fetch = {}
Fetch.__index = Fetch

--- A fetch for a run: spec has name, plugin, settings, settings_json, session, ledger, state, run, script (the
--- operator's mapping or nil), keep_raw, epoch, day, concurrency; warnings (those the run
--- has already) and on_warn, called after each more; former and full_every (s), for lists that know what changed
--- (changes.lua); fetch.since is what the next run wants to know of them.
function M.new(spec)
  local fetch = setmetatable(spec, Fetch)
  fetch.log, fetch.warnings, fetch.lists, fetch.found = log, fetch.warnings or {}, {}, {}
  fetch.since = {}
  fetch.stage = fail.try(host_stage.open(fetch.state, fetch.run, json.encode(fetch.plugin.manifest.resources)))
  return fetch
end

--- A warning is kept with the run.
function Fetch:warn(message)
  if shape.contains(self.warnings, message) or #self.warnings >= 100 then return end
  self.warnings[#self.warnings + 1] = message
  log.warn(message, { connector = self.name })
  if self.on_warn then self.on_warn() end
end

-- The lists of this run: those whose `when` setting is on.
local function active_lists(fetch)
  local active = {}
  for _, list in ipairs(fetch.plugin:connector().lists) do
    if not list.when or fetch.settings[list.when] then active[#active + 1] = list end
  end
  return active
end

-- Kinds that others are asked per: their raw objects are kept whatever keep_raw says.
local function parent_kinds(lists)
  local kinds = {}
  for _, list in ipairs(lists) do
    if list.per then kinds[list.per] = true end
  end
  return kinds
end

local function declare_kinds(fetch, lists)
  local map, script, parents = fetch.plugin:mapping(), fetch.script and fetch.script.map or {}, parent_kinds(lists)
  for _, list in ipairs(lists) do
    for _, kind in ipairs(list.kinds) do
      fetch.stage:kind(kind, { map = map[kind], map_file = fetch.plugin.shown .. "/mapping.lua",
        script = script[kind], script_file = fetch.script and fetch.script.shown,
        keep_raw = fetch.keep_raw or parents[kind] or false })
    end
  end
end

-- One list's account, as the run record shows it.
local function account(list)
  return { list = list.name, parents = 0, pages = 0, seen = 0, state = "complete", units = {}, over = task.event(),
    hits = 0, skipped = 0, aside = 0, faults = 0 }
end

local rank = { complete = 0, not_covered = 1, incomplete = 2, failed = 3 }

local function add_result(into, result)
  into.units[#into.units + 1] = result.unit
  into.parents = into.parents + 1
  into.pages, into.seen = into.pages + result.pages, into.seen + result.seen
  if result.announced then into.announced = (into.announced or 0) + result.announced end
  if rank[result.state] > rank[into.state] then into.state, into.reason = result.state, result.reason end
  into[result.state] = (into[result.state] or 0) + 1
  into.started = into.started and into.started < result.started and into.started or result.started
  into.ended, into.changes = result.ended, result.changes
  for _, name in ipairs { "hits", "skipped", "aside", "faults" } do
    into[name] = into[name] + (result.counts[name] or 0)
  end
  into.fault = into.fault or result.counts.fault
end

-- Parents ---------------------------------------------------------------------------------------------------

-- The raw objects that a `per` function gets: the parent, its parent, and so on.
local function chain(fetch, raw, above)
  local parents = { raw }
  while above and above ~= "" and #parents < 16 do
    local next_raw, next_above = fail.try(fetch.stage:find(above))
    if not next_raw then break end
    parents[#parents + 1] = next_raw
    above = next_above
  end
  return parents
end

-- Goes over the objects of a kind that the lists have given: a function that gives the name and the parents
-- of the next, nil where there is none yet. It may be asked again when a list (one per a kind it emits) has
-- given more.
local function parents_of(fetch, sources, kind, into)
  local done, walk = {}, nil
  local function next_unit()
    for i, source in ipairs(sources) do
      local n = (done[i] or 0) + 1
      if source.units[n] then
        done[i] = n
        return source.units[n]
      end
    end
  end
  return function()
    while true do
      local number = not walk and next_unit()
      if number then
        fail.try(fetch.stage:index(number))
        walk = fail.try(fetch.stage:walk(number))
      elseif not walk then
        return nil
      end
      local raw, name, its_kind, above, outcome = walk()
      if not raw then
        walk = nil
      elseif its_kind == kind and outcome ~= "skipped_by_operator" then
        if name ~= "" then return name, chain(fetch, raw, above) end
        into.unnamed = true
      end
    end
  end
end

local function run_parents(fetch, list, into, sources)
  local asked, running, failed = fetch.stage:names(), 0, nil
  local next_parent = parents_of(fetch, sources, list.per, into)
  local moved = task.event()
  local function one(name, parents)
    local ok, result = pcall(listing.run, fetch, list, name, parents)
    running = running - 1
    if ok then add_result(into, result) else failed = failed or result end
    local event = moved
    moved = task.event()
    event:set()
  end
  while not failed do
    local name, parents
    if running < fetch.concurrency then name, parents = next_parent() end
    if not name then
      if running == 0 then return end
      task.wait(moved)
    elseif fail.try(asked:add(name)) then -- else another list gave it too
      running = running + 1
      task.spawn(one, { args = { name, parents } })
    end
  end
  error(failed, 0)
end

-- Lists -----------------------------------------------------------------------------------------------------

-- The accounts of the lists that give a kind.
local function givers(fetch, lists, kind)
  local found = {}
  for _, list in ipairs(lists) do
    if shape.contains(list.kinds, kind) then found[#found + 1] = fetch.lists[list.name] end
  end
  return found
end

-- A list whose parents are none is as complete as what would have given them.
local function without_parents(into, sources)
  into.started, into.ended = sys.time(), sys.time()
  for _, source in ipairs(sources) do
    if rank[source.state] > rank[into.state] then into.state, into.reason = source.state, source.reason end
  end
end

local function run_list(fetch, lists, list)
  local into = fetch.lists[list.name]
  for _, name in ipairs(list.after) do
    if fetch.lists[name] then task.wait(fetch.lists[name].over) end
  end
  if list.per then
    local sources = givers(fetch, lists, list.per)
    for _, source in ipairs(sources) do
      if source ~= into then task.wait(source.over) end
    end
    run_parents(fetch, list, into, sources)
    if into.parents == 0 then without_parents(into, sources) end
  else
    add_result(into, listing.run(fetch, list, nil, {}))
  end
  log.debug("list done", { connector = fetch.name, list = list.name, seen = into.seen, state = into.state })
  into.over:set()
end

--- ctx.get: what an earlier list gave; its units are indexed when somebody first asks for their kind.
function Fetch:find(list, kind, id)
  if not self.found[kind] then
    for _, account_of in ipairs(givers(self, self.active, kind)) do
      if not shape.contains(list.after, account_of.list) and account_of.list ~= list.per then
        error(("ctx.get('%s', …): list '%s' gives it, and this list does not come after it"):format(kind,
          account_of.list), 3)
      end
      for _, number in ipairs(account_of.units) do fail.try(self.stage:index(number)) end
    end
    self.found[kind] = true
  end
  return (fail.try(self.stage:find(kind, tostring(id))))
end

-- What comes before anything is emitted.
local function begin(fetch)
  local active = active_lists(fetch)
  declare_kinds(fetch, active)
  for _, list in ipairs(active) do fetch.lists[list.name] = account(list) end
  fetch.active = active
end

--- Asks for everything. Must run in a task. Raises where the run failed.
function Fetch:run_all()
  begin(self)
  local tasks = {}
  for i, list in ipairs(self.active) do
    tasks[i] = function() run_list(self, self.active, list) end
  end
  task.all(tasks)
  fail.try(self.stage:sync())
end

-- The kinds of a list as it is now; nil where there is no such list any more.
local function list_named(fetch, name)
  for _, list in ipairs(fetch.active) do
    if list.name == name then return list end
  end
end

-- One listing's objects, as they were kept: its page ends where another begins.
local function end_replay(fetch, unit, list, started)
  if not unit then return end
  local counts = unit:counts()
  local state = counts.nameless and "incomplete" or "complete"
  fail.try(unit:page_end(state, ""))
  add_result(fetch.lists[list.name], { unit = unit:number(), pages = 1, seen = counts.seen, state = state,
    reason = counts.nameless, started = started, ended = sys.time(), counts = counts })
  unit:close()
end

local function open_unit(fetch, list, parent)
  return fail.try(fetch.stage:unit { list = list.name, parent = parent, emits = list.kinds,
    settings = fetch.settings_json, day = fetch.day, epoch = fetch.epoch })
end

--- Instead of run_all, where nobody is to be asked: give(list's name, emit, set_aside) emits all that a list has, at
--- once (emit.h). Each listing is one page.
function Fetch:take(give)
  begin(self)
  for _, list in ipairs(self.active) do
    local started, unit = sys.time(), open_unit(self, list)
    give(list.name, unit:emitter())
    end_replay(self, unit, list, started)
  end
  fail.try(self.stage:sync())
end

--- Instead of run_all: emits objects ({ list, parent, kind, raw, with }, listing by listing) as if the target had
--- given them now. Objects whose raw bytes were not kept cannot be mapped again.
function Fetch:replay(objects)
  begin(self)
  local unit, emit, list, key, started
  for object in objects do
    if not object.raw then
      fail("failed", self.name .. ": the raw objects were not kept", '"keep_raw" is false in the configuration')
    end
    local this = object.list .. "\0" .. (object.parent or "")
    if this ~= key then
      end_replay(self, unit, list, started)
      key, list, unit, started = this, list_named(self, object.list), nil, sys.time()
      if list then
        unit = open_unit(self, list, object.parent)
        emit = unit:emitter()
      end
    end
    if unit then emit(object.kind, json.raw(object.raw), object.with and json.decode(object.with)) end
  end
  end_replay(self, unit, list, started)
  for _, into in pairs(self.lists) do into.ended = into.ended or sys.time() end
  fail.try(self.stage:sync())
end

-- A parent that was not seen is gone where every list that gives its kind ran to its end.
local function absence_is_proof(fetch, list)
  if not list.per then return false end
  if fetch.lists[list.name].unnamed then return false end
  for _, source in ipairs(givers(fetch, fetch.active, list.per)) do
    if source.state ~= "complete" then return false end
  end
  return true
end

-- What left a list may have gone to another list of its kind: absence from this one alone proves nothing while
-- that one is incomplete. A parent's children do not wander, so lists with `per` are not asked.
local function may_be_elsewhere(fetch, list)
  if list.per then return false end
  for _, kind in ipairs(list.kinds) do
    for _, other in ipairs(fetch.active) do
      if not other.per and shape.contains(other.kinds, kind) and fetch.lists[other.name].incomplete then return true end
    end
  end
  return false
end

--- What the comparison wants to know of the lists there are.
function Fetch:list_facts()
  local facts = {}
  for i, list in ipairs(self.active) do
    facts[i] = { name = list.name, gone = absence_is_proof(self, list), keep = may_be_elsewhere(self, list) }
  end
  return facts
end

--- The lists' accounts for the run record, in the order of their names.
function Fetch:accounts()
  local accounts = {}
  for _, list in ipairs(self.active or {}) do
    local into = self.lists[list.name]
    accounts[#accounts + 1] = {
      list = into.list, parents = list.per and into.parents or nil, started = into.started, ended = into.ended,
      announced = into.announced, seen = into.seen, pages = into.pages, reason = into.reason,
      state = into.ended and into.state or "open", complete = into.ended ~= nil and into.state == "complete",
      mode = list.changed and (into.changes and "changes" or "full") or nil,
      kinds = list.kinds, remembered = into.hits, failed_parents = list.per and into.failed or nil,
    }
  end
  return accounts
end

--- Whether something did not come whole: a list is incomplete, or a parent failed.
function Fetch:is_partial()
  for _, into in pairs(self.lists) do
    if into.incomplete or into.failed then return true end
  end
  return false
end

--- Objects seen so far, for a progress line.
function Fetch:seen()
  local n = 0
  for _, into in pairs(self.lists) do n = n + into.seen end
  return n
end

--- Ends the stage.
function Fetch:close()
  self.stage:close()
end

return M

-- run: mappings over raw objects, of the last accepted run or of a plugin's tests: do they depend on the order of
-- the objects, and do they read members that no object had?
--
--   runs.check(sample, load, report)
--       sample   a list of objects, made by runs.add(sample, objects, settings, day); sample.of is where they are from
--       load()   { map, file, script, script_file }, in states of their own each time
local fail = require "fail"
local json = require "host.json"
local loader = require "plugin.loader"
local suggest = require "suggest"
local vm = require "host.vm"

local M = {}

local MOST = 500 -- objects of a kind
local RAISED = "it raised: " -- no record, which is JSON, begins so

--- An empty sample of objects from here ("the last run"). `made`: a simulator's, which need not have all members that
--- the target's have; one that is read and missing is told of only where it looks misspelt.
function M.sample(from, made)
  return { of = from, made = made, counts = {} }
end

--- Adds the first objects of each kind to a sample. objects: an iterator of { kind, list, parent, raw, with } (JSON
--- texts), as state:objects() gives it; settings: the connector's, without secrets.
function M.add(sample, objects, settings, day)
  local counts = {}
  for object in objects do
    local n = counts[object.kind] or 0
    if object.raw and n < MOST then
      counts[object.kind] = n + 1
      sample.counts[object.kind] = (sample.counts[object.kind] or 0) + 1
      object.settings, object.day = settings, day
      sample[#sample + 1] = object
    end
  end
end

local function at_of(object)
  return json.raw(json.encode { kind = object.kind, list = object.list, settings = object.settings, day = object.day,
    parent = object.parent and json.raw(object.parent), with = object.with and json.raw(object.with) })
end

-- What the functions make of an object; a text either way.
local function result_of(loaded, object, raw, at)
  local map, script = loaded.map[object.kind], loaded.script and loaded.script[object.kind]
  if not map then return "nothing" end
  local ok, record = vm.protect(map, raw, at)
  if ok and record ~= nil and script then ok, record = vm.protect(script, raw, record, at) end
  if not ok and type(record) == "table" and record.breach then fail("config", record.message) end
  if not ok then return RAISED .. loader.message(record) end
  return record == nil and "nothing" or json.encode(record) or "what is no JSON"
end

-- Order ---------------------------------------------------------------------------------------------------

local function run_all(list, loaded, from, to, step)
  local results = {}
  for i = from, to, step do
    results[i] = result_of(loaded, list[i], json.raw(list[i].raw), at_of(list[i]))
  end
  return results
end

-- One finding a kind, with what the first of its objects raised.
local function report_raises(list, results, loaded, report)
  local raises = {}
  for i, object in ipairs(list) do
    local why = results[i]:sub(1, #RAISED) == RAISED and results[i]:sub(#RAISED + 1)
    local of = raises[object.kind]
    if why and of then of.n = of.n + 1 end
    if why and not of then
      raises[object.kind] = { n = 1, why = why }
      raises[#raises + 1] = object.kind
    end
  end
  for _, kind in ipairs(raises) do
    local of = raises[kind]
    local file, line, words = of.why:match("^([^:\n]+):(%d+): (.*)$")
    file = file or loaded.script and loaded.script[kind] and loaded.script_file or loaded.file
    local message = ("'%s' raises for %d of %d objects of %s: %s."):format(kind, of.n, list.counts[kind], list.of,
      words or of.why)
    report(file, tonumber(line) or kind, "error", message, "They would be set aside.")
  end
end

local function check_order(list, load, report)
  local first = load()
  local forward = run_all(list, first, 1, #list, 1)
  report_raises(list, forward, first, report)
  local backward = run_all(list, load(), #list, 1, -1)
  local told = {}
  for i, object in ipairs(list) do
    if forward[i] ~= backward[i] and not told[object.kind] then
      told[object.kind] = true
      local message = "'%s' gives another record for the same object where the objects come in another order."
      local by_script = first.script and first.script[object.kind]
      report(by_script and first.script_file or first.file, object.kind, "error", message:format(object.kind),
        "A mapping depends on raw and at alone: look for what it keeps between two calls.")
    end
  end
end

-- Members -------------------------------------------------------------------------------------------------

local Watch = {}
Watch.__index = Watch

-- A raw object that notes which of its members are read, where, and which there are.
function Watch:proxy(raw, path)
  local function wrap(key, value)
    if not json.is_raw(value) then return value end
    return self:proxy(value, math.type(key) and path .. "[]" or path .. "." .. key)
  end
  local named = false -- an array, or nothing: who asks it for a member looks what it is
  for name in pairs(raw) do
    named = named or type(name) == "string"
    if type(name) == "string" then self.seen[path .. "." .. name] = true end
  end
  return setmetatable({}, {
    __index = function(_, name)
      if named and type(name) == "string" then self:note(path, name) end
      return wrap(name, raw[name])
    end,
    __len = function() return #raw end,
    __pairs = function()
      local next_member, state, first = pairs(raw)
      return function(_, key)
        local name, value = next_member(state, key)
        if name ~= nil then return name, wrap(name, value) end
      end, nil, first
    end,
    __newindex = function() error("a raw object cannot be written to", 2) end,
  })
end

function Watch:note(path, name)
  local whole = path .. "." .. name
  if self.read[whole] then return end
  local info = debug.getinfo(3, "Sl")
  self.read[whole] = { path = path, name = name, file = info.source:sub(2), line = info.currentline }
  self.order[#self.order + 1] = whole
end

local function names_at(seen, path)
  local names = {}
  for whole in pairs(seen) do
    local name = whole:sub(1, #path + 1) == path .. "." and whole:sub(#path + 2)
    if name and not name:find(".", 1, true) then names[#names + 1] = name end
  end
  table.sort(names) -- of two that are as near, the same is named each time
  return names
end

local function report_unseen(watch, kind, sample, report)
  for _, whole in ipairs(watch.order) do
    local read = watch.read[whole]
    local parent_seen = read.path == "raw" or watch.seen[read.path:gsub("%[%]$", "")]
    if not watch.seen[whole] and parent_seen then
      local question = suggest.question(read.name, names_at(watch.seen, read.path))
      if question or not sample.made then
        report(read.file, read.line, "warning",
          ("%s is read, and none of the %d '%s' objects of %s has it."):format(whole, sample.counts[kind], kind,
            sample.of),
          question or "Leave it where the target gives it at times.",
          read.name)
      end
    end
  end
end

local function check_members(list, load, report)
  local loaded, watches, kinds = load(), {}, {}
  for _, object in ipairs(list) do
    if not watches[object.kind] then
      watches[object.kind] = setmetatable({ seen = {}, read = {}, order = {} }, Watch)
      kinds[#kinds + 1] = object.kind
    end
    local raw = json.raw(object.raw)
    if json.is_raw(raw) then
      result_of(loaded, object, watches[object.kind]:proxy(raw, "raw"), at_of(object))
    end
  end
  table.sort(kinds)
  for _, kind in ipairs(kinds) do report_unseen(watches[kind], kind, list, report) end
end

--- Runs the mappings; see the head of this file. report(file, line or kind, level, message, next step).
function M.check(sample, load, report)
  if #sample == 0 then return end
  check_order(sample, load, report)
  check_members(sample, load, report)
end

return M

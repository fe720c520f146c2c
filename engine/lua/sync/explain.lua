-- explain: how a record comes about, step by step: each raw object that gives it goes through today's plugin
-- and today's operator's mapping again, and every step's result is kept.
local fail = require "fail"
local json = require "host.json"
local snapshot = require "state.snapshot"
local sync = require "sync.sync"
local vm = require "host.vm"

local M = {}

-- What a mapping is told beside the object; the same members that a sync gives it.
local function at_of(connector, source, day)
  local at = { kind = source.kind, list = source.list, settings = connector.settings, day = day }
  at.parent = source.parent and json.raw(source.parent)
  at.with = source.with and json.raw(source.with)
  return json.raw(json.encode(at))
end

-- A function of a mapping, under its limits; a raise is told, a breach ends the command.
local function call(fn, ...)
  local ok, result = vm.protect(fn, ...)
  if ok then return result end
  if type(result) == "table" and result.breach then fail(result.code or "config", result.message) end
  return nil, tostring(type(result) == "table" and result.message or result)
end

-- A mapping's result as it is at this step; the next step may change the table.
local function kept(result)
  if type(result) ~= "table" then return nil end
  local text, message = json.encode(result)
  return text and json.raw(text), message
end

local function by_operator(step, script, raw, result, at)
  local map = script and script.map[step.kind]
  if not map then return end
  local changed, problem = call(map, raw, result, at)
  step.problem = problem
  if changed == nil then
    step.left_out_by = not problem and script.shown or nil
    return
  end
  step.operator_record, step.problem = kept(changed)
end

local function step_of(connector, script, day, source)
  local step = { list = source.list, kind = source.kind, parent = source.parent and json.raw(source.parent),
    with = source.with and json.raw(source.with), raw = source.raw and json.raw(source.raw) }
  local map = connector.plugin:mapping()[source.kind]
  if not step.raw or not map then return step end
  local at = at_of(connector, source, day)
  local result, problem = call(map, step.raw, at)
  step.problem = problem
  if result == nil then
    step.left_out_by = not problem and connector.plugin.shown .. "/mapping.lua" or nil
    return step
  end
  step.plugin_record, step.problem = kept(result)
  if step.plugin_record then by_operator(step, script, step.raw, result, at) end
  return step
end

-- The newest run that knows the record: the accepted one, else the one that is held or came last.
local function sources_of(st, meta, type, id)
  for _, run in ipairs { meta.accepted or 0, meta.held or 0, meta.last or 0 } do
    local list = {}
    if run > 0 then
      for source in fail.try(st:sources(type, id, run)) do list[#list + 1] = source end
    end
    if #list > 0 then return list, run end
  end
end

-- What is different from what the run was made with: then the steps may not lead to its record.
local function changed_since(record, connector, script)
  local list = {}
  if record.plugin and record.plugin.digest ~= connector.plugin.digest then list[#list + 1] = "plugin" end
  if (record.mapping or {}).digest ~= (script or {}).digest then list[#list + 1] = "mapping" end
  if record.settings_digest ~= connector.settings_digest then list[#list + 1] = "settings" end
  return #list > 0 and json.array(list) or nil
end

--- Explains a record: { type, id, run, sources = { { list, kind, parent, with, raw, plugin_record, operator_record,
--- left_out_by, problem } }, final, changed_since_run }; nil where no run knows it. Records are raw objects.
function M.explain(home, name, type, id)
  local connector = require("config.connector").load(home, name)
  local st, meta = snapshot.find(home, name)
  if not st then return nil end
  local sources, run = sources_of(st, meta, type, id)
  if not sources then return nil end
  connector.plugin:check()
  sync.limit(connector)
  local script, day = sync.script(home, connector)
  local steps = {}
  for i, source in ipairs(sources) do steps[i] = step_of(connector, script, day, source) end
  local final = run == meta.accepted and fail.try(st:show(type, id)) or nil
  return { type = type, id = id, run = run, sources = json.array(steps), final = final and json.raw(final),
    changed_since_run = changed_since(snapshot.run(st, run) or {}, connector, script) }
end

return M

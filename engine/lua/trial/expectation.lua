-- expectation: the records that a scenario is expected to give, kept beside it: test/NAME.expected.jsonl. The first
-- line says whose they are, { expected = 1, plugin, version, inputs }; then a record a line, sorted.
--
--   expectation.compare(plugin, scenario, lines) -> { state = "same"|"differs"|"new", removed = {…}, added = {…},
--                                                     ids = { gone = {…}, came = {…} } or nil, major = bool }
--   expectation.write(plugin, scenario, lines)
--
-- `ids` is there where the plugin gave ids that it does not give any more, and others of that type in their place,
-- for the same inputs; `major`: the plugin has another major version since.
local fail = require "fail"
local json = require "host.json"
local mode = require "mode"
local scenarios = require "trial.scenario"
local secret = require "host.secret"
local sys = require "host.sys"

local M = {}

local FORM = 1

local function inputs_of(scenario)
  local text = fail.try(json.encode { scenario.set, scenario.settings })
  return secret.hash(text)
end

local function head_of(plugin, scenario)
  return (fail.try(json.encode { expected = FORM, plugin = plugin.name, version = plugin.manifest.version,
    inputs = inputs_of(scenario) }))
end

-- The first line and the others of the file; nil where there is none.
local function read(plugin, scenario)
  local text = scenarios.read(plugin, scenario.expected)
  if not text then return nil end
  local lines = {}
  for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line end
  local head = json.decode(table.remove(lines, 1) or "")
  if type(head) ~= "table" or head.expected ~= FORM or type(head.version) ~= "string" then
    fail("config", ("%s/test/%s: its first line is not { \"expected\": %d, … }"):format(plugin.shown,
      scenario.expected, FORM), ("`reeve test %s --update` writes it anew once it is removed"):format(plugin.name))
  end
  return head, lines
end

-- What only the one and only the other of two lists has.
local function differences(former, now)
  local left, added = {}, {}
  for _, line in ipairs(former) do left[line] = (left[line] or 0) + 1 end
  for _, line in ipairs(now) do
    if (left[line] or 0) > 0 then left[line] = left[line] - 1 else added[#added + 1] = line end
  end
  local removed = {}
  for _, line in ipairs(former) do
    if (left[line] or 0) > 0 then removed[#removed + 1], left[line] = line, left[line] - 1 end
  end
  return removed, added
end

-- What a record is known by, and its type: "user/42", "role/7:member".
local function id_of(line)
  local record = json.decode(line)
  if type(record) ~= "table" then return nil end
  if record.kind == "resource" then return ("%s/%s"):format(record.type, record.id), record.type end
  if record.kind == "entitlement" then
    local on = record.resource
    return ("%s/%s:%s"):format(on.type, on.id, record.slug), on.type .. ":"
  end
end

-- Ids in the first lines that the others lack, by type.
local function ids_without(lines, others)
  local there, by_type = {}, {}
  for _, line in ipairs(others) do there[id_of(line) or ""] = true end
  for _, line in ipairs(lines) do
    local id, type = id_of(line)
    if id and not there[id] then
      by_type[type] = by_type[type] or {}
      table.insert(by_type[type], id)
    end
  end
  return by_type
end

-- Ids that were replaced; nil where there are none. One that is only gone, or only came, is no other id.
local function replaced(removed, added)
  local gone, came = ids_without(removed, added), ids_without(added, removed)
  local ids = { gone = {}, came = {} }
  for type, list in pairs(gone) do
    if came[type] then
      table.move(list, 1, #list, #ids.gone + 1, ids.gone)
      table.move(came[type], 1, #came[type], #ids.came + 1, ids.came)
    end
  end
  table.sort(ids.gone)
  table.sort(ids.came)
  return #ids.gone > 0 and ids or nil
end

local function major(version)
  return version:match("^%d+")
end

--- Compares; see the head of this file.
function M.compare(plugin, scenario, lines)
  local head, former = read(plugin, scenario)
  if not head then return { state = "new", removed = {}, added = lines } end
  local removed, added = differences(former, lines)
  local result = { state = "same", removed = removed, added = added,
    major = major(head.version) ~= major(plugin.manifest.version) }
  if #removed + #added > 0 then result.state = "differs" end
  if head.inputs == inputs_of(scenario) then result.ids = replaced(removed, added) end
  return result
end

--- Writes the file.
function M.write(plugin, scenario, lines)
  local path = plugin.dir .. "/test/" .. scenario.expected
  local text = head_of(plugin, scenario) .. "\n" .. table.concat(lines, "\n") .. (#lines > 0 and "\n" or "")
  fail.try(sys.write_file(path, text, sys.stat(path) and 0 or mode.shared_file))
end

return M

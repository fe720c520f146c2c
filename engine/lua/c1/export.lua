-- export: a connector's accepted state as a .c1z file, whole or not at all.
--
-- Rows go from the state to the file's tables one by one; what was cut, escaped or left out on the way is counted,
-- and the first of each kind are named.
local fail = require "fail"
local id = require "c1.id"
local message = require "c1.message"
local messages = require "c1.messages"
local wire = require "host.wire"

local M = {}
local Export = {}
Export.__index = Export

local WORDS <const> = {
  { "cut", "longer than ConductorOne takes and cut" },
  { "escaped", "a ':' in a principal's id, escaped in the grant's id" },
  { "ungrouped", "exclusion groups that ConductorOne would refuse, left out" },
}

local function encode(name, value)
  return fail.try(wire.encode(messages, name, value))
end

function Export:add(table, ...)
  fail.try(self.file:add(table, ...))
  self.n = self.n + 1
  self.step(self.n)
end

function Export:each(kind, fn)
  local json = require "host.json"
  for text in fail.try(self.st:records(kind)) do fn(json.decode(text)) end
end

function Export:resource_types(names)
  self.types = {}
  for _, name in ipairs(names) do
    self.types[name] = message.resource_type(name, self.declared[name])
    fail.try(self.file:add("resource_type", encode("c1.connector.v2.ResourceType", self.types[name]), name))
  end
end

function Export:resources()
  local function note(...) self.notes:add(...) end
  self:each("resource", function(record)
    local trait, parent = (self.declared[record.type] or {}).trait, record.parent or {}
    local blob = encode("c1.connector.v2.Resource", message.resource(record, trait, note))
    self:add("resource", blob, record.type, id.resource(record.type, record.id), parent.type, parent.id)
  end)
end

function Export:entitlements()
  local function note(...) self.notes:add(...) end
  local refused = require("c1.exclusion").refused(fail.try(self.st:records "entitlement"))
  for group, why in pairs(refused) do self.notes:add("ungrouped", group .. " (" .. why .. ")") end
  self:each("entitlement", function(record)
    local group = record.exclusion_group
    local m = message.entitlement(record, self.types, group and not refused[group.id] and group, note)
    self:add("entitlement", encode("c1.connector.v2.Entitlement", m), record.resource.type, record.resource.id, m.id)
  end)
end

function Export:grants()
  local function note(...) self.notes:add(...) end
  self:each("grant", function(record)
    local m, on, to = message.grant(record, note), record.entitlement, record.principal
    self:add("grant", encode("c1.connector.v2.Grant", m), on.type, on.id, m.entitlement.id, to.type, to.id, m.id)
  end)
end

--- Writes the file. spec: home, name, st (the state), run (the accepted run's record), path, step(n) (told how far
--- it is). Returns the number of records.
function M.write(spec)
  local self = setmetatable({ st = spec.st, step = spec.step, n = 0,
    notes = require("c1.notes").new(WORDS) }, Export)
  local run, snapshot = spec.run, require "state.snapshot"
  self.declared = snapshot.declared(spec.home, spec.name, run)
  require("state.export").whole(spec.path, function(by, folder)
    local file <close> = fail.try(require("host.c1z").create(folder, id.sync(run.started), id.time(run.started)))
    self.file = file
    self:resource_types(snapshot.types(spec.home, spec.name, run))
    self:resources()
    self:entitlements()
    self:grants()
    fail.try(file:finish(id.time(run.ended or run.started)))
    fail.try(file:write(by, spec.path))
  end)
  self.notes:tell()
  return self.n
end

return M

-- export: a connector's accepted state, or what was asked for of it, as a .c1z file, whole or not at all.
--
-- Rows go from the state to the file's tables one by one; what was cut, escaped or left out on the way is counted,
-- and the first of each kind are named.
local fail = require "fail"
local id = require "c1.id"
local message = require "c1.message"
local messages = require "c1.messages"
local key = require("state.record").key
local wire = require "host.wire"

local M = {}
local Export = {}
Export.__index = Export

local REMEMBERED <const> = 1000 -- entitlements: most grants are of few of them

local WORDS <const> = {
  { "cut", "longer than ConductorOne takes and cut" },
  { "escaped", "a ':' in a principal's id, escaped in the grant's id" },
  { "ungrouped", "exclusion groups that ConductorOne would refuse, left out" },
  { "unheld", "grants to resources of a type that is not asked for, left out" },
  { "missing", "resources that were asked for and are not there" },
}

local function encoder(name)
  local encode = fail.try(wire.encoder(messages, "c1.connector.v2." .. name))
  return function(value) return fail.try(encode(value)) end
end

function Export:add(table, ...)
  fail.try(self.file:add(table, ...))
  self.n, self.has[table] = self.n + 1, self.has[table] + 1
  self.step(self.n)
end

function Export:each(kind, fn)
  local json = require "host.json"
  for text in fail.try(self.st:records(kind)) do fn(json.decode(text)) end
end

function Export:resource_types(names)
  local encode = encoder "ResourceType"
  self.types = {}
  for _, name in ipairs(names) do
    self.types[name] = message.resource_type(name, self.declared[name])
    if self.selection:has_type(name) then
      fail.try(self.file:add("resource_type", encode(self.types[name]), name))
    end
  end
end

function Export:resources()
  local json, encode = require "host.json", encoder "Resource"
  local function note(...) self.notes:add(...) end
  self.selection:each_resource(self.st, function(text)
    local record = json.decode(text)
    local trait, parent = (self.declared[record.type] or {}).trait, record.parent or {}
    local blob = encode(message.resource(record, trait, note))
    self:add("resource", blob, record.type, id.resource(record.type, record.id), parent.type, parent.id)
  end)
  for _, target in ipairs(self.selection.missing) do self.notes:add("missing", target) end
end

function Export:entitlements()
  local function note(...) self.notes:add(...) end
  local refused = require("c1.exclusion").refused(fail.try(self.st:records "entitlement"))
  for group, why in pairs(refused) do self.notes:add("ungrouped", group .. " (" .. why .. ")") end
  local encode = encoder "Entitlement"
  self:each("entitlement", function(record)
    if not self.selection:has(record.resource) then return end
    local group = record.exclusion_group
    local m = message.entitlement(record, self.types, group and not refused[group.id] and group, note)
    self:add("entitlement", encode(m), record.resource.type, record.resource.id, m.id)
  end)
end

function Export:grants()
  local function note(...) self.notes:add(...) end
  local held, encode = require "c1.memo"(REMEMBERED, message.held), encoder "Grant"
  self:each("grant", function(record)
    local on, to = record.entitlement, record.principal
    if not self.selection:has(on) then return end
    -- ConductorOne drops what points to a type that its file does not have; here it is told.
    if not self.selection:has_type(to.type) then return self.notes:add("unheld", key("grant", record)) end
    local m = message.grant(record, note, held)
    self:add("grant", encode(m), on.type, on.id, m.entitlement.id, to.type, to.id, m.id)
  end)
end

-- Fills the file's tables, and ends its sync.
function Export:fill(run, types)
  self:resource_types(types)
  self:resources()
  if self.selection.entitlements then self:entitlements() end
  if self.selection.grants then self:grants() end
  fail.try(self.file:finish(id.time(run.ended or run.started)))
end

--- Writes the file. spec: home, name, st (the state), run (the accepted run's record), path, step(n) (told how far
--- it is), options (which part of the state; c1.selection; nil: all of it). A type in them that there is none of is a
--- usage error, a target just not in the file. Returns the number of records, and what the file has: { sync_type,
--- resource, entitlement, grant (numbers), missing (a list of TYPE/ID: targets that are not there) }.
function M.write(spec)
  local snapshot, run, options = require "state.snapshot", spec.run, spec.options or {}
  for _, type in ipairs(options.types or {}) do snapshot.check_type(spec.home, spec.name, run, type) end
  local types = snapshot.types(spec.home, spec.name, run)
  local selection = require("c1.selection").new(options, types)
  local self = setmetatable({ st = spec.st, step = spec.step, notes = require("c1.notes").new(WORDS), n = 0,
    connector = spec.name, selection = selection, has = { resource = 0, entitlement = 0, grant = 0 } }, Export)
  self.declared = snapshot.declared(spec.home, spec.name, run)
  require("state.export").whole(spec.path, function(by, folder)
    local file <close> = fail.try(require("host.c1z").create(folder, selection.sync_type, id.sync(run.started),
      id.time(run.started)))
    self.file = file
    self:fill(run, types)
    fail.try(file:write(by, spec.path))
  end)
  self.notes:tell(self.connector)
  self.has.sync_type, self.has.missing = selection.sync_type, selection.missing
  return self.n, self.has
end

return M

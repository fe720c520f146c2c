-- row: a row of a file that another connector wrote as the raw object that is kept of it and mapped: its message by
-- the names of its fields, where
--   what the message leaves out and the row's columns say stands in its place,
--   times are RFC 3339, numbers of a Struct that are whole are integers, a profile stands on the resource alone,
--   an expandable grant names the resources of its entitlements under `on`.
-- Whatever is not kept of it is counted.
local json = require "host.json"
local messages = require "c1.messages"
local wire = require "host.wire"

local M = {}

local PACKAGE <const> = "c1.connector.v2."
local MESSAGES <const> = { resource = "Resource", entitlement = "Entitlement", grant = "Grant" }
local TIMES <const> = { "created_at", "last_login", "expires_at", "last_used_at", "enrolled_at" }
local NO_TIME <const> = -62135596800 -- of a program that has none: the first second of the year 1
local LAST_TIME <const> = 253402300799

-- Annotations that are kept, or say only how a sync went about its work.
local KNOWN <const> = { EntitlementExclusionGroup = true, GrantExpandable = true, SkipEntitlementsAndGrants = true,
  SkipEntitlements = true, SkipGrants = true, ChildResourceType = true, InsertResourceGrants = true }

-- A Timestamp as text; one that no calendar has stays what a mapping's check will refuse.
local function time_text(time)
  local seconds, nanos = time.seconds or 0, time.nanos or 0
  if seconds == NO_TIME then return nil end
  if seconds < NO_TIME or seconds > LAST_TIME or nanos < 0 or nanos > 999999999 then return "no time" end
  local t = os.date("!*t", seconds)
  local fraction = nanos > 0 and (".%09d"):format(nanos):gsub("0+$", "") or ""
  return ("%04d-%02d-%02dT%02d:%02d:%02d%sZ"):format(t.year, t.month, t.day, t.hour, t.min, t.sec, fraction)
end

local function write_times(table)
  for _, name in ipairs(TIMES) do
    if table[name] then table[name] = time_text(table[name]) end
  end
end

-- Whole numbers among the doubles, in place.
local function whole(value)
  if type(value) ~= "table" then
    return math.type(value) == "float" and math.tointeger(value) or value
  end
  for name, member in pairs(value) do value[name] = whole(member) end
  return value
end

local function short_name(annotation)
  return annotation.type:sub(1, #PACKAGE) == PACKAGE and annotation.type:sub(#PACKAGE + 1) or annotation.type
end

-- Drops what nobody could read, and counts what has no place.
local function sift(message, note)
  local kept = {}
  for _, annotation in ipairs(message.annotations or {}) do
    local name, value = short_name(annotation), annotation.value
    if not value or not (KNOWN[name] or name:find("Trait$")) then
      note("annotation", name)
    elseif name:find("Trait$") then
      write_times(value)
      if value.icon or value.logo then note("dropped", "icon or logo") end
      value.icon, value.logo = nil, nil
      if message.profile then value.profile = nil end
      whole(value.profile)
    end
    if value then kept[#kept + 1] = annotation end
  end
  message.annotations = #kept > 0 and kept or nil
end

local rows = {}

local function id_of(message, type, id)
  local own = message or {}
  if (own.resource_type or "") ~= "" and (own.resource or "") ~= "" then return own end
  return type and { resource_type = type, resource = id } or nil
end

-- The part of an external id behind its type.
local function without_type(external_id, type)
  local front = (type or "") .. ":"
  return external_id and external_id:sub(1, #front) == front and external_id:sub(#front + 1) or external_id
end

function rows.resource(self, message, type, external_id, parent_type, parent_id)
  message.id = id_of(message.id, type, without_type(external_id, type))
  message.parent_resource_id = id_of(message.parent_resource_id, parent_type, parent_id)
  write_times(message)
  whole(message.profile)
  if message.icon then self.note("dropped", "icon or logo") end
  if message.external_id then self.note("dropped", "external_id") end
  message.icon, message.external_id, message.creation_source, message.baton_resource = nil, nil, nil, nil
  local of = message.id and self.types[message.id.resource_type]
  if not of then self.note("undescribed", message.id and message.id.resource_type or "none") end
  local parent = message.parent_resource_id
  if parent and not self.types[parent.resource_type or ""] then self.note("dropped", "parent of an unknown type") end
end

-- What an entitlement is on is its id; the rest of that resource stands where resources do.
local function bare(resource, type, id)
  return { id = id_of((resource or {}).id, type, id) }
end

function rows.entitlement(self, message, type, resource, external_id)
  message.id = message.id or external_id
  message.resource = bare(message.resource, type, resource)
  for _, to in ipairs(message.grantable_to or {}) do
    to.annotations, to.traits, to.description, to.display_name = nil, nil, nil, nil
  end
  local on = message.resource.id
  if not on or not self.types[on.resource_type] then
    self.note("undescribed", on and on.resource_type or "none")
  elseif message.slug and message.slug ~= require("import.record").slug(message.id or "", on) then
    self.note("slug", message.id)
  end
end

-- The resource of an entitlement known by its id alone. Most ids say it; where ":" stands in the parts the file
-- itself is asked.
local function located(self, id)
  local type, resource, slug = id:match("^([^:]*):([^:]*):([^:]*)$")
  if not slug or not self.types[type] then
    type, resource = self.file:locate(id)
  end
  return type and resource and { resource_type = type, resource = resource, entitlement = id } or nil
end

local function locate_sources(self, message)
  for _, annotation in ipairs(message.annotations or {}) do
    if annotation.type == PACKAGE .. "GrantExpandable" then
      local on = {}
      for _, id in ipairs(annotation.value.entitlement_ids or {}) do
        local source = located(self, id)
        if source and self.types[source.resource_type] then on[#on + 1] = source
        else self.note("dropped", "source of an expandable grant") end
      end
      annotation.value.on = #on > 0 and on or nil
    end
  end
end

function rows.grant(self, message, type, resource, entitlement, to_type, to_id, external_id, expansion)
  if expansion and expansion ~= "" then
    local value = wire.decode(messages, PACKAGE .. "GrantExpandable", expansion)
    if not value then return "its expansion cannot be read" end
    message.annotations = message.annotations or {}
    table.insert(message.annotations, { type = PACKAGE .. "GrantExpandable", value = value })
  end
  message.id = message.id or external_id
  local given = message.entitlement or {}
  message.entitlement = { id = given.id or entitlement, resource = bare(given.resource, type, resource) }
  message.principal = bare(message.principal, to_type, to_id)
  locate_sources(self, message)
  local on, to = message.entitlement.resource.id, message.principal.id
  if not on or not self.types[on.resource_type] then
    self.note("undescribed", on and on.resource_type or "none")
  elseif not to or not self.types[to.resource_type] then
    self.note("undescribed", to and to.resource_type or "none")
  elseif require("import.record").is_derived(message) then
    self.note("derived")
  end
end

--- What makes rows of one file. spec: file (an open host.c1z_read), types (their names, import/types.lua),
--- note(how, what).
function M.reader(spec)
  return setmetatable(spec, { __index = M })
end

--- A row's message as JSON; nil and the reason where it has none that can be read. kind: resource, entitlement or
--- grant; then what file:rows(kind) gives.
function M:json(kind, bytes, ...)
  local message, why = wire.decode(messages, PACKAGE .. MESSAGES[kind], bytes)
  if not message then return nil, "its message cannot be read: " .. why end
  sift(message, self.note)
  local problem = rows[kind](self, message, ...)
  if problem then return nil, problem end
  local text
  text, why = json.encode(message)
  if not text then return nil, "its message cannot be kept: " .. why end
  return text
end

--- What is kept of a row whose message cannot be: raw object, type and id (nil where they cannot be told).
function M:remains(kind, bytes, first, second)
  local type, id
  if kind == "resource" and self.types[first or ""] and second then
    type, id = self.types[first].name, without_type(second, first)
  end
  local digest = require("host.secret").hash(bytes)
  return json.encode { external_id = id and utf8.len(second) and second or nil, digest = digest }, type, id
end

return M

-- message: Reeve's records as ConductorOne's messages (c1.connector.v2), still as tables.
--
-- What the format limits is cut, and told to note(how, what).
local id = require "c1.id"
local key = require("state.record").key

local M = {}

--- The numbers that stand for Reeve's words; import/record.lua reads them back.
M.TRAITS = { user = 1, group = 2, role = 3, app = 4, secret = 5 }
M.PURPOSES = { assignment = 1, permission = 2, ownership = 3 }
M.ACCOUNTS = { human = 1, service = 2, system = 3 }

local PACKAGE <const> = "c1.connector.v2."
local LIMITS <const> = { name = 1024, description = 2048, status_details = 1024 }
-- Who was invited holds what was granted: an account that is shown as disabled would be passed over in reviews.
local STATUSES <const> = { enabled = 1, pending = 1, disabled = 2, deleted = 3 }

local function any(name, value)
  return { type = PACKAGE .. name, value = value or {} }
end

local function text(kind, record, field, note)
  local value, max = record[field], LIMITS[field]
  if not value or #value <= max then return value end
  note("cut", key(kind, record) .. " " .. field)
  return require("ui.text").beginning(value, max - #"…") .. "…"
end

--- A resource's id; nil for none.
function M.resource_id(ref)
  return ref and { resource_type = ref.type, resource = ref.id }
end
local resource_id = M.resource_id

local function emails(record)
  local list = record.email and { { address = record.email, is_primary = true } } or {}
  for _, address in ipairs(record.emails or {}) do
    if address ~= record.email then list[#list + 1] = { address = address, is_primary = #list == 0 } end
  end
  return list
end

local traits = {}

function traits.user(record, status)
  return any("UserTrait", {
    emails = emails(record), status = status, profile = record.profile,
    account_type = M.ACCOUNTS[record.account_type or "human"], login = record.login,
    created_at = record.created_at, last_login = record.last_login_at,
    mfa_status = record.mfa ~= nil and { mfa_enabled = record.mfa } or nil,
    sso_status = record.sso ~= nil and { sso_enabled = record.sso } or nil,
    employee_ids = record.employee_ids,
  })
end

function traits.group(record)
  return any("GroupTrait", { profile = record.profile })
end

function traits.role(record)
  return any("RoleTrait", { profile = record.profile })
end

function traits.app(record)
  return any("AppTrait", { profile = record.profile })
end

function traits.secret(record)
  return any("SecretTrait", {
    profile = record.profile, created_at = record.created_at, expires_at = record.expires_at,
    last_used_at = record.last_used_at, identity_id = resource_id(record.identity),
  })
end

--- A resource type, by what the plugin's manifest says of it (nil: it is no longer declared). A manifest that was
--- imported (import/types.lua) declares no entitlements, and says itself whether there are any.
function M.resource_type(type, declared)
  declared = declared or {}
  local has_none = declared.skip
  if has_none == nil then has_none = not next(declared.entitlements or {}) end
  local trait = M.TRAITS[declared.trait]
  return {
    id = type, display_name = declared.title or type, description = declared.description,
    traits = trait and { trait } or nil,
    annotations = has_none and { any "SkipEntitlementsAndGrants" } or nil,
  }
end

--- A resource of a type with this trait (nil: none). Profile, status and time stand on the resource for today's
--- readers, and on the trait for those that know no other place.
function M.resource(record, trait, note)
  local status
  if trait == "user" then
    status = { status = STATUSES[record.status or "enabled"],
      details = text("resource", record, "status_details", note) or (record.status == "pending" and "pending" or nil) }
  end
  return {
    id = resource_id(record), parent_resource_id = resource_id(record.parent),
    display_name = text("resource", record, "name", note),
    description = text("resource", record, "description", note),
    annotations = traits[trait] and { traits[trait](record, status) } or nil,
    profile = record.profile, status = status, created_at = record.created_at,
  }
end

--- An entitlement. types: the messages of all resource types by name; group: its exclusion group, where it keeps it.
function M.entitlement(record, types, group, note)
  local ref = { type = record.resource.type, id = record.resource.id, slug = record.slug }
  local own, cut = id.entitlement(ref)
  if cut then note("cut", key("entitlement", record) .. " id") end
  local grantable = {}
  for i, type in ipairs(record.grantable_to or {}) do grantable[i] = types[type] end
  return {
    resource = { id = resource_id(ref) }, id = own, slug = ref.slug,
    display_name = text("entitlement", record, "name", note) or ref.slug,
    description = text("entitlement", record, "description", note), purpose = M.PURPOSES[record.purpose],
    grantable_to = grantable,
    annotations = group and { any("EntitlementExclusionGroup", { exclusion_group_id = group.id,
      order = group.order, is_default = group.default, scope_to_resource = group.scope == "resource" }) } or nil,
  }
end

-- One annotation says it for all: as deep as the deepest, for the types of any.
local function expandable(list)
  local ids, types, seen, shallow, all = {}, {}, {}, true, false
  for i, ref in ipairs(list) do
    ids[i] = id.entitlement(ref)
    shallow = shallow and ref.shallow == true
    all = all or not ref.to
    for _, type in ipairs(ref.to or {}) do
      if not seen[type] then types[#types + 1] = type end
      seen[type] = true
    end
  end
  return any("GrantExpandable", { entitlement_ids = ids, shallow = shallow,
    resource_type_ids = not all and types or nil })
end

--- An entitlement of this id as grants have it: by its ids alone.
function M.held(own, on)
  return { resource = { id = resource_id(on) }, id = own }
end

--- A grant: its entitlement and principal by their ids alone. held: M.held, or what remembers its results.
function M.grant(record, note, held)
  local on, to = record.entitlement, record.principal
  local own, how = id.grant(on, to)
  if how then note(how, key("grant", record)) end
  return {
    entitlement = (held or M.held)((id.entitlement(on)), on), principal = { id = resource_id(to) }, id = own,
    annotations = record.expandable and record.expandable[1] and { expandable(record.expandable) } or nil,
  }
end

return M

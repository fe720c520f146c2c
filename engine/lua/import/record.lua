-- record: what other connectors' messages are as Reeve's records: the mapping of what is imported. Pure, as every
-- mapping: (raw, at), raw being a message as import/row.lua gives it, at.settings.types the file's types.
--
-- A field that Reeve has no place for goes into the profile under its own name.
local id = require "c1.id"
local message = require "c1.message"
local plain = require("import.types").plain

local M = {}

local STATUSES <const> = { "enabled", "disabled", "deleted" }
local PURPOSES, ACCOUNTS = {}, {}
for name, number in pairs(message.PURPOSES) do PURPOSES[number] = name end
for name, number in pairs(message.ACCOUNTS) do ACCOUNTS[number] = name end

-- Fields of traits that a record has a place for, or that are not kept at all (pictures). All others go into its
-- profile.
local TAKEN <const> = { profile = true, icon = true, logo = true, status = true, created_at = true, emails = true,
  account_type = true, login = true, last_login = true, mfa_status = true, sso_status = true, employee_ids = true,
  expires_at = true, last_used_at = true, identity_id = true }

local PREFIX <const> = "c1.connector.v2."

-- The file's types out of `at`, which is the same object for all rows of a table: looked into once.
local known = setmetatable({}, { __mode = "k" })

local function types_of(at)
  local types = known[at]
  if types then return types end
  types = {}
  for raw, of in pairs(at.settings.types) do types[raw] = { name = of.name, trait = of.trait } end
  known[at] = types
  return types
end

-- { type, id } for a resource's id; nil where the file has no such type.
local function ref(resource_id, types)
  local of = resource_id and types[resource_id.resource_type or ""]
  local own = of and resource_id.resource
  return own and { type = of.name, id = own } or nil
end

--- The slug of an entitlement: what follows its resource in its id; of an id of another form, all of it.
function M.slug(entitlement_id, resource_id)
  local front = id.resource(resource_id.resource_type or "", resource_id.resource or "") .. ":"
  local rest = entitlement_id:sub(1, #front) == front and entitlement_id:sub(#front + 1) or entitlement_id
  return plain(rest)
end

-- The annotations of a message by their names.
local function annotations_of(raw)
  local found = {}
  for _, each in ipairs(raw.annotations or {}) do
    local name = each.type
    if name:sub(1, #PREFIX) == PREFIX then name = name:sub(#PREFIX + 1) end
    found[name] = found[name] or each.value
  end
  return found
end

-- The resource's own profile, else a trait's; with it what traits say that has no field. A copy is made only for that.
local function profile_of(raw, annotations, extra)
  local profile = raw.profile
  for name, trait in pairs(annotations) do
    if name:find("Trait$") then
      profile = profile or trait.profile
      for field, value in pairs(trait) do
        if not TAKEN[field] then extra[field] = value end
      end
    end
  end
  if next(extra) == nil then return profile end
  for field, value in pairs(profile or {}) do extra[field] = value end
  return extra
end

local function emails_of(list)
  local first, all = nil, {}
  for _, email in ipairs(list or {}) do
    if email.address then
      all[#all + 1] = email.address
      if email.is_primary and not first then first = email.address end
    end
  end
  return first or all[1], #all > 1 and all or nil
end

local function add_user(record, trait, status)
  record.email, record.emails = emails_of(trait.emails)
  record.status, record.status_details = STATUSES[status.status], status.details
  -- Reeve's own files have no other word for who was invited.
  if record.status == "enabled" and status.details == "pending" then
    record.status, record.status_details = "pending", nil
  end
  record.login, record.last_login_at = trait.login, trait.last_login
  record.account_type = ACCOUNTS[trait.account_type]
  record.employee_ids = trait.employee_ids
  if trait.sso_status then record.sso = trait.sso_status.sso_enabled == true end
  if trait.mfa_status then record.mfa = trait.mfa_status.mfa_enabled == true end
end

local function add_secret(record, trait, types)
  record.expires_at, record.last_used_at = trait.expires_at, trait.last_used_at
  record.identity = ref(trait.identity_id, types)
end

-- The annotation that a trait's resources carry.
local CARRIED <const> = { user = "UserTrait", group = "GroupTrait", role = "RoleTrait", app = "AppTrait",
  secret = "SecretTrait" }

--- A resource; nil where the file says nothing of its type.
function M.resource(raw, at)
  local types, own = types_of(at), raw.id
  local declared = own and types[own.resource_type or ""]
  if not declared then return nil end
  local annotations = annotations_of(raw)
  local trait = annotations[CARRIED[declared.trait]] or {}
  local status = raw.status or trait.status or {}
  local extra = { status = declared.trait ~= "user" and STATUSES[status.status] or nil }
  local record = {
    type = declared.name, id = own.resource, name = raw.display_name, description = raw.description,
    parent = ref(raw.parent_resource_id, types), created_at = raw.created_at or trait.created_at,
    profile = profile_of(raw, annotations, extra),
  }
  if declared.trait == "user" then add_user(record, trait, status) end
  if declared.trait == "secret" then add_secret(record, trait, types) end
  return record
end

local function exclusion_group(raw)
  local group = annotations_of(raw).EntitlementExclusionGroup
  if not group or not group.exclusion_group_id then return nil end
  return { id = group.exclusion_group_id, order = group.order, default = group.is_default,
    scope = group.scope_to_resource and "resource" or nil }
end

local function names_of(list, types)
  local names = {}
  for _, type in ipairs(list or {}) do
    local declared = types[type.id or ""]
    if declared then names[#names + 1] = declared.name end
  end
  return #names > 0 and names or nil
end

--- An entitlement, as a record that has only it; nil where its resource's type is not the file's.
function M.entitlement(raw, at)
  local types, resource_id = types_of(at), raw.resource and raw.resource.id
  local on = ref(resource_id, types)
  if not on or not raw.id then return nil end
  local slug = M.slug(raw.id, resource_id)
  return { entitlements = { {
    on = on, slug = slug, name = raw.display_name ~= slug and raw.display_name or nil, description = raw.description,
    purpose = PURPOSES[raw.purpose], grantable_to = names_of(raw.grantable_to, types),
    exclusion_group = exclusion_group(raw),
  } } }
end

--- Was this grant derived from others? Who holds it by itself has it among its sources.
function M.is_derived(raw)
  local sources = raw.sources and raw.sources.sources
  local own = raw.entitlement and raw.entitlement.id
  return sources ~= nil and own ~= nil and sources[own] == nil
end

local function expandable(found, types)
  local list, to = {}, {}
  for i, name in ipairs(found.resource_type_ids or {}) do to[i] = types[name] and types[name].name or plain(name) end
  for _, source in ipairs(found.on or {}) do
    local on = ref(source, types)
    if on then
      list[#list + 1] = { type = on.type, id = on.id, slug = M.slug(source.entitlement, source),
        shallow = found.shallow, to = #to > 0 and to or nil }
    end
  end
  return #list > 0 and list or nil
end

--- A grant, as a record that has only it; nil where it follows from others, or a type is not the file's.
function M.grant(raw, at)
  local types, entitlement = types_of(at), raw.entitlement or {}
  local resource_id, own = entitlement.resource and entitlement.resource.id, entitlement.id
  local on, to = ref(resource_id, types), ref(raw.principal and raw.principal.id, types)
  if not on or not to or not own or M.is_derived(raw) then return nil end
  local expansion = raw.annotations and annotations_of(raw).GrantExpandable
  return { grants = { { on = on, slug = M.slug(own, resource_id), to = to,
    expandable = expansion and expandable(expansion, types) } } }
end

return M

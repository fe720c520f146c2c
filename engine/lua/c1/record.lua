-- record: what other connectors' messages are as Reeve's records: the mapping of what is imported. Pure, as every
-- mapping: (raw, at), raw being a message as c1/row.lua gives it, at.settings.types the file's types.
--
-- A field that Reeve has no place for goes into the profile under its own name.
local id = require "c1.id"
local message = require "c1.message"
local plain = require("c1.types").plain

local M = {}

local STATUSES <const> = { "enabled", "disabled", "deleted" }
local PURPOSES, ACCOUNTS = {}, {}
for name, number in pairs(message.PURPOSES) do PURPOSES[number] = name end
for name, number in pairs(message.ACCOUNTS) do ACCOUNTS[number] = name end

-- What of a trait has a field of its own, or none anywhere.
local TAKEN <const> = { profile = true, icon = true, logo = true, status = true, created_at = true, emails = true,
  account_type = true, login = true, last_login = true, mfa_status = true, sso_status = true, employee_ids = true,
  expires_at = true, last_used_at = true, identity_id = true }

-- { type, id } for a resource's id; nil where the file has no such type.
local function ref(resource_id, at)
  local of = resource_id and at.settings.types[resource_id.resource_type or ""]
  return of and resource_id.resource and { type = of.name, id = resource_id.resource } or nil
end

--- The slug of an entitlement: what follows its resource in its id; of an id of another form, all of it.
function M.slug(entitlement_id, resource_id)
  local front = id.resource(resource_id.resource_type or "", resource_id.resource or "") .. ":"
  local rest = entitlement_id:sub(1, #front) == front and entitlement_id:sub(#front + 1) or entitlement_id
  return plain(rest)
end

local function annotation(raw, name)
  for _, each in ipairs(raw.annotations or {}) do
    if each.type == "c1.connector.v2." .. name then return each.value end
  end
end

local function profile_of(raw, status, declared)
  local profile, copied = raw.profile, false
  local function put(name, value)
    if not copied then
      local copy = {}
      for key, member in pairs(profile or {}) do copy[key] = member end
      profile, copied = copy, true
    end
    if profile[name] == nil then profile[name] = value end
  end
  for _, each in ipairs(raw.annotations or {}) do
    if each.type:find("Trait$") and each.value then
      if not profile then profile = each.value.profile end
      for name, value in pairs(each.value) do
        if not TAKEN[name] then put(name, value) end
      end
    end
  end
  if declared.trait ~= "user" and status and STATUSES[status.status] then put("status", STATUSES[status.status]) end
  return profile
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

local function add_secret(record, trait, at)
  record.expires_at, record.last_used_at = trait.expires_at, trait.last_used_at
  record.identity = ref(trait.identity_id, at)
end

--- A resource; nil where the file says nothing of its type.
function M.resource(raw, at)
  local declared = raw.id and at.settings.types[raw.id.resource_type or ""]
  if not declared then return nil end
  local user = annotation(raw, "UserTrait") or {}
  local other = declared.trait and declared.trait ~= "user"
    and annotation(raw, declared.trait:gsub("^%l", string.upper) .. "Trait") or {}
  local status = raw.status or user.status or {}
  local record = {
    type = declared.name, id = raw.id.resource, name = raw.display_name, description = raw.description,
    parent = ref(raw.parent_resource_id, at), created_at = raw.created_at or user.created_at or other.created_at,
    profile = profile_of(raw, status, declared),
  }
  if declared.trait == "user" then add_user(record, user, status) end
  if declared.trait == "secret" then add_secret(record, other, at) end
  return record
end

local function exclusion_group(raw)
  local group = annotation(raw, "EntitlementExclusionGroup")
  if not group or not group.exclusion_group_id then return nil end
  return { id = group.exclusion_group_id, order = group.order, default = group.is_default,
    scope = group.scope_to_resource and "resource" or nil }
end

local function names_of(list, at)
  local names = {}
  for _, type in ipairs(list or {}) do
    local declared = at.settings.types[type.id or ""]
    if declared then names[#names + 1] = declared.name end
  end
  return #names > 0 and names or nil
end

--- An entitlement, as a record that has only it; nil where its resource's type is not the file's.
function M.entitlement(raw, at)
  local resource_id = raw.resource and raw.resource.id
  local on = ref(resource_id, at)
  if not on or not raw.id then return nil end
  local slug = M.slug(raw.id, resource_id)
  return { entitlements = { {
    on = on, slug = slug, name = raw.display_name ~= slug and raw.display_name or nil, description = raw.description,
    purpose = PURPOSES[raw.purpose], grantable_to = names_of(raw.grantable_to, at),
    exclusion_group = exclusion_group(raw),
  } } }
end

--- Was this grant derived from others? Who holds it by itself has it among its sources.
function M.is_derived(raw)
  local sources = raw.sources and raw.sources.sources
  local own = raw.entitlement and raw.entitlement.id
  return sources ~= nil and own ~= nil and sources[own] == nil
end

local function expandable(raw, at)
  local found = annotation(raw, "GrantExpandable")
  if not found then return nil end
  local list, to = {}, {}
  for i, name in ipairs(found.resource_type_ids or {}) do
    to[i] = at.settings.types[name] and at.settings.types[name].name or plain(name)
  end
  for _, source in ipairs(found.on or {}) do
    local on = ref(source, at)
    if on then
      list[#list + 1] = { type = on.type, id = on.id, slug = M.slug(source.entitlement, source),
        shallow = found.shallow, to = #to > 0 and to or nil }
    end
  end
  return #list > 0 and list or nil
end

--- A grant, as a record that has only it; nil where it follows from others, or a type is not the file's.
function M.grant(raw, at)
  local entitlement = raw.entitlement or {}
  local resource_id = entitlement.resource and entitlement.resource.id
  local on, to = ref(resource_id, at), ref(raw.principal and raw.principal.id, at)
  if not on or not to or not entitlement.id or M.is_derived(raw) then return nil end
  return { grants = { { on = on, slug = M.slug(entitlement.id, resource_id), to = to,
    expandable = expandable(raw, at) } } }
end

return M

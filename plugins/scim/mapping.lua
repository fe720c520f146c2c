-- What SCIM's objects mean. A field that Reeve has no place for goes into the profile under its own name.
local text = require "reeve.text"
local values = require "values"

-- Some servers write booleans as text, "True" among them.
local function boolean(value)
  if type(value) ~= "string" then return value end
  local word = value:lower()
  if word == "true" then return true end
  if word == "false" then return false end
end

-- Every field that is not in `taken`, as it is.
local function rest(raw, taken)
  local profile = {}
  for name, value in pairs(raw) do
    if not taken[name] and not name:find("^urn:.*:enterprise:") then profile[name] = value end
  end
  profile.last_modified = type(raw.meta) == "table" and raw.meta.lastModified or nil
  return profile
end

local function created(raw)
  return type(raw.meta) == "table" and raw.meta.created or nil
end

-- Users ------------------------------------------------------------------------------------------------------

local USER = { schemas = true, id = true, meta = true, userName = true, displayName = true, active = true,
  emails = true, groups = true, deleted = true, password = true }

-- The enterprise extension, whatever its version.
local function enterprise(raw)
  for name, value in pairs(raw) do
    if name:find("^urn:.*:enterprise:") and type(value) == "table" then return value end
  end
  return {}
end

local function name_of(raw)
  local name = type(raw.name) == "table" and raw.name or {}
  local both = ("%s %s"):format(name.givenName or "", name.familyName or "")
  return text.first(raw.displayName, name.formatted, both, raw.userName)
end

-- The primary address, else that for work, else the first; a user name may be one.
local function emails_of(raw)
  local all, best, rank = {}, nil, 0
  for _, item in ipairs(values.items(raw.emails)) do
    local worth = boolean(item.primary) and 3 or item.type == "work" and 2 or 1
    if item.value then
      all[#all + 1] = item.value
      if worth > rank then best, rank = item.value, worth end
    end
  end
  if not best and type(raw.userName) == "string" and raw.userName:find("^[^@%s]+@[^@%s]+$") then
    best, all = raw.userName, { raw.userName }
  end
  return best, all
end

-- A user without `active` is one that is listed, and nobody said that it is switched off.
local function status_of(raw)
  if boolean(raw.deleted) then return "deleted" end
  return boolean(raw.active) == false and "disabled" or "enabled"
end

local function add_grants(grants, attribute, kind, slug)
  for _, item in ipairs(values.items(attribute)) do
    local id = values.id(item)
    if id then grants[#grants + 1] = { on = { type = kind, id = id }, slug = slug } end
  end
end

-- What a user's own `groups` say of direct membership; those through other groups follow from these.
local function add_groups(grants, raw)
  for _, item in ipairs(values.items(raw.groups)) do
    local id = values.id(item)
    if id and tostring(item.type):lower() ~= "indirect" then
      grants[#grants + 1] = { on = { type = "group", id = id }, slug = "member" }
    end
  end
end

local function grants_of(raw, sides)
  local grants = {}
  if sides == "both" or sides == "users" then add_groups(grants, raw) end
  add_grants(grants, raw.roles, "role", "member")
  add_grants(grants, raw.entitlements, "user_entitlement", "holder")
  return grants
end

local function profile_of(raw, work)
  local profile, manager = rest(raw, USER), work.manager
  for name, value in pairs(work) do
    if name ~= "manager" then profile[name] = value end
  end
  profile.manager = type(manager) == "table" and (values.id(manager) or manager.managerId) or manager
  profile.manager_name = type(manager) == "table" and manager.displayName or nil
  return profile
end

local function user(raw, at)
  local work = enterprise(raw)
  local email, emails = emails_of(raw)
  return {
    id = raw.id,
    name = name_of(raw),
    login = raw.userName,
    email = email,
    emails = emails,
    status = status_of(raw),
    employee_ids = work.employeeNumber and { work.employeeNumber } or nil,
    created_at = created(raw),
    profile = profile_of(raw, work),
    grants = grants_of(raw, at.settings.memberships),
  }
end

-- Groups and the rest ----------------------------------------------------------------------------------------

local THING = { schemas = true, id = true, meta = true, displayName = true, name = true, description = true,
  members = true }

local function thing(raw)
  local name = type(raw.name) == "string" and raw.name or nil
  return {
    id = raw.id,
    name = text.first(raw.displayName, name, raw.id),
    description = raw.description,
    created_at = created(raw),
    profile = rest(raw, THING),
  }
end

local function kind_of(raw, with)
  local word = raw.type or with and with.type
  if not word then
    local address = raw["$ref"]
    word = type(address) == "string" and address:match("([^/]+)/[^/]+/?$") == "Groups" and "Group" or "User"
  end
  return tostring(word):lower()
end

-- A group within a group hands its membership on to its own members. What is neither user nor group is left out.
local function member(raw, at)
  local kind, id = kind_of(raw, at.with), values.id(raw)
  if not id or kind ~= "user" and kind ~= "group" then return nil end
  local through = kind == "group" and { { type = "group", id = id, slug = "member" } } or nil
  return { grants = { { on = at.parent, slug = "member", to = { type = kind, id = id }, expandable = through } } }
end

-- Roles and entitlements have no endpoint: a value that some user has is all that is known.
local function value(raw)
  return { id = raw.value, name = raw.value }
end

return { user = user, group = thing, app = thing, member = member, role = value, user_entitlement = value }

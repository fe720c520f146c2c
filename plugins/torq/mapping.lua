-- What Torq's objects mean. A field that Reeve has no place for goes into the profile under its own name.
local USER_STATUS = { VERIFIED = "enabled", INVITATION_SENT = "pending" }

-- Every field that is not in `taken`, as it is.
local function rest(raw, taken)
  local profile = {}
  for name, value in pairs(raw) do
    if not taken[name] then profile[name] = value end
  end
  return profile
end

local USER = { id = true, email = true, status = true, sso_provision = true, created_time = true,
  last_login_time = true }

local function user(raw)
  return {
    id = raw.id,
    name = raw.email,
    email = raw.email,
    login = raw.email,
    status = USER_STATUS[raw.status],
    status_details = raw.status,
    account_type = "human",
    sso = raw.sso_provision,
    created_at = raw.created_time,
    last_login_at = raw.last_login_time,
    profile = rest(raw, USER),
    grants = raw.role_id and { { on = { type = "role", id = raw.role_id }, slug = "member" } } or nil,
  }
end

local ROLE = { id = true, name = true, description = true }

local function role(raw)
  return {
    id = raw.id,
    name = raw.name,
    description = raw.description,
    profile = rest(raw, ROLE),
    -- The last Owner must never be taken away: nobody could give the role back.
    entitlements = raw.name == "Owner" and not raw.is_custom
      and { { slug = "member", privileged = true, keep = 1 } } or nil,
  }
end

local KEY = { client_id = true, name = true, created_time = true, last_authenticated_time = true }

-- Keys belong to a user (private) or to nobody (service). The user that comes along is listed by itself.
local function api_key(raw)
  local owner = raw.user and raw.user.id
  local profile = rest(raw, KEY)
  return {
    id = raw.client_id,
    name = raw.name,
    created_at = raw.created_time,
    last_used_at = raw.last_authenticated_time,
    identity = owner and { type = "user", id = owner } or nil,
    profile = profile,
  }
end

return { user = user, role = role, api_key = api_key }

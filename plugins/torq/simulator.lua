-- A Torq workspace on loopback, as far as its documentation describes one. Everything follows from the
-- options: the same options give the same workspace on every machine.
--
-- Drift leaves the owners alone. The users it picks in a generation take turns: the first gets another
-- role, the second another status, the third another e-mail address, the fourth is removed, and for the
-- fifth a new user is invited; then again. (A user has at most one other value of each.)
local options = {
  users = 1000, roles = 6, api_keys = 3, claim_mappings = 3, audit_logs = 20,
  owners = 2, -- the first so many users hold Owner
  sso = 0.3, -- the part of the users that SSO brought
  moved = 0, -- so many more, the first local ones that are no owners, have become SSO users
  day = 0, -- days after 2026-10-09: from 1 on everybody logged in that day
  odd = "", -- broken users to add, by name: see `odd` below; separated by commas
  roles_page = 0, -- roles on a page; 0: all at once
  client_id = "sim-client-id", client_secret = "sim-client-secret",
  key_role = "Owner", -- the role of that key
  expires_in = 3600,
}

local built_in = {
  { "Owner", "Everything, members and billing too", { "workspace.manage", "users.manage", "cases.edit" } },
  { "Contributor", "Builds and publishes workflows", { "workflows.manage", "integrations.manage" } },
  { "Creator", "Builds workflows", { "workflows.edit" } },
  { "Operator", "Runs workflows", { "workflows.run" } },
  { "Viewer", "Sees workflows", { "workflows.read" } },
  { "Cases Analyst", "Works on cases", { "cases.edit" } },
}
local first_names = { "ada", "alan", "ana", "barbara", "chen", "dorothy", "edsger", "fatima", "grace", "hedy",
  "ivan", "john", "katherine", "leslie", "mary", "niklaus", "olga", "priya", "radia", "sofia", "tim", "yuki" }
local last_names = { "almeida", "becker", "costa", "dubois", "eriksen", "fischer", "garcia", "haddad", "ito",
  "jensen", "kowalski", "larsen", "moreau", "novak", "okafor", "petrov", "quinn", "rossi", "silva", "tanaka" }

-- ---------------------------------------------------------------- times

-- The date of a day counted from 1970 (days to civil, by Howard Hinnant's algorithm for these centuries).
local function date_of(day)
  local z = day + 719468
  local era_day = z % 146097
  local year_of_era = (era_day - era_day // 1460 + era_day // 36524 - era_day // 146096) // 365
  local day_of_year = era_day - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
  local m = (5 * day_of_year + 2) // 153
  local month = m < 10 and m + 3 or m - 9
  local year = year_of_era + z // 146097 * 400 + (month <= 2 and 1 or 0)
  return ("%04d-%02d-%02d"):format(year, month, day_of_year - (153 * m + 2) // 5 + 1)
end

local dates = setmetatable({}, { __index = function(cache, day)
  local date = date_of(day)
  cache[day] = date
  return date
end })

local reference <const> = 20735 -- 2026-10-09

local function time_of(r, day, nanoseconds)
  local s = r(86400) - 1
  local time = ("%sT%02d:%02d:%02d"):format(dates[day], s // 3600, s // 60 % 60, s % 60)
  return time .. (nanoseconds and (".%09dZ"):format(r(1000000000) - 1) or "Z")
end

-- ---------------------------------------------------------------- data

local function make_roles(sim)
  local roles, r = {}, sim.random:stream("role")
  for i = 1, sim.options.roles do
    local known = built_in[i]
    r:at(i)
    roles[i] = {
      id = r:uuid(), is_custom = not known,
      name = known and known[1] or ("Team %d"):format(i - #built_in),
      description = known and known[2] or ("What team %d may do"):format(i - #built_in),
      scope_names = sim.json.array(known and known[3] or { "workflows.read", "cases.read" }),
    }
  end
  return roles
end

local function role_named(roles, name)
  for _, role in ipairs(roles) do
    if role.name == name then
      return role
    end
  end
  return roles[1]
end

-- What drift has done: by user's number { role = n, status = true, email = g, removed = true }, and
-- how many new users each generation brought.
local function drift(sim)
  local changes, added = {}, {}
  local owners = math.min(sim.options.owners, sim.options.users)
  local turns = { "role", "status", "email", "removed", "added" }
  for g, picked in ipairs(sim:drifted(sim.options.users - owners)) do
    added[g] = 0
    for n, i in ipairs(picked) do
      local turn, change = turns[(n - 1) % #turns + 1], changes[i + owners] or {}
      changes[i + owners] = change
      if turn == "added" then
        added[g] = added[g] + 1
      elseif turn == "role" then
        change.role = (change.role or 0) + 1
      elseif turn == "status" then
        change.status = not change.status
      else
        change[turn] = g
      end
    end
  end
  return changes, added
end

-- The fields of user i, drawn from r, which stands at it; `change` is what drift did to it.
local function make_user(sim, roles, r, i, change)
  local o = sim.options
  local user = { id = r:uuid() }
  local first, last, invited = r:pick(first_names), r:pick(last_names), r() < 0.05
  local role = math.max(1, #roles - 1) > 1 and r(#roles - 1) + 1 or #roles
  user.sso = r() < o.sso
  user.created = time_of(r, reference - 60 - r(900), true)
  user.login = time_of(r, o.day > 0 and reference + o.day or reference - r(60))
  if i <= o.owners then
    role, invited = 1, false
  elseif change.role and #roles > 2 then
    role = (role - 2 + change.role) % (#roles - 1) + 2
  end
  user.role = roles[role] and roles[role].id or ""
  if change.status then
    invited = not invited
  end
  user.status = invited and "INVITATION_SENT" or "VERIFIED"
  if invited or i % 50 == 49 then -- these never logged in
    user.login = nil
  end
  local again = change.email and ".g" .. change.email or ""
  user.email = ("%s.%s%d%s@example.com"):format(first, last, i, again)
  return user
end

local user_form <const> =
  '{"id":"%s","email":"%s","role_id":"%s","status":"%s","sso_provision":%s,"created_time":"%s"%s}'

local function user_json(u)
  local login = u.login and ',"last_login_time":"' .. u.login .. '"' or ""
  return user_form:format(u.id, u.email, u.role, u.status, u.sso, u.created, login)
end

-- Users no workspace should have, to see what becomes of them. Each is the JSON of what is added.
local odd = {}
local rest_form <const> = '"role_id":"%s","status":"VERIFIED","sso_provision":false}'
local function odd_user(id, email, role)
  return ('{"id":%s,"email":%s,' .. rest_form):format(id, email, role)
end
function odd.twice(role) -- the same user twice
  local user = odd_user('"00000000-0000-4000-8000-000000000001"', '"twice@example.com"', role)
  return user .. "," .. user
end
function odd.two_contents(role) -- one id, two contents
  local id = '"00000000-0000-4000-8000-000000000002"'
  return odd_user(id, '"one@example.com"', role) .. "," .. odd_user(id, '"other@example.com"', role)
end
function odd.no_id(role)
  return ('{"email":"no.id@example.com",' .. rest_form):format(role)
end
function odd.integer_id(role)
  return odd_user("9007199254740993", '"integer.id@example.com"', role)
end
function odd.long_email(role)
  return odd_user('"odd-long-email"', '"' .. ("x"):rep(10240) .. '@example.com"', role)
end
function odd.huge_email(role) -- over what a record's field may be
  return odd_user('"odd-huge-email"', '"' .. ("x"):rep(70000) .. '@example.com"', role)
end
function odd.nul(role)
  return odd_user('"odd-nul"', '"nul\\u0000@example.com"', role)
end
function odd.utf8(role) -- a byte that is no UTF-8
  return odd_user('"odd-utf8"', '"utf8\xff@example.com"', role)
end
function odd.surrogate(role) -- half of a pair
  return odd_user('"odd-surrogate"', '"half\\ud800@example.com"', role)
end
function odd.unknown_role()
  return odd_user('"odd-unknown-role"', '"unknown.role@example.com"', "00000000-0000-4000-8000-00000000dead")
end

-- The users as JSON, the local and the SSO ones apart.
local function make_users(sim, roles)
  local lists, o = { [true] = {}, [false] = {} }, sim.options
  local changes, added = drift(sim)
  local unchanged, moved = {}, 0
  local r = sim.random:stream("user")
  local function add(i, generator, change)
    local user = make_user(sim, roles, generator, i, change)
    if not user.sso and i > o.owners and moved < o.moved then
      moved, user.sso = moved + 1, true
    end
    local list = lists[user.sso]
    list[#list + 1] = user_json(user)
  end
  for i = 1, o.users do
    local change = changes[i] or unchanged
    if not change.removed then
      add(i, r:at(i), change)
    end
  end
  local number = o.users
  for g, count in ipairs(added) do
    local newcomers = sim.random:stream("added"):stream(g)
    for n = 1, count do
      number = number + 1
      add(number, newcomers:at(n), unchanged)
    end
  end
  for name in o.odd:gmatch("[%w_]+") do
    local make = odd[name] or error("odd=" .. name .. ": there is no such oddity", 0)
    table.insert(lists[false], make(roles[1] and roles[1].id or ""))
  end
  return lists
end

local function make_api_keys(sim, roles)
  local keys, r, o = {}, sim.random:stream("api_key"), sim.options
  for i = 1, o.api_keys do
    r:at(i)
    local role = i == 1 and role_named(roles, o.key_role) or r:pick(roles) or {}
    local key = {
      client_id = i == 1 and o.client_id or r:hex(16), role_id = role.id, role_name = role.name,
      name = i == 1 and "Directory sync" or ("Automation %d"):format(i - 1),
      type = i % 2 == 1 and "API_KEY_TYPE_SERVICE" or "API_KEY_TYPE_PRIVATE",
      created_time = time_of(r, reference - 60 - r(340), true),
      last_authenticated_time = i % 3 ~= 0 and time_of(r, reference - r(20), true) or nil,
    }
    if i % 2 == 0 and o.users > 0 then -- a private key has its user: an owner, whom drift leaves alone
      local owner = (i // 2 - 1) % math.max(1, math.min(o.owners, o.users)) + 1
      local u = make_user(sim, roles, sim.random:stream("user"):at(owner), owner, {})
      key.user = { id = u.id, email = u.email, role_id = u.role, status = u.status, sso_provision = u.sso,
        created_time = u.created, last_login_time = u.login }
    end
    keys[i] = key
  end
  return keys
end

local function make_claim_mappings(sim, roles)
  local mappings, r = {}, sim.random:stream("claim_mapping")
  for i = 1, #roles > 0 and sim.options.claim_mappings or 0 do
    r:at(i)
    mappings[i] = { id = r:uuid(), claim_name = "groups", claim_value = ("team-%d"):format(i),
      role_id = r:pick(roles).id, rank = i }
  end
  return mappings
end

local function make_audit_logs(sim)
  local entries, r = {}, sim.random:stream("audit_log")
  for i = 1, sim.options.audit_logs do
    r:at(i)
    local number = r(math.max(1, sim.options.users))
    entries[i] = {
      id = r:uuid(),
      timestamp = ("%sT%02d:%02d:00.000000001Z"):format(dates[reference - i // 24], 23 - i % 24, r(60) - 1),
      actor_email = "owner@example.com", actor_name = "An owner",
      actor_type = r:pick { "web_app", "api_key" },
      action = r:pick { "user.invited", "user.accepted", "user.role_updated", "user.logged_in" },
      object = { type = "user", name = ("user %d"):format(number) },
    }
  end
  return entries
end

local users_begin <const>, users_end <const> = '{"users":[', "]}"

local function users_document(list)
  return users_begin .. table.concat(list, ",") .. users_end
end

local function build(sim)
  local json, d = sim.json, sim.documents
  local roles = make_roles(sim)
  local users = make_users(sim, roles)
  d.users = { ["true"] = users_document(users[true]), ["false"] = users_document(users[false]) }
  d.role_list = roles
  d.roles = json.encode { roles = json.array(roles) }
  d.api_keys = json.encode { api_keys = json.array(make_api_keys(sim, roles)) }
  d.claim_mappings = json.encode { claim_mappings = json.array(make_claim_mappings(sim, roles)) }
  d.audit_log_list = make_audit_logs(sim)
end

-- Everybody, the local ones first: put together when it is first asked for, as most runs never ask.
local function all_users(sim)
  local docs = sim.documents.users
  if not docs.all then
    local one = docs["false"]:sub(#users_begin + 1, -#users_end - 1)
    local other = docs["true"]:sub(#users_begin + 1, -#users_end - 1)
    docs.all = table.concat { users_begin, one, one ~= "" and other ~= "" and "," or "", other, users_end }
  end
  return docs.all
end

-- ---------------------------------------------------------------- routes

-- As gRPC's gateways number them.
local codes = { [400] = 3, [401] = 16, [403] = 7, [404] = 5, [429] = 8, [503] = 14 }

local function make_error(sim, status, message)
  return { code = codes[status] or 13, message = message, details = sim.json.array {} }
end

local routes = {}

routes["POST /v1/auth/token"] = function(sim, req)
  local id, secret = sim:basic(req)
  if id ~= sim.options.client_id or secret ~= sim.options.client_secret then
    return sim:error(401, "invalid client credentials")
  elseif not req.body:find("grant_type=client_credentials", 1, true) then
    return sim:error(400, "grant_type must be client_credentials")
  end
  local life = sim.options.expires_in
  return 200, { access_token = sim:token(life), expires_in = life, token_type = "Bearer" }
end

-- Everything but the token needs one.
local function guarded(name, call)
  routes[name] = function(sim, req)
    if not sim:authorized(req) then
      return sim:error(401, "invalid or expired token")
    end
    return call(sim, req)
  end
end

guarded("GET /v1alpha/users", function(sim, req)
  local which = req.query.sso_provision
  if not which then
    return 200, all_users(sim)
  elseif which ~= "true" and which ~= "false" then
    return sim:error(400, "sso_provision must be true or false")
  end
  return 200, sim.documents.users[which]
end)

local function roles_page(sim, req)
  local all, size = sim.documents.role_list, sim.options.roles_page
  local list, more = sim:page(all, size > 0 and size or math.max(1, #all), req.query.page_token)
  return 200, { roles = sim.json.array(list), next_page_token = more }
end

guarded("GET /v1alpha/roles", function(sim, req)
  if sim.options.roles_page > 0 then
    return roles_page(sim, req)
  end
  return 200, sim.documents.roles
end)

guarded("GET /v1alpha/users/roles", roles_page)

guarded("GET /v1alpha/api-keys", function(sim)
  return 200, sim.documents.api_keys
end)

guarded("GET /v1alpha/sso/claim_mappings", function(sim)
  return 200, sim.documents.claim_mappings
end)

guarded("GET /v1alpha/audit_logs", function(sim, req)
  if sim.options.key_role ~= "Owner" then
    return sim:error(403, "audit logs need the role Owner")
  end
  local size = math.tointeger(tonumber(req.query.page_size or 100))
  if not size or size < 1 or size > 500 then
    return sim:error(400, "page_size must be 1 to 500")
  end
  local chosen, from, to = {}, req.query.start_time or "", req.query.end_time or "9999"
  for _, entry in ipairs(sim.documents.audit_log_list) do -- the newest first
    if entry.timestamp >= from and entry.timestamp < to then
      table.insert(chosen, req.query.order == "asc" and 1 or #chosen + 1, entry)
    end
  end
  local list, more = sim:page(chosen, size, req.query.page_token)
  return 200, { audit_logs = sim.json.array(list), next_page_token = more }
end)

-- Documentation prints the paths without /public, clients in use put it before them.
return { options = options,
  settings = { client_id = "{client_id}", client_secret = "{client_secret}", api_url = "{url}/public/v1alpha",
    auth_url = "{url}/v1/auth/token" },
  build = build, routes = routes, error = make_error, prefixes = { "/public" } }

-- A SCIM 2.0 server on loopback: users, groups, nested groups, roles, applications. Everything follows from the
-- options. `quirks` names the ways in which it departs from RFC 7643 and 7644, as servers in the field do:
--
--   ignore_count cap ignore_start        of paging: all at once · seven at most · always from the first
--   wrap clamp                           behind the end there is the first page again · the last one
--   no_total zero_total page_total large_total text_total   of totalResults · items_per_page: says 1
--   no_resources                         Resources is left out where it is empty
--   text_booleans no_active no_primary no_emails             of users
--   no_members cut_members               of groups in a list: none · three at most; by itself a group has all
--   no_user_groups no_groups             users do not tell their groups · /Groups: 501
--   untyped bare_members                 members have no type · are bare ids
--   ignore_attributes                    excludedAttributes is not known
--   soft_delete                          who was removed is still listed, as deleted
--   no_config bare_types                 no ServiceProviderConfig · ResourceTypes is an array
--
-- Drift changes users in turn: the first one's department, the second is switched on or off, the third is removed.
local options = {
  users = 100, groups = 12, members = 8, -- members of each group
  nested = 2, -- so many groups are members of the one before them
  applications = 3, roles = 4, quirks = "",
  token = "sim-token", username = "sim-user", client_id = "sim-client-id", client_secret = "sim-client-secret",
  expires_in = 3600,
}

local CORE <const> = "urn:ietf:params:scim:schemas:core:2.0:"
local WORK <const> = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
local MESSAGE <const> = "urn:ietf:params:scim:api:messages:2.0:"
local CAP <const>, CUT <const>, MOST <const> = 7, 3, 200

local first_names = { "Ada", "Alan", "Ana", "Barbara", "Chen", "Dorothy", "Edsger", "Fatima", "Grace", "Hedy" }
local last_names = { "Almeida", "Becker", "Costa", "Dubois", "Eriksen", "Fischer", "Garcia", "Haddad", "Ito", "Jensen" }
local departments = { "Sales", "Research", "Finance", "Support" }

local function has(sim, quirk)
  return (" " .. sim.options.quirks:gsub(",", " ") .. " "):find(" " .. quirk .. " ", 1, true) ~= nil
end

-- Data -------------------------------------------------------------------------------------------------------

-- Ids are opaque, and differ in nothing but the case of a letter now and then.
local function user_id(i)
  return ("%s-%05d"):format(i % 2 == 0 and "aB3" or "Ab3", (i + 1) // 2)
end

local function group_id(i)
  return ("G%04d"):format(i)
end

local function meta(kind, path, id, day)
  return { resourceType = kind, created = ("2026-03-%02dT08:00:00Z"):format(day),
    lastModified = ("2026-09-%02dT09:30:00.5Z"):format(day), location = "/scim/v2/" .. path .. "/" .. id }
end

local function drift(sim)
  local changes = {}
  for _, picked in ipairs(sim:drifted(sim.options.users)) do
    for n, i in ipairs(picked) do
      local turn, change = ({ "department", "active", "removed" })[(n - 1) % 3 + 1], changes[i] or {}
      changes[i], change[turn] = change, (change[turn] or 0) + 1
    end
  end
  return changes
end

local function emails_of(sim, login, i)
  local home = { value = ("home%d@example.net"):format(i), type = "home" }
  local work = { value = login, type = "work", primary = not has(sim, "no_primary") or nil }
  return sim.json.array(i % 3 == 0 and { home, work } or { work })
end

local function make_user(sim, r, i, change)
  local given, family = r:pick(first_names), r:pick(last_names)
  local login = ("%s.%s%d@example.com"):format(given, family, i):lower()
  local department = (r(#departments) - 1 + (change.department or 0)) % #departments + 1
  local roles = sim.options.roles
  local active = (i % 10 ~= 0) ~= ((change.active or 0) % 2 == 1)
  if change.removed then active = false end
  if has(sim, "text_booleans") then active = active and "True" or "False" end
  if has(sim, "no_active") then active = nil end
  return {
    schemas = { CORE .. "User", WORK }, id = user_id(i), externalId = "e" .. i, userName = login,
    name = { givenName = given, familyName = family }, displayName = i % 4 ~= 0 and given .. " " .. family or nil,
    active = active, title = "Engineer", emails = not has(sim, "no_emails") and emails_of(sim, login, i) or nil,
    roles = roles > 0 and { { value = "role-" .. r(roles), display = "A role" } } or nil,
    entitlements = i % 5 == 0 and { { value = "Licence-E5" } } or nil,
    deleted = change.removed and true or nil, meta = meta("User", "Users", user_id(i), i % 28 + 1),
    [WORK] = { employeeNumber = ("%06d"):format(i), costCenter = "CC" .. i % 7, department = departments[department],
      division = "EMEA", organization = "Example", manager = i > 1 and { value = user_id(1), displayName = "The boss" }
        or nil },
  }
end

-- All by number, and those that are listed.
local function make_users(sim)
  local r, changes, users, listed = sim.random:stream("user"), drift(sim), {}, {}
  for i = 1, sim.options.users do
    users[i] = make_user(sim, r:at(i), i, changes[i] or {})
    if not users[i].deleted or has(sim, "soft_delete") then listed[#listed + 1] = users[i] end
  end
  return users, listed
end

local function member_of(sim, kind, id)
  if has(sim, "untyped") then return { value = id } end
  if has(sim, "bare_members") then return id end
  return { value = id, type = kind, display = kind .. " " .. id, ["$ref"] = ("/scim/v2/%ss/%s"):format(kind, id) }
end

local function is_in(user, g)
  local last = user.groups and user.groups[#user.groups]
  return last ~= nil and last.value == group_id(g)
end

-- Who is in group g: users at a distance from one another, and for the first groups the next group.
local function make_group(sim, users, g)
  local o, list = sim.options, {}
  for n = 1, math.min(o.users, o.members) do
    local user = users[(g * 7 + n * 3) % o.users + 1]
    if not user.deleted and not is_in(user, g) then
      list[#list + 1] = member_of(sim, "User", user.id)
      user.groups = user.groups or {}
      table.insert(user.groups, { value = group_id(g), display = "Group " .. g, type = "direct" })
    end
  end
  if g <= o.nested and g < o.groups then list[#list + 1] = member_of(sim, "Group", group_id(g + 1)) end
  return { schemas = { CORE .. "Group" }, id = group_id(g), displayName = "Group " .. g,
    members = #list > 0 and list or nil, meta = meta("Group", "Groups", group_id(g), g % 28 + 1) }
end

local function build(sim)
  local d = sim.documents
  local all
  all, d.users = make_users(sim)
  d.groups, d.apps = {}, {}
  for g = 1, sim.options.groups do d.groups[g] = make_group(sim, all, g) end
  for _, user in ipairs(has(sim, "no_user_groups") and d.users or {}) do user.groups = nil end
  for a = 1, sim.options.applications do
    d.apps[a] = { schemas = { "urn:example:params:scim:schemas:Application" }, id = "app/" .. a,
      displayName = "Application " .. a, active = true, meta = meta("Application", "Applications", "app" .. a, a) }
  end
end

-- Answers ----------------------------------------------------------------------------------------------------

local function make_error(_, status, message)
  return { schemas = { MESSAGE .. "Error" }, status = tostring(status), detail = message }
end

local function total_of(sim, all, page)
  if has(sim, "no_total") then return nil end
  if has(sim, "zero_total") then return 0 end
  if has(sim, "page_total") then return #page end
  if has(sim, "large_total") then return #all + 1000 end
  return has(sim, "text_total") and tostring(#all) or #all
end

-- What a list shows of a resource.
local function shown(sim, resource, query)
  local left_out = not has(sim, "ignore_attributes") and query.excludedAttributes or ""
  local copy = {}
  for name, value in pairs(resource) do
    if name ~= left_out then copy[name] = value end
  end
  if has(sim, "no_members") then copy.members = nil end
  if has(sim, "cut_members") and copy.members then copy.members = table.move(copy.members, 1, CUT, 1, {}) end
  return copy
end

local function list(sim, req, all)
  local start = math.max(1, math.tointeger(tonumber(req.query.startIndex or 1)) or 1)
  local count = math.tointeger(tonumber(req.query.count or MOST)) or MOST
  if count < 0 then
    return 400, { schemas = { MESSAGE .. "Error" }, status = "400", scimType = "invalidValue", detail = "count" }
  end
  if has(sim, "ignore_start") then start = 1 end
  if has(sim, "ignore_count") then count = #all end
  if has(sim, "cap") then count = math.min(count, CAP) end
  if start > #all and has(sim, "wrap") then start = 1 end
  if start > #all and has(sim, "clamp") then start = math.max(1, (#all - 1) // count * count + 1) end
  local page = {}
  for i = start, math.min(#all, start + count - 1) do page[#page + 1] = shown(sim, all[i], req.query) end
  return 200, {
    schemas = { MESSAGE .. "ListResponse" }, totalResults = total_of(sim, all, page), startIndex = start,
    itemsPerPage = has(sim, "items_per_page") and 1 or #page,
    Resources = (#page > 0 or not has(sim, "no_resources")) and sim.json.array(page) or nil,
  }
end

local function one(sim, all, id)
  for _, resource in ipairs(all) do
    if resource.id == id then return 200, resource end
  end
  return sim:error(404, "Resource " .. id .. " not found")
end

local function authorized(sim, req)
  local name, password = sim:basic(req)
  return sim:authorized(req) or req.headers.authorization == "Bearer " .. sim.options.token
    or name == sim.options.username and password == sim.options.client_secret
end

local function decoded(text)
  return text and text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
end

local routes = {}

routes["POST /oauth/token"] = function(sim, req)
  local id, secret = sim:basic(req)
  if not id then id, secret = req.body:match("client_id=([^&]*)&client_secret=([^&]*)") end
  if id ~= sim.options.client_id or decoded(secret) ~= sim.options.client_secret then
    return 401, { error = "invalid_client" }
  end
  local life = sim.options.expires_in
  return 200, { access_token = sim:token(life), expires_in = life, token_type = "Bearer" }
end

local function guarded(path, call)
  routes["GET /scim/v2" .. path] = function(sim, req)
    if not authorized(sim, req) then return sim:error(401, "the credential is not known here") end
    return call(sim, req)
  end
end

guarded("/Users", function(sim, req) return list(sim, req, sim.documents.users) end)
guarded("/Users/{id}", function(sim, req) return one(sim, sim.documents.users, req.params.id) end)
guarded("/Applications", function(sim, req) return list(sim, req, sim.documents.apps) end)

guarded("/Groups", function(sim, req)
  if has(sim, "no_groups") then return sim:error(501, "there are no groups here") end
  return list(sim, req, sim.documents.groups)
end)
guarded("/Groups/{id}", function(sim, req) return one(sim, sim.documents.groups, req.params.id) end)

guarded("/ServiceProviderConfig", function(sim)
  if has(sim, "no_config") then return sim:error(404, "not found") end
  return 200, { schemas = { CORE .. "ServiceProviderConfig" }, filter = { supported = true, maxResults = MOST },
    sort = { supported = false }, authenticationSchemes = { { type = "oauthbearertoken", name = "Bearer" } } }
end)

guarded("/ResourceTypes", function(sim)
  local types = sim.json.array {}
  for i, name in ipairs { "User", "Group", "Application" } do
    types[i] = { schemas = { CORE .. "ResourceType" }, id = name, name = name, endpoint = "/" .. name .. "s" }
  end
  if has(sim, "bare_types") then return 200, types end
  return 200, { schemas = { MESSAGE .. "ListResponse" }, totalResults = #types, Resources = types }
end)

return { options = options,
  settings = { url = "{url}/scim/v2", token = "{token}" },
  build = build, routes = routes, error = make_error }

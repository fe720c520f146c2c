-- GitHub on loopback, as far as its documentation describes what Reeve asks: https://docs.github.com/rest
-- (orgs/members, orgs/outside-collaborators, orgs/organization-roles, teams, repos, collaborators, apps) and the
-- two GraphQL queries of connector.lua. What it answers about is made in simulator_data.lua.
--
-- Limits (rest/using-the-rest-api/rate-limits-for-the-rest-api): `primary` requests in a window of `primary_s`
-- seconds, then 403 with x-ratelimit-remaining: 0; every `secondary`-th request 403 with Retry-After, or, where
-- secondary_s is 0, with nothing but words.
local data = require "simulator_data"
local time = require "reeve.time"

local options = {
  organization = "acme", users = 200, owners = 2, outside = 10, invitations = 3, teams = 20, depth = 3,
  team_size = 8, -- members that a team has at most
  repositories = 30, organization_roles = 2,
  base = "read", -- what every member may do in every repository: none, read, write, admin
  no_two_factor = 0.1, saml = 0.5, archived = 0.1, forks = 0.1, -- parts of their kind
  custom_roles = true, -- some have the organisation's own repository role
  deleted = 0, -- the number of a team that is listed, and gone when it is asked for
  enterprise = false, -- every tenth user is suspended
  links = "", -- what links begin with; by default where the request came to
  token = "sim-token", token_role = "admin", -- admin, member, or none: no member of the organisation
  app_id = "12345", installation_id = 987654,
  primary = 0, primary_s = 2, secondary = 0, secondary_s = 1,
}

local MOST = 100 -- objects on a page

local function make_error(_, status, message)
  return { message = message, documentation_url = "https://docs.github.com/rest", status = tostring(status) }
end

-- ---------------------------------------------------------------- pages

local function origin(sim, req)
  if sim.options.links ~= "" then return sim.options.links end
  return req.headers["reeve-origin"] or "http://" .. (req.headers.host or "localhost")
end

local function link(sim, req, path, page, rel)
  local words, names = {}, {}
  for name in pairs(req.query) do
    if name ~= "page" then names[#names + 1] = name end
  end
  table.sort(names)
  for i, name in ipairs(names) do words[i] = name .. "=" .. req.query[name] end
  words[#words + 1] = "page=" .. page
  return ('<%s%s?%s>; rel="%s"'):format(origin(sim, req), path, table.concat(words, "&"), rel)
end

-- GitHub's links lead to the page by numbers (/organizations/ID/…, /repositories/ID/…), whatever was asked.
local function link_header(sim, req, path, page, last)
  local links = {}
  if page > 1 then links[1] = link(sim, req, path, page - 1, "prev") end
  if page < last then
    links[#links + 1] = link(sim, req, path, page + 1, "next")
    links[#links + 1] = link(sim, req, path, last, "last")
  end
  if page > 1 then links[#links + 1] = link(sim, req, path, 1, "first") end
  return links[1] and { Link = table.concat(links, ", ") } or nil
end

local function positive(text, default)
  local n = math.tointeger(tonumber(text or default))
  return n and n > 0 and n or default
end

-- A page of a list; `path` is what links lead to, `shown` makes an element's object (default: it is one).
local function paged(sim, req, path, list, shown, wrap)
  local size, page = math.min(MOST, positive(req.query.per_page, 30)), positive(req.query.page, 1)
  local part = {}
  for i = (page - 1) * size + 1, math.min(#list, page * size) do
    part[#part + 1] = shown and shown(list[i]) or list[i]
  end
  local body = sim.json.array(part)
  if wrap then body = { total_count = #list, [wrap] = body } end
  return 200, body, link_header(sim, req, path, page, math.max(1, (#list + size - 1) // size))
end

-- ---------------------------------------------------------------- limits and credentials

-- Counts a request: the headers that tell the limit, and a refusal where it is used up.
local function limit(sim, resource)
  local d, o, now = sim.documents, sim.options, sim:now()
  d.asked = (d.asked or 0) + 1
  if o.secondary > 0 and d.asked % o.secondary == 0 then
    return { ["Retry-After"] = o.secondary_s > 0 and tostring(o.secondary_s) or nil },
      "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
  end
  local most = o.primary > 0 and o.primary or 5000
  if not d.reset or d.reset <= now then d.reset, d.used = now + (o.primary > 0 and o.primary_s or 3600), 0 end
  local full = d.used >= most
  d.used = full and d.used or d.used + 1
  return { ["X-RateLimit-Limit"] = tostring(most), ["X-RateLimit-Remaining"] = tostring(most - d.used),
    ["X-RateLimit-Used"] = tostring(d.used), ["X-RateLimit-Reset"] = tostring(d.reset),
    ["X-RateLimit-Resource"] = resource }, full and "API rate limit exceeded for user ID 1000001." or nil
end

local function bearer(req)
  return (req.headers.authorization or ""):match("^[Bb]earer (%S+)$") or ""
end

local function is_known(sim, req)
  return bearer(req) == sim.options.token or sim:authorized(req)
end

-- An installation of an App may read what an owner may.
local function is_owner(sim, req)
  return sim.options.token_role == "admin" or bearer(req) ~= sim.options.token
end

local routes = {}

-- Adds the limit's headers to an answer.
local function with(headers, status, body, more)
  for name, value in pairs(more or {}) do headers[name] = value end
  return status, body, headers
end

-- A GET that needs a token; ETags are of the organisation as a whole. A 304 is not counted.
local function guarded(name, call)
  routes["GET " .. name] = function(sim, req)
    if not is_known(sim, req) then return sim:error(401, "Bad credentials") end
    local etag = sim.documents.etag
    if req.headers["if-none-match"] == etag then return 304, "", { ETag = etag } end
    local headers, refused = limit(sim, "core")
    if refused then return with(headers, sim:error(403, refused)) end
    local status, body, more = call(sim, req)
    if status == 200 then headers.ETag = etag end
    return with(headers, status, body, more)
  end
end

-- A path below the organisation, by its login and by its number.
local function below(name, call)
  local function known(sim, req)
    local org = sim.documents.org
    if req.params.org:lower() ~= org.login and req.params.org ~= tostring(org.id) then
      return sim:error(404, "Not Found")
    end
    return call(sim, req, ("/organizations/%d%s"):format(org.id, (req.path:gsub("^/%w+/[^/]+", "", 1))))
  end
  guarded("/orgs/{org}" .. name, known)
  guarded("/organizations/{org}" .. name, known)
end

-- One that is for owners only, and what others hear.
local function owners_only(status, message, call)
  return function(sim, req, path)
    if not is_owner(sim, req) then return sim:error(status, message) end
    return call(sim, req, path)
  end
end

-- Of a list of { FIELD = object, … }, the one whose object has this id, slug or name.
local function find(sim, list, field, id)
  local index = sim.documents.index
  if not index[list] then
    index[list] = {}
    for _, it in ipairs(list) do
      local object = it[field]
      for _, name in ipairs { tostring(object.id), object.name, object.slug } do index[list][name] = it end
    end
  end
  return index[list][id]
end

-- ---------------------------------------------------------------- the organisation and its people

guarded("/user", function(sim)
  return 200, sim.documents.users[1] and sim.documents.users[1].user or { login = "nobody", id = 1 }
end)

guarded("/user/memberships/orgs/{org}", function(sim)
  if sim.options.token_role == "none" then return sim:error(404, "Not Found") end
  return 200, { state = "active", role = sim.options.token_role,
    organization = { login = sim.documents.org.login } }
end)

local function user_details(sim, user)
  local all = { name = user.login:gsub("^%l", string.upper), email = user.login .. "@example.com",
    company = "@acme", created_at = "2015-04-01T09:30:00Z" }
  for name, value in pairs(user) do all[name] = value end
  if sim.options.enterprise and user.id % 10 == 0 then all.suspended_at = "2026-06-01T08:00:00Z" end
  return all
end

guarded("/users/{login}", function(sim, req)
  for _, facts in ipairs(sim.documents.users) do
    if facts.user.login == req.params.login then return 200, user_details(sim, facts.user) end
  end
  for _, user in ipairs(sim.documents.outside) do
    if user.login == req.params.login then return 200, user_details(sim, user) end
  end
  return sim:error(404, "Not Found")
end)

-- Who may not see the owner's view lacks a few fields of it.
below("", function(sim, req)
  local org = {}
  for name, value in pairs(sim.documents.org) do org[name] = value end
  if not is_owner(sim, req) then org.default_repository_permission, org.plan = nil, nil end
  return 200, org
end)

below("/members", function(sim, req, path)
  local d, q, list = sim.documents, req.query, {}
  if sim.options.token_role == "none" and not sim:authorized(req) then
    return 302, "", { Location = origin(sim, req) .. ("/orgs/%s/public_members"):format(d.org.login) }
  end
  if q.filter == "2fa_disabled" and not is_owner(sim, req) then
    return sim:error(422, "Only owners can use this filter.")
  end
  for _, facts in ipairs(d.users) do
    local role = not q.role or q.role == "all" or (q.role == "admin") == facts.owner
    if role and (q.filter ~= "2fa_disabled" or not facts.two_factor) then list[#list + 1] = facts.user end
  end
  return paged(sim, req, path, list)
end)

below("/public_members", function(sim, req, path)
  return paged(sim, req, path, { sim.documents.users[1] and sim.documents.users[1].user })
end)

local function outside_collaborators(sim, req, path)
  return paged(sim, req, path, sim.documents.outside)
end

below("/outside_collaborators", owners_only(403, "You must be an owner of this organization.",
  outside_collaborators))

below("/invitations", owners_only(404, "Not Found", function(sim, req, path)
  return paged(sim, req, path, sim.documents.invitations)
end))

-- ---------------------------------------------------------------- teams and repositories

below("/teams", function(sim, req, path)
  return paged(sim, req, path, sim.documents.teams, function(it) return it.team end)
end)

-- "Team members will include the members of child teams."
below("/teams/{id}/members", function(sim, req, path)
  local it = find(sim, sim.documents.teams, "team", req.params.id)
  if not it then return sim:error(404, "Not Found") end
  return paged(sim, req, path, data.members_of(it))
end)

local function with_role(object, role)
  local shown = data.role_fields(role)
  for name, value in pairs(object) do shown[name] = value end
  return shown
end

below("/team/{id}/repos", function(sim, req, path)
  local it = find(sim, sim.documents.teams, "team", req.params.id)
  if not it or it == sim.documents.teams[sim.options.deleted] then return sim:error(404, "Not Found") end
  return paged(sim, req, path, it.access, function(given)
    return with_role(given.to.repository, given.role)
  end)
end)

below("/repos", function(sim, req, path)
  return paged(sim, req, path, sim.documents.repositories, function(it) return it.repository end)
end)

-- "The role_name is the highest role assigned to the collaborator after considering all sources of grants."
local function collaborators(sim, req)
  local it = find(sim, sim.documents.repositories, "repository", req.params.repo or req.params.id)
  if not it then return sim:error(404, "Not Found") end
  if not is_owner(sim, req) then
    return sim:error(403, "Must have push access to view repository collaborators.")
  end
  local highest, list = data.access_to(sim, it), it.direct
  if req.query.affiliation ~= "direct" then
    list = {}
    for _, facts in ipairs(sim.documents.users) do list[#list + 1] = highest[facts.user.id] and facts end
    for _, user in ipairs(sim.documents.outside) do list[#list + 1] = highest[user.id] and { user = user } end
  end
  return paged(sim, req, ("/repositories/%d/collaborators"):format(it.repository.id), list, function(given)
    return with_role(given.user, highest[given.user.id])
  end)
end

guarded("/repos/{owner}/{repo}/collaborators", collaborators)
guarded("/repositories/{id}/collaborators", collaborators)

-- ---------------------------------------------------------------- organisation roles

below("/organization-roles", owners_only(404, "Not Found", function(sim, req, path)
  return paged(sim, req, path, sim.documents.organization_roles, function(it) return it.role end, "roles")
end))

local function assigned(object, assignment)
  local shown = { assignment = assignment }
  for name, value in pairs(object) do shown[name] = value end
  return shown
end

-- Those who have it themselves, and those who have it through a team.
below("/organization-roles/{id}/users", owners_only(404, "Not Found", function(sim, req, path)
  local it = find(sim, sim.documents.organization_roles, "role", req.params.id)
  if not it then return sim:error(404, "Not Found") end
  local list, found = {}, {}
  for _, facts in ipairs(it.users) do
    list[#list + 1], found[facts.user.id] = assigned(facts.user, "direct"), true
  end
  for _, team in ipairs(it.teams) do
    for _, user in ipairs(data.members_of(team)) do
      if not found[user.id] then list[#list + 1] = assigned(user, "indirect") end
      found[user.id] = true
    end
  end
  return paged(sim, req, path, list)
end))

below("/organization-roles/{id}/teams", owners_only(404, "Not Found", function(sim, req, path)
  local it = find(sim, sim.documents.organization_roles, "role", req.params.id)
  if not it then return sim:error(404, "Not Found") end
  return paged(sim, req, path, it.teams, function(team) return assigned(team.team, "direct") end)
end))

-- ---------------------------------------------------------------- GraphQL

local function connection(sim, list, after, field, shown)
  local first = positive((after or ""):match("^after:(%d+)$"), 0)
  local part, last = {}, math.min(#list, first + MOST)
  for i = first + 1, last do part[#part + 1] = shown(list[i]) end
  return { [field] = sim.json.array(part), pageInfo = { hasNextPage = last < #list,
    endCursor = last > first and "after:" .. last or nil } }
end

local function identities(sim, req, after)
  if not is_owner(sim, req) then
    return { errors = { { type = "FORBIDDEN", message = "You must be an owner to see SAML identities." } } }
  end
  local list = {}
  for _, facts in ipairs(sim.documents.users) do list[#list + 1] = facts.saml and facts.user or nil end
  local all = connection(sim, list, after, "nodes", function(user)
    return { samlIdentity = { nameId = user.login .. "@corp.example" }, user = { databaseId = user.id } }
  end)
  return { data = { organization = { samlIdentityProvider = { externalIdentities = all } } } }
end

local function direct_members(sim, id, after)
  local it = find(sim, sim.documents.teams, "team", (id or ""):match("^T_(%d+)$"))
  if not it or it == sim.documents.teams[sim.options.deleted] then
    return { data = { node = sim.json.null }, errors = { { type = "NOT_FOUND",
      message = ("Could not resolve to a node with the global id of '%s'"):format(id) } } }
  end
  return { data = { node = { members = connection(sim, it.members, after, "edges", function(member)
    return { role = member.role, node = { databaseId = member.user.id, login = member.user.login } }
  end) } } }
end

local function graphql(sim, req)
  if not is_known(sim, req) then return sim:error(401, "Bad credentials") end
  local headers, refused = limit(sim, "graphql")
  if refused and not headers["X-RateLimit-Limit"] then return with(headers, sim:error(403, refused)) end
  if refused then return 200, { errors = { { type = "RATE_LIMITED", message = refused } } }, headers end
  local query, variables = req.json and req.json.query or "", req.json and req.json.variables or {}
  if query:find("externalIdentities", 1, true) then
    return 200, identities(sim, req, variables.after), headers
  end
  if query:find("membership: IMMEDIATE", 1, true) then
    return 200, direct_members(sim, variables.team, variables.after), headers
  end
  return 200, { errors = { { message = "the simulator does not know this query" } } }, headers
end

routes["POST /graphql"] = graphql

-- ---------------------------------------------------------------- Apps

local digits = {}
for i, byte in ipairs { ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"):byte(1, -1) } do
  digits[byte] = i - 1
end

local function base64url(text)
  local bytes, bits, n = {}, 0, 0
  for i = 1, #text do
    bits, n = (bits << 6 | (digits[text:byte(i)] or 0)) & 0xffff, n + 6
    if n >= 8 then
      n = n - 8
      bytes[#bytes + 1] = string.char(bits >> n & 0xff)
    end
  end
  return table.concat(bytes)
end

-- What is wrong with the App's token, in GitHub's words; its signature is not checked.
local function wrong_jwt(sim, req)
  local head, claims = bearer(req):match("^([%w_-]+)%.([%w_-]+)%.[%w_-]+$")
  head, claims = head and sim.json.decode(base64url(head)), claims and sim.json.decode(base64url(claims))
  if not head or not claims or head.alg ~= "RS256" then return "A JSON web token could not be decoded" end
  local now, exp, iat = sim:now(), math.tointeger(claims.exp), math.tointeger(claims.iat)
  if not exp or exp <= now then return "'Expiration time' claim ('exp') must be in the future" end
  if exp > now + 600 then return "'Expiration time' claim ('exp') is too far in the future" end
  if not iat or iat > now then return "'Issued at' claim ('iat') must be an Integer of the past" end
  if claims.iss ~= sim.options.app_id then return "Integration not found" end
end

local function as_app(call)
  return function(sim, req)
    local wrong = wrong_jwt(sim, req)
    if wrong then return sim:error(401, wrong) end
    return call(sim, req)
  end
end

routes["GET /orgs/{org}/installation"] = as_app(function(sim)
  return 200, { id = sim.options.installation_id, app_slug = "reeve",
    account = { login = sim.documents.org.login },
    permissions = { members = "read", metadata = "read", organization_administration = "read" } }
end)

routes["POST /app/installations/{id}/access_tokens"] = as_app(function(sim, req)
  if req.params.id ~= tostring(sim.options.installation_id) then return sim:error(404, "Not Found") end
  return 201, { token = sim:token(3600), expires_at = time.format(sim:now() + 3600),
    permissions = { members = "read" } }
end)

-- ---------------------------------------------------------------- all of it

-- An ETag for the organisation as the options make it (FNV-1a over them).
local function etag(sim)
  local words, h = {}, -0x340d631b7bdddcdb
  for name, value in pairs(sim.options) do words[#words + 1] = name .. "=" .. tostring(value) end
  table.sort(words)
  for c in table.concat(words, "&"):gmatch(".") do h = (h ~ c:byte()) * 0x100000001b3 end
  return ('W/"%016x"'):format(h)
end

local function build(sim)
  data.build(sim)
  sim.documents.index = {}
  sim.documents.etag = etag(sim)
end

return { options = options,
  settings = { organization = "{organization}", token = "{token}", url = "{url}" },
  build = build, routes = routes, error = make_error,
  prefixes = { "/api/v3", "/api" } }

-- What Reeve asks of GitHub: https://docs.github.com/rest, and for what REST does not tell,
-- https://docs.github.com/graphql. README.md says which list asks what.
local client = require "client"
local paginate = require "reeve.paginate"

local M = { http = client.http }

local get, graphql = client.get, client.graphql

-- Lists in general ------------------------------------------------------------------------------------

-- What fills a path: {org} and {org_id} of the organisation, {id} and {name} of the object that is asked for.
local function names(parent, org)
  org = org or parent
  return { org = org.login, org_id = org.id, id = parent.id, name = parent.name }
end

-- A list of what a path gives, page by page as its Link header leads. A page that has not changed since the
-- last run is answered from the store, and costs nothing of the hour's requests.
local function pages(options)
  options.size = 100 -- the most that a page may have
  options.request = function(_, ...)
    return { headers = client.HEADERS, path = names(...), conditional = true }
  end
  return paginate.link(options)
end

-- Does the failure say that the credential, good as it is, may not have this? GitHub says 404 for what one may
-- not even know of, and 422 for a filter one may not use.
local function is_refusal(failure)
  if failure.code == "throttled" then return false end
  return failure.status == 403 or failure.status == 404 or failure.status == 422
end

-- GET; nil where it is refused.
local function get_allowed(ctx, path, options)
  local ok, res = pcall(get, ctx, path, options)
  if ok then return res end
  if type(res) == "table" and is_refusal(res) then return nil end
  error(res, 0)
end

-- What a refusal means to a list for owners, or for a permission that not every credential has,
local function not_covered(ctx, failure)
  if not is_refusal(failure) then return false end
  ctx.not_covered(failure.message)
  return true
end

-- and what a 404 means to a list of a team or repository, which may have been deleted since it was listed.
local function gone(kind)
  return function(ctx, failure, parent)
    if failure.status ~= 404 then return false end
    ctx.gone(kind, parent.id)
    return true
  end
end

local function gone_or_not_covered(kind)
  local is_gone = gone(kind)
  return function(ctx, failure, ...)
    return is_gone(ctx, failure, ...) or not_covered(ctx, failure)
  end
end

local REFUSED = { FORBIDDEN = true, INSUFFICIENT_SCOPES = true }

local function failed(ctx, trouble)
  if REFUSED[trouble.type] then return ctx.not_covered(trouble.message) end
  return nil, trouble.message or "GraphQL answered with an error", "unavailable"
end

local function next_page(connection)
  return connection.pageInfo.hasNextPage and connection.pageInfo.endCursor or nil
end

-- The organisation ------------------------------------------------------------------------------------

-- Whose token it is, in the organisation: { state, role }. To others GitHub shows the public members only, as
-- if they were all; that must not be taken for the truth.
local function own_membership(ctx)
  local path = { org = ctx.settings.organization }
  local res = get_allowed(ctx, "/user/memberships/orgs/{org}", { path = path })
  return res and res.json.state == "active" and res.json or nil
end

local NO_MEMBER = "the token's user is no member of %s, or the token may not tell (a classic one needs read:org)"

local function organization(ctx)
  local login = ctx.settings.organization
  if ctx.settings.token and not own_membership(ctx) then
    return nil, NO_MEMBER:format(login), "credentials"
  end
  ctx.emit("organization", get(ctx, "/orgs/{org}", { path = { org = login } }).json)
end

-- Users -----------------------------------------------------------------------------------------------

local without_two_factor = pages { path = "/orgs/{org}/members", query = { filter = "2fa_disabled" },
  emit = "two_factor", refused = not_covered }

-- At the end of this list and the next the organisation itself is told: without it nothing is known of anybody.
local function two_factor(ctx, cursor, org)
  local next_cursor = without_two_factor(ctx, cursor, org)
  if not next_cursor then ctx.emit("two_factor", { id = org.id }) end
  return next_cursor
end

local IDENTITIES = [[
query($org: String!, $after: String) { organization(login: $org) { samlIdentityProvider {
  externalIdentities(first: 100, after: $after, membersOnly: true) {
    pageInfo { hasNextPage endCursor } nodes { samlIdentity { nameId } user { databaseId } } } } } }]]

local function emit_identities(ctx, nodes)
  for _, node in ipairs(nodes) do
    if node.user and node.samlIdentity then
      ctx.emit("saml_identity", { id = node.user.databaseId, name_id = node.samlIdentity.nameId })
    end
  end
end

local function saml_identity(ctx, cursor, org)
  local data, trouble = graphql(ctx, IDENTITIES, { org = org.login, after = cursor })
  if not data then return failed(ctx, trouble) end
  local provider, next_cursor = data.organization.samlIdentityProvider, nil
  if provider then
    emit_identities(ctx, provider.externalIdentities.nodes)
    next_cursor = next_page(provider.externalIdentities)
  end
  if not next_cursor then ctx.emit("saml_identity", { id = org.id }) end
  return next_cursor
end

-- What is known of a user beside the list of users: `value`; where that may not be read any more, what it was last,
-- as of everything that is not covered.
local function remembered(ctx, what, id, is_known, value)
  local key = what .. "/" .. id
  local last = ctx.store:get(key)
  if not is_known then return last end
  if last ~= value then ctx.store:put(key, value) end
  return value
end

local DETAILS = { "name", "email", "company", "location", "created_at", "suspended_at" }

local function some(raw, fields)
  local part = {}
  for _, field in ipairs(fields) do part[field] = raw[field] end
  return part
end

local function details_of(ctx, user)
  local key = "details/" .. user.id
  local res = get_allowed(ctx, "/users/{login}", { path = { login = user.login }, conditional = true })
  if not res then return ctx.store:get(key) end
  local details = some(res.json, DETAILS)
  if not res.from_store then ctx.store:put(key, details) end
  return details
end

-- The profiles of a page of users, side by side.
local function all_details(ctx, users)
  local asks = {}
  for i, user in ipairs(users) do
    asks[i] = function() return details_of(ctx, user) or false end
  end
  return { ctx.all(asks) }
end

-- Users with what other lists and their profiles say of them. Second factors are told of members only.
local function emit_users(ctx, kind, users, org)
  local details = ctx.settings.user_details and all_details(ctx, users) or {}
  local mfa, saml = ctx.get("two_factor", org.id) ~= nil, ctx.get("saml_identity", org.id) ~= nil
  for i, user in ipairs(users) do
    local identity, with = ctx.get("saml_identity", user.id), { details = details[i] or nil }
    with.saml_name_id = remembered(ctx, "saml", user.id, saml, identity and identity.name_id or false) or nil
    if kind == "user" then
      with.mfa = remembered(ctx, "mfa", user.id, mfa, ctx.get("two_factor", user.id) == nil)
    end
    ctx.emit(kind, user, with)
  end
end

local function people(kind, path, refused)
  return function(ctx, cursor, org)
    local users = {}
    local list = pages { path = path, refused = refused,
      emit = function(_, user) users[#users + 1] = user end }
    local next_cursor = list(ctx, cursor, org)
    emit_users(ctx, kind, users, org)
    return next_cursor
  end
end

-- Teams and repositories ------------------------------------------------------------------------------

-- Direct members of a team: REST counts those of its child teams among them.
local TEAM_MEMBERS = [[
query($team: ID!, $after: String) { node(id: $team) { ... on Team {
  members(first: 100, after: $after, membership: IMMEDIATE) {
    pageInfo { hasNextPage endCursor } edges { role node { databaseId login } } } } } }]]

local function team_member(ctx, cursor, team)
  local data, trouble = graphql(ctx, TEAM_MEMBERS, { team = team.node_id, after = cursor })
  if trouble and trouble.type == "NOT_FOUND" or data and not data.node then
    return ctx.gone("team", team.id)
  end
  if not data then return failed(ctx, trouble) end
  for _, edge in ipairs(data.node.members.edges) do ctx.emit("team_member", edge) end
  return next_page(data.node.members)
end

-- Are the operator's settings for us to leave this repository out?
local function is_skipped(ctx, repository)
  local settings = ctx.settings
  return settings.skip_archived and repository.archived or settings.skip_forks and repository.fork
end

local function emit_repository(ctx, repository, org)
  if is_skipped(ctx, repository) then return end
  local base = org.default_repository_permission -- which only owners are told
  ctx.emit("repository", repository, { base = remembered(ctx, "base", org.id, base ~= nil, base) })
end

local function emit_team_repository(ctx, repository)
  if not is_skipped(ctx, repository) then ctx.emit("team_repository", repository) end
end

-- Everything ------------------------------------------------------------------------------------------

local function of_organization(options)
  return { pages(options), per = "organization" }
end

M.list = {
  organization = organization,

  two_factor = { two_factor, per = "organization" },
  saml_identity = { saml_identity, per = "organization" },
  user = { people("user", "/orgs/{org}/members"), per = "organization",
    after = { "two_factor", "saml_identity" } },
  outside_collaborator = { people("outside_collaborator", "/orgs/{org}/outside_collaborators", not_covered),
    per = "organization", after = { "two_factor", "saml_identity" } },
  invitation = of_organization { path = "/orgs/{org}/invitations", emit = "invitation",
    refused = not_covered },
  owner = of_organization { path = "/orgs/{org}/members", query = { role = "admin" }, emit = "owner" },

  team = of_organization { path = "/orgs/{org}/teams", emit = "team" },
  team_member = { team_member, per = "team" },
  team_repository = { pages { path = "/organizations/{org_id}/team/{id}/repos", emit = emit_team_repository,
    refused = gone "team" }, per = "team" },

  repository = of_organization { path = "/orgs/{org}/repos", query = { type = "all" },
    emit = emit_repository },
  collaborator = { pages { path = "/repos/{org}/{name}/collaborators", query = { affiliation = "direct" },
    emit = "collaborator", refused = gone_or_not_covered "repository" }, per = "repository" },

  organization_role = of_organization { path = "/orgs/{org}/organization-roles", items = "roles",
    emit = "organization_role", refused = not_covered },
  organization_role_user = { pages { path = "/orgs/{org}/organization-roles/{id}/users",
    emit = "organization_role_user", refused = not_covered }, per = "organization_role" },
  organization_role_team = { pages { path = "/orgs/{org}/organization-roles/{id}/teams",
    emit = "organization_role_team", refused = not_covered }, per = "organization_role" },
}

-- Checking --------------------------------------------------------------------------------------------

local function check_app(ctx)
  local installation = get(ctx, "/orgs/{org}/installation", { path = { org = ctx.settings.organization },
    auth = client.as_app(ctx) }).json
  local warnings = {}
  for _, needed in ipairs { "members", "organization_administration" } do
    if not (installation.permissions or {})[needed] then
      warnings[#warnings + 1] = ("the App may not read %s: give it this permission"):format(needed)
    end
  end
  return "GitHub App " .. (installation.app_slug or ctx.settings.app_id), warnings
end

local function check_token(ctx)
  local login, membership = get(ctx, "/user").json.login, own_membership(ctx)
  if not membership then return login, { NO_MEMBER:format(ctx.settings.organization) } end
  if membership.role == "admin" then return login .. ", an owner,", {} end
  return login,
    { login .. " is no owner: outside collaborators, invitations and second factors stay unknown" }
end

function M.check(ctx)
  local who, warnings
  if ctx.settings.token then who, warnings = check_token(ctx) else who, warnings = check_app(ctx) end
  local org = get(ctx, "/orgs/{org}", { path = { org = ctx.settings.organization } }).json
  return { account = ("%s in %s"):format(who, org.name or org.login), warnings = warnings }
end

return M

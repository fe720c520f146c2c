-- What Reeve asks of a SCIM 2.0 server: RFC 7643 (what things are), RFC 7644 (how they are asked for).
local paging = require "paging"
local values = require "values"

local M = {}

local HEADERS = { Accept = "application/scim+json, application/json" }

local function get(ctx, path, query, parts)
  return ctx.http:get(path, { query = query, path = parts, headers = HEADERS })
end

-- Credentials ------------------------------------------------------------------------------------------------

local function need(settings, name, other)
  if not settings[name] then error(("settings.%s is missing: %s needs it"):format(name, other), 0) end
  return settings[name]
end

local function credential(ctx)
  local s = ctx.settings
  if s.token then return ctx.auth.header("Authorization", "Bearer " .. s.token) end
  if s.password then return ctx.auth.basic(need(s, "username", "password"), s.password) end
  return ctx.auth.client_credentials {
    token_url = need(s, "token_url", "client_secret"), id = need(s, "client_id", "client_secret"),
    secret = s.client_secret, style = s.token_style, scope = s.scope,
  }
end

-- The server's own words about a request that it does not take: { scimType = "invalidFilter", detail = "…" }.
local function refusal(res)
  local ok, told = pcall(function() return res.json end)
  if not ok or type(told) ~= "table" or not told.scimType then return nil end
  return ("it answered %d (%s): %s"):format(res.status, told.scimType, told.detail or "no detail given")
end

-- 501 says that there is no such thing here, and will be none in a minute.
local function classify(res)
  if res.status == 501 then return "fail", nil, "not_found" end
  if res.status == 400 or res.status == 409 then return "fail", refusal(res), "invalid" end
end

function M.http(ctx)
  return { base_url = ctx.settings.url, auth = credential(ctx), classify = classify }
end

-- What there is ----------------------------------------------------------------------------------------------

-- The endpoints of the resource types that the setting `applications` names.
local function application_endpoints(ctx)
  local endpoints, known, names = {}, {}, {}
  local body = get(ctx, "/ResourceTypes").json
  for _, kind in ipairs(body.Resources or body) do -- a list, or what should be in one
    local name = tostring(kind.name or kind.id)
    names[#names + 1] = name
    known[name:lower()], known[tostring(kind.id or name):lower()] = kind.endpoint, kind.endpoint
  end
  for i, name in ipairs(ctx.settings.applications) do
    endpoints[i] = known[name:lower()]
    if not endpoints[i] then
      error(("settings.applications: the server has no resource type '%s' (it has: %s)"):format(name,
        table.concat(names, ", ")), 0)
    end
  end
  return endpoints
end

-- How many the server gives at once at most; nil where it does not say.
local function page_limit(ctx)
  local ok, config = pcall(function() return get(ctx, "/ServiceProviderConfig").json end)
  if not ok or type(config) ~= "table" or type(config.filter) ~= "table" then return nil end
  return paging.number(config.filter.maxResults)
end

function M.check(ctx)
  local warnings, size = {}, ctx.settings.page_size
  local res = get(ctx, "/Users", { startIndex = 1, count = 1 })
  for _ in res:each("Resources", { optional = true }) do end -- a server that ignores count gives them all
  local total, limit = paging.number(res.rest.totalResults), page_limit(ctx)
  if total == 0 then warnings[#warnings + 1] = "the server shows no user to this credential" end
  if limit and limit > 0 and limit < size then
    warnings[#warnings + 1] = ("the server gives %d at once at most, and page_size is %d"):format(limit, size)
  end
  if ctx.settings.applications then application_endpoints(ctx) end
  return { account = ("a server with %s users"):format(total or "an unknown number of"), warnings = warnings }
end

-- Lists ------------------------------------------------------------------------------------------------------

-- What a user has of a multi-valued attribute, as records of their own: nobody lists them.
local function emit_values(ctx, kind, attribute, seen)
  for _, item in ipairs(values.items(attribute)) do
    local id = values.id(item)
    local key = kind .. "/" .. tostring(id)
    if id and not seen[key] then
      seen[key] = true
      ctx.emit(kind, { value = id })
    end
  end
end

local function users(ctx, cursor)
  local seen, sides = {}, ctx.settings.memberships
  local function ask(query)
    if sides == "groups" or sides == "each_group" then query.excludedAttributes = "groups" end
    return get(ctx, "/Users", query)
  end
  return paging.page(ctx, cursor, ask, function(user)
    ctx.emit("user", user)
    emit_values(ctx, "role", user.roles, seen)
    emit_values(ctx, "user_entitlement", user.entitlements, seen)
  end)
end

-- Not every server has groups, and not every credential may read them.
local function not_there(why)
  return type(why) == "table" and (why.status == 403 or why.code == "not_found")
end

local function groups(ctx, cursor)
  local sides = ctx.settings.memberships
  local function ask(query)
    if sides == "users" or sides == "each_group" then query.excludedAttributes = "members" end
    return get(ctx, "/Groups", query)
  end
  local function page()
    return paging.page(ctx, cursor, ask, function(group) ctx.emit("group", group) end)
  end
  local ok, result, message, code = pcall(page)
  if ok then return result, message, code end
  if not not_there(result) then error(result, 0) end
  return ctx.not_covered("the server shows no groups to this credential")
end

-- Some servers leave a member's type out; it is a group where it is one of those we know.
local function emit_member(ctx, member)
  if type(member) ~= "table" then member = { value = member } end
  local id = values.id(member)
  local is_group = not member.type and not member["$ref"] and id and ctx.get("group", id) ~= nil
  ctx.emit("member", member, is_group and { type = "Group" } or nil)
end

-- Members as the list of groups gave them; where a group came without, it is read by itself.
local function members(ctx, _, group)
  local sides = ctx.settings.memberships
  if sides == "users" then return end
  if sides ~= "each_group" and group.members then
    for _, member in ipairs(values.items(group.members)) do emit_member(ctx, member) end
    return
  end
  local ok, res = pcall(get, ctx, "/Groups/{id}", nil, { id = group.id })
  if not ok and type(res) == "table" and res.status == 404 then return ctx.gone("group", group.id) end
  if not ok then error(res, 0) end
  for member in res:each("members", { optional = true }) do emit_member(ctx, member) end
  if tostring(res.rest.id) ~= tostring(group.id) then return nil, "the answer is not the group", "invalid" end
end

-- Type by type; the cursor is { endpoints left, cursor within the first of them }.
local function applications(ctx, cursor)
  local endpoints = cursor and cursor.endpoints or application_endpoints(ctx)
  if #endpoints == 0 then return end
  local function ask(query) return get(ctx, endpoints[1], query) end
  local function each(app) ctx.emit("app", app) end
  local within, message, code = paging.page(ctx, cursor and cursor.within, ask, each)
  if message then return nil, message, code end
  if not within then table.remove(endpoints, 1) end
  return #endpoints > 0 and { endpoints = endpoints, within = within } or nil
end

M.list = {
  user = { users, emits = { "user", "role", "user_entitlement" } },
  group = groups,
  member = { per = "group", emits = "grant", members },
  app = { applications, when = "applications" },
}

return M

-- What Reeve asks of Torq: https://developers.torq.io (authentication, users, roles, API keys).
local M = {}

local API = { us = "https://api.torq.io/public/v1alpha", eu = "https://api.eu.torq.io/public/v1alpha" }
local TOKEN = { us = "https://auth.torq.io/v1/auth/token", eu = "https://auth.eu.torq.io/v1/auth/token" }

local SKEW_S = 300 -- a clock this far off makes tokens look expired, or not yet valid

function M.http(ctx)
  local settings = ctx.settings
  return {
    base_url = settings.api_url or API[settings.region],
    auth = ctx.auth.client_credentials {
      token_url = settings.auth_url or TOKEN[settings.region],
      id = settings.client_id, secret = settings.client_secret, style = "basic",
    },
  }
end

-- The key that we are, among the workspace's keys; nil where it may not list them.
local function own_key(ctx)
  local res = ctx.http:get("/api-keys", { raise = false })
  if res.status ~= 200 then return nil end
  local own
  for key in res:each("api_keys") do
    if key.client_id == ctx.settings.client_id then own = key end
  end
  return own
end

-- A key whose role may not read users syncs an empty workspace at best: say so before the first sync does.
local function may_read_users(ctx)
  local ok, res = pcall(ctx.http.get, ctx.http, "/users", { query = { sso_provision = "true" } })
  if ok then return true, res.headers.date end
  if type(res) ~= "table" or res.status ~= 403 then error(res, 0) end
  return false
end

local function skew(ctx, date)
  local time = require "reeve.time"
  local target = date and time.parse(date)
  return target and math.abs(target - ctx.now()) or 0
end

function M.check(ctx)
  local warnings = {}
  local key = own_key(ctx)
  local readable, date = may_read_users(ctx)
  if not readable then
    warnings[#warnings + 1] = "this key may not read users"
      .. (key and (": its role is %s; Owner can"):format(key.role_name or "not told") or "")
  end
  local off = skew(ctx, date)
  if off > SKEW_S then
    warnings[#warnings + 1] = ("this machine's clock and Torq's are %d seconds apart"):format(off // 1)
  end
  local name = key and key.name or ctx.settings.client_id
  return { account = key and ("API key %s (%s)"):format(name, key.role_name or "role not told") or "API key " .. name,
    warnings = warnings }
end

-- By the documentation the unfiltered list brings SSO users too: asking for both halves gives everybody once.
local function users(sso)
  return function(ctx)
    local res = ctx.http:get("/users", { query = { sso_provision = sso } })
    for user in res:each("users") do ctx.emit("user", user) end
  end
end

M.list = {
  user_local = { users("false"), emits = { "user" } },
  user_sso = { users("true"), emits = { "user" } },

  role = function(ctx, cursor)
    local res = ctx.http:get("/roles", { query = { page_token = cursor } })
    for role in res:each("roles") do ctx.emit("role", role) end
    return res.rest.next_page_token
  end,

  api_key = { function(ctx)
    local ok, res = pcall(ctx.http.get, ctx.http, "/api-keys")
    if not ok and type(res) == "table" and res.status == 403 then
      return ctx.not_covered("the key's role may not list API keys")
    end
    if not ok then error(res, 0) end
    for key in res:each("api_keys") do ctx.emit("api_key", key) end
  end, when = "include_api_keys" },
}

return M

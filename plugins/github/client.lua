-- How GitHub is asked: who we are, what its limits look like, REST and GraphQL.
--
--   https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
--   https://docs.github.com/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
--   https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app
local M = {}

--- What GitHub wants with each request.
M.HEADERS = { Accept = "application/vnd.github+json", ["X-GitHub-Api-Version"] = "2022-11-28" }
local PATIENCE_S = 60 -- "wait for at least one minute", where a limit does not say how long

-- Who we are ------------------------------------------------------------------------------------------------

--- The App itself, as against its installation. It signs for ten minutes at most, and from a minute ago on: its
--- clock may be ahead of GitHub's.
function M.as_app(ctx)
  local now = ctx.now() // 1 | 0
  local signed = ctx.auth.jwt { key = ctx.settings.private_key, alg = "RS256",
    claims = { iss = ctx.settings.app_id, iat = now - 60, exp = now + 480 } }
  return ctx.auth.header("Authorization", "Bearer " .. signed)
end

local function installation_token(ctx)
  local app, settings = M.as_app(ctx), ctx.settings
  local id = settings.installation_id or ctx.http:get("/orgs/{org}/installation",
    { path = { org = settings.organization }, headers = M.HEADERS, auth = app }).json.id
  local res = ctx.http:post("/app/installations/{id}/access_tokens",
    { path = { id = id }, headers = M.HEADERS, auth = app, idempotent = true })
  return "Bearer " .. res:secret("token"), res.json.expires_at
end

local function credential(ctx)
  local settings = ctx.settings
  if settings.token then return ctx.auth.header("Authorization", "Bearer " .. settings.token) end
  if not settings.app_id then error("settings: private_key needs app_id, the id of its GitHub App", 0) end
  return ctx.auth.custom(installation_token)
end

local function base_url(settings)
  if settings.url then return (settings.url:gsub("/+$", "")) end
  return settings.host and "https://" .. settings.host .. "/api/v3" or "https://api.github.com"
end

-- Limits ------------------------------------------------------------------------------------------------------

local function says_how_long(headers)
  return headers["retry-after"] ~= nil or headers["x-ratelimit-remaining"] == "0"
end

-- A limit answers 403 as a missing permission does. Its headers tell it; those of a secondary limit need not,
-- and then its words do. GraphQL says it with 200, in its errors.
local function is_limit(res)
  if res.status == 429 or res.status == 403 and says_how_long(res.headers) then return true end
  local graphql = res.status == 200 and res.url:find("/graphql$")
  if res.status ~= 403 and not (graphql and res.json.errors) then return false end
  local body = res.body:lower()
  return body:find("rate limit", 1, true) ~= nil or body:find('"rate_limited"', 1, true) ~= nil
end

-- How long to wait is read by the engine where the headers say it.
local function classify(res)
  if not is_limit(res) then return nil end
  return "retry", not says_how_long(res.headers) and PATIENCE_S or nil, "throttled"
end

--- What M.http of the connector returns.
function M.http(ctx)
  return { base_url = base_url(ctx.settings), auth = credential(ctx), classify = classify }
end

-- Asking --------------------------------------------------------------------------------------------------------

--- GET with these headers.
function M.get(ctx, path, options)
  options = options or {}
  options.headers = M.HEADERS
  return ctx.http:get(path, options)
end

--- GraphQL's answer: its data, or nil and the error that came in place of them.
function M.graphql(ctx, query, variables)
  local url = base_url(ctx.settings):gsub("/v3$", "") .. "/graphql"
  local answer = ctx.http:post(url, { json = { query = query, variables = variables }, headers = M.HEADERS,
    idempotent = true }).json
  if answer.errors then return nil, answer.errors[1] end
  return answer.data
end

return M

-- template_connector: the connector.lua that `reeve new` writes.
return [=[
-- What @TITLE@ is asked. Retries, rates, tokens, time-outs and proxies are the engine's part.
local paginate = require "reeve.paginate"

local M = {}

-- Once a run: where the API is, and who we are. The token is fetched, kept and renewed by itself.
function M.http(ctx)
  local s = ctx.settings
  return { base_url = s.url, auth = ctx.auth.client_credentials {
    token_url = s.url .. "/oauth/token", id = s.client_id, secret = s.client_secret } }
end

-- For `reeve check` and `reeve add`: the cheapest request that needs the credential, and whose it is.
function M.check(ctx)
  return { account = ctx.http:get("/me").json.name }
end

-- A list is one kind of object. Here each answer is { "users": [ … ], "next_cursor": "…" }, and the last page
-- has no cursor. What a list emits goes to the function of that kind in mapping.lua: map there, not here.
M.list = {
  user = paginate.cursor {
    path = "/users", items = "users", next = "next_cursor", size = 100, emit = "user",
  },
  group = paginate.cursor {
    path = "/groups", items = "groups", next = "next_cursor", size = 100, emit = "group",
  },
  -- Once for each group, several at a time; {id} is the group's.
  member = { per = "group", emits = "grant", paginate.cursor {
    path = "/groups/{id}/members", items = "members", next = "next_cursor", size = 100, emit = "member",
    key = "user_id", -- what tells members apart: they have no id
    refused = function(ctx, failure, group) -- this group was deleted since it was listed
      if failure.status ~= 404 then return false end
      ctx.gone("group", group.id)
      return true
    end,
  } },
}

return M
]=]

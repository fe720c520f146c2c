-- template_simulator: the simulator.lua that `reeve new` writes.
return [=[
-- @TITLE@ on loopback, as its documentation describes it: `reeve sim @NAME@`. Everything follows from the
-- options: the same options give the same data on every machine.
local options = { -- each can be set: `reeve sim @NAME@ --set users=5000`
  users = 250, groups = 5,
  page = 100, -- the most that a page has
  client_id = "sim-client-id", client_secret = "sim-client-secret",
}

local DEPARTMENTS = { "Sales", "Support", "Research", "Finance" }

-- Once, at the start. A stream of random numbers for each thing: more users do not change the groups.
local function build(sim)
  local o, r = sim.options, sim.random:stream("user")
  local users, groups, members = {}, {}, {}
  for i = 1, o.users do
    r:at(i)
    users[i] = {
      id = r:uuid(), full_name = "User " .. i, email = ("user%d@example.com"):format(i), active = r() < 0.95,
      department = r:pick(DEPARTMENTS), created = "2025-01-15T09:00:00Z",
      last_login = r() < 0.9 and "2026-10-01T08:30:00Z" or nil,
    }
  end
  -- `--set drift=0.01`: 1 % of the users are in another department than they were.
  for _, drifted in ipairs(sim:drifted(o.users)) do
    for _, i in ipairs(drifted) do users[i].department = "Elsewhere" end
  end
  r = sim.random:stream("group")
  for i = 1, o.groups do
    r:at(i)
    groups[i] = { id = "g" .. i, name = "Group " .. i, description = "What group " .. i .. " works on" }
    members["g" .. i] = {}
    for n, u in ipairs(r:sample(o.users, o.users // 2)) do
      members["g" .. i][n] = { user_id = users[u].id, since = "2025-02-01T00:00:00Z" }
    end
  end
  sim.users, sim.groups, sim.members = users, groups, members
end

-- A page of a list: what the API's documentation says about cursors.
local function page(sim, req, name, list)
  local size = math.min(tonumber(req.query.limit) or sim.options.page, sim.options.page)
  local part, more = sim:page(list, size, req.query.cursor)
  return 200, { [name] = sim.json.array(part), next_cursor = more ~= "" and more or nil }
end

-- A route that wants a good token.
local function guarded(answer)
  return function(sim, req)
    if not sim:authorized(req) then return sim:error(401, "no token, or one that has ended") end
    return answer(sim, req)
  end
end

return {
  options = options, build = build,
  -- What connects to it: `reeve sim @NAME@` prints the command.
  settings = { url = "{url}", client_id = "{client_id}", client_secret = "{client_secret}" },
  routes = {
    ["POST /oauth/token"] = function(sim, req)
      local id, secret = sim:basic(req)
      if id ~= sim.options.client_id or secret ~= sim.options.client_secret then
        return 401, { error = "invalid_client" }
      end
      return 200, { access_token = sim:token(3600), token_type = "Bearer", expires_in = 3600 }
    end,
    ["GET /me"] = guarded(function() return 200, { name = "Directory reader" } end),
    ["GET /users"] = guarded(function(sim, req) return page(sim, req, "users", sim.users) end),
    ["GET /groups"] = guarded(function(sim, req) return page(sim, req, "groups", sim.groups) end),
    ["GET /groups/{id}/members"] = guarded(function(sim, req)
      local list = sim.members[req.params.id]
      if not list then return sim:error(404, "no such group") end
      return page(sim, req, "members", list)
    end),
  },
}
]=]

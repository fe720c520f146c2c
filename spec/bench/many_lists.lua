-- many_lists: a plugin, as files, with a list for each of many groups, and its simulator.
return {
  ["plugin.lua"] = [[
return { api = 1, name = "bench", version = "1.0.0", title = "Bench", summary = "Many small lists",
  settings = { { name = "url", kind = "url", required = true } }, rate = { requests = 100000, per_s = 1 },
  resources = { group = { title = "Group", trait = "group" }, person = { title = "Person", trait = "user" } } }
]],
  ["connector.lua"] = [[
local M = {}
function M.http(ctx) return { base_url = ctx.settings.url } end
function M.check() return { account = "bench" } end
M.list = {
  group = function(ctx)
    for g in ctx.http:get("/groups"):each("groups") do ctx.emit("group", g) end
  end,
  person = { per = "group", function(ctx, _, group)
    for p in ctx.http:get("/groups/{id}/people", { path = { id = group.id } }):each("people") do
      ctx.emit("person", p)
    end
  end },
}
return M
]],
  ["mapping.lua"] = [[
return {
  group = function(raw) return { id = raw.id, name = raw.id } end,
  person = function(raw) return { id = raw.id, name = raw.id } end,
}
]],
  ["simulator.lua"] = [[
return {
  options = { groups = 500, people = 2 },
  build = function(sim)
    local list = {}
    for i = 1, sim.options.groups do list[i] = { id = "g" .. i } end
    sim.documents.groups = sim.json.encode { groups = sim.json.array(list) }
  end,
  routes = {
    ["GET /groups"] = function(sim) return 200, sim.documents.groups end,
    ["GET /groups/{id}/people"] = function(sim, req)
      local people = {}
      for i = 1, sim.options.people do people[i] = { id = req.params.id .. "p" .. i } end
      return 200, { people = sim.json.array(people) }
    end,
  },
}
]],
  ["README.md"] = "# Bench\n",
}

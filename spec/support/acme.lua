-- acme: a plugin, its target and a connector of one spec's making. `local acme = require "acme"`.
--
--   local w = acme.new { connector = text of connector.lua, mapping = text of mapping.lua, resources = text,
--     world = { ["/users"] = { { id = 1 } }, … }, config = reeve.json, connector_file = more of the connector,
--     simulator = text of simulator.lua, for a target that reads `world` in another way,
--     timeout = seconds after which the target ends by itself }
--   w:world { … }            what the target answers from now on: path to document, or { status = n, body = … }
--   w:sync { words }         runs `reeve sync acme …`: r.code, r.out, r.err;  w:run { words } any command
--   w:state()                all resources, entitlements and grants, sorted: equal states are equal texts
--   w:ids(type)              the ids of a type, sorted and joined by spaces
--   w:asked(pattern)         how many requests matched since w:forget()
--   w:last()                 the newest run's record
-- A path's query is no part of it: pages are { pages = { first document, second … } }, asked by ?cursor=N.
local reeve = require "reeve"

local M = {}
-- The worlds are so small that every change is a large one.
local BELIEVE_ALL = { user = { removed = "100%", changed = "100%" }, team = { removed = "100%", changed = "100%" },
  org = { removed = "100%", changed = "100%" }, ["team:member"] = { removed = "100%" } }

local World = {}
World.__index = World

local PLUGIN = [[
return { api = 1, name = "acme", version = "%s", title = "Acme", summary = "A target", docs = "https://acme.test",
  settings = { { name = "api_url", kind = "url", required = true }, { name = "more", kind = "boolean", default = true },
    { name = "note" } },
  hosts = { "api.acme.test" }, resources = { %s } }
]]

local RESOURCES = [[
  user = { title = "User", trait = "user" },
  team = { title = "Team", trait = "group", entitlements = {
    member = { title = "{name} member", purpose = "assignment", grantable_to = { "user" } } } },
  org = { title = "Organisation", trait = "group" },
]]

local SIMULATOR = [[
return {
  options = { world = "{}" },
  build = function(sim) sim.world = sim.json.decode(sim.options.world) end,
  routes = (function()
    local function answer(sim, req)
      local doc = sim.world[req.path]
      if doc == nil then return sim:error(404, "nothing at " .. req.path) end
      if doc.pages then doc = doc.pages[tonumber(req.query.cursor or 1)] end
      if doc.status then return doc.status, doc.body or { message = "told to" } end
      return 200, doc
    end
    local routes, path = {}, ""
    for _, name in ipairs { "a", "b", "c", "d", "e", "f" } do
      path = path .. "/{" .. name .. "}"
      routes["GET " .. path] = answer
    end
    return routes
  end)(),
}
]]

M.base = [[
local M = {}
function M.http(ctx) return { base_url = ctx.settings.api_url } end
local function all(kind, path)
  return function(ctx, cursor)
    local res = ctx.http:get(path, { query = { cursor = cursor } })
    for x in res:each("items") do ctx.emit(kind, x) end
    return res.rest.next
  end
end
]]

M.mapping = [[
return {
  user = function(raw) return { id = raw.id, name = raw.name, login = raw.login } end,
  team = function(raw) return { id = raw.id, name = raw.name } end,
  org = function(raw) return { id = raw.id, name = raw.name } end,
  team_member = function(raw, at)
    return { grants = { { on = at.parent, slug = "member", to = { type = "user", id = raw.id } } } }
  end,
}
]]

--- The text of a plugin.lua.
function M.manifest(resources, version)
  return PLUGIN:format(version or "1.0.0", resources or RESOURCES)
end

--- Writes plugin and connector into a home.
function World:write(spec)
  self.spec = spec
  reeve.plugin(self.home, "acme", { ["plugin.lua"] = M.manifest(spec.resources, spec.version),
    ["connector.lua"] = M.base .. spec.connector .. "\nreturn M\n", ["mapping.lua"] = spec.mapping or M.mapping,
    ["simulator.lua"] = spec.simulator or SIMULATOR })
  local file = { plugin = "acme", settings = { api_url = self.sim and self.sim.url or "http://127.0.0.1:1" },
    http = { retry_s = 1 }, guard = not spec.resources and BELIEVE_ALL or nil }
  for key, value in pairs(spec.connector_file or {}) do file[key] = value end
  if spec.settings then
    for key, value in pairs(spec.settings) do file.settings[key] = value end
  end
  reeve.connector(self.home, "acme", file)
end

--- Makes the home, starts the target. The spec stops it by w:stop().
function M.new(spec)
  local self = setmetatable({ home = reeve.home(spec.config) }, World)
  self:write(spec)
  self.sim = reeve.sim { plugin = "acme", home = self.home, faults = spec.faults, timeout = spec.timeout }
  self:write(spec)
  self:world(spec.world or {})
  return self
end

--- The same plugin, connector and target with a home of its own, where nothing was ever synced.
function World:fresh()
  local other = setmetatable({ home = reeve.home(self.spec.config), sim = self.sim }, World)
  other:write(self.spec)
  return other
end

function World:world(documents)
  self.documents = documents
  self.sim:set { world = reeve.encode(documents) }
end

--- A list's answer.
function M.items(list, next_cursor)
  return { items = reeve.array(list), next = next_cursor }
end

function World:run(words)
  words.home = self.home
  return reeve.run(words)
end

--- Starts a sync and returns at once.
function World:start(words)
  local all = { "sync", "acme", table.unpack(words or {}) }
  for name, value in pairs(words or {}) do
    if type(name) == "string" then all[name] = value end
  end
  all.home = self.home
  return reeve.start(all)
end

function World:sync(words)
  return self:start(words):wait()
end

--- A sync that must end with 0, or with `code`.
function World:synced(code, words)
  local r = self:sync(words)
  if r.code ~= (code or 0) then error(("sync: exit %d\n%s%s"):format(r.code, r.out, r.err), 2) end
  return r
end

--- All that a reader sees, sorted; for any home.
function M.state_of(home, name)
  local all = {}
  for _, kind in ipairs { "resources", "entitlements", "grants" } do
    local out = reeve.ok { "list", name, kind, "-o", "jsonl", home = home }
    local lines = {}
    for line in out:gmatch("[^\n]+") do lines[#lines + 1] = line end
    table.sort(lines)
    all[#all + 1] = kind .. "\n" .. table.concat(lines, "\n")
  end
  return table.concat(all, "\n")
end

function World:state()
  return M.state_of(self.home, "acme")
end

function World:list(kind)
  return reeve.jsonl((reeve.ok { "list", "acme", kind, "-o", "jsonl", home = self.home }))
end

function World:ids(type)
  local ids = {}
  for i, record in ipairs(self:list(type)) do ids[i] = record.id end
  table.sort(ids)
  return table.concat(ids, " ")
end

--- Grants as "principal on team", sorted and joined by ", ".
function World:grants()
  local texts = {}
  for i, grant in ipairs(self:list("grants")) do
    texts[i] = grant.principal.id .. " on " .. grant.entitlement.id
  end
  table.sort(texts)
  return table.concat(texts, ", ")
end

function World:forget()
  self.sim:forget()
end

function World:asked(pattern)
  local n = 0
  for _, line in ipairs(self.sim:requests().log) do
    if line:find(pattern) then n = n + 1 end
  end
  return n
end

function World:last()
  return reeve.json((reeve.ok { "runs", "acme", "-o", "json", home = self.home }))[1]
end

--- One list's account in a run's record.
function M.account(run, list)
  for _, account in ipairs(run.lists) do
    if account.list == list then return account end
  end
end

function World:stop()
  self.sim:stop()
end

return M

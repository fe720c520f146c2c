-- session: for specs of the engine's HTTP: a target with the routes such specs want, and Lua text run
-- as a plugin's code against it, in a task, with a session of its own.
--
--   local target = session.target { faults = { … } }      a running simulator (reeve.sim)
--   session.run(target, [[ say(http:get("/users").status) ]], { options = …, settings = … })   what it said
--
-- In that text: http (ctx.http), ctx (auth, settings, all, sleep), engine's require, say(…) prints,
-- failing(fn, …) gives the raised table, session (the engine's), and named, which `options` gives.
local reeve = require "reeve"

local M = {}

local PLUGIN = [[
return { api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "A target", docs = "https://acme.test",
  settings = {}, hosts = { "api.acme.test" }, resources = { user = { title = "User", trait = "user" } } }
]]

local SIMULATOR = [[
local function moved(_, req)
  return math.tointeger(req.query.status) or 302, "gone", { Location = req.query.to }
end
local function users(n)
  local list = {}
  for i = 1, n do list[i] = { id = i, name = "user " .. i } end
  return list
end
return {
  options = { users = 3, id = "acme-id", secret = "acme-secret-1234" },
  build = function(sim)
    sim.documents.users = sim.json.encode { users = users(sim.options.users), total = 7, next = "p2" }
  end,
  routes = {
    ["POST /token"] = function(sim, req)
      local id, secret = sim:basic(req)
      if not id then id, secret = req.body:match("client_id=([^&]*)&client_secret=([^&]*)") end
      if id ~= sim.options.id or secret ~= sim.options.secret then
        return sim:error(401, "unknown client " .. tostring(secret))
      end
      return 200, { access_token = sim:token(), expires_in = 3600, token_type = "Bearer", scope = req.body }
    end,
    ["GET /users"] = function(sim) return 200, sim.documents.users end,
    ["GET /private"] = function(sim, req)
      if not sim:authorized(req) then return sim:error(401, "token unknown") end
      return 200, sim.documents.users
    end,
    ["GET /list"] = function() return 200, "[1,2,3]" end,
    ["GET /nested"] = function() return 200, '{"data":{"items":[{"a":1},{"a":2}],"more":true}}' end,
    ["GET /linked"] = function()
      return 200, "[]", { Link = '</linked?page=2>; rel="next", <https://h.example/x>; rel=last' }
    end,
    ["GET /pointing"] = function(_, req)
      return 200, { headers = req.headers }, req.query.to and { Link = ("<%s>; rel=next"):format(req.query.to) }
    end,
    ["GET /item/{id}"] = function(_, req) return 200, { id = req.params.id, path = req.path } end,
    ["GET /echo"] = function(_, req) return 200, { query = req.query, headers = req.headers, method = req.method } end,
    ["POST /echo"] = function(_, req) return 200, { query = req.query, headers = req.headers, body = req.body } end,
    ["GET /moved"] = moved,
    ["POST /moved"] = moved,
    ["GET /loop"] = function() return 302, "", { Location = "/loop" } end,
  },
}
]]

local home

-- A home with the plugin in it, made once.
function M.home()
  if not home then
    home = reeve.home()
    reeve.plugin(home, "acme", { ["plugin.lua"] = PLUGIN, ["simulator.lua"] = SIMULATOR })
  end
  return home
end

--- Starts the target. options as for reeve.sim.
function M.target(options)
  options = options or {}
  options.plugin, options.home = "acme", M.home()
  return reeve.sim(options)
end

local HEAD = [[
local url, kept_at = ...
local json, secret, sys = require "host.json", require "host.secret", require "host.sys"
local task, vm = require "target.task", require "host.vm"
local given = json.decode(kept_at)
local http_session = require "target.http"
local settings = { api_url = url, token_url = url .. "/token", id = "acme-id",
  secret = secret.new(given.secret or "acme-secret-1234") }
for name, value in pairs(given.settings or {}) do settings[name] = value end
local manifest = { hosts = given.hosts or { "api.acme.test" }, rate = given.rate, settings = { { name = "id" },
  { name = "secret", kind = "secret" }, { name = "api_url", kind = "url" }, { name = "token_url", kind = "url" } } }
local kept = {}
local ledger = { keep = function(_, name, value, expires) kept[name] = { value, expires } end,
  kept = function(_, name) if kept[name] then return kept[name][1], kept[name][2] end end }
local function new_session()
  local random = given.random and function() return given.random end
  return http_session.session { manifest = manifest, settings = settings, options = given.options, ledger = ledger,
    sandbox = "plugins/acme/connector.lua", version = "1", random = random, reroute = given.reroute and url }
end
local session = new_session()
local function all(fns) return task.all(fns) end
local ctx = { settings = settings, auth = session.auth, hmac = session.hmac, all = all, sleep = task.sleep }
session.ctx = ctx
local function credentials(options, of)
  options = options or {}
  return (of or session).auth.client_credentials { token_url = settings.token_url, id = options.id or settings.id,
    secret = settings.secret, style = options.style, scope = options.scope }
end
local function say(...)
  local parts = table.pack(...)
  for i = 1, parts.n do parts[i] = tostring(parts[i]) end
  io.stdout:write(table.concat(parts, " "), "\n")
end
local function failing(fn, ...)
  local ok, e = pcall(fn, ...)
  if ok then error("it did not fail", 2) end
  return type(e) == "table" and e or { code = "lua", message = tostring(e) }
end
session:attach { base_url = url }
local http = session:open()
local sandboxed = { ctx = ctx, http = http, say = say, failing = failing, session = session, credentials = credentials,
  require = require, settings = settings, new_session = new_session, kept = kept, json = json, task = task, sys = sys,
  secret = secret, url = url, given = given, collectgarbage = collectgarbage, io = io }
task.set_ahead(given.ahead)
vm.limits { memory_mb = 512, instructions = 1000000000 }
task.run(function()
  local fn = assert(vm.load(given.text, "@plugins/acme/connector.lua", vm.sandbox(sandboxed)))
  task.spawn(fn, { sandbox = "plugins/acme/connector.lua" }):join()
end)
]]

--- Runs the text as a plugin's code; what it said. `given`: options (as a connector's), settings, hosts,
-- rate, secret (another client secret), random (what the jitter's dice say), ahead = true (the clock is set forward
-- where only time is waited for: task.now), reroute = true (all requests go to the target); env as for reeve.run.
function M.run(target, text, given)
  given = given or {}
  local env = { NO_PROXY = false, no_proxy = false, http_proxy = false, https_proxy = false, HTTPS_PROXY = false,
    all_proxy = false, ALL_PROXY = false }
  for name, value in pairs(given.env or {}) do env[name] = value end
  local url = type(target) == "table" and target.url or target
  local plain = { text = text }
  for name, value in pairs(given) do plain[name] = value end
  plain.env = nil
  return (reeve.engine(HEAD, { url, reeve.encode(plain), env = env, merge = true }))
end

return M

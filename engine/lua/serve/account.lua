-- account: which credential a connector has at ConductorOne: that of flags and variables (environment.lua), else its
-- own, the keys c1.client_id and c1.client_secret of its file.
local credential = require "serve.credential"
local fail = require "fail"
local reference = require "config.reference"
local sys = require "host.sys"

local M = {}

-- The client secret that c1.client_secret refers to. A variable that nothing else refers to is taken out of the
-- environment, so that no child gets it; one that a setting of the plugin names too stays, since syncs need it.
local function secret_of(c, text, origins)
  local scheme, variable = reference.parse(text)
  local shared = false
  for _, other in pairs(c.references or {}) do shared = shared or other == text end
  if scheme == "env" and not shared then
    local taken = sys.take_variable(variable)
    if taken then return taken end
  end
  return c.pending["c1.client_secret"]
    or reference.open({ home = c.home, name = c.name, origins = origins }, c.file .. ": c1.client_secret", text)
end

--- How we call ourselves for a credential.
function M.agent(own)
  return ("%s reeve/%s"):format(own.name, require "version")
end

--- What c1.client_secret is sealed for: the host that its client id names. nil where there is no id.
function M.origins(c)
  local client_id = c.options.c1.client_id
  return client_id and { "c1.client_id=" .. credential.host_of(client_id) } or nil
end

-- credential.parse, with the connector's name before what is wrong: it may be one of several.
local function parse(name, ...)
  local ok, got = pcall(credential.parse, ...)
  if ok then return got end
  if fail.is(got) then got.message = name .. ": " .. got.message end
  error(got, 0)
end

--- The credential that a loaded connector has of its own; nil where it has none. api_host as credential.parse takes it.
function M.own(c, api_host)
  local keys = c.options.c1
  if not keys.client_id and not keys.client_secret then return nil end
  for _, key in ipairs { "client_id", "client_secret" } do
    if not keys[key] then
      fail("config", ("%s: c1.%s is missing: it goes together with the other"):format(c.file, key),
        ("`reeve set %s c1.client_id=… c1.client_secret=-`"):format(c.name))
    end
  end
  return parse(c.name, keys.client_id, secret_of(c, keys.client_secret, M.origins(c)), api_host)
end

--- The credential of a connector; raises where it has none, or a wrong one. `several`: others are served beside it,
--- so that BATON_CLIENT_ID would be no help.
function M.of(home, name, options, several)
  if options.client_id then
    return parse(name, options.client_id, options.client_secret, options.api_host)
  end
  local found = M.own(require("config.connector").load(home, name), options.api_host)
  return found or fail("config", ("%s: no client id of ConductorOne"):format(name),
    ("%s`reeve set %s c1.client_id=… c1.client_secret=-`"):format(
      several and "" or "set BATON_CLIENT_ID and BATON_CLIENT_SECRET, or ", name))
end

--- Asks ConductorOne for a token with what a connector has of its own, and says so; raises where it is refused.
function M.check(ctx, c)
  local own = M.own(c, os.getenv "BATON_C1_API_HOST")
  if not own then return end
  local client = fail.try(require("host.http").client { named = { own.host }, user_agent = M.agent(own) })
  local value, problem = require("target.task").run(function()
    return require("serve.token").new({ credential = own, client = client }):get()
  end)
  client:close()
  if not value then
    fail(problem.name == "UNAUTHENTICATED" and "credentials" or "unavailable", c.name .. ": " .. problem.message)
  end
  ctx.out:say(("%s: ConductorOne (%s) takes the client id %s"):format(c.name, own.host, own.name))
end

--- The credentials of these connectors, by name. Two may not have one client id: ConductorOne would give each the
--- other's tasks.
function M.all(home, names, options)
  local found, whose = {}, {}
  for _, name in ipairs(names) do
    local c = M.of(home, name, options, #names > 1)
    local other = whose[c.client_id]
    if other then
      fail("config", ("%s and %s have the same client id of ConductorOne"):format(other, name),
        "each connector needs one of its own")
    end
    found[name], whose[c.client_id] = c, name
  end
  return found
end

return M

-- Where secrets come from and where they go: every kind of reference, against a target that asks for them.
local reeve = require "reeve"

local SECRET = "s3cret+val/ue=42"

local PLUGIN = {
  ["plugin.lua"] = [[return {
    api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "An example",
    settings = {
      { name = "client_id", required = true }, { name = "client_secret", kind = "secret", required = true },
      { name = "api_url", kind = "url", required = true },
    },
    hosts = { "api.example.com" },
    resources = { user = { title = "User", trait = "user" } },
  }]],
  ["connector.lua"] = [[
    local function http(ctx)
      local s = ctx.settings
      return { base_url = s.api_url, auth = ctx.auth.client_credentials {
        token_url = s.api_url .. "/token", id = s.client_id, secret = s.client_secret, style = "basic" } }
    end
    local function check(ctx)
      return { account = ctx.http:get("/me").json.name, warnings = { "an example's warning" } }
    end
    return { http = http, check = check, list = { user = function(ctx)
      for user in ctx.http:get("/users"):each("users") do ctx.emit("user", user) end
    end } }
  ]],
  ["mapping.lua"] = "return { user = function(raw) return { id = raw.id } end }",
  ["simulator.lua"] = [[return {
    options = { secret = "]] .. SECRET .. [[" },
    routes = {
      ["POST /token"] = function(sim, req)
        local id, secret = sim:basic(req)
        if id ~= "me" or secret ~= sim.options.secret then return sim:error(401, "no such client") end
        return 200, { access_token = sim:token(), expires_in = 3600, token_type = "Bearer" }
      end,
      ["GET /me"] = function(sim, req)
        if not sim:authorized(req) then return sim:error(401, "no token") end
        return 200, { name = "Example Ltd" }
      end,
      ["GET /users"] = function(sim, req)
        if not sim:authorized(req) then return sim:error(401, "no token") end
        return 200, { users = { { id = "u1" } } }
      end,
    },
  }]],
}

local home, sim

setup(function()
  home = reeve.home()
  reeve.plugin(home, "acme", PLUGIN)
  sim = reeve.sim { plugin = "acme", home = home }
end)

teardown(function() sim:stop() end)

local function new_home()
  local fresh = reeve.home()
  reeve.plugin(fresh, "acme", PLUGIN)
  return fresh
end

local function connector(where, reference)
  reeve.connector(where, "main",
    { plugin = "acme", settings = { client_id = "me", client_secret = reference, api_url = sim.url } })
end

local function check(reference, env, where)
  where = where or new_home()
  connector(where, reference)
  return reeve.run({ "check", "main", home = where, env = env })
end

-- The secret is nowhere: not in what was printed, not in a file of the home.
local function nowhere(where, r)
  for _, form in ipairs { SECRET, "czNjcmV0K3ZhbC91ZT00Mg", "s3cret%2Bval%2Fue%3D42" } do
    if r then assert.is_nil((r.out .. r.err):find(form, 1, true)) end
    assert.equal("", (reeve.shell(("grep -rlF -e '%s' '%s/state' '%s/connectors'"):format(form, where, where))))
  end
end

describe("a reference", function()
  it("env:NAME is a variable", function()
    local r = check("env:ACME_SECRET", { ACME_SECRET = SECRET })
    assert.equal(0, r.status, r.err)
    assert.equal("main: connected as Example Ltd\n", r.out)
    assert.matches("warning: an example's warning", r.err)
    r = check("env:ACME_SECRET")
    assert.equal(3, r.status)
    assert.matches("main.json: settings.client_secret: the variable ACME_SECRET is not set", r.err)
  end)

  it("file:PATH is a file, without the end of its line, that others may not write", function()
    local where = new_home()
    reeve.write(where .. "/secrets/acme", SECRET .. "\n")
    assert.equal(0, check("file:secrets/acme", nil, where).status)
    assert.equal(0, check("file:" .. where .. "/secrets/acme", nil, where).status)
    reeve.shell("chmod 622 " .. where .. "/secrets/acme")
    local r = check("file:secrets/acme", nil, where)
    assert.equal(3, r.status)
    assert.truthy(r.err:find(where .. "/secrets/acme", 1, true))
    r = check("file:secrets/none", nil, where)
    assert.equal(3, r.status)
    assert.matches("settings.client_secret: ", r.err)
  end)

  it("cred:NAME is a credential of systemd", function()
    local folder = reeve.folder()
    reeve.write(folder .. "/acme", SECRET)
    assert.equal(0, check("cred:acme", { CREDENTIALS_DIRECTORY = folder }).status)
    assert.equal(3, check("cred:other", { CREDENTIALS_DIRECTORY = folder }).status)
    assert.equal(3, check("cred:../x", { CREDENTIALS_DIRECTORY = folder }).status)
    local r = check("cred:acme")
    assert.equal(3, r.status)
    assert.matches("CREDENTIALS_DIRECTORY is not set", r.err)
  end)

  it("store:NAME is sealed, or says how to enter it", function()
    local r = check("store:client_secret")
    assert.equal(3, r.status)
    assert.matches("reeve secret set main client_secret", r.err)
    local where = new_home()
    connector(where, "store:client_secret")
    reeve.ok { "secret", "set", "main", "client_secret", home = where, stdin = SECRET .. "\n" }
    assert.equal(0, reeve.run({ "check", "main", home = where }).status)
    reeve.ok { "sync", "main", home = where }
    nowhere(where)
  end)
end)

describe("add and set", function()
  local function add(where, secret, more)
    local spec = { "add", "acme", "main", "client_id=me", "client_secret=-", "api_url=" .. sim.url, home = where,
      stdin = secret .. "\n" }
    for _, word in ipairs(more or {}) do spec[#spec + 1] = word end
    return reeve.run(spec)
  end

  it("keep nothing where the target refuses the secret", function()
    local where = new_home()
    local r = add(where, "wrong-secret-value")
    assert.equal(4, r.status)
    assert.is_nil((r.out .. r.err):find("wrong-secret-value", 1, true))
    assert.is_nil(reeve.read(where .. "/connectors/main.json"))
    assert.equal("[]\n", reeve.ok { "secret", "list", "-o", "json", home = where })
    assert.equal("[]\n", reeve.ok { "audit", "-o", "json", home = where })
  end)

  it("say as whom, seal, and with --sync make the first run", function()
    local where = new_home()
    local r = add(where, SECRET, { "--sync" })
    assert.equal(0, r.status, r.err)
    assert.matches("main: connected as Example Ltd\n", r.err)
    nowhere(where, r)
    assert.equal("Connected", reeve.json((reeve.ok { "status", "main", "-o", "json", home = where })).label)
    local before = reeve.read(where .. "/connectors/main.json")
    r = reeve.run { "set", "main", "client_id=me", "client_secret=-", home = where, stdin = "another-wrong-one\n" }
    assert.equal(4, r.status)
    assert.equal(before, reeve.read(where .. "/connectors/main.json"))
    assert.equal(0, reeve.run({ "check", "main", home = where }).status)
    r = reeve.run { "set", "main", "client_id=you", home = where }
    assert.equal(4, r.status, "a token that was kept for the old id must not serve")
    r = reeve.run { "set", "main", "client_secret=-", home = where, stdin = SECRET .. "\n" }
    assert.equal(0, r.status, r.err)
    nowhere(where, r)
  end)
end)

-- A connector's own credential at ConductorOne: entered by `reeve set`, sealed for ConductorOne's host, read again; and
-- that its secret is nowhere: in no message, no file, no child's environment.
local clientsecret = require "clientsecret"
local conductorone = require "conductorone"
local reeve = require "reeve"

local KEY = clientsecret.secret:match("[^:]*$")

local PLUGIN = { ["plugin.lua"] = [[return {
  api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "An example",
  settings = { { name = "token", kind = "secret" }, { name = "api_url", kind = "url" } },
  hosts = { "api.example.com" }, resources = { user = { title = "User", trait = "user" } } }]],
  ["connector.lua"] = "return { list = {} }", ["mapping.lua"] = "return {}" }

local home
before_each(function()
  home = reeve.home()
  reeve.plugin(home, "acme", PLUGIN)
  reeve.connector(home, "main", { plugin = "acme" })
end)

local function set(words, stdin, more)
  local spec = { "set", "main", "--no-check", home = home, stdin = stdin }
  table.move(words, 1, #words, #spec + 1, spec)
  for name, value in pairs(more or {}) do spec[name] = value end
  return reeve.run(spec)
end

local function enter(id, secret)
  return set({ "c1.client_id=" .. id, "c1.client_secret=-" }, (secret or clientsecret.secret) .. "\n")
end

-- What account.of says: the origin, or "code: message"; with what is left of some variables.
local function account(options, env, names)
  return (reeve.engine([[
    local dir, options, names = ...
    local json, secret = require "host.json", require "host.secret"
    options, names = json.decode(options), json.decode(names)
    if options.client_secret then options.client_secret = secret.new(options.client_secret) end
    local home = require("config.home").open { home = dir }
    local account = require "serve.account"
    local ok, got = pcall(function()
      if #names > 1 then return account.all(home, names, options)[names[1] ] end
      return account.of(home, names[1], options)
    end)
    print(ok and got.origin .. " " .. account.agent(got) or got.code .. ": " .. got.message)
    print(os.getenv "ACME_C1", os.getenv "REEVE_C1_CLIENT_SECRET")
  ]], { home, reeve.encode(options or {}), reeve.encode(names or { "main" }), env = env })
    :gsub("\nnil\tnil\n$", ""))
end

-- The secret is not in the text and in no file of the home: neither as a whole, nor its key in some form.
local function nowhere(text, secret)
  local key = secret and secret:match("[^:]*$") or KEY
  local d = secret and reeve.json((reeve.shell(("printf %%s '%s==' | tr -- -_ +/ | base64 -d 2>&-"):format(key)))).d
    or clientsecret.d
  local hex = reeve.shell(("printf %%s '%s=' | tr -- -_ +/ | base64 -d | od -An -tx1 | tr -d ' \\n'"):format(d))
  assert.equal(64, #hex)
  for _, form in ipairs { key, d, hex } do
    assert.is_nil(text:find(form, 1, true), text)
    assert.equal("", (reeve.shell(("grep -rlaF -e %s %s"):format(form, reeve.quote(home)))))
  end
end

describe("c1.client_id and c1.client_secret", function()
  it("are kept, the secret sealed for the host of the id, and read again", function()
    local r = enter(clientsecret.id)
    assert.equal(0, r.code, r.err)
    nowhere(r.out .. r.err)
    assert.same({ client_id = clientsecret.id, client_secret = "store:c1.client_secret" },
      reeve.json(reeve.read(home .. "/connectors/main.json")).c1)
    assert.equal("https://tenant.example test-client-1 reeve/0.1.0", account())
    assert.matches("^https://127.0.0.1:9443 ", account { api_host = "127.0.0.1:9443" })
    local sealed = reeve.json((reeve.ok { "secret", "list", "-o", "json", home = home }))
    assert.equal("c1.client_secret", sealed[1].key)
    assert.same({ "c1.client_id=tenant.example" }, sealed[1].origins)
    local audit = reeve.json((reeve.ok { "audit", "-o", "json", home = home }))
    assert.equal("set", audit[1].action)
    assert.same({ "c1.client_secret" }, audit[1].sealed)
    reeve.ok { "secret", "set", "main", "c1.client_secret", home = home, stdin = clientsecret.secret }
    assert.matches("^https://tenant.example ", account())
    assert.equal(0, set({ "c1.client_id=", "c1.client_secret=" }).code)
    assert.matches("^config: main: no client id of ConductorOne", account())
  end)

  it("do not open for another host: the secret is to be entered again", function()
    enter(clientsecret.id)
    assert.equal(0, set({ "c1.client_id=other-name@tenant.example/bct" }).code)
    assert.matches("other%-name reeve", account())
    assert.equal(0, set({ "c1.client_id=otter@evil.example/bct" }).code)
    assert.matches("entered for c1.client_id=tenant.example, and is now wanted for c1.client_id=evil.example: enter it "
      .. "with `reeve secret set main c1.client_secret` again", account(), 1, true)
  end)

  it("can be entered again, and what tries them is said", function()
    enter(clientsecret.id)
    local r = reeve.run { "secret", "set", "main", "c1.client_secret", home = home,
      stdin = clientsecret.secret .. "\n" }
    assert.equal(0, r.code, r.err)
    assert.matches("sealed c1.client_secret; `reeve c1 main` tries it", r.err, 1, true)
  end)

  it("go together", function()
    assert.equal(2, set({ "c1.client_secret=-" }, clientsecret.secret .. "\n").code)
    assert.equal(0, set({ "c1.client_id=" .. clientsecret.id }).code)
    assert.matches("^config: .*main.json: c1.client_secret is missing", account())
  end)

  it("are checked before they are kept, and what is wrong is named and not told", function()
    local before = reeve.read(home .. "/connectors/main.json")
    for _, case in ipairs { { "otter@acme", clientsecret.secret, "client id: there is no / behind the host" },
      { clientsecret.secret, clientsecret.secret, "client id: this looks like a client secret" } } do
      local r = enter(case[1], case[2])
      assert.equal(4, r.code, r.err)
      assert.matches(case[3], r.err, 1, true)
      nowhere(r.out .. r.err)
    end
    local checked = { "set", "main", "c1.client_id=" .. clientsecret.id, "c1.client_secret=-", home = home }
    checked.stdin = clientsecret.of(clientsecret.jwk { d = false }) .. "\n"
    local r = reeve.run(checked)
    assert.equal(4, r.code)
    assert.matches("main: client secret: its key has no d: this is a public key", r.err, 1, true)
    assert.equal(before, reeve.read(home .. "/connectors/main.json"))
    assert.equal(2, set({ "c1.client_secret=" .. clientsecret.secret }).code)
    nowhere(set({ "c1.client_secret=" .. clientsecret.secret }).err)
    reeve.connector(home, "main", { plugin = "acme", c1 = { client_id = "x", client_secret = clientsecret.secret } })
    r = reeve.run { "check", "main", home = home }
    assert.equal(3, r.code)
    assert.is_nil(r.err:find(KEY:sub(1, 20), 1, true), r.err)
  end)

  it("may be a reference to a variable, which is then gone for children, or be variables", function()
    set { "c1.client_id=" .. clientsecret.id, "c1.client_secret=env:ACME_C1" }
    assert.equal("https://tenant.example test-client-1 reeve/0.1.0", account(nil, { ACME_C1 = clientsecret.secret }))
    assert.matches("^config: .*c1.client_secret: the variable ACME_C1 is not set", account())
    reeve.connector(home, "main", { plugin = "acme" })
    assert.equal("https://tenant.example test-client-1 reeve/0.1.0",
      account(nil, { REEVE_C1_CLIENT_ID = clientsecret.id, REEVE_C1_CLIENT_SECRET = clientsecret.secret }))
  end)

  it("are no use to two connectors, and stand behind flags and variables", function()
    reeve.connector(home, "other", { plugin = "acme" })
    local env = { REEVE_C1_CLIENT_ID = clientsecret.id, REEVE_C1_CLIENT_SECRET = "file:/dev/null" }
    reeve.write(home .. "/secret", clientsecret.secret)
    env.REEVE_C1_CLIENT_SECRET = "file:secret"
    assert.matches("^config: main and other have the same client id", account({}, env, { "main", "other" }))
    assert.matches("^https://acme.example otter reeve",
      account({ client_id = "otter@acme.example/bct", client_secret = clientsecret.secret }, env))
    assert.matches("^credentials: main: client id: there is no @ in it",
      account { client_id = "otter", client_secret = clientsecret.secret })
  end)
end)

describe("the secret of BATON_CLIENT_SECRET", function()
  it("is in no child's environment, nor in this process's", function()
    local child = [[tr '\0' '\n' < /proc/self/environ; tr '\0' '\n' < /proc/$PPID/environ]]
    local text = reeve.engine([[
      local dir, child = ...
      local sys = require "host.sys"
      local home = require("config.home").open { home = dir }
      local options = require("serve.environment").read({}, home, { "main" })
      require("serve.account").of(home, "main", options)
      print(require("host.secret").is(options.client_secret))
      io.stdout:flush()
      sys.spawn { "/bin/sh", "-c", child }
      while not sys.wait_any() do end
    ]], { home, child, env = { BATON_CLIENT_ID = clientsecret.id, BATON_CLIENT_SECRET = clientsecret.secret } })
    assert.matches("^true\n", text)
    assert.matches("BATON_CLIENT_ID=" .. clientsecret.id:gsub("%W", "%%%0"), text)
    nowhere(text)
  end)
end)

describe("a credential that is entered", function()
  local it = conductorone.it(it, pending)
  local c1
  setup(function() c1 = not conductorone.missing() and conductorone.start() end)
  teardown(function() if c1 then c1:stop() end end)

  -- The home's plugin cannot check anything: its target is not asked where nothing of it changes.
  local function enter_checked(id, secret, env)
    env = env or { SSL_CERT_FILE = c1.env.SSL_CERT_FILE, BATON_C1_API_HOST = c1.address }
    return reeve.run { "set", "main", "--verbose", "c1.client_id=" .. id, "c1.client_secret=-", home = home,
      stdin = secret .. "\n", env = env }
  end

  it("is tried at ConductorOne before it is kept", function()
    local r = enter_checked(c1.id, c1.secret)
    assert.equal(0, r.code, r.err)
    assert.matches("main: ConductorOne (127.0.0.1) takes the client id", r.err, 1, true)
    nowhere(r.out .. r.err, c1.secret)
    assert.equal(c1.id, reeve.json(reeve.read(home .. "/connectors/main.json")).c1.client_id)
  end)

  it("is not kept where ConductorOne refuses it: exit 4, or is not reached: exit 5", function()
    local before = reeve.read(home .. "/connectors/main.json")
    local r = enter_checked(c1.id, clientsecret.secret)
    assert.equal(4, r.code, r.err)
    assert.matches("ConductorOne refuses the client id and secret", r.err, 1, true)
    nowhere(r.out .. r.err)
    r = enter_checked(c1.id, c1.secret, { BATON_C1_API_HOST = "127.0.0.1:1" })
    assert.equal(5, r.code, r.err)
    r = enter_checked(c1.id, c1.secret, { BATON_C1_API_HOST = c1.address, SSL_CERT_FILE = false })
    assert.equal(5, r.code, r.err)
    assert.matches("its certificate comes from an authority that this machine does not know", r.err, 1, true)
    nowhere(r.out .. r.err, c1.secret)
    assert.equal(before, reeve.read(home .. "/connectors/main.json"))
    c1:violations()
  end)
end)

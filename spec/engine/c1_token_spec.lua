-- Tokens: what is asked of ConductorOne's token endpoint, what becomes of its answers, and who shares them. The
-- endpoint is a simulator that all requests go to; that our assertions verify is conductorone_spec's.
local clientsecret = require "clientsecret"
local reeve = require "reeve"

local PLUGIN = [[
return { api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "A target",
  settings = {}, hosts = { "api.acme.test" }, resources = { user = { title = "User", trait = "user" } } }
]]

local SIMULATOR = [[
return {
  routes = {
    ["POST /auth/v1/token"] = function(sim, req)
      sim.asked = (sim.asked or 0) + 1
      return 200, { access_token = "token-number-" .. sim.asked, token_type = "bearer", expires_in = 600,
        form = req.body, headers = req.headers }
    end,
  },
}
]]

local home, sim
setup(function()
  home = reeve.home()
  reeve.plugin(home, "acme", { ["plugin.lua"] = PLUGIN, ["simulator.lua"] = SIMULATOR })
  sim = reeve.sim { plugin = "acme", home = home }
end)
teardown(function() sim:stop() end)
before_each(function()
  sim:faults {}
  sim:forget()
end)

-- Runs the text in a task with `token`, `task`, `sys`, and say(…), which shows secrets too: this is a spec.
local function run(text, url)
  return (reeve.engine([[
    local id, client_secret, url, text = ...
    local secret, sys, task = require "host.secret", require "host.sys", require "target.task"
    local credential = require("serve.credential").parse(id, secret.new(client_secret))
    local client = require("host.http").client { named = { credential.host }, reroute = url, user_agent = "otter" }
    local token = require("serve.token").new { credential = credential, client = client }
    local function say(value, problem)
      if value then
        for _, scheme in ipairs { "Bearer ", "bearer ", "DPoP " } do
          for n = 1, 9 do
            local expected = scheme .. "token-number-" .. n
            if secret.equal(value, secret.new(expected)) then return print(expected) end
          end
        end
        return print "another value"
      end
      print(problem.code, problem.name, problem.transport, problem.message)
    end
    local env = setmetatable({ token = token, task = task, sys = sys, say = say, secret = secret, client = client,
      credential = credential }, { __index = _G })
    task.run(assert(load(text, "spec", "t", env)))
  ]], { clientsecret.id, clientsecret.secret, url or sim.url, text }))
end

local function answers(fault)
  sim:faults { "POST /auth/v1/token: " .. fault }
  return run "say(token:get())"
end

local function body(text) return ("body='%s'"):format(text) end

describe("a token", function()
  it("is asked for by an assertion, in a form", function()
    assert.equal("Bearer token-number-1\n", run [[
      local start = client.start
      token.client = { start = function(_, ask)
        assert(ask.method == "POST" and ask.url == "https://tenant.example/auth/v1/token")
        assert(ask.headers["Content-Type"] == "application/x-www-form-urlencoded")
        assert(secret.is(ask.body))
        assert(ask.deadline_s == 60, "an answer that trickles in has to end")
        return start(client, ask)
      end }
      say(token:get())
    ]])
    assert.equal(1, sim:requests().total)
    local form = run [[
      local url, sys_now = require "target.url", 1700000000
      sys.now = function() return sys_now end
      secret.random_hex = function(n) return ("ab"):rep(n) end
      local made
      token.client = { start = function(_, ask) made = ask.body; return nil, "no network", "unavailable" end }
      token:get()
      local assertion = require("serve.token").assertion(credential, sys_now, ("ab"):rep(16))
      local kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
      print(secret.equal(made, url.query { client_id = credential.client_id, grant_type = "client_credentials",
        client_assertion_type = kind, client_assertion = assertion }))
    ]]
    assert.equal("true\n", form)
  end)

  it("is kept until shortly before its end, or until it is forgotten", function()
    assert.equal("Bearer token-number-2\nBearer token-number-2\nBearer token-number-2\nBearer token-number-3\n"
      .. "Bearer token-number-4\n", run [[
      say(token:get())
      local now = sys.now
      sys.now = function() return now() + 580 end
      say(token:get())
      say(token:get())
      sys.now = function() return now() + 591 end
      say(token:get())
      token:forget()
      say(token:get())
    ]])
  end)

  it("is asked for once by those who want it at once, also where the first of them gives up", function()
    assert.equal("Bearer token-number-5\nBearer token-number-5\nBearer token-number-5\n", run [[
      local first = task.spawn(function() token:get() end)
      local others = {}
      for i = 1, 3 do others[i] = task.spawn(function() say(token:get()) end) end
      task.sleep(0)
      first:cancel()
      for _, t in ipairs(others) do t:join() end
    ]])
    assert.equal(1, sim:requests().total)
  end)

  it("has a scheme that is normalised, and a life where none is told", function()
    for given, expected in pairs { BEARER = "Bearer", DPoP = "DPoP" } do
      assert.equal(expected .. " token-number-1\n",
        answers(body(('{"access_token":"token-number-1","token_type":"%s","expires_in":60}'):format(given))))
    end
    local no_words = { '"token_type":null', '"token_type":"a b"', '"token_type":7', '"expires_in":"soon"',
      '"expires_in":-1', '"expires_in":{}', '"expires_in":1e308' }
    for _, member in ipairs(no_words) do
      sim:faults { "POST /auth/v1/token: " .. body(('{"access_token":"token-number-1",%s}'):format(member)) }
      local told = run "say(token:get()) print(token.renew_at > sys.now() + 200, token.renew_at < sys.now() + 1e5)"
      assert.equal("Bearer token-number-1\ntrue\ttrue\n", told, member)
    end
  end)
end)

describe("an endpoint", function()
  it("that refuses, or gives no token, makes it UNAUTHENTICATED", function()
    for _, fault in ipairs { "status=400", "status=401", "status=403", "status=404", "body='{}'",
      body '{"access_token":""}', body '{"access_token":7}', "body='[]'", "body='<html>'",
      body '{"expires_in":600}' } do
      assert.matches("^16\tUNAUTHENTICATED\tnil\t", answers(fault), fault)
    end
    local told = answers("status=401 " .. body '{"error":"invalid_client","error_description":"key revoked"}')
    assert.matches('refuses the client id and secret: it answered 401: "key revoked"\n', told, 1, true)
  end)

  it("that cannot answer, or sends us elsewhere, makes it UNAVAILABLE", function()
    for _, fault in ipairs { "status=429", "status=500", "status=503", "status=204", "status=408" } do
      assert.matches("^14\tUNAVAILABLE\tnil\t", answers(fault), fault)
    end
    for _, fault in ipairs { "cut", "truncate=5", "status=302 header='Location: https://elsewhere.example/'" } do
      assert.matches("^14\tUNAVAILABLE\ttrue\t", answers(fault), fault)
    end
    assert.matches("^14\tUNAVAILABLE\ttrue\t", run("say(token:get())", "http://127.0.0.1:1"))
  end)

  it("whose clock is another than ours is told so", function()
    local function told(fault, off)
      sim:faults { "POST /auth/v1/token: " .. fault }
      return run(("local now = sys.now; sys.now = function() return now() + %d end; say(token:get())"):format(off))
    end
    assert.matches("; this machine's clock is 3%d%d s ahead of ConductorOne's: set it", told("status=401", 300))
    assert.matches("; this machine's clock is [23]%d%d s behind ConductorOne's: set it", told("status=400", -300))
    local others = { { "status=401", 60 }, { "status=401", -60 }, { "status=403", 300 }, { "status=503", 300 } }
    for _, case in ipairs(others) do
      assert.is_nil(told(case[1], case[2]):find("clock", 1, true), case[1])
    end
  end)

  it("that sends our assertion back, or too much, is told without it", function()
    local told = answers "status=401 body=echo"
    assert.is_nil(told:find("eyJhbGciOiJFZERTQSIs", 1, true), told)
    assert.matches("^16\tUNAUTHENTICATED", told)
    told = answers(("status=400 " .. body("%s")):format(("x"):rep(4000)))
    assert.is_true(#told < 600, told)
  end)
end)

-- Health of `reeve c1`: one port that answers for all its connectors, whatever ConductorOne and the target are doing.
local conductorone = require "conductorone"
local reeve = require "reeve"
local workspace = require "workspace"

local it = conductorone.it(it, pending)

describe("the health of reeve c1", function()
  local w, c1, process

  setup(function() w = workspace.new { users = 3 } end)
  teardown(function() w:stop() end)
  after_each(function()
    if process then
      process:kill("TERM")
      process:wait()
      assert.equal(0, process.code)
    end
    process = nil
    if c1 then c1:stop() end
    c1 = nil
  end)

  local function start(env, ...)
    local all = {}
    for _, from in ipairs { w.env, c1.env, env } do
      for name, value in pairs(from) do all[name] = value end
    end
    process = reeve.start { home = w.home, env = all, "c1", ... }
    return process
  end

  local function serving(...)
    start({ BATON_HEALTH_CHECK_PORT = "0" }, ...)
    return (process:await('"health is served".-"(http://127.0.0.1:%d+)"', "err"))
  end

  local function asked(url)
    local status, body = reeve.http { url = url }
    local answer = reeve.json(body)
    return status, answer.status, (answer.details or {}).validation_error
  end

  it("is there before ConductorOne is, and ready when that was heard from", function()
    c1 = conductorone.start {}
    c1:fault { method = "Hello", times = 1, grpc = { code = 14, message = "away" } }
    c1:fault { method = "Hello", times = 1, hold = true }
    local url = serving "acme"
    c1:wait { event = "answer", method = "Hello", status = 14 }
    assert.same({ 503, "not_ready" }, { asked(url .. "/ready") })
    assert.same({ 200, "alive" }, { asked(url .. "/live") })
    c1:clear()
    c1:wait { event = "call", method = "GetTask" }
    assert.same({ 200, "ready" }, { asked(url .. "/ready") })
    assert.same({ 200, "healthy" }, { asked(url .. "/health") })
  end)

  it("says which connector is not good, and why", function()
    c1 = conductorone.start {}
    local other = c1:client "other"
    reeve.connector(w.home, "wrong", { plugin = "torq", settings = { client_id = "sim-client-id",
      client_secret = "env:WRONG", api_url = w.sim.url .. "/public/v1alpha", auth_url = w.sim.url .. "/v1/auth/token" },
      c1 = { client_id = other.id, client_secret = "env:C1_WRONG" } })
    c1.env.BATON_CLIENT_ID, c1.env.BATON_CLIENT_SECRET = nil, nil
    start({ BATON_HEALTH_CHECK_PORT = "0", WRONG = "not-the-secret", C1_WRONG = other.secret }, "wrong")
    local url = process:await('"health is served".-"(http://127.0.0.1:%d+)"', "err")
    local status, what, why = asked(url .. "/health")
    assert.same({ 503, "unhealthy" }, { status, what })
    assert.matches("^wrong: .*client_secret", why)
    assert.is_nil(why:find("not-the-secret", 1, true))
  end)

  it("whose port another has is left out with a warning, unless it was asked for", function()
    c1 = conductorone.start {}
    local taken = tostring(w.sim.url:match(":(%d+)"))
    start({ BATON_HEALTH_CHECK_PORT = taken }, "acme")
    process:await('"health is not served"', "err")
    c1:wait { event = "call", method = "GetTask" }
    process:kill("TERM")
    process:wait()
    assert.equal(0, process.code)
    start({ BATON_HEALTH_CHECK_PORT = taken, BATON_HEALTH_CHECK = "true" }, "acme"):wait()
    assert.equal(1, process.code)
    assert.matches("health: .*" .. taken .. ".*BATON_HEALTH_CHECK_PORT", process.err)
    start({ BATON_HEALTH_CHECK_BIND_ADDRESS = "nowhere" }, "acme"):wait()
    assert.equal(3, process.code)
    process = nil
  end)

  it("is told while a sync runs, whose process ends with the service", function()
    c1 = conductorone.start {}
    w.sim:faults { "GET /v1alpha/roles*: hold" }
    local url = serving "acme"
    c1:task { kind = "sync_full" }
    c1:wait { event = "call", method = "Heartbeat" }
    local child = reeve.await(function()
      return reeve.read(("/proc/%d/task/%d/children"):format(process.pid, process.pid)):match("%d+")
    end)
    assert.same({ 200, "ready" }, { asked(url .. "/ready") })
    assert.same({ 200, "healthy" }, { asked(url .. "/health") })
    assert.is_true(reeve.alive(child))
    process:kill("TERM")
    process:wait()
    assert.is_false(reeve.alive(child))
    w.sim:faults {}
  end)

  it("costs a service that has nothing to do two looks a second", function()
    c1 = conductorone.start { next_poll = 60 }
    serving "acme"
    c1:wait { event = "answer", method = "GetTask" }
    local function woken()
      return tonumber(reeve.read("/proc/" .. process.pid .. "/status"):match("\nvoluntary_ctxt_switches:%s+(%d+)"))
    end
    -- Where this machine is busy, the first looks may find something left to do.
    reeve.await(function()
      local before, began = woken(), reeve.mono()
      reeve.await(function() return woken() >= before + 3 end)
      return reeve.mono() - began > 0.7
    end, "a second of rest")
  end)
end)

-- Who may do what at the same time: one writer a connector, any number of readers, several connectors.
local acme = require "acme"
local reeve = require "reeve"
local items = acme.items

describe("at the same time", function()
  local w

  local CONNECTOR = [[
M.list = { user = all("user", "/users") }]]

  local function world(...)
    local users = {}
    for i, id in ipairs { ... } do users[i] = { id = id } end
    return { ["/users"] = items(users) }
  end

  before_each(function()
    w = acme.new { connector = CONNECTOR, world = world("u1", "u2") }
  end)

  after_each(function() w:stop() end)

  -- A sync whose target does not answer until go(); it has asked when this returns.
  local function waiting_sync()
    w.sim:faults { "GET /users: hold times=1" }
    w:forget()
    local p = w:start()
    reeve.await(function() return w:asked("GET /users") == 1 end, "the request")
    return p
  end

  -- Lets it end, as it must.
  local function go(p)
    w.sim:faults {}
    assert.equal(0, p:wait().code, p.err)
  end

  it("a second sync, accept and reject end with 8 and name pid and run; the first goes on", function()
    w:synced()
    w:world(world("u1", "u2", "u3"))
    local p = waiting_sync()
    for _, words in ipairs { { "sync", "acme" }, { "accept", "acme" }, { "reject", "acme" } } do
      local r = w:run(words)
      assert.equal(8, r.code, r.err)
      assert.is_truthy(r.err:find("pid " .. p.pid .. "%f[%D]"), r.err)
      assert.is_truthy(r.err:find("run 2%f[%D]"), r.err)
    end
    go(p)
    assert.equal("u1 u2 u3", w:ids("user"))
  end)

  -- Returns when a process has been started so far that it can be told to end in order.
  local function catches_signals(p)
    reeve.await(function()
      local caught = (reeve.read(("/proc/%d/status"):format(p.pid)) or ""):match("SigCgt:%s*(%x+)")
      return caught and tonumber(caught, 16) & 1 << 14 ~= 0
    end, "its handler of SIGTERM")
  end

  it("--wait waits, then syncs", function()
    local p = waiting_sync()
    local second = w:start { "--wait" }
    catches_signals(second)
    go(p)
    assert.equal(0, second:wait().code, second.err)
    assert.equal(2, w:last().run)
  end)

  it("a waiting sync ends when it is told to", function()
    local p = waiting_sync()
    local second = w:start { "--wait" }
    catches_signals(second)
    second:kill("TERM")
    assert.equal(143, second:wait().code)
    assert.is_nil(second.signal)
    go(p)
  end)

  it("readers see the last accepted state, and that a sync is under way", function()
    w:synced()
    local before = w:state()
    w:world(world("u1", "u2", "u3"))
    local p = waiting_sync()
    assert.equal(before, w:state())
    local status = reeve.json((reeve.ok { "status", "acme", "-o", "json", home = w.home }))
    assert.equal("Syncing", (status[1] or status).label)
    assert.equal(0, w:run({ "diff", "acme" }).code)
    assert.equal(0, w:run({ "runs", "acme" }).code)
    go(p)
    assert.equal("u1 u2 u3", w:ids("user"))
  end)

  it("a lock file without its holder keeps nobody away", function()
    local p = waiting_sync()
    p:kill("KILL")
    p:wait()
    w:synced()
  end)

  local function more_connectors()
    reeve.connector(w.home, "bad", { plugin = "acme", settings = { api_url = w.sim.url .. "/nowhere" },
      http = { retry_s = 1 } })
    reeve.connector(w.home, "other", { plugin = "acme", settings = { api_url = w.sim.url } })
  end

  it("two connectors work", function()
    more_connectors()
    local p = waiting_sync()
    local r = w:run { "sync", "other" }
    assert.equal(0, r.code, r.err)
    assert.is_true(reeve.alive(p.pid))
    go(p)
    assert.equal(acme.state_of(w.home, "other"), w:state())
  end)

  it("sync --all runs each in a process of its own, says a line for each, and ends with the most urgent", function()
    more_connectors()
    local r = w:run { "sync", "--all", "--jobs", "2" }
    assert.equal(5, r.code, r.err)
    assert.is_truthy(r.err:find("acme: ok\n", 1, true), r.err)
    assert.is_truthy(r.err:find("other: ok\n", 1, true), r.err)
    assert.is_truthy(r.err:find("bad: unavailable\n", 1, true), r.err)
    local a, b = w:last(), reeve.json((reeve.ok { "runs", "other", "-o", "json", home = w.home }))[1]
    assert.are_not.equal(a.pid, b.pid)
  end)

  it("sync --all: a connector whose file is broken keeps no other from its sync", function()
    more_connectors()
    reeve.connector(w.home, "broken", "{ not JSON")
    local r = w:run { "sync", "--all" }
    assert.equal(3, r.code, r.err)
    assert.is_truthy(r.err:find("acme: ok\n", 1, true), r.err)
    assert.is_truthy(r.err:find("broken: config\n", 1, true), r.err)
    assert.equal(2, w:run({ "sync", "acme", "nobody" }).code)
  end)

  it("sync --all hands SIGTERM on to those that it started, and waits for them", function()
    more_connectors()
    os.remove(w.home .. "/connectors/bad.json")
    w.sim:faults { "GET /users: hold" }
    w:forget()
    local p = reeve.start { "sync", "--all", home = w.home }
    reeve.await(function() return w:asked("GET /users") == 2 end, "both requests")
    p:kill("TERM")
    assert.equal(143, p:wait().code)
    w.sim:faults {}
    w:synced()
    assert.equal(1, w:last().run)
  end)
end)

describe("the most urgent status of several", function()
  it("is the first of 9 3 4 6 5 1 7 8 0, whatever the order", function()
    local out = reeve.engine [[
      local exit, order = require "exit", { 9, 3, 4, 6, 5, 1, 7, 8, 0 }
      for i = 1, #order do
        for j = i, #order do
          assert(exit.urgent { order[i], order[j] } == order[i])
          assert(exit.urgent { order[j], order[i] } == order[i])
        end
      end
      print "all"
    ]]
    assert.equal("all\n", out)
  end)
end)

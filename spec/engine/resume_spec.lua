-- A run that was cut short: when the next one goes on with it, and when it starts afresh.
local acme = require "acme"
local reeve = require "reeve"
local items = acme.items

describe("a run that was cut short", function()
  local w

  after_each(function()
    if w then w:stop() end
    w = nil
  end)

  local CONNECTOR = [[
M.list = { org = all("org", "/orgs"), team = all("team", "/teams"), user = all("user", "/users") }]]

  -- Two lists that end, and one that fails at its third page.
  local function world(third)
    return {
      ["/orgs"] = items { { id = "o1" } },
      ["/teams"] = items { { id = "t1" }, { id = "t2" } },
      ["/users"] = { pages = { items({ { id = "u1" } }, 2), items({ { id = "u2" } }, 3),
        third or items { { id = "u3" } } } },
    }
  end

  local function cut_short(spec)
    spec = spec or {}
    spec.connector = spec.connector or CONNECTOR
    w = acme.new(spec)
    w:world(world { status = 404 })
    w:synced(5)
    w:world(world())
    w:forget()
  end

  local function assert_afresh()
    w:synced()
    assert.equal(1, w:asked("GET /orgs"))
    assert.equal(3, w:asked("GET /users"))
    assert.equal("u1 u2 u3", w:ids("user"))
    assert.equal(2, w:last().run)
  end

  it("is gone on with from its last page: lists that ended are not asked again", function()
    cut_short()
    w:synced()
    assert.equal(1, w:asked("."))
    assert.equal(1, w:asked("GET /users%?cursor=3 200"))
    assert.equal("u1 u2 u3", w:ids("user"))
    local run = w:last()
    assert.equal(1, run.run)
    assert.equal("accepted", run.state)
    assert.equal(3, acme.account(run, "user").seen)
    assert.equal(3, acme.account(run, "user").pages)
    assert.equal(2, acme.account(run, "team").seen)
    local fresh = w:fresh()
    fresh:synced()
    assert.equal(fresh:state(), w:state())
  end)

  -- How many pages of all lists the store has of the run under way: the second number of each value (host/store/seq.h).
  local function pages_written()
    return tonumber((reeve.engine([[
      local env, n = require("host.store").open(..., { dbs = { "prog" } }), 0
      for _, value in env and env:each("prog") or function() end do n = n + ("<I4"):unpack(value, 5) end
      print(n)]], { w.home .. "/state/connectors/acme" })))
  end

  it("is gone on with after kill -9, from pages that ended a while before", function()
    w = acme.new { connector = CONNECTOR, world = world() }
    w.sim:faults { "GET /users?cursor=3: hold" }
    local p = w:start()
    -- Pages that ended are written at the latest with the next look around, half a second later.
    reeve.await(function() return pages_written() == 4 end, "four pages in the store")
    p:kill("KILL")
    p:wait()
    w.sim:faults {}
    w:forget()
    w:synced()
    assert.equal(1, w:asked("."))
    assert.equal("u1 u2 u3", w:ids("user"))
  end)

  it("keeps the warnings of lists that are not asked again", function()
    cut_short { connector = CONNECTOR:gsub('all%("org", "/orgs"%)', [[function(ctx)
      ctx.warn("one of the orgs is archived")
      for x in ctx.http:get("/orgs"):each("items") do ctx.emit("org", x) end
    end]]) }
    w:synced()
    assert.equal(0, w:asked("GET /orgs"))
    assert.same({ "one of the orgs is archived" }, w:last().warnings)
  end)

  it("starts afresh with --fresh", function()
    cut_short()
    w:synced(0, { "--fresh" })
    assert.equal(3, w:asked("GET /users"))
    assert.equal(2, w:last().run)
    assert.equal("failed", reeve.json((reeve.ok { "runs", "acme", "-o", "json", home = w.home }))[2].state)
  end)

  it("starts afresh when a setting changed, and goes on when only a secret or a limit did", function()
    cut_short()
    w:write { connector = CONNECTOR, connector_file = { http = { retry_s = 2 } } }
    w:world(world { status = 404 })
    w:synced(5)
    assert.equal(0, w:asked("GET /orgs"))
    w:world(world())
    w:forget()
    w:write { connector = CONNECTOR, settings = { note = "another" } }
    assert_afresh()
  end)

  it("starts afresh when the plugin changed", function()
    cut_short()
    w:write { connector = CONNECTOR, version = "1.0.1" }
    assert_afresh()
  end)

  it("starts afresh when the operator's mapping changed", function()
    cut_short()
    reeve.write(w.home .. "/scripts/m.lua", "return { user = function(raw, record) return record end }")
    w:write { connector = CONNECTOR, connector_file = { mapping = "scripts/m.lua" } }
    assert_afresh()
  end)

  -- Makes the run's last sign of life `seconds` older.
  local function age(seconds)
    reeve.engine(([[
      local json, sys = require "host.json", require "host.sys"
      local st = assert(require("host.state").open(..., { write = true }))
      local n = st:meta().open
      local record = json.decode(st:run(n))
      record.progress_at = sys.time(sys.now() - %d)
      assert(st:put_run(n, json.encode(record)))
      st:close()
    ]]):format(seconds), { w.home .. "/state/connectors/acme" })
  end

  it("is gone on with within two hours", function()
    cut_short()
    age(7000)
    w:synced()
    assert.equal(1, w:asked("."))
  end)

  it("starts afresh after two hours without progress", function()
    cut_short()
    age(7300)
    assert_afresh()
  end)

  it("starts afresh where its cursor was sealed with another key", function()
    cut_short()
    assert(os.remove(w.home .. "/key"))
    local r = w:synced()
    assert.equal(3, w:asked("GET /users"))
    assert.equal("u1 u2 u3", w:ids("user"))
    assert.equal(2, w:last().run)
    assert.is_truthy(r.err:find("another key", 1, true))
  end)

  it("does not belong to a plan, which leaves nothing behind when it is told to end", function()
    cut_short()
    w.sim:faults { "GET /orgs: hold" }
    local p = reeve.start { "plan", "acme", home = w.home }
    reeve.await(function() return w:asked("GET /orgs") == 1 end, "the request")
    p:kill("TERM")
    assert.equal(143, p:wait().code)
    assert.is_truthy(p.err:find("nothing was changed", 1, true), p.err)
    assert.equal("", (reeve.shell(("ls %s/state/connectors/acme | grep plan"):format(w.home))))
    w.sim:faults {}
    w:forget()
    w:synced()
    assert.equal(1, w:asked("."))
  end)

  for signal, number in pairs { TERM = 15, INT = 2, HUP = 1 } do
    it("by SIG" .. signal .. " ends with 128 + the signal, and is gone on with", function()
      w = acme.new { connector = CONNECTOR, world = world() }
      w.sim:faults { "GET /users?cursor=3: hold" }
      local p = w:start()
      reeve.await(function() return w:asked("GET /users%?cursor=3") == 1 end, "the third page")
      p:kill(signal)
      assert.equal(128 + number, p:wait().code)
      assert.is_nil(p.signal)
      assert.is_truthy(p.err:find("signal " .. number, 1, true))
      w.sim:faults {}
      w:forget()
      w:synced()
      assert.equal(1, w:asked("."))
      assert.equal("u1 u2 u3", w:ids("user"))
    end)
  end
end)

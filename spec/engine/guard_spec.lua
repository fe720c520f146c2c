-- The guard: changes nobody should believe without a look are held; and what can be done about a held run.
local acme = require "acme"
local reeve = require "reeve"

local RESOURCES = [[
  user = { title = "User", trait = "user", never_empty = true },
  team = { title = "Team", trait = "group", entitlements = {
    member = { title = "{name} member", purpose = "assignment", grantable_to = { "user" } },
    admin = { title = "{name} admin", purpose = "assignment", grantable_to = { "user" }, privileged = true } } },
  }, volatile = { "profile.seen"
]]

local MAPPING = [[
return {
  user = function(raw)
    local grants = {}
    for i, slug in ipairs(raw.slugs or {}) do grants[i] = { on = { type = "team", id = "t1" }, slug = slug } end
    return { id = raw.id, name = raw.name, status = raw.status, last_login_at = raw.login,
      profile = { room = raw.room, floor = raw.floor, seen = raw.seen }, grants = grants }
  end,
  team = function(raw) return { id = raw.id, name = raw.name } end,
}
]]

local CONNECTOR = [[ M.list = { user = all("user", "/users"), team = all("team", "/teams") } ]]

-- n users, each as `make(i)` says beside its id and name.
local function users(n, make)
  local list = {}
  for i = 1, n do
    list[i] = make and make(i) or {}
    list[i].id, list[i].name = ("u%02d"):format(i), "User " .. i
  end
  return list
end

local function world(list)
  return { ["/users"] = acme.items(list), ["/teams"] = acme.items { { id = "t1", name = "One" } } }
end

local w
setup(function() w = acme.new { connector = CONNECTOR, mapping = MAPPING, resources = RESOURCES } end)
teardown(function() w:stop() end)

-- A home of its own, with other keys in the connector's file, and a target with these users.
local function new(list, keys)
  w.home, w.spec.connector_file = reeve.home(), keys
  w:write(w.spec)
  w:world(world(list))
end

local function synced(list, keys)
  new(list, keys)
  w:synced(0)
end

local function says(r, ...)
  for _, words in ipairs { ... } do
    assert.is_truthy(r.err:find(words, 1, true), ("'%s' is not in: %s"):format(words, r.err))
  end
end

-- The next sync, which finds these users, is held for the reason given, and changes nothing.
local function held(list, ...)
  local before = w:state()
  w:world(world(list))
  local r = w:synced(6)
  says(r, "held", "reeve accept acme", "reeve reject acme", ...)
  assert.are.equal(before, w:state())
  return r
end

local function passes(list)
  w:world(world(list))
  w:synced(0)
  assert.are.equal(#list, #w:list("user"))
end

local function reeve_is(code, words)
  local r = w:run(words)
  assert.are.equal(code, r.code, table.concat(words, " ") .. ": " .. r.out .. r.err)
  return r
end

local function run_json(command, ...) return reeve.json(reeve_is(0, { command, "-o", "json", ... }).out) end

local function status() return run_json("status", "acme") end

local function with(field, count, value)
  return function(i) return i <= count and { [field] = value } or {} end
end

describe("the guard holds a run that would", function()
  it("remove more than 30 % of a type, and lets 30 % pass", function()
    synced(users(10))
    held(users(6), "4 of 10 user would be removed (40%); the limit is 30%")
    passes(users(7))
  end)

  it("change one field of more than half of a type, and lets half pass", function()
    synced(users(10, function() return { status = "enabled", room = "1", floor = "1" } end))
    local function gone(i) return { status = i <= 6 and "disabled" or "enabled", room = "1", floor = "1" } end
    held(users(10, gone), "status of 6 of 10 user", "50%")
    held(users(10, function(i) return { status = "enabled", room = i <= 6 and "2" or "1", floor = "1" } end),
      "profile.room of 6 of 10 user")
    -- Every user changes, but each field of half of them only.
    local function half(i) return { status = "enabled", room = i <= 5 and "2" or "1", floor = i > 5 and "2" or "1" } end
    passes(users(10, half))
  end)

  it("give a privileged entitlement more than 5 new holders, and lets 5 pass", function()
    synced(users(20))
    held(users(20, with("slugs", 6, { "admin" })), "team/t1:admin is privileged and would gain 6 holders", "5")
    passes(users(20, function(i) return { slugs = i <= 5 and { "admin", "member" } or { "member" } } end))
  end)

  it("take more than 30 % of its holders from an entitlement", function()
    synced(users(10, with("slugs", 10, { "member" })))
    held(users(10, with("slugs", 6, { "member" })), "4 of 10 holders of team/t1:member would be removed")
    passes(users(10, with("slugs", 7, { "member" })))
  end)

  it("empty a type that is never empty", function()
    synced(users(2)) -- too few for percentages
    held({}, "there would be no user at all")
    passes(users(1))
  end)

  it("not for what happens to fewer than 3 records", function()
    synced(users(2, with("status", 2, "enabled")))
    passes(users(1, with("status", 1, "disabled")))
    synced(users(3))
    held(users(2), "1 of 3 user")
  end)

  it("not for fields that change by themselves: everybody logged in since yesterday", function()
    synced(users(10, function() return { login = "2026-01-01T08:00:00Z", seen = "a" } end))
    passes(users(10, function() return { login = "2026-01-02T08:00:00Z", seen = "b" } end))
    assert.are.equal(10, w:last().changes.user.changed)
  end)
end)

describe("the guard's limits", function()
  it("may be numbers, percentages, and of one entitlement", function()
    synced(users(10), { guard = { user = { removed = 1, changed = "10%" }, ["team:admin"] = { gained = 0 },
      ["team:member"] = { removed = 0 } } })
    held(users(8), "2 of 10 user would be removed", "the limit is 1")
    held(users(10, with("room", 2, "x")), "profile.room of 2 of 10", "the limit is 10%")
    held(users(10, with("slugs", 1, { "admin" })), "gain 1 holders; the limit is 0")
    passes(users(9, function(i) return i == 1 and { room = "x", slugs = { "member" } } or {} end))
    held(users(9, with("room", 1, "x")), "1 of 1 holders of team/t1:member", "the limit is 0")
  end)

  it("may be lifted: 100 %", function()
    synced(users(10), { guard = { user = { removed = "100%", changed = "100%" } } })
    passes(users(1, with("status", 1, "disabled")))
    held({}, "no user at all")
  end)
end)

describe("a first run", function()
  it("that finds nobody is held, and there is no state until it is accepted", function()
    new {}
    says(w:synced(6), "there would be no user at all")
    assert.are.equal("Held", status().label)
    says(reeve_is(1, { "list", "acme", "user" }), "no run was accepted yet", "reeve accept acme")
    reeve_is(0, { "accept", "acme" })
    assert.are.same({ "Connected", "", "t1" }, { status().label, w:ids("user"), w:ids("team") })
  end)

  it("that finds nobody is believed with --allow-empty", function()
    new {}
    w:synced(0, { "--allow-empty" })
    assert.are.equal("t1", w:ids("team"))
  end)

  it("is compared with nothing: all else is believed", function()
    synced(users(20, with("slugs", 20, { "admin" })))
  end)
end)

describe("--allow-empty", function()
  it("believes that everybody is gone, with all they held", function()
    synced(users(10, with("slugs", 10, { "member", "admin" })))
    held({}, "no user at all", "10 of 10 user would be removed", "10 of 10 holders of team/t1:admin")
    w:synced(0, { "--allow-empty" })
    assert.are.equal("", w:ids("user"))
    assert.are.equal("", w:grants())
    assert.is_nil(status().held_run)
  end)

  it("believes nothing else", function()
    synced(users(10, with("slugs", 10, { "member" })))
    w:world(world(users(5, with("slugs", 5, { "member" }))))
    says(w:synced(6, { "--allow-empty" }), "5 of 10 user would be removed", "5 of 10 holders of team/t1:member")
    w:world(world(users(10, with("slugs", 4, { "member" }))))
    says(w:synced(6, { "--allow-empty" }), "6 of 10 holders of team/t1:member")
  end)
end)

describe("a held run", function()
  before_each(function()
    synced(users(10, with("room", 10, "1")))
    held(users(5, with("room", 5, "1")))
  end)

  it("is shown by status, runs and diff, and says what else changed", function()
    local facts = status()
    assert.are.same({ "Held", 2, 1 }, { facts.label, facts.held_run, facts.accepted_run })
    says(reeve_is(6, { "status", "acme", "--check" }), "Held", "5 of 10 user")
    local shown = reeve_is(0, { "status" })
    assert.matches("^NAME  LABEL .-\nacme  Held .-\nacme: run 2 waits for `reeve accept acme`: 5 of 10 user would be "
      .. "removed %(50%%%); the limit is 30%%\n$", shown.out) -- in no column, which a narrow terminal would leave out
    assert.matches("\ncounts +1 team, 10 user\n", reeve_is(0, { "status", "acme" }).out)
    assert.are.equal("held", w:last().state)
    local gone = {}
    for i, row in ipairs(run_json("diff", "acme", "2")) do
      assert.are.same({ "removed", "resource" }, { row.op, row.kind })
      gone[i] = row.id
    end
    table.sort(gone)
    assert.are.equal("u06 u07 u08 u09 u10", table.concat(gone, " "))
    says(w:synced(6), "plugin, mapping and settings are those of run 1")
    w:write(setmetatable({ settings = { note = "other" } }, { __index = w.spec }))
    says(w:synced(6), "since run 1 there changed: the settings")
  end)

  it("is published by accept, with reason and name kept", function()
    reeve_is(0, { "accept", "acme", "2", "--reason", "Berlin is closed" })
    assert.are.equal("u01 u02 u03 u04 u05", w:ids("user"))
    assert.are.equal("Connected", status().label)
    assert.are.equal("Berlin is closed", w:last().decision.reason)
    assert.are.equal("accept", w:last().decision.action)
    local audited = {}
    for _, entry in ipairs(run_json("audit")) do audited[entry.action] = entry end
    assert.are.same({ "Berlin is closed", 2 }, { audited.accept.reason, audited.accept.run })
    w:synced(0)
    assert.are.equal("u01 u02 u03 u04 u05", w:ids("user"))
    says(reeve_is(1, { "accept", "acme" }), "no run is held")
  end)

  it("is forgotten by reject, and held again by the next sync", function()
    local before = w:state()
    reeve_is(0, { "reject", "acme", "--reason", "an outage" })
    assert.are.same({ "rejected", "Connected" }, { w:last().state, status().label })
    assert.are.equal(before, w:state())
    says(reeve_is(1, { "reject", "acme" }), "no run is held")
    held(users(5, with("room", 5, "1")), "5 of 10 user")
    held(users(10, with("room", 10, "2")))
    reeve_is(0, { "accept", "acme" })
    assert.are.equal(10, w:last().changes.user.fields["profile.room"])
  end)

  it("is decided by its own number only", function()
    local before = w:state()
    for _, command in ipairs { "accept", "reject" } do
      says(reeve_is(1, { command, "acme", "1" }), "run 1 is not the held one (run 2 is); nothing was done")
      reeve_is(1, { command, "acme", "3" })
      reeve_is(2, { command, "acme", "last" })
      reeve_is(2, { command, "nobody" })
    end
    assert.are.same({ "Held", before }, { status().label, w:state() })
    reeve_is(0, { "accept", "acme", "2" })
  end)

  it("is closed by a sync within the guard", function()
    passes(users(9, with("room", 9, "1")))
    assert.are.equal("Connected", status().label)
    assert.are.same({ "accepted", "replaced" }, { w:last().state, run_json("runs", "acme")[2].state })
    reeve_is(1, { "accept", "acme" })
    assert.are.equal("u01 u02 u03 u04 u05 u06 u07 u08 u09", w:ids("user"))
  end)

  it("is replaced by a sync over the guard, and then that one is what accept means", function()
    held(users(4, with("room", 4, "1")), "6 of 10 user")
    assert.are.equal(3, status().held_run)
    assert.are.equal("replaced", run_json("runs", "acme")[2].state)
    says(reeve_is(1, { "accept", "acme", "2" }), "run 2 is not the held one (run 3 is)")
    reeve_is(0, { "accept", "acme", "3" })
    assert.are.equal("u01 u02 u03 u04", w:ids("user"))
  end)

  it("outlives a sync that fails, and can be accepted then", function()
    w:world { ["/users"] = { status = 404 }, ["/teams"] = acme.items {} }
    assert.are_not.equal(0, w:sync().code)
    assert.are.same({ "Held", 2 }, { status().label, status().held_run })
    reeve_is(0, { "accept", "acme" })
    assert.are.equal("u01 u02 u03 u04 u05", w:ids("user"))
    passes(users(5, with("room", 5, "1")))
  end)
end)

describe("--hold", function()
  it("never publishes by itself, however small the change", function()
    synced(users(10))
    w:world(world(users(11)))
    says(w:synced(6, { "--hold" }), "held", "+1")
    assert.are.equal(10, #w:list("user"))
    reeve_is(0, { "accept", "acme" })
    assert.are.equal(11, #w:list("user"))
    assert.are.equal("Connected", status().label)
  end)
end)

-- reeve new: the plugin that it writes runs as it is, and the mapping that it writes names what was really seen.
local acme = require "acme"
local reeve = require "reeve"

local function run(home, ...)
  return reeve.run { home = home, ... }
end

local function written(home, name)
  reeve.ok { "new", name, home = home }
  return home .. "/plugins/" .. name
end

describe("reeve new PLUGIN", function()
  local home, sim
  setup(function()
    home = reeve.home()
    written(home, "big-corp")
    sim = reeve.sim { plugin = "big-corp", home = home, users = 23, groups = 3, page = 10 }
    reeve.ok { "add", "big-corp", "main", "url=" .. sim.url, "client_id=sim-client-id", "client_secret=-",
      home = home, stdin = "sim-client-secret\n" }
  end)
  teardown(function() sim:stop() end)

  it("writes a plugin that syncs its own target: tokens, pages, and members of each group", function()
    sim:forget()
    reeve.ok { "sync", "main", home = home }
    assert.equal(23, #reeve.json((reeve.ok { "list", "main", "user", "-o", "json", home = home })))
    local grants = reeve.json((reeve.ok { "list", "main", "grants", "-o", "json", home = home }))
    assert.equal(3 * 11, #grants)
    assert.equal("member", grants[1].entitlement.slug)
    assert.equal("user", grants[1].principal.type)
    local asked = sim:requests().routes
    assert.equal(3, asked["GET /users"])
    assert.equal(3 * 2, asked["GET /groups/{id}/members"])
  end)

  it("writes a simulator that prints how to connect to it", function()
    local r = sim:connect()
    assert.equal(0, r.code, r.err)
    reeve.ok { "check", "big-corp", home = home }
  end)

  it("says what it is called, and nobody else's name", function()
    local out = reeve.ok { "plugins", "-o", "json", home = home }
    local found
    for _, plugin in ipairs(reeve.json(out)) do found = plugin.name == "big-corp" and plugin or found end
    assert.equal("0.1.0", found.version)
    for _, file in ipairs { "plugin.lua", "connector.lua", "mapping.lua", "simulator.lua", "README.md",
      "test/scenarios.lua" } do
      local text = reeve.read(home .. "/plugins/big-corp/" .. file)
      assert.falsy(text:find("@%u+@"), file)
    end
    assert.truthy(reeve.read(home .. "/plugins/big-corp/README.md"):find("# Big corp\n", 1, true))
  end)

  it("writes a simulator whose data drift", function()
    sim:set { drift = "0.1" }
    reeve.ok { "sync", "main", home = home }
    local changes = reeve.json((reeve.ok { "diff", "main", "-o", "json", home = home }))
    assert.equal(2, #changes)
    sim:set { drift = "0" }
  end)

  it("passes reeve lint and reeve test", function()
    for _, words in ipairs { "lint --strict", "test --update", "test" } do
      local command, flag = words:match("^(%l+) ?(%S*)$")
      local r = run(home, command, "big-corp", table.unpack(flag ~= "" and { flag } or {}))
      assert.equal(0, r.code, r.out .. r.err)
    end
  end)

  it("replaces nothing", function()
    local folder = written(home, "mine")
    reeve.write(folder .. "/mapping.lua", "return 'my work'")
    local r = run(home, "new", "mine")
    assert.equal(2, r.code)
    assert.matches("mine is there already; nothing was written", r.err)
    assert.equal("return 'my work'", reeve.read(folder .. "/mapping.lua"))
  end)

  it("leaves nothing where not all of it can be written", function()
    local dir = reeve.folder()
    reeve.shell(("trap '' XFSZ; ulimit -f 1; %s --home %s new mine --dir %s 2>&1; true"):format(
      reeve.quote(reeve.bin), reeve.quote(home), reeve.quote(dir)))
    assert.equal("", reeve.shell("ls -A " .. reeve.quote(dir)))
    assert.equal(0, run(home, "new", "mine", "--dir", dir).code)
  end)

  it("refuses what is no name, and writes nothing", function()
    local empty = reeve.folder()
    for _, name in ipairs { "Acme", "../x", "a/b", "1st", "", ("a"):rep(64), "a b", ".a" } do
      local r = run(empty .. "/home", "new", name)
      assert.equal(2, r.code, name)
      assert.matches("is not a plugin's name", r.err)
    end
    assert.is_nil(reeve.read(empty .. "/home/plugins"))
    assert.equal(2, run(empty, "new", "acme", "more").code)
    assert.equal(2, run(empty, "new", "acme", "-f", "x").code)
    assert.equal(2, run(empty, "new", "mapping").code)
  end)

  it("says when it takes the place of a plugin that comes with Reeve", function()
    local _, err = reeve.ok { "new", "scim", home = reeve.home() }
    assert.matches("yours takes its place", err)
  end)

  it("writes elsewhere where it is told, and says that Reeve does not look there", function()
    local dir, other = reeve.folder(), reeve.home()
    local _, err = reeve.ok { "new", "acme", "--dir", dir, home = other }
    assert.truthy(reeve.read(dir .. "/acme/plugin.lua"))
    assert.truthy(err:find("Reeve looks for plugins in " .. other .. "/plugins", 1, true), err)
  end)
end)

describe("reeve new mapping", function()
  local w, other
  teardown(function()
    for _, world in ipairs { w, other } do world:stop() end
  end)

  local function script(world, ...)
    local path = world.home .. "/scripts/acme.lua"
    os.remove(path)
    local r = world:run { "new", "mapping", "acme", ... }
    assert.equal(0, r.code, r.err)
    return reeve.read(path), r.err
  end

  -- "raw.id": { "100 %", "integer" }, of one function.
  local function fields(text, kind)
    local found = {}
    local part = text:match("%d+ objects?\n([^=]*)\n  " .. kind .. " = function")
    for path, share, types in part:gmatch("%-%-   (%S+) +(<?%d+ %%)  ([%l ]+)") do
      found[path] = share .. " " .. types
    end
    return found
  end

  it("names the fields of the last run, how often they are there, their types, and no value", function()
    w = acme.new {
      connector = [[M.list = { user = all("user", "/users"), team = all("team", "/teams"),
        team_member = { per = "team", function(ctx, cursor, team)
          ctx.emit("team_member", { id = 1 }, { role_name = "Canary" })
        end } }]],
    }
    w:world { ["/teams"] = acme.items {
      { id = "a", name = "Canary", words = reeve.array { "Canary" }, parts = reeve.array { { of = "Canary" } } },
      { id = "b", words = reeve.array {} } }, ["/users"] = acme.items {
      { id = 1, name = "Canary", address = { city = "Canary", geo = { lat = 1.5 } }, tags = reeve.array { "Canary" } },
      { id = 2, name = "Canary", manager = 7,
        emails = reeve.array { { value = "canary@example.com" }, { main = true } } },
      { id = "x", name = reeve.null, active = true, manager = "7",
        logins = { ["canary@example.com"] = 1, ["canary\n@example.com"] = 2 } },
    } }
    w:synced(0)
    local text = script(w)
    assert.same({
      ["raw.id"] = "100 % integer or string", ["raw.name"] = "66 % string", ["raw.address"] = "33 % object",
      ["raw.address.city"] = "33 % string", ["raw.address.geo"] = "33 % object", ["raw.tags"] = "33 % array",
      ["raw.emails"] = "33 % array", ["raw.emails[].value"] = "33 % string", ["raw.emails[].main"] = "33 % boolean",
      ["raw.manager"] = "66 % integer or string", ["raw.active"] = "33 % boolean",
      ["raw.logins"] = "33 % object", ["raw.logins[*]"] = "33 % integer",
    }, fields(text, "user"))
    assert.same({ ["raw.id"] = "100 % string", ["raw.name"] = "50 % string", ["raw.words"] = "100 % array",
      ["raw.parts"] = "50 % array", ["raw.parts[].of"] = "50 % string" }, fields(text, "team"))
    assert.same({ ["raw.id"] = "100 % integer", ["at.with.role_name"] = "100 % string" }, fields(text, "team_member"))
    assert.falsy(text:lower():find("canary"))
  end)

  it("writes a script that changes nothing, for every kind of the plugin", function()
    local text = script(w)
    for _, kind in ipairs { "user", "team", "org", "team_member" } do
      local lines = "\n  %s = function(raw, record, at)\n    return record\n  end,\n"
      assert.truthy(text:find(lines:format(kind), 1, true), kind)
    end
    assert.equal(0, w:run({ "lint", w.home .. "/scripts/acme.lua", "--strict" }).code)
    assert.equal(0, w:run({ "set", "acme", "mapping=scripts/acme.lua", "--no-check" }).code)
    local r = w:run { "plan", "acme", "--offline", "--exit-code" }
    assert.equal(0, r.code, r.err)
  end)

  it("replaces nothing; -f names another file", function()
    local path = w.home .. "/scripts/acme.lua"
    reeve.write(path, "-- my work")
    local r = w:run { "new", "mapping", "acme" }
    assert.equal(2, r.code)
    assert.matches("is there already; nothing was written", r.err)
    assert.equal("-- my work", reeve.read(path))
    r = w:run { "new", "mapping", "acme", "-f", w.home .. "/scripts/second.lua" }
    assert.matches("mapping=scripts/second.lua", r.err)
    local at, comments = nil, 0
    for line in r.err:gmatch("[^\n]+") do -- what each step is for stands in one column
      local from = line:find("  # ", 1, true)
      at, comments = at or from, comments + (from and 1 or 0)
      assert.equal(from and at, from, line)
    end
    assert.equal(3, comments)
    assert.truthy(reeve.read(w.home .. "/scripts/second.lua"))
    r = w:run { "new", "mapping", "acme", "-f", reeve.folder() .. "/a.lua" }
    assert.matches("a mapping lies in the home", r.err)
    assert.equal(2, w:run({ "new", "mapping", "acne" }).code)
  end)

  it("says why it names no fields", function()
    other = acme.new { connector = 'M.list = { user = all("user", "/users") }',
      world = { ["/users"] = acme.items { { id = 1, name = "n" } } }, config = { keep_raw = false } }
    local text, err = script(other)
    assert.matches("no run of acme was accepted yet", err)
    assert.truthy(text:find("\n  user = function(raw, record, at)", 1, true))
    other:synced(0)
    text, err = script(other)
    assert.matches("raw objects were not kept", err)
    assert.falsy(text:find("raw.id", 1, true))
  end)

  it("keeps bounded what a target with endless names would make of it", function()
    local users = {}
    for i = 1, 20 do
      users[i] = { id = i, name = "n" }
      for k = 1, 100 do users[i][("k%d_%d"):format(i, k)] = k end
    end
    other:write { connector = 'M.list = { user = all("user", "/users") }' }
    other:world { ["/users"] = acme.items(users) }
    reeve.write(other.home .. "/reeve.json", "{}")
    other:synced(0)
    local n = 0
    for _ in pairs(fields(script(other), "user")) do n = n + 1 end
    assert.is_true(n > 10 and n <= 61, "names: " .. n)
  end)
end)

describe("a mapping saved halfway", function()
  local w
  teardown(function() w:stop() end)

  it("ends the run with file and line, and nothing changes", function()
    w = acme.new { connector = 'M.list = { user = all("user", "/users") }',
      connector_file = { mapping = "scripts/acme.lua" },
      world = { ["/users"] = acme.items { { id = 1, name = "n" } } } }
    local whole = "return {\n  user = function(raw, record)\n    record.name = 'N'\n    return record\n"
      .. "  end,\n}\n"
    local path = w.home .. "/scripts/acme.lua"
    reeve.write(path, whole)
    w:synced(0)
    local before, last = w:state(), w:last().run
    w:world { ["/users"] = acme.items { { id = 1, name = "other" }, { id = 2, name = "new" } } }
    for _, half in ipairs { whole:sub(1, 60), "" } do
      reeve.write(path, half)
      local r = w:sync()
      assert.equal(3, r.code, r.err)
      assert.truthy(r.err:find("scripts/acme.lua", 1, true), r.err)
      if half ~= "" then assert.truthy(r.err:find("scripts/acme.lua:%d"), r.err) end
      assert.equal(before, w:state())
    end
    reeve.write(path, whole)
    w:synced(0)
    assert.truthy(w:state() ~= before)
    assert.is_true(w:last().run > last)
  end)
end)

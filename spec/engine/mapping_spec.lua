-- Operators' mappings in whole runs: what they may do, and what becomes of a record they fail for.
local reeve = require "reeve"

local MANIFEST = [[return { api = 1, name = "acme", version = "1.0.0", title = "Acme", resources = {
  user = { title = "User", trait = "user" },
  team = { title = "Team", trait = "group", entitlements = { member = { title = "{name} member" } } } } }]]

-- Twelve people, all in one team: one of them is less than a tenth.
local CONNECTOR = [[return { list = {
  user = function(ctx)
    for i = 1, 12 do
      ctx.emit("user", { id = "u" .. i, name = "User " .. i, mail = "secret-" .. i .. "@acme.test" })
    end
  end,
  team = function(ctx) ctx.emit("team", { id = "t1", name = "Team" }) end } }]]

local MAPPING = [[return {
  user = function(raw)
    local grant = { on = { type = "team", id = "t1" }, slug = "member" }
    return { id = raw.id, name = raw.name, email = raw.mail, grants = { grant } }
  end,
  team = function(raw) return { id = raw.id, name = raw.name } end }]]

local GUARD = { user = { removed = "100%", changed = "100%" }, team = { removed = "100%", changed = "100%" },
  ["team:member"] = { removed = "100%" } }

describe("an operator's mapping", function()
  local home

  before_each(function()
    home = reeve.home()
    reeve.plugin(home, "acme", { ["plugin.lua"] = MANIFEST, ["connector.lua"] = CONNECTOR, ["mapping.lua"] = MAPPING })
  end)

  local function connect(more)
    local file = { plugin = "acme", settings = {}, guard = GUARD }
    for name, value in pairs(more or {}) do file[name] = value end
    reeve.connector(home, "main", file)
  end

  -- A run with this function for users; `body` is what it does with raw, record and at.
  local function sync(body, code, more, head)
    local text = "return { %s user = function(raw, record, at)\n%s\nend }\n"
    reeve.write(home .. "/scripts/m.lua", text:format(head or "", body))
    local keys = { mapping = "scripts/m.lua" }
    for name, value in pairs(more or {}) do keys[name] = value end
    connect(keys)
    local r = reeve.run { "sync", "main", home = home }
    assert.equal(code, r.code, r.err)
    return r
  end

  local function list(type)
    return reeve.json(reeve.ok { "list", "main", type, "-o", "json", home = home })
  end

  local function user(id)
    for _, record in ipairs(list("user")) do
      if record.id == id then return record end
    end
  end

  local function without()
    connect()
    reeve.ok { "sync", "main", home = home }
  end

  it("that raises on one record sets it aside with script, line and id, and keeps the version before", function()
    without()
    local body = 'if raw.id == "u3" then error("no value of " .. raw.mail) end\nrecord.name = "New"\nreturn record'
    local r = sync(body, 7)
    assert.equal("User 3", user("u3").name)
    assert.equal("New", user("u4").name)
    assert.equal(12, #list("grants"))
    local excluded = list("excluded")
    assert.equal(1, #excluded)
    assert.equal("u3", excluded[1].id)
    assert.equal("set_aside", excluded[1].why)
    assert.match("scripts/m.lua:2: ", excluded[1].reason, 1, true)
    local log = reeve.ok { "log", "main", home = home }
    for _, text in ipairs { r.err, excluded[1].reason, log } do
      assert.is_nil(text:find("secret-3", 1, true), text)
    end
    sync('record.name = "Newer"\nreturn record', 0)
    assert.equal("Newer", user("u3").name)
    assert.equal(0, #list("excluded"))
  end)

  it("that fails for more than are tolerated fails the run, and nothing changes", function()
    without()
    local body = 'if raw.id == "u3" or raw.id == "u4" then return record.nothing.at_all end\nreturn record'
    local r = sync(body, 3)
    assert.match("2 of", r.err, 1, true)
    assert.match("scripts/m.lua:2: attempt to index a nil value (field 'nothing')", r.err, 1, true)
    assert.equal("User 3", user("u3").name)
    sync(body, 7, { tolerate = { mapping_errors = "50%" } })
    sync(body, 0, { tolerate = { mapping_errors = "50%", set_aside = 2 } })
  end)

  local rubbish = {
    ["a string"] = 'return "u3"', ["another id"] = 'record.id = "u99"\nreturn record',
    ["another type"] = 'record.type = "team"\nreturn record',
    ["a field that is none"] = 'record.mail = "x"\nreturn record',
    ["a function"] = "record.name = function() end\nreturn record",
    ["a circle"] = "record.profile = record\nreturn record",
    ["no number"] = "record.profile = { n = 0/0 }\nreturn record",
    ["a wrong status"] = 'record.status = "gone"\nreturn record',
  }
  for what, body in pairs(rubbish) do
    it("that returns " .. what .. " sets the record aside", function()
      without()
      sync('if raw.id ~= "u3" then return record end\n' .. body, 7)
      assert.equal("User 3", user("u3").name)
      assert.is_nil(user("u99"))
      local excluded = list("excluded")
      assert.equal(1, #excluded)
      assert.equal("u3", excluded[1].id)
      assert.match("scripts/m.lua: ", excluded[1].reason, 1, true)
    end)
  end

  it("that returns nil skips the object, and grants to it", function()
    without()
    sync('if raw.id == "u3" then return nil end\nreturn record', 0)
    assert.is_nil(user("u3"))
    assert.equal(11, #list("grants"))
    local excluded = list("excluded")
    assert.equal(1, #excluded)
    assert.equal("skipped", excluded[1].why)
    sync("return record", 0)
    assert.equal(12, #list("grants"))
  end)

  it("that skips what grants are on skips them, and no run is partial for it", function()
    without()
    reeve.write(home .. "/scripts/m.lua", "return { team = function() return nil end }")
    connect { mapping = "scripts/m.lua" }
    local r = reeve.run { "sync", "main", home = home }
    assert.equal(0, r.code, r.err)
    assert.equal(0, #list("grants"))
    for _, item in ipairs(list("excluded")) do assert.equal("skipped", item.why) end
  end)

  it("that was saved halfway says so, and nothing changes", function()
    without()
    reeve.write(home .. "/scripts/m.lua", "return { user = function(raw, record)\n  record.name = ")
    connect { mapping = "scripts/m.lua" }
    local r = reeve.run { "sync", "main", home = home }
    assert.equal(3, r.code, r.err)
    assert.match("scripts/m.lua:", r.err, 1, true)
    assert.equal("User 3", user("u3").name)
  end)

  it("is not called again for what it was called for, and is when it changes", function()
    local function remembered()
      local run = reeve.json(reeve.ok { "runs", "main", "-o", "json", home = home })[1]
      local n = 0
      for _, account in ipairs(run.lists) do n = n + account.remembered end
      return n
    end
    sync('record.name = "One"\nreturn record', 0)
    assert.equal(0, remembered())
    sync('record.name = "One"\nreturn record', 0)
    assert.equal(13, remembered())
    sync('record.name = "Two"\nreturn record', 0)
    assert.equal(0, remembered())
    assert.equal("Two", user("u3").name)
  end)

  it("sees the day where it depends on it, and not otherwise", function()
    sync('record.description = at.day or "none"\nreturn record', 0)
    assert.equal("none", user("u3").description)
    sync('record.description = at.day or "none"\nreturn record', 0, nil, "depends_on_day = true,")
    assert.match("^%d%d%d%d%-%d%d%-%d%d$", user("u3").description)
  end)
end)

describe("a plugin's mapping", function()
  local home

  -- A run in which users get this id (an expression), and u3 what `body` makes of it.
  local function sync(id, body, code)
    reeve.plugin(home, "acme", { ["mapping.lua"] = ([[return {
      user = function(raw)
        if raw.id == "u3" then %s end
        return { id = %s, name = raw.name }
      end,
      team = function(raw) return { id = raw.id, name = raw.name } end }]]):format(body, id) })
    local r = reeve.run { "sync", "main", home = home }
    assert.equal(code, r.code, r.err)
    return r.err
  end

  local function users()
    local names = {}
    for _, record in ipairs(reeve.json(reeve.ok { "list", "main", "user", "-o", "json", home = home })) do
      names[record.id] = record.name
    end
    return names
  end

  before_each(function()
    home = reeve.home()
    reeve.plugin(home, "acme", { ["plugin.lua"] = MANIFEST, ["connector.lua"] = CONNECTOR })
    reeve.connector(home, "main", { plugin = "acme", settings = {}, guard = GUARD })
  end)

  it("that fails where it makes ids of its own deletes nothing", function()
    local own = '"x-" .. raw.id'
    sync(own, "", 0)
    for _, body in ipairs { 'error("no")', 'return "rubbish"', 'return { id = "x-u3", type = "nothing" }' } do
      assert.match("list user: incomplete", sync(own, body, 7), 1, true)
      assert.equal("User 3", users()["x-u3"], body)
    end
  end)

  it("that fails where ids are the target's names the one, and its list is complete", function()
    sync("raw.id", "", 0)
    local err = sync("raw.id", 'error("no")', 7)
    assert.is_nil(err:find("incomplete", 1, true), err)
    assert.equal("User 3", users().u3)
  end)

  it("that fails again beside what is kept from before is counted once", function()
    sync("raw.id", "", 0)
    sync("raw.id", 'error("no")', 7)
    sync("raw.id", 'return { id = {} }', 7)
    sync("raw.id", "return {}", 7)
  end)
end)

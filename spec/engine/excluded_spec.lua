-- Records that cannot be believed: they are set aside and named, the rest is published, and what was known of
-- them before stays.
local acme = require "acme"
local reeve = require "reeve"
local workspace = require "workspace"

-- The excluded rows without their run, as "type id why: reason", sorted.
local function excluded(w)
  local rows = {}
  for i, row in ipairs(w:list("excluded")) do
    -- Which of the roles it is depends on the simulator's seed.
    local reason = row.reason:gsub("grant role/[%x-]+:", "grant role/ROLE:")
    rows[i] = ("%s %s %s: %s"):format(row.type, row.id or "-", row.why, reason)
  end
  table.sort(rows)
  return rows
end

describe("an odd user of the target", function()
  local w, usual
  setup(function()
    w = workspace.new { users = 10 }
    w:sync(0)
    usual = w:by_id("user")
  end)
  teardown(function() w:stop() end)

  local TWO <const> = "00000000-0000-4000-8000-000000000002"
  local function no_thing(id)
    return ("user %s set_aside: grant role/ROLE:member to user/%s: what it is on, or to, does not exist"):format(id, id)
  end
  local OTHERS <const> = "the same id came twice from one list, with different contents"
  -- What the simulator adds; the exit status; the id that is there then, if any; what is excluded.
  local cases = {
    { "twice", 0, "00000000-0000-4000-8000-000000000001" },
    { "two_contents", 7, nil, { no_thing(TWO), no_thing(TWO), ("user %s set_aside: %s"):format(TWO, OTHERS),
      ("user %s set_aside: %s"):format(TWO, OTHERS) } },
    { "no_id", 7, nil, { "user - set_aside: it has no id" } },
    { "integer_id", 0, "9007199254740993" },
    { "long_email", 0, "odd-long-email" },
    { "huge_email", 7, nil, { "user odd-huge-email set_aside: name: it is longer than 64 KiB" } },
    { "nul", 7, nil, { "user odd-nul set_aside: name: it holds a NUL" } },
    { "utf8", 7, nil, { "user odd-utf8 set_aside: email: it is not valid UTF-8" } },
    { "surrogate", 7, nil, { "user odd-surrogate set_aside: email: it is not valid UTF-8" } },
    { "unknown_role", 7, "odd-unknown-role", { no_thing "odd-unknown-role" } },
  }
  for _, case in ipairs(cases) do
    local name, code, id, out = table.unpack(case, 1, 4)
    it(name .. (out and " is set aside and named; the rest is published" or " is a user like others"), function()
      w:fresh()
      w.sim:set { odd = name }
      local r = w:sync(code)
      assert.are.equal(out and #out or nil, math.tointeger(tonumber(r.err:match("(%d+) set aside"))))
      assert.are.same(out or {}, excluded(w))
      local there, count = w:by_id("user"), 0
      for known, user in pairs(usual) do
        assert.are.same(user, there[known])
        count = count + 1
      end
      assert.are.equal(count + (id and 1 or 0), #w:list("user"))
      if id then assert.are.equal("string", type(there[id].id)) end
      w:sync(code) -- what is remembered is told again
      assert.are.same(out or {}, excluded(w))
    end)
  end

  it("has all its 10 KB of e-mail", function()
    w:fresh()
    w.sim:set { odd = "long_email" }
    w:sync(0)
    assert.are.equal(("x"):rep(10240) .. "@example.com", w:by_id("user")["odd-long-email"].email)
  end)

  it("is tolerated up to tolerate.set_aside, and named all the same", function()
    w:fresh()
    w.sim:set { odd = "nul,utf8,surrogate" }
    w:connect { tolerate = { set_aside = 3 } }
    w:sync(0)
    assert.are.equal(3, #excluded(w))
    assert.is_nil(w:last_run().partial)
    w:connect { tolerate = { set_aside = 2 } }
    w:sync(7)
    assert.is_true(w:last_run().partial)
    assert.matches("partial", w:status().note)
    w:connect { tolerate = { set_aside = "20%" } }
    w:sync(0)
    w:connect {}
  end)

  it("does not speak in messages, logs or reasons: places and ids only", function()
    w:fresh()
    w.sim:set { odd = "nul,utf8,surrogate,huge_email,no_id" }
    local told = w:sync(7, "--verbose")
    local text = told.out .. told.err .. w:run("log", "acme").out .. w:run("list", "acme", "excluded").out
    for _, value in ipairs { "nul\0", "utf8\xff", "half", "xxxx", "no.id@" } do
      assert.is_nil(text:find(value, 1, true))
    end
  end)
end)

describe("a record that is set aside", function()
  local MAPPING = [[
return {
  user = function(raw)
    local grants = {}
    for i, team in ipairs(raw.teams or {}) do grants[i] = { on = { type = "team", id = team }, slug = "member" } end
    return { id = raw.id, name = raw.name, grants = grants }
  end,
  team = function(raw)
    local grants, own = {}, { type = "team", id = raw.id }
    for i, id in ipairs(raw.members or {}) do
      grants[i] = { on = own, slug = "member", to = { type = "user", id = id } }
    end
    return { id = raw.id, name = raw.name, grants = grants }
  end,
}
]]
  local w
  setup(function()
    w = acme.new { mapping = MAPPING, connector_file = { tolerate = { mapping_errors = "100%" } },
      connector = [[ M.list = { user = all("user", "/users"), team = all("team", "/teams") } ]] }
  end)
  teardown(function() w:stop() end)

  local TEAMS <const> = { { id = "t1", name = "One" } }
  local ANN <const> = '{"id":"ann","name":"Ann","teams":["t1"]}'
  local BOB <const> = '{"id":"bob","name":"Bob","teams":["t1"]}'

  -- The target has these users now (JSON texts, valid or not); the sync ends with this status.
  local function finds(code, ...)
    w:world { ["/teams"] = acme.items(TEAMS) }
    local body = reeve.write(reeve.path("users"), '{"items":[' .. table.concat({ ... }, ",") .. "]}")
    w.sim:faults { "GET /users: status=200 body=@" .. body }
    return w:synced(code)
  end

  local function names()
    local found = {}
    for i, user in ipairs(w:list("user")) do found[i] = user.id .. "=" .. user.name end
    table.sort(found)
    return table.concat(found, " ")
  end

  before_each(function()
    w.home = reeve.home()
    w:write(w.spec)
  end)

  local bad = {
    ["a NUL"] = { '{"id":"ann","name":"A\\u0000nn","teams":[]}' },
    ["invalid UTF-8"] = { '{"id":"ann","name":"A\xc3\x28","teams":[]}' },
    ["a lone surrogate"] = { '{"id":"ann","name":"\\udc00","teams":[]}' },
    ["70 KB of name"] = { '{"id":"ann","name":"' .. ("n"):rep(70000) .. '"}' },
    ["a name that is an object"] = { '{"id":"ann","name":{"first":"Ann"}}' },
    ["two contents"] = { '{"id":"ann","name":"One","teams":[]}', '{"id":"ann","name":"Other","teams":[]}' },
  }
  for what, now in pairs(bad) do
    it("for " .. what .. " protects its former version and its grants, until it is good again", function()
      finds(0, ANN, BOB)
      local before = w:state()
      for _ = 1, 2 do
        assert.matches("set aside", finds(7, BOB, table.unpack(now)).err)
        assert.are.equal(before, w:state())
        assert.matches("^user ann set_aside", excluded(w)[1])
      end
      finds(0, '{"id":"ann","name":"Anna","teams":["t1"]}', BOB)
      assert.are.equal("ann=Anna bob=Bob", names())
      assert.are.equal("ann on t1, bob on t1", w:grants())
      assert.are.same({}, excluded(w))
    end)

    it("for " .. what .. " is not there before it was ever good, and no longer protected when it is gone", function()
      finds(7, BOB, table.unpack(now))
      assert.are.equal("bob=Bob", names())
      finds(0, ANN, BOB)
      assert.are.equal("ann=Ann bob=Bob", names())
      finds(7, BOB, table.unpack(now))
      finds(0, BOB)
      assert.are.equal("bob=Bob", names())
      assert.are.equal("bob on t1", w:grants())
    end)
  end

  it("without an id that can be told keeps its list from deleting anything", function()
    for _, nameless in ipairs { '{"name":"Nobody"}', '{"id":null,"name":"N","teams":["t1"]}', '{"id":"","name":"N"}',
      '{"id":{"a":1},"name":"N"}', '{"id":"' .. ("i"):rep(513) .. '","name":"N"}', '{"id":"a\\u0000","name":"N"}',
      '{"id":"\xff","name":"N"}', '{"id":1.5,"name":"N"}', '{"id":true,"name":"N"}' } do
      w.home = reeve.home()
      w:write(w.spec)
      finds(0, ANN, BOB)
      assert.matches("list user: incomplete", finds(7, ANN, nameless, '{"id":"eve","name":"Eve"}').err)
      assert.are.equal("ann=Ann bob=Bob eve=Eve", names())
      assert.are.equal("incomplete", acme.account(w:last(), "user").state)
      assert.matches("^user %- set_aside", excluded(w)[1])
      finds(0, ANN)
      assert.are.equal("ann=Ann", names())
    end
  end)

  it("for rubbish of its mapping ends the run where there are too many, with field and id and no value", function()
    w.spec.connector_file = nil
    w:write(w.spec)
    w.spec.connector_file = { tolerate = { mapping_errors = "100%" } }
    local r = finds(3, BOB, '{"id":"ann","name":{"first":"Secret"}}')
    assert.matches("name: a string was expected, id ann", r.err)
    assert.is_nil(r.err:find("Secret", 1, true))
  end)

  it("takes only itself along: an id of 512 bytes is none to be set aside", function()
    local id = ("i"):rep(512)
    finds(0, ANN, '{"id":"' .. id .. '","name":"Long"}')
    assert.are.equal("ann " .. id, w:ids("user"))
  end)

  it("may be a grant: on what does not exist; it is there when that comes", function()
    local carl = '{"id":"carl","name":"Carl","teams":["t1","t2"]}'
    finds(7, ANN, carl)
    assert.are.equal("ann on t1, carl on t1", w:grants())
    assert.are.same({ "user carl set_aside: grant team/t2:member to user/carl: what it is on, or to, does not exist" },
      excluded(w))
    TEAMS[2] = { id = "t2", name = "Two" }
    finally(function() TEAMS[2] = nil end)
    finds(0, ANN, carl)
    assert.are.equal("ann on t1, carl on t1, carl on t2", w:grants())
    TEAMS[2] = nil
    finds(7, ANN, carl)
    assert.are.equal("ann on t1, carl on t1", w:grants())
  end)

  it("may be a grant: to somebody who does not exist, given by what it is on", function()
    TEAMS[1].members = { "bob", "eve" }
    finally(function() TEAMS[1].members = nil end)
    finds(7, BOB)
    assert.are.equal("bob on t1", w:grants())
    assert.are.same({ "user eve set_aside: grant team/t1:member to user/eve: what it is on, or to, does not exist" },
      excluded(w))
    finds(0, BOB, '{"id":"eve","name":"Eve"}')
    assert.are.equal("bob on t1, eve on t1", w:grants())
  end)
end)

-- `reeve test`: a plugin of the spec's making, whole and then broken in the ways that the command is there for.
local lfs = require "lfs"
local reeve = require "reeve"

local PLUGIN = [[
return { api = 1, name = "acme", version = "%s", title = "Acme", summary = "A target", docs = "https://acme.test",
  settings = { { name = "token", kind = "secret", required = true } }, hosts = { "api.acme.test" },
  resources = { user = { trait = "user" },
    team = { trait = "group", entitlements = { member = { grantable_to = { "user" } } } } } }
]]

local CONNECTOR = [[
local M = {}
function M.http(ctx)
  return { base_url = "https://api.acme.test/v1", auth = ctx.auth.header("X-Token", ctx.settings.token) }
end
M.list = {
  user = function(ctx, cursor)
    local res = ctx.http:get("/users", { query = { page = cursor } })
    for user in res:each("items") do ctx.emit("user", user) end
    return res.rest.next
  end,
  team = function(ctx)
    for team in ctx.http:get("/teams"):each("items") do ctx.emit("team", team) end
  end,
}
return M
]]

local MAPPING = [[
return {
  user = function(raw) return { id = raw.id, name = raw.name } end,
  team = function(raw)
    local grants = {}
    for i, id in ipairs(raw.members) do
      grants[i] = { on = { type = "team", id = raw.id }, slug = "member", to = { type = "user", id = id } }
    end
    return { id = raw.id, name = raw.name, grants = grants }
  end,
}
]]

local SIMULATOR = [[
local function guarded(answer)
  return function(sim, req)
    if req.headers["x-token"] ~= "fake-token-7319" then return sim:error(401, "who are you?") end
    return answer(sim, req)
  end
end
return {
  options = { users = 3 },
  routes = {
    ["GET /v1/users"] = guarded(function(sim, req)
      local page, items = tonumber(req.query.page or "1"), {}
      for i = page * 2 - 1, math.min(page * 2, sim.options.users) do
        items[#items + 1] = { id = "u" .. i, name = "User " .. i }
      end
      return 200, { items = sim.json.array(items), next = page * 2 < sim.options.users and tostring(page + 1) or nil }
    end),
    ["GET /v1/teams"] = guarded(function(sim)
      return 200, { items = { { id = "t1", name = "Team", members = sim.json.array { "u1", "u2" } } } }
    end),
  },
}
]]

local SCENARIOS = [[return { settings = { token = "fake-token-7319" }, scenarios = { small = {} } }]]

-- What the scenario gives, by hand: three users, a team with two members and its entitlement.
local EXPECTED = [[
{"kind":"entitlement","resource":{"type":"team","id":"t1"},"slug":"member","grantable_to":["user"]}
{"kind":"grant","entitlement":{"type":"team","id":"t1","slug":"member"},"principal":{"type":"user","id":"u1"}}
{"kind":"grant","entitlement":{"type":"team","id":"t1","slug":"member"},"principal":{"type":"user","id":"u2"}}
{"kind":"resource","type":"team","id":"t1","name":"Team"}
{"kind":"resource","type":"user","id":"u1","name":"User 1"}
{"kind":"resource","type":"user","id":"u2","name":"User 2"}
{"kind":"resource","type":"user","id":"u3","name":"User 3"}
]]

local _, refused = reeve.shell("unshare -m true 2>/dev/null")
local in_namespace = refused == 0 and it or function(name) pending(name .. " (unshare -m is refused here)") end

local home, temporary

local function write(files)
  local all = { ["plugin.lua"] = PLUGIN:format("1.0.0"), ["connector.lua"] = CONNECTOR, ["mapping.lua"] = MAPPING,
    ["simulator.lua"] = SIMULATOR, ["test/scenarios.lua"] = SCENARIOS }
  for name, text in pairs(files or {}) do all[name] = text end
  reeve.plugin(home, "acme", all)
end

local function test(code, ...)
  local r = reeve.run({ "test", "acme", ... }, { home = home, env = { TMPDIR = temporary,
    REEVE_SETTINGS_TOKEN = "env:NOT_SET", https_proxy = "http://127.0.0.1:1" } })
  assert.equal(code, r.code, r.out .. r.err)
  return r
end

local function records()
  local text = reeve.read(home .. "/plugins/acme/test/small.expected.jsonl")
  return text and text:match("^[^\n]*\n(.*)$"), text
end

before_each(function()
  home, temporary = reeve.home(), reeve.folder("tmp")
  write()
end)

-- Whatever came of it, the trial's own folder is gone.
after_each(function()
  for name in lfs.dir(temporary) do assert.truthy(name == "." or name == "..", name) end
end)

describe("reeve test", function()
  it("says what is missing, writes it when told to, and passes from then on", function()
    assert.matches("small.expected.jsonl is not there; `reeve test acme %-%-update` writes it", test(1).out)
    assert.is_nil(records())
    assert.matches("7 records, 3 requests, written", test(0, "--update").out)
    assert.equal(EXPECTED, (records()))
    local _, before = records()
    local r = test(0)
    assert.matches("as expected", r.out)
    assert.matches("\nacme 1.0.0: 1 scenario passed in ", r.out)
    assert.equal("", r.err)
    test(0, "--update")
    assert.equal(before, select(2, records()))
    write { ["test/scenarios.lua"] = (SCENARIOS:gsub("small = {}", "small = {}, other = {}")) }
    assert.matches("\nacme 1.0.0: 1 of 2 scenarios failed in ", test(1).out)
    test(0, "--update")
    assert.equal(2, reeve.run({ "test", "acne" }, { home = home }).code)
  end)

  it("says what is wrong with the scenarios, and in which", function()
    write { ["test/scenarios.lua"] = "return" }
    assert.matches("plugins/acme/test/scenarios.lua: it returns no table", test(3).err, 1, true)
    write { ["test/scenarios.lua"] = (SCENARIOS:gsub("small = {}", "small = { set = { userz = 1 } }")) }
    assert.matches("plugins/acme/test/scenarios.lua: small: the simulator has no option 'userz'", test(3).err, 1, true)
  end)

  it("tries every fault, and says how often", function()
    test(0, "--update")
    local result = reeve.json(test(0, "-o", "json").out)
    local runs = {}
    for _, check in ipairs(result.scenarios[1].checks) do
      assert.is_true(check.ok, check.problem)
      runs[check.name] = check.runs
    end
    assert.equal(3, runs["a 500 at each request"])
    assert.equal(4, runs["a kill before each answer"])
    assert.is_true(result.ok)
  end)

  it("shows the records that differ, and changes nothing unless told to", function()
    test(0, "--update")
    write { ["mapping.lua"] = MAPPING:gsub("name = raw.name } end,\n  team", "name = raw.name:upper() } end,\n  team") }
    local out = test(1).out
    assert.truthy(out:find('- {"kind":"resource","type":"user","id":"u1","name":"User 1"}', 1, true), out)
    assert.truthy(out:find('+ {"kind":"resource","type":"user","id":"u1","name":"USER 1"}', 1, true), out)
    assert.equal(EXPECTED, (records()))
    test(0, "--update")
    assert.equal(EXPECTED:gsub("User (%d)", "USER %1"), (records()))
  end)

  it("refuses other ids for the same inputs, until they are meant", function()
    test(0, "--update")
    local other = { ["mapping.lua"] = MAPPING:gsub("id = raw.id, name = raw.name } end,\n  team",
      'id = "x-" .. raw.id, name = raw.name } end,\n  team'):gsub("id = id } }", 'id = "x-" .. id } }') }
    write(other)
    for _, r in ipairs { test(1), test(1, "--update") } do
      assert.matches("3 ids are not those of before for the same inputs: user/u1 is gone, user/x%-u1 came", r.out)
      assert.matches("settings, decisions and history stay with the old ids", r.out)
      assert.equal(EXPECTED, (records()))
    end
    other["plugin.lua"] = PLUGIN:format("2.0.0")
    write(other)
    test(0, "--update")
    assert.matches('"id":"x%-u1"', (records()))
    write()
    test(0, "--update", "--new-ids")
    assert.equal(EXPECTED, (records()))
  end)

  it("lets ids go and come where the inputs are others, or nothing takes their place", function()
    test(0, "--update")
    write { ["test/scenarios.lua"] = SCENARIOS:gsub("small = {}", "small = { set = { users = 2 } }") }
    assert.equal(EXPECTED:gsub('[^\n]*"User 3"}\n', ""), (test(0, "--update") and records()))
  end)

  it("runs an operator's mapping", function()
    write { ["test/scenarios.lua"] = SCENARIOS:gsub("small = {}", 'small = { mapping = "mine.lua" }'),
      ["test/mine.lua"] = "return { user = function(_, record) record.name = record.name .. '!' return record end }" }
    test(0, "--update")
    assert.equal(EXPECTED:gsub("User (%d)", "User %1!"), (records()))
  end)

  it("fails a connector that takes a fault for the end of a list", function()
    test(0, "--update")
    write { ["connector.lua"] = CONNECTOR:gsub('local res = ctx.http:get%("/users", {', [[
      local res = ctx.http:get("/users", { raise = false,]]):gsub("for user in",
      "if res.status ~= 200 then return end\n    %0") }
    local out = test(1).out
    assert.matches("FAILED  a list that may not be read %(403%)", out)
    assert.matches("acme.test/v1/users: the run ended as partial .*, and the state lacks .*\"id\":\"u1\"", out)
  end)

  it("fails a connector whose pages hold something in Lua variables, which a kill takes away", function()
    test(0, "--update")
    write { ["connector.lua"] = CONNECTOR:gsub("local M = {}", "local M, all = {}, {}"):gsub(
      'ctx.emit%("user", user%)', "all[#all + 1] = user"):gsub("return res.rest.next", [[
    if res.rest.next then return res.rest.next end
    for _, user in ipairs(all) do ctx.emit("user", user) end
    all = {}]]) }
    assert.matches("FAILED  a kill before each answer %(%d runs%)\n *request 3 .*users", test(1).out)
  end)

  it("fails a mapping that gives other records each time", function()
    write { ["mapping.lua"] = MAPPING:gsub("return {\n  user", "local n = 0\nreturn {\n  user", 1):gsub(
      "name = raw.name } end,\n  team", "name = raw.name .. (function() n = n + 1 return n end)() } end,\n  team") }
    local out = test(1, "--update").out
    assert.matches("FAILED", out)
  end)

  it("has waits that cost no time, and no network", function()
    test(0, "--update")
    local began = reeve.mono()
    local out = test(0).out
    assert.matches("ok      a 429 that asks to wait %(6 runs%)", out)
    assert.is_true(reeve.mono() - began < 100) -- each of the six waits is 30 seconds
  end)

  it("reads no setting from the environment, and tells no secret", function()
    write { ["simulator.lua"] = SIMULATOR:gsub('%(401, "who are you%?"%)', '(401, req.headers["x-token"])'),
      ["test/scenarios.lua"] = SCENARIOS:gsub("7319", "wrong") }
    local r = test(1)
    assert.matches("the undisturbed run ended as failed %(.*refuses the credential", r.out)
    assert.is_nil((r.out .. r.err):find("fake-token-wrong", 1, true))
  end)

  it("says which file or field is wrong, with exit 3", function()
    for text, why in pairs {
      ["return { scenarios = {} }"] = "scenarios: at least one",
      ["return { scenarios = { small = { users = 3 } } }"] = "unknown key 'scenarios.small.users'",
      ["return { scenarios = { small = { mapping = 'no.lua' } } }"] = "there is no file test/no.lua",
      ["return { scenarios = { small = { mapping = '../x.lua' } } }"] = "a file's name expected",
      ["return { scenarios = { small = {} } }"] = "reeve: plugins/acme/test/scenarios.lua: settings.token is missing",
      ["return { settings = { tok = 'x' }, scenarios = { a = {} } }"] = "scenarios.lua: unknown setting 'settings.tok'",
      ["return { scenarios = { small = { set = { usrs = 3 } } }, settings = { token = 'x' } }"] = "no option 'usrs'",
      ["return {"] = "scenarios.lua:1",
    } do
      write { ["test/scenarios.lua"] = text }
      local r = reeve.run({ "test", "acme" }, { home = home, env = { TMPDIR = temporary } })
      assert.truthy(r.code == 3 or r.code == 2, r.code .. r.err)
      assert.truthy(r.err:find(why, 1, true), r.err)
    end
    os.remove(home .. "/plugins/acme/test/scenarios.lua")
    assert.matches("test/scenarios.lua: there is no such file", test(3).err)
  end)

  in_namespace("removes its folder where there is no room for it", function()
    local script = [[mount -t tmpfs -o size=$SIZE,mode=700 none "$TMPDIR"
      "$0" "$@"; code=$?; ls -A "$TMPDIR"; exit $code]]
    for _, size in ipairs { "4k", "12k", "28k" } do
      local r = reeve.run { program = "unshare", "-m", "sh", "-c", script, reeve.bin, "test", "acme", home = home,
        env = { TMPDIR = temporary, SIZE = size } }
      assert.equal(9, r.code, r.err)
      assert.matches("make room on the disk", r.err)
      assert.equal("", r.out)
    end
  end)

  it("removes its folder when it is told to end", function()
    write { ["test/scenarios.lua"] = SCENARIOS:gsub("small = {}", "small = { set = { users = 200 } }") }
    local process = reeve.start({ "test", "acme" }, { home = home, env = { TMPDIR = temporary } })
    reeve.await(function()
      for name in lfs.dir(temporary) do
        if name:find("^reeve%-test") then return true end
      end
    end, "its folder")
    process:kill("INT")
    assert.equal(130, process:wait().code)
  end)
end)

describe("a plugin's test folder", function()
  it("is no part of its digest, and out of reach of require", function()
    local function digest()
      return (reeve.engine([[
        local home = require("config.home").open { home = ... }
        print(require("plugin.plugin").load(home, "acme").digest)]], { home }))
    end
    local before = digest()
    write { ["test/more.lua"] = "return 1" }
    assert.equal(before, digest())
    write { ["connector.lua"] = 'require "test.more"\n' .. CONNECTOR }
    assert.matches("there is no file for 'test.more'", test(3).err)
  end)
end)

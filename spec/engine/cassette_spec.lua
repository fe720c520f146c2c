-- cassettes: a recorded run answers in the target's place, and says exactly what does not fit.
local reeve = require "reeve"

local HEAD = { reeve_cassette = 1, plugin = "acme", version = "1.0.0" }

local function get(url, body, status)
  return { request = { method = "GET", url = url }, response = { status = status or 200, body = body } }
end

-- Writes a cassette of exchanges; header's fields over the usual ones.
local function written(exchanges, header)
  local head = { exchanges = #exchanges }
  for _, more in ipairs { HEAD, header or {} } do
    for name, value in pairs(more) do head[name] = value end
  end
  local lines = { reeve.encode(head) }
  for i, exchange in ipairs(exchanges) do
    lines[i + 1] = type(exchange) == "string" and exchange or reeve.encode(exchange)
  end
  return reeve.write(reeve.path("a.cassette.jsonl"), table.concat(lines, "\n") .. "\n")
end

-- Runs Lua with `c`, the cassette, and say(…); what it said, or the failure's text.
local function with(path, text)
  return reeve.engine([[
    local path, text = ...
    local function say(...)
      local parts = table.pack(...)
      for i = 1, parts.n do parts[i] = tostring(parts[i]) end
      io.stdout:write(table.concat(parts, " "), "\n")
    end
    local ok, why = pcall(function()
      local c = require("trial.cassette").open(path)
      assert(load(text, "=spec", "t", setmetatable({ c = c, say = say }, { __index = _G })))()
    end)
    if not ok then say(type(why) == "table" and why.code .. ": " .. why.message or why) end
  ]], { path, text or "" }):gsub(path:gsub("%p", "%%%0"), "FILE")
end

describe("a cassette", function()
  it("finds a request whatever the order of its query and however it is escaped", function()
    local path = written { get("https://h.test/users?b=2&a=x%20y", "one"), get("https://h.test/a%2Bb/c", "two") }
    assert.equal("200 one\n200 two\nleft 0\n", (with(path, [[
      local function ask(request)
        request.method = "GET"
        local status, _, body = c:answer(request)
        say(status, body)
      end
      ask { url = "https://h.test/users?a=x+y&b=2" }
      ask { headers = { ["reeve-origin"] = "https://h.test" }, path = "/a+b/c", query = {} }
      say("left", #c:leftovers())
    ]])))
  end)

  it("tells apart methods, origins, bodies, and query values", function()
    local post = { request = { method = "POST", url = "https://h.test/q", body = '{"a":1,"b":[1,2]}' },
      response = { status = 201, body = "made" } }
    local path = written { get("https://h.test/q?page=1", "first"), post }
    local out = with(path, [[
      local function ask(method, url, body)
        local status, why, content = c:answer { method = method, url = url, body = body }
        say(status, status and content or why)
      end
      ask("GET", "https://other.test/q?page=1")
      ask("GET", "https://h.test/q?page=2")
      ask("POST", "https://h.test/q", '{"b":[2,1],"a":1}')
      ask("POST", "https://h.test/q", '{ "b": [1,2], "a": 1 }')
      ask("GET", "https://h.test/q?page=1")
    ]])
    assert.equal("nil FILE: GET https://other.test/q was not recorded\n"
      .. "nil FILE: GET https://h.test/q was not recorded\n"
      .. "nil FILE: POST https://h.test/q was not recorded\n201 made\n200 first\n", out)
  end)

  it("answers the same request in the order of the recording, and no more often", function()
    local path = written { get("https://h.test/x", "busy", 503), get("https://h.test/x", "done") }
    assert.equal("503\n200\nnil FILE: GET https://h.test/x was recorded 2 times, and is asked for once more\n503\n",
      (with(path, [[
        local function ask() return c:answer { method = "GET", url = "https://h.test/x" } end
        say((ask()))
        say((ask()))
        local status, why = ask()
        say(status, why)
        c:rewind()
        say((ask()))
      ]])))
  end)

  it("ignores what its header says no two runs have alike", function()
    local token = { request = { method = "POST", url = "https://h.test/token",
      body = "grant_type=jwt&client_assertion=abc" }, response = { status = 200, body = "{}" } }
    local signed = { request = { method = "POST", url = "https://h.test/signed", body = "***" },
      response = { status = 200, body = "any" } }
    local ask = [[
      local status, why = c:answer { method = "POST", url = "https://h.test/token",
        body = "client_assertion=xyz&grant_type=jwt" }
      say(status, status and "" or why)
      say((c:answer { method = "POST", url = "https://h.test/signed", body = "some signature" }))
    ]]
    assert.equal("200 \n200\n", (with(written { token, signed }, ask)))
    assert.equal("nil FILE: POST https://h.test/token was not recorded\n200\n",
      (with(written({ token, signed }, { ignore = reeve.array { "nonce" } }), ask)))
  end)

  it("names what was not asked for", function()
    local path = written { get("https://h.test/x?a=1", "1"), get("https://h.test/y", "2") }
    assert.equal("exchange 2: GET https://h.test/y\n", (with(path, [[
      c:answer { method = "GET", url = "https://h.test/x?a=1" }
      say(table.unpack(c:leftovers()))
    ]])))
  end)

  it("gives bytes that are no text as they were", function()
    local one = get("https://h.test/x")
    one.response.body_base64 = "/wAB"
    assert.equal("255 0 1\n", (with(written { one }, [[
      local _, _, body = c:answer { method = "GET", url = "https://h.test/x" }
      say(body:byte(1, -1))
    ]])))
  end)

  it("of another plugin or another version is refused", function()
    local ask = [[c:check { manifest = { name = "acme", version = "1.1.0" } }]]
    assert.equal("config: FILE: line 1: version: '1.1.0' expected, got '1.0.0'\n", (with(written {}, ask)))
    assert.equal("config: FILE: line 1: plugin: 'acme' expected, got 'other'\n",
      (with(written({}, { plugin = "other" }), ask)))
  end)

  it("that is broken says where and what was expected", function()
    local function wrong(lines, header)
      return (with(written(lines, header)))
    end
    local good = get("https://h.test/x", "1")
    local cases = {
      { wrong { good, "{" }, "line 3: JSON expected" },
      { wrong { '"text"' }, "line 2: a JSON object expected" },
      { wrong { '{"request":{}}' }, "'line 2.request.method' is missing" },
      { wrong { get("ftp://h.test/x", "1") }, "line 2.*request%.url: an address with its origin expected, got 'ftp" },
      { wrong { get("https://h.test/x", "1", 99) }, "line 2.*status of 100 to 599 expected, got 99" },
      { wrong { get("https://h.test/x", 7) }, "line 2.*body: a text expected, got 7" },
      { wrong { '{"request":{"method":"GET","url":"https://h"},"response":{"status":200},"more":1}' },
        "unknown key.*more" },
      { wrong { '{"request":[],"response":7}' }, "line 2%.request" },
      { wrong({ good }, { exchanges = 2 }), "line 1: exchanges: 1 expected, as many as follow, got 2" },
      { wrong({ good }, { reeve_cassette = 2 }), "line 1.*1, the form this reeve reads expected, got 2" },
      { wrong({}, { ignore = "a" }), "line 1.*ignore" },
      { (with(reeve.write(reeve.path("empty"), ""))), "line 1: a cassette's header expected" },
      { wrong { ("["):rep(100000) }, "line 2: JSON expected" },
      { wrong { '{"request":' .. ("x"):rep(41 << 20) }, "line 2: at most 40 MiB expected" },
    }
    for i, case in ipairs(cases) do
      assert.truthy(case[1]:find("^config: FILE: ") and case[1]:find(case[2]), i .. ": " .. case[1]:sub(1, 300))
    end
  end)

  it("that was cut or damaged anywhere is read, or refused with words", function()
    local whole = reeve.read(written { get("https://h.test/x?a=%41", "1"), get("https://h.test/y", "2") })
    assert.equal("ok\n", (with(written {}, ([[
      local whole, cassette, sys = %q, require "trial.cassette", require "host.sys"
      local random = 12345
      local function dice(n)
        random = (random * 1103515245 + 12345) %% 2147483648
        return random // 65536 %% n + 1
      end
      for i = 1, 400 do
        local at = dice(#whole)
        local bytes = whole:sub(1, at)
        if i %% 2 == 1 then bytes = whole:sub(1, at - 1) .. string.char(dice(256) - 1) .. whole:sub(at + 1) end
        assert(sys.write_file(c.file, bytes, 384))
        local ok, why = pcall(cassette.open, c.file)
        assert(ok or type(why) == "table" and why.code == "config" and why.message:find(c.file, 1, true), tostring(why))
        if ok then why:answer { method = "GET", url = "https://h.test/x?a=A" } end
      end
      say "ok"
    ]]):format(whole))))
  end)
end)

describe("a recording", function()
  -- A connector's accepted records after a replay, and before it, by type: counts; and grants as pairs of numbers.
  local REPLAY = [[
    local home_dir, plugin_name, path = ...
    local fail, sync = require "fail", require "sync.sync"
    local cassette = require("trial.cassette").open(path)
    local home = require("config.home").open { home = home_dir }
    local target
    require("host.sys").setenv("STAND_IN", cassette.header.settings.client_secret)
    local settings = cassette.header.settings
    settings.client_secret = "env:STAND_IN"
    local connector = require("config.connector").build(home, "replayed",
      { plugin = plugin_name, settings = settings }, {})
    cassette:check(connector.plugin)
    local wrong
    target = require("trial.target").open(function(req)
      local status, headers, body = cassette:answer(req)
      if not status then wrong = headers return 400, {}, "{}" end
      return status, headers, body
    end)
    connector.reroute = target.url
    local state = sync.open_state(home, home:state_dir "replayed")
    local result = sync.run_on(home, connector, state, {})
    state:close()
    target:close()
    if wrong then error(wrong) end
    io.stdout:write(result.outcome, " ", #cassette:leftovers(), "\n")
  ]]

  local function list(home, name, kind)
    return reeve.json((reeve.ok { "list", name, kind, "-o", "json", home = home }))
  end

  -- Two lists fetched at once bring their users, and what these hold, in any order: grants as sorted words.
  local function words(grants)
    local found = {}
    for i, grant in ipairs(grants) do
      local of, to = grant.entitlement, grant.principal
      found[i] = table.concat({ of.type, of.id, of.slug, to.type, to.id }, " ")
    end
    table.sort(found)
    return found
  end

  it("of torq replays to the same records, up to stand-ins", function()
    local sim = reeve.sim { plugin = "torq", users = 40, roles = 8, roles_page = 3,
      client_secret = "canary-secret-4711" }
    local home, path = reeve.home(), reeve.path("torq.cassette.jsonl")
    -- In the home, where any build finds it; those of the tree are found by build/reeve alone.
    reeve.shell("mkdir -p " .. home .. "/plugins && cp -r plugins/torq " .. home .. "/plugins/")
    reeve.connector(home, "main", { plugin = "torq", settings = { client_id = "sim-client-id",
      client_secret = "env:SECRET", api_url = sim.url .. "/public/v1alpha", auth_url = sim.url .. "/v1/auth/token" } })
    local env = { SECRET = "canary-secret-4711" }
    reeve.ok { "sync", "main", home = home, env = env }
    reeve.ok { "record", "main", "-f", path, home = home, env = env }
    sim:stop()
    local text = reeve.read(path)
    assert.falsy(text:find("canary", 1, true))
    assert.falsy(text:find("@example.com", 1, true))
    assert.equal("ok 0\n", (reeve.engine(REPLAY, { home, "torq", path })))
    for _, kind in ipairs { "role", "api_key", "grants" } do
      local before, after = list(home, "main", kind), list(home, "replayed", kind)
      assert.equal(#before, #after)
      assert.truthy(#before > 0)
      if kind == "grants" then assert.same(words(before), words(after)) end -- ids are no personal values here
    end
    local stand_ins, former = {}, {}
    for _, user in ipairs(list(home, "replayed", "user")) do stand_ins[user.id] = user end
    for _, user in ipairs(list(home, "main", "user")) do
      local other = stand_ins[user.id]
      assert.truthy(other.email:find("^user%-%x+@d%x+%.example$"))
      assert.is_nil(former[other.email])
      former[other.email] = true
      assert.equal(user.status, other.status)
      assert.equal(user.created_at, other.created_at)
    end
  end)
end)

describe("reeve test with a cassette", function()
  local acme = require "acme"

  local CONNECTOR = [[
M.list = { user = function(ctx, cursor)
  local res = ctx.http:get("/users", { query = { cursor = cursor } })
  for x in res:each("items") do ctx.emit("user", x) end
  return res.rest.next
end }]]

  it("replays a list that knows what changed, in full each time: no more was recorded", function()
    local w = acme.new { connector = [[M.list = { user = {
      full = function(ctx)
        for user in ctx.http:get("/users"):each("items") do ctx.emit("user", user) end
      end,
      changed = function(ctx)
        for user in ctx.http:get("/changes"):each("items") do ctx.emit("user", user) end
      end } }]], world = { ["/users"] = acme.items { { id = "u1", name = "One" } } } }
    local dir = w.home .. "/plugins/acme/test"
    reeve.shell("mkdir -p " .. dir)
    assert.equal(0, w:run({ "record", "acme", "-f", dir .. "/a.cassette.jsonl" }).code)
    w:stop()
    reeve.write(dir .. "/scenarios.lua", 'return { scenarios = { a = { cassette = "a.cassette.jsonl" } } }\n')
    local r = w:run { "test", "acme", "--update" }
    assert.equal(0, r.code, r.out .. r.err)
  end)

  it("replays it, and says which exchange is missing, left over or wrong", function()
    local w = acme.new { connector = CONNECTOR, world = { ["/users"] = { pages = {
      acme.items({ { id = "u1", name = "One" } }, 2), acme.items({ { id = "u2", name = "Two" } }, 3),
      acme.items { { id = "u3", name = "Three" } } } } } }
    local dir = w.home .. "/plugins/acme/test"
    reeve.shell("mkdir -p " .. dir)
    local file = dir .. "/a.cassette.jsonl"
    assert.equal(0, w:run({ "record", "acme", "-f", file }).code)
    w:stop()
    reeve.write(dir .. "/scenarios.lua", 'return { scenarios = { a = { cassette = "a.cassette.jsonl" } } }\n')
    local r = w:run { "test", "acme", "--update" }
    assert.equal(0, r.code, r.out .. r.err)
    assert.matches("a: 3 records, 3 requests", r.out)
    local lines = {}
    for line in reeve.read(file):gmatch("[^\n]+") do lines[#lines + 1] = line end
    local function tested(...)
      reeve.write(file, table.concat({ ... }, "\n") .. "\n")
      return w:run { "test", "acme" }
    end
    r = tested((lines[1]:gsub('"exchanges":3', '"exchanges":2')), lines[2], lines[3])
    assert.equal(1, r.code)
    assert.matches("plugins/acme/test/a%.cassette%.jsonl: GET http://%S*/users was not recorded", r.out)
    r = tested((lines[1]:gsub('"exchanges":3', '"exchanges":4')), lines[2], lines[3], lines[4],
      (lines[4]:gsub('/users', '/others')))
    assert.equal(1, r.code)
    assert.matches("a%.cassette%.jsonl: exchange 3: GET http://%S*/others was not asked for", r.out)
    r = tested((lines[1]:gsub('"version":"1.0.0"', '"version":"0.9.0"')), lines[2], lines[3], lines[4])
    assert.equal(3, r.code)
    assert.matches("line 1: version: '1%.0%.0' expected, got '0%.9%.0'", r.err)
    r = tested(lines[1], lines[2], lines[3])
    assert.equal(3, r.code)
    assert.matches("exchanges: 2 expected, as many as follow, got 3", r.err)
  end)
end)

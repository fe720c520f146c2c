-- reeve record: what is written, what is not, and that it still replays.
local acme = require "acme"
local reeve = require "reeve"
local items = acme.items

describe("reeve record", function()
  local w

  after_each(function()
    if w then w:stop() end
    w = nil
  end)

  -- Asks with what it was given before: a login in a path, an e-mail address in a query, a cursor that hides one.
  local CONNECTOR = [[
M.list = {
  user = function(ctx, cursor)
    local res = ctx.http:get("/users", { query = { cursor = cursor } })
    for x in res:each("items") do ctx.emit("user", x) end
    return res.rest.next
  end,
  team = { per = "user", emits = "team", function(ctx, cursor, user)
    local res = ctx.http:get("/of/{login}", { path = { login = user.login }, query = { email = user.email } })
    for x in res:each("items") do ctx.emit("team", x) end
  end },
}]]

  local MAPPING = [[
return {
  user = function(raw) return { id = raw.id, name = raw.called, login = raw.login, email = raw.email } end,
  team = function(raw) return { id = raw.id, name = raw.name } end,
}]]

  -- base64 of "after:ana.lima@corp.test"
  local CURSOR = "YWZ0ZXI6YW5hLmxpbWFAY29ycC50ZXN0"

  local function world()
    local first = items({ { id = "u1", called = "Ana Lima", login = "ana.lima", email = "ana.lima@corp.test",
      note = "asked by Ana Lima, ANA", password = "hunter2-hunter2", phone = "+49 30 123456" } }, CURSOR)
    return {
      ["/users"] = first,
      ["/of/ana.lima"] = items { { id = "t1", name = "Team of Ana Lima",
        url = "https://x.test/ana.lima?q=ana.lima%40corp.test" } },
    }
  end

  local function start()
    w = acme.new { connector = CONNECTOR:gsub('return res%.rest%.next', 'if not cursor then return res.rest.next end'),
      mapping = MAPPING, world = world() }
    return w
  end

  local function record(words)
    local file = w.home .. "/a.cassette.jsonl"
    local r = w:run { "record", "acme", "-f", file, table.unpack(words or {}) }
    return r, file
  end

  local function read(file)
    local handle = assert(io.open(file))
    local text = handle:read "a"
    handle:close()
    return text
  end

  it("replaces what is somebody's, the same by the same, wherever it stands", function()
    start()
    local r, file = record()
    assert.equal(0, r.code, r.err)
    local text = read(file)
    for _, canary in ipairs { "Ana Lima", "ana.lima", "corp.test", "hunter2", "123456", CURSOR } do
      assert.is_nil(text:find(canary, 1, true), canary .. " is in it")
    end
    local lines = reeve.jsonl(text)
    assert.equal(3, lines[1].exchanges)
    local by_path = {}
    for i = 2, #lines do by_path[lines[i].request.url:match("//[^/]+(.*)$")] = lines[i] end
    local user
    for _, line in pairs(by_path) do
      local item = line.response.json.items[1]
      if item.id == "u1" then user = item end
    end
    assert.equal("u1", user.id)
    assert.matches("@domain%-1%.example$", user.email)
    assert.equal("asked by " .. user.called .. ", ANA", user.note)
    local asked_of = by_path["/of/" .. user.login .. "?email=" .. user.email:gsub("@", "%%40")]
    assert.is_table(asked_of)
    assert.equal("Team of " .. user.called, asked_of.response.json.items[1].name)
    local cursor
    for path, line in pairs(by_path) do
      if path == "/users" then cursor = line.response.json.next end
    end
    assert.is_table(by_path["/users?cursor=" .. cursor])
    assert.matches("1 e%-mail address", r.err)
    assert.matches("read it before you show it", r.err)
  end)

  it("leaves the state alone, writes 0600, and overwrites nothing unasked", function()
    start():synced()
    local before = w:state()
    local r, file = record()
    assert.equal(0, r.code, r.err)
    assert.equal(before, w:state())
    assert.equal(1, #reeve.json((reeve.ok { "runs", "acme", "-o", "json", home = w.home })))
    assert.equal("600", reeve.shell("stat -c %a " .. file):match("%d+"))
    assert.equal(2, (record()).code)
    assert.equal(0, (record { "--force" }).code)
  end)

  it("replays in reeve test, and says what is missing or left over", function()
    start()
    local _, file = record()
    local text = read(file)
    local dir = w.home .. "/plugins/acme/test"
    reeve.shell("mkdir -p " .. dir .. " && cp " .. file .. " " .. dir .. "/a.cassette.jsonl")
    reeve.write(dir .. "/scenarios.lua", 'return { scenarios = { a = { cassette = "a.cassette.jsonl" } } }\n')
    local r = w:run { "test", "acme", "--update" }
    assert.equal(0, r.code, r.out .. r.err)
    local lines = {}
    for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line end
    local function tested(new_lines)
      reeve.write(dir .. "/a.cassette.jsonl", table.concat(new_lines, "\n") .. "\n")
      return w:run { "test", "acme" }
    end
    local fewer = { (lines[1]:gsub('"exchanges":3', '"exchanges":2')), lines[2], lines[3] }
    r = tested(fewer)
    assert.equal(1, r.code)
    assert.matches("GET http://.* was asked, and plugins/acme/test/a%.cassette%.jsonl has no exchange for it", r.out)
    local extra = { (lines[1]:gsub('"exchanges":3', '"exchanges":4')), lines[2], lines[3], lines[4],
      (lines[4]:gsub('"url":"([^"?]*)[^"]*"', '"url":"%1/other"')) }
    r = tested(extra)
    assert.equal(1, r.code)
    assert.matches("a%.cassette%.jsonl:5: GET .*/other was not asked", r.out)
    r = tested { (lines[1]:gsub('"version":"1.0.0"', '"version":"0.9.0"')), lines[2], lines[3], lines[4] }
    assert.equal(3, r.code)
    assert.matches("recorded with version 0%.9%.0 of the plugin, which is 1%.0%.0 now", r.err)
    r = tested { lines[1], lines[2], '{"request":{"method":"get","url":"x"},"response":{"status":200}}', lines[4] }
    assert.equal(3, r.code)
    assert.matches("a%.cassette%.jsonl:3: request%.method: a method %(GET%) expected, got 'get'", r.err)
    assert.equal(3, tested({ lines[1], "nonsense" }).code)
  end)

  it("writes nothing where the run fails", function()
    start()
    w:world { ["/users"] = { status = 500 } }
    local r, file = record()
    assert.equal(5, r.code)
    assert.is_nil(io.open(file))
  end)
end)

describe("reeve record and a secret", function()
  local SECRET = "s3cr3t/with+signs=4711"
  local w

  -- acme with a secret that goes into a header, a form and a query; the target gives it back in base64.
  local function start(note)
    local manifest = acme.manifest():gsub('{ name = "note" }', '{ name = "note" }, { name = "key", kind = "secret" }')
    w = acme.new { connector = [[
function M.http(ctx)
  return { base_url = ctx.settings.api_url, auth = ctx.auth.header("X-Key", ctx.settings.key) }
end
M.list = { user = function(ctx)
  ctx.http:post("/login", { form = { key = ctx.settings.key }, idempotent = true })
  local res = ctx.http:get("/users", { query = { key = ctx.settings.key } })
  for x in res:each("items") do ctx.emit("user", x) end
end }]], world = { ["/users"] = items { { id = "u1", name = "One", echo = "a2V5PXMzY3IzdC93aXRoK3NpZ25zPTQ3MTE=" } } } }
    local simulator = [[
return { options = { world = "{}" }, build = function(sim) sim.world = sim.json.decode(sim.options.world) end,
  routes = { ["GET /users"] = function(sim) return 200, sim.world["/users"] end,
    ["POST /login"] = function(sim, req) return 200, { you_said = req.body } end } }
]]
    w:stop()
    reeve.write(w.home .. "/plugins/acme/plugin.lua", manifest)
    reeve.write(w.home .. "/plugins/acme/simulator.lua", simulator)
    w.sim = reeve.sim { plugin = "acme", home = w.home }
    w:world(w.documents)
    reeve.connector(w.home, "acme", { plugin = "acme",
      settings = { api_url = w.sim.url, key = "env:ACME_KEY", note = note } })
  end

  after_each(function()
    w:stop()
  end)

  local function record()
    local file = w.home .. "/a.cassette.jsonl"
    return w:run { "record", "acme", "-f", file, env = { ACME_KEY = SECRET } }, file
  end

  it("leaves it nowhere, in no encoding", function()
    start()
    local r, file = record()
    assert.equal(0, r.code, r.err)
    local text = reeve.read(file)
    for _, form in ipairs { SECRET, "4711", "s3cr3t", "a2V5PXMzY3IzdC93aXRoK3NpZ25zPTQ3MTE", "with%2Bsigns" } do
      assert.is_nil(text:find(form, 1, true), form)
    end
    assert.matches("key=redacted%-key", text)
    assert.equal("redacted-key", reeve.jsonl(text)[1].settings.key)
  end)

  it("writes nothing where it would be left", function()
    start((SECRET:gsub(".", function(c) return ("%02x"):format(c:byte()) end)))
    local r, file = record()
    assert.equal(1, r.code)
    assert.matches("a secret of this connector is left in .*; nothing was written", r.err)
    assert.is_nil(r.err:find("4711", 1, true))
    assert.is_nil(io.open(file))
  end)
end)

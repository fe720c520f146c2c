-- reeve record: a run becomes a cassette in which nobody and no secret is found again, and which still replays.
local lfs = require "lfs"
local reeve = require "reeve"

local PLUGIN = [[
return { api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "A target", docs = "https://acme.test",
  settings = { { name = "api_url", kind = "url", required = true },
    { name = "secret", kind = "secret", required = true },
    { name = "owner" } },
  hosts = { "api.acme.test" }, resources = {
    user = { title = "User", trait = "user" },
    team = { title = "Team", trait = "group", entitlements = {
      member = { title = "{name} member", purpose = "assignment", grantable_to = { "user" } } } } } }
]]

-- Asks in every way in which something personal gets into a request again.
local CONNECTOR = [[
local M = {}
function M.http(ctx)
  return { base_url = ctx.settings.api_url, auth = ctx.auth.client_credentials {
    token_url = ctx.settings.api_url .. "/token", id = "acme-id", secret = ctx.settings.secret } }
end
M.list = {
  user = function(ctx, cursor)
    local res = ctx.http:get(cursor and cursor.link or "/users", {
      query = not (cursor and cursor.link) and cursor or nil })
    for user in res:each("users") do ctx.emit("user", user) end
    if res.links.next then return { link = res.links.next } end
    return res.rest.after and { after = res.rest.after }
  end,
  team = function(ctx)
    local res = ctx.http:post("/search", { json = { secret = ctx.settings.secret, kind = "team" } })
    for team in res:each("teams") do ctx.emit("team", team) end
  end,
  member = { per = "user", emits = "member", function(ctx, _, user)
    local res = ctx.http:get("/people/{email}/teams", { path = { email = user.email },
      query = { by = user.user_name } })
    for team in res:each() do ctx.emit("member", team) end
  end },
}
return M
]]

local MAPPING = [[
return {
  user = function(raw)
    return { id = raw.id, name = raw.called, login = raw.user_name, email = raw.email,
      profile = { boss = raw.boss, count = raw.count, whole = raw.name and raw.name.given .. " " .. raw.name.family } }
  end,
  team = function(raw) return { id = raw.id, name = raw.name } end,
  member = function(raw, at)
    return { grants = { { on = { type = "team", id = raw.id }, slug = "member",
      to = { type = "user", id = at.parent.id } } } }
  end,
}
]]

local SIMULATOR = [[
return {
  options = { world = "{}" },
  build = function(sim) sim.world = sim.json.decode(sim.options.world) end,
  routes = (function()
    local function answer(sim, req)
      local key = req.path .. (req.query.after and "?" .. req.query.after or "")
      local doc = sim.world[key]
      if not doc then return sim:error(404, "nothing at " .. key) end
      local headers = { ["Set-Cookie"] = "session=kept-nowhere", Link = doc.link, ["X-Asked-By"] = doc.by }
      return 200, doc.body, headers
    end
    return {
      ["POST /token"] = function(sim) return 200, { access_token = sim.world.token, expires_in = 600 } end,
      ["POST /search"] = answer, ["GET /users"] = answer, ["GET /people/{who}/teams"] = answer,
    }
  end)(),
}
]]

local SECRET, TOKEN = "canary-Secret/with+odd=chars-9137", "canary.token~0123456789.signed"

local function base64(text)
  return (reeve.shell("printf %s " .. reeve.quote(text) .. " | base64 -w0"))
end

local hex = reeve.hex

local function escaped(text)
  return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

local function person(id, more)
  local user = { id = id, email = "Ana.Lima@corp.test", user_name = "alima-7", called = "Ana Zélia Lima", count = 41,
    created = "2026-01-02T03:04:05Z", active = true, state = "active",
    name = { given = "Ana Zélia", family = "Lima" } }
  for key, value in pairs(more or {}) do user[key] = value end
  return user
end

-- Answers with one person in every place and encoding that a cassette is to be clean of.
local function world(more)
  local after = base64 '{"email":"ana.lima@corp.test","n":2}'
  local w = { token = TOKEN,
    ["/users"] = { body = { users = { person("u1", {
      boss = "Bo Quist <bo.quist@corp.test>, called Lima by friends", phone = "+49 30 123456",
      last_ip = "203.0.113.77", avatar_url = "https://img.corp.test/alima-7.png",
      home = "https://corp.test/people/alima-7?mail=" .. escaped "ana.lima@corp.test",
      pass = { api_token = "tok_canary_55555",
        jwt = "eyJhbGciOiJub25lIn0." .. base64 '{"sub":"ana.lima@corp.test"}':gsub("=", "") .. ".c2ln" },
    }) }, after = after }, by = "alima-7" },
    ["/users?" .. after] = { body = { users = { person("u2", { email = "bo.quist@corp.test", user_name = "bquist",
      called = "Bo Quist", name = { given = "Bo", family = "Quist" }, echo = "token " .. TOKEN,
      note = "his basic header is " .. base64("acme-id:" .. SECRET) .. ", plainly "
        .. SECRET .. ", " .. escaped(SECRET) }) } } },
    ["/search"] = { body = { teams = { { id = "t1", name = "Owner" }, { id = "t2", name = "Read only" } } } },
  }
  for _, who in ipairs { "Ana.Lima@corp.test", "bo.quist@corp.test" } do
    w["/people/" .. escaped(who) .. "/teams"] = { body = reeve.array { { id = "t1" } } }
    w["/people/" .. who .. "/teams"] = w["/people/" .. escaped(who) .. "/teams"]
  end
  for path, doc in pairs(more or {}) do w[path] = doc end
  return w
end

describe("record", function()
  local sim, home
  local env = { ACME_SECRET = SECRET }

  local function record(path, ...)
    return reeve.run { "record", "main", "-f", path, ..., home = home, env = env }
  end
  local function recorded(more)
    sim:set { world = reeve.encode(world(more)) }
    local path = reeve.path("cassette.jsonl")
    local r = record(path)
    assert.equal(0, r.code, r.out .. r.err)
    return reeve.read(path), path, r
  end

  setup(function()
    home = reeve.home()
    reeve.plugin(home, "acme", { ["plugin.lua"] = PLUGIN, ["connector.lua"] = CONNECTOR, ["mapping.lua"] = MAPPING,
      ["simulator.lua"] = SIMULATOR })
    sim = reeve.sim { plugin = "acme", home = home }
    reeve.connector(home, "main", { plugin = "acme", http = { retry_s = 1 }, settings = { api_url = sim.url,
      secret = "env:ACME_SECRET", owner = "ana.lima@corp.test" } })
  end)
  before_each(function() sim:set { world = reeve.encode(world()) } end)
  teardown(function() sim:stop() end)

  it("leaves nothing personal and no secret, in no encoding", function()
    local text = recorded()
    for _, canary in ipairs { SECRET, TOKEN, "tok_canary_55555", "Ana", "Lima", "Zélia", "Quist", "alima-7", "bquist",
      "ana.lima", "Ana.Lima", "bo.quist", "corp.test\\", "@corp.test", "123456", "203.0.113.77", "kept-nowhere" } do
      for _, form in ipairs { canary, escaped(canary), hex(canary), (base64(canary):gsub("=", ""):sub(1, -2)) } do
        if #form > 3 then assert.falsy(text:find(form, 1, true), canary .. " as " .. form) end
      end
    end
    assert.falsy(text:find(base64("x" .. SECRET):sub(3, 12), 1, true))
    assert.falsy(text:find(base64 '{"email":"ana.lima', 1, true))
    assert.truthy(text:find("+1555", 1, true))
    assert.truthy(text:find('\\"count\\":41', 1, true))
    assert.truthy(text:find("2026-01-02T03:04:05Z", 1, true))
    assert.truthy(text:find('\\"state\\":\\"active\\"', 1, true))
    assert.truthy(text:find("Read only", 1, true))
  end)

  it("gives the same value the same stand-in in requests and answers, and another in the next recording", function()
    local text = recorded()
    local lines = reeve.jsonl(text)
    local header, first = lines[1], nil
    local stand_in = header.settings.owner
    assert.truthy(stand_in:find("^user%-%x+@d%x+%.example$"))
    for i = 2, #lines do
      if lines[i].request.url:find("/users$") then first = reeve.json(lines[i].response.body).users[1] end
    end
    assert.equal(stand_in, first.email)
    assert.truthy(text:find("/people/" .. escaped(stand_in) .. "/teams?by=" .. first.user_name, 1, true))
    assert.equal(first.called, first.name.given .. " " .. first.name.family)
    local secret = header.settings.secret
    assert.truthy(secret:find("^secret%-%x+$"))
    assert.truthy(text:find(base64("acme-id:" .. secret), 1, true))
    assert.truthy(text:find('\\"secret\\":\\"' .. secret .. '\\"', 1, true))
    local token = text:match('\\"access_token\\":\\"(secret%-%x+)\\"')
    assert.truthy(token and text:find('"Authorization":"Bearer ' .. token .. '"', 1, true))
    assert.not_equal(stand_in, reeve.jsonl((recorded()))[1].settings.owner)
  end)

  it("is read by its owner alone, says what it replaced, and leaves no trace but the file", function()
    local _, path, r = recorded()
    assert.equal("rw-------", lfs.attributes(path, "permissions"))
    assert.truthy(r.err:find("6 exchanges", 1, true), r.err)
    assert.truthy(r.err:find("replaced: 3 secrets, 2 e%-mail addresses"), r.err)
    assert.truthy(r.err:find("must read it", 1, true))
    assert.equal(0, #reeve.jsonl((reeve.ok { "runs", "main", "-o", "jsonl", home = home, code = 0 })))
  end)

  it("replaces no file unless it is told to", function()
    local _, path = recorded()
    local before = reeve.read(path)
    local r = record(path)
    assert.equal(2, r.code)
    assert.truthy(r.err:find("is there already", 1, true))
    assert.equal(before, reeve.read(path))
    assert.equal(0, record(path, "--force").code)
    assert.not_equal(before, reeve.read(path))
  end)

  it("refuses where a secret is left in a form that it cannot replace", function()
    for _, form in ipairs { hex(SECRET), base64("x" .. SECRET):sub(2) } do
      local teams = { { id = "t1", name = "in " .. form } }
      sim:set { world = reeve.encode(world { ["/search"] = { body = { teams = teams } } }) }
      local path = reeve.path("cassette.jsonl")
      local r = record(path)
      assert.equal(1, r.code, r.out)
      assert.truthy(r.err:find("setting secret", 1, true), r.err)
      assert.truthy(r.err:find("POST http://127%.0%.0%.1:%d+/search"), r.err)
      assert.falsy(r.err:find(form, 1, true))
      assert.is_nil(reeve.read(path))
    end
  end)

  it("refuses a secret that is too short to be found", function()
    env.ACME_SECRET = "abc12"
    local path = reeve.path("cassette.jsonl")
    local r = record(path)
    env.ACME_SECRET = SECRET
    assert.equal(3, r.code, r.out .. r.err)
    assert.truthy(r.err:find("setting secret is too short", 1, true), r.err)
    assert.is_nil(reeve.read(path))
  end)

  it("takes down each try, and leaves out what nobody answered", function()
    sim:faults { "GET /users: status=503 times=1", "GET /people/*: truncate=3 times=1" }
    local text, _, r = recorded()
    sim:faults {}
    assert.truthy(text:find('"status":503', 1, true))
    assert.truthy(r.err:find("left out: 1 request", 1, true), r.err)
  end)
end)

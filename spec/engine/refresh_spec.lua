-- refresh tokens that the target replaces at each use: the newest is never lost, and no two processes race for it.
local reeve = require "reeve"

local ID, SECRET = "acme-client", "acme-client-secret-77"

local PLUGIN = {
  ["plugin.lua"] = [[return {
    api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "A target",
    settings = { { name = "client_id", required = true }, { name = "client_secret", kind = "secret", required = true },
      { name = "refresh_token", kind = "secret", required = true },
      { name = "api_url", kind = "url", required = true } },
    hosts = { "api.acme.test" }, resources = { user = { title = "User", trait = "user" } },
  }]],
  ["connector.lua"] = [[
    local function http(ctx)
      local s = ctx.settings
      return { base_url = s.api_url, auth = ctx.auth.refresh_token { token_url = s.api_url .. "/token",
        id = s.client_id, secret = s.client_secret, refresh_token = s.refresh_token } }
    end
    return { http = http, check = function(ctx) return { account = ctx.http:get("/me").json.name } end,
      list = { user = function(ctx)
        for user in ctx.http:get("/users"):each("users") do ctx.emit("user", user) end
      end } }
  ]],
  ["mapping.lua"] = "return { user = function(raw) return { id = raw.id } end }",
  -- /grant hands a refresh token to a person who logs in; /elsewhere is somebody else who uses the one in force;
  -- /revoke ends all access tokens.
  ["simulator.lua"] = ([[
    local current, n = nil, 0
    local function next_token()
      n = n + 1
      current = ("rt-%%d-canary-refresh-5d81"):format(n)
      return current
    end
    local function authorized(sim, req, body)
      if not sim:authorized(req) then return sim:error(401, "token unknown") end
      return 200, body
    end
    return {
      options = { rotates = true },
      routes = {
        ["POST /token"] = function(sim, req)
          local id, secret = sim:basic(req)
          if id ~= "%s" or secret ~= "%s" then return sim:error(401, "invalid_client") end
          local given = req.body:match("refresh_token=([^&]*)")
          if not req.body:find("grant_type=refresh_token", 1, true) or given ~= current then
            return 400, { error = "invalid_grant" }
          end
          return 200, { access_token = sim:token(), expires_in = 3600,
            refresh_token = sim.options.rotates and next_token() or nil }
        end,
        ["POST /grant"] = function() return 200, { token = next_token() } end,
        ["POST /elsewhere"] = function() return 200, { token = next_token() } end,
        ["POST /revoke"] = function(sim)
          sim.tokens = {}
          return 200, {}
        end,
        ["GET /me"] = function(sim, req) return authorized(sim, req, { name = "Example Ltd" }) end,
        ["GET /users"] = function(sim, req) return authorized(sim, req, { users = { { id = "u1" } } }) end,
      },
    }]]):format(ID, SECRET),
}

local sim, home, first

setup(function()
  local place = reeve.home()
  reeve.plugin(place, "acme", PLUGIN)
  sim = reeve.sim { plugin = "acme", home = place }
end)
teardown(function() sim:stop() end)

local function post(path)
  local status, body = reeve.http { url = sim.url .. path, method = "POST" }
  assert.equal(200, status)
  return reeve.json(body).token
end

local function connect(name)
  reeve.connector(home, name, { plugin = "acme", http = { retry_s = 5 }, settings = { client_id = ID,
    client_secret = "env:SECRET", refresh_token = "env:REFRESH", api_url = sim.url } })
end

before_each(function()
  sim:faults {}
  sim:set { rotates = true }
  home, first = reeve.home(), post "/grant"
  reeve.plugin(home, "acme", PLUGIN)
  connect "main"
  sim:forget()
end)

local function start(...)
  return reeve.start { home = home, env = { SECRET = SECRET, REFRESH = first }, ... }
end

local function run(code, ...)
  local r = start(...):wait()
  assert.equal(code, r.code, r.out .. r.err)
  return r
end

-- How often a line of the target's log begins so: "POST /token 200".
local function asked(what)
  local n = 0
  for _, line in ipairs(sim:requests().log) do
    if line:sub(1, #what) == what then n = n + 1 end
  end
  return n
end

-- What the ledger has of refresh tokens: a line each, name and a hash of its record.
local function chains()
  return reeve.engine([[
    local dir = ...
    local secret = require "host.secret"
    local home = { dir = dir, state = dir .. "/state", key_path = dir .. "/key", key_own = true }
    local ledger = require("state.ledger").open(home)
    local env = ledger:reader()
    for name, value in env and env:each("chain") or function() end do print(name, secret.hash(value)) end
  ]], { home })
end

local function count(text) return select(2, text:gsub("\n", "")) end

describe("a refresh token that is replaced at each use", function()
  it("is used once, and the next one the next time, from run to run", function()
    for i = 1, 3 do
      post "/revoke" -- or the access token would do
      run(0, "sync", "main")
      assert.equal(i, asked "POST /token 200")
    end
    assert.equal(0, asked "POST /token 4")
    assert.equal(1, count(chains()))
  end)

  it("is not used while the access token is good", function()
    for _ = 1, 3 do run(0, "sync", "main") end
    assert.equal(1, asked "POST /token")
  end)

  it("is not in what is printed, nor anywhere in the home", function()
    local r = run(0, "sync", "main", "--verbose")
    assert.is_nil((r.out .. r.err):find("canary", 1, true))
    assert.equal("", (reeve.shell("grep -rla -e canary-refresh -e sim- " .. reeve.quote(home .. "/state"))))
  end)

  it("is sealed before the access token is used: a run that is killed in between loses nothing", function()
    sim:faults { "GET /users: latency=60000" }
    local sync = start("sync", "main")
    reeve.await(function() return asked "GET /users" > 0 end, "the first use of the token")
    sync:kill "KILL"
    sync:wait()
    sim:faults {}
    post "/revoke"
    run(0, "sync", "main")
    assert.equal(2, asked "POST /token 200")
    assert.equal(0, asked "POST /token 4")
  end)

  it("is lost with the answer that had it: exit 4 says so, the record stays, a new one begins anew", function()
    run(0, "sync", "main")
    local before = chains()
    post "/revoke"
    sim:forget()
    sim:faults { "POST /token: latency=60000" }
    local sync = start("sync", "main")
    reeve.await(function() return asked "POST /token" > 0 end, "the request for a token")
    sync:kill "KILL"
    sync:wait()
    sim:faults {}
    for _ = 1, 2 do
      local r = run(4, "sync", "main")
      assert.matches("the target refuses the credential %(client_secret, .*refresh_token%): it answered 400: "
        .. '"invalid_grant"; a request with it went without an answer %(%d+%-.-Z%), and the target may have '
        .. "replaced it then: enter a new one", (r.err:gsub("client_id, ", "")))
      assert.equal(before, chains())
    end
    first = post "/grant"
    run(0, "sync", "main")
    local after = chains()
    assert.equal(1, count(after), "the chain that nobody uses any more is forgotten")
    assert.is_not.equal(before:match "^%S+", after:match "^%S+")
  end)

  it("that somebody else has used is refused: exit 4, and the record stays", function()
    run(0, "sync", "main")
    local before = chains()
    post "/elsewhere"
    post "/revoke"
    local r = run(4, "sync", "main")
    assert.matches('refresh_token%): it answered 400: "invalid_grant"\n', r.err)
    assert.equal(before, chains())
  end)

  it("is sent again where no answer came", function()
    sim:faults { "POST /token: cut times=1" }
    run(0, "sync", "main")
    assert.equal(2, asked "POST /token")
    post "/revoke"
    sim:faults { "POST /token: truncate=5 times=1" } -- here the target has replaced it
    assert.matches("went without an answer", run(4, "sync", "main").err)
  end)

  it("is used by one of two runs at once: the other waits, and takes the token that came", function()
    connect "other"
    sim:faults { "POST /token: latency=400" }
    local both = { start("sync", "main"), start("sync", "other"), start("plan", "main") }
    for _, one in ipairs(both) do assert.equal(0, one:wait().code, one.err) end
    assert.equal(1, asked "POST /token")
    assert.equal(1, count(chains()))
    sim:faults {}
    post "/revoke"
    sim:forget()
    run(0, "sync", "other")
    run(0, "sync", "main")
    assert.equal(1, asked "POST /token 200")
  end)

  it("is not waited for when its holder was killed", function()
    sim:faults { "POST /token: latency=60000 times=1" }
    local sync = start("sync", "main")
    reeve.await(function() return asked "POST /token" > 0 end, "the request for a token")
    connect "other"
    local other = start("sync", "other")
    sync:kill "KILL"
    sync:wait()
    assert.equal(4, other:wait().code, other.err) -- its answer was lost with the other run
  end)

  it("is kept from the check that add makes", function()
    local r = reeve.run { "add", "acme", "fresh", "client_id=" .. ID, "client_secret=-", "refresh_token=-",
      "api_url=" .. sim.url, home = home, stdin = SECRET .. "\n" .. first .. "\n" }
    assert.equal(0, r.code, r.err)
    post "/revoke"
    run(0, "sync", "fresh")
    run(0, "check", "fresh")
    assert.equal(0, asked "POST /token 4")
    r = reeve.run { "set", "fresh", "refresh_token=-", home = home, stdin = post "/grant" .. "\n" }
    assert.equal(0, r.code, r.err)
    post "/revoke"
    run(0, "sync", "fresh")
    assert.equal(0, asked "POST /token 4")
    assert.equal(1, count(chains()))
  end)

  it("is forgotten with the last connector that uses it", function()
    connect "other"
    run(0, "sync", "main")
    post "/revoke"
    run(0, "sync", "other")
    run(0, "remove", "main")
    assert.equal(1, count(chains()))
    run(0, "secret", "rm", "other", "refresh_token")
    assert.equal("", chains())
  end)

  it("is not opened with another key, nor begun again from the setting", function()
    run(0, "sync", "main")
    post "/revoke"
    sim:forget()
    os.remove(home .. "/key")
    local r = run(3, "sync", "main")
    assert.equal(0, asked "POST /token")
    assert.matches("key is gone", r.err)
  end)
end)

it("a refresh token that stays the same is not kept", function()
  sim:set { rotates = false }
  for _ = 1, 2 do
    run(0, "sync", "main")
    post "/revoke"
  end
  assert.equal(2, asked "POST /token 200")
  assert.equal("", chains())
end)

-- What another process does between our reading and our writing cannot be timed from outside: a ledger of our own.
describe("a record that moves meanwhile", function()
  local function engine(text)
    return reeve.engine([[
      local secret, task, fail = require "host.secret", require "target.task", require "fail"
      local record, message, log, answers = nil, nil, {}, {}
      local ledger = { kept = function() end, keep = function() end, mark = function() end, unmark = function() end,
        lock = function() return setmetatable({}, { __close = function() end }) end }
      function ledger:chain() return record and { token = secret.new(record), version = record } end
      function ledger:advance(_, version, token)
        if version ~= record then return false end
        for _, one in ipairs { "refresh-b", "refresh-c", "refresh-d" } do
          if secret.equal(token, secret.new(one)) then record = one end
        end
        return true
      end
      local session = { ledger = ledger, retry_s = 1, name = "acme", names_of = function() return "refresh_token" end }
      function session:ask(_, _, options)
        for _, one in ipairs { "refresh-a", "refresh-b", "refresh-c" } do
          if secret.equal(options.form.refresh_token, secret.new(one)) then log[#log + 1] = one end
        end
        return answers[#log]()
      end
      local function gives(access, refresh)
        local given = { access_token = access, refresh_token = refresh }
        return { json = {}, secret = function(_, name) return secret.new(given[name]) end }
      end
      local function refuses() error({ status = 400, code = "invalid", tried = "POST x", tries = 1 }, 0) end
      local function go()
        local auth = require("target.refresh").refresh_token(session, { token_url = "https://x.test", id = "i",
          secret = "s", refresh_token = secret.new("refresh-a") })
        task.run(function()
          local ok, e = pcall(auth.current, auth)
          print(ok and secret.equal(auth.value, secret.new("Bearer access-two")) or e.code, record,
            table.concat(log, " "))
          message = not ok and e.message
        end)
      end
    ]] .. text)
  end

  it("is used where the older one is refused", function()
    assert.equal("true\trefresh-c\trefresh-a refresh-b\n", engine [[
      answers[1] = function() record = "refresh-b" refuses() end
      answers[2] = function() return gives("access-two", "refresh-c") end
      go()]])
  end)

  it("is not overwritten, and what it says now is tried", function()
    assert.equal("true\trefresh-d\trefresh-a refresh-c\n", engine [[
      answers[1] = function() record = "refresh-c" return gives("access-one", "refresh-b") end
      answers[2] = function() return gives("access-two", "refresh-d") end
      go()]])
  end)

  it("stays as it is where the newest is refused", function()
    assert.equal("credentials\trefresh-b\trefresh-b\n", engine [[
      record = "refresh-b"
      answers[1] = refuses
      go()]])
    assert.equal('credentials\tnil\trefresh-a\nPOST x: the target refuses the credential (refresh_token): it answered '
      .. "400; a request with it went without an answer (just now), and the target may have replaced it then: "
      .. "enter a new one\n", engine [[
      answers[1] = function() error({ status = 400, code = "invalid", tried = "POST x", tries = 2 }, 0) end
      go()
      print(message)]])
  end)
end)

-- auth: who we are to a target: fetched once, kept sealed, renewed in time and once after a 401.
local session = require "session"

local target

setup(function() target = session.target() end)
teardown(function() target:stop() end)
after_each(function()
  target:faults {}
  target:forget()
end)

local function run(text, given)
  given = given or {}
  given.random = 0.01
  return session.run(target, text, given)
end

-- How often each path was asked: "POST /token" -> 1.
local function asked()
  local count = {}
  for _, line in ipairs(target:requests().log) do
    local what = line:match("^%u+ [^ ?]+")
    count[what] = (count[what] or 0) + 1
  end
  return count
end

describe("client credentials", function()
  it("get one token for all requests, also those that run side by side", function()
    assert.equal("200 200 200 200\n", run [[
      session:attach { base_url = url, auth = credentials() }
      local function get() return http:get("/private").status end
      say(ctx.all { get, get, get, get })]])
    assert.same({ ["POST /token"] = 1, ["GET /private"] = 4 }, asked())
  end)

  it("go as Basic, or in the form", function()
    assert.equal("200\n200\n", run [[
      for _, style in ipairs { "basic", "body" } do
        session:attach { base_url = url, auth = credentials { style = style, scope = "a b" } }
        say(http:get("/private").status)
      end]])
    assert.equal(2, asked()["POST /token"])
  end)

  it("are kept for the next run, under the credential that got them", function()
    local out = run [[
      session:attach { base_url = url, auth = credentials() }
      http:get("/private")
      local next_run = new_session()
      next_run:attach { base_url = url, auth = credentials({}, next_run) }
      say(next_run:open():get("/private").status)
      local n = 0
      for name, value in pairs(kept) do
        n = n + 1
        say(name:match("^token/%x+$") ~= nil, value[1], value[2] > sys.now() + 3000)
      end
      say(n)
      local third = new_session()
      third:attach { base_url = url, auth = credentials({ id = "other" }, third) }
      local page = third:open()
      say(failing(page.get, page, "/private").code)]]
    assert.equal("200\ntrue *** true\n1\ncredentials\n", out)
    assert.same({ ["POST /token"] = 2, ["GET /private"] = 2 }, asked())
  end)

  it("are renewed once after a 401, and the request is sent again", function()
    target:faults { "POST /token: token_uses=2" }
    assert.equal("200 200 200 200\n0\n", run [[
      session:attach { base_url = url, auth = credentials() }
      local function get() return http:get("/private").status end
      local a, b = get(), get()
      say(a, b, ctx.all { get, get })
      say(session:stats().retries)]])
    assert.equal(2, asked()["POST /token"])
  end)

  it("are not renewed again and again", function()
    target:faults { "GET /private: status=401" }
    local out = run [[
      session:attach { base_url = url, auth = credentials() }
      local e = failing(http.get, http, "/private")
      say(e.code, e.status, e.message)]]
    assert.equal("credentials 401 GET " .. target.url .. "/private: the target refuses the credential (id, secret): "
      .. 'it answered 401: "told to fail"\n', out)
    assert.same({ ["POST /token"] = 2, ["GET /private"] = 2 }, asked())
  end)

  it("are renewed before they end", function()
    assert.equal("200\n200\n", run [[
      kept["x"] = nil
      session:attach { base_url = url, auth = credentials() }
      say(http:get("/private").status)
      for _, value in pairs(kept) do value[2] = sys.now() + 0.001 end
      local late = new_session()
      late:attach { base_url = url, auth = credentials({}, late) }
      ctx.sleep(0.002)
      say(late:open():get("/private").status)]])
    assert.same({ ["POST /token"] = 2, ["GET /private"] = 2 }, asked())
  end)

  it("that are refused say which they are and what the target said, and nothing of them", function()
    local out = run([[
      session:attach { base_url = url, auth = credentials() }
      local function get() return failing(http.get, http, "/private") end
      local e, f = ctx.all { get, get }
      say(e.code, e.status, e.url)
      say(e.message)
      say(f.code)]], { secret = "not-the-secret-99" })
    assert.equal(("credentials 401 %s/token\nPOST %s/token: the target refuses the credential (id, secret): "
      .. 'it answered 401: "unknown client ***"\ncredentials\n'):format(target.url, target.url), out)
    assert.same({ ["POST /token"] = 1 }, asked())
  end)

  it("are asked for again where the endpoint fails in passing, and fail where it goes on", function()
    target:faults { "POST /token: status=503 times=2" }
    assert.equal("200\n", run [[
      session:attach { base_url = url, auth = credentials() }
      say(http:get("/private").status)]])
    target:faults { "POST /token: status=503" }
    assert.equal("unavailable 503\n", run([[
      session:attach { base_url = url, auth = credentials() }
      local e = failing(http.get, http, "/private")
      say(e.code, e.status)]], { options = { http = { retry_s = 0.1 } } }))
  end)

  it("fail where the endpoint answers nonsense", function()
    for _, body in ipairs { "html", "empty", "'{\"access_token\":7}'" } do
      target:faults { "POST /token: body=" .. body }
      assert.equal("invalid\n", run [[
        session:attach { base_url = url, auth = credentials() }
        say(failing(http.get, http, "/private").code)]])
    end
  end)

  it("run nothing of the plugin's while they are got", function()
    assert.equal("200\n0\n1\n", run [[
      local ran = 0
      local auth = ctx.auth.client_credentials { token_url = settings.token_url, id = settings.id,
        secret = settings.secret, params = { audience = "x" } }
      local classified = 0
      session:attach { base_url = url, auth = auth, classify = function(res)
        if res.url:find("/token") then ran = ran + 1 end
        classified = classified + 1
      end }
      say(http:get("/private").status)
      say(ran)
      say(classified)]])
  end)

  it("are named where they are incomplete", function()
    local out = run [[
      local e = failing(ctx.auth.client_credentials, { id = "x", secret = settings.secret })
      say(e.code, e.message)]]
    assert.equal("config ctx.auth.client_credentials: token_url is missing or not a text\n", out)
  end)
end)

describe("other credentials", function()
  it("are headers", function()
    local out = run [[
      session:attach { base_url = url, auth = ctx.auth.header("X-Api-Key", "key " .. settings.secret) }
      say(secret.equal(secret.new(http:get("/echo").json.headers["x-api-key"]), "key " .. settings.secret))
      session:attach { base_url = url, auth = ctx.auth.basic("me", settings.secret) }
      say(secret.equal(secret.new(http:get("/echo").json.headers.authorization), secret.basic("me", settings.secret)))
      say(http:get("/echo", { auth = false }).json.headers.authorization)]]
    assert.equal("true\ntrue\nnil\n", out)
  end)

  it("may be the plugin's own, asked again when they end", function()
    assert.equal("200\n200\n200\n2\n", run [[
      local n = 0
      local function own(c)
        n = n + 1
        local basic = secret.basic(c.settings.id, c.settings.secret)
        local res = http:post("/token", { auth = false, headers = { Authorization = basic }, form = {} })
        return "Bearer " .. res:secret("access_token"), sys.now() + 0.3
      end
      session:attach { base_url = url, auth = ctx.auth.custom(own) }
      say(http:get("/private").status)
      say(http:get("/private").status)
      ctx.sleep(0.35)
      say(http:get("/private").status)
      say(n)]])
  end)

  it("stay with the origin of base_url", function()
    local other <close> = setmetatable({ target = session.target() }, { __close = function(t) t.target:stop() end })
    local there = other.target.url
    assert.equal("nil\ntrue\n", run(([[
      session:attach { base_url = url, auth = ctx.auth.header("X-Api-Key", settings.secret) }
      say(http:get("%s/echo").json.headers["x-api-key"])
      say(http:get("%s/echo", { auth = true }).json.headers["x-api-key"] ~= nil)]]):format(there, there)))
  end)

  it("cannot be looked into", function()
    assert.equal("auth nil false\n", run [[
      local a = credentials()
      say(a, a.secret, (getmetatable(a)))]])
  end)
end)

describe("what M.http returns", function()
  it("is checked", function()
    assert.equal([[
config M.http: base_url: a string expected
config M.http: 'base_uri' is not known (base_url, auth, classify)
config M.http: auth: one of ctx.auth's expected
config M.http: base_url: not a usable URL: it has no scheme (https://...)
config M.http: a table { base_url, auth, classify } must be returned
]], run [[
      for _, config in ipairs { { base_url = 1 }, { base_uri = url }, { auth = {} }, { base_url = "/x" }, 7 } do
        local e = failing(session.attach, session, config)
        say(e.code, e.message)
      end]])
  end)
end)

-- A secret that any of this has seen is in no log line and no error.
it("secrets stay out of everything that is said", function()
  target:faults { "GET /private: status=401", "GET /users: body=echo status=400" }
  local out = run([[
    session:attach { base_url = url, auth = credentials() }
    say(failing(http.get, http, "/private").message)
    local with = { query = { key = settings.secret }, headers = { X = settings.secret } }
    say(failing(http.get, http, "/users", with).message)]])
  assert.is_nil(out:find("acme-secret", 1, true))
  assert.is_nil(out:find("sim-%x%x%x%x"))
end)

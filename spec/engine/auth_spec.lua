-- auth: who we are to a target: fetched once, kept sealed, renewed in time and once after a 401.
local reeve = require "reeve"
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
        return "Bearer " .. res:secret("access_token"), sys.now() + 60
      end
      session:attach { base_url = url, auth = ctx.auth.custom(own) }
      say(http:get("/private").status)
      say(http:get("/private").status)
      local now = sys.now
      sys.now = function() return now() + 61 end
      say(http:get("/private").status)
      say(n)]])
  end)

  -- The way of an app that signs for itself, and is given a token for one of its installations.
  it("may ask with a token that they sign, in requests of their own", function()
    local key = reeve.read("spec/fixtures/keys/rfc7515-a2.pem")
    assert.equal("200\n200\ntrue\nBearer ey 1\n", run([[
      local asked, n = nil, 0
      settings.private_key = secret.new(settings.pem)
      session:attach { base_url = url, auth = ctx.auth.custom(function(c)
        n = n + 1
        local jwt = c.auth.jwt { key = c.settings.private_key, claims = { iss = "7", iat = sys.now() - 60 } }
        asked = c.http:get("/echo", { auth = c.auth.header("Authorization", "Bearer " .. jwt) }).json.headers
        local basic = c.auth.basic(c.settings.id, c.settings.secret)
        local res = c.http:post("/token", { auth = basic, form = {} })
        return "Bearer " .. res:secret("access_token"), "2999-01-01T00:00:00Z"
      end) }
      say(http:get("/private").status)
      say(http:get("/private").status)
      say(secret.is(ctx.auth.jwt { key = settings.private_key, claims = {} }))
      say(asked.authorization:sub(1, 9), n)]], { settings = { pem = key } }))
    assert.same({ ["POST /token"] = 1, ["GET /private"] = 2, ["GET /echo"] = 1 }, asked())
  end)

  it("send nothing of the session's own credential while they are made, and do not wait for themselves", function()
    assert.equal("nil\n200\nconfig\ntrue\n", run [[
      local own, made
      session:attach { base_url = url, auth = ctx.auth.custom(function(c)
        say(c.http:get("/echo").json.headers.authorization)
        return "Bearer " .. secret.new("some-token-1234")
      end) }
      say(http:get("/echo").status)
      own = ctx.auth.custom(function(c)
        c.http:get("/echo", { auth = own })
        return "Bearer " .. secret.new("some-token-1234")
      end)
      local e = failing(http.get, http, "/echo", { auth = own })
      say(e.code)
      say(e.message:find("waits for itself", 1, true) ~= nil)]])
  end)

  it("may be given by functions, which are asked when they are needed", function()
    assert.equal("0\ntrue\ntrue\n2\n", run [[
      local n = 0
      local function given(value)
        return function(c)
          n = n + 1
          return value == "secret" and c.settings.secret or value
        end
      end
      local auth = ctx.auth.basic(given "me", given "secret")
      local key = ctx.auth.header("X-Api-Key", function(c) return "key " .. c.settings.secret end)
      say(n)
      for name, one in pairs { authorization = auth, ["x-api-key"] = key } do
        local got = http:get("/echo", { auth = one }).json.headers[name]
        got = secret.new(got)
        say(secret.equal(got, secret.basic("me", settings.secret)) or secret.equal(got, "key " .. settings.secret))
      end
      http:get("/echo", { auth = auth })
      say(n)]])
  end)

  it("say what was expected where a plugin hands them nonsense, at its line", function()
    local out = run [[
      local function said(fn, ...)
        local ok, e = pcall(function(...) local made = fn(...) return made end, ...)
        say(ok or type(e) == "table" and e.code .. " " .. e.message or e)
      end
      said(ctx.auth.header, "X Y", settings.secret)
      said(ctx.auth.header, "X-Key", nil)
      said(ctx.auth.basic, "me", {})
      said(ctx.auth.custom, "x")
      said(ctx.auth.client_credentials)
      said(ctx.auth.client_credentials, { id = "x", secret = settings.secret })
      said(ctx.auth.client_credentials, { token_url = url, id = "x", secret = settings.secret, style = "cookie" })
      said(ctx.auth.client_credentials, { token_url = url, id = "x", style = "body" })
      said(ctx.auth.client_credentials, { token_url = url, id = "x", secret = settings.secret, parms = {} })
      said(ctx.auth.client_credentials, { token_url = url, id = "x", secret = settings.secret, params = { say } })
      said(ctx.auth.jwt, { key = "-----BEGIN", claims = {} })
      said(ctx.auth.jwt, { key = settings.secret, claims = "iss", alg = "none" })
      said(ctx.hmac, { key = settings.secret, hash = "md5", data = "x" })
      said(function() return http:get("/echo", { auth = "Bearer x" }) end)]]
    local expected = [[
ctx.auth.header(name, secret): name: the name of a header expected
ctx.auth.header(name, secret): value is missing: a text or a secret expected
ctx.auth.basic(id, secret): value: a text or a secret expected, got a table
ctx.auth.custom(fn): a function expected, got a string
ctx.auth.client_credentials { … }: a table expected, got nothing
ctx.auth.client_credentials: token_url is missing: a text expected
ctx.auth.client_credentials: style: one of "basic", "body", "private_key_jwt" expected, got "cookie"
ctx.auth.client_credentials: secret is missing: style "body" needs it
ctx.auth.client_credentials: 'parms' is not an option: did you mean 'params'?
ctx.auth.client_credentials: params: a table of plain values expected, got one with something else in it
ctx.auth.jwt: key: a secret (a setting of the kind secret) expected, got a text
ctx.auth.jwt: alg: one of "RS256", "ES256", "EdDSA", "HS256" expected, got "none"
ctx.hmac: hash: one of "sha256", "sha1", "sha512" expected, got "md5"
auth: one of ctx.auth's, true or false expected
]]
    assert.equal(expected, (out:gsub("plugins/acme/connector.lua:%d+: ", "")))
    assert.equal(14, select(2, out:gsub("plugins/acme/connector.lua:%d+: ", "")))
  end)

  it("say which function's result is nonsense", function()
    assert.equal([[
config ctx.auth.client_credentials: scope: a text expected, got a number
config ctx.auth.custom: the function must return a secret
config ctx.auth.custom: when the secret ends: seconds since 1970 or a time as RFC 3339 expected
config plugins/acme/connector.lua:9: broken
]], run [[
      local function told(auth)
        local e = failing(http.get, http, "/echo", { auth = auth })
        say(e.code, e.message)
      end
      told(ctx.auth.client_credentials { token_url = url, id = "x", secret = settings.secret,
        scope = function() return 7 end })
      told(ctx.auth.custom(function() return "text" end))
      told(ctx.auth.custom(function(c) return c.settings.secret, "soon" end))
      told(ctx.auth.custom(function() error("broken") end))]])
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

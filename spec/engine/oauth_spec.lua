-- oauth: how a client says who it is to a token endpoint, and the assertions it signs, as the endpoint sees them.
local reeve = require "reeve"
local session = require "session"

-- A token endpoint that shows what it was sent: its answer's token is the form, in hexadecimal.
local SHOWING = [[
  local shown = { status = 200 }
  settings.private_key = secret.new(settings.pem)
  settings.refresh_token = secret.new "first-refresh-token"
  function session:ask(method, at, options)
    shown.method, shown.url, shown.form, shown.headers = method, at, options.form, options.headers
    shown.repeatable, shown.auth = options.idempotent, options.auth
    return { json = { expires_in = 60 }, secret = function(_, name)
      if name == "access_token" then return secret.new "some-access-token" end
      error("no such text", 0)
    end }
  end
  -- Texts of the form as a target would get them, and whether the Authorization header is what it should be.
  local function ask(auth)
    http:get("/echo", { auth = auth })
    local names = {}
    for name in pairs(shown.form) do names[#names + 1] = name end
    table.sort(names)
    for i, name in ipairs(names) do
      local value = shown.form[name]
      if secret.is(value) then value = http:post("/echo", { auth = false, body = value }).json.body end
      names[i] = name .. "=" .. value
    end
    say(shown.method, shown.url == settings.token_url, shown.repeatable, shown.auth, table.concat(names, " "))
    say(shown.headers.Authorization == nil and "no header" or
      secret.equal(shown.headers.Authorization, secret.basic(settings.id, settings.secret)))
  end
]]

local target, pem
setup(function()
  target = session.target()
  pem = reeve.shell "openssl genpkey -algorithm ed25519"
end)
teardown(function() target:stop() end)

-- An assertion's header and claims.
local function parts(jwt)
  local function decode(text)
    local path = reeve.write(reeve.path("part"), text:gsub("-", "+"):gsub("_", "/") .. ("="):rep(-#text % 4))
    return reeve.json((reeve.shell("base64 -d " .. path)))
  end
  local head, body = jwt:match("^([%w_-]+)%.([%w_-]+)%.[%w_-]+$")
  return decode(head), decode(body)
end

-- Runs the text; what the endpoint was sent, by name, and the whole.
local function sent(text, settings)
  settings = settings or {}
  settings.pem = pem
  local out = session.run(target, SHOWING .. text, { settings = settings })
  local form = {}
  for name, value in out:match("^POST true true false ([^\n]*)"):gmatch("([%w_]+)=(%S*)") do form[name] = value end
  return form, out:match("\n(.*)\n$")
end

local JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

local function check_times(claims)
  local now = os.time()
  assert.equal("integer", math.type(claims.exp))
  assert.is_true(claims.iat <= now and claims.iat > now - 120)
  assert.is_true(claims.exp > now + 60 and claims.exp - claims.iat <= 300)
end

describe("a client", function()
  local function client(more)
    local text = "ask(ctx.auth.client_credentials { token_url = settings.token_url, id = settings.id, %s })"
    return sent(text:format(more))
  end

  it("says who it is in a header, or in the form", function()
    local form, header = client "secret = settings.secret, scope = 'a', params = { audience = 'b' }"
    assert.same({ grant_type = "client_credentials", scope = "a", audience = "b" }, form)
    assert.equal("true", header)
    form, header = client "secret = settings.secret, style = 'body'"
    assert.same({ grant_type = "client_credentials", client_id = "acme-id", client_secret = "acme-secret-1234" }, form)
    assert.equal("no header", header)
  end)

  it("proves itself by an assertion that it signs", function()
    local form, header = client [[style = "private_key_jwt", key = settings.private_key, alg = "EdDSA", kid = "k7",
      claims = { tenant = "t" } ]]
    local head, claims = parts(form.client_assertion)
    form.client_assertion = nil
    assert.same({ grant_type = "client_credentials", client_id = "acme-id", client_assertion_type = JWT_BEARER }, form)
    assert.equal("no header", header)
    assert.same({ alg = "EdDSA", typ = "JWT", kid = "k7" }, head)
    check_times(claims)
    assert.equal(32, #claims.jti)
    claims.jti, claims.exp, claims.iat = nil, nil, nil
    assert.same({ iss = "acme-id", sub = "acme-id", aud = target.url .. "/token", tenant = "t" }, claims)
  end)

  it("signs anew for each token, and may name another audience", function()
    local seen = {}
    for _ = 1, 2 do
      local form = client [[style = "private_key_jwt", key = settings.private_key, alg = "EdDSA",
        audience = "https://idp" ]]
      local _, claims = parts(form.client_assertion)
      assert.equal("https://idp", claims.aud)
      assert.is_nil(seen[claims.jti])
      seen[claims.jti] = true
    end
  end)

  it("may be told by functions", function()
    local form = sent [[
      local function of(value) return function(c) return c.settings[value] or value end end
      ask(ctx.auth.client_credentials { token_url = of "token_url", id = of "id", secret = of "secret",
        style = of "body", scope = of "a",
        params = function(c) return { audience = c.http:get("/list").json[3] } end })]]
    assert.same({ grant_type = "client_credentials", client_id = "acme-id", client_secret = "acme-secret-1234",
      scope = "a", audience = "3" }, form)
  end)

  it("with a refresh token says no more than its name, where it has no secret", function()
    local text = [[
      session.ledger.chain = function() end
      session.ledger.mark, session.ledger.unmark = function() end, function() end
      session.ledger.lock = function() return false end
      ask(ctx.auth.refresh_token { token_url = settings.token_url, id = settings.id,
        refresh_token = settings.refresh_token, style = "none", scope = "a" })]]
    local form, header = sent(text)
    assert.same({ grant_type = "refresh_token", refresh_token = "first-refresh-token", client_id = "acme-id",
      scope = "a" }, form)
    assert.equal("no header", header)
  end)
end)

describe("an assertion in place of a grant", function()
  local function bearer(more)
    return sent(([[ask(ctx.auth.jwt_bearer { token_url = settings.token_url, issuer = settings.id, alg = "EdDSA",
      key = settings.private_key, %s })]]):format(more))
  end

  it("names issuer, subject, audience and scope", function()
    local form, header = bearer [[subject = "ana@example.com", scope = "read", kid = "k7" ]]
    local head, claims = parts(form.assertion)
    assert.same({ alg = "EdDSA", typ = "JWT", kid = "k7" }, head)
    check_times(claims)
    claims.jti, claims.exp, claims.iat = nil, nil, nil
    assert.same({ iss = "acme-id", sub = "ana@example.com", aud = target.url .. "/token", scope = "read" }, claims)
    assert.equal("urn:ietf:params:oauth:grant-type:jwt-bearer", form.grant_type)
    assert.equal("read", form.scope)
    assert.equal("no header", header)
  end)

  it("has no subject where none is told, and claims of the plugin's", function()
    local form = bearer [[audience = "https://idp", claims = { exp = 4102444800, groups = true } ]]
    local _, claims = parts(form.assertion)
    assert.is_nil(claims.sub)
    assert.is_nil(form.scope)
    assert.same({ "https://idp", 4102444800, true }, { claims.aud, claims.exp, claims.groups })
  end)

  it("is kept and renewed as any token", function()
    assert.equal("200\n200\n200\n", session.run(target, [[
      settings.private_key = secret.new(settings.pem)
      local asked = 0
      local ask = session.ask
      function session:ask(method, at, options)
        asked = asked + 1
        options.headers = { Authorization = secret.basic(settings.id, settings.secret) }
        return ask(self, method, at, options)
      end
      session:attach { base_url = url, auth = ctx.auth.jwt_bearer { token_url = settings.token_url, issuer = "i",
        key = settings.private_key, alg = "EdDSA" } }
      for _ = 1, 3 do say(http:get("/private").status) end]], { settings = { pem = pem } }))
    assert.equal(1, select(2, table.concat(target:requests().log, "\n"):gsub("POST /token", "")))
  end)
end)

-- sign: what plugins sign, verified by another implementation, the openssl program; and keys of no use.
local reeve = require "reeve"
local session = require "session"

local target

setup(function() target = session.target() end)
teardown(function() target:stop() end)

-- A key as PEM, made by openssl: "rsa -pkeyopt rsa_keygen_bits:2048" …
local function key(words)
  local out, code, err = reeve.shell("openssl genpkey -algorithm " .. words .. " 2>/dev/null")
  assert.equal(0, code, err)
  return out
end

-- Lua text that signs with `pem`, and shows the result as a target sees it.
local HEAD = [[
  settings.private_key = secret.new(settings.pem)
  local function shown(what)
    return http:get("/echo", { headers = { Authorization = "Bearer " .. what } }).json.headers.authorization:sub(8)
  end
]]

local function run(pem, text)
  return session.run(target, HEAD .. text, { settings = { pem = pem } })
end

local function sign(pem, alg, how)
  return (run(pem, ([[say(shown(ctx.auth.jwt { key = settings.private_key, alg = "%s",
    claims = { iss = "joe", exp = 1300819380.7, admin = true } %s }))]]):format(alg, how or "")):gsub("\n$", ""))
end

local function decode(text)
  local path = reeve.write(reeve.path("part"), text:gsub("-", "+"):gsub("_", "/") .. ("="):rep(-#text % 4))
  return (reeve.shell("base64 -d " .. path))
end

-- Does openssl verify it? ES256's signature is put into DER first, the form that openssl knows.
local function verified(pem, alg, jwt)
  local head, body, signature = jwt:match("^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$")
  signature = decode(signature)
  if alg == "ES256" then
    assert.equal(64, #signature)
    local function integer(bytes)
      bytes = bytes:gsub("^\0+", "")
      if bytes:byte() >= 128 then bytes = "\0" .. bytes end
      return "\2" .. string.char(#bytes) .. bytes
    end
    local both = integer(signature:sub(1, 32)) .. integer(signature:sub(33))
    signature = "\48" .. string.char(#both) .. both
  end
  local at = reeve.folder()
  reeve.write(at .. "/key", pem)
  reeve.write(at .. "/data", head .. "." .. body)
  reeve.write(at .. "/signature", signature)
  local digest = alg == "EdDSA" and "-rawin" or "-rawin -digest sha256"
  local out, code = reeve.shell(("cd %s && openssl pkey -in key -pubout -out public && openssl pkeyutl -verify "
    .. "-pubin -inkey public %s -in data -sigfile signature"):format(at, digest))
  return code == 0 and out:find("Verified Successfully", 1, true) ~= nil
end

local EC = "ec -pkeyopt ec_paramgen_curve:"

describe("a token that a plugin signs", function()
  it("is verified by openssl, for each algorithm, and says what it was told", function()
    for alg, words in pairs { RS256 = "rsa -pkeyopt rsa_keygen_bits:3072", ES256 = EC .. "P-256", EdDSA = "ed25519" } do
      local pem = key(words)
      local jwt = sign(pem, alg, ', header = { kid = "k1" }')
      assert.is_true(verified(pem, alg, jwt), alg)
      local head, body = jwt:match("^([^.]+)%.([^.]+)")
      assert.same({ alg = alg, typ = "JWT", kid = "k1" }, reeve.json(decode(head)))
      assert.same({ iss = "joe", exp = 1300819380, admin = true }, reeve.json(decode(body)))
      assert.is_false(verified(key(words), alg, jwt))
    end
  end)

  it("may be keyed with a shared secret", function()
    local jwt = sign("some shared secret", "HS256")
    local data, mac = jwt:match("^(.*)%.([^.]*)$")
    local path = reeve.write(reeve.path("data"), data)
    local out = reeve.shell("openssl dgst -sha256 -hmac 'some shared secret' -binary " .. path .. " | base64 -w0")
    assert.equal((out:gsub("=", ""):gsub("+", "-"):gsub("/", "_")), mac)
  end)

  it("takes a key as PKCS#8, PKCS#1 and SEC1, also behind its curve's parameters", function()
    local rsa, ec = key "rsa -pkeyopt rsa_keygen_bits:2048", key(EC .. "P-256")
    local function form(pem, command)
      return (reeve.shell(("openssl %s -in %s"):format(command, reeve.write(reeve.path("key"), pem))))
    end
    local pkcs1, sec1 = form(rsa, "rsa -traditional"), form(ec, "ec")
    assert.matches("BEGIN RSA PRIVATE KEY", pkcs1)
    assert.matches("BEGIN EC PRIVATE KEY", sec1)
    assert.equal(sign(rsa, "RS256"), sign(pkcs1, "RS256"))
    assert.is_true(verified(ec, "ES256", sign(sec1, "ES256")))
    local parameters = reeve.shell "openssl ecparam -name prime256v1"
    assert.is_true(verified(ec, "ES256", sign(parameters .. sec1, "ES256")))
  end)

  it("has secrets among its claims, and no key or token in what is said", function()
    local out = run(key "ed25519", [[
      local jwt = ctx.auth.jwt { key = settings.private_key, alg = "EdDSA", claims = { iss = settings.secret } }
      say(jwt, secret.is(jwt))
      local text = shown(jwt)
      say(secret.scrub("it was " .. text))]])
    assert.equal("*** true\nit was ***\n", out)
  end)
end)

describe("a key of no use", function()
  local function refused(pem, alg)
    local out = run(pem, ([[
      local e = failing(ctx.auth.jwt, { key = settings.private_key, alg = "%s", claims = {} })
      say(e.code, e.message)]]):format(alg))
    assert.is_nil(out:find(pem:sub(40, 60), 1, true))
    return out
  end

  it("is told with its setting and what it is, never with its value", function()
    local EXPECTED = "a private key as PEM (PKCS#8, PKCS#1 or SEC1, without a passphrase) expected; "
    local rsa = key "rsa -pkeyopt rsa_keygen_bits:2048"
    local path = reeve.write(reeve.path("key"), rsa)
    local locked = reeve.shell("openssl pkcs8 -topk8 -passout pass:x -in " .. path)
    local old = reeve.shell("openssl rsa -aes128 -traditional -passout pass:x -in " .. path)
    local public = reeve.shell("openssl pkey -pubout -in " .. path)
    local function is(text, pem, alg)
      assert.equal("config ctx.auth.jwt: key (private_key): " .. text .. "\n", refused(pem, alg or "RS256"))
    end
    is("RS256 wants an RSA key of at least 2048 bits; this one is RSA with 1024 bits",
      key "rsa -pkeyopt rsa_keygen_bits:1024")
    is("RS256 wants an RSA key of at least 2048 bits; this one is of another type", key "rsa-pss")
    is("ES256 wants an EC key on the curve prime256v1 (P-256); this one is EC on the curve secp384r1",
      key(EC .. "P-384"), "ES256")
    is("EdDSA wants an Ed25519 key; this one is of another type", key "x25519", "EdDSA")
    is(EXPECTED .. "this one has a passphrase", locked)
    is(EXPECTED .. "this one has a passphrase", old)
    is(EXPECTED .. "this is a public key", public)
    is(EXPECTED .. "this is none", ("garbage "):rep(20))
  end)

  it("ends a run with exit 3", function()
    local home = reeve.home()
    reeve.plugin(home, "acme", {
      ["plugin.lua"] = [[return { api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "A target",
        settings = { { name = "private_key", kind = "secret", required = true } }, hosts = { "127.0.0.1" },
        resources = { user = { title = "User", trait = "user" } } }]],
      ["connector.lua"] = [[return { list = { user = function() end }, http = function(ctx)
        local jwt = ctx.auth.jwt { key = ctx.settings.private_key, claims = {} }
        return { auth = ctx.auth.header("Authorization", jwt) }
      end }]],
      ["mapping.lua"] = "return { user = function() end }",
    })
    reeve.connector(home, "main", { plugin = "acme", settings = { private_key = "env:KEY" } })
    for _, command in ipairs { "check", "sync" } do
      local r = reeve.run { command, "main", home = home, env = { KEY = "canary-not-a-key" } }
      assert.equal(3, r.code, r.err)
      assert.matches("key (private_key): a private key as PEM", r.err, 1, true)
      assert.is_nil(r.err:find("canary", 1, true))
    end
  end)

  it("in a call that is nonsense ends a run with exit 3, and says the plugin's line", function()
    local home = reeve.home()
    reeve.plugin(home, "acme", {
      ["plugin.lua"] = [[return { api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "A target",
        settings = {}, hosts = { "127.0.0.1" }, resources = { user = { title = "User", trait = "user" } } }]],
      ["connector.lua"] = "return { list = { user = function() end }, http = function(ctx)\n"
        .. "  local jwt = ctx.auth.jwt { key = 7, claims = {} }\n  return { auth = jwt } end }",
      ["mapping.lua"] = "return { user = function() end }",
    })
    reeve.connector(home, "main", { plugin = "acme", settings = reeve.json "{}" })
    for _, command in ipairs { "check", "sync" } do
      local r = reeve.run { command, "main", home = home }
      assert.equal(3, r.code, r.err)
      assert.matches("plugins/acme/connector.lua:2: ctx.auth.jwt: key: a secret (a setting of the kind secret) "
        .. "expected, got a number", r.err, 1, true)
      assert.is_nil(r.err:find("traceback", 1, true))
    end
  end)
end)

describe("an HMAC", function()
  it("is what openssl makes of the same key and data", function()
    local text = [[say(shown(ctx.hmac { key = settings.private_key, hash = "%s", data = "some data" }))]]
    for _, hash in ipairs { "sha256", "sha1", "sha512" } do
      local out = run("a key", text:format(hash))
      local path = reeve.write(reeve.path("data"), "some data")
      local theirs = reeve.shell(("openssl dgst -%s -hmac 'a key' %s"):format(hash, path))
      assert.equal(theirs:match("(%x+)%s*$"), (out:gsub("\n", "")))
    end
  end)

  it("may be base64, and of a secret", function()
    local out = run("a key", [[
      local plain = ctx.hmac { key = settings.private_key, data = "acme-secret-1234", encoding = "base64" }
      local of_secret = ctx.hmac { key = settings.private_key, data = settings.secret, encoding = "base64" }
      say(plain, secret.equal(plain, of_secret), shown(plain):match("^[%w+/]+=$") ~= nil)]])
    assert.equal("*** true true\n", out)
  end)
end)

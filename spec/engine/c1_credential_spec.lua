-- A connector's credential at ConductorOne: what is read of id and secret, what is said where one is wrong (the part,
-- never the value), and the assertion that is made with it, byte for byte that of the fact sheet.
local clientsecret = require "clientsecret"
local reeve = require "reeve"

-- What credential.parse says of each { id, secret, api_host }: the credential's fields, or code and message.
local function parse(cases)
  return reeve.json(reeve.engine([[
    local credential, json, secret = require "serve.credential", require "host.json", require "host.secret"
    local out = {}
    for i, case in ipairs(json.decode(io.read "a")) do
      local ok, got = pcall(credential.parse, case.id, secret.new(case.secret), case.api_host)
      if ok then
        assert(secret.is(got.key) and tostring(got.key) == "***")
        got.key = nil
        out[i] = got
      else
        out[i] = { code = got.code or "lua", message = got.message and tostring(got) or got }
      end
    end
    print(json.encode(out))
  ]], { stdin = reeve.encode(cases) }))
end

local function of_id(id) return { id = id, secret = clientsecret.secret } end
local function of_secret(secret) return { id = clientsecret.id, secret = secret } end
local function of_jwk(jwk) return of_secret(clientsecret.of(jwk)) end

-- Each case is refused with exit 4, and in these words, none of which is of the secret.
local function refused(cases)
  local list = {}
  for i, case in ipairs(cases) do list[i] = case[1] end
  for i, got in ipairs(parse(list)) do
    local words, why = cases[i][2], got.message or "it was taken"
    assert.equal("credentials", got.code, words .. ", got: " .. why)
    assert.truthy(why:find(words, 1, true), words .. ", got: " .. why)
    local value = list[i].secret:match("([^:%s]+)%s*$")
    assert.is_falsy(value and #value > 5 and why:find(value, 1, true), why)
  end
end

describe("a client id", function()
  it("says who we are and who is asked", function()
    local got = parse {
      of_id(clientsecret.id), of_id " happy-otter-1@Acme.conductor.one:8443/a/b\n",
      { id = clientsecret.id, secret = clientsecret.secret, api_host = "127.0.0.1:9443" },
      { id = "x@acme.example:8443/bct", secret = clientsecret.secret, api_host = "[::1]" },
      { id = clientsecret.id, secret = clientsecret.secret, api_host = "" },
    }
    assert.same({ client_id = clientsecret.id, name = "test-client-1", host = "tenant.example",
      audience = "tenant.example", origin = "https://tenant.example" }, got[1])
    assert.same({ client_id = "happy-otter-1@Acme.conductor.one:8443/a/b", name = "happy-otter-1",
      host = "acme.conductor.one", audience = "acme.conductor.one", origin = "https://acme.conductor.one:8443" },
      got[2])
    assert.equal("https://127.0.0.1:9443", got[3].origin)
    assert.equal("127.0.0.1", got[3].host)
    assert.equal("tenant.example", got[3].audience)
    assert.equal("https://[::1]", got[4].origin)
    assert.equal("::1", got[4].host)
    assert.equal("acme.example", got[4].audience)
    assert.equal("https://tenant.example", got[5].origin)
  end)

  it("is refused where a part of it is wrong", function()
    refused {
      { of_id "", "it is empty" },
      { of_id "happy-otter-1", "there is no @ in it" },
      { of_id "@acme.conductor.one/bct", "the name before the @ is missing" },
      { of_id "otter@acme.conductor.one", "there is no / behind the host" },
      { of_id "otter@acme.conductor.one/", "the part behind the / is missing" },
      { of_id "otter@/bct", "the host is missing" },
      { of_id "otter@ac_me!/bct", "the host is none" },
      { of_id "otter@x@acme.conductor.one/bct", "the host is none" },
      { of_id "otter@acme.conductor.one:0/bct", "the port is none" },
      { of_id "otter@acme.conductor.one:65536/bct", "the port is none" },
      { of_id "otter@acme.conductor.one:https/bct", "the port is none" },
      { of_id "ot ter@acme.conductor.one/bct", "a blank" },
      { of_id "ot\nter@acme.conductor.one/bct", "a line end" },
      { of_id "ötter@acme.conductor.one/bct", "not ASCII" },
      { of_id(("o"):rep(500) .. "@acme.conductor.one/bct"), "longer than 512" },
      { of_id(clientsecret.secret), "looks like a client secret" },
    }
  end)

  it("is not to blame for a wrong BATON_C1_API_HOST: that is exit 3", function()
    for _, host in ipairs { "https://acme.example", "acme.example/auth", "acme.example:x", ":8443", "a b" } do
      local got = parse { { id = clientsecret.id, secret = clientsecret.secret, api_host = host } }[1]
      assert.equal("config", got.code, host)
      assert.matches("BATON_C1_API_HOST", got.message)
    end
  end)
end)

describe("a client secret", function()
  it("is taken with what copying puts around it, and whatever its first parts say", function()
    local key = clientsecret.secret:match("[^:]*$")
    local more = '{"key_ops":["sign"],"d":"%s","crv":"Ed25519","kty":"OKP","x":"%s","use":"sig"}'
    local cases = { of_secret(clientsecret.secret .. "\n"), of_secret("\t " .. clientsecret.secret .. " \r\n"),
      of_secret("a:b:v1:" .. key), of_jwk(more:format(clientsecret.d, clientsecret.x)) }
    for i, got in ipairs(parse(cases)) do
      assert.equal("test-client-1", got.name, i .. ": " .. tostring(got.message))
    end
  end)

  it("is refused where it is no such secret", function()
    local head = "secret-token:conductorone.com:v1:"
    refused {
      { of_secret "", "it is empty" },
      { of_secret " \n", "it is empty" },
      { of_secret(clientsecret.id), "looks like a client id" },
      { of_secret "hunter2hunter2", "four parts" },
      { of_secret "secret-token:conductorone.com:v1", "four parts" },
      { of_secret(clientsecret.secret .. ":more"), "four parts" },
      { of_secret((clientsecret.secret:gsub(":v1:", ":v2:"))), "its third part, the version, is not v1" },
      { of_secret(head), "its fourth part, the key, is empty" },
      { of_secret(clientsecret.secret .. "="), "not base64url without padding" },
      { of_secret(head .. "e+/="), "not base64url without padding" },
      { of_secret(head .. "e"), "not base64url without padding" },
      { of_secret((clientsecret.secret:gsub("^(.*)(....)$", "%1\n%2"))), "not base64url without padding" },
      { of_secret(clientsecret.secret:sub(1, -9)), "no JSON Web Key" },
      { of_jwk "[1]", "no JSON Web Key" },
      { of_jwk(("["):rep(1000)), "no JSON Web Key" },
      { of_jwk "hunter2hunter2", "no JSON Web Key" },
    }
  end)

  it("is refused where its key is none of ours", function()
    local jwk = clientsecret.jwk
    refused {
      { of_jwk "{}", "kty OKP expected, it is none that is known here" },
      { of_jwk(jwk { kty = "RSA" }), "kty OKP expected, it is RSA" },
      { of_jwk(jwk { kty = "EC", crv = "P-256" }), "kty OKP expected, it is EC" },
      { of_jwk(jwk { kty = clientsecret.d }), "kty OKP expected, it is none that is known here" },
      { of_jwk(jwk { crv = "X25519" }), "crv Ed25519 expected, it is X25519" },
      { of_jwk(jwk { crv = false }), "crv Ed25519 expected, it is none that is known here" },
      { of_jwk(jwk { d = false }), "this is a public key" },
      { of_jwk(jwk { d = "" }), "d of its key has 0 bytes; 32 expected" },
      { of_jwk(jwk { d = clientsecret.base64url(("k"):rep(31)) }), "d of its key has 31 bytes; 32 expected" },
      { of_jwk(jwk { d = clientsecret.base64url(("k"):rep(64)) }), "d of its key has 64 bytes; 32 expected" },
      { of_jwk(jwk { d = clientsecret.d .. "=" }), "d of its key is not base64url" },
      { of_jwk '{"kty":"OKP","crv":"Ed25519","d":7,"x":"AAAA"}', "d of its key is not base64url" },
      { of_jwk '{"kty":"OKP","crv":"Ed25519","d":"\\u0041","x":"AAAA"}', "d of its key is not base64url" },
      { of_jwk(jwk { x = false }), "x of its key is missing" },
      { of_jwk(jwk { x = "!" }), "x of its key is missing, or not base64url" },
      { of_jwk(jwk { x = clientsecret.base64url "short" }), "x and d of its key do not belong together" },
      { of_jwk(jwk { x = clientsecret.base64url(("k"):rep(32)) }), "x and d of its key do not belong together" },
    }
  end)
end)

describe("an assertion", function()
  it("is the fact sheet's, byte for byte", function()
    local expected = "eyJhbGciOiJFZERTQSIsIm5vbmNlIjoiMDAwMTAyMDMwNDA1MDYwNzA4MDkwYTBiMGMwZDBlMGYifQ."
      .. "eyJpc3MiOiJ0ZXN0LWNsaWVudC0xQHRlbmFudC5leGFtcGxlL2JjdCIsInN1YiI6InRlc3QtY2xpZW50LTFAdGVuYW50LmV4YW1wbGUv"
      .. "YmN0IiwiYXVkIjoidGVuYW50LmV4YW1wbGUiLCJleHAiOjE3MDAwMDAxMjAsIm5iZiI6MTY5OTk5OTg4MCwiaWF0IjoxNzAwMDAwMDAwfQ."
      .. "7eC2TuzdESxeUqvhD7I-PLUx6D9u2xaF2pJnfewFkSJvmV2ETBHItdrVwcOS9nEmGAwi8NaJ_ujDQAH_AzNJBw"
    assert.equal("true\n", reeve.engine([[
      local credential, secret = require "serve.credential", require "host.secret"
      local id, client_secret, expected = ...
      local c = credential.parse(id, secret.new(client_secret))
      local made = require("serve.token").assertion(c, 1700000000, "000102030405060708090a0b0c0d0e0f")
      print(secret.equal(made, secret.new(expected)))
    ]], { clientsecret.id, clientsecret.secret, expected }))
  end)
end)

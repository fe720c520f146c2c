-- assertion: JSON Web Tokens and HMACs, made with secrets that are settings: ctx.auth.jwt, ctx.hmac, and the
-- assertions of RFC 7523 that oauth.lua sends. What is made is a secret.
local argument = require "target.argument"
local body = require "target.body"
local contract = require "contract.contract"
local fail = require "fail"
local secret = require "host.secret"
local sign = require "host.sign"
local sys = require "host.sys"

local M = {}

local BEFORE_S, AFTER_S = 30, 270 -- an assertion is good from a little before now: the target's clock may be behind

local JWT = contract.bind("jwt", {
  key = { "secret", required = true },
  alg = { "text", one_of = contract.choices("jwt", "alg"), default = "RS256" },
  claims = { "table", required = true }, header = { "table" },
})

local HMAC = contract.bind("hmac", {
  key = { "secret", required = true },
  hash = { "text", one_of = contract.choices("hmac", "hash"), default = "sha256" },
  data = { "bytes or secret", required = true },
  encoding = { "text", one_of = contract.choices("hmac", "encoding"), default = "hex" },
})

-- What libcrypto says of a key is the operator's business: which setting it is, never its value.
local function made(session, where, key, result, message, code)
  if result then return result end
  fail(code, ("%s: key (%s): %s"):format(where, session:names_of { key }, message))
end

-- Times of a token are whole seconds: ctx.now() has a fraction.
local function whole_times(claims)
  for _, name in ipairs { "iat", "nbf", "exp" } do
    if math.type(claims[name]) == "float" then claims[name] = math.floor(claims[name]) end
  end
end

--- A signed token. o: key, alg, claims, header, as argument.values gives them.
function M.sign(session, where, o)
  local header = o.header or {}
  header.alg = o.alg
  header.typ = header.typ or "JWT"
  whole_times(o.claims)
  local texts = {}
  for i, part in ipairs { header, o.claims } do
    local ok, text = pcall(body.json, part)
    if not ok then error(("%s: %s: %s"):format(where, i == 1 and "header" or "claims", text), 0) end
    texts[i] = text
  end
  return made(session, where, o.key, sign.jwt(o.alg, o.key, texts[1], texts[2]))
end

--- An assertion of RFC 7523 that names issuer, subject and audience, good for some minutes and once.
function M.assertion(session, where, o)
  local now = math.floor(sys.now())
  local claims = { iss = o.issuer, sub = o.subject, aud = o.audience, iat = now - BEFORE_S,
    exp = now + AFTER_S, jti = secret.random_hex(16), scope = o.scope }
  for name, value in pairs(o.claims or {}) do claims[name] = value end
  return M.sign(session, where, { key = o.key, alg = o.alg, claims = claims, header = { kid = o.kid } })
end

local function now_or_late(where, known, session, options)
  argument.check(where, known, options)
  return argument.values(where, known, options, session.ctx)
end

--- ctx.auth.jwt { key, alg, claims, header }
function M.jwt(session, options)
  return M.sign(session, "ctx.auth.jwt", now_or_late("ctx.auth.jwt", JWT, session, options))
end

--- ctx.hmac { key, hash, data, encoding }
function M.hmac(session, options)
  local o = now_or_late("ctx.hmac", HMAC, session, options)
  return made(session, "ctx.hmac", o.key, sign.hmac(o.hash, o.key, o.data, o.encoding))
end

return M

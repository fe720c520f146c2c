-- oauth: tokens of an OAuth2 token endpoint: ctx.auth.client_credentials, ctx.auth.jwt_bearer, and what refresh.lua
-- needs to ask one.
--
-- A token is kept sealed in the ledger under a name made of the credential that got it, so that another credential
-- never finds it. Nothing of the plugin's runs while a token is fetched but the functions it gave as options.
local argument = require "target.argument"
local assertion = require "target.assertion"
local contract = require "contract.contract"
local refusal = require "target.refusal"
local secret = require "host.secret"
local sys = require "host.sys"
local token = require "target.token"

local M = {}

local ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
local JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

--- The options of a grant, as argument.lua wants them: those that all have, and its own.
function M.known(group, more)
  local all = { token_url = { "text", required = true }, scope = { "text" }, params = { "table", default = {} },
    key = { "secret" }, alg = { "text", one_of = contract.choices(group, "alg"), default = "RS256" },
    kid = { "text" }, audience = { "text" }, claims = { "table", default = {} } }
  for name, spec in pairs(more) do all[name] = spec end
  return contract.bind(group, all)
end

--- Raises where the style lacks what it needs.
function M.check_client(where, o)
  local wanted = { basic = "secret", body = "secret", private_key_jwt = "key" }
  local name = wanted[o.style]
  if name and not o[name] then error(('%s: %s is missing: style "%s" needs it'):format(where, name, o.style), 0) end
end

-- How the client says who it is: fields of the form, or a header.
local styles = {}

function styles.basic(_, _, o, _, headers)
  headers.Authorization = secret.basic(o.id, o.secret)
end

function styles.body(_, _, o, fields)
  fields.client_id, fields.client_secret = o.id, o.secret
end

function styles.none(_, _, o, fields)
  fields.client_id = o.id
end

function styles.private_key_jwt(session, where, o, fields)
  fields.client_id, fields.client_assertion_type = o.id, ASSERTION
  fields.client_assertion = assertion.assertion(session, where, { issuer = o.id, subject = o.id,
    audience = o.audience or o.token_url, key = o.key, alg = o.alg, kid = o.kid, claims = o.claims })
end

local function number_of(value)
  local n = tonumber(value)
  return n and n > 0 and n < 2 ^ 31 and n or nil
end

--- Is this the token endpoint's word that it does not take the credential?
function M.is_refusal(failure)
  return type(failure) == "table" and (failure.status == 400 or failure.status == 401 or failure.status == 403)
end

--- Raises such a failure, in words about the settings that the credential is made of.
function M.refuse(failure, names, more)
  failure.code = "credentials"
  failure.message = ("%s: the target refuses the credential (%s): it answered %s%s"):format(failure.tried, names,
    refusal.told(failure.status, failure.words), more or "")
  error(failure, 0)
end

-- The refresh token of an answer, a secret; nil where there is none. One that is no text is nonsense.
local function rotated(res)
  local ok, value = pcall(res.secret, res, "refresh_token")
  if ok then return value end
  local there = res.json.refresh_token
  if there ~= nil and there ~= "" then error(value, 0) end
end

--- Asks the token endpoint. o: token_url, params, style …; fields: the grant's own. Returns the header's value,
--- when it ends (nil: not said), and the refresh token that came with it, where one did. What the endpoint
--- refuses is raised as it came.
function M.ask(session, where, o, fields)
  local headers = {}
  for name, value in pairs(o.params) do fields[name] = value end
  if o.style then styles[o.style](session, where, o, fields, headers) end
  local res = session:ask("POST", o.token_url, { form = fields, headers = headers, auth = false, idempotent = true })
  local value = "Bearer " .. res:secret("access_token") -- before json, which is without it from here on
  local next_token = rotated(res)
  local life = number_of(res.json.expires_in)
  return value, life and sys.now() + life, next_token
end

-- A plain value as text, the same for the same content.
local function canonical(value)
  if secret.is(value) then return "secret " .. secret.hash(value) end
  if type(value) ~= "table" then return type(value) .. " " .. tostring(value) end
  local names, parts = {}, {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for i, name in ipairs(names) do
    local text = canonical(value[name])
    parts[i] = ("%d:%s%d:%s"):format(#tostring(name), tostring(name), #text, text)
  end
  return "{" .. table.concat(parts) .. "}"
end

--- The name under which what these options get is kept.
function M.name_of(kind, o)
  return kind .. "/" .. secret.hash(canonical(o))
end

--- What is kept for these options, and when it ends; nil where it is not there, ended, or is `spent`.
function M.kept(session, name, spent)
  if not session.ledger or session.tap then return nil end
  local value, expires = session.ledger:kept(name)
  if not value or not expires or expires <= sys.now() then return nil end
  if spent and secret.equal(value, spent) then return nil end
  return secret.header(value), expires -- kept with its scheme, told by targets without
end

--- Keeps what was got until it ends; nothing where the target did not say when.
function M.keep(session, name, value, expires)
  if session.ledger and expires then session.ledger:keep(name, value, expires) end
end

--- A credential whose token is fetched by fetch(o, spent) -> value, expires, with the options' values. Where none of
--- them is a function they are all checked at once.
function M.token(session, grant, options, fetch)
  local function values(ctx)
    local o = argument.values(grant.where, grant.known, options, ctx)
    if grant.check then grant.check(grant.where, o) end
    return o
  end
  argument.check(grant.where, grant.known, options)
  local at_once = not argument.late(options) and values() or nil
  local function names(o)
    local parts = {}
    for _, name in ipairs(grant.names) do parts[#parts + 1] = o[name] end
    return session:names_of(parts)
  end
  return token.new { names = names(at_once or {}), get = function(self, spent)
    local o = at_once or session:call(values, grant.where)
    self.names = names(o)
    return fetch(self, o, spent)
  end }
end

-- A grant that costs nothing to ask again: what it got is kept, and that is all.
local function plain(session, grant, fields_of)
  return function(self, o, spent)
    local name = M.name_of("token", { grant.where, o })
    local value, expires = M.kept(session, name, spent)
    if value then return value, expires end
    local ok, got, ends = pcall(M.ask, session, grant.where, o, fields_of(o))
    if not ok then
      if M.is_refusal(got) then M.refuse(got, self.names) end
      error(got, 0)
    end
    M.keep(session, name, got, ends)
    return got, ends
  end
end

local CLIENT = { where = "ctx.auth.client_credentials", names = { "id", "secret", "key" }, check = M.check_client,
  known = M.known("client_credentials", { id = { "text or secret", required = true }, secret = { "text or secret" },
    style = { "text", one_of = contract.choices("client_credentials", "style"), default = "basic" } }) }

--- ctx.auth.client_credentials { token_url, id, secret, style, scope, params, key, alg, kid, audience, claims }
function M.client_credentials(session, options)
  return M.token(session, CLIENT, options, plain(session, CLIENT, function(o)
    return { grant_type = "client_credentials", scope = o.scope }
  end))
end

local BEARER = { where = "ctx.auth.jwt_bearer", names = { "issuer", "key" },
  known = M.known("jwt_bearer", { issuer = { "text or secret", required = true }, subject = { "text or secret" },
    key = { "secret", required = true } }) }

--- ctx.auth.jwt_bearer { token_url, issuer, subject, audience, scope, key, alg, kid, claims, params }. The scope goes
--- into the assertion and into the form: some endpoints look here, some there, and each ignores the other.
function M.jwt_bearer(session, options)
  return M.token(session, BEARER, options, plain(session, BEARER, function(o)
    return { grant_type = JWT_BEARER, scope = o.scope,
      assertion = assertion.assertion(session, BEARER.where, { issuer = o.issuer, subject = o.subject,
        audience = o.audience or o.token_url, scope = o.scope, key = o.key, alg = o.alg, kid = o.kid,
        claims = o.claims }) }
  end))
end

return M

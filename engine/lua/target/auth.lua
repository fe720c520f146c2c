-- auth: who we are to a target. Plugins see it as ctx.auth; plugins/README.md says what each takes.
--
--   auth.header(name, secret)       auth.basic(id, secret)
--   auth.custom(fn)                 fn(ctx) returns the value of the Authorization header, a secret, and when
--                                   it ends (seconds since 1970 or RFC 3339; nil: it does not)
--   auth.client_credentials { … }   auth.jwt_bearer { … }      OAuth2 tokens: oauth.lua
--   auth.refresh_token { … }        the same, by tokens that are replaced: refresh.lua
--   auth.jwt { … }                  a signed token, a secret: assertion.lua
--
-- What these return, but for jwt, is opaque to plugins; the engine asks it for a header (auth.apply) and, once after
-- a 401, for a new one (auth.renew).
local argument = require "target.argument"
local assertion = require "target.assertion"
local contract = require "contract.contract"
local fail = require "fail"
local oauth = require "target.oauth"
local refresh = require "target.refresh"
local secret = require "host.secret"
local sys = require "host.sys"
local token = require "target.token"

local M = {}

-- What plugins hold -> what it is. Plugins cannot look into it.
local kinds = setmetatable({}, { __mode = "k" })
local Opaque = { __metatable = false, __name = "auth", __tostring = function() return "auth" end,
  __newindex = function() error("an auth cannot be written to", 2) end }

local function opaque(kind)
  local handle = setmetatable({}, Opaque)
  kinds[handle] = kind
  return handle
end

--- Is this one of ours?
function M.is(value)
  return type(value) == "table" and kinds[value] ~= nil
end

-- Headers ---------------------------------------------------------------------------------------------

-- A value that a function gives is asked for when it is first needed, and again after a 401.
local function value_of(session, where, spec, value)
  local known, options = { value = spec }, { value = value }
  argument.check(where, known, options)
  if type(value) ~= "function" then return function() return value end end
  return function()
    return session:call(function(ctx) return argument.values(where, known, options, ctx).value end, where)
  end
end

local ANY = { "text or secret", required = true }

local function header(session, name, value)
  if type(name) ~= "string" or not name:find("^[%w!#$%%&'*+.^_`|~-]+$") then
    error("ctx.auth.header(name, secret): name: the name of a header expected", 0)
  end
  local get = value_of(session, "ctx.auth.header(name, secret)", ANY, value)
  if type(value) ~= "function" then return { name = name, value = value, names = session:names_of { value } } end
  return token.new { name = name, get = get, names = "of ctx.auth.header" }
end

local function basic(session, id, password)
  local where = "ctx.auth.basic(id, secret)"
  local get_id, get_password = value_of(session, where, ANY, id), value_of(session, where, ANY, password)
  local function get() return secret.basic(get_id(), get_password()) end
  if type(id) == "function" or type(password) == "function" then
    return token.new { get = get, names = "of ctx.auth.basic" }
  end
  return { value = get(), names = session:names_of { id, password } }
end

-- Custom ----------------------------------------------------------------------------------------------

local function when_of(expires)
  if type(expires) == "string" then expires = sys.epoch(expires) end
  if type(expires) == "number" and expires == expires then return expires end
  fail("config", "ctx.auth.custom: when the secret ends: seconds since 1970 or a time as RFC 3339 expected")
end

local function custom(session, fn)
  if type(fn) ~= "function" then error("ctx.auth.custom(fn): a function expected, got a " .. type(fn), 0) end
  return token.new { names = "of auth.custom", get = function()
    local value, expires = session:call(fn, "auth.custom")
    if not secret.is(value) then fail("config", "ctx.auth.custom: the function must return a secret") end
    return value, expires ~= nil and when_of(expires) or nil
  end }
end

-- For the engine ------------------------------------------------------------------------------------------

--- The target took what was used: a token that it refuses later has ended, and is worth renewing.
function M.taken(handle, used)
  local kind = kinds[handle]
  if kind.renew and kind.value == used then kind.worked = true end
end

--- Puts the credential into a request's headers; returns what was used, for M.renew.
function M.apply(handle, headers)
  local kind = kinds[handle]
  local value = kind.current and kind:current() or kind.value
  headers[kind.name or "Authorization"] = value
  return value
end

--- After a 401: true where another try may go better. `used` is what M.apply returned.
function M.renew(handle, used)
  local kind = kinds[handle]
  return kind.renew ~= nil and kind:renew(used)
end

--- A name for a credential that is the same in the next run; nil for one that is fetched.
function M.print(handle)
  local kind = kinds[handle]
  return kind.value and secret.hash("header", kind.name or "Authorization", kind.value) or nil
end

--- The settings that the credential is made of, for messages.
function M.names(handle)
  return kinds[handle].names
end

--- ctx.auth for the plugin of this session (http.lua).
function M.new(session)
  local out = {}
  for name, make in pairs { header = header, basic = basic, custom = custom,
    client_credentials = oauth.client_credentials, jwt_bearer = oauth.jwt_bearer,
    refresh_token = refresh.refresh_token } do
    out[name] = argument.at_caller(function(...) return opaque(make(session, ...)) end)
  end
  out.jwt = argument.at_caller(function(options) return assertion.jwt(session, options) end)
  return contract.bind("ctx.auth", out)
end

--- ctx.hmac for the plugin of this session.
function M.hmac(session)
  return argument.at_caller(function(options) return assertion.hmac(session, options) end)
end

return M

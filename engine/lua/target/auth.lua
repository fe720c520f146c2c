-- auth: who we are to a target. Plugins see it as ctx.auth.
--
--   auth.client_credentials { token_url, id, secret, style = "basic" | "body", scope, params = {…} }
--   auth.header(name, secret)       auth.basic(id, secret)
--   auth.custom(fn)                 fn(ctx) returns the value of the Authorization header, a secret, and when
--                                   it ends (seconds since 1970; nil: it does not)
--
-- What these return is opaque to plugins; the engine asks it for a header (auth.apply) and, once after a
-- 401, for a new one (auth.renew). A token is fetched by one task, whoever else needs it waits for that one.
-- It is renewed before it ends, and kept sealed in the ledger under a name made of the credential that got
-- it, so that another credential never finds it.
local contract = require "plugin.contract"
local fail = require "fail"
local refusal = require "target.refusal"
local secret = require "host.secret"
local sys = require "host.sys"
local task = require "target.task"

local M = {}

local EARLY_S, EARLY_PART = 60, 0.1 -- how long before its end a token is renewed: the shorter of the two

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

-- Fixed headers ---------------------------------------------------------------------------------------

local function fixed(name, value, names)
  return opaque { name = name, value = value, names = names }
end

-- Tokens ------------------------------------------------------------------------------------------------

local Token = {}
Token.__index = Token

local function margin(life)
  return math.min(EARLY_S, life * EARLY_PART)
end

-- Takes over a token that lives until `expires` (nil: not known).
function Token:set(value, expires)
  self.value, self.expires = value, expires
  self.renew_at = expires and expires - margin(expires - sys.now()) or math.huge
end

-- What an earlier run has kept; asked once.
function Token:recall()
  if self.recalled or not self.ledger then return end
  self.recalled = true
  local value, expires = self.ledger:kept(self.kept_as)
  if value and expires then self:set(value, expires) end
end

-- One fetch at a time: whoever comes meanwhile waits for it and shares its result, its failure too.
function Token:fetch()
  local fetching = self.fetching
  if not fetching then
    fetching = task.spawn(self.get, { args = { self }, sandbox = self.sandbox, detached = true,
      name = "token" })
    self.fetching = fetching
    -- Kept as it ends, before anybody who waits goes on: another who comes in between would fetch again.
    fetching.on_end = function(t)
      self.fetching = nil
      if t.ok then self:set(t.results[1], t.results[2]) end
    end
  end
  fetching:join()
end

--- The token, good for a while.
function Token:current()
  self:recall()
  if not self.value or sys.now() >= self.renew_at then self:fetch() end
  return self.value
end

--- After a 401 with `used`: another one. True where there is one. A token that a renewal brought, and that
--- nothing has taken since, is not renewed again: several requests that are refused at once ask for one.
function Token:renew(used)
  if self.value == used then
    if self.renewed and not self.worked then return false end
    self.value = nil
    self:fetch()
    self.renewed, self.worked = true, false
  end
  return true
end

-- Client credentials ------------------------------------------------------------------------------------

local function number_of(value)
  local n = tonumber(value)
  return n and n > 0 and n < 2 ^ 31 and n or nil
end

-- The target's token endpoint has said no, or nonsense.
local function refused(self, failure)
  local refusing = failure.status == 400 or failure.status == 401 or failure.status == 403
  if not refusing then error(failure, 0) end
  failure.code = "credentials"
  failure.message = ("%s: the target refuses the credential (%s): it answered %s"):format(
    failure.tried, self.names, refusal.told(failure.status, failure.words))
  error(failure, 0)
end

local function fields_of(self)
  local fields = { grant_type = "client_credentials", scope = self.scope }
  for name, value in pairs(self.params) do fields[name] = value end
  if self.style == "body" then fields.client_id, fields.client_secret = self.id, self.secret end
  return fields
end

local function fetch_credentials(self)
  local headers = {}
  if self.style ~= "body" then headers.Authorization = secret.basic(self.id, self.secret) end
  local ok, res = pcall(self.post, self.token_url, { form = fields_of(self), headers = headers, auth = false,
    idempotent = true })
  if not ok then
    if type(res) == "table" and res.status then refused(self, res) end
    error(res, 0)
  end
  local life = number_of(res.json.expires_in)
  local value = "Bearer " .. res:secret("access_token")
  local expires = life and sys.now() + life
  if self.ledger and expires then self.ledger:keep(self.kept_as, value, expires) end
  return value, expires
end

local function need(options, name, kinds_of)
  local value = options[name]
  local kind = secret.is(value) and "secret" or type(value)
  if not kinds_of[kind] or value == "" then
    fail("config", ("ctx.auth.client_credentials: %s is missing or not a text"):format(name))
  end
  return value
end

-- A copy of plain fields. The plugin's own table may do more than hold them, and a token is fetched where
-- its code must not run.
local function copy_fields(fields)
  local copy = {}
  for name, value in pairs(fields or {}) do
    if type(value) == "table" then
      fail("config", "ctx.auth.client_credentials: params: plain values expected")
    end
    copy[name] = value
  end
  return copy
end

local TEXT, ANY = { string = true }, { string = true, secret = true }

local function client_credentials(session, options)
  local token = setmetatable({
    token_url = need(options, "token_url", TEXT), id = need(options, "id", ANY),
    secret = need(options, "secret", ANY),
    style = options.style or "basic", scope = options.scope and need(options, "scope", TEXT),
    params = copy_fields(options.params),
    ledger = session.ledger, names = session:names_of { options.id, options.secret },
    post = function(...) return session:ask("POST", ...) end, get = fetch_credentials,
  }, Token)
  if token.style ~= "basic" and token.style ~= "body" then
    fail("config", 'ctx.auth.client_credentials: style is "basic" or "body"')
  end
  token.kept_as = "token/" .. secret.hash("client_credentials", token.token_url, token.style,
    token.scope or "", token.id, token.secret)
  return opaque(token)
end

-- Custom --------------------------------------------------------------------------------------------------

local function custom(session, fn)
  local function get()
    local value, expires = fn(session.ctx)
    if not secret.is(value) then fail("config", "auth.custom: the function must return a secret") end
    return value, expires
  end
  return opaque(setmetatable({ get = get, sandbox = session.sandbox, names = "of auth.custom" }, Token))
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

--- The settings that the credential is made of, for messages.
function M.names(handle)
  return kinds[handle].names
end

--- ctx.auth for the plugin of this session (http.lua).
function M.new(session)
  return contract.bind("ctx.auth", {
    client_credentials = function(options) return client_credentials(session, options) end,
    custom = function(fn) return custom(session, fn) end,
    header = function(name, value) return fixed(name, value, session:names_of { value }) end,
    basic = function(id, password)
      return fixed("Authorization", secret.basic(id, password), session:names_of { id, password })
    end,
  })
end

return M

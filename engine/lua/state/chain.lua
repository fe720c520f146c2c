-- chain: refresh tokens that the target replaces whenever they are used, as the ledger keeps them: the newest of each
-- chain, sealed. A chain has the name that its first token gives it (target/refresh.lua).
--
--   chain.get(ledger, name) -> { token, version } | nil       version: for advance; raises where it does not open
--   chain.advance(ledger, name, version, token, user) -> true, or false where it is not at `version` any more
--   chain.leave(ledger, user) -> how many chains that user, or all of a connector's ("acme/"), gave up
--
-- A user is "CONNECTOR/SETTING": the setting that holds the first token. Several may use one chain; a setting that
-- begins another leaves those it used before. What nobody uses is deleted.
local fail = require "fail"
local secret = require "host.secret"
local sys = require "host.sys"

local M = {}

local TABLE, VERSION = "chain", 1

-- Value: version, time, number of users, each of them, sealed token.
local function pack(users, sealed)
  local parts = { string.pack("<Bs2I2", VERSION, sys.time(math.floor(sys.now())), #users) }
  for _, user in ipairs(users) do parts[#parts + 1] = string.pack("<s2", user) end
  parts[#parts + 1] = string.pack("<s4", sealed)
  return table.concat(parts)
end

local function unpack_all(value)
  local version, at, n, where = string.unpack("<Bs2I2", value)
  if version ~= VERSION then error("version") end
  local entry = { at = at, users = {} }
  for i = 1, n do entry.users[i], where = string.unpack("<s2", value, where) end
  entry.sealed = string.unpack("<s4", value, where)
  return entry
end

local function unpack_entry(ledger, value)
  local ok, entry = pcall(unpack_all, value)
  if ok then return entry end
  fail("storage", ledger.dir .. ": the newest refresh token of a chain is damaged", "enter a new one")
end

local function context(name) return TABLE .. "/" .. name end

--- See the head of this file.
function M.get(ledger, name)
  local value = ledger:read(TABLE, name)
  if not value then return nil end
  local entry = unpack_entry(ledger, value)
  local token, message, code = secret.open(ledger:key(), entry.sealed, context(name))
  if not token then fail(code, "the sealed refresh token: " .. message) end
  return { token = token, version = value }
end

local function position(list, one)
  for i, other in ipairs(list) do
    if other == one then return i end
  end
end

-- Is it this user, or one of this connector's ("acme/")?
local function matches(user, who)
  return user == who or who:sub(-1) == "/" and user:sub(1, #who) == who
end

--- The same; the chain `but` is left alone.
function M.leave(ledger, who, but)
  local env, left = ledger:reader(), {}
  for name, value in env and env:each(TABLE) or function() end do
    local entry, stay = unpack_entry(ledger, value), {}
    for _, user in ipairs(entry.users) do
      if not matches(user, who) then stay[#stay + 1] = user end
    end
    if name ~= but and #stay < #entry.users then left[#left + 1] = { name, value, stay, entry.sealed } end
  end
  for _, one in ipairs(left) do
    local name, value, stay, sealed = table.unpack(one)
    if #stay > 0 then fail.try(ledger:writer():swap(TABLE, name, value, pack(stay, sealed)))
    else fail.try(ledger:writer():del(TABLE, name)) end
  end
  return #left
end

--- Seals the token in place of the one at `version`, nil where the chain begins.
function M.advance(ledger, name, version, token, user)
  local users = version and unpack_entry(ledger, version).users or {}
  if not position(users, user) then users[#users + 1] = user end
  local sealed = fail.try(secret.seal(ledger:key(), token, context(name)))
  if not fail.try(ledger:writer():swap(TABLE, name, version, pack(users, sealed))) then return false end
  if not version and user:sub(-1) ~= "/" then M.leave(ledger, user, name) end
  return true
end

--- Is there any?
function M.any(ledger)
  local env = ledger:reader()
  return env ~= nil and env:each(TABLE)() ~= nil
end

return M

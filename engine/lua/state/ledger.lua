-- ledger: what cannot be fetched again, in STATE/ledger: sealed secrets, refresh tokens, kept values, the audit trail.
--
--   local ledger = require("state.ledger").open(home)          home: { dir, state, key_path, key_own }
--   ledger:seal("acme", "client_secret", secret, origins)
--   local s, message, code = ledger:unseal("acme", "client_secret", origins)
--   ledger:audit { action = "accept", connector = "acme", reason = "…", before = digest, after = digest }
--
-- Nothing is opened or made before it is needed: reading an absent ledger finds nothing; the first write makes it.
-- Failures of the store and of the key are raised (fail.lua); "not there" is a result. The trail is
-- trail.lua's, refresh tokens are chain.lua's.
-- A secret belongs to its origins, the URLs, proxy and CA it was entered for. They stand beside it in clear, to be
-- compared and named, and are authenticated with it, so that nobody who writes the store can change them.
local chain = require "state.chain"
local fail = require "fail"
local mode = require "mode"
local secret = require "host.secret"
local store = require "host.store"
local sys = require "host.sys"
local trail = require "state.trail"

local M = {}
local Ledger = {}
Ledger.__index = Ledger

local TABLES = { "secret", "kept", "audit", "chain" }
local MAP_MB = 1024
local NAME_MAX = 480 -- LMDB's keys have 511 bytes

--- The ledger of a home. Touches nothing yet.
function M.open(home)
  return setmetatable({ home = home, dir = home.state .. "/ledger" }, Ledger)
end

-- The store -------------------------------------------------------------------------------------------

-- LMDB must not be opened twice in a process, so there is one handle; it becomes a writer when one is needed.
local function open_store(self, options)
  options.dbs, options.map_mb, options.passing = TABLES, MAP_MB, self.home.passing
  return store.open(self.dir, options)
end

-- For reading: the store, or nil where there is none yet. A read-only state can be read.
local function reader(self)
  if self.store then return self.store end
  if not fail.found(sys.stat(self.dir)) then return nil end
  local env, message, code = open_store(self, { write = true })
  self.writable = env ~= nil
  if not env and code ~= "not_found" then env, message, code = open_store(self, { write = false }) end
  if not env and code ~= "not_found" then fail(code, message) end
  self.store = env
  return env
end

local function writer(self)
  if self.writable then return self.store end
  self:close()
  fail.try(sys.mkdir_p(self.dir, mode.private_folder))
  self.store = fail.try(open_store(self, { write = true, create = true }))
  self.writable = true
  return self.store
end

--- Closes the store; it opens again when it is needed.
function Ledger:close()
  if self.store then self.store:close() end
  self.store, self.writable = nil, false
end

-- nil is a result of get; a failure has a message.
local function get(self, db, key)
  local env = reader(self)
  if not env then return nil end
  local value, message, code = env:get(db, key)
  if value == nil and message then fail(code, message) end
  return value
end

-- For chain.lua.
Ledger.read, Ledger.reader, Ledger.writer = get, reader, writer

local function now()
  return sys.time(math.floor(sys.now()))
end

-- The key ---------------------------------------------------------------------------------------------

local function any_sealed(self)
  local env = reader(self)
  local key = env and env:each("secret")()
  return key ~= nil or chain.any(self)
end

local function inside(path, dir)
  path, dir = sys.real_path(path) or path, sys.real_path(dir) or dir
  return path:sub(1, #dir + 1) == dir .. "/"
end

local function load_key(home)
  local key, message, code = secret.load_key(home.key_path, home.key_own and "private" or "trusted")
  if not key and code ~= "not_found" then fail(code, message) end
  return key
end

local function make_key(self)
  local home = self.home
  if not home.key_own then fail("config", home.key_path .. ": no key there", "or unset $REEVE_KEY_FILE") end
  if any_sealed(self) then
    fail("config", home.key_path .. " is gone, and secrets in " .. self.dir .. " were sealed with it",
      "put it back; or remove each of them with `reeve secret rm` and enter it again")
  end
  if inside(home.key_path, home.state) then
    fail("config", home.key_path .. ": the key must not lie under the state it protects", "move the state elsewhere")
  end
  fail.try(sys.mkdir_p(home.dir, mode.private_folder))
  local key, message, code = secret.make_key(home.key_path)
  -- Another process was quicker: its key is the key.
  if not key and code == "busy" then key = load_key(home) end
  return key or fail(code, message, "the key that seals is made once, and the home must be writable then; "
    .. "or $REEVE_KEY_FILE names one")
end

--- The key that seals, a secret of 32 bytes; made when it is first needed, unless secrets exist that were sealed
--- with one that is gone.
function Ledger:key()
  self.home_key = self.home_key or load_key(self.home) or make_key(self)
  return self.home_key
end

-- Secrets ---------------------------------------------------------------------------------------------

-- Value of table "secret": version, time, user, number of origins, each of them, sealed bytes.
local SECRET_VERSION = 1

local function pack_secret(entry)
  local parts = { string.pack("<Bs2s2I2", SECRET_VERSION, entry.at, entry.by, #entry.origins) }
  for _, origin in ipairs(entry.origins) do parts[#parts + 1] = string.pack("<s2", origin) end
  parts[#parts + 1] = string.pack("<s4", entry.sealed)
  return table.concat(parts)
end

local function unpack_all(value)
  local version, at, by, n, where = string.unpack("<Bs2s2I2", value)
  if version ~= SECRET_VERSION then error("version") end
  local entry = { at = at, by = by, origins = {} }
  for i = 1, n do entry.origins[i], where = string.unpack("<s2", value, where) end
  entry.sealed = string.unpack("<s4", value, where)
  return entry
end

local function unpack_secret(self, name, value)
  local ok, entry = pcall(unpack_all, value)
  if not ok then fail("storage", self.dir .. ": the sealed secret " .. name .. " is damaged", "enter it again") end
  return entry
end

-- Sorted, each once: the order in which settings are read says nothing.
local function tidy(origins)
  local list, seen = {}, {}
  for _, origin in ipairs(origins or {}) do
    if not seen[origin] then list[#list + 1] = origin end
    seen[origin] = true
  end
  table.sort(list)
  return list
end

local function name_of(connector, key)
  local name = connector .. "/" .. key
  if #name > NAME_MAX then fail("usage", "the name of a secret is too long: " .. name) end
  return name
end

local function context_of(name, origins)
  return "secret/" .. name .. "\0" .. table.concat(origins, "\0")
end

local function sealed_entry(self, name, value, origins)
  local sealed = fail.try(secret.seal(self:key(), value, context_of(name, origins)))
  return pack_secret { at = now(), by = sys.user(), origins = origins, sealed = sealed }
end

--- Seals several secrets of a connector at once, { key = secret, … }: all are kept, or none. Returns what puts back
--- those that were there, for :put_back.
function Ledger:seal_all(connector, secrets, origins)
  local changes, back = {}, {}
  origins = tidy(origins)
  for key, value in pairs(secrets) do
    local name = name_of(connector, key)
    local old = get(self, "secret", name)
    changes[#changes + 1] = { "put", "secret", name, sealed_entry(self, name, value, origins) }
    back[#back + 1] = old and { "put", "secret", name, old } or { "del", "secret", name }
  end
  if #changes > 0 then fail.try(writer(self):write(changes)) end
  return back
end

--- Takes a :seal_all back.
function Ledger:put_back(back)
  if #back > 0 then fail.try(writer(self):write(back)) end
end

--- Seals one. With `expected`, what :version said, nothing is done and false returned where it was changed since.
function Ledger:seal(connector, key, value, origins, expected)
  local name = name_of(connector, key)
  local entry = sealed_entry(self, name, value, tidy(origins))
  if not expected then
    fail.try(writer(self):put("secret", name, entry))
    return true
  end
  local old = get(self, "secret", name)
  if (old and secret.hash(old) or "none") ~= expected then return false end
  return fail.try(writer(self):swap("secret", name, old, entry))
end

--- What a sealed secret is at this moment, for :seal's `expected`; it tells nothing about its value.
function Ledger:version(connector, key)
  local old = get(self, "secret", name_of(connector, key))
  return old and secret.hash(old) or "none"
end

local function same_list(a, b)
  return table.concat(a, "\0") == table.concat(b, "\0")
end

--- A sealed secret, if it was entered for exactly these origins; else nil, message, code: "not_found", or "config"
--- where it must be entered again.
function Ledger:unseal(connector, key, origins)
  local name = name_of(connector, key)
  local again = ("enter it with `reeve secret set %s %s`"):format(connector, key)
  local value = get(self, "secret", name)
  if not value then return nil, ("no secret %s is sealed: %s"):format(name, again), "not_found" end
  local entry = unpack_secret(self, name, value)
  origins = tidy(origins)
  if not same_list(entry.origins, origins) then
    return nil, ("the secret %s was entered for %s, and is now wanted for %s: %s again"):format(name,
      table.concat(entry.origins, ", "), table.concat(origins, ", "), again), "config"
  end
  local opened, message, code = secret.open(self:key(), entry.sealed, context_of(name, origins))
  if not opened then return nil, ("%s: %s"):format(name, message), code end
  return opened
end

--- What is sealed, sorted: { connector, key, origins, at, by } each; of one connector where it is named.
function Ledger:secrets(connector)
  local list, env = {}, reader(self)
  if not env then return list end
  local prefix = connector and connector .. "/" or ""
  for name, value in env:each("secret", prefix) do
    if name:sub(1, #prefix) ~= prefix then break end
    local entry = unpack_secret(self, name, value)
    entry.sealed = nil
    entry.connector, entry.key = name:match("^([^/]*)/(.*)$")
    list[#list + 1] = entry
  end
  return list
end

--- Forgets a sealed secret and the refresh tokens that came of it, or without `key` all of the connector's; returns
--- how many there were.
function Ledger:forget(connector, key)
  local changes = {}
  for _, entry in ipairs(self:secrets(connector)) do
    if not key or entry.key == key then
      changes[#changes + 1] = { "del", "secret", name_of(connector, entry.key) }
    end
  end
  if #changes > 0 then fail.try(writer(self):write(changes)) end
  return #changes + chain.leave(self, name_of(connector, key or ""))
end

-- Kept values -----------------------------------------------------------------------------------------

-- Value of table "kept": version, when it expires (seconds since 1970; 0: never), is it a secret, sealed bytes.
local KEPT_FORMAT, KEPT_VERSION = "<BdBs4", 1

local function unpack_kept(value)
  local ok, version, expires, is_secret, sealed = pcall(string.unpack, KEPT_FORMAT, value)
  if not ok or version ~= KEPT_VERSION then return nil end
  return expires, is_secret == 1, sealed
end

local function expired(value)
  local expires = unpack_kept(value)
  return not expires or (expires > 0 and expires <= sys.now())
end

-- Deletions of what has expired; a token of a credential that was changed is asked for by nobody any more.
local function prune(env, changes)
  for name, value in env:each("kept") do
    if expired(value) then changes[#changes + 1] = { "del", "kept", name } end
  end
  return changes
end

--- Keeps a value (a secret or bytes) sealed under a name, until `expires` (seconds since 1970; nil: for ever).
--- These are caches: whoever asks for them can do without.
function Ledger:keep(name, value, expires)
  if #name > NAME_MAX then fail("usage", "the name of a kept value is too long: " .. name) end
  local sealed = fail.try(secret.seal(self:key(), value, "kept/" .. name))
  local env = writer(self)
  local entry = string.pack(KEPT_FORMAT, KEPT_VERSION, expires or 0, secret.is(value) and 1 or 0, sealed)
  local changes = prune(env, {})
  changes[#changes + 1] = { "put", "kept", name, entry }
  fail.try(env:write(changes))
end

--- What is kept under the name, and when it expires; nil where there is nothing, or nothing that opens any more.
function Ledger:kept(name)
  local value = get(self, "kept", name)
  if not value or expired(value) then return nil end
  local expires, is_secret, sealed = unpack_kept(value)
  self.home_key = self.home_key or load_key(self.home)
  if not self.home_key then return nil end
  local open = is_secret and secret.open or secret.open_bytes
  local opened = open(self.home_key, sealed, "kept/" .. name)
  if not opened then return nil end
  return opened, expires > 0 and expires or nil
end

--- Forgets a kept value, if there is one.
function Ledger:drop(name)
  if get(self, "kept", name) then fail.try(writer(self):del("kept", name)) end
end

--- This ledger for a run that fetches every token anew: none that is kept is found, and none is kept. Refresh tokens
--- are as ever: one that the target has replaced is of no use any more, whatever becomes of the run.
function Ledger:forgetful()
  local function nothing() end
  local own = { kept = nothing, keep = nothing, drop = nothing }
  return setmetatable(own, { __index = function(_, name)
    return function(_, ...) return self[name](self, ...) end
  end })
end

-- Refresh tokens --------------------------------------------------------------------------------------

local MARK_S = 90 * 86400

--- The newest refresh token of a chain: { token, version }; nil where it has not begun.
function Ledger:chain(name) return chain.get(self, name) end

--- Seals the next token of a chain; false where it is not at `version` any more (chain.lua).
function Ledger:advance(name, version, token, user) return chain.advance(self, name, version, token, user) end

--- Notes that a chain's token is sent now, durably; returns the text of when it was before, where no answer to that
--- was noted by :unmark.
function Ledger:mark(name)
  local before = self:kept("sent/" .. name)
  self:keep("sent/" .. name, now(), sys.now() + MARK_S)
  return before
end

--- The answer has come.
function Ledger:unmark(name) self:drop("sent/" .. name) end

--- Takes the lock of a chain: its holder, of all processes, uses the token. nil, message, "busy" where it is held.
function Ledger:lock(name)
  fail.try(sys.mkdir_p(self.dir, mode.private_folder))
  return sys.lock(("%s/%s.lock"):format(self.dir, name:gsub("[^%w]", "-"):sub(1, 40)))
end

-- The audit trail -------------------------------------------------------------------------------------

local function audit_get(self)
  return function(key) return get(self, "audit", key) end
end

--- Appends an entry (action, connector, reason, before, after, …) and returns its number.
function Ledger:audit(entry)
  local env = writer(self)
  return trail.append(audit_get(self), function(key, value) return fail.try(env:swap("audit", key, nil, value)) end,
    entry)
end

--- The entries, newest first, of one connector where it is named: an iterator of tables.
function Ledger:audits(connector)
  return trail.each(audit_get(self), connector)
end

--- True where the trail is whole; else nil and the number of the first entry that does not follow from the others.
function Ledger:verify()
  return trail.verify(audit_get(self))
end

return M

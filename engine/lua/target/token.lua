-- token: a credential that is fetched, ends, and is fetched again.
--
--   local t = token.new { get = function(t, spent) … return value, expires end, names = "id, secret" }
--   t:current()         the value, a secret, good for a while; must run in a task
--   t:renew(used)       after a 401 with `used`: true where there is another one
--   t.worked = true     the target took t.value: if it refuses it later, that is because it ended
--
-- `get` runs in a task of its own; `spent` is the value that is wanted no more, where there was one. `expires` is
-- in seconds since 1970, nil where it is not known. One task fetches, whoever else needs the token waits for that
-- one. It is renewed before it ends.
local fail = require "fail"
local sys = require "host.sys"
local task = require "target.task"

local M = {}
local Token = {}
Token.__index = Token

local EARLY_S, EARLY_PART = 60, 0.1 -- how long before its end a token is renewed: the shorter of the two

--- A token that nobody has asked for yet. spec: get, names; what else it holds is for `get`.
function M.new(spec)
  return setmetatable(spec, Token)
end

local function margin(life)
  return math.min(EARLY_S, life * EARLY_PART)
end

function Token:set(value, expires)
  self.value, self.expires = value, expires
  self.renew_at = expires and expires - margin(expires - sys.now()) or math.huge
end

-- Does the running task work for this one?
local function is_within(t)
  local at = task.current()
  while at do
    if at == t then return true end
    at = at.parent
  end
  return false
end

-- One fetch at a time: whoever comes meanwhile waits for it and shares its result, its failure too.
function Token:fetch(spent)
  local fetching = self.fetching
  if fetching and is_within(fetching) then
    fail("config", "a credential waits for itself: the function that makes it sends a request with it")
  end
  if not fetching then
    fetching = task.spawn(self.get, { args = { self, spent }, detached = true, name = "token" })
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
  if not self.value or sys.now() >= self.renew_at then self:fetch(self.value) end
  return self.value
end

--- After a 401 with `used`: another one. True where there is one. A token that a renewal brought, and that
--- nothing has taken since, is not renewed again: several requests that are refused at once ask for one.
function Token:renew(used)
  if self.value == used then
    if self.renewed and not self.worked then return false end
    self.value = nil
    self:fetch(used)
    self.renewed, self.worked = true, false
  end
  return true
end

return M

-- trail: the audit trail, entries that are only ever appended, each with the digest of the one before it.
--
-- It knows no store: `get(key)` gives a value or nil, `add(key, value)` puts one where there is none and returns false
-- where there is. Entries are numbered from 1 without gaps; that is what keeps two writers apart.
local fail = require "fail"
local json = require "host.json"
local secret = require "host.secret"
local sys = require "host.sys"

local M = {}

local TRIES = 1000 -- of a number that another process took first

local function number_key(n)
  return string.pack(">I8", n)
end

-- Doubling and halving finds the last number in few steps.
local function last_number(get)
  local low, step = 0, 1
  while get(number_key(low + step)) do
    low, step = low + step, step * 2
  end
  while step > 1 do
    step = step // 2
    if get(number_key(low + step)) then low = low + step end
  end
  return low
end

-- A copy with every text scrubbed; before it is encoded, since in a document even a number may look like a secret.
local function scrubbed(value)
  if type(value) == "string" then return (fail.try(secret.scrub(value))) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for k, v in pairs(value) do copy[k] = scrubbed(v) end
  return setmetatable(copy, getmetatable(value))
end

local function stamped(entry)
  local line = scrubbed(entry)
  line.at, line.user, line.host = sys.time(math.floor(sys.now())), sys.user(), sys.hostname()
  line.sudo_user = os.getenv("SUDO_USER")
  return line
end

--- Appends what the caller says (action, connector, reason, before, after, …) with n, at, user (and sudo_user), host
--- and `previous`, the digest of the entry before it. Returns n.
function M.append(get, add, entry)
  local line = stamped(entry)
  for _ = 1, TRIES do
    local last = last_number(get)
    local previous = last > 0 and get(number_key(last))
    line.n = last + 1
    line.previous = previous and secret.hash(previous) or nil
    if add(number_key(line.n), fail.try(json.encode(line))) then return line.n end
  end
  fail("busy", "the audit trail is being written by others all the time", "try again")
end

--- The entries, newest first, of one connector where it is named: an iterator of tables.
function M.each(get, connector)
  local n = last_number(get) + 1
  return function()
    while n > 1 do
      n = n - 1
      local entry = fail.try(json.decode(get(number_key(n))))
      if not connector or entry.connector == connector then return entry end
    end
  end
end

--- True where each entry carries the digest of the one before it; else nil and the number of the first that does not.
function M.verify(get)
  local previous
  for n = 1, last_number(get) do
    local bytes = get(number_key(n))
    local entry = json.decode(bytes)
    if not entry or entry.n ~= n or entry.previous ~= previous then return nil, n end
    previous = secret.hash(bytes)
  end
  return true
end

return M

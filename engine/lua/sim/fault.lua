-- fault: what a simulator can be told to do wrong, for tests and for people who want to see it happen.
--
-- A fault is a line:   [METHOD ]PATH[?query]: key=value key=value …
--   GET /users: status=500 times=2            the first two requests fail
--   GET /users?page=2: cut after=1            all but the first are hung up on
--   POST /token: token_life=5                 tokens end after 5 seconds, whatever the answer promises
--   *: status=401                             everything
-- PATH may end in * (any rest). A value with spaces stands in single quotes: body='{"a": 1}'.
-- Several faults may match one request; of two that say the same thing the first one counts.
local fail = require "fail"
local answer = require "sim.answer"

local M = {}

local function whole(key, text, least)
  local n = math.tointeger(tonumber(text))
  if not n or n < least then
    fail("usage", ("fault: %s=%s: a whole number from %d on is expected"):format(key, text, least))
  end
  return n
end

local function count(key, text)
  return whole(key, text, 0)
end

local function positive(key, text)
  return whole(key, text, 1)
end

local function seconds(key, text)
  local n = tonumber(text)
  if not n or n ~= n or n < 0 then
    fail("usage", ("fault: %s=%s: a number from 0 on is expected"):format(key, text))
  end
  return n
end

local function yes()
  return true
end

-- What a fault may say: how each value is read. What is not said is nil.
local keys = {
  times = count, -- how many requests; for ever
  after = count, -- skip the first n
  status = function(key, text)
    local n = whole(key, text, 200)
    return n <= 599 and n or fail("usage", "fault: status=" .. text .. ": 200 to 599 are possible")
  end,
  latency = seconds, -- milliseconds before the answer
  speed = positive, -- bytes a second of the answer's body
  hold = yes, -- no answer until the faults are replaced: whoever does that says when it comes
  cut = yes, -- hang up without an answer
  truncate = count, -- hang up after n bytes of the body, whose announced length is the whole
  stall = count, -- say nothing more after n bytes of the body
  short = count, -- the first n bytes of the body only, announced as such
  append = function(_, text) -- text behind the body
    return text
  end,
  body = answer.body, -- another body: text, @FILE, or one of answer.lua's names
  header = function(_, text)
    local name, value = text:match("^([%w%-_]+):%s*(.*)$")
    if not name then
      fail("usage", "fault: header=" .. text .. ": Name:Value is expected")
    end
    return { name, value }
  end,
  skew = function(_, text) -- seconds by which the Date header is wrong
    return tonumber(text) or fail("usage", "fault: skew=" .. text .. ": seconds are expected")
  end,
  throttle = positive, -- 429 above n requests a second
  retry_after = seconds, -- what a 429 or 503 says about that
  token_life = seconds, -- seconds after which a token issued now ends
  token_uses = count, -- requests after which it ends
}

--- The keys of a fault, sorted.
function M.keys()
  return require("shape").names(keys)
end

local function read_effects(text, line)
  local effects, at = { headers = {} }, 1
  while text:find("%S", at) do
    local key, eq, after = text:match("^%s*([%a_]+)(=?)()", at)
    local read = key and keys[key]
    if not read then
      fail("usage", ("fault '%s': %s is none of its keys"):format(line, key or text:sub(at)),
        "they are " .. table.concat(M.keys(), " "))
    elseif eq == "" and read ~= yes then
      fail("usage", ("fault '%s': %s wants a value: %s=…"):format(line, key, key))
    end
    local value, rest = text:match("^'([^']*)'()", after)
    if not value then
      value, rest = text:match("^(%S*)()", after)
    end
    local got = read(key, value)
    if key == "header" then
      table.insert(effects.headers, got)
    else
      effects[key] = got
    end
    at = rest
  end
  return effects
end

local function read_query(text)
  local query = {}
  for name, value in (text or ""):gmatch("([^&=]+)=?([^&]*)") do
    query[name] = value
  end
  return query
end

--- A fault from its line. Raises a usage failure for what is none.
function M.parse(line)
  local target, rest = line:match("^%s*(.-):%s+(.*)$")
  if not target then
    target, rest = line:match("^%s*(.-):%s*$"), ""
  end
  local method, where = (target or ""):match("^(%u+)%s+(%S+)$")
  if not method then
    method, where = "*", target
  end
  if not where or not where:find("^[/*]%S*$") then
    fail("usage", ("fault '%s': METHOD PATH: key=value … is expected"):format(line),
      "for instance 'GET /users: status=500 times=2'")
  end
  local path, query = where:match("^([^?]*)%??(.*)$")
  return { line = line, method = method, path = path, query = read_query(query), seen = 0, used = 0,
    effects = read_effects(rest, line) }
end

local function matches(fault, req)
  if fault.method ~= "*" and fault.method ~= req.method then
    return false
  end
  local prefix = fault.path:match("^(.*)%*$")
  if prefix and req.path:sub(1, #prefix) ~= prefix or not prefix and fault.path ~= req.path then
    return false
  end
  for name, value in pairs(fault.query) do
    if req.query[name] ~= value then
      return false
    end
  end
  return true
end

-- Counts the request; is it one of those that the fault is for?
local function active(fault)
  local e = fault.effects
  fault.seen = fault.seen + 1
  if fault.seen <= (e.after or 0) or e.times and fault.used >= e.times then
    return false
  end
  fault.used = fault.used + 1
  return true
end

--- A bucket of n requests a second: full(bucket, now) takes one and tells whether there was none.
function M.bucket(rate)
  return { rate = rate, left = rate, at = nil }
end

function M.full(bucket, now)
  local passed = bucket.at and now - bucket.at or 0
  bucket.at = now
  bucket.left = math.min(bucket.rate, bucket.left + passed * bucket.rate)
  if bucket.left < 1 then
    return true
  end
  bucket.left = bucket.left - 1
  return false
end

local function throttled(fault, now)
  if not fault.effects.throttle then
    return false
  end
  fault.bucket = fault.bucket or M.bucket(fault.effects.throttle)
  return M.full(fault.bucket, now)
end

--- What goes wrong with this request { method, path, query }: the effects of all faults that match it,
--- by key, with `throttled` where one of them has had too many. `now` is in seconds.
function M.effects(faults, req, now)
  local all = { headers = {} }
  for _, fault in ipairs(faults) do
    if matches(fault, req) and active(fault) then
      all.throttled = throttled(fault, now) or all.throttled
      for key, value in pairs(fault.effects) do
        if key == "headers" then
          table.move(value, 1, #value, #all.headers + 1, all.headers)
        elseif all[key] == nil then
          all[key] = value
        end
      end
    end
  end
  return all
end

return M

-- retry: when a request is worth another try, and how long to wait before it. Policy only: it neither
-- waits nor asks.
local http = require "host.http"

local M = {}

local BASE_S, MOST_S = 0.5, 30 -- the first wait's bound, which doubles up to the last's
local EPOCH, EPOCH_MS = 1e9, 1e12 -- numbers from here on are points in time and not spans

local idempotent = { GET = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true }

--- May a request of this method be sent twice?
function M.may_repeat(method, said)
  if said ~= nil then return said end
  return idempotent[method] == true
end

--- Does this status say "later"?
function M.is_passing(status)
  return status == 408 or status == 429 or status >= 500
end

-- Seconds of Retry-After: a number, or a date, measured by the answer's own clock where it tells it.
local function retry_after(headers, now)
  local text = headers["retry-after"]
  if not text then return nil end
  local seconds = tonumber(text)
  if seconds then return seconds end
  local date = http.date(text)
  return date and date - (headers.date and http.date(headers.date) or now)
end

-- Seconds of a reset header: a span, or a point in time in seconds or milliseconds.
local function until_reset(text, now)
  local n = tonumber(text and text:match("^%s*([%d.]+)"))
  if not n then return nil end
  if n >= EPOCH_MS then return n / 1000 - now end
  return n >= EPOCH and n - now or n
end

local families = { "ratelimit-", "x-ratelimit-", "x-rate-limit-" }

-- A reset header speaks where the limit is said to be used up, or the status says so.
local function reset(status, headers, now)
  for _, family in ipairs(families) do
    local used_up = status == 429 or tonumber(headers[family .. "remaining"] or "") == 0
    local seconds = used_up and until_reset(headers[family .. "reset"], now)
    if seconds then return seconds end
  end
end

--- How long the answer asks to wait, in seconds; nil where it does not. `now`: seconds since 1970.
function M.asked(status, headers, now)
  local seconds = retry_after(headers, now) or reset(status, headers, now)
  return seconds and seconds == seconds and math.max(0, seconds) or nil
end

--- The wait before try number n + 1, where nobody asked for one: anything from 0 to a bound that doubles.
function M.backoff(n, random)
  return (random or math.random)() * math.min(MOST_S, BASE_S * 2 ^ (n - 1))
end

return M

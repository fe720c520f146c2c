-- clock: the time that target.task knows, and who sleeps until when.
--
-- It goes as the system's does that only goes forward. Where nobody is to wait for it, it is set forward instead.
local sys = require "host.sys"

local M = {}

local sleepers = {} -- task -> until when
local ahead = 0 -- seconds that it was set forward

--- Seconds on it.
function M.now()
  return sys.mono() + ahead
end

--- Sets it forward by so many seconds.
function M.forward(seconds)
  ahead = ahead + seconds
end

--- A task sleeps until then.
function M.sleeps(t, at)
  sleepers[t] = at
end

--- It does not sleep any more.
function M.forget(t)
  sleepers[t] = nil
end

--- Nobody sleeps.
function M.clear()
  sleepers = {}
end

--- The tasks whose time has come, in the order of their times; they sleep no more. And the seconds until the first
--- time of all, 0 where it has come; nil where nobody slept.
function M.due()
  local now, soonest, list = M.now(), nil, {}
  for t, at in pairs(sleepers) do
    if at <= now then list[#list + 1] = t end
    if not soonest or at < soonest then soonest = at end
  end
  table.sort(list, function(a, b) return sleepers[a] < sleepers[b] end)
  for _, t in ipairs(list) do sleepers[t] = nil end
  return list, soonest and math.max(0, soonest - now)
end

return M

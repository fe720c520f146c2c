-- timing: how long is waited for what, when one talks with ConductorOne. Seconds everywhere.
local M = {}

local POLL_MAX <const>, POLL_MIN <const>, POLL_MIN_AFTER_TASK <const> = 300, 1, 0.1
local BEAT_MAX <const>, BEAT_MIN <const>, BEAT <const> = 300, 1, 30
local HELLO_MAX <const>, CALL_MAX <const> = 300, 60

-- A google.protobuf.Duration, which is absent where it is 0.
local function seconds(duration)
  return duration and (duration.seconds or 0) + (duration.nanos or 0) / 1e9 or 0
end

local function within(low, value, high)
  return math.max(low, math.min(value, high))
end

--- Until tasks are asked for again, by what the last answer said. It may say nothing, or 0, every time: then we wait
--- our own least, which is shorter after a new task, since more may wait behind it.
function M.poll(next_poll, new_task)
  return within(new_task and POLL_MIN_AFTER_TASK or POLL_MIN, seconds(next_poll), POLL_MAX)
end

--- Until the next heartbeat.
function M.heartbeat(next_heartbeat)
  local wait = seconds(next_heartbeat)
  return wait == 0 and BEAT or within(BEAT_MIN, wait, BEAT_MAX)
end

--- Until the next hello, after so many that failed: 1, 2, 4 … 300.
function M.hello(failed)
  return math.min(2 ^ (failed - 1), HELLO_MAX)
end

--- Until any other call is tried again, after so many that failed: 1, 4, 9 … 60.
function M.again(failed)
  return math.min(failed * failed, CALL_MAX)
end

return M

-- child: other processes, which tasks wait for as they wait for requests (task.child).
--
-- A child reads nothing, has none of our open files but those it is given, and is told to end when this process
-- ends, be it by kill -9 (host.sys, `tied`). It is waited for as soon as it ends, so that none stays a zombie;
-- so a number in `running` is always a process of ours, and a signal never goes to a stranger.
local beside = require "target.beside"
local fail = require "fail"
local sys = require "host.sys"
local task = require "target.task"

local M = {}

local Child = {}
Child.__index = Child

local TERM, KILL = 15, 9
local PATIENCE_S = 10 -- from TERM to KILL
local running = {} -- pid -> child

-- Between polls: who has ended, and who was told to and did not?
local watch = {}

function watch.fd()
  local soonest
  for _, child in pairs(running) do
    if child.kill_at and (not soonest or child.kill_at < soonest) then soonest = child.kill_at end
  end
  return fail.try(sys.wake_fd()), soonest and math.max(0, soonest - sys.mono())
end

local function bury(pid, status)
  local child = running[pid]
  if not child then return end -- an orphan that the system gave us to look after
  running[pid] = nil
  child.status = status
  child.ended:set()
end

function watch.run()
  repeat
    local pid, status = sys.wait_any(true)
    if pid then bury(pid, status) end
  until not pid
  for pid, child in pairs(running) do
    if child.kill_at and child.kill_at <= sys.mono() then
      child.kill_at = nil
      sys.kill(pid, KILL)
    end
  end
  if not next(running) then beside.drop(watch) end
end

local function opened(path)
  if type(path) ~= "string" then return path end
  local file, why = io.open(path, "wb")
  return file or fail("storage", "cannot write what a child prints: " .. tostring(why))
end

--- See task.child.
function M.start(argv, options)
  options = options or {}
  fail.try(sys.wake_fd()) -- before the first can end
  local stdout <const>, stderr <const> = opened(options.stdout), opened(options.stderr)
  local pid, why, code = sys.spawn(argv, { stdout = stdout, stderr = stderr, dir = options.dir, own = options.own,
    tied = true })
  if type(options.stdout) == "string" then stdout:close() end
  if type(options.stderr) == "string" then stderr:close() end
  if not pid then fail(code, why) end
  local self = setmetatable({ pid = pid, ended = task.event() }, Child)
  running[pid] = self
  beside.add(watch)
  return self
end

--- Waits for its end, and returns its exit status: 128 + n where signal n ended it.
function Child:wait()
  local held <close> = self -- who is cancelled while it waits wants it no more
  task.wait(self.ended)
  return held.status
end

--- Tells it to end, and kills it where it does not within so many seconds (10). Does not wait for that.
function Child:stop(seconds)
  if self.status then return end
  local kill_at = sys.mono() + (seconds or PATIENCE_S)
  if not self.told then sys.kill(self.pid, TERM) end
  self.told = true
  self.kill_at = math.min(self.kill_at or kill_at, kill_at)
end

Child.__close = function(self) self:stop() end

--- For the end of task.run: tells all that still run to end, and waits for them.
function M.end_all()
  for _, child in pairs(running) do child:stop() end
  while next(running) do
    local fd, due = watch.fd()
    sys.sleep(due or PATIENCE_S, fd)
    watch.run()
  end
end

return M

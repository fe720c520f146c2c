-- task: code that reads as blocking code, run side by side.
--
-- A task is a coroutine. Where it has to wait it yields what it waits for: a request of host.http, a
-- timer, an event, or another task; the scheduler goes on with whoever can go on, and polls when nobody
-- can. Plugins' code runs in tasks too: their coroutines are host.vm threads, held to the plugin limits,
-- and the engine functions that they call wait as any other.
--
--   task.run(fn, ...)          runs fn as the first task, until it ends; its results. Its error is raised
--                              here, as is that of a task that nobody joined. What still runs when it
--                              ends is cancelled.
--   task.spawn(fn, options)    a new task, a child of the running one.  options: args = {…},
--                              sandbox = label (fn is a plugin's), name, detached = true (a child of
--                              the first task: it outlives the running one)
--   t:join()                   waits for its end: its results; its error is raised here
--   t:cancel()                 ends it, its children, and the request it waits for
--   task.all(fns)              runs functions side by side, as the running task's kind; the first result of
--                              each in order. The first raise cancels the rest and is raised again.
--   task.within(seconds, fn)   runs fn for so many seconds at most: true where it ended; else it is cancelled: false
--   task.wait(what) · task.sleep(seconds) · task.current()
--   task.event()               e:set() wakes all who wait for it
--   task.on_poll(fn)           fn is called before each poll (signals, progress) and may raise
--   task.now()                 the clock that sleeps are measured by, in seconds; it only goes forward
--   task.child(argv, options)  starts a program: child:wait() -> its exit status (128 + n after signal n), and whoever
--                              is cancelled in it stops the child; child:stop([seconds]) tells it to end, and kills it
--                              where it does not (10); child.pid, child.status. `local child <close> =` stops it too,
--                              and no child outlives task.run.  options: stdout, stderr = path, open file, false for
--                              nowhere (absent: ours); dir; own = true: this very program, argv[1] only its name
--   task.beside(other)         a server of this very process, say, is attended to between polls (target.beside)
--   task.apart(other)          that is over
--   task.set_ahead(on)         nobody waits for the clock alone: it is set forward (`reeve test`)
local beside = require "target.beside"
local clock = require "target.clock"
local fail = require "fail"
local sys = require "host.sys"
local vm = require "host.vm"

local task = {}

local Task, Event, Timer = {}, {}, {}
Task.__index, Event.__index = Task, Event

-- The scheduler. One process has one Lua state, and that one scheduler.
local ready, first, last = {}, 1, 0 -- tasks that can go on, in order: ready[first] … ready[last]
local waiting = {} -- request -> list of tasks
local unseen = {} -- tasks that failed while nobody waited for them
local current, root, polled
local hurried -- is the clock set forward when all wait for it?

local function make_ready(t)
  t.on = nil
  last = last + 1
  ready[last] = t
end

local function next_ready()
  while first <= last do
    local t = ready[first]
    ready[first] = nil
    first = first + 1
    if not t.over then return t end
  end
end

-- Parks a task until what it yielded has news.
local function park(t, on)
  t.on = on
  if type(on) == "userdata" then
    if on:want() then return make_ready(t) end
    local list = waiting[on] or {}
    waiting[on] = list
    list[#list + 1] = t
    return
  end
  local kind = getmetatable(on)
  if kind == Timer then
    clock.sleeps(t, on.at)
  elseif kind == Task and on.over or kind == Event and on.happened then
    make_ready(t)
  elseif kind == Task or kind == Event then
    on.waiters[#on.waiters + 1] = t
  else
    error("a task waits for something that is not known: " .. tostring(on))
  end
end

local function wake_all(list)
  for _, t in ipairs(list) do
    if not t.over then make_ready(t) end
  end
end

local function finish(t, ok, ...)
  t.over, t.ok, t.on = true, ok, nil
  if ok then t.results = table.pack(...) else t.error = (...) end
  if t.parent then t.parent.children[t] = nil end
  if not ok and not t.joined then unseen[t] = true end
  if t.on_end then t.on_end(t) end
  wake_all(t.waiters)
end

local function after_step(t, ok, ...)
  if not ok then
    local why = ...
    if not t.sandbox then why = fail.traced(why, t.co) end
    if not t.sandbox then t.close(t.co) end -- what it held by <close> is let go now; vm.resume has done so itself
    return finish(t, false, why)
  end
  if t.status(t.co) == "dead" then return finish(t, true, ...) end
  return park(t, (...))
end

local function step(t)
  local before = current
  current = t
  local args = t.args
  t.args = nil
  if args then
    after_step(t, t.resume(t.co, table.unpack(args, 1, args.n or #args)))
  else
    after_step(t, t.resume(t.co))
  end
  current = before
end

--- A new task, a child of the running one.
function task.spawn(fn, options)
  options = options or {}
  local parent = not options.detached and current or root
  local t = setmetatable({ args = options.args, name = options.name, sandbox = options.sandbox,
    parent = parent, children = {}, waiters = {} }, Task)
  if t.sandbox then
    t.co, t.resume, t.status, t.close = vm.thread(fn, t.sandbox), vm.resume, vm.status, vm.close
  else
    local c = coroutine
    t.co, t.resume, t.status, t.close = c.create(fn), c.resume, c.status, c.close
  end
  if parent then parent.children[t] = true end
  make_ready(t)
  return t
end

--- Waits until `what` (a request, task or event) has news.
function task.wait(what)
  coroutine.yield(what)
end

--- Waits for its end, and returns its results or raises its error.
function Task:join()
  self.joined, unseen[self] = true, nil
  while not self.over do coroutine.yield(self) end
  if not self.ok then error(self.error, 0) end
  return table.unpack(self.results, 1, self.results.n)
end

local function forget(list, t)
  for i, other in ipairs(list) do
    if other == t then return table.remove(list, i) end
  end
end

--- Ends it, its children, and the request it waits for. A task that is over stays as it is.
function Task:cancel()
  if self.over then return end
  self.over, self.joined = true, true
  for child in pairs(self.children) do child:cancel() end
  local on = self.on
  if type(on) == "userdata" then
    on:cancel()
    wake_all(waiting[on] or {})
    waiting[on] = nil
  elseif on and on.waiters then
    forget(on.waiters, self)
  end
  clock.forget(self)
  if self.status(self.co) == "suspended" then self.close(self.co) end
  finish(self, false, "cancelled")
end

--- Seconds on the clock that sleeps are measured by.
task.now = clock.now

--- Waits at least so long; 0 lets others go first.
function task.sleep(seconds)
  if type(seconds) ~= "number" or seconds ~= seconds then error("sleep: a number of seconds expected", 2) end
  coroutine.yield(setmetatable({ at = task.now() + seconds }, Timer))
end

--- The running task.
function task.current()
  return current
end

--- Something that happens once.
function task.event()
  return setmetatable({ waiters = {}, happened = false }, Event)
end

--- It has happened: all who wait for it go on, and nobody waits for it any more.
function Event:set()
  self.happened = true
  wake_all(self.waiters)
  self.waiters = {}
end

-- Polling ---------------------------------------------------------------------------------------------

--- Has fn called before each poll; nil: nothing.
function task.on_poll(fn)
  polled = fn
end

task.beside, task.apart = beside.add, beside.drop

--- Has the clock set forward, or not any more. See the head of this file.
function task.set_ahead(on)
  hurried = on
end

-- What is made of tasks alone; see the head of this file.
function task.child(argv, options) return require("target.child").start(argv, options) end
function task.all(fns) return require("target.together").all(fns) end
function task.within(seconds, fn) return require("target.together").within(seconds, fn) end

local function wake_sleepers()
  local due, pause = clock.due()
  for _, t in ipairs(due) do make_ready(t) end
  return pause
end

local function clients()
  local list, seen = {}, {}
  for request in pairs(waiting) do
    local client = request:client()
    if not seen[client] then list[#list + 1], seen[client] = client, true end
  end
  return list
end

local PATIENCE, TURN = 0.5, 0.01 -- seconds: the longest poll; a turn, where there are several clients

-- Nobody can go on, and no answer is awaited: time passes, or is set forward.
local function pass(pause)
  if not pause and (hurried or beside.empty()) then error("nothing can go on: every task waits for another") end
  if hurried then
    clock.forward(pause)
  else
    local due, fds = beside.look()
    sys.sleep(math.min(pause or PATIENCE, due or PATIENCE, PATIENCE), table.unpack(fds))
  end
end

-- Lets the network and the clock move on. What is beside goes first: it forgets what woke us, and a signal that comes
-- after that is seen by `polled`, or wakes us again.
local function poll()
  beside.run()
  if polled then polled() end
  local pause = wake_sleepers()
  if first <= last then pause = 0 end
  local list = clients()
  if #list == 0 then return pass(pause) end
  local most = #list > 1 and TURN or PATIENCE
  local due, fds = beside.look()
  for _, client in ipairs(list) do
    for _, request in ipairs(fail.try(client:poll(math.min(pause or most, due or most, most), table.unpack(fds)))) do
      local tasks = waiting[request]
      waiting[request] = nil
      wake_all(tasks or {})
    end
  end
end

local function loop()
  while not root.over do
    local t = next_ready()
    if t then step(t) else poll() end
  end
end

--- Runs fn(...) as the first task until it ends.
function task.run(fn, ...)
  if root then error("task.run is for the outermost code; inside a task there is task.spawn", 2) end
  ready, first, last, waiting, unseen = {}, 1, 0, {}, {}
  clock.clear()
  local main = task.spawn(fn, { args = table.pack(...), name = "main" })
  root, main.joined = main, true
  local ok, why = pcall(loop)
  root, current = nil, nil
  for child in pairs(main.children) do child:cancel() end
  if not ok then main:cancel() end
  local children = package.loaded["target.child"]
  if children then children.end_all() end
  if not ok then error(why, 0) end
  local lost = next(unseen)
  if main.ok and lost then error(lost.error, 0) end
  return main:join()
end

return task

-- session: one connector's dealings with ConductorOne: says hello, asks for tasks, has them done, says how they ended.
--
-- Tasks are asked for while a slot is free. ConductorOne may give a task again:
--   while it is worked on: then it is passed over;
--   after an end that holds for good, which was lost on the way: then that end is told once more;
--   after a failure that may pass: then it is done again.
local answer = require "serve.answer"
local delivery = require "serve.delivery"
local fail = require "fail"
local finish = require "serve.finish"
local log = require "log"
local status = require "serve.status"
local task = require "target.task"
local timing = require "serve.timing"

local M = {}
local Session = {}
Session.__index = Session

local KEPT <const> = 256 -- ends of tasks that are remembered
local PAGE_MAX <const> = 100 -- tasks that GetTasks may be asked for
local ID_BYTES <const> = 27 -- a KSUID: nothing but letters and digits, so that it can name a folder too
local FAREWELL_S <const> = 4 -- who stops a service kills it where it does not end soon

-- What ends a connector at its first hello: trying again would give the same answer.
local FINAL <const> = { UNAUTHENTICATED = "credentials", PERMISSION_DENIED = "credentials",
  INVALID_ARGUMENT = "unavailable", UNIMPLEMENTED = "unavailable", FAILED_PRECONDITION = "unavailable",
  NOT_FOUND = "unavailable" }

--- A session that has said nothing yet. spec:
---   name, host_id    the connector's; who ConductorOne takes us for
---   channel          to ConductorOne (serve.grpc)
---   metadata()       a ConnectorMetadata, made anew for each hello
---   folder, lock     a folder of its own for the files of tasks; what keeps it ours (held, never used)
---   slots, batch     tasks at once; are several asked for at a time (GetTasks)?
---   options          of its syncs, as the operator wants them (c1.selection)
---   work(folder)     has a process do the task in this folder: its exit status
---   jobs             a serve.turn that all connectors share: syncs at once
---   hellos           a serve.turn that all connectors of one host share: first hellos at once
function M.new(spec)
  local self = setmetatable({
    greeted = false, -- was a hello heard?
    running = {}, count = 0, -- ids that are worked on or in the queue; how many are worked on
    queue = {}, -- tasks without a slot
    telling = {}, -- id -> the end that is being told
    ended = {}, order = {}, -- id -> how it ended, for good; these ids, oldest first
    syncing = require("serve.turn").new(1), -- who syncs
  }, Session)
  for name, value in pairs(spec) do self[name] = value end
  return self
end

-- Hello ---------------------------------------------------------------------------------------------------------

--- Introduces the connector; id: of the task that asks for it. True, or nil and the problem.
function Session:hello(id)
  local machine = require "serve.machine"
  local ok, metadata = pcall(self.metadata)
  if not ok then -- its file or plugin is being changed, say: no word of ConductorOne's
    local why = finish.raised(metadata).status
    return nil, status.problem(why.code, why.message, true)
  end
  local done, problem = self.channel:call("Hello", { host_id = self.host_id, task_id = id,
    build_info = machine.build_info(), os_info = machine.os_info(), connector_metadata = metadata })
  return done and true, problem
end

local function refused(name, how, problem)
  fail(how, ("%s: not served: %s"):format(name, problem.message), how == "credentials"
    and ("ConductorOne shows another secret where it is told to rotate the connector's credentials; "
      .. "`reeve set %s c1.client_id=… c1.client_secret=-` takes it"):format(name) or nil)
end

-- Says hello until it is heard.
local function greet(self)
  local failed = 0
  while true do
    local done, problem = self.hellos:hold(self.hello, self)
    if done then break end
    local final = not problem.transport and FINAL[status.name[problem.code]]
    if final then refused(self.name, final, problem) end
    failed = failed + 1
    local wait = timing.hello(failed)
    log.warn("ConductorOne is not reached", { connector = self.name, message = problem.message, again_in_s = wait })
    task.sleep(wait)
  end
  self.greeted = true
  log.info("connected to ConductorOne", { connector = self.name, host = self.channel.origin })
end

-- Tasks ---------------------------------------------------------------------------------------------------------

-- Keeps an end that holds for good, to tell it again. One with an answer is not kept, since answers may be large: such
-- a task is done again.
local function remember(self, id, how)
  local lasting = how.success and not how.success.response or how.error and how.error.non_retryable
  if not lasting then return end
  if not self.ended[id] then self.order[#self.order + 1] = id end
  self.ended[id] = how
  if #self.order > KEPT then self.ended[table.remove(self.order, 1)] = nil end
end

-- An error of our own here costs this one word and no slot: nobody waits for the task that says it, to hear of it.
local function tell(self, id, how)
  self.telling[id] = how
  local ok, why = pcall(delivery.finish, self, id, how)
  self.telling[id] = nil
  if not ok then
    log.error("the end of a task could not be told", { connector = self.name, task = id, message = tostring(why) })
  end
end

-- A message's first two lines, in one: what happened, and what to do about it. The others of a held run are in the
-- log already (work.lua).
local function brief(message)
  local first, second = message:match "^([^\n]*)\n?%s*([^\n]*)"
  return second == "" and first or first .. "; " .. second
end

-- The level for what went well. Events are asked for every minute: that is worth no line.
local function level(job)
  return job.kind == "sync_full" and "info" or "debug"
end

local function log_end(self, job, problem)
  log[problem and "warn" or level(job)]("task ended", { connector = self.name, task = job.id, kind = job.kind,
    status = problem and status.name[problem.code] or "OK", message = problem and brief(problem.message) })
end

local function work(self, job)
  log[level(job)]("task begins", { connector = self.name, task = job.id, kind = job.kind })
  local ok, how = pcall(answer.to, self, job)
  if not ok then how = finish.raised(how) end
  log_end(self, job, how.status)
  remember(self, job.id, how)
  tell(self, job.id, how)
end

local start

-- A slot is free again.
local function free(self, id)
  self.running[id], self.count = nil, self.count - 1
  local next_job = table.remove(self.queue, 1)
  if next_job then start(self, next_job) end
  if self.freed then self.freed:set() end
end

function start(self, job)
  self.count = self.count + 1
  self.running[job.id] = true
  task.spawn(function()
    work(self, job)
    free(self, job.id)
  end, { detached = true })
end

-- Begins a task that was given, or puts it into the queue.
local function begin(self, job)
  if self.count < self.slots then return start(self, job) end
  self.running[job.id] = true
  self.queue[#self.queue + 1] = job
end

-- Takes a task that was given, in bytes. True where it is a new one: more may wait behind it.
local function take(self, bytes)
  local job = answer.job(bytes)
  if job and job.kind == "none" then return false end
  local id = job and job.id or ""
  local new = false
  if not id:find("^%w+$") or #id ~= ID_BYTES then
    log.warn("a task without a valid id is passed over", { connector = self.name })
  elseif self.running[id] or self.telling[id] then
    log.debug("a task came again while it is worked on", { connector = self.name, task = id })
  elseif self.ended[id] then
    log.info("a task came again after its end, which is told again", { connector = self.name, task = id })
    task.spawn(tell, { args = { self, id, self.ended[id] }, detached = true })
  else
    begin(self, job)
    new = true
  end
  return new
end

-- Polling -------------------------------------------------------------------------------------------------------

local function known(self)
  local ids = {}
  for id in pairs(self.running) do ids[#ids + 1] = id end
  table.sort(ids)
  return ids
end

-- Asks once: the tasks, never more than were asked for, and the answer; or nil and the problem.
local function ask(self)
  if not self.batch then
    local answered, problem = self.channel:call("GetTask", { host_id = self.host_id })
    return answered and { answered.task }, answered or problem
  end
  local ids = known(self)
  local most = math.max(1, math.min(2 * self.slots - #ids, PAGE_MAX))
  local answered, problem = self.channel:call("GetTasks", { host_id = self.host_id, known_task_ids = ids,
    page_size = most })
  return answered and table.move(answered.tasks or {}, 1, most, 1, {}), answered or problem
end

local function wait_for_slot(self)
  while self.count >= self.slots do
    self.freed = task.event()
    task.wait(self.freed)
  end
end

-- Asks and waits by turns; only its cancellation ends it.
local function poll(self)
  local failed = 0
  while true do
    wait_for_slot(self)
    local jobs, answered = ask(self)
    local wait
    if jobs then
      if failed > 0 then log.info("ConductorOne answers again", { connector = self.name }) end
      local new = false
      for _, bytes in ipairs(jobs) do new = take(self, bytes) or new end
      failed, wait = 0, timing.poll(answered.next_poll, new)
      log.debug("asked for tasks", { connector = self.name, given = new, again_in_s = wait })
    else
      failed = failed + 1
      wait = timing.again(failed)
      log.warn("ConductorOne cannot be asked for tasks",
        { connector = self.name, message = answered.message, again_in_s = wait })
    end
    task.sleep(wait)
  end
end

--- Tells ConductorOne, in a task, that what is worked on will not be done, as this process was asked to end; else it
--- would find out by missing heartbeats. A task that was over has its own end told instead. All together takes
--- FAREWELL_S at most: the deadline of a call does not count the wait for a token before it.
function Session:farewell()
  local cancelled = finish.error { code = status.code.CANCELLED, message = "reeve c1 was asked to end" }
  local tellings = {}
  for id in pairs(self.running) do
    local how = self.telling[id] or cancelled
    tellings[#tellings + 1] = function() delivery.finish(self, id, how, delivery.HASTY) end
  end
  local told = task.within(FAREWELL_S, function() task.all(tellings) end)
  if not told then log.warn("the end of tasks could not be told in time", { connector = self.name }) end
end

--- Runs the session, in a task; it ends only by a failure that is raised: ConductorOne does not take this connector.
function Session:run()
  greet(self)
  poll(self)
end

return M

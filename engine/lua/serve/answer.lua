-- answer: what is done for a task, by its kind. What touches a connector's state or its target is done in a process
-- of its own (`reeve c1-task`, serve/work.lua), so that a sync that fails, hangs or is killed takes nothing with it.
local delivery = require "serve.delivery"
local finish = require "serve.finish"
local heartbeat = require "serve.heartbeat"
local status = require "serve.status"
local wire = require "host.wire"

local M = {}
local kinds = {} -- name -> fn(session, job): how it ended

--- A task that came, as { id, kind, bytes }; nil where not even its id can be read. Its payload is read in the process
--- that works on it, for which the bytes are kept; for kinds that are not done they are not.
function M.job(bytes)
  local head = wire.decode(require "c1.messages", "c1.connectorapi.baton.v1.TaskHead", bytes)
  if not head then return nil end
  local kind = require("serve.kind").of(head)
  return { id = head.id or "", kind = kind, bytes = kinds[kind] and bytes }
end

-- Has a process do the task, in a folder that is gone afterwards; fn(folder, how it ended) says what is told.
-- `turns`: what the process waits its turn in, if anything.
local function in_process(session, job, turns, fn)
  local folder <close> = require("serve.folder").new(session.folder, job, session.options)
  local exit_status = turns and turns:hold(session.work, folder.path) or session.work(folder.path)
  return fn(folder, folder:ended(exit_status))
end

local function sync(session, job)
  return in_process(session, job, session.jobs, function(folder, ended)
    if ended.error then return ended end
    local sent, problem = delivery.upload(session, job.id, folder.path .. "/sync.c1z")
    return sent and ended or finish.error(problem)
  end)
end

-- One after the other: two syncs of a connector would ask the target the same things at the same time.
function kinds.sync_full(session, job)
  local ended, problem = heartbeat.during(session, job.id, function()
    return session.syncing:hold(sync, session, job)
  end)
  return ended or finish.error(problem)
end

function kinds.hello(session, job)
  local done, problem = session:hello(job.id)
  return done and finish.success() or finish.error(problem)
end

function kinds.list_event_feeds()
  return finish.success("c1.connector.v2.ListEventFeedsResponse", require("c1.events").feeds())
end

function kinds.list_events(session, job)
  return in_process(session, job, nil, function(_, ended) return ended end)
end

--- Does what a task asks for, and says how it ended (serve/finish.lua). May raise: the task failed then.
function M.to(session, job)
  if kinds[job.kind] then return kinds[job.kind](session, job) end
  return finish.error({ code = status.code.UNIMPLEMENTED,
    message = ("Reeve does not do tasks of this kind (%s)"):format(job.kind) }, true)
end

return M

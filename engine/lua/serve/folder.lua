-- folder: where a task's files are while it is worked on: task (in bytes) and options (JSON) for the process that does
-- it, and what that leaves: finish (how it ended, in bytes) and, of a sync, sync.c1z.
--
--   local folder <close> = folder.new(base, job, options)     the files are gone when it is closed
local fail = require "fail"
local finish = require "serve.finish"
local json = require "host.json"
local mode = require "mode"
local status = require "serve.status"
local sys = require "host.sys"
local wire = require "host.wire"

local M = {}
local Folder = {}
Folder.__index = Folder

local PACKAGE <const> = "c1.connectorapi.baton.v1."
local TASK <const>, FINISH <const> = PACKAGE .. "Task", PACKAGE .. "BatonServiceFinishTaskRequest"

local FILE_MAX <const> = 4 * 1024 * 1024 -- a message has no more (LIMIT_WIRE)

local function decode(name, bytes)
  return wire.decode(require "c1.messages", name, bytes)
end

-- Whole or not at all.
local function put(self, name, bytes)
  fail.try(sys.write_file(self.path .. "/" .. name, bytes, mode.private_file))
end

local function get(self, name)
  return (fail.try(sys.read_file(self.path .. "/" .. name, FILE_MAX)))
end

--- A new folder for a task (serve/answer.lua's job); one that a killed process has left is emptied.
function M.new(base, job, options)
  local self = setmetatable({ path = base .. "/" .. job.id }, Folder)
  sys.remove_tree(self.path)
  fail.try(sys.mkdir_p(self.path, mode.private_folder))
  put(self, "task", job.bytes)
  put(self, "options", json.encode(options))
  return self
end

--- The folder of a task that is being done.
function M.of(path)
  return setmetatable({ path = path }, Folder)
end

--- The task, and the options.
function Folder:task()
  local job = fail.try(decode(TASK, get(self, "task")))
  return job, fail.try(json.decode(get(self, "options")))
end

--- Says how the task ended.
function Folder:finish(how)
  put(self, "finish", fail.try(wire.encode(require "c1.messages", FINISH, how)))
end

--- How it ended, by what the process has left; `exit_status`: that of the process.
function Folder:ended(exit_status)
  local bytes = sys.read_file(self.path .. "/finish", FILE_MAX)
  local how = bytes and decode(FINISH, bytes)
  if how and (how.success or how.error) then return how end
  return finish.error { code = status.of_exit(exit_status), message = exit_status < 128
    and ("the process that did the task ended with status %d; its log says why"):format(exit_status)
    or ("the process that did the task was ended by signal %d"):format(exit_status - 128) }
end

-- Renamed first: a process that was told to end may still be writing its last file. It finds no folder by the old
-- name then, and cannot keep this one from being removed.
function Folder:__close()
  local gone = self.path .. ".gone"
  sys.rename(self.path, gone)
  sys.remove_tree(gone)
end

return M

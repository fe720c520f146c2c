-- process: the processes of its own program that the service has work done in.
local fail = require "fail"
local json = require "host.json"
local sys = require "host.sys"
local task = require "target.task"

local M = {}

-- `reeve COMMAND …` with the home and the form of the log of this one.
local function command_line(ctx, ...)
  local argv = { "reeve", ... }
  local function add(...) table.move({ ... }, 1, select("#", ...), #argv + 1, argv) end
  add("--home", ctx.home.dir)
  if ctx.flags.log_format then add("--log-format", ctx.flags.log_format) end
  if ctx.flags.verbose then add "--verbose" end
  if ctx.flags.quiet then add "--quiet" end
  if ctx.flags.log_level then add("--log-level", ctx.flags.log_level) end
  return argv
end

--- Runs `reeve …` to its end, in a task; its exit status, 128 + n where signal n ended it. Where the task is
--- cancelled, so is the process.
function M.run(ctx, ...)
  return task.child(command_line(ctx, ...), { own = true, stdout = false }):wait()
end

local READ <const> = 4096 -- bytes of a process's last words

-- The last thing that a process said, as text: a line of its log, or, before it has one, of its own.
local function last_words(file)
  local size = file:seek("end")
  file:seek("set", math.max(0, size - READ))
  local last
  for line in (file:read("a") or ""):gmatch("[^\n]+") do
    if line:find("^%S") then last = line end -- what is indented is a hint
  end
  local entry = last and json.decode(last)
  return type(entry) == "table" and type(entry.msg) == "string" and entry.msg or last
end

--- Is a connector of the home in this folder good? `reeve check NAME` says so, in a task: true; else false and why.
--- program: what is run in place of this program, by specs.
function M.check(dir, name, program)
  local said <close> = fail.try(sys.scratch())
  local argv = { program or "reeve", "check", name, "--home", dir, "--quiet", "--log-format", "json" }
  local status = task.child(argv, { own = not program, stdout = false, stderr = said }):wait()
  if status == 0 then return true end
  return false, last_words(said) or ("reeve check ended with %d"):format(status)
end

return M

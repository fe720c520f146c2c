-- process: the processes of its own program that the service has work done in.
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

return M

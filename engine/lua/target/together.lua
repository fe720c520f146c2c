-- together: functions that run as tasks of the running one, which waits for them (task.all, task.within).
local task = require "target.task"

local M = {}

local function check(fns)
  for i = 1, type(fns) == "table" and #fns or 1 do
    if type(fns) ~= "table" or type(fns[i]) ~= "function" then error("all: a list of functions expected", 3) end
  end
end

--- See task.all.
function M.all(fns)
  check(fns)
  local children, left, failed = {}, #fns, nil
  local over = task.event()
  local function on_end(t)
    left = left - 1
    if not t.ok and not failed then failed = t end
    if left == 0 or failed then over:set() end
  end
  for i, fn in ipairs(fns) do
    children[i] = task.spawn(fn, { sandbox = task.current().sandbox })
    children[i].on_end, children[i].joined = on_end, true
  end
  if left > 0 then task.wait(over) end
  if failed then
    for _, t in ipairs(children) do t:cancel() end
    error(failed.error, 0)
  end
  local results = {}
  for i, t in ipairs(children) do results[i] = t.results[1] end
  return table.unpack(results, 1, #fns)
end

--- See task.within. What fn raises is raised here.
function M.within(seconds, fn)
  local over = task.event()
  local work = task.spawn(fn)
  work.on_end, work.joined = function() over:set() end, true
  local clock = task.spawn(function()
    task.sleep(seconds)
    over:set()
  end)
  task.wait(over)
  clock:cancel()
  local ended = work.over == true
  if ended then work:join() else work:cancel() end
  return ended
end

return M

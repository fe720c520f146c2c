-- beside: what this process attends to between the polls of target.task: a server, its children.
--
--   beside.add(other)       other:run() does what there is to do, and never waits; other:fd() -> descriptor that
--                           can be read when there is something, seconds | nil, after which it is due anyway
--   beside.drop(other)
--
-- The rest is for target.task: run(), look() -> seconds | nil, list of descriptors; empty().
local M = {}

local list = {}

local function place(other)
  for i, known in ipairs(list) do
    if known == other then return i end
  end
end

function M.add(other)
  if not place(other) then list[#list + 1] = other end
end

function M.drop(other)
  local i = place(other)
  if i then table.remove(list, i) end
end

function M.empty()
  return #list == 0
end

--- Does what there is to do. What runs may leave the list, or add to it.
function M.run()
  for _, other in ipairs(table.move(list, 1, #list, 1, {})) do other:run() end
end

--- How long nothing is due, and what to wait on meanwhile.
function M.look()
  local soonest, fds = nil, {}
  for i, other in ipairs(list) do
    local fd, due = other:fd()
    fds[i] = fd
    if due and (not soonest or due < soonest) then soonest = due end
  end
  return soonest, fds
end

return M

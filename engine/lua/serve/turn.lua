-- turn: who may work at once: so many turns, taken by tasks in the order in which they ask.
--
--   local turns = turn.new(2)
--   turns:hold(fn, ...)     waits for a turn, and holds it while fn runs; fn's results
local task = require "target.task"

local M = {}
local Turn = {}
Turn.__index = Turn

--- `free`: how many at once, at least 1.
function M.new(free)
  return setmetatable({ free = free, asking = {} }, Turn)
end

-- Passes a turn on to who has asked longest; where nobody asks, it is free.
local function give(self)
  local first = table.remove(self.asking, 1)
  if not first then
    self.free = self.free + 1
    return
  end
  first.given = true
  first.event:set()
end

local function forget(self, ask)
  for i, other in ipairs(self.asking) do
    if other == ask then return table.remove(self.asking, i) end
  end
end

-- Closing an ask gives its turn back, or withdraws it where the task was cancelled before its turn came.
local Ask = {}
function Ask:__close()
  if self.given then give(self.turns) else forget(self.turns, self) end
end

local function ask_for(self)
  local ask = setmetatable({ turns = self, event = task.event(), given = self.free > 0 }, Ask)
  if ask.given then
    self.free = self.free - 1
  else
    self.asking[#self.asking + 1] = ask
  end
  return ask
end

--- Runs fn(...) with a turn, waiting for one first.
function Turn:hold(fn, ...)
  local ask <close> = ask_for(self)
  if not ask.given then task.wait(ask.event) end
  return fn(...)
end

return M

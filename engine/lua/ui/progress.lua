-- progress: one line on a terminal that says how far a long work is; nothing where stderr is no terminal,
-- with --quiet, or for what takes less than a second.
local M = {}
local Progress = {}
Progress.__index = Progress

local AFTER_S, EVERY_S = 1, 0.1

local function clock()
  return require("host.sys").mono()
end

--- A progress line for `what` ("fetching acme"); flags are the command's.
function M.start(what, flags)
  local shown = not (flags and flags.quiet) and os.getenv("TERM") ~= "dumb" and require("host.sys").isatty(2)
  local p = setmetatable({ what = what, shown = shown, n = 0 }, Progress)
  if shown then p.next = clock() + AFTER_S end
  return p
end

local function draw(p, text)
  local line = require("ui.text").cut(require("ui.text").safe(text), math.max(20, require("host.sys").width()) - 1)
  io.stderr:write("\r\27[K", require("ui.stderr").scrub(line))
  p.drawn = true
end

--- Says how far it is: a number of things done so far, of `total` where that is known, and their name.
function Progress:at(n, total, unit)
  if not self.shown then return end
  local now = clock()
  if now < self.next then return end
  self.next = now + EVERY_S
  local far = total and total > 0 and ("%d of %d (%d %%)"):format(n, total, n * 100 // total) or tostring(n)
  draw(self, self.what .. ": " .. far .. (unit and " " .. unit or ""))
end

--- Takes the line away; to be called before anything else is printed.
function Progress:done()
  if self.drawn then io.stderr:write("\r\27[K") end
  self.drawn = false
end

return M

-- reeve.time: times for plugins and scripts. There is no clock here: what a mapping gives depends on nothing
-- but the object (an operator's script may ask for at.day).
local sys = require "host.sys"

local M = {}

local function need(value, wanted, what)
  if type(value) == wanted then return end
  error(("%s: a %s expected, got a %s"):format(what, wanted, type(value)), 3)
end

--- Seconds since 1970 of a time as text (RFC 3339 of any precision, or an HTTP date); nil where it is none.
--- An integer where the text has no fraction of a second.
function M.parse(text)
  need(text, "string", "parse")
  local normal = sys.when(text)
  return normal and sys.epoch(normal)
end

--- Seconds since 1970 as RFC 3339 in UTC, the form that records have.
function M.format(seconds)
  need(seconds, "number", "format")
  return sys.time(seconds)
end

--- The UTC date, "2026-11-24", of a time as text or in seconds; nil where the text is none.
function M.day(time)
  if type(time) == "number" then return M.format(time):sub(1, 10) end
  need(time, "string", "day")
  local normal = sys.when(time)
  return normal and normal:sub(1, 10)
end

return require("plugin.contract").bind("reeve.time", M)

-- fail: how the engine's Lua tells the user that something went wrong.
--
--   local fail = require "fail"
--   fail("config", "HOME/connectors/acme.json: unknown key 'settins'", "did you mean 'settings'?")
--
-- What is raised is a table { code, message, hint }; `code` is an err name (engine/host/base/err.h), and
-- main.lua turns it into the exit status. fail.try(nil, message, code) raises what a host function returned.
local M = {}

local failure = {
  __name = "reeve.failure",
  __tostring = function(f)
    return f.hint and f.message .. " (" .. f.hint .. ")" or f.message
  end,
}

--- A failure that is not raised yet. `hint`, what to do about it, is optional.
function M.new(code, message, hint)
  return setmetatable({ code = code, message = message, hint = hint }, failure)
end

--- Is v such a failure?
function M.is(v)
  return getmetatable(v) == failure
end

--- The results of a host call as they are; where the first is nil (nil, message, code), raises that.
function M.try(first, message, code, ...)
  if first == nil and message ~= nil then
    error(M.new(code or "failed", message), 0)
  end
  return first, message, code, ...
end

--- The same, where "not_found" is a result too, nil; whatever else is in the way says nothing about what is there.
function M.found(first, message, code)
  if first == nil and code == "not_found" then return nil end
  return (M.try(first, message, code))
end

--- The same for a file that somebody wrote for Reeve: that it is not there, or too long, is a mistake in the
--- configuration.
function M.needed(first, message, code)
  if first == nil and (code == "not_found" or code == "limit") then code = "config" end
  return (M.try(first, message, code))
end

M.NO_MEMORY = "not enough memory" -- as Lua itself says it

--- What was raised, with a traceback where it is a text: of `co`, nil for who calls. Want of memory, which may show
--- anywhere, has none.
function M.traced(why, co)
  if type(why) ~= "string" or why == M.NO_MEMORY or why:find("stack traceback:", 1, true) then return why end
  return co and debug.traceback(co, why) or debug.traceback(why, 2)
end

return setmetatable(M, {
  __call = function(_, code, message, hint)
    error(M.new(code, message, hint), 0)
  end,
})

-- log: what the engine tells about its work, one line an event, on stderr.
--
--   log.info("list done", { list = "user", seen = 1200 })
--
-- Fields are strings, numbers or booleans; anything else is told by tostring (a secret as ***). The host
-- scrubs secrets, escapes and cuts. A sink (log.sink) gets every line as JSON too, whatever the level is.
local host = require "host.log"

local M = {}

--- Sets the form: { format = "text"|"json", level = "debug"|"info"|"warn"|"error", color = boolean }.
M.setup = host.setup

--- Would a line of this level be written?
M.wanted = host.wanted

--- Gives every line from now on to fn(json) as well; nil ends that. Returns nothing.
M.sink = host.set_sink

for _, level in ipairs { "debug", "info", "warn", "error" } do
  --- Writes a line of this level: message and, optionally, a table of fields.
  M[level] = function(message, fields)
    host.line(level, message, fields)
  end
end

return M

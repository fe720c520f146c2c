-- stderr: what people are told beside the data. Whatever an argument, a file, a target or a plugin put into a message,
-- no secret leaves with it and a terminal obeys nothing in it. (Lines of the log are made so by the host, tables by
-- ui/grid.lua.)
local M = {}

--- Text without secrets, once any can be in memory: a plain `reeve version` opens no library.
function M.scrub(text)
  local secret = package.loaded["host.secret"]
  return secret and secret.scrub(text) or text
end

--- The text with nothing that a terminal obeys but line ends and tabs. Lines after the first begin with a blank, so
--- that none passes for a message of its own.
function M.harmless(text)
  if not text:find("[%c\127-\255]") then return text end
  local safe, lines = require("ui.text").safe, {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    if #lines > 0 and line:find "^[^ \t]" then line = "  " .. line end
    lines[#lines + 1] = (line:gsub("[^\t]+", safe))
  end
  return table.concat(lines, "\n")
end

--- Writes texts, and a line end behind them.
function M.line(...)
  io.stderr:write(M.harmless(M.scrub(table.concat { ... })), "\n")
end

--- Asks for something on a terminal, in whose line the answer is typed.
function M.prompt(text)
  io.stderr:write(M.harmless(M.scrub(text)))
  io.stderr:flush()
end

return M

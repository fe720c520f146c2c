-- logging: sets up the log as flags, configuration and terminal say.
local M = {}

local function coloured(flags, terminal)
  local no = os.getenv("NO_COLOR")
  return terminal and not flags.no_color and (no == nil or no == "") and os.getenv("TERM") ~= "dumb"
end

--- The form that somebody chose, once it is set up; nil where the terminal decided.
M.chosen = nil

--- `form` is text or json where somebody chose, else nil: text on a terminal, json elsewhere.
function M.setup(flags, form)
  local terminal = require("host.sys").isatty(2)
  M.chosen = form
  require("log").setup {
    format = form or (terminal and "text" or "json"),
    level = flags.quiet and "error" or flags.verbose and "debug" or flags.log_level or "info",
    color = coloured(flags, terminal),
  }
end

return M

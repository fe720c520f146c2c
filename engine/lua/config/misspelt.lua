-- misspelt: REEVE_ variables that are nearly one of ours. Whoever set them meant that one, and would not learn that
-- nothing came of it. Others are somebody's own, as those that secrets are taken from.
local sys = require "host.sys"

local M = {}

local PREFIX <const>, OTHERS <const> = "REEVE_", { "HOME", "KEY_FILE", "CORE" }
local TOLD <const> = "REEVE_MISSPELT_TOLD" -- for children, which have the same variables

-- The names of ours, without the prefix: a list and a set.
local function ours()
  local list, set = table.move(OTHERS, 1, #OTHERS, 1, {}), {}
  for _, entry in ipairs(require("config.config").keys) do list[#list + 1] = entry.env:sub(#PREFIX + 1) end
  for _, name in ipairs(list) do set[name] = true end
  return list, set
end

--- Warns in the log of each that is set, once for this process and its children.
function M.warn()
  local there = sys.variables(PREFIX)
  if #there == 0 or os.getenv(TOLD) then return end
  local list, set = ours()
  table.sort(there)
  for _, variable in ipairs(there) do
    local name = variable:sub(#PREFIX + 1)
    local near = not set[name] and not name:find "^SETTINGS_" and require("suggest").nearest(name, list)
    if near then
      require("log").warn(variable .. " is no variable of Reeve's, and is ignored",
        { hint = ("did you mean '%s%s'?"):format(PREFIX, near) })
      sys.setenv(TOLD, "1")
    end
  end
end

return M

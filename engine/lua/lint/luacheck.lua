-- lint.luacheck: what luacheck says, where it is installed, with the globals that a sandbox has.
--
--   luacheck.check({ { path, shown } … }, report) -> true, or nil where it is not installed
local contract = require "contract.contract"

local M = {}

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- Globals and fields are our own to tell, whitespace is nobody's; arguments belong to the contract.
local OPTIONS = "--no-config --no-cache --no-color --codes --formatter plain --no-max-line-length --no-unused-args "
  .. "--no-self --std none --ignore 1 6"

local function run(words)
  local pipe = io.popen(table.concat(words, " ") .. " 2>/dev/null </dev/null")
  if not pipe then return nil end
  local text = pipe:read("a")
  local _, _, status = pipe:close()
  return text, status
end

local function is_installed()
  local _, status = run { "command -v luacheck" }
  return status == 0
end

--- Runs it on files.
function M.check(files, report)
  if not is_installed() then return nil end
  if #files == 0 then return true end
  local words, shown = { "luacheck", OPTIONS, "--read-globals" }, {}
  table.move(contract.names "globals", 1, #contract.names "globals", #words + 1, words)
  words[#words + 1] = "--"
  for _, file in ipairs(files) do
    words[#words + 1], shown[file.path] = quote(file.path), file
  end
  for line in (run(words) or ""):gmatch("[^\n]+") do
    local path, number, code, message = line:match("^(.-):(%d+):%d+: %((%u%d+)%) (.*)$")
    if path and shown[path] and code:sub(1, 1) == "W" then
      report(shown[path], math.tointeger(tonumber(number)), "warning",
        ("luacheck: %s (%s)."):format(message, code), "")
    end
  end
  return true
end

return M

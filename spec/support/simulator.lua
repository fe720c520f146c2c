-- simulator: a running `reeve sim` (reeve.sim) and what specs of simulators ask it with: curl and jq.
--
--   local target = simulator.start("acme", { set = { users = 20 }, faults = { "GET /x: cut" }, home = dir })
--   target:curl("/roles", "-i")          what curl prints, stderr too; curl's exit status
--   target:jq(".roles|length", "/roles") what jq makes of the answer
--   target:set { drift = 0.1 }  target:faults { "…" }  target:requests()  target:stop()
local reeve = require "reeve"

local M = {}
local Target = {}
Target.__index = Target

--- Starts it, and returns when it listens. options: set, faults, home, args, tls, client (words for curl).
function M.start(plugin, options)
  options = options or {}
  local spec = { plugin = plugin }
  for _, name in ipairs { "faults", "home", "args", "tls" } do spec[name] = options[name] end
  for name, value in pairs(options.set or {}) do spec[name] = value end
  local sim = reeve.sim(spec)
  return setmetatable({ sim = sim, url = sim.url, client = options.client or {} }, Target)
end

local function command(self, path, ...)
  local words = { "curl", "-sS", "--noproxy", "*", "--max-time", "60", ... }
  table.move(self.client, 1, #self.client, #words + 1, words)
  words[#words + 1] = self.url .. path
  for i, word in ipairs(words) do words[i] = reeve.quote(word) end
  return table.concat(words, " ")
end

local function shell(text)
  local pipe <close> = assert(io.popen(text, "r"))
  local out = pipe:read("a")
  local _, _, status = pipe:close()
  return out, status
end

--- What curl prints for a path, and its exit status; more words go to curl.
function Target:curl(path, ...)
  return shell(command(self, path, ...) .. " 2>&1")
end

--- What jq makes of the answer: its lines.
function Target:jq(filter, path, ...)
  local out = shell(command(self, path, ...) .. " | jq -r -c " .. reeve.quote(filter) .. " 2>&1")
  return (out:gsub("\n$", ""))
end

--- Sets options; the data are made anew. What it answers.
function Target:set(options)
  local query = {}
  for name, value in pairs(options) do query[#query + 1] = name .. "=" .. tostring(value) end
  return (self:curl("/__sim/set?" .. table.concat(query, "&"), "-X", "POST"))
end

--- Replaces the faults. What it answers.
function Target:faults(lines)
  return (self:curl("/__sim/faults", "--data-binary", table.concat(lines, "\n")))
end

--- What was asked since the last time: lines ("GET /x?a=1 200") in order.
function Target:requests()
  local log = self.sim:requests().log
  self.sim:forget()
  return setmetatable(log, nil)
end

--- Ends it: its exit status, and all it printed.
function Target:stop()
  local process = self.sim:stop()
  return process.status, process.out
end

return M

-- workspace: a running simulator, a home with one connector to it, and what specs of whole runs ask of them.
--
--   local w = workspace.new { users = 50, connector = { http = { retry_s = 1 } } }
--   w:sync(0)               insists on the exit status; returns the finished process (out, err, code)
--   w:run("accept", "acme") any command, in that home
--   w:list("user")          what `reeve list acme user -o json` prints, decoded
--   w:state()               everything a reader sees, as one text
--   w.sim:set{} w.sim:faults{} w:fresh() (another home) w:stop()
local reeve = require "reeve"

local M = {}
local Workspace = {}
Workspace.__index = Workspace

M.secret = "canary-Secret/with+odd=chars-9137"

-- Options of new() that are not the simulator's.
local own = { connector = true, settings = true, plugin = true, target = true }

--- Starts the simulator and writes the connector `acme`. options: the simulator's, and connector (keys of
-- the connector's file), settings (more settings; or a function that gives all of them for the target's URL),
-- target (what runs already, { url, stop() }, in place of a simulator).
function M.new(options)
  options = options or {}
  local sim = { plugin = options.plugin or "torq", client_secret = M.secret }
  for name, value in pairs(options) do
    if not own[name] then sim[name] = value end
  end
  local self = setmetatable({ sim = options.target or reeve.sim(sim), env = { CLIENT_SECRET = M.secret } }, Workspace)
  self.plugin, self.settings, self.keys = options.plugin or "torq", options.settings or {}, options.connector or {}
  return self:fresh()
end

--- Goes on with a new, empty home and the same simulator; returns self.
function Workspace:fresh()
  self.home = reeve.home()
  self:connect()
  return self
end

--- Writes the connector's file again, with other keys where they are given.
function Workspace:connect(keys)
  self.keys = keys or self.keys
  local connector = { plugin = self.plugin, settings = { client_id = "sim-client-id",
    client_secret = "env:CLIENT_SECRET", api_url = self.sim.url .. "/public/v1alpha",
    auth_url = self.sim.url .. "/v1/auth/token" } }
  local more = self.settings
  if type(more) == "function" then connector.settings, more = more(self.sim.url), {} end
  for name, value in pairs(more) do connector.settings[name] = value end
  for name, value in pairs(self.keys) do connector[name] = value end
  reeve.connector(self.home, "acme", connector)
end

--- Runs a command in the home.
function Workspace:run(...)
  return reeve.run { home = self.home, env = self.env, ... }
end

--- The same, and insists on its exit status.
function Workspace:expect(code, ...)
  local r = self:run(...)
  if r.code ~= code then
    error(("reeve %s: exit %d, not %d\n%s%s"):format(table.concat({ ... }, " "), r.code, code, r.out, r.err), 2)
  end
  return r
end

--- `reeve sync acme …`, with its exit status.
function Workspace:sync(code, ...)
  local r = self:run("sync", "acme", ...)
  if r.code ~= code then error(("sync: exit %d, not %d\n%s%s"):format(r.code, code, r.out, r.err), 2) end
  return r
end

--- The records of a type, or resources, entitlements, grants, excluded.
function Workspace:list(type)
  return reeve.json(self:expect(0, "list", "acme", type, "-o", "json").out)
end

--- The records of a type by id.
function Workspace:by_id(type)
  local found = {}
  for _, record in ipairs(self:list(type)) do found[record.id or #found + 1] = record end
  return found
end

--- What readers see, as text; the same text means the same state.
function Workspace:state()
  local parts = {}
  for i, kind in ipairs { "resources", "entitlements", "grants" } do
    parts[i] = self:expect(0, "list", "acme", kind, "-o", "jsonl").out
  end
  return table.concat(parts, "\n")
end

--- The same records in an order of their own: two states that know the same give the same text.
function Workspace:sorted()
  local lines = {}
  for line in self:state():gmatch("[^\n]+") do lines[#lines + 1] = line end
  table.sort(lines)
  return table.concat(lines, "\n")
end

--- `reeve status acme -o json`, decoded.
function Workspace:status()
  return reeve.json(self:expect(0, "status", "acme", "-o", "json").out)
end

--- The newest run's record.
function Workspace:last_run()
  return reeve.json(self:expect(0, "runs", "acme", "-o", "json").out)[1]
end

--- Ends the simulator.
function Workspace:stop()
  self.sim:stop()
end

return M

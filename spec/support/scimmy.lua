-- scimmy: a SCIM server that is not ours, for specs: spec/support/scimmy/server.mjs, as `make test` installed it.
--
--   local target = scimmy.start { token = …, users = {}, groups = {} }   { url, ask(method, path, body), stop() }
--   scimmy.missing()                why there is none here; nil where there is one
local reeve = require "reeve"

local M = {}
local Target = {}
Target.__index = Target

local PLACE = os.getenv("REEVE_SCIMMY") or "build/scimmy"

--- Why it cannot be run: what `make` could not install is no test that passed.
function M.missing()
  if reeve.read(PLACE .. "/ready") then return nil end
  return "scimmy is not installed: npm could not fetch it (see " .. PLACE .. "/log)"
end

--- Starts it with the seed that server.mjs describes.
function M.start(seed)
  local process = reeve.start { program = "node", PLACE .. "/server.mjs",
    reeve.write(reeve.path("seed.json"), reeve.encode(seed)), timeout = 160 }
  local self = setmetatable({ process = process, token = seed.token }, Target)
  self.url = process:await("(http://[%d.]+:%d+)")
  return self
end

--- One request of ours, with its token: the status, and the body decoded where there is one.
function Target:ask(method, path, body)
  local status, text = reeve.http { url = self.url .. "/scim/v2" .. path, method = method,
    body = body and reeve.encode(body),
    headers = { "Authorization: Bearer " .. self.token, "Content-Type: application/scim+json" } }
  return status, text ~= "" and reeve.json(text) or nil
end

function Target:stop()
  self.process:kill("TERM")
  self.process:wait()
end

return M

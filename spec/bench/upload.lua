-- upload: a file of so many MiB sent to the stand-in of ConductorOne over TLS, as service mode does: serve.grpc with a
-- credential and a token of its own. What it took, and how much memory.
local conductorone = require "conductorone"
local reeve = require "reeve"

local SENDS = [[
local path = ...
local host, task = require "host.http", require "target.task"
local credential = require("serve.credential").parse(os.getenv "BATON_CLIENT_ID",
  require("host.secret").new(os.getenv "BATON_CLIENT_SECRET"), os.getenv "BATON_C1_API_HOST")
local client = assert(host.client { named = { (credential.host:gsub(":%d+$", "")) } })
local token = require("serve.token").new { credential = credential, client = client }
local channel = require("serve.grpc").channel { client = client, origin = credential.origin, token = token,
  agent = "acme" }
local function check(answer, problem) return answer or error(problem.message) end
task.run(function()
  local given = check(channel:call("GetTask", { host_id = "host-1" })).task
  check(channel:upload("host-1", require("serve.answer").job(given).id, path))
end)
]]

--- measure{ program … } runs a program and gives { wall, anon }; nil and a reason where it cannot be done.
return function(measure, mib)
  if conductorone.missing() then return nil, conductorone.missing() end
  local path, text = reeve.path("asset"), reeve.write(reeve.path("sends.lua"), SENDS)
  reeve.shell(("head -c %dM /dev/urandom > '%s'"):format(mib, path))
  local c1 = conductorone.start { keep = false }
  local id = c1:task { kind = "sync_full" }
  local sent = measure { program = reeve.host, text, path, env = c1.env, timeout = 160, watch = true }
  local got = c1:wait { event = "upload", task = id }
  c1:stop()
  assert(got.size == mib * 1024 * 1024, "a file of another size arrived")
  os.remove(path)
  return sent
end

-- health-check: asks the health port of a service on this machine: for a container's probe, without curl.
local fail = require "fail"
local health = require "serve.health"

local BYTES = 65536 -- more than any answer has

local ANY = { ["0.0.0.0"] = "127.0.0.1", ["::"] = "::1", localhost = "127.0.0.1" } -- served on all, asked on one

local function url_of(address, port, endpoint)
  address = ANY[address] or address
  return ("%s/%s"):format(health.url(address, port), endpoint), address
end

-- The answer's status and body; nil and why where there is none.
local function ask(client, url)
  local request, why = client:start { method = "GET", url = url, headers = { Accept = "application/json" } }
  if not request then return nil, why end
  local ok, trouble = request:wait()
  if not ok then return nil, trouble end
  return request:status(), request:body()
end

-- The same, within so many seconds in all: the client's own limit begins anew with every byte.
local function ask_within(seconds, client, url)
  local task = require "target.task"
  local status, body, asked
  task.run(function()
    local over = task.event()
    asked = task.spawn(function()
      status, body = ask(client, url)
      over:set()
    end)
    task.spawn(function() task.sleep(seconds) over:set() end)
    task.wait(over)
  end)
  if not asked.ok then return nil, ("GET %s: nothing came within %g s"):format(url, seconds) end
  return status, body
end

-- What an answer says, in a line; whoever listens there may say anything.
local function told(status, body)
  local document = require("host.json").decode(body or "")
  if type(document) ~= "table" or type(document.status) ~= "string" then
    return ("status %d, and not from a health port"):format(status)
  end
  local details = type(document.details) == "table" and document.details or {}
  local text = document.status .. (details.validation_error and ": " .. tostring(details.validation_error) or "")
  return (text:gsub("%c+", " "))
end

local function port_of(flags)
  local text = flags.port or os.getenv("BATON_HEALTH_CHECK_PORT") or health.PORT
  local port = math.tointeger(tonumber(text))
  if not port or port < 1 or port > 65535 then
    fail("failed", ("'%s' is no port (1 to 65535)"):format(text))
  end
  return port
end

return {
  name = "health-check",
  summary = "Is the service on this machine healthy? For a container's probe",
  examples = {
    { "reeve health-check", "0 where it is, 1 where it is not or nobody answers" },
    { "reeve health-check --endpoint live --timeout 2" },
  },
  flags = {
    { name = "endpoint", arg = "health|ready|live", choices = { "health", "ready", "live" },
      help = "what to ask: are its connectors good (health), is it ready, does it answer (live)" },
    { name = "timeout", arg = "SECONDS", integer = true, help = "how long it may take (5)" },
    { name = "port", arg = "PORT", integer = true, help = "its port (BATON_HEALTH_CHECK_PORT, 8081)" },
    { name = "address", arg = "ADDRESS", help = "its address (BATON_HEALTH_CHECK_BIND_ADDRESS, 127.0.0.1)" },
  },
  max = 0,
  run = function(ctx, _, flags)
    local seconds = math.max(1, flags.timeout or 5)
    local address = flags.address or os.getenv("BATON_HEALTH_CHECK_BIND_ADDRESS") or health.ADDRESS
    local url, host = url_of(address, port_of(flags), flags.endpoint or "health")
    local client, why = require("host.http").client { hosts = {}, named = { host }, concurrency = 1, proxy = "",
      timeout_s = 2 * seconds, body_bytes = BYTES }
    local status, body = nil, why
    if client then status, body = ask_within(seconds, client, url) end
    if not status then
      ctx.out:say("no answer: " .. tostring(body))
      return 1
    end
    ctx.out:write(told(status, body) .. "\n")
    return status == 200 and 0 or 1
  end,
}

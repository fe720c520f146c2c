-- health-check: asks the health port of a service on this machine: for a container's probe, without curl.
local fail = require "fail"
local health = require "serve.health"

local BYTES <const> = 65536 -- more than any answer has

-- Addresses that a service listens on by, and at which one cannot or need not ask: the one to ask there.
local ASKED_AT <const> = { ["0.0.0.0"] = "127.0.0.1", ["::"] = "::1", localhost = "127.0.0.1" }

local GOOD <const> = { health = "healthy", ready = "ready", live = "alive" } -- what each endpoint says then

-- A flag's value, else the variable's; an empty variable is none, as for the service.
local function chosen(flag, variable, default)
  local text = flag or os.getenv(variable)
  return text and text ~= "" and text or default
end

local function port_of(flags)
  local text = chosen(flags.port, "BATON_HEALTH_CHECK_PORT", health.PORT)
  local port = math.tointeger(tonumber(text))
  if not port or port < 1 or port > 65535 then
    fail("failed", ("'%s' is no port (1 to 65535)"):format(text))
  end
  return port
end

-- In a task: the answer's status and body, all of it within so many seconds; nil and why where there is none.
local function ask(client, url, seconds)
  local request, why = client:start { method = "GET", url = url, headers = { Accept = "application/json" },
    deadline_s = seconds }
  if not request then return nil, why end
  local ok, body
  ok, why = request:wait()
  if not ok then return nil, why end
  body, why = request:body()
  if not body then return nil, why end
  return request:status(), body
end

-- Is an answer the good one? And what it says, in a line. Whoever listens on that port may say anything.
local function judge(endpoint, status, body)
  local document = require("host.json").decode(body)
  local word = type(document) == "table" and document.status
  local good = status == 200 and word == GOOD[endpoint]
  if type(word) ~= "string" or status == 200 and not good then
    return false, ("status %d, and not from a health port"):format(status)
  end
  local details = type(document.details) == "table" and document.details or {}
  local text = word .. (details.validation_error and ": " .. tostring(details.validation_error) or "")
  return good, (text:gsub("%c+", " "))
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
    local seconds, endpoint = math.max(1, flags.timeout or 5), flags.endpoint or "health"
    local address = chosen(flags.address, "BATON_HEALTH_CHECK_BIND_ADDRESS", health.ADDRESS)
    address = ASKED_AT[address] or address
    local url = health.url(address, port_of(flags)) .. "/" .. endpoint
    local client, status, body
    client, body = require("host.http").client { hosts = {}, named = { address }, concurrency = 1, proxy = "",
      timeout_s = 2 * seconds, body_bytes = BYTES }
    if client then status, body = require("target.task").run(ask, client, url, seconds) end
    if not status then
      ctx.out:say("no answer: " .. tostring(body))
      return 1
    end
    local good, line = judge(endpoint, status, body)
    ctx.out:write(line .. "\n")
    return good and 0 or 1
  end,
}

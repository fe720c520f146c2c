-- credential: a connector's client id and secret, as ConductorOne shows them.
--
--   local c = credential.parse("happy-otter-1@acme.conductor.one/bct", secret, api_host)
--   c.client_id, c.name         the whole id; the part before the @, for the user agent
--   c.audience                  host of the id, without port: what an assertion is made out to
--   c.host, c.origin            who is asked: "acme.conductor.one", "https://acme.conductor.one"
--   c.key                       the Ed25519 key of the secret, itself a secret (host/c1/c1key.h)
--
-- What is wrong is raised, naming the part and never its value: an id may have been pasted where the secret belongs.
local fail = require "fail"
local secret = require "host.secret"

local M = {}

local ID_MAX, HOST_MAX = 512, 253
local SHOWN = "NAME@HOST/SUFFIX, as in happy-otter-1@acme.conductor.one/bct"

local function refuse(why)
  fail("credentials", "client id: " .. why, SHOWN .. ", is what ConductorOne shows")
end

-- Host and port ("443" where none is said) of "host", "host:port" or "[address]:port"; nil and why not.
local function split_host(text)
  local host, port = text:match("^(%[[%x:.]+%])(.*)$")
  if not host then host, port = text:match("^([^:]*)(.*)$") end
  if host == "" then return nil, "the host is missing" end
  if #host > HOST_MAX or not host:find("^%[") and not host:find("^%w[%w.-]*$") then
    return nil, "the host is none: letters, digits, dots and hyphens expected"
  end
  if port == "" then return host, "443" end
  local number = port:match("^:(%d+)$")
  number = number and #number <= 5 and math.tointeger(number)
  if not number or number < 1 or number > 65535 then return nil, "the port is none: 1 to 65535 expected" end
  return host, tostring(number)
end

local function parse_id(text)
  if text == "" then refuse "it is empty" end
  if text:find("^secret%-token:") then refuse "this looks like a client secret; are the two swapped?" end
  if #text > ID_MAX then refuse(("it is longer than %d bytes"):format(ID_MAX)) end
  if text:find("[^\x21-\x7E]") then refuse "a blank, a line end or something that is not ASCII stands in it" end
  local name, rest = text:match("^([^@]*)@(.*)$")
  if not name then refuse "there is no @ in it" end
  if name == "" then refuse "the name before the @ is missing" end
  local place, suffix = rest:match("^([^/]*)/(.*)$")
  if not place then refuse "there is no / behind the host; it was cut" end
  if suffix == "" then refuse "the part behind the / is missing; it was cut" end
  local host, port = split_host(place)
  if not host then refuse(port) end
  return name, host:lower(), port
end

-- Where to ask instead is no part of the credential: what is wrong in it is a matter of configuration.
local function parse_api_host(text)
  if text:find("://", 1, true) or text:find("/", 1, true) then
    fail("config", "BATON_C1_API_HOST: a host or host:port expected, without https:// and without a path")
  end
  local host, port = split_host(text)
  if not host then fail("config", "BATON_C1_API_HOST: " .. port, "host or host:port") end
  return host:lower(), port
end

--- The host of a client id; raises as parse does.
function M.host_of(client_id)
  local _, host = parse_id(client_id:match("^%s*(.-)%s*$"))
  return host
end

--- Reads both; raises "credentials" (exit 4) where a part is wrong. client_secret is a secret; api_host, "host" or
--- "host:port", is asked in place of the id's host, and the audience stays the id's.
function M.parse(client_id, client_secret, api_host)
  client_id = client_id:match("^%s*(.-)%s*$")
  local name, audience, port = parse_id(client_id)
  local key = fail.try(secret.c1_key(client_secret))
  local host = audience
  if api_host and api_host ~= "" then host, port = parse_api_host(api_host) end
  local origin = "https://" .. host .. (port ~= "443" and ":" .. port or "")
  host = host:match("^%[(.*)%]$") or host -- as host.http names it
  return { client_id = client_id, name = name, host = host, audience = audience, origin = origin, key = key }
end

return M

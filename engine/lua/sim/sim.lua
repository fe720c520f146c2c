-- sim: runs a plugin's simulator.lua, a target that lives on loopback.
--
-- A simulator is the table { options, build, routes, … } of its file; what it is handed as `sim` is
-- made here:
--   sim.options     its defaults, changed by --set, and those that every simulator has (below)
--   sim.random      numbers that depend on options.seed (random.lua)
--   sim.documents   an empty table for what build() prepares
--   sim.json        host.json
--   sim:now()                   seconds since 1970
--   sim:token([life_s])         a new bearer token; sim:authorized(req) tells whether req has a good one
--   sim:basic(req)              user and password of a Basic header, or nil
--   sim:origin(req)             "https://api.example.com": where the caller believes to be, for links in answers
--   sim:error(status, message)  status and body of an error, the way the target words it
--   sim:page(list, size, token) a part of a list and the token of the next one ("" for the last)
--   sim:drifted(n)              what has changed since generation 0: a list of generations, each a list
--                               of different numbers of 1 to n, round(drift * n) but at least one
-- A simulator may also say `settings` (connect.lua), `prefixes` (strings that may stand before each path) and
-- `error(sim, status, message)`, which returns the body of an error.
local encoded = require "encoded"
local fail = require "fail"
local fault = require "sim.fault"
local json = require "host.json"
local random = require "sim.random"
local router = require "sim.router"
local shape = require "shape"
local suggest = require "suggest"

local M = {}
local Sim = {}
Sim.__index = Sim

-- drift: the part of the data that differs from one generation to the next; generation: how many such
-- steps the data is away from where the seed put it; rate: requests a second above which it says 429.
local common = { seed = 1, drift = 0.0, generation = 1, rate = 0 }

local wanted = {
  integer = "a whole number from 0 on", float = "a number from 0 on", boolean = "true or false",
}

local function read_option(name, default, text)
  local kind = math.type(default) or type(default)
  local value
  if kind == "integer" then
    value = math.tointeger(tonumber(text))
  elseif kind == "float" then
    value = tonumber(text)
  elseif kind == "boolean" then
    value = ({ ["true"] = true, ["false"] = false })[text]
  else
    value = text
  end
  if value == nil or math.type(value) and (value < 0 or value ~= value) then
    fail("usage", ("option %s: '%s' is not %s"):format(name, text, wanted[kind]))
  end
  return value
end

--- Changes options by a list of { name, text }. All or none: a wrong one raises a usage failure.
function Sim:set(pairs_list)
  local read = {}
  for _, pair in ipairs(pairs_list) do
    local name, text = pair[1], pair[2]
    local default = self.defaults[name]
    if default == nil then
      fail("usage", "the simulator has no option '" .. name .. "'", suggest.hint(name, shape.names(self.defaults)))
    end
    read[name] = read_option(name, default, text)
  end
  for name, value in pairs(read) do
    self.options[name] = value
  end
end

--- Makes the data anew from the options.
function Sim:build()
  self.random = random.new(self.options.seed)
  self.documents = {}
  self.bucket = self.options.rate > 0 and fault.bucket(self.options.rate) or nil
  if not self.simulator.build then
    return
  end
  local ok, why = pcall(self.simulator.build, self)
  if not ok then
    fail("config", "the simulator cannot make its data: " .. tostring(type(why) == "table" and why.message or why))
  end
end

--- A simulator that is ready to answer. `simulator` is what its file returned, `settings` a list of
--- { name, text }, `faults` a list of lines, `clock` gives seconds (for tests; default: the system's).
function M.new(simulator, settings, faults, clock)
  for name, kind in pairs { options = "table", settings = "table", prefixes = "table", build = "function",
    error = "function" } do
    if simulator[name] ~= nil and type(simulator[name]) ~= kind then
      fail("config", ("the simulator's %s is no %s"):format(name, kind))
    end
  end
  local self = setmetatable({ simulator = simulator, json = json, defaults = {}, options = {}, tokens = {},
    clock = clock or os.time, faults = {} }, Sim)
  for _, defaults in ipairs { common, simulator.options or {} } do
    for name, value in pairs(defaults) do
      self.defaults[name], self.options[name] = value, value
    end
  end
  self.secrets = random.new(os.time() ~ tonumber(tostring(self):match("0x(%x+)"), 16))
  self.router = router.new(simulator.routes, simulator.prefixes)
  self:forget_requests()
  self:set(settings or {})
  self:set_faults(faults or {})
  self:build()
  return self
end

-- A fault for what is answered with 404 may be meant, and may be a slip, of which nothing would come.
local function warn_of_unknown(routes, one)
  if routes:knows(one.method, one.path) then return end
  require("ui.stderr").line(("fault '%s': no route has this method and path (which stands without a prefix)")
    :format(one.line))
end

--- Replaces the faults. A line that is none raises a usage failure and changes nothing.
function Sim:set_faults(lines)
  local faults = {}
  for i, line in ipairs(lines) do
    faults[i] = fault.parse(line)
  end
  for _, one in ipairs(faults) do
    warn_of_unknown(self.router, one)
  end
  self.faults = faults
end

function Sim:forget_requests()
  self.requests = { total = 0, routes = {}, statuses = {}, log = {} }
end

-- ---------------------------------------------------------------- what a simulator may call

function Sim:now()
  return self.clock()
end

function Sim:token(life)
  local now, effects = self.clock(), self.effects or {}
  for token, t in pairs(self.tokens) do
    if t.ends <= now then
      self.tokens[token] = nil
    end
  end
  local token = "sim-" .. self.secrets:hex(24)
  life = effects.token_life or life or 3600
  self.tokens[token] = { ends = now + life, uses = effects.token_uses or math.huge }
  return token
end

function Sim:authorized(req)
  local t = self.tokens[(req.headers.authorization or ""):match("^[Bb]earer (%S+)$") or ""]
  if not t or t.ends <= self.clock() or t.uses < 1 then
    return false
  end
  t.uses = t.uses - 1
  return true
end

function Sim.basic(_, req)
  local text = (req.headers.authorization or ""):match("^[Bb]asic (%S+)$")
  if text then
    return (encoded.from_base64(text) or ""):match("^([^:]*):(.*)$")
  end
end

function Sim.origin(_, req)
  return req.headers["reeve-origin"] or "http://" .. (req.headers.host or "")
end

function Sim:error(status, message)
  local word = self.simulator.error
  return status, word and word(self, status, message) or { code = status, message = message }
end

function Sim.page(_, list, size, token)
  local first = tonumber((token or ""):match("^page%-(%d+)$") or 1)
  local last = math.min(#list, first + size - 1)
  return table.move(list, first, last, 1, {}), last < #list and "page-" .. last + 1 or ""
end

function Sim:drifted(n)
  local generations, share = {}, self.options.drift
  local touched = math.min(n, math.max(1, math.floor(share * n + 0.5)))
  for g = 1, share > 0 and self.options.generation or 0 do
    generations[g] = self.random:stream("drift"):stream(g):sample(n, touched)
  end
  return generations
end

-- ---------------------------------------------------------------- answering

-- What the simulator itself says: status, body, headers.
function Sim:ask(req, route, allowed)
  if not route then
    local status, body = self:error(allowed and 405 or 404, allowed and "method not allowed" or "not found")
    return status, body, allowed and { Allow = allowed } or nil
  end
  local ok, status, body, headers = xpcall(route.call, debug.traceback, self, req)
  if not ok then
    require("ui.stderr").line("the simulator failed: ", tostring(status))
    status, body, headers = self:error(500, "the simulator failed: " .. tostring(status):match("^[^\n]*"))
  end
  return status, body, headers
end

local function as_text(body)
  return type(body) == "table" and json.encode(body) or body or ""
end

local function http_date(t)
  return os.date("!%a, %d %b %Y %H:%M:%S GMT", math.floor(t))
end

-- The answer after the faults had their way: status, body, headers.
function Sim:produce(req, route, allowed, e)
  local status, body, headers
  local limited = e.throttled or self.bucket and fault.full(self.bucket, self.clock())
  if limited then
    status, body = self:error(429, "too many requests")
  elseif e.status then
    status, body = self:error(e.status, "told to fail")
  else
    status, body, headers = self:ask(req, route, allowed)
  end
  local out = { ["Content-Type"] = "application/json" }
  local text, more = as_text(body), nil
  if e.body and not limited then
    text, more = e.body(text, req)
  end
  for _, extra in ipairs { headers or {}, more or {} } do
    for name, value in pairs(extra) do
      out[name] = value
    end
  end
  for _, header in ipairs(e.headers) do
    out[header[1]] = header[2]
  end
  if e.retry_after and (status == 429 or status == 503) then
    out["Retry-After"] = ("%d"):format(e.retry_after // 1)
  end
  out["Date"] = e.skew and http_date(self.clock() + e.skew) or nil
  if e.short then -- not text:sub(1, -1), which would copy 25 MB for nothing
    text = text:sub(1, e.short)
  end
  return status, text .. (e.append or ""), out
end

local function target_of(req)
  local parts = {}
  for name, value in pairs(req.query) do
    parts[#parts + 1] = name .. "=" .. value
  end
  table.sort(parts)
  return req.path .. (#parts > 0 and "?" .. table.concat(parts, "&") or "")
end

function Sim:count(req, route, status)
  local r = self.requests
  local name = route and route.name or "unknown"
  r.total = r.total + 1
  r.routes[name] = (r.routes[name] or 0) + 1
  r.statuses[tostring(status)] = (r.statuses[tostring(status)] or 0) + 1
  r.log[#r.log + 1] = ("%s %s %s"):format(req.method, target_of(req), status)
  if #r.log > 1000 then
    table.remove(r.log, 1)
  end
end

--- Answers a request { method, path, query, headers, body }: status, headers, body and options, as
--- request:reply() of host.server takes them.
function Sim:answer(req)
  local route, params, allowed
  req.path, route, params, allowed = self.router:find(req.method, req.path)
  req.params = params
  req.json = req.body ~= "" and json.decode(req.body) or nil
  local e = fault.effects(self.faults, req, self.clock())
  self.effects = e
  local options = {
    delay_s = e.latency and e.latency / 1000, bytes_per_s = e.speed, cut = e.cut,
    truncate = e.stall or e.truncate, stall = e.stall ~= nil, hold = e.hold,
  }
  if e.cut then
    self:count(req, route, "cut")
    return 200, nil, "", options
  end
  local status, body, headers = self:produce(req, route, allowed, e)
  self:count(req, route, status)
  return status, headers, body, options
end

return M

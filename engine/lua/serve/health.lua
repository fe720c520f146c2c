-- health: what a service tells those who watch over it, over HTTP.
--
--   local port = health.serve{ address =, port =, connectors = { "main", … }, ready = function() -> bool,
--                              validate = function(name) -> true | false, text, patience_s = 30 }
--   port:number()  port:url()  port:close()
--
--   GET /health   are all connectors good?   200 healthy · 503 unhealthy, with what is wrong
--   GET /ready    is there work it can do?   200 ready · 503 not_ready
--   GET /live     does it answer at all?     200 alive
--
-- Connectors are looked at when somebody asks, a few side by side, once for all who ask meanwhile and for ten seconds
-- after. Each look is a task and may wait.
local beside = require "target.beside"
local fail = require "fail"
local harmless = require("ui.text").harmless
local json = require "host.json"
local secret = require "host.secret"
local server = require "host.server"
local sys = require "host.sys"
local task = require "target.task"

local M = {}

local Port = {}
Port.__index = Port

M.ADDRESS, M.PORT = "127.0.0.1", 8081

--- Where a health port is, by its address and number.
function M.url(address, port)
  return ("http://%s:%d"):format(address:find(":") and "[" .. address .. "]" or address, port)
end

local LIMITS = { body_bytes = 4096, connections = 64, idle_s = 10 } -- whoever asks sends a few hundred bytes
local KEPT_S, PATIENCE_S = 10, 30 -- how long an answer is true; how long one may take
local AT_ONCE = 4
local TEXT = 400 -- bytes of what is told of one connector
local TEXTS = 5 -- of them

local function shown(text)
  return harmless(secret.scrub(tostring(text)), TEXT)
end

-- Looking at the connectors -------------------------------------------------------------------------------

-- What is wrong with a connector; nil: nothing.
local function fault_of(self, name)
  local ok, good, text = pcall(self.validate, name)
  if ok and good then return nil end
  text = shown(ok and text or not ok and good or "it is not good")
  return text:sub(1, #name + 2) == name .. ": " and text or name .. ": " .. text
end

-- Looks at all, AT_ONCE side by side; fills faults[i], and done[i] once it is known.
local function look(self, faults, done)
  local next_one = 0
  local function lane()
    while next_one < #self.connectors do
      next_one = next_one + 1
      local i = next_one
      faults[i], done[i] = fault_of(self, self.connectors[i]), true
    end
  end
  local lanes = {}
  for i = 1, math.min(AT_ONCE, #self.connectors) do lanes[i] = lane end
  task.all(lanes)
end

-- Looks at all, as long as there is patience; returns what is wrong, as a list of texts.
local function round(self)
  local faults, done = {}, {}
  task.within(self.patience_s, function() look(self, faults, done) end)
  local wrong = {}
  for i, name in ipairs(self.connectors) do
    local fault = done[i] and faults[i] or not done[i] and ("%s: not known within %g s"):format(name, self.patience_s)
    if fault then wrong[#wrong + 1] = fault end
  end
  return wrong
end

-- Answers -------------------------------------------------------------------------------------------------

local function send(req, code, document, more)
  local headers = { ["Content-Type"] = "application/json", ["Cache-Control"] = "no-store", Connection = "close" }
  for name, value in pairs(more or {}) do headers[name] = value end
  document.timestamp = sys.time(math.floor(sys.now()))
  req:reply(code, headers, json.encode(document) .. "\n") -- whoever hung up meanwhile is not our trouble
end

local function tell_health(req, wrong)
  if #wrong == 0 then return send(req, 200, { status = "healthy" }) end
  local texts = table.move(wrong, 1, math.min(#wrong, TEXTS), 1, {})
  if #wrong > TEXTS then texts[TEXTS + 1] = ("and %d more"):format(#wrong - TEXTS) end
  send(req, 503, { status = "unhealthy",
    details = { error = "validation failed", validation_error = table.concat(texts, "; ") } })
end

-- Who asks while a round is under way waits for its end with the others.
local function health(self, req)
  if self.wrong and sys.mono() - self.known_at < KEPT_S then return tell_health(req, self.wrong) end
  self.asking[#self.asking + 1] = req
  if #self.asking > 1 then return end
  self.round = task.spawn(function()
    self.wrong = round(self)
    self.known_at = sys.mono()
    local asking = self.asking
    self.asking = {}
    for _, waiting in ipairs(asking) do tell_health(waiting, self.wrong) end
  end)
end

local function ready(self, req)
  local yes = self.ready()
  send(req, yes and 200 or 503, { status = yes and "ready" or "not_ready" })
end

local function live(_, req)
  send(req, 200, { status = "alive" })
end

local paths = { ["/health"] = health, ["/ready"] = ready, ["/live"] = live }

local function answer(self, req)
  local path = paths[req.path]
  if not path then return send(req, 404, { status = "not_found" }) end
  if req.method ~= "GET" and req.method ~= "HEAD" then
    return send(req, 405, { status = "method_not_allowed" }, { Allow = "GET, HEAD" })
  end
  path(self, req)
end

--- For target.beside: answers what has come. What was answered is sent by the poll after it.
function Port:run()
  repeat
    local list = fail.try(self.server:poll(0))
    for _, req in ipairs(list) do answer(self, req) end
  until #list == 0
end

--- For target.beside.
function Port:fd()
  return self.server:fd()
end

function Port:number()
  return self.server:port()
end

function Port:url()
  return M.url(self.address, self:number())
end

--- Ends it; who still waits is hung up.
function Port:close()
  beside.drop(self)
  if self.round then self.round:cancel() end
  self.server:close()
end

--- Listens, within task.run; see the head of this file.
function M.serve(options)
  local address, port = options.address or M.ADDRESS, options.port or M.PORT
  local listening, why, code = server.listen { host = address, port = port, body_bytes = LIMITS.body_bytes,
    connections = LIMITS.connections, idle_s = LIMITS.idle_s }
  if not listening then
    fail(code, "health: " .. why, "it needs an address of this machine and a port that nobody else uses; "
      .. "BATON_HEALTH_CHECK_BIND_ADDRESS and BATON_HEALTH_CHECK_PORT choose others")
  end
  local self = setmetatable({ server = listening, address = address, connectors = options.connectors,
    ready = options.ready, validate = options.validate, patience_s = options.patience_s or PATIENCE_S,
    asking = {} }, Port)
  beside.add(self)
  return self
end

return M

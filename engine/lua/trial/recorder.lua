-- recorder: what a plugin asks in one run, and what it is answered, as it was on the wire.
--
--   local tape = recorder.open(session)     session (target/http) asks the true target
--   tape.url                                what the connector's own session is rerouted to
--   tape.exchanges                          { request = …, response = … }, in the order of the answers
--   tape.failure                            why nothing more is recorded, in words; nil
--   tape:close()                            ends the session too
--
-- At the URL is a server of ours on loopback, which asks the true target in the connector's place, once for each
-- request, and hands the answer on. The plugin takes the very path that it takes in a sync. Everything is held in
-- memory until it is redacted: nothing of it is ever written as it was.
local cassette = require "trial.cassette"
local fail = require "fail"
local secret = require "host.secret"
local server = require "host.server"
local task = require "target.task"

local M = {}
local Recorder = {}
Recorder.__index = Recorder

local MAX_BYTES = 256 << 20

-- Headers that are about the connection, not about what was asked.
local own = {}
for name in ("host connection content-length transfer-encoding accept-encoding reeve-origin expect te"):gmatch("%S+") do
  own[name] = true
end

-- Headers of an answer that a plugin may go by; others are not kept.
local kept = {}
for name in ("content-type link location retry-after etag last-modified"):gmatch("%S+") do kept[name] = true end
local KEPT_PATTERNS = { "^x%-ratelimit", "^ratelimit", "^x%-total", "^x%-next", "^x%-page", "^x%-per%-page" }

local function is_kept(name)
  if kept[name] then return true end
  for _, pattern in ipairs(KEPT_PATTERNS) do
    if name:find(pattern) then return true end
  end
  return false
end

local function chosen_headers(headers)
  local chosen = {}
  for name, value in pairs(headers) do
    if is_kept(name) then chosen[name] = value end
  end
  return next(chosen) and chosen or nil
end

-- What is secret stays so on its way: a redirect to another host must lose it here too.
local function passed_on(headers)
  local list = {}
  for name, value in pairs(headers) do
    if not own[name] then list[name] = secret.scrub(value) ~= value and secret.new(value) or value end
  end
  return list
end

local function ask(self, req, url)
  local request, message = self.client:start { method = req.method, url = url, headers = passed_on(req.headers),
    body = #req.body > 0 and req.body or nil, repeatable = false }
  if not request then return nil, message end
  local ok, why = request:wait()
  if not ok then return nil, why end
  local body, reason = request:body()
  if not body then return nil, reason end
  return { status = request:status(), headers = request:headers(), body = body }
end

local function account(self, req, url, answer)
  self.bytes = self.bytes + #req.body + #answer.body
  if self.bytes > MAX_BYTES then
    self.failure = ("more than %d MiB were recorded; choose a smaller target"):format(MAX_BYTES >> 20)
  end
  local request = cassette.body(req.body, req.headers["content-type"])
  request.method, request.url = req.method, url
  local response = cassette.body(answer.body, answer.headers["content-type"])
  response.status, response.headers = answer.status, chosen_headers(answer.headers)
  self.exchanges[#self.exchanges + 1] = { request = request, response = response }
end

local function pass(self, req)
  local url = req.headers["reeve-origin"] .. req.target
  local answer, why = ask(self, req, url)
  if answer then account(self, req, url, answer) end
  if not answer or self.failure then
    self.failure = self.failure or why
    return fail.try(req:reply(502, nil, "", { cut = true }))
  end
  local headers = {}
  for name, value in pairs(answer.headers) do
    if not own[name] and name ~= "content-encoding" then headers[name] = value end
  end
  fail.try(req:reply(answer.status, headers, answer.body))
end

--- Opens one; see the head of this file.
function M.open(session)
  local self = setmetatable({ server = fail.try(server.listen { host = "127.0.0.1" }), client = session.client,
    session = session, exchanges = {}, bytes = 0, real_time = true }, Recorder)
  self.url = "http://127.0.0.1:" .. self.server:port()
  task.beside(self)
  return self
end

--- For task.beside.
function Recorder:fd()
  return self.server:fd()
end

--- For task.beside: begins to pass on what has come.
function Recorder:run()
  for _, req in ipairs(fail.try(self.server:poll(0))) do
    task.spawn(pass, { args = { self, req }, detached = true, name = "record" })
  end
end

--- Ends it.
function Recorder:close()
  task.beside(nil)
  self.session:close()
  self.server:close()
end

return M

-- conductorone: the stand-in of conductorone.js, started, steered and asked.
--
--   local it = conductorone.it(it, pending)     where it cannot be run each test is skipped, and says so
--   local c1 = conductorone.start { next_poll = 0.1, http1 = true }
--   c1.env                       what `reeve c1` is started with: BATON_CLIENT_ID … SSL_CERT_FILE
--   c1:task { kind = "sync_full", payload = { … } }      puts a task in the queue: its id  (conductorone/tasks.js)
--   c1:again(id)  c1:cancel(id)
--   c1:fault { method = "GetTask", times = 2, grpc = { code = 14 } }                        (conductorone/faults.js)
--   c1:wait { event = "finished", task = id }            the first such event behind the last one waited for
--   c1:events { … }              all events that are so;  c1:violations() of them what may never be, and forgives them
--   c1:set { next_heartbeat = 1 }  c1:revoke()  c1:client("other"): { id, secret, env }
--   c1:hang_up()  c1:away()  c1:back()   it closes all connections; and listens no more; it does again
--   c1:stop()                    raises where there was a violation that nobody asked for
-- An event fits a table when each of its fields does (a table within, too), and a function when it says so.
local reeve = require "reeve"

local M = {}
local ConductorOne = {}
ConductorOne.__index = ConductorOne

local SCRIPT = "spec/support/conductorone.js"
local HOST = "acme.example"
local OWN = { http1 = true, timeout = true }

--- Why it cannot be run; nil where it can.
function M.missing()
  local out, code = reeve.shell("node -p 'parseInt(process.versions.node)'")
  if code == 0 and tonumber(out) >= 18 then return nil end
  return "Node.js 18 or later is missing"
end

--- For busted's it: itself, or what skips each test with the reason.
function M.it(it, pending)
  local missing = M.missing()
  return missing and function(name) pending(name .. ": " .. missing) end or it
end

local certificate

local function environment(self, client)
  return { BATON_CLIENT_ID = client.id, BATON_CLIENT_SECRET = client.secret, BATON_C1_API_HOST = self.address,
    BATON_HOST_ID = "host-1", SSL_CERT_FILE = self.certificate.ca }
end

--- Starts it. options: http1, timeout (seconds of its life), and settings. All of this process have one certificate.
function M.start(options)
  options = options or {}
  certificate = certificate or reeve.certificate()
  local tls = certificate
  local uploads = reeve.folder("uploads")
  local self = setmetatable({ certificate = tls, uploads = uploads, seen = 0, list = {}, read = 0 }, ConductorOne)
  self.process = reeve.start { program = "node", SCRIPT, timeout = options.timeout or 160,
    stderr = reeve.path("c1-err"),
    reeve.encode { cert = tls.cert, key = tls.key, uploads = uploads, host = HOST, http1 = options.http1 } }
  local listening = reeve.json(self.process:await("([^\n]*\"listening\"[^\n]*)\n"))
  self.port, self.control = math.tointeger(listening.port), "http://127.0.0.1:" .. math.tointeger(listening.control)
  self.id, self.secret = listening.client.id, listening.client.secret
  self.address = "127.0.0.1:" .. self.port
  self.url = "https://" .. self.address
  self.env = environment(self, listening.client)
  local settings = {}
  for name, value in pairs(options) do
    if not OWN[name] then settings[name] = value end
  end
  if next(settings) then self:set(settings) end
  return self
end

local function act(self, name, fields)
  local body = { ["do"] = name }
  for key, value in pairs(fields or {}) do body[key] = value end
  local status, text = reeve.http { url = self.control, body = reeve.encode(body) }
  local answer = reeve.json(text)
  if status ~= 200 then error(("%s: %s"):format(name, answer.problem), 3) end
  return answer
end

function ConductorOne:task(spec)
  local whole = { client = self.id }
  for key, value in pairs(spec) do whole[key] = value end
  return act(self, "task", whole).id
end

function ConductorOne:again(id) act(self, "again", { id = id }) end
function ConductorOne:cancel(id) act(self, "cancel", { id = id }) end
function ConductorOne:fault(fault) act(self, "fault", fault) end
function ConductorOne:clear() act(self, "clear") end
function ConductorOne:set(settings) act(self, "set", settings) end
function ConductorOne:revoke() act(self, "revoke") end
function ConductorOne:hang_up() act(self, "hang_up") end
function ConductorOne:away() act(self, "away") end
function ConductorOne:back() act(self, "back") end

--- One client more: { id, secret, env }.
function ConductorOne:client(name)
  local client = act(self, "client", { name = name })
  client.env = environment(self, client)
  return client
end

-- Reads what was printed since the last time.
local function refresh(self)
  local file <close> = assert(io.open(self.process.out_path, "rb"))
  file:seek("set", self.read)
  for line in file:lines("L") do
    if line:sub(-1) ~= "\n" then break end
    self.read = self.read + #line
    self.list[#self.list + 1] = reeve.json(line)
  end
end

local function fits(event, pattern)
  if type(pattern) == "function" then return pattern(event) end
  if type(pattern) ~= "table" then return event == pattern end
  if type(event) ~= "table" then return false end
  for name, value in pairs(pattern) do
    if not fits(event[name], value) then return false end
  end
  return true
end

--- All events so far, in order; those that fit, where a pattern is given.
function ConductorOne:events(pattern)
  refresh(self)
  local found = {}
  for _, event in ipairs(self.list) do
    if not pattern or fits(event, pattern) then found[#found + 1] = event end
  end
  return found
end

--- Waits for an event that fits, behind the last one that was waited for, and returns it. Where c1.watched is set,
-- to a process of reeve.start's, its end is the end of all waiting.
function ConductorOne:wait(pattern, seconds)
  local what = type(pattern) == "table" and reeve.encode(pattern) or "an event"
  return reeve.await(function()
    refresh(self)
    for i = self.seen + 1, #self.list do
      if fits(self.list[i], pattern) then
        self.seen = i
        return self.list[i]
      end
    end
    if not reeve.alive(self.process.pid) then error("the stand-in ended: " .. self:trouble()) end
    local watched = self.watched
    if watched and not reeve.alive(watched.pid) then error("it ended: " .. (reeve.read(watched.err_path) or "")) end
  end, what .. " from ConductorOne", seconds or 30)
end

--- Forgets what was waited for: the next wait looks at all events again.
function ConductorOne:rewind()
  self.seen = 0
end

--- What the program did that it may never do: a list of sentences. Who asks for them has seen them.
function ConductorOne:violations()
  local texts = {}
  for i, event in ipairs(self:events { event = "violation" }) do
    texts[i] = ("%s: %s"):format(event.method, event.what)
    event.event = "forgiven"
  end
  return texts
end

-- What it printed as an error.
function ConductorOne:trouble()
  return reeve.read(self.process.spec.stderr) or ""
end

--- Ends it; a violation that was not asked for is an error.
function ConductorOne:stop()
  local texts = self:violations()
  self.process:kill("TERM")
  self.process:wait()
  local trouble = self:trouble()
  if trouble ~= "" then texts[#texts + 1] = trouble end
  if #texts > 0 then error("ConductorOne saw violations:\n" .. table.concat(texts, "\n"), 2) end
end

return M

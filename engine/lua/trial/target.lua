-- target: what answers a trial in the target's place, on loopback and in this process: its requests are
-- served between two polls of target.task, so that one loop asks and answers, and no process is started.
--
--   local target = targets.open(answer)    answer(req) -> status, headers, body, as a simulator's
--   target.url                   what the session is rerouted to
--   target:watch(fn)             counts anew; fn(n, line, req), where there is one, sees each request before it is
--                                answered, and may return what goes wrong with it (see `faults`)
--   target.asked, target.log     how many requests there were, and their lines ("GET https://api.example.com/users")
local fail = require "fail"
local http = require "host.server"
local json = require "host.json"
local task = require "target.task"

local M = {}
local Target = {}
Target.__index = Target

local HTML = "<!doctype html>\n<title>Sign in</title>\n<h1>Please sign in</h1>\n"

local function status(n, headers)
  return function()
    return n, headers or {}, '{"error":{"code":' .. n .. ',"message":"told to fail"}}'
  end
end

-- The same document with nothing in its lists.
local function emptied(value)
  if type(value) ~= "table" then return value end
  if #value > 0 then return json.array {} end
  for name, member in pairs(value) do value[name] = emptied(member) end
  return value
end

-- What may go wrong: name to a function (answer, req) that answers in place of `answer`.
local faults = {
  failure = status(500),
  throttled = status(429, { ["Retry-After"] = "30" }),
  forbidden = status(403),
  refused = status(401),
  html = function() return 200, { ["Content-Type"] = "text/html" }, HTML end,
  cut = function() return 200, nil, "", { cut = true } end,
  empty = function(answer, req)
    local code, headers, body = answer(req)
    local document = code == 200 and json.decode(body or "") or nil
    return code, headers, document and json.encode(emptied(document)) or body
  end,
  truncated = function(answer, req)
    local code, headers, body = answer(req)
    return code, headers, body, { truncate = #(body or "") // 2 }
  end,
}

function M.open(answer)
  local server = fail.try(http.listen { host = "127.0.0.1" })
  local self = setmetatable({ server = server, answer = answer, url = "http://127.0.0.1:" .. server:port() }, Target)
  self:watch(nil)
  task.beside(self)
  task.set_ahead(true)
  return self
end

function Target:watch(fn)
  self.watcher, self.asked, self.log = fn, 0, {}
end

--- For task.beside.
function Target:fd()
  return self.server:fd()
end

local function line_of(req)
  return ("%s %s%s"):format(req.method, req.headers["reeve-origin"] or "", req.path)
end

local function reply(self, req)
  local line = line_of(req)
  self.asked = self.asked + 1
  self.log[self.asked] = line
  local fault = self.watcher and self.watcher(self.asked, line, req)
  local answer = fault and faults[fault] or nil
  local code, headers, body, options
  if answer then
    code, headers, body, options = answer(self.answer, req)
  else
    code, headers, body, options = self.answer(req)
  end
  fail.try(req:reply(code, headers, body, options))
end

--- For task.beside: answers what has come. What was answered is sent by the poll after it.
function Target:run()
  repeat
    local list = fail.try(self.server:poll(0))
    for _, req in ipairs(list) do reply(self, req) end
  until #list == 0
end

--- Ends it.
function Target:close()
  task.apart(self)
  task.set_ahead(false)
  self.server:close()
end

return M

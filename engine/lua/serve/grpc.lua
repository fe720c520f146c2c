-- grpc: calls of ConductorOne's BatonService over HTTP/2.
--
--   local channel = grpc.channel { client = a client of host.http, origin = "https://host[:port]", token = …,
--     agent = "NAME reeve/1.0" }
--   channel:call("GetTask", { host_id = … } [, { deadline_s = 120 }]) -> response | nil, problem
--   channel:upload(host_id, task_id, path) -> true | nil, problem
--
-- problem: as status.lua makes it, and where ConductorOne gave some, details: a list of Any
-- token:get() -> the authorization header's value, a secret | nil, problem · token:forget()
--
-- Both run in tasks and try once, but for a token that is refused: with a fresh one they try once more.
local asset = require "host.asset"
local encoded = require "encoded"
local harmless = require("ui.text").harmless
local messages = require "c1.messages"
local status = require "serve.status"
local task = require "target.task"
local wire = require "host.wire"

local M = {}
local Channel = {}
Channel.__index = Channel

local PACKAGE <const> = "c1.connectorapi.baton.v1."
local HEADER <const> = 5 -- bytes before a message: a flag, and its length
local MESSAGE_MAX <const> = 4 * 1024 * 1024
local ANSWER_S <const> = 120 -- for a call of one message: silence alone never ends an answer that trickles in
local TOLD_MAX <const>, DETAILS_MAX <const> = 1024, 8 * 1024 -- bytes of a server's words, and details, that are told
local code <const>, problem <const> = status.code, status.problem

--- A channel. Nothing is connected before the first call.
function M.channel(spec)
  return setmetatable({ client = spec.client, origin = spec.origin, token = spec.token, agent = spec.agent,
    uploads = 0 }, Channel)
end

-- What the server says ----------------------------------------------------------------------------------

-- google.rpc.Status in grpc-status-details-bin, where it is one.
local function details_of(fields)
  local text = fields["grpc-status-details-bin"] or ""
  local bytes = #text <= DETAILS_MAX and encoded.from_base64(text)
  return bytes and bytes ~= "" and wire.decode(messages, "google.rpc.Status", bytes) or {}
end

-- nil for OK, else the problem. fields: the trailers, or the headers where these end the answer.
local function problem_of(who, fields)
  local text = fields["grpc-status"]
  local number = text:match("^%d%d?$") and tonumber(text)
  if number == code.OK then return nil end
  if not status.name[number] then
    return problem(code.UNKNOWN, ("%s: its grpc-status is '%s', which is none"):format(who, harmless(text, 20)))
  end
  local rich = details_of(fields)
  local said = fields["grpc-message"] and encoded.decode(fields["grpc-message"]) or rich.message or ""
  said = said == "" and "refused" or harmless(said, TOLD_MAX)
  local p = problem(number, ("%s: %s (%s)"):format(who, said, status.name[number]))
  p.details = rich.details
  return p
end

-- A problem where these bytes begin a frame that is not read.
local function frame_refused(who, bytes)
  if #bytes < HEADER then return problem(code.INTERNAL, who .. ": the answer has no message") end
  local flag, len = (">BI4"):unpack(bytes)
  if flag ~= 0 then
    return problem(code.INTERNAL, who .. ": the answer is compressed, which was not asked for")
  elseif len > MESSAGE_MAX then
    return problem(code.RESOURCE_EXHAUSTED,
      ("%s: the answer's message has %d bytes; at most 4 MiB are read"):format(who, len))
  end
end

-- The message of a body that is one frame, or nil and a problem.
local function unframe(who, body)
  local refused = frame_refused(who, body)
  if refused then return nil, refused end
  local len = (">I4"):unpack(body, 2)
  if #body == HEADER + len then return body:sub(HEADER + 1) end
  local what = #body < HEADER + len and "the answer's message is cut off" or "the answer has more than one message"
  return nil, problem(code.INTERNAL, ("%s: %s"):format(who, what))
end

-- Does a gRPC server answer?
local function stranger(request, headers, who)
  local http, kind = request:status(), headers["content-type"] or "none"
  if http ~= 200 then
    return problem(status.of_http(http), ("%s: it answered %d, without a word of gRPC"):format(who, http), true)
  end
  if not kind:find("^application/grpc%f[;+\0]") then
    return problem(code.UNKNOWN, ("%s: what answers there does not speak gRPC (its content-type is %s)")
      :format(who, harmless(kind, 100)), true)
  end
end

-- An answer without a grpc-status. A server that is going away still answers, but its trailers may be lost on the way
-- (`severed`): then a whole message means OK, since a refusal has none, and without one it may be tried again.
local function without_status(who, body, severed)
  local message = severed and unframe(who, body)
  if message then return message end
  return nil, problem(severed and code.UNAVAILABLE or code.UNKNOWN, who .. ": the answer ended without a grpc-status",
    true)
end

-- What ended a request before the answer did: the network, or the file that was being sent.
local function lost(request, who, message, why)
  local shown = request:shown()
  if message:sub(1, #shown) == shown then message = who .. message:sub(#shown + 1) end
  if why == "storage" then return problem(status.of_fail(why), message) end
  return problem(code.UNAVAILABLE, message, true)
end

-- Waits for the answer: its message, or nil and a problem. What the server said counts even where the connection ended
-- before all of the request was sent.
local function answer(request, who)
  local ok, message, why = request:wait()
  if not ok then return nil, lost(request, who, message, why) end
  local headers = request:headers()
  if headers["grpc-status"] then return nil, problem_of(who, headers) or frame_refused(who, "") end
  local wrong = stranger(request, headers, who)
  if wrong then return nil, wrong end
  local start = request:start_of_body(HEADER)
  wrong = #start == HEADER and frame_refused(who, start)
  if wrong then return nil, wrong end
  local body
  body, message, why = request:body()
  local trailers, severed = request:trailers()
  wrong = trailers["grpc-status"] and problem_of(who, trailers)
  if wrong then return nil, wrong end
  if not body then return nil, lost(request, who, message, why) end
  if not trailers["grpc-status"] then return without_status(who, body, severed) end
  return unframe(who, body)
end

-- Asking ------------------------------------------------------------------------------------------------

local function headers_of(self, authorization, deadline_s)
  return {
    ["content-type"] = "application/grpc", te = "trailers", authorization = authorization,
    ["user-agent"] = self.agent, ["grpc-timeout"] = deadline_s and ("%dm"):format(math.ceil(deadline_s * 1000)),
  }
end

-- One try. While a file is being sent other requests begin connections of their own: on the file's they would wait
-- behind all that the server has not read of it.
local function try(self, method, body, deadline_s)
  local authorization, refused = self.token:get()
  if not authorization then return nil, refused end
  local begun = task.now()
  local request <close>, message = self.client:start {
    method = "POST", url = ("%s/%sBatonService/%s"):format(self.origin, PACKAGE, method), http2 = true,
    headers = headers_of(self, authorization, deadline_s), body = body, deadline_s = deadline_s,
    body_bytes = MESSAGE_MAX + HEADER, repeatable = self.uploads == 0,
  }
  if not request then return nil, problem(code.UNAVAILABLE, message, true) end
  local got, wrong = answer(request, ("%s at %s"):format(method, self.origin:match("//(.*)")))
  if wrong and wrong.transport and deadline_s and task.now() - begun >= deadline_s then
    wrong.code, wrong.name = code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"
  end
  return got, wrong
end

-- `fn` once, and once more with another token where the first was refused.
local function with_token(self, fn)
  local got, wrong = fn()
  if got or wrong.code ~= code.UNAUTHENTICATED then return got, wrong end
  self.token:forget()
  return fn()
end

local function decode(name, bytes, who)
  local response, message = wire.decode(messages, name, bytes)
  if response then return response end
  return nil, problem(code.INTERNAL, ("%s: the answer cannot be read: %s"):format(who, message))
end

--- Calls a method with one message.
function Channel:call(method, request, options)
  local deadline_s = options and options.deadline_s or ANSWER_S
  local name = PACKAGE .. "BatonService" .. method
  local bytes, message = wire.encode(messages, name .. "Request", request)
  if not bytes then return nil, problem(code.INTERNAL, ("%s cannot be asked: %s"):format(method, message)) end
  local frame = (">BI4"):pack(0, #bytes) .. bytes
  local got, wrong = with_token(self, function() return try(self, method, frame, deadline_s) end)
  if not got then return nil, wrong end
  return decode(name .. "Response", got, method)
end

-- One whole stream, from the file's beginning.
local function send_file(self, host_id, task_id, path)
  local file <close>, message, why = asset.open(path, host_id, task_id)
  if not file then return nil, problem(status.of_fail(why), message) end
  local _ <close> = setmetatable({}, { __close = function() self.uploads = self.uploads - 1 end })
  self.uploads = self.uploads + 1
  return try(self, "UploadAsset", file)
end

--- Sends a file as a task's asset: one stream, from its beginning.
function Channel:upload(host_id, task_id, path)
  local got, wrong = with_token(self, function() return send_file(self, host_id, task_id, path) end)
  if not got then return nil, wrong end
  local response, unread = decode(PACKAGE .. "BatonServiceUploadAssetResponse", got, "UploadAsset")
  return response and true, unread
end

return M

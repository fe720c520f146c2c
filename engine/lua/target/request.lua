-- request: one request of a session (http.lua), from what a plugin said to the answer: paced, with its
-- credential, repeated where that is safe and makes sense (retry.lua), and raised where it fails as
-- { status, code, message, url }.
--
--   local ask = request.prepare(session, "GET", "/users", { query = … })       raises text for a mistake in it
--   ask.classify = fn                          what its answers mean, where there is one
--   local res = request.send(session, ask)                                  in a task
local auth = require "target.auth"
local body = require "target.body"
local conditional = require "target.conditional"
local contract = require "contract.contract"
local fail = require "fail"
local host = require "host.http"
local log = require "log"
local refusal = require "target.refusal"
local response = require "target.response"
local retry = require "target.retry"
local sys = require "host.sys"
local task = require "target.task"
local shape = require "shape"
local url = require "target.url"

local M = {}

local known_options = contract.group("request").by

local function check_options(options)
  local life = options.timeout_s
  if life ~= nil and not (type(life) == "number" and life > 0) then
    error(("timeout_s: seconds expected, got %s"):format(shape.show(life)), 0)
  end
  for name in pairs(options) do
    if not known_options[name] then
      local names = table.concat(contract.names "request", " ")
      error(("'%s' is not an option of a request (%s)"):format(tostring(name), names), 0)
    end
  end
end

-- The plugin's own headers, with those that it has not said.
local function headers_of(options, content_type)
  local headers, said = {}, {}
  for name, value in pairs(options.headers or {}) do
    headers[name], said[name:lower()] = value, true
  end
  if not said.accept then headers.Accept = "application/json" end
  if content_type and not said["content-type"] then headers["Content-Type"] = content_type end
  return headers, said.authorization
end

-- Whose credential goes along: the one that is asked for; else the session's, to the origin of base_url.
local function auth_of(session, options, origin, said)
  if options.auth == false then return nil end
  if auth.is(options.auth) then return options.auth end
  if options.auth == true then return session.default_auth end
  if options.auth ~= nil then error("auth: one of ctx.auth's, true or false expected", 0) end
  if said or session.base_origin and session.base_origin ~= origin then return nil end
  return session.default_auth
end

local function check_conditional(options, method, headers)
  if not options.conditional then return end
  if method ~= "GET" then error("conditional: only a GET can be", 0) end
  for name in pairs(headers) do
    local lower = name:lower()
    if lower == "if-none-match" or lower == "if-modified-since" then
      error(("headers: %s is set by conditional"):format(name), 0)
    end
  end
end

local function raise(ask, fields)
  local failure = refusal.failure(fields, ask.shown)
  error(failure, 0)
end

--- What is to be asked, from what the plugin said.
function M.prepare(session, method, path, options)
  check_options(options)
  local plain = url.join(session.base_url, url.fill(path, options.path))
  local parsed, message, code = host.parse(plain)
  if code == "no_memory" then raise({ shown = method }, { code = code, message = message }) end
  if not parsed then error(("%s '%s': %s"):format(method, path, message), 0) end
  local content, content_type = body.of(options)
  local headers, said = headers_of(options, content_type)
  check_conditional(options, method, headers)
  return {
    method = method, url = url.with_query(plain, options.query), shown = method .. " " .. parsed.shown,
    host = parsed.host, headers = headers, body = content, timeout_s = options.timeout_s,
    repeatable = retry.may_repeat(method, options.idempotent), raise = options.raise ~= false,
    auth = auth_of(session, options, parsed.origin, said), conditional = options.conditional == true,
  }
end

-- Waits until this host may be asked again: its bucket, and what it has asked for itself.
local function pace(session, name)
  if session.rate and not session.buckets[name] then
    session.buckets[name] = host.bucket(session.rate.requests, session.rate.per_s)
  end
  local bucket = session.buckets[name]
  local wait = math.max(bucket and bucket:take() or 0, (session.held[name] or 0) - task.now())
  if wait > 0 then
    session.throttled = session.throttled + wait
    task.sleep(wait)
  end
end

-- One try: an answer whose headers are in, or nil, message, code.
local function try(session, ask)
  pace(session, ask.host)
  ask.began = ask.began or task.now()
  local headers = {}
  for name, value in pairs(ask.headers) do headers[name] = value end
  if ask.auth then ask.used = auth.apply(ask.auth, headers) end
  local request, message, code = session.client:start { method = ask.method, url = ask.url, headers = headers,
    body = ask.body, timeout_s = ask.timeout_s, repeatable = ask.repeatable }
  if not request then return nil, message, code end
  local ok
  ok, message, code = request:wait()
  if session.tap then session.tap(ask, headers, ok and request or nil) end
  if not ok then return nil, message, code end
  return response.new(request)
end

local function is_success(res)
  return res.status >= 200 and res.status < 300
end

-- What an answer means: "ok", "fail" with message and code, or "retry" with seconds.
local function judge(ask, res)
  if ask.classify then
    local verdict, detail, code = ask.classify(res)
    if verdict == "ok" or verdict == "fail" or verdict == "retry" then return verdict, detail, code end
    if verdict ~= nil then
      error(('classify: "ok", "retry" or "fail" expected, got %s'):format(tostring(verdict)), 0)
    end
  end
  if is_success(res) then return "ok" end
  return retry.is_passing(res.status) and "retry" or "fail"
end

-- May it be tried again, and when? The seconds, or nil and why not.
local function next_try(session, ask, asked)
  if not ask.repeatable then return nil end
  local spent = task.now() - ask.began
  local wait = asked or retry.backoff(ask.tries, session.random)
  if spent + wait > session.retry_s then
    if asked then return nil, ("it asks to wait %.0f s"):format(asked) end
    return nil
  end
  return wait
end

local function tried(ask, why)
  local text = ""
  if ask.tries > 1 then text = ("; tried %d times in %.0f s"):format(ask.tries, task.now() - ask.began) end
  if why then text = text .. "; " .. why .. ", http.retry_s allows less" end
  return text
end

-- Waits for the next try. All requests to the host wait where the target asked for it.
local function wait_for_next(session, ask, seconds, asked, reason)
  session.retries = session.retries + 1
  log.debug("request repeated", { request = ask.shown, tries = ask.tries,
    wait_s = math.floor(seconds * 1000) / 1000,
    reason = reason })
  if asked then session.held[ask.host] = math.max(session.held[ask.host] or 0, task.now() + asked) end
  if reason == "429" or reason == "throttled" then session.throttled = session.throttled + seconds end
  task.sleep(seconds)
end

-- No answer came.
local function without_answer(session, ask, message, code)
  if code == "cut" then code = "unavailable" end
  local wait, why
  if code == "unavailable" then wait, why = next_try(session, ask) end
  if wait then return wait_for_next(session, ask, wait, nil, message) end
  if code == "config" then fail(code, message) end
  raise(ask, { code = code, message = message .. tried(ask, why) })
end

local function message_of(ask, res, words, code)
  local told = refusal.told(res.status, words)
  if code ~= "credentials" then return ("%s: it answered %s"):format(ask.shown, told) end
  local whose = ask.auth and " (" .. auth.names(ask.auth) .. ")" or ""
  local what = "the target refuses the credential%s"
  if res.status == 403 then what = "the credential%s may not do this" end
  return ("%s: %s: it answered %s"):format(ask.shown, what:format(whose), told)
end

-- An answer that is not to be repeated and no success.
local function refuse(ask, res, message, code, why)
  local words = not message and refusal.words(response.request(res), res.headers) or nil
  code = code or refusal.code(res.status)
  message = message and ask.shown .. ": " .. message or message_of(ask, res, words, code)
  message = message .. tried(ask, why)
  local failure = refusal.failure({ status = res.status, code = code, message = message }, ask.shown)
  failure.words, failure.tried, failure.tries = words, ask.shown, ask.tries
  response.request(res):cancel()
  error(failure, 0)
end

-- An answer came: returned, or nil for another try, or raised.
local function with_answer(session, ask, res)
  if res.status == 401 and ask.auth and not ask.renewed then
    ask.renewed = true
    if auth.renew(ask.auth, ask.used) then
      response.request(res):cancel()
      ask.tries = ask.tries - 1
      return nil
    end
  end
  if ask.auth and res.status < 300 then auth.taken(ask.auth, ask.used) end
  res = conditional.answer(session, ask, res)
  if not res then return nil end
  local verdict, detail, code = judge(ask, res)
  if verdict == "ok" then return res end
  local why
  if verdict == "retry" then
    local asked = tonumber(detail) or retry.asked(res.status, res.headers, sys.now())
    local wait
    wait, why = next_try(session, ask, asked)
    if wait then
      response.request(res):cancel()
      return wait_for_next(session, ask, wait, asked, code or tostring(res.status))
    end
    if is_success(res) then detail, code = "it still says to come back later", "throttled" end
  end
  if not ask.raise and not code then return res end
  return refuse(ask, res, type(detail) == "string" and detail or nil, code, why)
end

--- Sends it until there is an answer, which is returned, or no hope.
function M.send(session, ask)
  ask.tries = 0
  conditional.begin(session, ask)
  while true do
    ask.tries = ask.tries + 1
    local res, message, code = try(session, ask)
    if res then
      res = with_answer(session, ask, res)
      if res then return res end
    else
      without_answer(session, ask, message, code)
    end
  end
end

return M

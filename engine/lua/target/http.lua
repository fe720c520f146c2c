-- http: the session of one connector with its target, and what plugins see of it as ctx.http.
--
--   local session = require("target.http").session { name = …, manifest = …, settings = …,
--     options = connector.options, ledger = …, ctx = …, sandbox = "plugins/acme/connector.lua", version = "0.1.0",
--     reroute = "http://127.0.0.1:PORT" of a simulator that answers in the target's place, or nil }
--   session.auth, session.hmac   ctx.auth, ctx.hmac
--   session:attach(result)       takes what M.http(ctx) returned: { base_url, auth, classify }
--   session:open(bare, store)    ctx.http, for one page, check …: :get :post :put :patch :delete
--   session:finish(ctx_http)     ends what that has left open; a message where an `each` was left unfinished
--   session:call(fn, what)       what the plugin's fn(ctx) returns, which makes a credential; in a task
--   session:stats()              { requests, bytes, retries, throttled_s, not_modified }
--   session:close()
--   session.tap                  nil, or fn(ask, headers, request) for each try: request is the api's, with its headers
--                                in, nil where no answer came; tokens that were kept are then not used (recorder.lua)
--
-- What a request does is request.lua's. It must run in a task.
local auth = require "target.auth"
local contract = require "contract.contract"
local fail = require "fail"
local host = require "host.http"
local request = require "target.request"
local response = require "target.response"
local secret = require "host.secret"
local task = require "target.task"

local M = {}
local Session = {}
Session.__index = Session

local MIB = 1024 * 1024

-- A session ---------------------------------------------------------------------------------------------

-- Hosts that the operator's settings name. A default is the plugin's own word, not the operator's.
local function named_hosts(manifest, settings)
  local hosts = {}
  for _, spec in ipairs(manifest.settings or {}) do
    local value = settings[spec.name]
    if (spec.kind == "url" or spec.kind == "host") and value and value ~= spec.default then
      local whole = spec.kind == "url" and value or "https://" .. value
      local parsed, message, code = host.parse(whole)
      if not parsed then fail(code, ("setting %s: %s"):format(spec.name, message)) end
      hosts[#hosts + 1] = parsed.host
    end
  end
  return hosts
end

--- Opens a session. Raises a config failure for certificates or URLs that cannot be used.
function M.session(spec)
  local options = spec.options or {}
  local http, limits = options.http or {}, options.limits or {}
  local client = fail.try(host.client {
    hosts = spec.manifest.hosts or {}, named = named_hosts(spec.manifest, spec.settings or {}),
    timeout_s = http.timeout_s, concurrency = http.concurrency, proxy = http.proxy, ca_file = http.ca_file,
    client_cert = http.client_cert, client_key = http.client_key,
    body_bytes = math.floor((limits.body_mb or 64) * MIB),
    element_bytes = math.floor((limits.element_mb or 1) * MIB),
    user_agent = "reeve/" .. (spec.version or "0"), reroute = spec.reroute,
  })
  local session = setmetatable({
    name = spec.name or "",
    client = client, rate = spec.manifest.rate, settings = spec.settings or {}, retry_s = http.retry_s or 120,
    ledger = spec.ledger, ctx = spec.ctx, sandbox = spec.sandbox, random = spec.random,
    buckets = {}, held = {}, retries = 0, throttled = 0, not_modified = 0,
  }, Session)
  session.auth, session.hmac = auth.new(session), auth.hmac(session)
  return session
end

local config_kinds = contract.bind("config", { base_url = "string", auth = "table", classify = "function" })

local function check_config(config)
  local function wrong(text, ...) fail("config", "M.http: " .. text:format(...)) end
  if type(config) ~= "table" then wrong("a table { base_url, auth, classify } must be returned") end
  for name, value in pairs(config) do
    local kind = config_kinds[name]
    if not kind then wrong("'%s' is not known (base_url, auth, classify)", tostring(name)) end
    if type(value) ~= kind then wrong("%s: a %s expected", name, kind) end
  end
  if config.auth and not auth.is(config.auth) then wrong("auth: one of ctx.auth's expected") end
end

--- Takes what M.http(ctx) returned.
function Session:attach(config)
  check_config(config)
  self.base_url, self.default_auth, self.classify = config.base_url, config.auth, config.classify
  if self.base_url then
    local parsed, message, code = host.parse(self.base_url)
    if not parsed then fail(code, "M.http: base_url: " .. message) end
    self.base_origin = parsed.origin
  end
end

-- The names of the settings whose values these are, for messages: "client_id, client_secret".
function Session:names_of(values)
  local names = {}
  for _, value in ipairs(values) do
    for name, setting in pairs(self.settings) do
      if setting == value or secret.is(setting) and secret.is(value) and secret.equal(setting, value) then
        names[#names + 1] = name
      end
    end
  end
  return #names > 0 and table.concat(names, ", ") or "that the plugin uses"
end

--- What it has cost so far.
function Session:stats()
  local stats = self.client:stats()
  return { requests = stats.requests, bytes = stats.bytes, retries = self.retries,
    throttled_s = self.throttled, not_modified = self.not_modified }
end

--- Ends all transfers. Nothing can be asked any more.
function Session:close()
  self.client:close()
end

--- Asks for the engine itself (a token), and returns the response. Nothing of the plugin runs in it.
function Session:ask(method, path, options)
  return request.send(self, request.prepare(self, method, path, options))
end

-- Asks for the plugin. Its mistakes are told at its line.
local function ask_for_plugin(session, method, path, options, store)
  local ok, ask = pcall(request.prepare, session, method, path, options or {})
  if not ok then error(ask, 3) end
  ask.classify, ask.store = session.classify, store
  return request.send(session, ask)
end

-- ctx.http --------------------------------------------------------------------------------------------------

local opened = setmetatable({}, { __mode = "k" }) -- ctx.http -> the responses that may be open

local MANY = 64

-- Keeps account of a response. Those that are over are forgotten, each time their number has doubled, so
-- that a page of many requests does not hold them all.
local function account(responses, res)
  if #responses >= responses.most then
    local open = {}
    for _, one in ipairs(responses) do
      if not response.request(one):over() then open[#open + 1] = one end
    end
    for i = 1, #responses do responses[i] = open[i] end
    responses.most = math.max(MANY, 2 * #open)
  end
  responses[#responses + 1] = res
  return res
end

-- The options of a request that has no credential unless it says one.
local function without_auth(options)
  options = options or {}
  if options.auth == true then error("auth: the credential that is being made cannot be asked for", 3) end
  local own = {}
  for name, value in pairs(options) do own[name] = value end
  own.auth = own.auth or false
  return own
end

--- ctx.http for one page: what it opens is ended by session:finish. `bare`: its requests carry no credential that
--- they do not name. `store`: what conditional requests are kept in (conditional.lua).
function Session:open(bare, store)
  local page, responses, session = {}, { most = MANY }, self
  for _, method in ipairs(contract.names "ctx.http") do
    local name = method:upper()
    page[method] = function(this, path, options)
      if this ~= page or type(path) ~= "string" then
        error(("ctx.http:%s(path_or_url, options) expected"):format(method), 2)
      end
      local res = ask_for_plugin(session, name, path, bare and without_auth(options) or options, store)
      return account(responses, res)
    end
  end
  opened[page] = responses
  return page
end

--- Ends what a page has left open. A message where an `each` was begun and not finished.
function Session:finish(page)
  local message
  for _, res in ipairs(opened[page] or {}) do
    local wire = response.request(res)
    if wire:unfinished() and not message then
      message = ("%s: the loop over its elements was left before its end"):format(tostring(res))
    end
    wire:cancel()
  end
  opened[page] = nil
  return message
end

--- Runs a plugin's function that makes a credential, with a ctx of its own: its requests carry none but those that
--- they name, since the session's may be the one that is being made.
function Session:call(fn, what)
  local ctx, page = {}, self:open(true)
  for name, value in pairs(self.ctx or {}) do ctx[name] = value end
  ctx.http = page
  local function told(...)
    local ok, why = ...
    if ok then return select(2, ...) end
    if type(why) == "string" then fail("config", why) end
    error(why, 0)
  end
  local function run(own) return told(pcall(fn, own)) end
  local t = task.spawn(run, { sandbox = ("%s, %s"):format(self.sandbox, what), args = { ctx } })
  local results = table.pack(pcall(t.join, t))
  local unfinished = self:finish(page)
  if results[1] and not unfinished then return table.unpack(results, 2, results.n) end
  if results[1] then fail("config", unfinished) end
  error(results[2], 0)
end

return M

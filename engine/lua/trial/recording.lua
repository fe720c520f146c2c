-- recording: a run of a connector as a cassette (cassette.lua): everything is fetched afresh into an empty state,
-- which is thrown away; nothing is published.
--
--   recording.make(home, connector, { progress = }) -> { text, exchanges = n, missed = n, counts = { kind = n } }
--
-- Raises where a known secret or an e-mail address is left in what would be written.
local cassette = require "trial.cassette"
local encoded = require "encoded"
local fail = require "fail"
local json = require "host.json"
local plan = require "sync.plan"
local recorder = require "trial.recorder"
local redact = require "trial.redact"
local secret = require "host.secret"

local M = {}

-- What the mapping says of people: their records.
local function collect_records(redaction, manifest, state, run)
  for change in fail.try(state:changes(0, run)) do
    local record = change.kind == "resource" and change.after and json.decode(change.after)
    local resource = record and manifest.resources[record.type]
    if resource and resource.trait == "user" then redaction:record(record) end
  end
end

local function collect_documents(redaction, exchanges)
  for _, exchange in ipairs(exchanges) do
    redaction:document(exchange.response.body)
    if exchange.request.body then redaction:document(exchange.request.body) end
  end
end

local function is_form(headers)
  for name, value in pairs(headers) do
    if name:lower() == "content-type" then return value:find("form-urlencoded", 1, true) ~= nil end
  end
  return false
end

-- A body as it can stand in JSON.
local function put_body(into, body)
  if utf8.len(body) then
    into.body = body
  else
    into.body_base64 = encoded.to_base64(body, "=")
  end
end

local function rewritten(redaction, exchange, n)
  local asked, answered = exchange.request, exchange.response
  local request = { method = asked.method, url = redaction:url(asked.url), headers = redaction:headers(asked.headers) }
  if asked.body then
    put_body(request, is_form(asked.headers) and redaction:form(asked.body) or redaction:body(asked.body))
  end
  local response = { status = answered.status, headers = redaction:headers(answered.headers) }
  put_body(response, redaction:body(secret.stand_in(redaction.names.key, answered.body)))
  return { n = n, request = request, response = response }
end

-- The names of the settings that hold this secret.
local function setting_of(settings, value)
  for name, setting in pairs(settings) do
    if secret.is(setting) and secret.equal(setting, value) then return "setting " .. name end
  end
  return "a token that was fetched"
end

local NO_STAND_IN = "it stands there in a form that cannot be replaced: take it out of the target's data, or record "
  .. "with settings that do not list it"

local function check(line, where, settings)
  local found = secret.holds(line)
  if found then
    fail("failed", ("nothing was written: the value of %s is left in %s"):format(setting_of(settings, found), where),
      NO_STAND_IN)
  end
  if redact.survivor(line) then
    fail("failed", ("nothing was written: an e-mail address is left in %s"):format(where), NO_STAND_IN)
  end
end

local function lines_of(taken, connector)
  local redaction, lines = taken.redaction, {}
  for n, exchange in ipairs(taken.exchanges) do
    lines[n + 1] = json.encode(rewritten(redaction, exchange, n))
    check(lines[n + 1], ("exchange %d, %s %s"):format(n, exchange.request.method,
      secret.scrub((exchange.request.url:gsub("%?.*", "")))), taken.settings)
  end
  lines[1] = json.encode { reeve_cassette = cassette.version, plugin = connector.plugin.name,
    version = connector.manifest.version, digest = connector.plugin.digest, exchanges = #taken.exchanges,
    settings = redaction:settings(taken.settings), ignore = json.array(cassette.volatile) }
  check(lines[1], "the settings", taken.settings)
  return lines
end

-- How many secrets there are stand-ins for: most were replaced where nobody counts.
local function count_secrets(text)
  local seen, n = {}, 0
  for stand_in in text:gmatch("secret%-" .. ("%x"):rep(16)) do
    if not seen[stand_in] then seen[stand_in], n = true, n + 1 end
  end
  return n > 0 and n or nil
end

--- Records; see the head of this file.
function M.make(home, connector, options)
  local taken = recorder.new()
  plan.run(home, connector, { empty = true, progress = options.progress,
    on_session = function(session) taken:attach(session) end }, function(state, run)
    collect_records(taken.redaction, connector.manifest, state, run.run)
  end)
  taken:finish()
  collect_documents(taken.redaction, taken.exchanges)
  local lines = lines_of(taken, connector)
  local text, counts = table.concat(lines, "\n") .. "\n", taken.redaction.counts
  counts.secret = count_secrets(text)
  return { text = text, exchanges = #taken.exchanges, missed = taken.missed, counts = counts }
end

return M

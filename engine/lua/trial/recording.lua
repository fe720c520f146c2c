-- recording: one run of a connector as a cassette.
--
--   recording.run(home, connector, { progress = }) -> { text, exchanges = n, told = "3 tokens, …" }
--
-- The run begins from nothing (no state, no token that was kept) in a folder of its own, and publishes nothing that
-- anybody sees. Raises where it failed, and where something secret would be left in the text.
local cassette = require "trial.cassette"
local fail = require "fail"
local json = require "host.json"
local recorder = require "trial.recorder"
local redact = require "trial.redact"
local secret = require "host.secret"
local sync = require "sync.sync"
local sys = require "host.sys"

local M = {}

-- The session that asks the true target.
local function true_session(connector)
  return require("target.http").session { name = connector.name, manifest = connector.manifest,
    settings = connector.settings, options = connector.options, version = require "version",
    sandbox = connector.plugin.shown }
end

local function users_of(state, manifest, fn)
  for type, resource in pairs(manifest.resources) do
    if resource.trait == "user" then
      for text in fail.try(state:records("resource", type)) do fn(json.decode(text)) end
    end
  end
end

-- Runs the connector on a state of its own. fn(state) is called while it exists.
local function run_in(home, connector, dir, options, fn)
  fail.try(sys.mkdir_p(dir, 448))
  local state = sync.open_state(home, dir)
  local result = sync.run_on(home, connector, state, { fresh = true, allow_empty = true, keep_state = true,
    progress = options.progress })
  fn(state)
  state:close()
  return result
end

local function refuse_survivors(text, exchanges)
  local number = -1
  for line in text:gmatch("[^\n]+") do
    number = number + 1
    local where = exchanges[number] and ("%s %s"):format(exchanges[number].request.method,
      exchanges[number].request.url:match("^[^?]*")) or "its first line"
    local email = redact.survivor(line)
    if secret.scrub(line) ~= line then
      fail("failed", ("a secret of this connector is left in exchange %d (%s); nothing was written"):format(number,
        where))
    elseif email then
      fail("failed", ("an e-mail address is left in exchange %d (%s); nothing was written"):format(number, where))
    end
  end
end

local function secret_settings(connector)
  local stand_ins = {}
  for name in pairs(connector.references) do stand_ins[name] = "redacted-" .. name:gsub("_", "-") end
  return stand_ins
end

local function redacted(connector, exchanges, people)
  local redaction = redact.new()
  local values = connector:resolve_secrets()
  for name, stand_in in pairs(secret_settings(connector)) do redaction:setting(values[name], stand_in) end
  for _, record in ipairs(people) do redaction:people(record) end
  for _, exchange in ipairs(exchanges) do redaction:look(exchange) end
  local out = {}
  for i, exchange in ipairs(exchanges) do out[i] = redaction:write(exchange) end
  local settings = redaction:settings(connector.settings)
  for name, stand_in in pairs(secret_settings(connector)) do settings[name] = stand_in end
  local text = cassette.text({ plugin = connector.plugin.name, version = connector.manifest.version,
    recorded = sys.time():sub(1, 10), settings = settings }, out)
  refuse_survivors(text, out)
  return text, redaction:told()
end

--- Records; see the head of this file.
function M.run(home, connector, options)
  sys.catch_signals()
  local ledger = require("state.ledger").open(home)
  local dir = ("%s/record.%d"):format(home:state_dir(connector.name), sys.pid())
  local tape = recorder.open(true_session(connector))
  connector.reroute, connector.ledger = tape.url, ledger:forgetful() -- so that how tokens are fetched is recorded
  local people = {}
  local ok, result = pcall(run_in, home, connector, dir, options, function(state)
    users_of(state, connector.manifest, function(record) people[#people + 1] = record end)
  end)
  tape:close()
  ledger:close()
  sys.remove_tree(dir)
  if not ok then
    if tape.failure then fail("unavailable", connector.name .. ": " .. tape.failure) end
    error(result, 0)
  end
  local text, told = redacted(connector, tape.exchanges, people)
  return { text = text, exchanges = #tape.exchanges, told = told, outcome = result.outcome }
end

return M

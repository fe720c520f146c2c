-- check: are a connector's settings and credentials good? Asks the target, stores nothing.
--
--   check.run(home, connector, { fresh = bool }) -> { account =, warnings = {…} }     raises where not
--
-- `fresh`: with a token that is fetched now, never with one that was kept.
local fail = require "fail"
local sync = require "sync.sync"
local task = require "target.task"

local M = {}

local function texts(list)
  local out = {}
  for i, text in ipairs(type(list) == "table" and list or {}) do out[i] = tostring(text) end
  return out
end

local function ask(fetch)
  sync.attach(fetch)
  local check = fetch.plugin:connector().check
  if not check then return {} end
  local page = {}
  local ctx = require("sync.context").new(fetch, page)
  local t = task.spawn(check, { sandbox = fetch.plugin.shown .. "/connector.lua, check", args = { ctx } })
  local ok, result = pcall(sync.join, t)
  fetch.session:finish(page.http)
  if not ok then error(result, 0) end
  return result
end

local PATIENCE_S = 10 -- a person waits: a target that is away is told soon, not after http.retry_s

-- The connector's options with a shorter patience.
local function impatient(options)
  local http, own = {}, {}
  for name, value in pairs(options) do own[name] = value end
  for name, value in pairs(options.http or {}) do http[name] = value end
  http.retry_s = math.min(http.retry_s or PATIENCE_S, PATIENCE_S)
  own.http = http
  return own
end

--- Checks; see the head of this file.
function M.run(home, connector, options)
  require("import.imported").refuse(connector)
  connector.plugin:check()
  sync.limit(connector)
  sync.script(home, connector)
  local fetch = sync.session(home, connector, impatient(connector.options))
  fetch.warn = function(_, text) fetch.warnings[#fetch.warnings + 1] = text end
  if options and options.fresh then
    fetch.ledger = fetch.ledger:forgetful()
    fetch.session.ledger = fetch.ledger
  end
  local result
  local ok, why = pcall(task.run, function() result = ask(fetch) end)
  fetch.session:close()
  fetch.ledger:close()
  if not ok then error(sync.as_failure(why), 0) end
  if type(result) ~= "table" then
    fail("config", connector.plugin.shown .. "/connector.lua: check: a table expected")
  end
  local warnings = texts(result.warnings)
  for _, text in ipairs(fetch.warnings) do warnings[#warnings + 1] = text end
  return { account = result.account and tostring(result.account) or nil, warnings = warnings }
end

return M

-- context: ctx, what a plugin's function is given: settings, http, emit and the rest of contract/ctx.lua.
--
-- A context is made for one call (one page, one check) and is of no use after it: what it was told ends up
-- in `page`, which listing.lua reads.
local contract = require "contract.contract"
local conditional = require "target.conditional"
local fail = require "fail"
local json = require "host.json"
local log = require "log"
local sys = require "host.sys"
local task = require "target.task"

local M = {}

local KEY_MAX, VALUE_MAX, MARK_MAX = 255, 1 << 20, 1 << 14

local function warn(fetch)
  return function(message)
    if type(message) ~= "string" then error("ctx.warn(message): a text expected", 2) end
    fetch:warn(message)
  end
end

-- ctx.log.info and its like are called with a dot; fields are told with the plugin's name.
local function logger(fetch)
  local out = {}
  for _, level in ipairs { "debug", "info", "warn" } do
    out[level] = function(message, fields)
      if type(message) ~= "string" then error(("ctx.log.%s(message, fields): a text expected"):format(level), 2) end
      local all = { connector = fetch.name, plugin = fetch.plugin.name }
      for name, value in pairs(fields or {}) do all[name] = value end
      log[level](message, all)
    end
  end
  return contract.bind("ctx.log", out)
end

-- The plugin's own cache. Values are JSON; what a page puts is written when the page ends.
local function cache(fetch, page)
  local function check(key, level)
    if type(key) ~= "string" or #key == 0 or #key > KEY_MAX or key:byte() == 0 then
      error("ctx.store: a key of 1 to 255 bytes expected, the first of them not 0", level + 1)
    end
  end
  return contract.bind("ctx.store", {
    get = function(_, key)
      check(key, 2)
      local text = page.puts[key] or fail.try(fetch.state:cached(key))
      return text and json.decode(text)
    end,
    put = function(_, key, value)
      check(key, 2)
      local text, message = json.encode(value)
      if not text then error("ctx.store:put: " .. message, 2) end
      if #text > VALUE_MAX then error("ctx.store:put: the value is larger than 1 MiB", 2) end
      page.puts[key] = text
    end,
  })
end

-- What answers to conditional requests are kept in: it is written with the page, too.
local function answers(fetch, page)
  return conditional.store {
    get = function(key) return page.puts[key] or fail.try(fetch.state:cached(key)) end,
    put = function(key, bytes) page.puts[key] = bytes end,
    digest = fetch.plugin.digest,
  }
end

local function text_or_nil(value, name)
  if value ~= nil and type(value) ~= "string" then error(name .. ": a text expected", 3) end
  return value
end

local function known_type(fetch, name, what)
  local types = fetch.plugin.manifest.resources
  if types[name] then return end
  local question = require("suggest").question(name, require("shape").names(types))
  error(("%s: '%s' is no resource type%s"):format(what, name, question and "; " .. question or ""), 3)
end

-- What only a listing has.
local function for_listing(ctx, fetch, page)
  ctx.emit = page.emit
  ctx.store = cache(fetch, page)
  function ctx.incomplete(reason)
    page.incomplete = text_or_nil(reason, "ctx.incomplete") or "the plugin says that it is incomplete"
  end
  function ctx.not_covered(reason)
    page.not_covered = text_or_nil(reason, "ctx.not_covered") or "this credential may not read it"
  end
  function ctx.expect(n)
    if math.type(n) ~= "integer" or n < 0 then error("ctx.expect(n): a whole number expected", 2) end
    page.expect = n
  end
  function ctx.gone(kind, id)
    if type(kind) ~= "string" or (type(id) ~= "string" and math.type(id) ~= "integer") then
      error("ctx.gone(kind, id): a text, and a text or a whole number, expected", 2)
    end
    if page.changes then
      known_type(fetch, kind, "ctx.gone(kind, id): kind")
      return page.changes:gone(kind, tostring(id))
    end
    local parent = page.parent -- another object that is gone is just not there
    if parent and parent.type == kind and parent.id == tostring(id) then page.gone = true end
  end
  function ctx.mark(value)
    if not page.list.changed then error("ctx.mark: the list has no `changed` that could go on from it", 2) end
    local text, message = json.encode { value }
    if value == nil or not text then error("ctx.mark(value): a plain value expected; " .. (message or "got nil"), 2) end
    if #text > MARK_MAX then error("ctx.mark(value): the value is larger than 16 KiB", 2) end
    page.mark = text
  end
  function ctx.get(kind, id)
    if type(kind) ~= "string" then error("ctx.get(kind, id): a text expected", 2) end
    return fetch:find(page.list, kind, id)
  end
end

--- A context for one call of a plugin's function: of a list, or where there is no `page.emit`, of `check`, or with
--- `page.no_http`, of `http`. In `page`, { list, emit, parent, changes } come in (`changes`: the unit, of a listing of
--- changes); { incomplete, not_covered, expect, gone, mark, puts, http } are what the plugin said by it.
function M.new(fetch, page)
  page.puts = {}
  local ctx = {
    settings = fetch.settings, auth = fetch.session.auth, hmac = fetch.session.hmac, log = logger(fetch),
    warn = warn(fetch),
    json = contract.bind("ctx.json", { null = json.null, array = json.array }),
    all = task.all, sleep = task.sleep, now = sys.now,
  }
  if not page.no_http then
    page.http = fetch.session:open(false, page.emit and answers(fetch, page))
    ctx.http = page.http
  end
  if page.emit then for_listing(ctx, fetch, page) end
  return contract.bind("ctx", ctx, page.no_http and "http" or page.emit and "list" or "check")
end

--- Ends what the call left open; a message where a loop over a response was left before its end.
function M.finish(fetch, page)
  return page.http and fetch.session:finish(page.http)
end

return M

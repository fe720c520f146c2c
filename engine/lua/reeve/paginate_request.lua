-- paginate_request: asks for one page.
--
--   request.send(given, state, ctx, parent …) -> res, or nil where the plugin has dealt with a refusal
--   request.follow(given, state, ctx, parent …)         the same, at an address of the target's
--
-- state.at is the page's offset, number, cursor or address; nil: the first page, for which none is sent. What the
-- plugin's tables hold is never written to: a page's fields go into copies.
local http = require "host.http"
local json = require "host.json"
local options = require "reeve.paginate_options"

local M = {}

local function copy(t)
  local new = {}
  for name, value in pairs(t or {}) do new[name] = value end
  return new
end

-- The table with `value` at a path; the tables on the way are copies.
local function put(t, path, value)
  local new = copy(type(t) == "table" and t or nil)
  local name, rest = path:match("^([^.]+)%.(.+)$")
  if name then new[name] = put(new[name], rest, value) else new[path] = value end
  return new
end

-- The options of a request that a field of a page goes into.
local slots = { query = "query", json = "json", form = "form", header = "headers", path = "path" }

local function place(ask, into, name, value)
  local slot = slots[into]
  if into == "json" then
    ask.json = put(ask.json, name, value)
  elseif into == "path" then
    ask.path = setmetatable({ [name] = value }, { __index = ask.path })
  else
    ask[slot] = copy(ask[slot])
    ask[slot][name] = into == "header" and tostring(value) or value
  end
end

-- The request that is the same for every page.
local function common(given, with_query, ctx, ...)
  local ask = copy(options.ask(given, "request", nil, ctx, ...))
  local query = with_query and options.ask(given, "query", nil, ctx, ...)
  if query then
    local all = copy(ask.query)
    for name, value in pairs(query) do all[name] = value end
    ask.query = all
  end
  if given.json ~= nil then ask.json = options.ask(given, "json", nil, ctx, ...) end
  if ask.idempotent == nil then ask.idempotent = true end -- a page is read, whatever the method
  return ask
end

local function method_of(given, ask, ctx, ...)
  local sends = ask.json ~= nil or ask.form ~= nil or ask.body ~= nil
  return options.ask(given, "method", sends and "POST" or "GET", ctx, ...):lower()
end

local function send(given, method, address, ask, ctx, ...)
  local call = ctx.http[method]
  if not call then error(("paginate.%s: method: ctx.http has no %s"):format(given.builder, method), 0) end
  if not given.refused then return call(ctx.http, address, ask) end
  local ok, res = pcall(call, ctx.http, address, ask)
  if ok then return res end
  local answered = type(res) == "table" and rawget(res, "status") ~= nil
  if answered and given.refused(ctx, res, ...) then return nil end
  error(res, 0)
end

--- Asks for the page whose offset, number or cursor is state.at.
function M.send(given, state, ctx, ...)
  local ask = common(given, true, ctx, ...)
  local into = options.ask(given, "into", "query", ctx, ...)
  local size, beside = options.ask(given, "size", nil, ctx, ...), slots[into] and into
  if beside == "header" or beside == "path" then beside = "query" end
  local parent = (...)
  local object = type(parent) == "table" or json.is_raw(parent) -- what `changed` is given may be a time
  ask.path = ask.path or object and parent or nil
  if size then place(ask, beside, options.ask(given, "size_param", given.size_name, ctx, ...), size) end
  if state.at ~= nil then place(ask, into, options.ask(given, "param", given.param_name, ctx, ...), state.at) end
  return send(given, method_of(given, ask, ctx, ...), options.ask(given, "path", nil, ctx, ...), ask, ctx, ...)
end

--- Asks at state.at, an address that the target gave: its query is all in it. What the plugin sends of its own
--- goes to the first page's origin alone.
function M.follow(given, state, ctx, ...)
  local ask = common(given, false, ctx, ...)
  if http.parse(state.at).origin ~= state.home then ask.auth, ask.headers = false, nil end
  return send(given, method_of(given, ask, ctx, ...), state.at, ask, ctx, ...)
end

--- The absolute form of an address in an answer, or nil and why it is not followed.
function M.resolve(given, state, res, address, ctx, ...)
  local whole, message = http.resolve(res.url, address)
  local there, why = http.parse(whole or "")
  state.home = state.home or http.parse(res.url).origin
  if not whole or not there then return nil, message or why end
  if there.origin ~= state.home and not options.ask(given, "any_origin", false, ctx, ...) then
    return nil, ("the next address is at %s and the first page came from %s, to which the credential belongs; where "
      .. "that is meant, say any_origin = true"):format(there.origin, state.home)
  end
  return whole
end

return M

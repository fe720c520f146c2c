-- response: an answer as plugins see it: status headers links url, json or body (the whole, which waits
-- for it), each(where, { optional = true }), rest, secret(path), from_store. It cannot be written to, and the
-- request behind it cannot be reached.
local contract = require "contract.contract"
local refusal = require "target.refusal"
local url = require "target.url"

local M = {}

local states = setmetatable({}, { __mode = "k" }) -- response -> what it is

local function raise(state, message, code)
  local cut = code == "cut" or nil
  if cut then code = "unavailable" end
  error(refusal.failure({ status = state.status, code = code, message = message, cut = cut }, state.shown), 0)
end

-- A result of the request, or its failure raised.
local function must(state, value, message, code)
  if value == nil and message then raise(state, message, code) end
  return value
end

local lazy = {
  status = function(state) return state.status end,
  from_store = function(state) return state.from_store end,
  headers = function(state) return state.headers end,
  url = function(state) return (state.shown:gsub("^%u+ ", "")) end,
  links = function(state)
    state.links = state.links or url.links(state.headers.link, (state.shown:gsub("^%u+ ", "")))
    return state.links
  end,
  json = function(state)
    if state.json == nil then state.json = must(state, state.request:json()) end
    return state.json
  end,
  body = function(state) return must(state, state.request:body()) end,
  rest = function(state)
    if state.rest == nil then state.rest = state.request:rest() end
    return state.rest
  end,
}

local methods = {}

--- An iterator over the elements of the array at `where`.
function methods.each(res, where, options)
  return states[res].request:each(where, options ~= nil and options.optional == true)
end

--- The text at this path of the JSON body as a secret; json and body are without it from now on.
function methods.secret(res, path)
  local state = states[res]
  local value = must(state, state.request:secret(path))
  state.json = nil
  if state.on_secret then state.on_secret() end
  return value
end

do -- every name has an entry
  local all = {}
  for _, part in ipairs { lazy, methods } do
    for name, value in pairs(part) do all[name] = value end
  end
  contract.bind("res", all)
end

local Response = {
  __name = "response",
  __metatable = false,
  __index = function(res, name)
    local get = lazy[name]
    if get then return get(states[res]) end
    return methods[name]
  end,
  __newindex = function(_, name)
    error(("a response cannot be written to (field '%s')"):format(tostring(name)), 2)
  end,
  __tostring = function(res) return states[res].shown end,
}

local function make(request, status, headers, from_store)
  local res = setmetatable({}, Response)
  states[res] = { request = request, status = status, headers = headers, from_store = from_store,
    shown = request:shown() }
  return res
end

--- A response for a request whose headers are in.
function M.new(request)
  return make(request, request:status(), request:headers(), false)
end

--- The answer that was kept, with the body that stands in for that of a 304.
function M.stored(request, headers)
  return make(request, 200, headers, true)
end

--- fn is called when a secret has been taken out of the body.
function M.on_secret(res, fn)
  states[res].on_secret = fn
end

--- The request behind it.
function M.request(res)
  return states[res].request
end

return M

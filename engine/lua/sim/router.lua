-- sim.router: "METHOD /path/{param}" to a function.
local encoded = require "encoded"
local fail = require "fail"

local M = {}
local Router = {}
Router.__index = Router

local function segments(path)
  local list = {}
  for segment in path:gmatch("[^/]+") do
    list[#list + 1] = segment
  end
  return list
end

--- A router of { ["METHOD /path/{param}"] = function }; each path may come with one of the prefixes.
function M.new(routes, prefixes)
  local list = {}
  for name, call in pairs(routes or {}) do
    local method, path = tostring(name):match("^(%u+) (/%S*)$")
    if not method then
      fail("config", "the simulator's route '" .. tostring(name) .. "': METHOD /path is expected")
    end
    local _, params = path:gsub("{", "")
    list[#list + 1] = { name = name, method = method, parts = segments(path), params = params, call = call }
  end
  table.sort(list, function(a, b) -- a literal segment goes before a parameter
    if a.params ~= b.params then
      return a.params < b.params
    end
    return a.name < b.name
  end)
  return setmetatable({ routes = list, prefixes = prefixes or {} }, Router)
end

-- The parameters of a path that has the route's form, else nil.
local function match(route, parts)
  if #parts ~= #route.parts then
    return nil
  end
  local params = {}
  for i, wanted in ipairs(route.parts) do
    local name = wanted:match("^{(.+)}$")
    if name then
      params[name] = encoded.decode(parts[i])
    elseif wanted ~= parts[i] then
      return nil
    end
  end
  return params
end

local function serves(route, method)
  return route.method == method or method == "HEAD" and route.method == "GET"
end

-- May a path that begins so have the route's form?
local function may_begin(route, beginning)
  local literal = route.name:match("^%u+ ([^{]*)")
  if #beginning <= #literal then return literal:sub(1, #beginning) == beginning end
  return route.params > 0 and beginning:sub(1, #literal) == literal
end

--- Has any route this method ("*": one or another) and path, as find gives it? It may end in * (any rest).
function Router:knows(method, path)
  local beginning = path:match("^(.*)%*$")
  for _, route in ipairs(self.routes) do
    local fits = beginning and may_begin(route, beginning) or not beginning and match(route, segments(path))
    if fits and (method == "*" or serves(route, method)) then return true end
  end
  return false
end

--- The path without its prefix, then the route and its parameters; for a path whose routes have other
--- methods only, no route, nil, and those methods.
function Router:find(method, path)
  for _, prefix in ipairs(self.prefixes) do
    if path:sub(1, #prefix + 1) == prefix .. "/" then
      path = path:sub(#prefix + 1)
      break
    end
  end
  local parts, allowed = segments(path), {}
  for _, route in ipairs(self.routes) do
    local params = match(route, parts)
    if params and serves(route, method) then
      return path, route, params
    elseif params then
      allowed[#allowed + 1] = route.method
    end
  end
  return path, nil, nil, allowed[1] and table.concat(allowed, ", ") or nil
end

return M

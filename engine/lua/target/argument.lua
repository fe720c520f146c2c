-- argument: the options that plugins hand to ctx.auth and its like: known by name, checked, copied; each a
-- value, or a function (ctx) that gives it when it is needed.
--
--   local KNOWN = { key = { "secret", required = true }, alg = { "text", one_of = { "RS256", "ES256" } } }
--   argument.check("ctx.auth.jwt", KNOWN, options)          the values that are there now
--   local o = argument.values("ctx.auth.jwt", KNOWN, options, ctx)          all of them, functions asked
--   argument.late(options)                                  is there a function among them?
--
-- Kinds: "text" (not empty), "secret", "text or secret", "bytes or secret" (may be empty), "table" (a copy of plain
-- values and secrets). Mistakes are raised as text that names the argument and what was expected; at_caller puts
-- the plugin's line before it.
local json = require "host.json"
local secret = require "host.secret"
local shape = require "shape"
local suggest = require "suggest"

local M = {}

local DEPTH = 16

local function described(value)
  if secret.is(value) then return "a secret" end
  if value == "" then return "an empty text" end
  local kind = type(value)
  return ({ ["nil"] = "nothing", string = "a text", userdata = "a raw object" })[kind] or "a " .. kind
end

local function is_text(value) return type(value) == "string" and value ~= "" end

-- A copy that nothing of the plugin's runs in: its tables may do more than hold values.
local function copy(value, depth)
  local kind = type(value)
  if kind == "string" or kind == "number" or kind == "boolean" or secret.is(value) or value == json.null
    or json.is_raw(value) then
    return value
  end
  if kind ~= "table" or depth > DEPTH then return nil end
  local out = {}
  for name, one in pairs(value) do
    local plain = copy(one, depth + 1)
    if plain == nil then return nil end
    out[name] = plain
  end
  return out
end

-- Per kind: what is expected, and the value as it is kept; nil where it is none.
local kinds = {
  text = { "a text", function(v) return is_text(v) and v or nil end },
  secret = { "a secret (a setting of the kind secret)", function(v) return secret.is(v) and v or nil end },
  ["text or secret"] = { "a text or a secret", function(v) return (is_text(v) or secret.is(v)) and v or nil end },
  ["bytes or secret"] = { "a text or a secret", function(v)
    return (type(v) == "string" or secret.is(v)) and v or nil
  end },
  table = { "a table of plain values", function(v) return type(v) == "table" and copy(v, 0) or nil end },
}

local function taken(where, name, spec, value)
  local kind = kinds[spec[1]]
  local kept = kind[2](value)
  if kept == nil then
    local got = type(value) == spec[1] and "one with something else in it" or described(value)
    error(("%s: %s: %s expected, got %s"):format(where, name, kind[1], got), 0)
  end
  if spec.one_of and not shape.contains(spec.one_of, kept) then
    local choices = table.concat(spec.one_of, '", "')
    error(('%s: %s: one of "%s" expected, got "%s"'):format(where, name, choices, kept), 0)
  end
  return kept
end

--- Is one of the options a function?
function M.late(options)
  for _, value in pairs(options) do
    if type(value) == "function" then return true end
  end
  return false
end

--- Raises for options that are not known, missing or of the wrong kind; functions are not asked.
function M.check(where, known, options)
  if type(options) ~= "table" then
    error(("%s { … }: a table expected, got %s"):format(where, described(options)), 0)
  end
  for name in pairs(options) do
    if not known[name] then
      local hint = suggest.hint(tostring(name), shape.names(known), "there are")
      error(("%s: '%s' is not an option: %s"):format(where, tostring(name), hint), 0)
    end
  end
  for _, name in ipairs(shape.names(known)) do
    local value, spec = options[name], known[name]
    if value == nil and spec.required then
      error(("%s: %s is missing: %s expected"):format(where, name, kinds[spec[1]][1]), 0)
    end
    if value ~= nil and type(value) ~= "function" then taken(where, name, spec, value) end
  end
end

--- The options as a table of our own: functions asked with ctx, defaults filled in.
function M.values(where, known, options, ctx)
  local values = {}
  for _, name in ipairs(shape.names(known)) do
    local value, spec = options[name], known[name]
    if type(value) == "function" then value = value(ctx) end
    if value == nil and spec.required then taken(where, name, spec, value) end
    if value ~= nil then value = taken(where, name, spec, value) else value = spec.default end
    values[name] = value
  end
  return values
end

--- fn, whose mistakes are told at the line that called it.
function M.at_caller(fn)
  return function(...)
    local results = table.pack(pcall(fn, ...))
    if not results[1] then error(results[2], 2) end
    return table.unpack(results, 2, results.n)
  end
end

return M

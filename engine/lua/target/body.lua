-- body: what a request sends: JSON, a form, or bytes as they are. Secrets may stand in all of them, and
-- make the whole a secret.
local json = require "host.json"
local secret = require "host.secret"
local url = require "target.url"

local M = {}

local function has_secret(value, depth)
  if secret.is(value) then return true end
  if type(value) ~= "table" or depth > 32 then return false end
  for _, v in pairs(value) do
    if has_secret(v, depth + 1) then return true end
  end
  return false
end

local function sorted_names(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function encode(value)
  local text, why = json.encode(value)
  return text or error("json: " .. why, 0)
end

-- JSON in parts, some of them secrets. Only what leads to a secret is written here.
local function write(value, parts)
  if secret.is(value) then
    parts[#parts + 1] = secret.json_string(value)
  elseif not has_secret(value, 0) then
    parts[#parts + 1] = encode(value)
  elseif value[1] ~= nil then
    for i, v in ipairs(value) do
      parts[#parts + 1] = i == 1 and "[" or ","
      write(v, parts)
    end
    parts[#parts + 1] = "]"
  else
    for i, name in ipairs(sorted_names(value)) do
      parts[#parts + 1] = (i == 1 and "{" or ",") .. encode(tostring(name)) .. ":"
      write(value[name], parts)
    end
    parts[#parts + 1] = "}"
  end
end

--- A value as JSON: a string, or a secret.
function M.json(value)
  local parts = {}
  write(value, parts)
  return url.concat(parts)
end

--- The body of a request's options and its content type: nil where there is none.
function M.of(options)
  local given = 0
  for _, name in ipairs { "json", "form", "body" } do
    if options[name] ~= nil then given = given + 1 end
  end
  if given > 1 then error("json, form and body: only one of them can be sent", 0) end
  if options.json ~= nil then return M.json(options.json), "application/json" end
  if options.form then return url.query(options.form), "application/x-www-form-urlencoded" end
  if options.body ~= nil and type(options.body) ~= "string" and not secret.is(options.body) then
    error("body: a string or a secret expected; for tables there is json", 0)
  end
  return options.body
end

return M

-- url: URLs as plugins write them: a path or a URL, {name} parts, a query, and Link headers.
--
-- Values are strings, numbers, booleans or secrets; a URL with a secret in it is a secret.
local encoded = require "encoded"
local http = require "host.http"
local json = require "host.json"
local secret = require "host.secret"

local M = {}

-- A plain value as text: 50.0 is "50".
local function text_of(value, what)
  local kind = math.type(value) or type(value)
  if kind == "string" then return value end
  if kind == "integer" or kind == "boolean" then return tostring(value) end
  if kind == "float" then
    local whole = value == math.floor(value) and math.abs(value) < 2 ^ 53
    return (whole and "%d" or "%.17g"):format(value)
  end
  error(("%s: a string, number, boolean or secret expected, got %s"):format(what, type(value)), 0)
end

--- Percent-encodes all but unreserved characters. A secret gives a secret.
function M.escape(value, what)
  if secret.is(value) then return secret.urlencode(value) end
  return encoded.encode(text_of(value, what or "value"))
end

local function add(parts, name, value)
  local before = (#parts > 0 and "&" or "") .. M.escape(name) .. "="
  parts[#parts + 1] = before
  parts[#parts + 1] = M.escape(value, name)
end

--- Text with secrets among its parts: a secret where there is one.
function M.concat(parts)
  local out, plain = nil, {}
  for _, part in ipairs(parts) do
    if secret.is(part) then
      out = (out or "") .. table.concat(plain) .. part
      plain = {}
    else
      plain[#plain + 1] = part
    end
  end
  plain = table.concat(plain)
  return out and (plain ~= "" and out .. plain or out) or plain
end

--- name=value&…, sorted by name; a list gives its name once for each value.
function M.query(fields)
  local names, parts = {}, {}
  for name in pairs(fields) do names[#names + 1] = tostring(name) end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = fields[name]
    if type(value) == "table" or json.is_raw(value) then
      if type(value) == "table" and value[1] == nil and next(value) ~= nil then
        error(("'%s': a value or a list of values expected, got a table by name"):format(name), 0)
      end
      for _, one in ipairs(value) do add(parts, name, one) end
    elseif value ~= json.null then
      add(parts, name, value)
    end
  end
  return M.concat(parts)
end

-- The value of {name}: one segment of a path, whatever it holds.
local function segment(name, value)
  local text = text_of(value, "path." .. name)
  if text == "" or text == "." or text == ".." then
    error(("path.%s: '%s' cannot be a part of a path"):format(name, text), 0)
  end
  return encoded.encode(text)
end

--- Fills {name} parts from values, escaped.
function M.fill(template, values)
  return (template:gsub("{([%a_][%w_]*)}", function(name)
    local value = values and values[name]
    if value == nil then
      if template:find("^%a[%w+.-]*://") then return nil end
      error(("'%s': no value for {%s}"):format(template, name), 0)
    end
    return segment(name, value)
  end))
end

--- Is it a whole URL, not a path?
function M.is_whole(text)
  return text:find("^%a[%w+.-]*://") ~= nil
end

--- A path behind a base URL ("https://host/v1" and "/users").
function M.join(base, path)
  if M.is_whole(path) then return path end
  if not base then error(("'%s': a path needs the base_url of M.http"):format(path), 0) end
  return base:gsub("/+$", "") .. (path:find("^[/?]") and "" or "/") .. path
end

--- The URL with a query added.
function M.with_query(url, fields)
  local query = fields and next(fields) ~= nil and M.query(fields) or ""
  if query == "" then return url end
  return url .. (url:find("?", 1, true) and "&" or "?") .. query
end

--- The Link header as { next = url, prev = …, first = …, last = … }, absolute. What cannot be made so stays as it
--- is, for who asks there to fail: a next page that is lost would be a list's end.
function M.links(header, base)
  local links = {}
  for target, rest in (header or ""):gmatch("<([^>]*)>([^<]*)") do
    local rels = rest:match('[;%s]rel%s*=%s*"([^"]*)"') or rest:match("[;%s]rel%s*=%s*([^%s;,]+)") or ""
    local url = http.resolve(base, target) or target
    for rel in rels:lower():gmatch("%S+") do links[rel] = links[rel] or url end
  end
  return links
end

return M

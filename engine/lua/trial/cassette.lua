-- cassette: what a plugin asked and was answered, as a file that people review and `reeve test` replays.
--
-- JSON lines. The first: { "reeve_cassette": 1, "plugin", "version", "recorded", "settings": {…}, "exchanges": n,
-- "ignore": [names of query and form fields whose values differ each time] }. Then an exchange a line:
--   { "n", "request": { "method", "url", "json" | "form" | "body" },
--     "response": { "status", "headers", "json" | "body" } }
--
--   cassette.text(header, exchanges)       the file's text
--   local c = cassette.open(text, shown)   raises fail("config", "SHOWN:LINE: …") for what is none
--   c.header
--   c:answer { method, url, body } -> status, headers, body      nil, why: nobody asked that when it was recorded
--   c:unlike()                             in words, what was asked and not recorded, or the other way round; nil
-- The same request asked several times is answered in the order of the recording, the last answer again and again.
local encoded = require "encoded"
local fail = require "fail"
local json = require "host.json"
local shape = require "shape"

local M = {}
local Cassette = {}
Cassette.__index = Cassette

local FORMAT = 1
local MAX_LINES, MAX_LINE = 100000, 64 << 20

--- Fields that are made anew for each request: signed statements, and what keeps them apart.
M.IGNORE = { "assertion", "client_assertion", "nonce", "state", "timestamp" }

local FORM = "application/x-www-form-urlencoded"

-- Requests and their names --------------------------------------------------------------------------------

local function sorted_fields(text, ignore)
  local list = {}
  for i, field in ipairs(encoded.fields(text)) do
    list[i] = encoded.encode(field[1]) .. "=" .. (ignore[field[1]] and "*" or encoded.encode(field[2] or ""))
  end
  table.sort(list)
  return table.concat(list, "&")
end

-- By what a request is found again: the order of fields, and of a JSON body's names, is of no account.
local function name_of(request, ignore)
  local path, query = request.url:match("^([^?]*)%??(.*)$")
  local parts = { request.method, path .. (query ~= "" and "?" .. sorted_fields(query, ignore) or "") }
  if request.form then
    parts[3] = sorted_fields(request.form, ignore)
  elseif request.json ~= nil then
    parts[3] = json.encode(request.json)
  elseif request.body and request.body ~= "" then
    parts[3] = request.body
  end
  return table.concat(parts, " ")
end

--- A body in the form that a cassette has it in: { json = value }, { form = text } or { body = text }.
function M.body(text, content_type)
  if not text or text == "" then return {} end
  if (content_type or ""):lower():find(FORM, 1, true) then return { form = text } end
  local value = json.decode(text)
  if type(value) == "table" then return { json = value } end
  return { body = text }
end

-- Writing and reading ---------------------------------------------------------------------------------------

--- The text of a cassette. `header`: plugin, version, recorded, settings.
function M.text(header, exchanges)
  header.reeve_cassette, header.exchanges, header.ignore = FORMAT, #exchanges, header.ignore or M.IGNORE
  local lines = { (fail.try(json.encode(header))) }
  for i, exchange in ipairs(exchanges) do
    exchange.n = i
    lines[i + 1] = fail.try(json.encode(exchange))
  end
  return table.concat(lines, "\n") .. "\n"
end

local plain = shape.map("", "a name", function() end)
local names = shape.list(shape.text)

local header_shape = shape.record({
  reeve_cassette = shape.one_of(FORMAT), plugin = shape.text, version = shape.text, recorded = shape.text,
  settings = plain, exchanges = shape.whole, ignore = names,
}, { "reeve_cassette", "plugin", "version", "exchanges" })

local a_status = shape.is("a status of 100 to 599", function(v)
  return math.type(v) == "integer" and v >= 100 and v <= 599
end)
local any = function() end

local exchange_shape = shape.record({
  n = shape.whole,
  request = shape.record({ method = shape.matching("a method (GET)", "^%u+$"), url = shape.text, headers = plain,
    json = any, form = shape.text, body = any }, { "method", "url" }),
  response = shape.record({ status = a_status, headers = plain, json = any, body = any }, { "status" }),
}, { "request", "response" })

local function read_line(line, number, check, shown)
  local place = ("%s:%d"):format(shown, number)
  if #line > MAX_LINE then fail("config", place .. ": the line is longer than 64 MiB") end
  local value, message = json.decode(line)
  if type(value) ~= "table" then
    fail("config", ("%s: a JSON object expected: %s"):format(place, message or "got a " .. type(value)))
  end
  check(value, "", place)
  return value
end

--- Reads a cassette's text; see the head of this file.
function M.open(text, shown)
  local number, self = 0, setmetatable({ shown = shown, exchanges = {}, by_name = {}, ignore = {} }, Cassette)
  for line in text:gmatch("[^\n]+") do
    number = number + 1
    if number > MAX_LINES then fail("config", ("%s: more than %d lines"):format(shown, MAX_LINES)) end
    if number == 1 then
      self.header = read_line(line, number, header_shape, shown)
      for _, name in ipairs(self.header.ignore or M.IGNORE) do self.ignore[name] = true end
    else
      local exchange = read_line(line, number, exchange_shape, shown)
      exchange.line = number
      self.exchanges[#self.exchanges + 1] = exchange
    end
  end
  if not self.header then fail("config", shown .. ": it is empty; a cassette expected") end
  if self.header.exchanges ~= #self.exchanges then
    fail("config", ("%s: its first line announces %d exchanges, and there are %d"):format(shown, self.header.exchanges,
      #self.exchanges), "record it again, or correct the number after review")
  end
  for _, exchange in ipairs(self.exchanges) do
    local name = name_of(exchange.request, self.ignore)
    self.by_name[name] = self.by_name[name] or {}
    table.insert(self.by_name[name], exchange)
  end
  return self
end

--- Is this cassette of the plugin as it is? Raises where it was recorded with another version.
function Cassette:check(manifest)
  local header = self.header
  if header.plugin ~= manifest.name then
    fail("config", ("%s: recorded with the plugin '%s', not '%s'"):format(self.shown, header.plugin, manifest.name))
  elseif header.version ~= manifest.version then
    fail("config", ("%s: recorded with version %s of the plugin, which is %s now"):format(self.shown, header.version,
      manifest.version), "record it again, or change its first line after review")
  end
end

-- Replaying -------------------------------------------------------------------------------------------------

--- The answer to a request; see the head of this file.
function Cassette:answer(request)
  local asked = M.body(request.body, request.content_type)
  asked.method, asked.url = request.method, request.url
  local list = self.by_name[name_of(asked, self.ignore)]
  if not list then
    self.missing = self.missing or ("%s %s"):format(asked.method, asked.url)
    return nil, ("%s: no exchange for %s %s"):format(self.shown, asked.method, asked.url)
  end
  local at = math.min((list.used or 0) + 1, #list)
  list.used = at
  local response = list[at].response
  local headers = {}
  for name, value in pairs(response.headers or {}) do headers[name] = value end
  local body = response.body or ""
  if response.json ~= nil then body = fail.try(json.encode(response.json)) end
  return response.status, headers, body
end

-- The exchanges that nobody asked for, as "FILE:LINE: METHOD URL".
local function leftovers(self)
  local lines = {}
  for _, list in pairs(self.by_name) do
    for i = (list.used or 0) + 1, #list do
      lines[#lines + 1] = { list[i].line, list[i].request }
    end
  end
  table.sort(lines, function(a, b) return a[1] < b[1] end)
  for i, line in ipairs(lines) do
    lines[i] = ("%s:%d: %s %s"):format(self.shown, line[1], line[2].method, line[2].url)
  end
  return lines
end

--- How what was asked differs from what was recorded; nil where it does not.
function Cassette:unlike()
  if self.missing then
    return ("%s was asked, and %s has no exchange for it"):format(self.missing, self.shown)
  end
  local lines = leftovers(self)
  if #lines > 0 then
    return ("%s was not asked%s"):format(lines[1], #lines > 1 and (", nor %d others"):format(#lines - 1) or "")
  end
end

return M

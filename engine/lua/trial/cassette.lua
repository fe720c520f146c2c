-- cassette: a recorded run that answers in a target's place. JSON lines: a header
--
--   {"reeve_cassette":1,"plugin":"acme","version":"1.0.0","settings":{…},"ignore":["assertion"],"exchanges":2}
--   {"n":1,"request":{"method":"GET","url":"https://…","headers":{}},"response":{"status":200,"body":"…"}}
--
--   local c = cassette.open(path, told)      raises what is wrong with it: file (as `told`, where given), line,
--                                            what was expected
--   c.header, c.exchanges
--   c:check(plugin)                          is it of this plugin and this version of it?
--   c:answer { method, url | headers["reeve-origin"] path query, headers, body } -> status, headers, body | nil, why
--   c:leftovers() -> what was recorded and not asked for: { "exchange 3: GET https://…", … }
--   c:unlike()                               in words, how what was asked differs from what was recorded; nil: not
--   c:rewind(again)                          from the beginning; with `again`, last answers are given again and again
--
-- A request is found by method, address (its query in any order) and body; the same one several times is answered
-- in the order in which it was recorded. Members of query, form or JSON that the header's `ignore` names may differ:
-- those that no two runs have alike. A body "***" was a secret as a whole, and any is taken for it.
local encoded = require "encoded"
local fail = require "fail"
local json = require "host.json"
local shape = require "shape"
local sys = require "host.sys"

local M = {}
local Cassette = {}
Cassette.__index = Cassette

--- The form that is written and read.
M.version = 1
--- What `ignore` says unless somebody writes otherwise: signed or random anew in each run.
M.volatile = { "assertion", "client_assertion", "nonce", "state", "timestamp" }

local FILE_MAX, LINE_MAX, EXCHANGES_MAX = 160 << 20, 40 << 20, 100000

local text = shape.is("a text", function(v) return type(v) == "string" end)
local texts = shape.map("^.+$", "a name", text)
local status = shape.is("a status of 100 to 599", function(v)
  return math.type(v) == "integer" and v >= 100 and v <= 599
end)

local check_exchange = shape.record({
  n = shape.whole,
  request = shape.record({ method = shape.matching("a method in capitals", "^%u+$"),
    url = shape.matching("an address with its origin", "^https?://[^/?#]+"),
    headers = texts, body = text, body_base64 = text }, { "method", "url" }),
  response = shape.record({ status = status, headers = texts, body = text, body_base64 = text }, { "status" }),
}, { "request", "response" })

local check_header = shape.record({
  reeve_cassette = shape.is("1, the form this reeve reads", function(v) return v == M.version end),
  plugin = shape.text, version = shape.text, digest = shape.text, exchanges = shape.whole,
  settings = shape.map("^[a-z][a-z0-9_]*$", "a setting's name", function() end),
  ignore = shape.list(shape.text),
}, { "reeve_cassette", "plugin", "version", "exchanges" })

-- Reading ---------------------------------------------------------------------------------------------------

local function decoded(line, place, file)
  if #line > LINE_MAX then fail("config", ("%s: %s: at most %d MiB expected"):format(file, place, LINE_MAX >> 20)) end
  local value, message = json.decode(line)
  if value == nil then fail("config", ("%s: %s: JSON expected: %s"):format(file, place, message)) end
  if type(value) ~= "table" then shape.expected(file, place, "a JSON object", value) end
  return value
end

local function body_of(part, place, file)
  if not part.body_base64 then return part.body or "" end
  return encoded.from_base64(part.body_base64)
    or shape.expected(file, place .. ".body_base64", "base64", part.body_base64)
end

local function read_line(self, line, number)
  local place = "line " .. number
  local value = decoded(line, place, self.file)
  if number == 1 then
    check_header(value, place, self.file)
    self.header = value
    return
  end
  check_exchange(value, place, self.file)
  if #self.exchanges == EXCHANGES_MAX then
    fail("config", ("%s: at most %d exchanges expected"):format(self.file, EXCHANGES_MAX))
  end
  value.request.content = body_of(value.request, place .. ": request", self.file)
  value.response.content = body_of(value.response, place .. ": response", self.file)
  self.exchanges[#self.exchanges + 1] = value
end

-- Matching --------------------------------------------------------------------------------------------------

-- "a=1&b=2" as { a = "1", b = "2" }: the last of a name, as the server has it.
local function pairs_of(query)
  local values = {}
  for part in query:gmatch("[^&]+") do
    local name, value = part:match("^([^=]*)=?(.*)$")
    values[encoded.decode(name, true)] = encoded.decode(value, true)
  end
  return values
end

local function without(self, values)
  local kept = {}
  for name, value in pairs(values) do
    if not self.ignored[name] then kept[name] = value end
  end
  return kept
end

local function written(self, values)
  return json.encode(without(self, values))
end

local function content_of(self, body)
  if body == "" or body == "***" then return body end
  local document = body:find("^%s*[{%[]") and json.decode(body)
  if document then return document[1] == nil and written(self, document) or json.encode(document) end
  if body:find("^[%w%-._~%%+*]+=[^%s]*$") then return written(self, pairs_of(body)) end
  return body
end

local function address_of(request)
  local url = request.url or (request.headers["reeve-origin"] or "") .. request.path
  local path, query = url:match("^([^?#]*)%??([^#]*)")
  if not path:find("^https?://[^/]+/") then path = path .. "/" end
  return encoded.decode(path), request.query or pairs_of(query)
end

-- What a request is found by: without its body, and with it.
local function keys_of(self, request, body)
  local path, query = address_of(request)
  local key = ("%s %s %s\n"):format(request.method, path, written(self, query))
  return key, key .. content_of(self, body or "")
end

local function shown(request)
  local path = address_of(request)
  return request.method .. " " .. path
end

local function index(self)
  for _, exchange in ipairs(self.exchanges) do
    local anything, key = keys_of(self, exchange.request, exchange.request.content)
    if exchange.request.content == "***" then key = anything .. "***" end
    self.queues[key] = self.queues[key] or {}
    table.insert(self.queues[key], exchange)
  end
end

--- Reads a cassette; see the head of this file.
function M.open(path, told)
  local bytes, message, code = sys.read_file(path, FILE_MAX)
  if not bytes then fail((code == "limit" or code == "not_found") and "config" or code, message) end
  path = told or path
  local self = setmetatable({ file = path, exchanges = {}, queues = {}, ignored = {}, used = {}, at = {} }, Cassette)
  local number = 0
  for line in bytes:gmatch("([^\n]*)\n?") do
    number = number + 1
    if line ~= "" then read_line(self, line, number) end
  end
  if not self.header then fail("config", path .. ": line 1: a cassette's header expected, got nothing") end
  if self.header.exchanges ~= #self.exchanges then
    fail("config", ("%s: line 1: exchanges: %d expected, as many as follow, got %d"):format(path, #self.exchanges,
      self.header.exchanges))
  end
  for _, name in ipairs(self.header.ignore or M.volatile) do self.ignored[name] = true end
  index(self)
  return self
end

--- Raises where it was recorded with another plugin, or another version of it.
function Cassette:check(plugin)
  local header, manifest = self.header, plugin.manifest
  if header.plugin ~= manifest.name then
    shape.expected(self.file, "line 1: plugin", "'" .. manifest.name .. "'", header.plugin)
  end
  if header.version ~= manifest.version then
    shape.expected(self.file, "line 1: version", "'" .. manifest.version .. "'", header.version,
      "record it again, or, where nothing that it asks has changed, write the new version there")
  end
end

-- The next exchange that waits under this key.
local function next_of(self, key)
  local queue = self.queues[key]
  if not queue then return nil end
  local at = (self.at[key] or 0) + 1
  if self.again then at = math.min(at, #queue) end
  self.at[key] = math.min(at, #queue + 1)
  return queue[at], #queue
end

--- The answer to a request; see the head of this file.
function Cassette:answer(request)
  local anything, key = keys_of(self, request, request.body)
  local exchange, n = next_of(self, key)
  if not n then exchange, n = next_of(self, anything .. "***") end
  if not exchange then
    local why = n and ("was recorded %d times, and is asked for once more"):format(n) or "was not recorded"
    why = ("%s: %s %s"):format(self.file, shown(request), why)
    self.missing = self.missing or why
    return nil, why
  end
  self.used[exchange] = true
  return exchange.response.status, exchange.response.headers or {}, exchange.response.content
end

--- What was recorded and not asked for.
function Cassette:leftovers()
  local list = {}
  for i, exchange in ipairs(self.exchanges) do
    if not self.used[exchange] then
      list[#list + 1] = ("exchange %d: %s"):format(exchange.n or i, shown(exchange.request))
    end
  end
  return list
end

--- How what was asked differs from what was recorded, in words; nil where it does not.
function Cassette:unlike()
  if self.missing then return self.missing end
  local left = self:leftovers()
  if #left == 0 then return nil end
  return ("%s: %s was not asked for%s"):format(self.file, left[1],
    #left > 1 and (", nor were %d others"):format(#left - 1) or "")
end

--- All are to come again; see the head of this file.
function Cassette:rewind(again)
  self.used, self.at, self.missing, self.again = {}, {}, nil, again
end

return M

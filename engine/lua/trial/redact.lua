-- redact: takes out of recorded exchanges what is secret or somebody's, and puts stand-ins in its place, the same
-- in what was asked and in what was answered, so that the plugin asks the same again when they are replayed.
--
--   local redaction = redact.new()
--   redaction:setting(secret, text)    a setting's secret, and what takes its place
--   redaction:people(record)           values of user records are somebody's
--   redaction:look(exchange)           first over all of them, so that each value is known wherever it stands
--   redaction:write(exchange)          then: a copy without them
-- Ids, times, numbers and words of an API stay: who reviews a cassette must be able to.
local encoded = require "encoded"
local pseudonym = require "trial.pseudonym"
local secret = require "host.secret"

local M = {}
local Redaction = {}
Redaction.__index = Redaction

-- Names of fields, lower case without separators, and what their texts are.
local fields = {}
for kind, names in pairs {
  secret = "password passwd secret clientsecret apikey apisecret privatekey sharedsecret signature",
  token = "token accesstoken refreshtoken idtoken sessiontoken assertion clientassertion jwt session sessionid",
  email = "email mail emailaddress primaryemail workemail",
  name = "firstname lastname givenname familyname middlename displayname fullname formatted nickname surname",
  login = "login username userprincipalname samaccountname",
  phone = "phone phonenumber mobile mobilephone telephone fax",
  address = "address street streetaddress postaladdress location birthday dateofbirth",
  ip = "ip ipaddress lastip lastseenip remoteaddr clientip",
  picture = "avatar avatarurl picture photo photourl gravatarid imageurl",
  number = "employeenumber employeeid personalnumber",
} do
  for name in names:gmatch("%S+") do fields[name] = kind end
end

-- What says nothing of anybody, also where it stands in a field of theirs.
local common = {}
for word in ("admin administrator user member owner guest system service root active none test"):gmatch("%a+") do
  common[word] = true
end

local SECRET_MIN = 8 -- what is shorter is not told from words

-- Of what RFC 5322 allows in front, without the signs that queries and paths are made of.
local EMAIL = "[%w.!#$&'*+_~-]+@[%w-]+[%w.-]*%.%a%a+"
local JWT = "eyJ[%w_-]+%.[%w_-]+%.[%w_-]*"

function M.new()
  return setmetatable({ names = pseudonym.new(), settings_known = {} }, Redaction)
end

local function add(self, kind, text)
  if text == "" or common[text:lower()] then return end
  if text:find("^" .. EMAIL .. "$") then
    kind = "email"
  elseif kind == "email" then
    kind = "login"
  end
  self.names:add(kind, text)
end

-- The stand-in of the setting whose value this is; nil for other secrets.
local function of_setting(self, text)
  local value = secret.new(text)
  for _, setting in ipairs(self.settings_known) do
    if secret.equal(setting[1], value) then return setting[2] end
  end
end

local function look_at_text(self, text)
  if #text >= SECRET_MIN and secret.scrub(text) ~= text then
    self.names:add("secret", text, of_setting(self, text))
  end
  for email in text:gmatch(EMAIL) do add(self, "email", email) end
  for token in text:gmatch(JWT) do add(self, "token", token) end
end

local function kind_of(name)
  return type(name) == "string" and fields[name:lower():gsub("[^a-z]", "")] or nil
end

local function look_at(self, value, name)
  if type(value) == "string" then
    local kind = kind_of(name)
    if kind then add(self, kind, value) end
    return look_at_text(self, value)
  end
  if type(value) ~= "table" then return end
  for key, member in pairs(value) do
    if type(key) == "string" then look_at_text(self, key) end
    look_at(self, member, type(key) == "string" and key or name)
  end
end

local function look_at_fields(self, text)
  for _, field in ipairs(encoded.fields(text)) do
    if field[2] then look_at(self, field[2], field[1]) end
  end
end

--- A secret setting, which a replay gives this stand-in as its value.
function Redaction:setting(value, stand_in)
  self.settings_known[#self.settings_known + 1] = { value, stand_in }
end

--- The records of users: what has a name of theirs is somebody's.
function Redaction:people(record)
  for _, kind in ipairs { "login", "name", "email" } do
    if record[kind] then add(self, kind, record[kind]) end
  end
  for _, email in ipairs(record.emails or {}) do add(self, "email", email) end
  for _, id in ipairs(record.employee_ids or {}) do add(self, "number", id) end
end

--- Learns what an exchange holds.
function Redaction:look(exchange)
  for _, side in ipairs { exchange.request, exchange.response } do
    if side.json ~= nil then look_at(self, side.json) end
    if side.form then look_at_fields(self, side.form) end
    if side.body then look_at_text(self, side.body) end
    for name, value in pairs(side.headers or {}) do look_at(self, value, name) end
  end
  look_at_fields(self, exchange.request.url:match("%?(.*)$") or "")
  look_at_text(self, encoded.decode(exchange.request.url))
end

local function write_value(self, value)
  if type(value) == "string" then return self.names:replace(value) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, member in pairs(value) do
    if type(key) == "string" and key:find("@", 1, true) then key = self.names:replace(key, true) end
    copy[key] = write_value(self, member)
  end
  return setmetatable(copy, getmetatable(value))
end

local function write_side(self, side)
  return {
    method = side.method, status = side.status, url = side.url and self.names:replace_url(side.url),
    headers = side.headers and write_value(self, side.headers),
    json = side.json ~= nil and write_value(self, side.json) or nil,
    form = side.form and self.names:replace_form(side.form), body = side.body and self.names:replace(side.body),
  }
end

--- The exchange with stand-ins.
function Redaction:write(exchange)
  return { n = exchange.n, request = write_side(self, exchange.request),
    response = write_side(self, exchange.response) }
end

--- Plain settings, as a cassette keeps them.
function Redaction:settings(values)
  return write_value(self, values)
end

--- How many values of each kind there are, for people: "12 e-mail addresses, 3 tokens".
function Redaction:told()
  local words = { email = "e-mail address", name = "name", login = "login", secret = "secret", token = "token",
    phone = "phone number", address = "address", ip = "IP address", picture = "picture", number = "personal number" }
  local parts, kinds = {}, {}
  for kind in pairs(self.names.counts) do kinds[#kinds + 1] = kind end
  table.sort(kinds)
  for i, kind in ipairs(kinds) do
    local n, word = self.names.counts[kind], words[kind]
    parts[i] = ("%d %s%s"):format(n, word, n == 1 and "" or word:sub(-1) == "s" and "es" or "s")
  end
  return #parts > 0 and table.concat(parts, ", ") or "nothing"
end

--- The first e-mail address in a text that is no stand-in; nil where there is none.
function M.survivor(text)
  for email in text:gmatch(EMAIL) do
    if not email:find("%.example$") then return email end
  end
end

return M

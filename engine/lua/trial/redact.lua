-- redact: a recording without what is personal in it, so that its parts still fit together. First all that is to go
-- is collected, then every text is rewritten by value, wherever the value came from: what an answer gave and
-- a request sent back is the same stand-in in both.
--
--   local r = redact.new()
--   r:record(record)       a person's name, login … as the mapping found them
--   r:document(body)       what members of an answer are personal or secret by their names (personal.lua)
--   r:text(s) r:url(s) r:body(s) r:form(s) r:headers(t) r:settings(t)      rewritten
--   r.counts               how many values were replaced, by kind
--
-- E-mail addresses are found by their form. Texts that are encoded in others (%XX, base64, JSON) are looked into.
local encoded = require "encoded"
local json = require "host.json"
local json_text = require "trial.json_text"
local personal = require "trial.personal"
local pseudonym = require "trial.pseudonym"
local secret = require "host.secret"

local M = {}
local Redaction = {}
Redaction.__index = Redaction

local EMAIL = "([%w\128-\255][%w\128-\255._+'%-]*)@([%w\128-\255%-]+%.[%w\128-\255.%-]*[%w\128-\255])"
local DEPTH = 4 -- encodings within encodings that are looked into
local SECRET_MIN, BASE64_MIN = 8, 12

-- Words of a product, not of a person, even where a login is spelt so.
local common = {}
for word in ([[owner admin administrator member user users guest viewer editor reader writer active inactive enabled
  disabled pending deleted true false none null team group role default system service root public private test
  example com org net http https www api]]):gmatch("%S+") do common[word] = true end

--- A redaction with a key of its own.
function M.new()
  return setmetatable({ names = pseudonym.new(), whole = {}, words = {}, secrets = {}, domains = {},
    used = {}, counts = {} }, Redaction)
end

local function use(self, kind, value, stand_in)
  if not self.used[value] then
    self.used[value] = true
    self.counts[kind] = (self.counts[kind] or 0) + 1
  end
  return stand_in
end

-- Collecting ------------------------------------------------------------------------------------------------

local function add_name(self, text)
  for word in text:gmatch("[%w\128-\255']+") do
    if #word > 1 and word:find("[%a\128-\255]") and not common[word:lower()] then self.words[word] = true end
  end
end

local add = {}

function add.name(self, text)
  if not text:find("@", 1, true) then add_name(self, text) end
end

function add.secret(self, text)
  if #text < SECRET_MIN or text:find("^%l+$") or text:find("^secret%-%x+$") then return end
  self.whole[text] = "secret"
  self.secrets[text] = true
end

for _, kind in ipairs { "login", "phone", "ip", "other" } do
  add[kind] = function(self, text)
    if #text > 1 and not common[text:lower()] and not text:find(EMAIL) then self.whole[text] = kind end
  end
end

--- Takes a user's record.
function Redaction:record(record)
  if record.name then add.name(self, record.name) end
  if record.login then add.login(self, record.login) end
  for _, email in ipairs { record.email, table.unpack(record.emails or {}) } do
    local domain = email:match("@([^@]+)$")
    if domain then self.domains[domain:lower()] = true end
  end
  for _, id in ipairs(record.employee_ids or {}) do add.other(self, id) end
end

--- Takes an answer's, or a request's, JSON.
function Redaction:document(body)
  json_text.map(body, function(text, name, above)
    local kind = personal.kind(name, above)
    if kind then add[kind](self, text) end
    for _, domain in text:gmatch(EMAIL) do self.domains[domain:lower()] = true end
  end)
end

-- Rewriting -------------------------------------------------------------------------------------------------

local function stand_in(self, kind, text)
  return use(self, kind, text, self.names[kind](self.names, text))
end

local function email(self)
  return function(name, domain)
    local whole = name .. "@" .. domain
    return use(self, "email", whole:lower(), self.names:email(whole))
  end
end

local function words(self, text)
  return (text:gsub("[%w\128-\255']+", function(word)
    if self.words[word] then return use(self, "name", word, self.names:word(word)) end
  end))
end

-- Logins and the like, which may have - _ . in them; what is no such thing is looked at word by word.
local function runs(self, text)
  return (text:gsub("[%w\128-\255'%-_.]+", function(run)
    local kind = self.whole[run]
    return kind and stand_in(self, kind, run) or words(self, run)
  end))
end

-- Text without e-mail addresses: they are put aside, so that their stand-ins are not looked at again.
local function around_emails(self, text)
  local out, at, replace = {}, 1, email(self)
  while true do
    local from, to, name, domain = text:find(EMAIL, at)
    if not from then break end
    out[#out + 1] = runs(self, text:sub(at, from - 1))
    out[#out + 1] = replace(name, domain)
    at = to + 1
  end
  out[#out + 1] = runs(self, text:sub(at))
  return table.concat(out)
end

-- The parts between the signs that a URL is made of; each stays as it was written where nothing in it is replaced.
local function in_parts(self, text, depth)
  return (text:gsub("[^/?&=#;,]+", function(part)
    local plain = encoded.decode(part, true)
    local new = self:text(plain, depth)
    return new ~= plain and encoded.encode(new) or nil
  end))
end

local function looks_inside(self, text, depth)
  return (text:gsub("[%w+/_%-]+=*", function(run)
    if #run < BASE64_MIN then return nil end
    local inside = encoded.from_base64(run)
    if not inside or not utf8.len(inside) or inside:find("%c") then return nil end
    local new = self:body(inside, depth)
    return new ~= inside and encoded.to_base64(new, run) or nil
  end))
end

local function known_secrets(self, text)
  for value in pairs(self.secrets) do
    local from, to = text:find(value, 1, true)
    while from do
      local new = stand_in(self, "secret", value)
      text = text:sub(1, from - 1) .. new .. text:sub(to + 1)
      from, to = text:find(value, from + #new, true)
    end
  end
  return text
end

--- A text, rewritten.
function Redaction:text(text, depth)
  depth = depth or 0
  if text == "" or depth > DEPTH then return text end
  text = secret.stand_in(self.names.key, text)
  local kind = self.whole[text]
  if kind then return stand_in(self, kind, text) end
  if self.domains[text:lower()] then return use(self, "domain", text, self.names:domain(text)) end
  text = known_secrets(self, text)
  if text:find("%%%x%x") and not text:find("%s") then return self:url(text, depth + 1) end
  local new = text:gsub("https?://[^%s<>\"']+", function(url) return self:url(url, depth + 1) end)
  if new ~= text or text:find("^https?://%S+$") then return new end
  text = looks_inside(self, text, depth + 1)
  return around_emails(self, text)
end

--- An address or a part of one: the host stays.
function Redaction:url(text, depth)
  local head, rest = text:match("^(https?://[^/?#]*)(.*)$")
  return (head or "") .. in_parts(self, rest or text, (depth or 0) + 1)
end

--- What a request or an answer carries.
function Redaction:body(body, depth)
  depth = depth or 0
  return json_text.map(body, function(text)
    local new = self:text(text, depth + 1)
    return new ~= text and new or nil
  end) or self:text(body, depth)
end

--- A form: names and values between & and =.
function Redaction:form(body)
  return in_parts(self, secret.stand_in(self.names.key, body), 1)
end

-- Headers of one transfer, of the way, or of the machine: none is for a plugin.
local noise = [[set-cookie cookie date server via connection keep-alive transfer-encoding content-length age
  content-encoding alt-svc report-to nel strict-transport-security content-security-policy x-request-id cf-ray
  x-amzn-requestid x-amzn-trace-id x-correlation-id x-trace-id set-cookie2 www-authenticate expect-ct]]
local dropped = {}
for name in noise:gmatch("%S+") do dropped[name] = true end

--- Headers by name, without those that nobody needs again.
function Redaction:headers(headers)
  local kept = {}
  for name, value in pairs(headers) do
    if not dropped[name:lower()] then kept[name] = self:text(value) end
  end
  return kept
end

--- Settings as plain values, secrets as stand-ins.
function Redaction:settings(settings)
  local plain = {}
  for name, value in pairs(settings) do
    if secret.is(value) then plain[name] = secret.stand_in(self.names.key, value)
    elseif type(value) == "string" then plain[name] = self:text(value)
    else plain[name] = type(value) == "table" and json.array(value) or value end
  end
  return plain
end

--- The first e-mail address in a finished line that is no stand-in; nil where there is none.
function M.survivor(line)
  for name, domain in line:gmatch(EMAIL) do
    if not domain:find("^d%x%x%x%x%x%x%x%x%.example$") then return name .. "@" .. domain end
  end
end

return M

-- pseudonym: stand-ins for what is secret or somebody's: the same value is the same stand-in wherever it stands.
--
--   local names = pseudonym.new()
--   names:add("email", "ana@corp.com")     "person-1@domain-1.example"; kinds: see `forms`
--   names:replace(text)                    the text with all that was added replaced, also inside of URLs, queries
--                                          and base64
--   names.counts                           how many values of each kind
-- Stand-ins are numbered in the order in which values were added: nothing of a value is in its stand-in, but that
-- two addresses of one domain stay addresses of one domain.
local encoded = require "encoded"

local M = {}
local Names = {}
Names.__index = Names

local SHORT = 3 -- a value of so few bytes is replaced only where it is the whole of a text
local WORD = "[%w\128-\255]"

local forms = {
  secret = "redacted-secret-%d", token = "redacted-token-%d", name = "Name %d", login = "login-%d",
  phone = "+1555%07d", address = "Street %d", ip = "2001:db8::%x", picture = "https://pictures.example/%d",
  number = "number-%d",
}

--- No values yet.
function M.new()
  return setmetatable({ known = {}, by_word = {}, secrets = {}, counts = {}, domains = {}, domain_count = 0 }, Names)
end

local function domain_of(self, domain)
  if not self.domains[domain] then
    self.domain_count = self.domain_count + 1
    self.domains[domain] = ("domain-%d.example"):format(self.domain_count)
  end
  return self.domains[domain]
end

local function stand_in(self, kind, value)
  local n = (self.counts[kind] or 0) + 1
  self.counts[kind] = n
  if kind ~= "email" then return forms[kind]:format(n) end
  return ("person-%d@%s"):format(n, domain_of(self, value:match("@(.*)$"):lower()))
end

-- By its first word, the longest first, so that a text is gone over once however many values there are.
local function index(self, value)
  local word = value:match(WORD .. "+")
  if #value <= SHORT or not word then return end
  local list = self.by_word[word] or {}
  self.by_word[word] = list
  local at = #list + 1
  while at > 1 and #list[at - 1] < #value do at = at - 1 end
  table.insert(list, at, value)
end

--- The stand-in of a value, the next of its kind unless it is told; a value that has one keeps it.
function Names:add(kind, value, told)
  if self.known[value] then return self.known[value] end
  self.known[value] = told or stand_in(self, kind, value)
  if told then self.counts[kind] = (self.counts[kind] or 0) + 1 end
  if kind == "secret" or kind == "token" then self.secrets[#self.secrets + 1] = value end
  index(self, value)
  return self.known[value]
end

-- Secrets are replaced wherever they stand, also in the middle of a word.
local function replace_secrets(self, text)
  for _, value in ipairs(self.secrets) do
    local from, to = text:find(value, 1, true)
    while from do
      text = text:sub(1, from - 1) .. self.known[value] .. text:sub(to + 1)
      from, to = text:find(value, from + #self.known[value], true)
    end
  end
  return text
end

-- The value that stands in the text where the word at `from` begins: its first and last place.
local function value_at(self, text, from, word)
  for _, value in ipairs(self.by_word[word] or {}) do
    local start = from - (value:find(WORD) - 1)
    local stop = start + #value - 1
    if start > 0 and text:sub(start, stop) == value and not text:find("^" .. WORD, stop + 1) then
      return start, stop, value
    end
  end
end

local function replace_words(self, text)
  local out, at, from = {}, 1, 1
  while true do
    local first, last = text:find(WORD .. "+", from)
    if not first then break end
    local start, stop, value = value_at(self, text, first, text:sub(first, last))
    if start and start >= at then
      out[#out + 1] = text:sub(at, start - 1) .. self.known[value]
      at, from = stop + 1, stop + 1
    else
      from = last + 1
    end
  end
  return table.concat(out) .. text:sub(at)
end

-- Base64 that hides something of ours is a value of its own.
local function replace_base64(self, text)
  return (text:gsub("[%w+/_-]+=*", function(word)
    if #word < 16 then return nil end
    local inside = encoded.base64(word)
    if inside and self:replace(inside, true) ~= inside then return self:add("token", word) end
  end))
end

local function replace_fields(self, text)
  local fields = encoded.fields(text)
  for _, field in ipairs(fields) do
    field[1], field[2] = self:replace(field[1]), field[2] and self:replace(field[2])
  end
  return encoded.join(fields)
end

--- A URL or path: its parts are decoded, replaced and encoded again; one that holds nothing stays as it is.
function Names:replace_url(url)
  local front, rest = url:match("^(%a[%w+.-]*://[^/?#]*)(.*)$")
  local path, query = (rest or url):match("^([^?]*)%??(.*)$")
  local function segment(part)
    local plain = encoded.decode(part)
    local new = self:replace(plain, true)
    return new ~= plain and encoded.encode(new) or nil
  end
  local new = (front and self:replace(front, true) or "") .. path:gsub("[^/;,]+", segment)
  if query == "" then return new end
  local fields = replace_fields(self, query)
  return new .. "?" .. (fields ~= encoded.join(encoded.fields(query)) and fields or query)
end

--- A text with everything that was added replaced. `flat`: it is not looked into as a URL.
function Names:replace(text, flat)
  if self.known[text] then return self.known[text] end
  if not flat and (text:find("^%a[%w+.-]*://") or text:find("^/[^%s]*[?%%]")) then return self:replace_url(text) end
  text = replace_words(self, replace_secrets(self, text))
  if flat or #text < 16 then return text end
  return replace_base64(self, text)
end

--- A form or query.
function Names:replace_form(text)
  return replace_fields(self, text)
end

return M

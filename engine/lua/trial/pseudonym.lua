-- pseudonym: stand-ins for what is personal or secret. The same value has the same stand-in as long as the key
-- lives, which is one recording: it is random, kept nowhere, and without it a stand-in tells nothing.
--
--   local p = pseudonym.new()
--   p:secret(bytes)   as host.secret.stand_in makes them, for secrets that the engine does not hold
--   p:email("ana@acme.com")   "user-1f…@d77….example": the same part before @, the same domain
--   p:login(text)  p:domain(text)  p:word(text)  p:phone(text)  p:ip(text)  p:other(text)
-- Texts that differ in case only are one person's, where case has no meaning: e-mails, logins, domains.
local encoded = require "encoded"
local secret = require "host.secret"

local M = {}
local Pseudonyms = {}
Pseudonyms.__index = Pseudonyms

--- With a key of its own.
function M.new()
  return setmetatable({ key = encoded.unhex(secret.random_hex(16)) }, Pseudonyms)
end

local function digits(self, text, n)
  return encoded.hex(secret.hash128(self.key, text):sub(1, n))
end

function Pseudonyms:secret(value)
  return "secret-" .. digits(self, value, 8)
end

function Pseudonyms:login(text)
  return "user-" .. digits(self, "login " .. text:lower(), 5)
end

function Pseudonyms:domain(text)
  return "d" .. digits(self, "domain " .. text:lower(), 4) .. ".example"
end

function Pseudonyms:email(text)
  local name, domain = text:match("^(.*)@(.*)$")
  return self:login(name) .. "@" .. self:domain(domain)
end

--- A word of a person's name: a capital stays one.
function Pseudonyms:word(text)
  return (text:find("^%l") and "n" or "N") .. digits(self, "word " .. text:lower(), 5)
end

function Pseudonyms:phone(text)
  return ("+1555%010d"):format(tonumber(digits(self, "phone " .. text, 4), 16))
end

--- An address of a net that is for documentation only (RFC 3849).
function Pseudonyms:ip(text)
  local hex = digits(self, "ip " .. text, 4)
  return "2001:db8::" .. hex:sub(1, 4) .. ":" .. hex:sub(5)
end

function Pseudonyms:other(text)
  local hash = digits(self, "other " .. text, 5)
  return text:find("^https?://") and "https://images.example/" .. hash or "text-" .. hash
end

return M

-- clientsecret: client ids and secrets as ConductorOne shows them. `local clientsecret = require "clientsecret"`.
--
--   clientsecret.id, clientsecret.secret     those of the fact sheet's example: the key's bytes are 00 01 … 1f
--   clientsecret.of { kty = …, x = …, d = … }, .of(text)     the secret with this JWK, with these bytes in its place
local M = {}

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

--- Bytes as base64url without padding.
function M.base64url(bytes)
  local bits = bytes:gsub(".", function(c)
    local text = ""
    for i = 7, 0, -1 do text = text .. (c:byte() >> i & 1) end
    return text
  end)
  return ((bits .. ("0"):rep(-#bits % 6)):gsub("%d%d%d%d%d%d", function(six)
    local n = tonumber(six, 2) + 1
    return DIGITS:sub(n, n)
  end))
end

local function key_bytes()
  local bytes = {}
  for i = 0, 31 do bytes[#bytes + 1] = string.char(i) end
  return table.concat(bytes)
end

M.x = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
M.d = M.base64url(key_bytes())

--- A client secret with this JWK, a table of texts; a text stands in its place as it is.
function M.of(jwk)
  local text = jwk
  if type(jwk) == "table" then
    local members = {}
    for name, value in pairs(jwk) do members[#members + 1] = ('"%s":"%s"'):format(name, value) end
    table.sort(members)
    text = "{" .. table.concat(members, ",") .. "}"
  end
  return "secret-token:conductorone.com:v1:" .. M.base64url(text)
end

--- The example's JWK, with these members changed; false takes one away.
function M.jwk(changes)
  local jwk = { kty = "OKP", crv = "Ed25519", x = M.x, d = M.d }
  for name, value in pairs(changes or {}) do jwk[name] = value or nil end
  return jwk
end

M.id = "test-client-1@tenant.example/bct"
M.secret = M.of(M.jwk())

return M

-- encoded: texts inside texts: percent-encoding, queries and forms, base64, hexadecimal.
local M = {}

--- Percent-decoded; "+" is a blank where `form` is set.
function M.decode(text, form)
  if form then text = text:gsub("%+", " ") end
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- All but unreserved characters percent-encoded.
function M.encode(text)
  return (text:gsub("[^%w%-%._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- The fields of a query or form, in their order: { name, value } each, decoded; value nil where there is no "=".
function M.fields(text)
  local list = {}
  for part in text:gmatch("[^&]+") do
    local name, value = part:match("^([^=]*)=(.*)$")
    list[#list + 1] = { M.decode(name or part, true), value and M.decode(value, true) }
  end
  return list
end

--- The reverse of fields.
function M.join(fields)
  local parts = {}
  for i, field in ipairs(fields) do
    parts[i] = M.encode(field[1]) .. (field[2] and "=" .. M.encode(field[2]) or "")
  end
  return table.concat(parts, "&")
end

local value_of = {}
for i = 0, 63 do
  local c = ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):sub(i + 1, i + 1)
  value_of[c] = i
end
value_of["-"], value_of["_"] = 62, 63

--- What base64 or base64url (RFC 4648, 4 and 5) stands for; nil where it is none.
function M.base64(text)
  text = text:gsub("=+$", "")
  if #text % 4 == 1 or text:find("[^%w+/_-]") then return nil end
  local bytes, held, bits = {}, 0, 0
  for c in text:gmatch(".") do
    held, bits = held << 6 | value_of[c], bits + 6
    if bits >= 8 then
      bits = bits - 8
      bytes[#bytes + 1] = string.char(held >> bits & 255)
      held = held & (1 << bits) - 1
    end
  end
  return table.concat(bytes)
end

--- Bytes in hexadecimal, two small digits each.
function M.hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- The reverse of hex.
function M.unhex(text)
  return (text:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

return M

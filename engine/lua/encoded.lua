-- encoded: texts inside texts: percent-encoding, base64, hexadecimal.
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

local plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local digits = {}
for i = 1, 64 do digits[plain:byte(i)] = i - 1 end
digits[("-"):byte()], digits[("_"):byte()] = 62, 63

--- What base64 or base64url (RFC 4648, 4 and 5), with or without padding, stands for; nil where it is none.
function M.from_base64(text)
  local out, bits, have = {}, 0, 0
  for i = 1, #(text:gsub("=+$", "")) do
    local digit = digits[text:byte(i)]
    if not digit then return nil end
    bits, have = (bits << 6 | digit) & 0xffff, have + 6
    if have >= 8 then
      have = have - 8
      out[#out + 1] = string.char(bits >> have & 0xff)
    end
  end
  return table.concat(out)
end

--- Bytes in base64, written as `like` is: its alphabet, and padding where it has some or needs none.
function M.to_base64(bytes, like)
  local out = {}
  for i = 1, #bytes, 3 do
    local a, b, c = bytes:byte(i, i + 2)
    local three = a << 16 | (b or 0) << 8 | (c or 0)
    for k = 0, b and (c and 3 or 2) or 1 do
      local n = (three >> 18 - 6 * k & 63) + 1
      out[#out + 1] = plain:sub(n, n)
    end
  end
  local text = table.concat(out)
  if like:find("[-_]") then text = text:gsub("[+/]", { ["+"] = "-", ["/"] = "_" }) end
  local padded = like:find("=", 1, true) or (#like % 4 == 0 and not like:find("[-_]"))
  return padded and text .. ("="):rep(-#text % 4) or text
end

--- Bytes in hexadecimal, two small digits each.
function M.hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

--- The reverse of hex.
function M.unhex(text)
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

return M

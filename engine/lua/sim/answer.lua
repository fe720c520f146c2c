-- sim.answer: the bodies that a fault can put in place of a simulator's own.
local fail = require "fail"
local json = require "host.json"

local M = {}

-- Bits in the order of the stream ("0" and "1"), packed as deflate wants them: lowest bit first.
local function pack(bits)
  return (bits .. ("0"):rep(-#bits % 8)):gsub("%d%d%d%d%d%d%d%d", function(byte)
    return string.char(tonumber(byte:reverse(), 2))
  end)
end

-- A gzip file of 1,073,742,337 zero bytes in 6.8 MB, written without a compressor. Deflate's fixed code
-- says "258 bytes as one before" in 13 bits; eight of those are 13 bytes, and so the file is one
-- pattern of 13 bytes repeated. Its checksum was computed once, with zlib.
local function bomb()
  local rounds <const> = 520224
  local head = "110" .. "00110000" -- the last block, in the fixed code; the literal 0
  local copy, stop = "1100010100000", "0000000"
  local stream = pack((head .. copy:rep(8) .. stop):sub(1, 16))
    .. pack((head .. copy:rep(16)):sub(17, 120)):rep(rounds - 1)
    .. pack((head .. copy:rep(8) .. stop):sub(17))
  return "\x1f\x8b\8\0\0\0\0\0\0\3" .. stream .. ("<I4I4"):pack(0x95c7eead, 1 + 258 * 8 * rounds)
end

-- The answer's first member is null, where the answer is an object; else all of it.
local function null(real)
  local first = real:match('^%s*{%s*("[^"\\]*")%s*:')
  return first and "{" .. first .. ":null}" or "null"
end

local named = {
  html = function()
    return "<!doctype html>\n<title>Sign in</title>\n<h1>Please sign in</h1>\n",
      { ["Content-Type"] = "text/html" }
  end,
  empty = function()
    return "{}"
  end,
  nothing = function()
    return ""
  end,
  null = null,
  deep = function()
    return ("["):rep(100000)
  end,
  echo = function(_, req)
    local all = {}
    for _, part in ipairs { "method", "path", "query", "headers", "body" } do
      all[part] = req[part]
    end
    return json.encode(all)
  end,
  bomb = function()
    M.bombed = M.bombed or bomb()
    return M.bombed, { ["Content-Encoding"] = "gzip" }
  end,
}

local function read_file(name)
  local file, why = io.open(name, "rb")
  if not file then
    fail("usage", ("fault: body=@%s: %s"):format(name, why))
  end
  local text = file:read("a")
  file:close()
  return text
end

--- The body that a fault's `body=TEXT` means: a function of the simulator's own body and of the request
--- that returns a body and headers. TEXT is html, empty ({}), nothing (no byte), null (the first member
--- of the answer is null), echo (the request, its secrets too), deep (100,000 levels), bomb (a gigabyte
--- of zeros in gzip), @FILE, or the body itself.
function M.body(_, text)
  if named[text] then
    return named[text]
  end
  local body = text:sub(1, 1) == "@" and read_file(text:sub(2)) or text
  return function()
    return body
  end
end

return M

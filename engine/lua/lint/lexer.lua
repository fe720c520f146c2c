-- lexer: a text of Lua 5.4 as tokens, exactly as Lua itself reads it.
--
--   local next_token = lexer.new(text)
--   local token = next_token()       { kind, value, line }: kind is "name", "string", "number", "eof" or the
--                                    keyword or sign itself; value is a name's or a string's text
--
-- A text that is no Lua raises { line, message }. Strings come with their escapes resolved; numbers as they are
-- written.
local M = {}

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
until while]]):gmatch("%a+") do KEYWORDS[word] = true end

-- Signs by length, the longer first.
local SIGNS = { {}, {}, {} }
local signs = "... == ~= <= >= // :: << >> .. + - * / % ^ # & ~ | < > = ( ) { } [ ] ; : , ."
for sign in signs:gmatch("%S+") do
  SIGNS[#sign][sign] = true
end

local ESCAPES = { a = "\a", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v", ["\\"] = "\\", ['"'] = '"',
  ["'"] = "'", ["\n"] = "\n" }

local function wrong(line, message)
  error({ line = line, message = message }, 0)
end

local function line_ends(text)
  local _, n = text:gsub("\n", "")
  return n
end

-- The text of a long bracket that begins at `at`, and where it ends; nil where there is none.
local function long_bracket(text, at, line)
  local level = text:match("^%[(=*)%[", at)
  if not level then return nil end
  local from = at + #level + 2
  local close, last = text:find("]" .. level .. "]", from, true)
  if not close then wrong(line, "a long string or comment that does not end") end
  local inside = text:sub(from, close - 1)
  return inside:gsub("^\n", ""), last + 1, line_ends(inside)
end

-- One escape at `at` (behind the backslash): what it stands for, where it ends, the line ends in it.
local function escape(text, at, line)
  local c = text:sub(at, at)
  if ESCAPES[c] then return ESCAPES[c], at + 1, c == "\n" and 1 or 0 end
  local hex = text:match("^x(%x%x)", at)
  if hex then return string.char(tonumber(hex, 16)), at + 3, 0 end
  local blanks = text:match("^z(%s*)", at)
  if blanks then return "", at + 1 + #blanks, line_ends(blanks) end
  local decimal = text:match("^%d%d?%d?", at)
  if decimal and tonumber(decimal) < 256 then return string.char(tonumber(decimal)), at + #decimal, 0 end
  local code = text:match("^u{(%x+)}", at)
  if code and #code <= 8 and tonumber(code, 16) < 1 << 31 then
    return utf8.char(tonumber(code, 16)), at + #code + 3, 0
  end
  wrong(line, "an escape that Lua has not")
end

-- A string in quotes that begins at `at`: its text, where it ends, the line ends in it.
local function quoted(text, at, line)
  local quote, parts, lines = text:sub(at, at), {}, 0
  local stop = "[\\\n" .. quote .. "]"
  at = at + 1
  while true do
    local to = text:find(stop, at) or wrong(line, "a string that does not end")
    parts[#parts + 1] = text:sub(at, to - 1)
    local c = text:sub(to, to)
    if c == quote then return table.concat(parts), to + 1, lines end
    if c == "\n" then wrong(line, "a string that does not end") end
    local meant, after, more = escape(text, to + 1, line)
    parts[#parts + 1], at, lines = meant, after, lines + more
  end
end

-- Where the blanks and comments from `at` on end, and the line there.
local function skip(text, at, line)
  while true do
    local blanks = text:match("^%s+", at)
    if blanks then
      at, line = at + #blanks, line + line_ends(blanks)
    elseif text:find("^%-%-", at) then
      local _, after, lines = long_bracket(text, at + 2, line)
      if after then
        at, line = after, line + lines
      else
        at = text:find("\n", at, true) or #text + 1
      end
    else
      return at, line
    end
  end
end

local function numeral(text, at, line)
  local exponent = text:find("^0[xX]", at) and "[pP]" or "[eE]"
  local to = at
  while true do
    local c = text:sub(to, to)
    if c:find(exponent) and text:find("^[+-]", to + 1) then
      to = to + 2
    elseif c:find("^[%w_.]$") then
      to = to + 1
    else
      break
    end
  end
  local written = text:sub(at, to - 1)
  if not tonumber(written) then wrong(line, "a malformed number '" .. written:sub(1, 40) .. "'") end
  return written, to
end

local function sign(text, at, line)
  for length = 3, 1, -1 do
    local found = text:sub(at, at + length - 1)
    if SIGNS[length][found] then return found end
  end
  wrong(line, ("a character that does not belong in Lua (byte %d)"):format(text:byte(at)))
end

--- A function that gives one token after the other, and "eof" for ever after the last.
function M.new(text)
  text = text:gsub("^\xEF\xBB\xBF", ""):gsub("^#[^\n]*", ""):gsub("\r\n?", "\n")
  local at, line = 1, 1
  return function()
    at, line = skip(text, at, line)
    local here = line
    local name = text:match("^[%a_][%w_]*", at)
    if name then
      at = at + #name
      return { kind = KEYWORDS[name] and name or "name", value = name, line = here }
    elseif at > #text then
      return { kind = "eof", line = here }
    elseif text:find("^%.?%d", at) then
      local written
      written, at = numeral(text, at, line)
      return { kind = "number", value = written, line = here }
    end
    local value, after, lines
    if text:find("^[\"']", at) then value, after, lines = quoted(text, at, line)
    else value, after, lines = long_bracket(text, at, line) end
    if value then
      at, line = after, line + lines
      return { kind = "string", value = value, line = here }
    end
    local found = sign(text, at, line)
    at = at + #found
    return { kind = found, line = here }
  end
end

return M

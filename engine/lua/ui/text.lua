-- text: how wide text is on a terminal, cut and padded; and nothing in it that a terminal would obey.
local M = {}

-- Controls (also the C1 ones and those that turn the direction of writing) as a person can see them.
local function visible(code)
  if code == 10 then return "\\n" elseif code == 9 then return "\\t" elseif code == 13 then return "\\r" end
  return ("\\u{%x}"):format(code)
end

local function obeyed(code)
  return code < 32 or code >= 0x7F and code < 0xA0 or code >= 0x2028 and code <= 0x202E
    or code >= 0x2066 and code <= 0x2069 or code == 0x200E or code == 0x200F or code == 0xFEFF
end

--- The text with every character that a terminal would obey made visible; invalid UTF-8 becomes "?".
function M.safe(text)
  if not text:find("[%c\127-\255]") then return text end
  if not utf8.len(text) then text = text:gsub("[\128-\255]", "?") end
  return (text:gsub(utf8.charpattern, function(character)
    local code = utf8.codepoint(character)
    return obeyed(code) and visible(code) or nil
  end))
end

--- The longest beginning of a text with at most `max` bytes that ends where a character does.
function M.beginning(text, max)
  if #text <= max then return text end
  while max > 0 and (text:byte(max + 1) & 0xC0) == 0x80 do max = max - 1 end
  return text:sub(1, max)
end

--- What a stranger said, safe() and in at most `max` bytes.
function M.harmless(text, max)
  return M.beginning(M.safe(M.beginning(text, max)), max)
end

--- The columns that a (safe) text takes.
function M.width(text)
  if not text:find("[\128-\255]") then return #text end
  return require("host.sys").width_of(text)
end

--- The text cut to `max` columns, with "…" where something was cut.
function M.cut(text, max)
  if M.width(text) <= max then return text end
  return max < 1 and "" or require("host.sys").fit(text, max - 1) .. "…"
end

--- The text with blanks after it (before it where `right`), so that it takes `width` columns.
function M.pad(text, width, right)
  local gap = (" "):rep(width - M.width(text))
  return right and gap .. text or text .. gap
end

--- A column of a table for a time: without the fraction, which csv and json keep.
function M.time_column(name, title)
  local function whole_seconds(row)
    local time = row[name]
    return time and (time:gsub("%.%d+Z$", "Z"))
  end
  return { name = name, title = title, whole = true, get = whole_seconds, csv = function(row) return row[name] end }
end

--- "1 user", "2 users".
function M.count(n, one, many)
  return ("%d %s"):format(n, n == 1 and one or many or one .. "s")
end

--- Seconds in the largest unit that says enough: "40 s", "12 min", "3 h", "2 d".
function M.span(seconds)
  seconds = math.floor(seconds)
  if seconds < 100 then return ("%d s"):format(seconds) end
  if seconds < 100 * 60 then return ("%d min"):format(seconds // 60) end
  if seconds < 48 * 3600 then return ("%d h"):format(seconds // 3600) end
  return ("%d d"):format(seconds // 86400)
end

return M

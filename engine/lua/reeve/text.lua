-- reeve.text: what plugins and scripts often do with texts. All functions take and give UTF-8; small letters
-- are made of A-Z alone. Those that say so take nil, since fields of an object are often absent.
local need = require "reeve.need"

local M = {}

local function trimmed(s)
  return s:match("^%s*(.-)%s*$")
end

--- Without blanks at both ends.
function M.trim(s)
  need.text("text.trim(s)", "s", s)
  return trimmed(s)
end

--- The parts of s between separators (plain text; "," by default), trimmed, as a list; empty ones are kept.
function M.split(s, separator)
  need.text("text.split(s, separator)", "s", s)
  need.text_or_nil("text.split(s, separator)", "separator", separator)
  separator = separator or ","
  if separator == "" then error("text.split(s, separator): separator: a text that is not empty expected", 2) end
  local parts, at = {}, 1
  while true do
    local from, to = s:find(separator, at, true)
    parts[#parts + 1] = trimmed(s:sub(at, (from or #s + 1) - 1))
    if not from then return parts end
    at = to + 1
  end
end

--- In small letters; nil stays nil.
function M.lower(s)
  need.text_or_nil("text.lower(s)", "s", s)
  return s and s:lower()
end

--- Does s begin with this text?
function M.starts(s, text)
  need.text("text.starts(s, text)", "s", s)
  need.text("text.starts(s, text)", "text", text)
  return s:sub(1, #text) == text
end

--- Does s end with this text?
function M.ends(s, text)
  need.text("text.ends(s, text)", "s", s)
  need.text("text.ends(s, text)", "text", text)
  return text == "" or s:sub(-#text) == text
end

--- Is this text (plain, no pattern) somewhere in s? nil has nothing in it.
function M.contains(s, text)
  need.text_or_nil("text.contains(s, text)", "s", s)
  need.text("text.contains(s, text)", "text", text)
  return s ~= nil and s:find(text, 1, true) ~= nil
end

--- The first of these Lua patterns that s matches; nil where none does, and for nil.
function M.match_any(s, patterns)
  local call = "text.match_any(s, patterns)"
  need.text_or_nil(call, "s", s)
  need.table(call, "patterns", "a list of patterns", patterns)
  for i, pattern in ipairs(patterns) do
    need.text(call, ("patterns[%d]"):format(i), pattern)
    if s and s:find(pattern) then return pattern end
  end
end

--- The part before, and the part after the first `mark` (plain text); s and nil where it is not in s.
--- `before, after = cut("ana@example.com", "@")`
function M.cut(s, mark)
  need.text("text.cut(s, mark)", "s", s)
  need.text("text.cut(s, mark)", "mark", mark)
  local from, to = s:find(mark, 1, true)
  if not from then return s, nil end
  return s:sub(1, from - 1), s:sub(to + 1)
end

--- The domain of an address, in small letters; nil where there is none, and for nil.
function M.domain(email)
  need.text_or_nil("text.domain(email)", "email", email)
  local domain = email and trimmed(email):match("^.+@([^@%s]+)$")
  return domain and domain:lower()
end

--- What stands before the domain of an address, as it is; nil where there is no domain, and for nil.
function M.local_part(email)
  need.text_or_nil("text.local_part(email)", "email", email)
  return email and trimmed(email):match("^(.+)@[^@%s]+$")
end

--- The first that is a text with something in it, trimmed: of a display name, a name and an address, say.
function M.first(...)
  for i = 1, select("#", ...) do
    local value = (select(i, ...))
    local text = type(value) == "string" and trimmed(value) or ""
    if text ~= "" then return text end
  end
end

--- As a slug: "Power users (EU)" is "power_users_eu", "2fa" is "n_2fa". nil where nothing is left.
function M.slug(s)
  need.text("text.slug(s)", "s", s)
  local slug = s:lower():gsub("[^a-z0-9]+", "_"):gsub("^_+", ""):gsub("_+$", "")
  if slug == "" then return nil end
  return slug:find("^[a-z]") and slug or "n_" .. slug
end

return require("contract.contract").bind("reeve.text", M)

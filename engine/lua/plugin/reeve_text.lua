-- reeve.text: what plugins and scripts often do with texts. All functions take and give UTF-8; small letters
-- are made of A-Z alone.
local M = {}

--- Without blanks at both ends.
function M.trim(s)
  return s:match("^%s*(.-)%s*$")
end

--- The parts of s between separators (plain text; "," by default), trimmed, as a list; empty ones are kept.
function M.split(s, separator)
  separator = separator or ","
  if separator == "" then error("split: a separator expected", 2) end
  local parts, at = {}, 1
  while true do
    local from, to = s:find(separator, at, true)
    parts[#parts + 1] = M.trim(s:sub(at, (from or #s + 1) - 1))
    if not from then return parts end
    at = to + 1
  end
end

--- In small letters; nil stays nil.
function M.lower(s)
  return s and s:lower()
end

--- Does s begin with (end with) this text?
function M.starts(s, text)
  return s:sub(1, #text) == text
end

function M.ends(s, text)
  return text == "" or s:sub(-#text) == text
end

--- The part before, and the part after the first `mark` (plain text); s and nil where it is not in s.
--- `before, after = cut("ana@example.com", "@")`
function M.cut(s, mark)
  local from, to = s:find(mark, 1, true)
  if not from then return s, nil end
  return s:sub(1, from - 1), s:sub(to + 1)
end

--- As a slug: "Power users (EU)" is "power_users_eu", "2fa" is "n_2fa". nil where nothing is left.
function M.slug(s)
  local slug = s:lower():gsub("[^a-z0-9]+", "_"):gsub("^_+", ""):gsub("_+$", "")
  if slug == "" then return nil end
  return slug:find("^[a-z]") and slug or "n_" .. slug
end

return require("plugin.contract").bind("reeve.text", M)

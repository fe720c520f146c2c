-- json_text: the texts in a JSON document, looked at and replaced where they stand: order, numbers, nulls and
-- blanks stay as the target wrote them.
--
--   json_text.map(document, fn)    fn(text, name, above) -> what comes in its place, or nil to leave it
--       name is the member's, for elements of an array the array's; above is the list of names around it.
--   Returns the document, or nil where it is none.
local json = require "host.json"

local M = {}

local function string_end(doc, at)
  while true do
    local found = doc:find('["\\]', at)
    if not found then return nil end
    if doc:byte(found) == 34 then return found end
    at = found + 2
  end
end

local function text_of(token)
  if not token:find("\\", 1, true) then return token:sub(2, -2) end
  return json.decode(token)
end

-- What stands at doc[from..to], a string: a name is kept, a text is given to fn.
local function replacement(doc, from, to, fn, names, depth)
  local token = doc:sub(from, to)
  if doc:find("^%s*:", to + 1) then
    names[depth] = text_of(token)
    return token
  end
  local name, above = names[depth], {}
  if name == "" then name = names[depth - 1] end
  for i = 1, depth - 1 do above[i] = names[i] end
  local new = fn(text_of(token), name or "", above)
  return new and json.encode(new) or token
end

--- See the head of this file.
function M.map(doc, fn)
  if json.decode(doc) == nil then return nil end
  local out, at, names, depth = {}, 1, { [0] = "" }, 0
  while true do
    local from = doc:find('["{}%[%]]', at)
    if not from then break end
    local c, to = doc:sub(from, from), from
    out[#out + 1] = doc:sub(at, from - 1)
    if c == '"' then
      to = string_end(doc, from + 1)
      out[#out + 1] = replacement(doc, from, to, fn, names, depth)
    else
      depth = (c == "{" or c == "[") and depth + 1 or depth - 1
      if c == "{" or c == "[" then names[depth] = "" end
      out[#out + 1] = c
    end
    at = to + 1
  end
  out[#out + 1] = doc:sub(at)
  return table.concat(out)
end

return M

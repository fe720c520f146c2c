-- id: the texts by which ConductorOne knows things: tuples joined by ":" as its own connectors join them, the ids
-- of syncs, and times in the form of its tables.
local M = {}

-- The most bytes of any of these ids.
local MAX <const> = 1024

-- A longer id keeps its beginning and gets a digest behind "::". No other id of this length ends so: before a
-- principal's id stands a type, and with a slug of 32 bytes none is this long.
local function fitting(id)
  if #id <= MAX then return id, nil end
  local digest = require("host.secret").hash(id):sub(1, 32)
  return require("ui.text").beginning(id, MAX - 34) .. "::" .. digest, "cut"
end

--- TYPE:ID. Any id may have a ":", which changes nothing: the type has none.
function M.resource(type, id)
  return type .. ":" .. id
end

--- TYPE:ID:SLUG, and "cut" where it had to be. Types and slugs have no ":", so that this too is one tuple's alone.
function M.entitlement(ref)
  return fitting(ref.type .. ":" .. ref.id .. ":" .. ref.slug)
end

--- TYPE:ID:SLUG:TYPE:ID, and "escaped" or "cut". Two free ids in one text: the principal's ":" is written "\:", or
--- whoever chooses ids could give two grants the same text, and one of them would be lost.
function M.grant(entitlement, principal)
  local id, how = principal.id, nil
  if id:find(":", 1, true) then
    id, how = id:gsub("[\\:]", "\\%0"), "escaped"
  end
  local e = entitlement
  local text, cut = fitting(e.type .. ":" .. e.id .. ":" .. e.slug .. ":" .. principal.type .. ":" .. id)
  return text, cut or how
end

-- Two resources' types and ids, each character escaped.
local MAX_BID <const> = 4 * 2 * MAX

--- What a Baton ID of a resource names, bid:r:[PARENT TYPE/PARENT ID/]TYPE/ID, where "\\" stands before a "\\", "/" or
--- ":" that is part of a name: { type, id }. Any other text: nil.
function M.resource_of(bid)
  local text, parts = bid:match("^bid:r:(.+)$"), { "" }
  if not text or #text > MAX_BID then return nil end
  for escape, c in text:gmatch "(\\?)(.)" do
    local special = c:find "[\\/:]" ~= nil
    if escape == "" and c == "/" then
      parts[#parts + 1] = ""
    elseif special == (escape ~= "") then
      parts[#parts] = parts[#parts] .. c
    else
      return nil
    end
  end
  for _, part in ipairs(parts) do
    if part == "" or #part > MAX then return nil end
  end
  if #parts ~= 2 and #parts ~= 4 then return nil end
  return { type = parts[#parts - 1], id = parts[#parts] }
end

local EPOCH <const> = 1400000000
local DIGITS <const> = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

--- The KSUID of a time (whole seconds since 1970) and 16 bytes as hexadecimal digits.
function M.ksuid(seconds, hex)
  local words, text = { (seconds - EPOCH) & 0xFFFFFFFF }, {}
  for word in hex:gmatch("%x%x%x%x%x%x%x%x") do words[#words + 1] = tonumber(word, 16) end
  for place = 27, 1, -1 do
    local rest = 0
    for i, word in ipairs(words) do
      local all = rest << 32 | word
      words[i], rest = all // 62, all % 62
    end
    text[place] = DIGITS:sub(rest + 1, rest + 1)
  end
  return table.concat(text)
end

--- A sync id for a run that began at this time.
function M.sync(started)
  local seconds = math.floor(require("host.sys").epoch(started))
  return M.ksuid(seconds, require("host.secret").random_hex(16))
end

--- 2026-11-24T12:16:26.500Z as the tables have it: 2026-11-24 12:16:26.5
function M.time(rfc3339)
  local date, clock, fraction = rfc3339:match("^([%d-]+)T([%d:]+)%.?(%d*)Z$")
  fraction = fraction:gsub("0+$", "")
  return date .. " " .. clock .. (fraction ~= "" and "." .. fraction or "")
end

return M

-- reeve.time: times for plugins and scripts. There is no clock here: what a mapping gives depends on nothing
-- but the object (an operator's script may ask for at.day). Where a time is taken, it is a text (RFC 3339, a
-- date, which is its midnight in UTC, or an HTTP date) or seconds since 1970.
local need = require "reeve.need"
local sys = require "host.sys"

local M = {}

local MS = 1e11 -- numbers from here on are milliseconds: in seconds this is the year 5138

-- The normal form of a time as text; nil where it is none.
local function normal(text)
  if text:find("^%d%d%d%d%-%d%d%-%d%d$") then text = text .. "T00:00:00Z" end
  return sys.when(text)
end

local function seconds_of(time)
  if type(time) == "number" then return time end
  local text = normal(time)
  return text and sys.epoch(text)
end

local months = { jan = 1, feb = 2, mar = 3, apr = 4, may = 5, jun = 6, jul = 7, aug = 8, sep = 9, oct = 10, nov = 11,
  dec = 12 }

-- What a letter of a format stands for: a pattern, and the field that it fills.
local letters = {
  Y = { "(%d%d%d%d)", "year" }, m = { "(%d%d?)", "month" }, d = { "(%d%d?)", "day" }, H = { "(%d%d?)", "hour" },
  M = { "(%d%d)", "minute" }, S = { "(%d%d)", "second" }, b = { "(%a%a%a)", "month" }, p = { "([AaPp][Mm])", "half" },
  z = { "([Zz+-][%d:]*)", "zone" },
}

local CALL = "time.parse(text, format, zone)"

-- The format as a Lua pattern and the fields in their order; nil and a letter that is not known.
local function compile(format)
  local fields, unknown = {}, nil
  local pattern = format:gsub("[%^%$%(%)%.%[%]%*%+%-%?]", "%%%0"):gsub("%%(%%?%a)", function(letter)
    local known = letters[letter]
    if not known then
      unknown = unknown or letter
      return ""
    end
    fields[#fields + 1] = known[2]
    return known[1]
  end)
  if unknown then return nil, unknown end
  return "^" .. pattern .. "$", fields
end

-- "+02:00", "+0200", "+02" and "Z" as RFC 3339 has it; nil for anything else.
local function zone_of(text)
  if text == "Z" or text == "z" then return "Z" end
  local sign, hours, minutes = text:match("^([+-])(%d%d):?(%d?%d?)$")
  if not sign or #minutes == 1 then return nil end
  return sign .. hours .. ":" .. (minutes == "" and "00" or minutes)
end

local function hour_of(found)
  local hour = tonumber(found.hour or 0)
  if not found.half then return hour end
  if hour < 1 or hour > 12 then return nil end
  return hour % 12 + (found.half:lower() == "pm" and 12 or 0)
end

local function assemble(found, zone)
  local month = tonumber(found.month) or months[(found.month or ""):lower()]
  local hour = hour_of(found)
  zone = zone_of(found.zone or zone)
  if not (found.year and month and found.day and hour and zone) then return nil end
  return ("%s-%02d-%02dT%02d:%02d:%02d%s"):format(found.year, month, tonumber(found.day), hour,
    tonumber(found.minute or 0), tonumber(found.second or 0), zone)
end

local function parse_by(text, pattern, fields, zone)
  local captures, found = { text:match(pattern) }, {}
  for i, field in ipairs(fields) do found[field] = captures[i] end
  local whole = captures[1] and assemble(found, zone)
  return whole and seconds_of(whole)
end

--- Seconds since 1970 of a time as text; nil where it is none. An integer where it has no fraction of a second.
--- With a format ("%d.%m.%Y %H:%M") of a text in that form; `zone` ("+02:00") is where it has no %z of its
--- own, UTC unless told.
function M.parse(text, format, zone)
  need.text(CALL, "text", text)
  need.text_or_nil(CALL, "format", format)
  need.text_or_nil(CALL, "zone", zone)
  if zone and not zone_of(zone) then
    error(CALL .. ': zone: "+02:00" or its like expected, got \'' .. zone .. "'", 2)
  end
  if not format then return seconds_of(text) end
  local pattern, fields = compile(format)
  if not pattern then
    error(("%s: format: %%Y %%m %%d %%H %%M %%S %%b %%p %%z are known, got %%%s"):format(CALL, fields), 2)
  end
  return parse_by(text, pattern, fields, zone or "Z")
end

--- Seconds since 1970 of a number, or its text, that counts seconds or milliseconds; nil for nil, 0 and other texts.
function M.epoch(value)
  if value == nil then return nil end
  need.time("time.epoch(value)", "value", value)
  local n = tonumber(value)
  if not n or n ~= n or n == 0 or math.abs(n) == math.huge then return nil end
  local seconds = math.abs(n) >= MS and n / 1000 or n
  return math.tointeger(seconds) or seconds
end

--- A time as RFC 3339 in UTC, the form that records have; nil where the text is none.
function M.format(time)
  need.time("time.format(time)", "time", time)
  if type(time) == "string" then return normal(time) end
  return sys.time(time)
end

--- The UTC date, "2026-11-24", of a time; nil where the text is none.
function M.day(time)
  need.time("time.day(time)", "time", time)
  local text = type(time) == "number" and sys.time(time) or type(time) == "string" and normal(time)
  return text and text:sub(1, 10)
end

--- So many seconds later, as RFC 3339; nil where the text is no time.
function M.add(time, seconds)
  need.time("time.add(time, seconds)", "time", time)
  need.number("time.add(time, seconds)", "seconds", seconds)
  local from = seconds_of(time)
  return from and sys.time(from + seconds)
end

--- The seconds from one time to another, negative where that is earlier; nil where one of the texts is no time.
function M.between(from, to)
  need.time("time.between(from, to)", "from", from)
  need.time("time.between(from, to)", "to", to)
  local a, b = seconds_of(from), seconds_of(to)
  return a and b and b - a
end

return require("contract.contract").bind("reeve.time", M)

-- refusal: an answer that is no success, told: a code, and what the target itself said about it.
local http = require "host.http"
local json = require "host.json"
local secret = require "host.secret"

local M = {}

local READ, TOLD = 16 * 1024, 200 -- bytes of an error's body that are read; of its words that are told

local codes = { [401] = "credentials", [403] = "credentials", [404] = "not_found", [410] = "not_found",
  [408] = "unavailable", [429] = "throttled", [407] = "unavailable" }

--- The code of a status that is not 2xx.
function M.code(status)
  return codes[status] or (status >= 500 and "unavailable") or "invalid"
end

-- Where APIs put their words, the more telling first.
local places = { "error_description", "message", "error.message", "error.description", "detail",
  "errors.1.message", "errors.1.detail", "errors.1", "error_message", "error.code", "error", "errorSummary",
  "title", "msg", "reason", "description" }

local function at(value, path)
  for name in path:gmatch("[^.]+") do
    if type(value) ~= "table" then return nil end
    value = value[tonumber(name) or name]
  end
  return type(value) == "string" and value ~= "" and value or nil
end

local function words_of(body, content_type)
  local value = json.decode(body)
  if type(value) == "string" then return value end
  for _, place in ipairs(type(value) == "table" and places or {}) do
    local found = at(value, place)
    if found then return found end
  end
  if value ~= nil then return nil end
  if content_type:find("html", 1, true) or body:find("^%s*<") then
    return body:match("<[tT][iI][tT][lL][eE][^>]*>%s*(.-)%s*</") or "an HTML page"
  end
  return body
end

-- One line, at most TOLD bytes, no half character, no secret.
local function tidy(text)
  text = secret.scrub(text) or ""
  text = text:gsub("[%c%s]+", " "):gsub("^ ", ""):gsub(" $", "")
  if #text > TOLD then
    text = text:sub(1, TOLD):gsub("[\xC0-\xF7]?[\x80-\xBF]*$", "") .. "…"
  end
  return utf8.len(text) and text or text:gsub("[\x80-\xFF]", "?")
end

--- What the target said, from the start of the body: a line, or nil. Waits for the body.
function M.words(request, headers)
  local body = request:start_of_body(READ)
  if not body or body == "" then return nil end
  local words = words_of(body, (headers["content-type"] or ""):lower())
  words = words and tidy(words)
  return words ~= "" and words or nil
end

--- "429" or "429: \"slow down\"".
function M.told(status, words)
  return words and ('%d: "%s"'):format(status, words) or tostring(status)
end

--- The table to raise, { status, code, message, url }; `shown` is "GET https://host/path".
function M.failure(fields, shown)
  return http.failure { status = fields.status, code = fields.code, message = secret.scrub(fields.message),
    url = (shown:gsub("^%u+ ", "")), cut = fields.cut }
end

return M

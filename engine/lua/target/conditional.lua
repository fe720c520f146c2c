-- conditional: GET requests that ask "only if it has changed", and answers that are kept for them.
--
--   local store = conditional.store { get = fn(key), put = fn(key, bytes or nil), digest = … }      for one page
--   conditional.begin(session, ask)            says in the request what is kept: ask.kept
--   conditional.answer(ask, res) -> res        kept, where it can be; one from the store for a 304; nil: again
--
-- What is kept is an answer's ETag and Last-Modified, its headers and its body, where that is small. It is found
-- under all that made the answer: method, address, the plugin's headers, and whose credential was sent: the
-- session's goes by all settings, a fixed header by its value; a token made for a request has no name that lasts, and
-- nothing is kept for it. Another digest of the plugin makes what was kept worthless.
local auth = require "target.auth"
local json = require "host.json"
local log = require "log"
local response = require "target.response"
local secret = require "host.secret"
local shape = require "shape"

local M = {}

local BODY_MAX, HEADERS_MAX, PAGE_MAX = 1 << 20, 16 << 10, 8 << 20 -- bytes of an answer; of all that a page keeps
local ROOM = 4096 -- for what is kept beside a body, so that the whole is no larger than other values

-- Headers of one transfer, and those that say more about it than about the document.
local passing = { connection = true, ["content-encoding"] = true, ["content-length"] = true, ["keep-alive"] = true,
  ["set-cookie"] = true, ["transfer-encoding"] = true, date = true, age = true }

--- What answers are kept in. Keys are the engine's own: no plugin's begins with NUL.
function M.store(spec)
  spec.bytes = 0
  return spec
end

-- A hash of named values and what comes before them, however many there are.
local function hash_named(before, values, text_of)
  for _, name in ipairs(shape.names(values)) do
    local value = values[name]
    before = secret.hash(before, name:lower(), secret.is(value) and value or text_of(value))
  end
  return before
end

local function settings_print(session)
  return hash_named("settings", session.settings, function(value) return json.encode { value } end)
end

-- Whose answer it is; nil where that has no name that lasts.
local function owner(session, ask)
  if not ask.auth then return "nobody" end
  if ask.auth ~= session.default_auth then return auth.print(ask.auth) end
  session.print = session.print or settings_print(session)
  return session.print
end

local function key_of(session, ask)
  local whose = owner(session, ask)
  if not whose then return nil end
  return "\0http/" .. hash_named(secret.hash(whose, ask.method, ask.url), ask.headers, tostring)
end

local function load(store, key)
  local bytes = store.get(key)
  if not bytes or bytes == "" then return nil end
  local head, body = string.unpack("<s4s4", bytes)
  head = json.decode(head)
  return head.digest == store.digest and { headers = head.headers, body = body } or nil
end

--- Looks for what is kept, and makes the request conditional. Without a store (a check) it is an ordinary one.
function M.begin(session, ask)
  local store = ask.store
  if not ask.conditional or not store then return end
  ask.key = key_of(session, ask)
  ask.kept = ask.key and load(store, ask.key)
  if not ask.kept then return end
  ask.headers["If-None-Match"] = ask.kept.headers.etag
  ask.headers["If-Modified-Since"] = ask.kept.headers["last-modified"]
end

local function lasting(headers)
  local kept, bytes = {}, 0
  for name, value in pairs(headers) do
    if not passing[name] then
      kept[name], bytes = value, bytes + #name + #value
    end
  end
  return bytes <= HEADERS_MAX and json.encode(kept) and kept or nil
end

local function may_be_kept(res)
  local headers = res.headers
  if res.status ~= 200 or not (headers.etag or headers["last-modified"]) then return false end
  if (headers["cache-control"] or ""):lower():find("no-store", 1, true) then return false end
  return headers.vary ~= "*"
end

-- An answer that a secret is taken out of is not kept.
local function forget_with_secret(ask, res)
  response.on_secret(res, function() ask.store.put(ask.key, "") end)
end

local function keep(ask, res)
  local store, wire = ask.store, response.request(res)
  local headers = may_be_kept(res) and lasting(res.headers)
  local body = headers and wire:small(BODY_MAX - ROOM - HEADERS_MAX)
  local fits = body and store.bytes + #body <= PAGE_MAX
  if not fits then
    if ask.kept then store.put(ask.key, "") end
    return
  end
  store.bytes = store.bytes + #body
  store.put(ask.key, string.pack("<s4s4", json.encode { digest = store.digest, headers = headers }, body))
  forget_with_secret(ask, res)
end

-- The answer that was kept, in place of a 304, whose own headers are newer.
local function from_store(session, ask, res)
  local headers, wire = {}, response.request(res)
  for name, value in pairs(ask.kept.headers) do headers[name] = value end
  for name, value in pairs(res.headers) do
    if not passing[name] then headers[name] = value end
  end
  local ok, message = wire:stand_in(ask.kept.body)
  if not ok then error(message, 0) end
  session.not_modified = session.not_modified + 1
  log.debug("not modified: answered from the store", { request = ask.shown, bytes = #ask.kept.body })
  local stored = response.stored(wire, headers)
  forget_with_secret(ask, stored)
  return stored
end

-- A 304 that nobody asked for: once more, and no cache on the way may answer.
local function again(ask, res)
  response.request(res):cancel()
  ask.insisted = true
  ask.headers["If-None-Match"], ask.headers["If-Modified-Since"] = nil, nil
  ask.headers["Cache-Control"] = "no-cache"
  return nil
end

--- What a conditional request's answer comes to. nil: it is to be asked again.
function M.answer(session, ask, res)
  if not ask.key then return res end
  if res.status == 304 then
    if ask.kept then return from_store(session, ask, res) end
    if not ask.insisted then return again(ask, res) end
  elseif res.status < 500 and res.status ~= 429 then
    keep(ask, res)
  end
  return res
end

return M

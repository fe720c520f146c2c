-- recorder: what a session asks and is answered, taken down as it really goes over the wire: each try, and
-- the credentials' own requests too.
--
--   local r = recorder.new()
--   r:attach(session)          from now on all its exchanges are taken down
--   r:finish()                 after the session has closed
--   r.exchanges                { request = { method, url, headers, body }, response = { status, headers, body } } each,
--                              in the order in which they were answered; secrets are stand-ins in requests
--   r.missed                   tries that no whole answer came of; a replay has no use for them
--   r.redaction, r.settings    redact.lua's, and what the session knew
--
-- Answers are held in memory, unredacted, up to a bound: they never lie on a disk. Secrets that requests carried
-- are held too, so that the engine goes on knowing them.
local fail = require "fail"
local redact = require "trial.redact"
local secret = require "host.secret"

local M = {}
local Recorder = {}
Recorder.__index = Recorder

local ANSWER_MAX, ALL_MAX = 16 << 20, 64 << 20 -- bytes of one answer, of all
local HELD_MAX = 40 -- the engine looks for 64 at once

--- A recorder with a redaction of its own.
function M.new()
  return setmetatable({ redaction = redact.new(), exchanges = {}, waiting = {}, held = {}, n_held = 0, bytes = 0,
    missed = 0 }, Recorder)
end

local function plain(self, value)
  return value and secret.stand_in(self.redaction.names.key, value)
end

-- One of each header's secrets is held, as long as there is room: a signature of each request is another one.
local function hold(self, value, shown)
  if not secret.is(value) or self.held[shown] or self.n_held == HELD_MAX then return end
  self.held[shown], self.n_held = value, self.n_held + 1
end

local function request_of(self, ask, headers)
  local shown = {}
  for name, value in pairs(headers) do
    shown[name] = plain(self, value)
    hold(self, value, shown[name])
  end
  return { method = ask.method, url = plain(self, ask.url), headers = shown, body = plain(self, ask.body) }
end

local function too_large(what, bytes)
  fail("failed", ("%s has more than %d MiB: too large for a cassette"):format(what, bytes >> 20),
    "record a smaller account, or with settings that list less")
end

-- An answer that has all come, or that was given up: of a refusal nobody may have wanted the body.
local function settle(self, one)
  local body, whole = one.wire:kept()
  if not body then too_large("the answer to " .. one.shown, ANSWER_MAX) end
  local answer = one.exchange.response
  if not whole and answer.status < 300 then
    one.exchange.lost, self.missed = true, self.missed + 1
    return
  end
  answer.body = whole and body or ""
  self.bytes = self.bytes + #body
  if self.bytes > ALL_MAX then too_large("the recording", ALL_MAX) end
end

local function settle_those(self, all)
  local left = {}
  for _, one in ipairs(self.waiting) do
    if all or one.wire:settled() then settle(self, one) else left[#left + 1] = one end
  end
  self.waiting = left
end

-- Called with what was asked, the headers that were sent, and the request whose headers are in; nil: none came.
local function tap(self, ask, headers, wire)
  settle_those(self, false)
  if not wire then
    self.missed = self.missed + 1
    return
  end
  wire:keep(ANSWER_MAX)
  local exchange = { request = request_of(self, ask, headers),
    response = { status = wire:status(), headers = wire:headers() } }
  self.exchanges[#self.exchanges + 1] = exchange
  self.waiting[#self.waiting + 1] = { exchange = exchange, wire = wire, shown = ask.shown }
end

-- A secret too short to be told apart from other text cannot be taken out of it.
local function check_settings(self, settings)
  for name, value in pairs(settings) do
    if secret.is(value) and not plain(self, value):find("^secret%-%x+$") then
      fail("config", ("setting %s is too short to be found in what is recorded"):format(name),
        "record with a longer one")
    end
  end
end

--- Takes down what this session asks.
function Recorder:attach(session)
  check_settings(self, session.settings)
  self.settings = session.settings
  session.tap = function(ask, headers, wire) tap(self, ask, headers, wire) end
end

--- Takes what has not been read to its end.
function Recorder:finish()
  settle_those(self, true)
  local whole = {}
  for _, exchange in ipairs(self.exchanges) do
    if not exchange.lost then whole[#whole + 1] = exchange end
  end
  self.exchanges = whole
end

return M

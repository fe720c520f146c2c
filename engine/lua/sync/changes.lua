-- changes: lists that can say what changed since last time (`full` and `changed` in a plugin).
--
-- Such a list is asked for changes where the accepted run listed it whole or by changes to the end, nothing that
-- results depend on has changed since, and a full listing is not due (full_every). Where the next `changed` starts is
-- kept in the record of the run, sealed: what a held or failed run would have known is forgotten with it.
--
-- record.since[list] = { mark = sealed, hexadecimal; own = the plugin gave it; full_at = of the last full listing }
local encoded = require "encoded"
local fail = require "fail"
local json = require "host.json"
local log = require "log"
local secret = require "host.secret"
local sys = require "host.sys"

local M = {}

local SKEW_S = 300 -- how far the target's clock may be off ours, where the plugin gives no mark of its own

local function purpose(fetch)
  return "mark/" .. fetch.name
end

--- What the accepted run knows of where changes start; nothing where it was made in another way.
function M.former(accepted, epoch)
  return accepted and accepted.epoch == epoch and accepted.since or {}
end

--- How a list is asked in this run: { since = value, own =, full_at = } by changes, nil in full.
function M.begin(fetch, list)
  local known = list.changed and (fetch.former or {})[list.name]
  local full_at = known and sys.epoch(known.full_at)
  if not full_at or sys.now() - full_at >= fetch.full_every then return nil end
  local text = secret.open_bytes(fetch.ledger:key(), encoded.unhex(known.mark), purpose(fetch))
  if not text then return nil end -- sealed with a key that is no longer ours
  return { since = json.decode(text)[1], text = text, own = known.own, full_at = known.full_at }
end

--- Does this failure say that `since` is too old, so that only a full listing helps? RFC 9110, 15.5.11: 410 Gone.
function M.too_old(why)
  return type(why) == "table" and (why.code == "too_old" or why.status == 410)
end

-- The mark for the next run: the plugin's, else the one it went by, else the time when this listing began.
local function next_mark(note, mark, by)
  if mark then return mark, true end
  if by and by.own then return by.text, true end
  return json.encode { sys.time(sys.epoch(note.started) - SKEW_S) }, false
end

--- What the run's record keeps of a list that ended whole. `by` is what M.begin gave; nil after a full listing.
function M.keep(fetch, note, mark, by)
  local text, own = next_mark(note, mark, by)
  local sealed = fail.try(secret.seal(fetch.ledger:key(), text, purpose(fetch)))
  return { mark = encoded.hex(sealed), own = own, full_at = by and by.full_at or note.started }
end

--- Says why a list is listed in full after all.
function M.tell_full(fetch, list, reason)
  log.info("listed in full: " .. reason, { connector = fetch.name, list = list.name })
end

return M

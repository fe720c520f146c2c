-- events: what accepted runs changed, as ConductorOne's event feed (list_event_feeds, list_events).
--
-- A grant that came or went is a CREATE_GRANT or CREATE_REVOKE; all else is a RESOURCE_CHANGE of the resource that
-- it is about, after which ConductorOne asks for that resource. An entitlement whose resource changed in the same
-- run says nothing of its own; where the resource did not, each of its entitlements that changed says so.
--
-- * The first run is no events: it tells what there is, which a full sync tells too, and nobody was given anything
--   when it happened to be made. A feed begins at the first run that ended at or after start_at, and without
--   start_at at the oldest that is kept.
-- * When something happened is known no better than by when the run that saw it had ended.
-- * The same change has the same id in every answer: whoever begins again can tell what he had.
-- * A cursor names a run and a row of it, and when that run began. The state may be another one by now, or may have
--   forgotten the run; then events begin again, or go on with the oldest that are left.
-- A page is bounded by its number of events (with ids as long as they can be, 1,000 take less than 3 MiB), and by
-- the number of rows that it looks at.
local fail = require "fail"
local id = require "c1.id"
local message = require "c1.message"
local snapshot = require "state.snapshot"
local sys = require "host.sys"

local M = {}

-- What ConductorOne calls a connector's feed when it names none.
local FEED <const> = "baton_feed_event"
local RESOURCE_CHANGE <const>, CREATE_GRANT <const>, CREATE_REVOKE <const> = 4, 5, 6
local PAGE <const> = 1000
local ROWS <const> = 10000
-- Behind all rows of a run.
local END <const> = math.maxinteger

--- The one feed, as a ListEventFeedsResponse.
function M.feeds()
  return { list = { { id = FEED, supported_event_types = { RESOURCE_CHANGE, CREATE_GRANT, CREATE_REVOKE } } } }
end

-- Places: where reading goes on, { run, row } -------------------------------------------------------------------

local function stamp(run)
  return (run.started:gsub("%D", ""))
end

local function cursor_of(place)
  return ("v1:%d:%d:%s"):format(place.run, place.row, stamp(place.record))
end

local function number(digits)
  return digits and math.tointeger(tonumber(digits))
end

-- The place that a cursor names, which may come from anywhere; nil where it is not one of this state's.
local function place_of(st, accepted, cursor)
  local run, row, began = cursor:match("^v1:(%d+):(%d+):(%d+)$")
  local place = { run = number(run), row = number(row) }
  if not place.run or not place.row or place.run > accepted then return nil end
  local record = snapshot.run(st, place.run)
  if record and stamp(record) ~= began then return nil end
  return place, record == nil
end

-- Behind the last run that ended before a time; at the beginning without one.
local function first_place(st, start_at)
  if not start_at then return { run = 0, row = 0 } end
  local time = (start_at.seconds or 0) + (start_at.nanos or 0) / 1e9
  for n, text in st:runs() do
    local run = snapshot.decode(text)
    if run.state == "accepted" and sys.epoch(run.ended) < time then return { run = n, row = END } end
  end
  return { run = 0, row = 0 }
end

-- The first run may be kept still: nothing of it is an event.
local function behind_first(st, accepted, place)
  local row = fail.try(st:changes_from(0, 0, accepted))()
  local oldest = row and snapshot.run(st, row.run)
  if oldest and not oldest.follows and place.run <= row.run then return { run = row.run, row = END } end
  return place
end

local function begin(st, accepted, request, name)
  local cursor = request.cursor or ""
  local place, forgotten
  if cursor ~= "" then
    place, forgotten = place_of(st, accepted, cursor)
    if not place then
      require("log").warn("events begin again: the cursor is not one of this state", { connector = name })
    elseif forgotten then
      require("log").warn("events go on with the oldest that are kept: the run that the cursor names is forgotten",
        { connector = name, run = place.run })
    end
  end
  return behind_first(st, accepted, place or first_place(st, request.start_at))
end

-- Events --------------------------------------------------------------------------------------------------------

local function ignore() end -- what a message had to cut is no matter in an event

local function resource_change(resource)
  return { resource_change_event = { resource_id = message.resource_id(resource),
    parent_resource_id = message.resource_id(resource.parent) } }
end

-- What changed on a resource, as a change of that resource; nil where the run changed the resource itself, since that
-- has an event of its own.
local function change_on(st, ref, run)
  for version in fail.try(st:history(ref.type, ref.id)) do
    if version.run == run then return nil end
    if version.run < run then return resource_change(snapshot.decode(version.after or version.before)) end
  end
  return resource_change(ref)
end

-- What an event says, by the kind of what changed.
local about = {}

function about.resource(_, _, record)
  return resource_change(record)
end

function about.entitlement(st, change, record)
  return change_on(st, record.resource, change.run)
end

function about.grant(st, change, record)
  if change.op == "changed" then return change_on(st, record.entitlement, change.run) end
  local grant = message.grant(record, ignore)
  local who = { entitlement = grant.entitlement, principal = grant.principal }
  return change.op == "added" and { create_grant_event = who } or { create_revoke_event = who }
end

local function event_of(st, change, run, name)
  if change.op == "same" then return nil end
  local event = about[change.kind](st, change, snapshot.decode(change.after or change.before))
  if not event then return nil end
  local digest = require("host.secret").hash(("%s:%s:%d:%d"):format(name, run.started, change.run, change.row))
  event.id = id.ksuid(math.floor(sys.epoch(run.ended)), digest:sub(1, 32))
  event.occurred_at = run.ended
  return event
end

-- Up to `size` events from a place on; and the place where to go on, nil at the end.
local function page(st, accepted, place, size, name)
  local events, rows, run = {}, 0, nil
  for change in fail.try(st:changes_from(place.run, place.row, accepted)) do
    if not run or run.run ~= change.run then run = snapshot.run(st, change.run) end
    if run then -- else a sync forgets it just now
      if #events == size or rows == ROWS then return events, { run = change.run, row = change.row, record = run } end
      events[#events + 1] = event_of(st, change, run, name)
      rows = rows + 1
    end
  end
  return events, nil
end

--- Events of a connector, as a ListEventsResponse. request: a list_events task's (cursor, start_at, event_feed_id,
--- page_size: 1,000 where it is 0 or more). Fails with not_found for another feed.
function M.list(home, name, request)
  local feed, size = request.event_feed_id or "", request.page_size or 0
  if feed ~= "" and feed ~= FEED then
    fail("not_found", ("%s has no event feed of this name; its only one is '%s'"):format(name, FEED))
  end
  local st, meta = snapshot.find(home, name)
  if not st or meta.accepted == 0 then return { events = {}, cursor = request.cursor, has_more = false } end
  local accepted = meta.accepted
  local place = begin(st, accepted, request, name)
  local events, rest = page(st, accepted, place, size > 0 and math.min(size, PAGE) or PAGE, name)
  -- At the end it is the newest run: the longer a cursor names what is kept, the less is missed.
  local cursor = cursor_of(rest or { run = accepted, row = END, record = snapshot.run(st, accepted) })
  st:close()
  return { events = events, cursor = cursor, has_more = rest ~= nil }
end

return M

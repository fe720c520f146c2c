-- listing: one listing of one parent, page by page, until it ends.
--
-- A page is one call of the list's function. What it emitted counts when it returns, in the transaction that
-- keeps the next cursor; a page whose transfer was cut is run again, twice at most, and its half is dropped.
-- A result is { state =, seen =, announced =, pages =, reason =, failure = }, `failure` being what was raised.
local changes = require "sync.changes"
local context = require "sync.context"
local fail = require "fail"
local json = require "host.json"
local secret = require "host.secret"
local sys = require "host.sys"
local task = require "target.task"

local M = {}

local CUTS = 2       -- times a page is run again after its transfer was cut
local PAGES = 1000000 -- pages of one listing: beyond, it does not end

-- What is kept between pages beside the counts: a note in clear; sealed, the cursor and the mark (changes.lua).
local function pack_note(fetch, note, cursor)
  local sealed = ""
  if cursor or note.mark then
    local private = string.pack("<s4s4", cursor or "", note.mark or "")
    sealed = fail.try(secret.seal(fetch.ledger:key(), private, "cursor/" .. fetch.name))
  end
  local open = {}
  for name, value in pairs(note) do
    if name ~= "mark" then open[name] = value end
  end
  return string.pack("<s4s4", json.encode(open), sealed)
end

local function text_or_nil(text)
  return text ~= "" and text or nil
end

local function unpack_note(fetch, text)
  if text == "" then return {} end
  local note, sealed = string.unpack("<s4s4", text)
  if sealed == "" then return json.decode(note) end
  local private = secret.open_bytes(fetch.ledger:key(), sealed, "cursor/" .. fetch.name)
  if not private then
    local e = fail.new("failed", "the place where the run was cut short was sealed with another key")
    e.afresh = true
    error(e, 0)
  end
  local cursor, mark = string.unpack("<s4s4", private)
  note = json.decode(note)
  note.mark = text_or_nil(mark)
  return note, text_or_nil(cursor)
end

-- A cursor as the plugin gave it, to text and back. nil, null and "" all mean: that was the last page.
local function cursor_text(value)
  if value == nil or value == "" or value == json.null then return nil end
  local text, message = json.encode { value }
  if not text then fail("config", "the list returned a cursor that cannot be kept: " .. message) end
  return text
end

local function cursor_value(text)
  return text and json.decode(text)[1]
end

-- Runs the list's function once. Returns ok, what it returned or raised, and what it said by ctx.
local function call(self)
  local list, by = self.list, self.by
  local page = { list = list, emit = self.unit:emitter(), changes = by and self.unit,
    parent = self.parents.name and json.decode(self.parents.name) }
  local ctx = context.new(self.fetch, page)
  local args = by and table.pack(ctx, cursor_value(self.cursor), by.since)
    or table.pack(ctx, cursor_value(self.cursor), table.unpack(self.parents))
  local label = ("%s/connector.lua, list %s"):format(self.fetch.plugin.shown, list.name)
  local t = task.spawn(by and list.changed or list.fn, { sandbox = label, args = args })
  local results = table.pack(pcall(t.join, t))
  local unfinished = context.finish(self.fetch, page)
  if results[1] and results[2] == nil and results[3] ~= nil then
    return false, fail.new(results[4] or "failed", tostring(results[3])), page
  end
  if results[1] and unfinished and not page.not_covered then
    return false, fail.new("config", ("list %s: %s"):format(list.name, unfinished)), page
  end
  return results[1], results[2], page
end

local function is_cut(why)
  return type(why) == "table" and why.cut
end

-- A page, run again where its transfer was cut.
local function run_page(self)
  for try = 0, CUTS do
    local ok, result, page = call(self)
    if ok or not is_cut(result) or try == CUTS then return ok, result, page end
    self.fetch.log.warn("page run again: its transfer was cut", { list = self.list.name })
    fail.try(self.unit:page_drop())
  end
end

local function write_cache(fetch, page)
  for key, value in pairs(page.puts) do fail.try(fetch.stage:cache(key, value)) end
end

local function end_state(note, counts)
  if note.not_covered then return "not_covered", note.not_covered end
  if note.incomplete then return "incomplete", note.incomplete end
  if note.announced and note.announced ~= counts.seen then
    return "incomplete", ("the target announced %d and gave %d"):format(note.announced, counts.seen)
  end
  if note.nameless then return "incomplete", note.nameless end
  return "complete"
end

local function take_page(note, page, counts)
  note.incomplete = note.incomplete or page.incomplete
  note.not_covered = page.not_covered
  note.announced = page.expect or note.announced
  if page.gone then note.announced = nil end
  note.nameless = note.nameless or counts.nameless
  note.mark = page.mark or note.mark
end

-- The account of a listing that ended. What it says of the next one is kept where it ended whole.
local function finished(self, state, counts, pages)
  local note, fetch = self.note, self.fetch
  if self.list.changed and state == "complete" then
    fetch.since[self.list.name] = changes.keep(fetch, note, note.mark, self.by)
  end
  return { state = state, reason = note.reason, announced = note.announced, seen = counts.seen, pages = pages,
    started = note.started, ended = note.ended, changes = note.changes }
end

-- Begins again, in full: what changes gave until now is dropped.
local function in_full(self, reason)
  changes.tell_full(self.fetch, self.list, reason)
  fail.try(self.unit:restart())
  self.by, self.cursor, self.note = nil, nil, { started = sys.time() }
  fail.try(self.unit:page_end("open", pack_note(self.fetch, self.note)))
end

-- The last page is in. Of changes, what was not mentioned is taken over; false where there were too many.
local function close(self)
  local note, unit = self.note, self.unit
  local state
  state, note.reason = end_state(note, unit:counts())
  if self.by then
    if not note.ended then
      note.ended = sys.time()
      fail.try(unit:page_end("open", pack_note(self.fetch, note)))
      self.pages = self.pages + 1
    end
    local ok, message, code = unit:changes_end(state == "complete")
    if code == "limit" then return in_full(self, message) end
    fail.try(ok, ("list %s: %s"):format(self.list.name, message or ""), code)
  end
  note.ended = note.ended or sys.time()
  fail.try(unit:page_end(state, pack_note(self.fetch, note)))
  return finished(self, state, unit:counts(), self.pages)
end

-- What a page that ended well leads to: the account where it was the last, nil and the failure where it cannot be.
local function take(self, result, page, given)
  local list, unit, note = self.list, self.unit, self.note
  take_page(note, page, unit:counts())
  if page.not_covered then
    fail.try(unit:page_drop())
  else
    write_cache(self.fetch, page)
  end
  local next_cursor = not (page.not_covered or page.gone) and cursor_text(result) or nil
  local seen = next_cursor and secret.hash(next_cursor) -- not the cursor: it may be some KiB, and pages many
  if next_cursor and given[seen] then
    return nil, fail.new("invalid", ("list %s: the target gave the same cursor twice: it goes in circles")
      :format(list.name))
  end
  self.pages, self.cursor = self.pages + (self.by and not next_cursor and 0 or 1), next_cursor
  if not next_cursor then return close(self) end
  given[seen] = true
  fail.try(unit:page_end("open", pack_note(self.fetch, note, next_cursor)))
end

-- The pages from self.cursor on.
local function run_pages(self)
  local given = {}
  if self.by and self.note.ended then -- cut short behind its last page
    local result = close(self)
    if result then return result end
  end
  for _ = 1, PAGES do
    local ok, result, page = run_page(self)
    if not ok and self.by and changes.too_old(result) then
      in_full(self, ("the target no longer knows what changed since last time: %s"):format(tostring(result.message)))
      given = {}
    elseif not ok then
      if type(result) == "table" and result.code == "too_old" then result.code = "invalid" end
      return nil, result
    else
      local account, why = take(self, result, page, given)
      if account or why then return account, why end
    end
  end
  return nil, fail.new("invalid", ("list %s: it does not end"):format(self.list.name))
end

-- Closes a listing that failed for one parent of many: what it gave before is kept.
local function close_failed(self, why)
  local note, unit = self.note, self.unit
  note.reason, note.ended = tostring(type(why) == "table" and why.message or why), sys.time()
  fail.try(unit:page_drop())
  fail.try(unit:page_end("failed", pack_note(self.fetch, note)))
  local result = finished(self, "failed", unit:counts(), self.pages)
  result.failure = why
  return result
end

-- Is this only this parent's trouble? A refused credential, a mistake in Lua and a full disk are everybody's.
local function only_here(why)
  local code = type(why) == "table" and why.code
  return code == "unavailable" or code == "throttled" or code == "not_found" or code == "invalid"
    or code == "limit" or code == "failed"
end

-- By changes, or in full? A listing that goes on goes on as it began, unless it no longer can.
local function choose(self, fresh)
  local note = self.note
  if fresh or note.changes then self.by = changes.begin(self.fetch, self.list) end
  if self.by then
    note.changes = true
    self.unit:changes()
  elseif note.changes then
    in_full(self, "the last listing is too long ago")
  end
end

--- Lists one parent (`parent`: its name as JSON, `parents`: raw objects for the function), or all where the
--- list has no `per`. Raises where the run cannot go on; an error with `afresh` where it can from its beginning.
function M.run(fetch, list, parent, parents)
  parents.name = parent
  local unit, progress, text = fetch.stage:unit {
    list = list.name, parent = parent, emits = list.kinds, settings = fetch.settings_json, day = fetch.day,
    epoch = fetch.epoch,
  }
  if not unit then fail(text or "storage", progress) end
  local note, cursor = unpack_note(fetch, text)
  local self = { fetch = fetch, list = list, unit = unit, note = note, cursor = cursor, parents = parents,
    pages = progress.pages }
  local number = unit:number()
  if progress.state ~= "open" then
    unit:close()
    self.by = note.changes and changes.begin(fetch, list) or nil
    local result = finished(self, progress.state, progress, progress.pages)
    result.unit, result.counts = number, {}
    return result
  end
  note.started = note.started or sys.time()
  choose(self, text == "")
  local result, why = run_pages(self)
  if not result and list.per and only_here(why) then result = close_failed(self, why) end
  local counts = unit:counts()
  if not result then unit:page_drop() end
  unit:close()
  if not result then
    if type(why) == "string" then why = fail.new("config", why) end
    error(why, 0)
  end
  result.unit, result.counts = number, counts
  return result
end

return M

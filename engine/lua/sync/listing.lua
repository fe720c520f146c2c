-- listing: one listing of one parent, page by page, until it ends.
--
-- A page is one call of the list's function. What it emitted counts when it returns, in the transaction that
-- keeps the next cursor; a page whose transfer was cut is run again, twice at most, and its half is dropped.
-- A result is { state =, seen =, announced =, pages =, reason =, failure = }, `failure` being what was raised.
local context = require "sync.context"
local fail = require "fail"
local json = require "host.json"
local secret = require "host.secret"
local sys = require "host.sys"
local task = require "target.task"

local M = {}

local CUTS = 2       -- times a page is run again after its transfer was cut
local PAGES = 1000000 -- pages of one listing: beyond, it does not end

-- What is kept between pages beside the counts: a note in clear and the cursor, sealed.
local function pack_note(fetch, note, cursor)
  local sealed = ""
  if cursor then
    sealed = fail.try(secret.seal(fetch.ledger:key(), cursor, "cursor/" .. fetch.name))
  end
  return string.pack("<s4s4", json.encode(note), sealed)
end

local function unpack_note(fetch, text)
  if text == "" then return {} end
  local note, sealed = string.unpack("<s4s4", text)
  if sealed == "" then return json.decode(note) end
  local cursor = secret.open_bytes(fetch.ledger:key(), sealed, "cursor/" .. fetch.name)
  if not cursor then
    local e = fail.new("failed", "the place where the run was cut short was sealed with another key")
    e.afresh = true
    error(e, 0)
  end
  return json.decode(note), cursor
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
local function call(fetch, list, unit, cursor, parents)
  local page = { list = list, emit = unit:emitter(), parent = parents.name and json.decode(parents.name) }
  local ctx = context.new(fetch, page)
  local t = task.spawn(list.fn, { sandbox = ("%s/connector.lua, list %s"):format(fetch.plugin.shown, list.name),
    args = table.pack(ctx, cursor_value(cursor), table.unpack(parents)) })
  local results = table.pack(pcall(t.join, t))
  local unfinished = context.finish(fetch, page)
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
local function run_page(fetch, list, unit, cursor, parents)
  for try = 0, CUTS do
    local ok, result, page = call(fetch, list, unit, cursor, parents)
    if ok or not is_cut(result) or try == CUTS then return ok, result, page end
    fetch.log.warn("page run again: its transfer was cut", { list = list.name })
    fail.try(unit:page_drop())
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
end

local function finished(note, state, counts, pages)
  return { state = state, reason = note.reason, announced = note.announced, seen = counts.seen, pages = pages,
    started = note.started, ended = note.ended }
end

-- The pages from `cursor` on.
local function run_pages(fetch, list, unit, note, cursor, parents, pages)
  local given = {}
  for _ = 1, PAGES do
    local ok, result, page = run_page(fetch, list, unit, cursor, parents)
    if not ok then return nil, result, pages end
    local counts = unit:counts()
    take_page(note, page, counts)
    if page.not_covered then
      fail.try(unit:page_drop())
    else
      write_cache(fetch, page)
    end
    local next_cursor = not (page.not_covered or page.gone) and cursor_text(result) or nil
    local seen = next_cursor and secret.hash(next_cursor) -- not the cursor: it may be some KiB, and pages many
    if next_cursor and given[seen] then
      return nil, fail.new("invalid", ("list %s: the target gave the same cursor twice: it goes in circles")
        :format(list.name)), pages
    end
    pages = pages + 1
    if not next_cursor then
      local state
      note.ended = sys.time()
      state, note.reason = end_state(note, counts)
      fail.try(unit:page_end(state, pack_note(fetch, note)))
      return finished(note, state, unit:counts(), pages)
    end
    given[seen] = true
    fail.try(unit:page_end("open", pack_note(fetch, note, next_cursor)))
    cursor = next_cursor
  end
  return nil, fail.new("invalid", ("list %s: it does not end"):format(list.name)), pages
end

-- Closes a listing that failed for one parent of many: what it gave before is kept.
local function close_failed(fetch, unit, note, why, pages)
  note.reason, note.ended = tostring(type(why) == "table" and why.message or why), sys.time()
  fail.try(unit:page_drop())
  fail.try(unit:page_end("failed", pack_note(fetch, note)))
  local result = finished(note, "failed", unit:counts(), pages)
  result.failure = why
  return result
end

-- Is this only this parent's trouble? A refused credential, a mistake in Lua and a full disk are everybody's.
local function only_here(why)
  local code = type(why) == "table" and why.code
  return code == "unavailable" or code == "throttled" or code == "not_found" or code == "invalid"
    or code == "limit" or code == "failed"
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
  local number = unit:number()
  if progress.state ~= "open" then
    unit:close()
    local result = finished(note, progress.state, progress, progress.pages)
    result.unit, result.counts = number, {}
    return result
  end
  note.started = note.started or sys.time()
  local result, why, pages = run_pages(fetch, list, unit, note, cursor, parents, progress.pages)
  if not result and list.per and only_here(why) then result = close_failed(fetch, unit, note, why, pages) end
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

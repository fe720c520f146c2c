-- paginate_page: takes the items of one answer, and holds them against the pages before.
--
-- Between pages there is nothing but `state`, the cursor of the list:
--   at      what the next page is asked with          n, turn   items and pages so far
--   total, pages   what the target announced last, of items and of pages
--   ids     fingerprints of the last page's last items, joined: what comes again has drifted
--   all     fingerprint of the whole last page; mark, mark_at: of an earlier page, and what it was asked
--           with. The mark moves when the number of pages is a power of two, so that a circle of any
--           length meets it.
local http = require "host.http"
local json = require "host.json"
local options = require "plugin.paginate_options"
local secret = require "host.secret"
local shape = require "plugin.shape"

local M = {}

local PRINT, KEPT = 12, 256 -- characters of a fingerprint; how many of a page are kept

--- Raises that the target's answers make no sense.
function M.nonsense(given, res, text, ...)
  local where = res and res.url or "the target"
  error(http.failure { code = "invalid", status = res and res.status, url = res and res.url,
    message = ("paginate.%s: %s: %s"):format(given.builder, where, text:format(...)) }, 0)
end

--- A value of an answer, as messages show it.
function M.show(value)
  return json.is_raw(value) and "an array or object" or shape.show(value)
end

local function fingerprint(text)
  return secret.hash(text):sub(1, PRINT)
end

--- The text that tells an item from others; nil where nothing does.
local function key_of(given, item)
  local key = given.key
  if key == nil then key = "id" end
  if key == false then return nil end
  local value
  if type(key) == "function" then
    value = key(item)
  elseif type(item) == "table" or json.is_raw(item) then
    value = options.at(item, key)
  elseif given.key == nil then
    value = item -- an array of texts or numbers
  end
  if type(value) ~= "string" and math.type(value) ~= "integer" then return nil end
  return tostring(value)
end

-- The items of an answer: an iterator, and whether rest is there after it.
local function iterator(given, res)
  local items = given.items
  if type(items) ~= "function" then return res:each(items, { optional = given.optional == true }), true end
  local value = items(res)
  if type(value) == "function" then return value, true end
  if type(value) ~= "table" and not json.is_raw(value) then
    error(("paginate.%s: items: its function returned %s, a list or an iterator expected"):format(given.builder,
      shape.show(value)), 0)
  end
  local i = 0
  return function()
    i = i + 1
    return value[i]
  end, false
end

--- Hands an item on.
function M.emit(given, ctx, item, ...)
  if type(given.emit) == "function" then given.emit(ctx, item, ...) else ctx.emit(given.emit, item) end
end

local function is_known(ids, print)
  local from = 1
  while true do
    local found = ids:find(print, from, true)
    if not found then return false end
    if (found - 1) % PRINT == 0 then return true end
    from = found + 1
  end
end

--- Reads an answer: hands its items to `take(item, print, key)`, which says false for one that is not to be
--- emitted. Returns { res, document, count, fresh = how many the page before did not have, last, prints }.
function M.read(given, res, take, ctx, ...)
  local page = { res = res, count = 0, prints = {} }
  local each, streamed = iterator(given, res)
  for item in each do
    page.count, page.last = page.count + 1, item
    local key = key_of(given, item)
    local print = key and fingerprint(key)
    page.prints[#page.prints + 1] = print
    if take(item, print, key) ~= false then M.emit(given, ctx, item, ...) end
  end
  if (given.key or given.overlap) and page.count > 0 and #page.prints == 0 then
    error(("paginate.%s: key: none of the items of %s has a text or a whole number there"):format(given.builder,
      res.url), 0)
  end
  page.fresh = page.count
  page.document = streamed and res.rest or res.json
  return page
end

--- Says that a list moved while it was read: what came is kept, nothing is deleted.
function M.drifted(given, ctx, text, ...)
  ctx.incomplete(("paginate.%s: %s: the list drifted while it was read; ask for it in an order that does not "
    .. "change, or for larger pages"):format(given.builder, text:format(...)))
end

--- A `take` that looks for items of the page before.
function M.watch(given, state, ctx)
  local told = false
  return function(_, print, key)
    if told or not print or not state.ids or not is_known(state.ids, print) then return end
    told = true
    M.drifted(given, ctx, "item %s came on two pages in a row (where that is meant, say key = false)",
      shape.show(key))
  end
end

-- What the whole page is known by; nil where it is empty, or key = false.
local function print_of_page(given, page)
  if page.count == 0 or given.key == false then return nil end
  if #page.prints > 0 then return fingerprint(table.concat(page.prints)) end
  local last = type(page.last) == "function" and "" or json.encode { page.last } or ""
  return fingerprint(page.count .. last)
end

--- The fingerprints of the last `n` items of the page before.
function M.tail(state, n)
  local tail = {}
  for at = math.max(1, #state.ids - n * PRINT + 1), #state.ids, PRINT do
    tail[#tail + 1] = state.ids:sub(at, at + PRINT - 1)
  end
  return tail
end

--- Takes a page into the state. Raises where it has been there before.
function M.follow(given, state, page, asked)
  local all = print_of_page(given, page)
  local only_overlap = page.overlaps and page.fresh == 0
  if all and not only_overlap and (all == state.all or all == state.mark) then
    M.nonsense(given, page.res, "the same page came again%s: the target goes in circles, or does not know how it "
      .. "is asked for the next one", asked and (" for " .. asked) or "")
  end
  state.n, state.turn, state.all = state.n + page.fresh, state.turn + 1, all or state.all
  if #page.prints > 0 then
    local from = math.max(1, #page.prints - KEPT + 1)
    state.ids = table.concat(page.prints, "", from)
  end
end

--- The fingerprint of where a page was asked, for state.mark_at.
function M.place(at)
  return at ~= nil and fingerprint(tostring(at)) or nil
end

--- Goes on to `at`, a cursor or address of the target's. Raises where it leads back.
function M.go_on(given, state, page, at)
  local place = M.place(at)
  if place == M.place(state.at) or place == state.mark_at then
    M.nonsense(given, page.res, "%s %s came twice: the target goes in circles",
      given.follows and "the next address" or "the cursor", shape.show(at))
  end
  M.mark(state)
  state.at = at
  return state
end

--- Moves the mark to the page that was just taken, where it is its turn.
function M.mark(state)
  if state.turn & (state.turn - 1) == 0 then
    state.mark, state.mark_at = state.all, M.place(state.at)
  end
end

return M

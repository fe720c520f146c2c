-- paginate_page: takes the items of one answer, and holds them against the pages before.
--
-- Between pages there is nothing but `state`, the cursor of the list:
--   at      what the next page is asked with          n, turn   items and pages so far
--   total, pages   what the target announced last, of items and of pages
--   keys    of the last page's last items, long ones as fingerprints: what comes again has drifted
--   all     fingerprint of the whole last page; mark, mark_at: of an earlier page, and what it was asked
--           with. The mark moves when the number of pages is a power of two, so that a circle of any
--           length meets it.
--   home    origin of the first page, where pages are addresses
local http = require "host.http"
local json = require "host.json"
local options = require "reeve.paginate_options"
local secret = require "host.secret"
local shape = require "shape"

local M = {}

local PRINT, SHORT, KEPT = 16, 40, 128 -- characters of a fingerprint, of a key that is kept; how many keys are

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

-- A function that gives the value which tells an item from others. It runs for every item.
local function teller(given)
  local key = given.key
  if key == nil then
    return function(item)
      if type(item) == "table" or json.is_raw(item) then return item.id end
      return item -- an array of texts or numbers
    end
  end
  if key == false then return function() end end
  if type(key) == "function" then return key end
  if not key:find(".", 1, true) then return function(item) return item[key] end end
  return function(item) return options.at(item, key) end
end

-- That value as a key; nil where it is none.
local function key_of(value)
  if math.type(value) == "integer" then return tostring(value) end
  if type(value) ~= "string" then return nil end
  return #value <= SHORT and value or fingerprint(value)
end

-- The items of an answer: an iterator, and whether rest is there after it.
local function iterator(given, res)
  local items = given.items
  if type(items) ~= "function" then return res:each(items, { optional = given.optional == true }), true end
  local value = items(res)
  if type(value) == "function" then return value, true end
  if type(value) ~= "table" and not json.is_raw(value) then
    error(("paginate.%s: items: its function returned %s, a list or an iterator expected"):format(given.builder,
      M.show(value)), 0)
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

--- Reads an answer: hands its items to `take(item, key)`, which says false for one that is not to be emitted.
--- Returns { res, streamed, count, fresh = how many the page before did not have, last, keys }.
function M.read(given, res, take, ctx, ...)
  local count, last, keys, tell, kind = 0, nil, {}, teller(given), given.emit
  local each, streamed = iterator(given, res)
  for item in each do
    count, last = count + 1, item
    local key = key_of(tell(item))
    if key then keys[#keys + 1] = key end
    if take(item, key) ~= false then
      if type(kind) == "string" then ctx.emit(kind, item) else kind(ctx, item, ...) end
    end
  end
  if (given.key or given.overlap) and count > 0 and #keys == 0 then
    error(("paginate.%s: key: none of the items of %s has a text or a whole number there"):format(given.builder,
      res.url), 0)
  end
  return { res = res, streamed = streamed, count = count, fresh = count, last = last, keys = keys }
end

--- What stands at a place of the answer's document, beside its items.
function M.beside(page, place)
  return options.at(page.streamed and page.res.rest or page.res.json, place)
end

--- Says that a list moved while it was read: what came is kept, nothing is deleted.
function M.drifted(given, ctx, text, ...)
  ctx.incomplete(("paginate.%s: %s: the list drifted while it was read; ask for it in an order that does not "
    .. "change, or for larger pages"):format(given.builder, text:format(...)))
end

--- A `take` that looks for items of the page before.
function M.watch(given, state, ctx)
  local known, told = {}, false
  for _, key in ipairs(state.keys or {}) do known[key] = true end
  return function(_, key)
    if told or not key or not known[key] then return end
    told = true
    M.drifted(given, ctx, "item %s came on two pages in a row (where that is meant, say key = false)",
      shape.show(key))
  end
end

-- What the whole page is known by; nil where it is empty, or key = false.
local function print_of_page(given, page)
  if page.count == 0 or given.key == false then return nil end
  if #page.keys > 0 then return fingerprint(table.concat(page.keys, "\n")) end
  local last = type(page.last) == "function" and "" or json.encode { page.last } or ""
  return fingerprint(page.count .. last)
end

-- The last `n` of a list, or all.
local function last_of(list, n)
  return table.move(list, math.max(1, #list - n + 1), #list, 1, {})
end

--- The keys of the last `n` items of the page before.
function M.tail(state, n)
  return last_of(state.keys, n)
end

--- Takes a page into the state. Raises where it has been there before.
function M.follow(given, state, page, asked)
  local all = print_of_page(given, page)
  if all and (all == state.all or all == state.mark) then
    M.nonsense(given, page.res, "the same page came again%s: the target goes in circles, or does not know how it "
      .. "is asked for the next one", asked and (" for " .. asked) or "")
  end
  state.n, state.turn, state.all = state.n + page.fresh, state.turn + 1, all or state.all
  if #page.keys > 0 then state.keys = last_of(page.keys, KEPT) end
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

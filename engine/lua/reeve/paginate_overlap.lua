-- paginate_overlap: pages that overlap, for lists without a snapshot. Each page after the first is asked for `back`
-- items earlier than it would begin, and has to begin with the last items of the page before. Where it
-- does not, items went or came meanwhile: it is read again, further back, twice at most, and goes on behind
-- those items wherever they stand now. A page that has nothing else may be the last, or of a target that gives
-- small ones: the end is where nothing comes behind it.
local options = require "reeve.paginate_options"
local pages = require "reeve.paginate_page"
local request = require "reeve.paginate_request"

local M = {}

local AGAIN = 2 -- times a page is read again

-- The place after the former page's last items, where they stand in a row; nil where they do not.
local function find_tail(keys, tail)
  for from = 0, #keys - #tail do
    local same = true
    for i = 1, #tail do same = same and keys[from + i] == tail[i] end
    if same then return from + #tail end
  end
end

-- Says of each item whether it is to be emitted now: what stands before the tail's end is known and is not.
-- In the last reading, where there is no tail among the first items, all are.
local function sieve(given, tail, zone, last, ctx, ...)
  local held, keys, parents = {}, {}, table.pack(...)
  local seen = {}
  local function give_up()
    for _, item in ipairs(held) do pages.emit(given, ctx, item, table.unpack(parents, 1, parents.n)) end
    held, seen.lost = {}, true
  end
  function seen.take(item, key)
    if seen.tail or seen.lost then return true end
    if #held < zone then
      held[#held + 1], keys[#keys + 1] = item, key or ""
      seen.tail = find_tail(keys, tail)
    end
    if not seen.tail and last and #held == zone then give_up() end
    return false
  end
  function seen.finish()
    if not seen.tail and last and not seen.lost then give_up() end
  end
  return seen
end

local function read(given, state, tail, back, try, ctx, ...)
  local first = math.max(state.at - back * (try + 1), options.ask(given, "start", given.first, ctx, ...))
  local res = request.send(given, { at = first }, ctx, ...)
  if not res then return nil end
  local seen = sieve(given, tail, back * (2 * try + 1), try == AGAIN, ctx, ...)
  local page = pages.read(given, res, seen.take, ctx, ...)
  seen.finish()
  page.at, page.fresh = first, page.count - (seen.tail or 0)
  return page, seen.tail ~= nil
end

-- The page at its own place, after one that had only what was known.
local function behind(given, state, ctx, ...)
  local res = request.send(given, state, ctx, ...)
  local page = res and pages.read(given, res, pages.watch(given, state, ctx), ctx, ...)
  if page then page.at = state.at end
  return page
end

--- The page after the one that the state knows; nil where the plugin has dealt with a refusal.
function M.read(given, state, back, ctx, ...)
  back = math.min(back, math.max(1, #state.keys // 3)) -- so that a page can hold three of them
  local tail = pages.tail(state, back)
  for try = 0, AGAIN do
    local page, found = read(given, state, tail, back, try, ctx, ...)
    if found and page.fresh == 0 then return behind(given, state, ctx, ...) end
    if not page or found then return page end
    if try == AGAIN then
      pages.drifted(given, ctx, "the page at %s %d does not begin with the last %d items of the page before, read %d "
        .. "times", given.builder, page.at, #tail, AGAIN + 1)
      page.at = math.max(page.at, state.at - page.count) -- never back to where the last page began
      return page
    end
  end
end

return M

-- reeve.paginate: builds list functions for APIs that answer by pages. One call of such a function is one
-- page; what it has to know for the next one is in the cursor it returns.
--
--   M.list.user = paginate.cursor { path = "/users", items = "users", next = "meta.next", emit = "user" }
--
-- offset, page, cursor: the next page is asked with a number or a word of the target's in the request;
-- link, next_url: at an address of the target's. Options are checked here, where they are written. Pages are
-- held against each other (paginate_page): circles, items that come twice, totals that change; what is doubtful
-- makes the list incomplete, so that nothing is deleted for it, or fails it.
local contract = require "contract.contract"
local end_of = require "reeve.paginate_end"
local options = require "reeve.paginate_options"
local overlap = require "reeve.paginate_overlap"
local pages = require "reeve.paginate_page"
local request = require "reeve.paginate_request"

local M = {}

local MAX_PAGES = 10000

local function check_cap(given, state, page, ctx, ...)
  local most = options.ask(given, "max_pages", MAX_PAGES, ctx, ...)
  if state.turn < most then return end
  pages.nonsense(given, page.res, "after %d pages (max_pages) the list has not ended; where it is that long, say a "
    .. "larger max_pages", state.turn)
end

-- The answer's items, emitted; nil where the plugin has dealt with a refusal.
local function read(given, state, ctx, ...)
  local back = given.overlap and state.keys and options.ask(given, "overlap", nil, ctx, ...)
  if back then
    local page = overlap.read(given, state, back, ctx, ...)
    if page then state.at = page.at end
    return page
  end
  local follow = given.follows and state.at and request.follow or request.send
  local res = follow(given, state, ctx, ...)
  return res and pages.read(given, res, pages.watch(given, state, ctx), ctx, ...)
end

-- One page of any style: `next_of(given, state, page, ctx, …)` gives the state for the next; nil: there is none.
local function run(given, next_of, state, ctx, ...)
  local page = read(given, state, ctx, ...)
  if not page then return nil end
  pages.follow(given, state, page, given.numbered and ("%s %s"):format(given.builder, state.at))
  local total = end_of.total(given, state, page, ctx)
  local after = next_of(given, state, page, ctx, ...)
  if after then check_cap(given, after, page, ctx, ...) else end_of.account(given, state, total, ctx) end
  return after
end

-- Numbers: offset and page.

local function start_of(given, ctx, ...)
  return options.ask(given, "start", given.first, ctx, ...)
end

local function next_number(given, state, page, ctx, ...)
  local first = start_of(given, ctx, ...)
  local step = given.builder == "page" and 1 or options.ask(given, "step", page.count, ctx, ...)
  if end_of.numbered(given, state, page, first, step, ctx, ...) then return nil end
  pages.mark(state)
  state.at = state.at + step
  return state
end

-- What the target gives: a cursor or an address.

local function told(given, page, ctx, ...)
  local next_of = given.next
  if type(next_of) == "function" then return next_of(page.res, page.last) end
  if given.builder == "link" then return page.res.links[options.ask(given, "rel", "next", ctx, ...)] end
  return pages.beside(page, next_of)
end

local function next_cursor(given, state, page, ctx, ...)
  local more = end_of.more(given, state, page)
  local cursor = told(given, page, ctx, ...)
  if more == false or end_of.is_nothing(cursor) then return nil end
  if type(cursor) ~= "string" and type(cursor) ~= "number" then
    pages.nonsense(given, page.res, "next: a text or a number expected, got %s", pages.show(cursor))
  end
  return pages.go_on(given, state, page, cursor)
end

local function next_address(given, state, page, ctx, ...)
  local address = told(given, page, ctx, ...)
  if end_of.more(given, state, page) == false or end_of.is_nothing(address) then return nil end
  if type(address) ~= "string" then
    pages.nonsense(given, page.res, "next: an address expected, got %s", pages.show(address))
  end
  local whole, why = request.resolve(given, state, page.res, address, ctx, ...)
  if not whole then pages.nonsense(given, page.res, "%s", why) end
  return pages.go_on(given, state, page, whole)
end

local function builder(name, next_of, more)
  return function(given_options)
    local ok, given = pcall(options.read, name, given_options)
    if not ok then error(given, 2) end
    for key, value in pairs(more) do given[key] = value end
    return function(ctx, state, ...)
      state = state or { n = 0, turn = 0, at = start_of(given, ctx, ...) }
      return run(given, next_of, state, ctx, ...)
    end
  end
end

--- The next page begins after so many items: ?offset=100&limit=50.
M.offset = builder("offset", next_number, { numbered = true, first = 0, param_name = "offset", size_name = "limit" })

--- Pages are numbered: ?page=2&per_page=50.
M.page = builder("page", next_number, { numbered = true, first = 1, param_name = "page", size_name = "per_page" })

--- Each answer has the cursor of the next page.
M.cursor = builder("cursor", next_cursor, { param_name = "cursor", size_name = "limit" })

--- Each answer has the next page's address in its Link header (RFC 8288).
M.link = builder("link", next_address, { follows = true, size_name = "per_page" })

--- Each answer has the next page's address in its body.
M.next_url = builder("next_url", next_address, { follows = true, size_name = "limit" })

return contract.bind("reeve.paginate", M)

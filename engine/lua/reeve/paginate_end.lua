-- paginate_end: when a list is over, and whether what came is what was announced.
local json = require "host.json"
local options = require "reeve.paginate_options"
local pages = require "reeve.paginate_page"

local M = {}

--- nil, null, "" and false all mean that there is no next page.
function M.is_nothing(value)
  return value == nil or value == "" or value == false or value == json.null
end

-- What an option says about an answer. A place that the first answer does not have is a slip of the pen, and
-- would end the list too early; later pages may go without.
local function told(given, name, state, page)
  local place = given[name]
  if place == nil then return nil end
  if type(place) == "function" then return place(page.res, page.last) end
  local value = pages.beside(page, place)
  if value == nil and state.turn == 1 then
    pages.nonsense(given, page.res, "%s: there is nothing at '%s' in the answer; where it may be missing, a "
      .. "function(res) can say so", name, place)
  end
  return value
end

local function whole(given, name, state, page)
  local value = told(given, name, state, page)
  if value == nil then return nil end
  local n = math.tointeger(tonumber(value))
  if not n or n < 0 then
    pages.nonsense(given, page.res, "%s: a whole number expected, got %s", name, pages.show(value))
  end
  return n
end

-- A number that the target has told before: it must not change while the list is read.
local function steady(given, name, state, page, ctx)
  local n = whole(given, name, state, page)
  local former = state[name]
  if n and former and n ~= former then
    pages.drifted(given, ctx, "%s was %d and is %d now", name, former, n)
  end
  state[name] = n or former
  return state[name]
end

--- The total that is known now, nil where none is.
function M.total(given, state, page, ctx)
  return steady(given, "total", state, page, ctx)
end

--- What the target says about more pages: true, false, or nil where it says nothing.
function M.more(given, state, page)
  if given.more == nil then return nil end
  local value = told(given, "more", state, page)
  if type(value) == "boolean" then return value end
  if M.is_nothing(value) then return false end
  return pages.nonsense(given, page.res, "more: true or false expected, got %s", pages.show(value))
end

-- Is the numbered list over after this page, by what the target counts?
local function counted_out(given, state, page, first, step, ctx)
  local count = steady(given, "pages", state, page, ctx)
  if count then return state.at - first + 1 >= count end
  if not state.total then return nil end
  local upto = given.builder == "offset" and state.at - first + step or state.n
  if upto >= state.total then return true end
  if given.builder == "offset" and given.step then return false end
  return page.fresh == 0 or nil
end

--- Is a numbered list over? By the first that speaks: `more`, the number of pages, the total; else by a page
--- that is empty, or (short_page_ends) shorter than what was asked for.
function M.numbered(given, state, page, first, step, ctx, ...)
  local more = M.more(given, state, page)
  if more == true and step == 0 then
    pages.nonsense(given, page.res, "the page is empty and says that there are more; where that happens, step says "
      .. "how far one page is from the next")
  end
  if more ~= nil then return not more end
  local over = counted_out(given, state, page, first, step, ctx)
  if over ~= nil then return over end
  if options.ask(given, "short_page_ends", false, ctx, ...) then
    return page.count < options.ask(given, "size", 1, ctx, ...)
  end
  return page.fresh == 0
end

--- At the end: what came against the total.
function M.account(given, state, total, ctx)
  if not total then return end
  if type(given.emit) == "function" then -- which may emit more or fewer than one object for each item
    if state.n == total then return end
    ctx.incomplete(("paginate.%s: the target announced %d items and gave %d"):format(given.builder, total, state.n))
  else
    ctx.expect(total)
  end
end

return M

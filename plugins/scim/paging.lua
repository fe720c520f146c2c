-- paging: SCIM's lists (RFC 7644, 3.4.2.4), page by page, as servers really give them.
--
-- `startIndex` counts from 1, and `count` is a wish. Servers cap it, ignore it, leave `Resources` out where it is
-- empty, and say anything from nothing to the size of the page as `totalResults`. What is believed is therefore what
-- came: the next page begins behind it, and the list ends where the total is reached, or where nothing comes.
-- reeve.paginate.offset is stricter: some servers answer a question behind the end with their first page, which is
-- an error there, and no news here where everything had come.
local M = {}

local LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

--- A whole number, which some servers write as text; nil where it is none.
function M.number(value)
  return math.tointeger(tonumber(value))
end

-- Is this the answer to a question for a list, though nothing is in it? An error page is none.
local function is_list(rest)
  if M.number(rest.totalResults) == 0 then return true end
  for _, schema in ipairs(type(rest.schemas) == "table" and rest.schemas or {}) do
    if schema == LIST then return true end
  end
  return false
end

-- Hands the page's resources on: { count, first (its first id), again = it is one that we had }.
local function take(res, at, each)
  local page = { count = 0 }
  for resource in res:each("Resources", { optional = true }) do
    page.count = page.count + 1
    if page.count == 1 then
      page.first = resource.id
      page.again = page.first ~= nil and (page.first == at.before or page.first == at.head)
    end
    if not page.again then each(resource) end
  end
  return page
end

-- Is the list over? A first page that is full and announces no more than itself may come from a server that
-- counts the page where it should count all.
local function is_over(page, at, size)
  if page.count == 0 or size < 1 then return true end
  local suspicious = at.start == 1 and page.count == size
  return page.total == page.seen and not suspicious
end

-- The server gave a page again. Some do so behind the end; where there never was another page, it may not know
-- startIndex, and hold more than it shows.
local function ends_repeated(ctx, page, at)
  if page.total and page.total <= page.seen or not page.total and at.before ~= at.head then return end
  ctx.incomplete("the server ignores startIndex, and whether it gave everything cannot be told; "
    .. "page_size=0 asks for everything at once")
end

-- Somebody who was removed while we read moved all behind him one place forward: one may have been passed over.
local function check_shrunk(ctx, page, at)
  if at.total and page.total and at.total > at.seen and page.total < at.total then
    ctx.incomplete(("the server announced %d and then %d"):format(at.total, page.total))
  end
end

--- One page of a list: asks `get(query)`, hands each resource to `each`, and returns the cursor of the next page,
--- { start = its startIndex, seen = resources before it, total = announced, head, before = the first ids of the
--- first page and of the one before it }.
function M.page(ctx, cursor, get, each)
  local size = ctx.settings.page_size
  local at = cursor or { start = 1, seen = 0 }
  local res = get(size > 0 and { startIndex = at.start, count = size } or {})
  local page = take(res, at, each)
  page.total, page.seen = ctx.settings.trust_total and M.number(res.rest.totalResults) or nil, at.seen + page.count
  if page.again then
    page.seen = at.seen
    return ends_repeated(ctx, page, at)
  end
  if page.count == 0 and at.start == 1 and not is_list(res.rest) then
    return nil, "the answer is no SCIM list", "invalid"
  end
  check_shrunk(ctx, page, at)
  if not is_over(page, at, size) then
    return { start = at.start + page.count, seen = page.seen, total = page.total, head = at.head or page.first,
      before = page.first }
  end
  if page.total and page.total > page.seen then
    ctx.incomplete(("the server announces %d and gave %d"):format(page.total, page.seen))
  end
end

return M

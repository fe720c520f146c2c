-- paginate: reeve.paginate. See contract.lua for the form. The names of each builder's options, and
-- which of them must be there, are read from here by paginate_options.

-- A value, or a function that is called for each page.
local function asked(type)
  return ("%s|fun(ctx: Ctx, ...: Raw): %s?"):format(type, type)
end

local FROM_ANSWER = "string|fun(res: Response, last?: Raw): any"

local common = {
  { "path", asked "string", "What is asked, a path or an address; {name} is filled from the parent's fields, or "
    .. "from request.path.", need = true },
  { "emit", "string|fun(ctx: Ctx, item: Raw, ...: Raw)", "The kind to emit each item as, or a function that does it.",
    need = true },
  { "items", "string|fun(res: Response): table|fun(): any", "Where the items are, as in res:each; nothing: the root." },
  { "optional", "boolean", "An answer without items may lack their array." },
  { "query", asked "table<string, Scalar|Scalar[]>", "Of each page; where pages are addresses, of the first." },
  { "json", asked "table", "The body of a search; method is POST then." },
  { "method", asked "string", "GET; POST where something is sent." },
  { "request", asked "RequestOptions", "More options of each page's request." },
  { "size", asked "integer", "How many items to ask for; the target may give fewer." },
  { "size_param", asked "string", "What the target calls it: limit; in page and link, per_page." },
  { "total", FROM_ANSWER, "Where the number of items is announced: it is held against what came." },
  { "more", FROM_ANSWER, "Where it says whether there are more pages." },
  { "key", "string|false|fun(item: Raw): any", "What tells items apart: id. An item that comes on two pages in a "
    .. "row makes the list incomplete; false: that is not looked at." },
  { "refused", "fun(ctx: Ctx, failure: table, ...: Raw): boolean?",
    "Called with a refusal ({ status, code, … }); true ends the list, for one that was told by ctx.gone or its like." },
  { "max_pages", asked "integer", "More are taken for a list without an end, and fail it: 10000." },
}

local sent = {
  { "param", asked "string", "What the target calls it: offset, page, cursor. In JSON it may be a place: page.after." },
  { "into", "string", "Where it goes: query unless told.", choices = "query json form header path" },
}

local numbered = { { "short_page_ends", asked "boolean", "The target gives as many as it is asked for: a shorter page "
  .. "is the last, and no empty one is asked for." } }

local addresses = { { "any_origin", asked "boolean", "Addresses may lead to another host, if hosts allow it; no "
  .. "credential and no header of request goes there." } }

local function group(name, class, doc, ...)
  local all = { "paginate." .. name, doc, class = class }
  for _, part in ipairs { common, ... } do table.move(part, 1, #part, #all + 1, all) end
  return all
end

local function call(class)
  return ("(options: %s): fun(ctx: Ctx, cursor?: Cursor, ...: Raw): Cursor?"):format(class)
end

local RAISES = "for an option that is not known, missing or wrong"

return {
  { "reeve.paginate", "Builds functions of M.list for answers that come by pages.", given = true,
    { "offset", call "OffsetPages", "A page begins after so many items: ?offset=100&limit=50.", raises = RAISES },
    { "page", call "NumberedPages", "Pages have numbers: ?page=2&per_page=50.", raises = RAISES },
    { "cursor", call "CursorPages", "Each answer has the cursor of the next page.", raises = RAISES },
    { "link", call "LinkedPages", "The Link header has the address of the next page.", raises = RAISES },
    { "next_url", call "AddressedPages", "The body has the address of the next page.", raises = RAISES },
  },
  group("offset", "OffsetPages", "Options of paginate.offset.", sent, numbered, {
    { "start", asked "integer", "The first offset: 0." },
    { "step", asked "integer", "How far a page is from the next; as many as it has items unless told." },
    { "overlap", asked "integer", "Pages overlap by so many items, a third of one at most, to see whether "
      .. "the list moves while it is read." },
  }),
  group("page", "NumberedPages", "Options of paginate.page.", sent, numbered, {
    { "start", asked "integer", "The first page's number: 1." },
    { "pages", FROM_ANSWER, "Where the number of pages is." },
  }),
  group("cursor", "CursorPages", "Options of paginate.cursor.", sent, {
    { "start", asked "string|number", "What the first page is asked with: nothing." },
    { "next", FROM_ANSWER, "Where the next cursor is; a function gets the last item too.", need = true },
  }),
  group("link", "LinkedPages", "Options of paginate.link.", addresses, {
    { "rel", asked "string", "Which link is followed: next." },
  }),
  group("next_url", "AddressedPages", "Options of paginate.next_url.", addresses, {
    { "next", FROM_ANSWER, "Where the next page's address is; it may be relative.", need = true },
  }),
}

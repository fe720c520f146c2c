-- reeve.paginate against servers that page in all the ways there are, and in ways there should not be.
local acme = require "acme"
local session = require "session"

-- A server of so many `users`, 10 on a page or as many as are asked for. What is wrong with it is in its world:
--   cap         gives so many at most            start      its first offset
--   ignores     does not look at where the page is to begin
--   empty       { N, … }: answers these requests with an empty page
--   gone, born  { ["N"] = id }: before request N this user goes, or comes in front of all
--   totals      { N, … }: what it announces in request 1, 2 …
--   broken      refuses the request after the N-th
--   circle      after page N comes page 1       other      its addresses are another host's
local SERVER = [[
local function answer(sim, from, size)
  local w, items = sim.world, sim.json.array {}
  sim.calls = sim.calls + 1
  local call = tostring(sim.calls)
  if w.gone and w.gone[call] then
    for i, id in ipairs(sim.ids) do
      if id == w.gone[call] then table.remove(sim.ids, i) break end
    end
  end
  if w.born and w.born[call] then table.insert(sim.ids, 1, w.born[call]) end
  for _, n in ipairs(w.empty or {}) do
    if n == sim.calls then return sim.json.array {}, 0 end
  end
  if w.ignores then from = 0 end
  for i = from + 1, math.min(#sim.ids, from + math.min(size or 10, w.cap or math.huge)) do
    items[#items + 1] = { id = sim.ids[i], name = "n" }
  end
  return items, #items
end
local function total(sim)
  return (sim.world.totals or {})[sim.calls] or #sim.ids
end
local function numbered(sim, q)
  local items = answer(sim, (tonumber(q.offset) or sim.start) - sim.start, tonumber(q.limit))
  return 200, { items = items, total = total(sim), count = #items }
end
return {
  options = { world = "{}" },
  build = function(sim)
    sim.world, sim.ids, sim.calls = sim.json.decode(sim.options.world), {}, 0
    sim.start = sim.world.start or 0
    for i = 1, sim.world.users or 0 do sim.ids[i] = i end
  end,
  routes = {
    ["GET /offset"] = function(sim, req)
      if sim.world.broken == sim.calls then
        sim.calls = sim.calls + 1
        return 400, { message = "told to" }
      end
      return numbered(sim, req.query)
    end,
    ["POST /offset"] = function(sim, req)
      local page = (req.json or {}).page or {}
      if (req.json or {}).filter ~= "all" then return 400, { message = "no filter" } end
      return numbered(sim, { offset = page.from, limit = page.size })
    end,
    ["GET /page"] = function(sim, req)
      local size = math.min(tonumber(req.query.per_page or 10), sim.world.cap or 1000)
      local items = answer(sim, ((tonumber(req.query.page) or 1) - (sim.world.first or 1)) * size, size)
      local pages = math.max(1, (#sim.ids + size - 1) // size)
      return 200, { items = items, pages = pages, total = total(sim),
        last = #items < size }
    end,
    ["GET /cursor"] = function(sim, req)
      local from = tonumber(((req.headers["x-cursor"] or req.query.cursor or ""):gsub("^c", ""))) or 0
      local size = math.min(tonumber(req.query.limit) or 10, sim.world.cap or 1000)
      local items = answer(sim, from, size)
      local upto = from + size
      local next_one = upto < #sim.ids and "c" .. upto or ""
      if sim.world.circle and upto >= sim.world.circle * size then next_one = "c" .. size end
      if sim.world.restless then next_one = "c" .. sim.calls * 1000 end
      if sim.world.odd then next_one = { 1 } end
      return 200, { items = items, meta = { next = next_one, total = total(sim) }, more = next_one ~= "" }
    end,
    ["GET /at/{cursor}"] = function(sim, req)
      local from = req.params.cursor == "first" and 0 or tonumber(req.params.cursor)
      return 200, { items = answer(sim, from, 10), next = from + 10 < #sim.ids and from + 10 or nil }
    end,
    ["GET /link"] = function(sim, req)
      local from = tonumber(req.query.from or 0)
      local items, host = answer(sim, from, 10), sim.world.other or ""
      if sim.world.circle and from >= 10 * sim.world.circle then from = -10 end
      local link = from + 10 < #sim.ids and ('<%s/link?from=%d>; rel="next"'):format(host, from + 10) or nil
      return 200, items, { Link = link }
    end,
    ["GET /next"] = function(sim, req)
      local from = tonumber(req.query.from or 0)
      return 200, { data = { list = answer(sim, from, 10) }, paging = { next = from + 10 < #sim.ids
        and (sim.world.other or "") .. "?from=" .. from + 10 or sim.json.null } }
    end,
    ["GET /teams"] = function() return 200, { items = { { id = "a" }, { id = "b" } } } end,
    ["GET /teams/{id}/members"] = function(sim, req)
      if req.params.id == "b" then return 404, { message = "gone meanwhile" } end
      return 200, { items = answer(sim, tonumber(req.query.offset or 0), 4) }
    end,
  },
}
]]

local w

after_each(function()
  if w then w:stop() end
  w = nil
end)

local function start(text, world)
  w = acme.new { simulator = SERVER, world = world,
    connector = 'local paginate = require "reeve.paginate"\nM.list = {\n' .. text .. "\n}" }
  return w
end

local function lists(text, world)
  return start("user = paginate." .. text, world)
end

-- The same target, another list.
local function instead(text)
  w:write { simulator = SERVER,
    connector = 'local paginate = require "reeve.paginate"\nM.list = { user = paginate.' .. text .. " }" }
end

-- The ids 1 to n, as acme:ids prints them.
local function ids(n, ...)
  local list = { ... }
  for i = 1, n do list[#list + 1] = tostring(i) end
  for i, id in ipairs(list) do list[i] = tostring(id) end
  table.sort(list)
  return table.concat(list, " ")
end

local function all(n, requests)
  w:synced()
  assert.equal(ids(n), w:ids("user"))
  if requests then assert.equal(requests, w:asked("") - w:asked("__sim")) end
end

local OFFSET = 'offset { path = "/offset", items = "items", emit = "user"'
local PAGE = 'page { path = "/page", items = "items", emit = "user"'
local CURSOR = 'cursor { path = "/cursor", items = "items", emit = "user", next = "meta.next"'

-- Ends with `code`; what it said holds these words, in the run's account of the list or on stderr.
local function says(code, ...)
  local r = w:synced(code)
  local text = r.err .. r.out .. (acme.account(w:last(), "user").reason or "")
  for _, words in ipairs { ... } do assert.is_truthy(text:find(words, 1, true), text) end
end

describe("pages by offset", function()
  it("end at an empty one, where nothing else tells the end", function()
    lists(OFFSET .. " }", { users = 25 })
    all(25, 4)
  end)

  it("end where the total is reached", function()
    lists(OFFSET .. ', total = "total" }', { users = 25 })
    all(25, 3)
    assert.equal(25, acme.account(w:last(), "user").announced)
  end)

  it("end at a short one, where the target can be believed", function()
    lists(OFFSET .. ", size = 10, short_page_ends = true }", { users = 25 })
    all(25, 3)
  end)

  it("go on behind what came, where the target caps the size, and may begin at 1", function()
    lists(OFFSET .. ', size = 100, total = function(res) return tostring(res.rest.total) end, start = 1 }',
      { users = 25, cap = 7, start = 1 })
    all(25, 4)
  end)

  it("go on over an empty page, where they are so far apart as step says", function()
    lists(OFFSET .. ', step = 10, total = "total" }', { users = 35, empty = { 2 } })
    says(7, "announced 35")
    assert.equal(4, acme.account(w:last(), "user").pages)
  end)

  it("end with an empty one before the total is reached, incomplete, with both numbers", function()
    lists(OFFSET .. ', total = "total" }', { users = 35, empty = { 3 } })
    says(7, "announced 35", "gave 20")
  end)

  it("are asked for in JSON, at places of its own", function()
    lists('offset { path = "/offset", json = { filter = "all" }, into = "json", param = "page.from", size = 6, '
      .. 'size_param = "page.size", items = "items", emit = "user", total = "total" }', { users = 25 })
    all(25, 5)
    assert.equal(5, w:asked("^POST /offset"))
  end)

  it("fail where the target does not look at the offset", function()
    lists(OFFSET .. " }", { users = 10, ignores = true })
    says(5, "paginate.offset", "the same page came again for offset 10", "/offset")
  end)

  it("fail where they have no end", function()
    lists(OFFSET .. ", max_pages = 3 }", { users = 45 })
    says(5, "after 3 pages (max_pages) the list has not ended")
  end)

  it("fail where the total is none", function()
    lists(OFFSET .. ', total = "totl" }', { users = 5 })
    says(5, "there is nothing at 'totl'")
  end)
end)

describe("a list that moves while it is read", function()
  it("is incomplete where an item comes twice", function()
    lists(OFFSET .. " }", { users = 25, born = { ["2"] = 99 } })
    says(7, "item '10' came on two pages in a row", "drifted")
    assert.equal(ids(25), w:ids("user"))
  end)

  it("is not looked at with key = false, and is by another key", function()
    lists(OFFSET .. ", key = false }", { users = 25, born = { ["2"] = 99 } })
    w:synced()
    instead(OFFSET .. ", key = function(item) return 'k' .. item.id end }")
    w:world { users = 25, born = { ["2"] = 99 } }
    says(7, "item 'k10' came on two pages")
  end)

  it("is incomplete where the total changes", function()
    lists(OFFSET .. ', total = "total" }', { users = 25, gone = { ["3"] = 25 } })
    says(7, "total was 25 and is 24 now", "drifted")
  end)

  it("shows it in the overlap, and is whole where the place is found again", function()
    lists(OFFSET .. ", overlap = 2 }", { users = 25, gone = { ["2"] = 3 } })
    all(25)
    w:world { users = 25, born = { ["3"] = 99 } }
    w:synced()
    assert.equal(ids(25), w:ids("user"))
  end)

  it("overlaps less where pages are small, and loses nothing", function()
    for cap = 1, 4 do
      lists(OFFSET .. ", overlap = 3 }", { users = 11, cap = cap })
      all(11)
      w:stop()
    end
  end)

  it("costs a request more for overlapping where it does not move", function()
    lists(OFFSET .. ", overlap = 2 }", { users = 25 })
    all(25, 5) -- 1-10, 9-18, 17-25, 24-25, and nothing behind 25
  end)

  it("is incomplete where the place is not found in three readings, and nothing is lost", function()
    lists(OFFSET .. ", overlap = 1 }", { users = 25, gone = { ["2"] = 10 } })
    says(7, "does not begin with the last 1 items of the page before, read 3 times", "drifted")
    assert.equal(ids(25), w:ids("user"))
  end)

  it("fails with an overlap where the target gives the same page again", function()
    lists(OFFSET .. ", overlap = 2 }", { users = 10, ignores = true })
    says(5, "the same page came again")
  end)
end)

describe("pages by number", function()
  it("end by their number, by the total, by a flag, or by an empty one", function()
    for extra, requests in pairs { [', pages = "pages"'] = 3, [', total = "total"'] = 3, [""] = 4,
      [", more = function(res) return not res.rest.last end"] = 3, [", size = 10, short_page_ends = true"] = 3 } do
      lists(PAGE .. extra .. " }", { users = 25 })
      all(25, requests)
      w:stop()
    end
  end)

  it("begin at 0, and go on over an empty one where their number is known", function()
    lists(PAGE .. ', start = 0, pages = "pages" }', { users = 35, first = 0 })
    all(35, 4)
    w:forget()
    w:world { users = 35, first = 0, empty = { 2 } }
    w:synced(nil)
    assert.equal(4, w:asked("^GET /page"))
  end)

  it("are incomplete where their number changes", function()
    lists(PAGE .. ', pages = "pages" }', { users = 21, gone = { ["2"] = 21 } })
    says(7, "pages was 3 and is 2 now")
  end)
end)

describe("pages by cursor", function()
  it("go on until there is none, over empty ones too", function()
    lists(CURSOR .. " }", { users = 35, empty = { 2 } })
    w:synced()
    assert.equal(25, acme.account(w:last(), "user").seen)
    assert.equal(4, w:asked("^GET /cursor"))
  end)

  it("go on by a function, and end where the target says so", function()
    lists('cursor { path = "/cursor", items = "items", emit = "user", more = "more", size = 10, '
      .. 'next = function(res, last) return last and "c" .. last.id end }', { users = 25 })
    all(25, 3)
  end)

  it("put the cursor into a header, or the path", function()
    lists(CURSOR .. ', into = "header", param = "X-Cursor", total = "meta.total" }', { users = 25 })
    all(25, 3)
    w:stop()
    lists('cursor { path = "/at/{where}", into = "path", param = "where", start = "first", next = "next", '
      .. 'items = "items", emit = "user" }', { users = 25 })
    all(25, 3)
  end)

  it("fail where the same cursor comes again, however long the circle", function()
    for _, n in ipairs { 1, 2, 5 } do
      lists(CURSOR .. ", key = false }", { users = 100, circle = n })
      says(5, "paginate.cursor", "came twice: the target goes in circles")
      w:stop()
    end
  end)

  it("fail where new cursors lead to the same page", function()
    lists(CURSOR .. " }", { users = 10, restless = true, ignores = true })
    says(5, "the same page came again")
  end)

  it("fail where the cursor is none", function()
    lists(CURSOR .. " }", { users = 5, odd = true })
    says(5, "next: a text or a number expected, got an array or object")
  end)
end)

describe("pages by address", function()
  local LINK = 'link { path = "/link", emit = "user"'
  local NEXT = 'next_url { path = "/next", items = "data.list", next = "paging.next", emit = "user"'

  it("follow the Link header", function()
    lists(LINK .. ', size = 10, query = { sort = "id" } }', { users = 25 })
    all(25, 3)
    assert.equal(1, w:asked("^GET /link%?per_page=10&sort=id "))
  end)

  it("follow an address in the body, relative ones too", function()
    lists(NEXT .. " }", { users = 25 })
    all(25, 3)
  end)

  it("fail in a circle", function()
    lists(LINK .. ", key = false }", { users = 90, circle = 3 })
    says(5, "the next address", "came twice")
  end)

  it("fail where the next one is none: it does not end the list", function()
    lists(LINK .. " }", { users = 25, other = "https://[acme" })
    says(5, "not a usable URL")
  end)

  it("do not leave the host, unless that is meant and the host may be asked", function()
    local other = { users = 25, other = "https://elsewhere.acme.test" }
    lists(LINK .. " }", other)
    says(5, "the next address is at https://elsewhere.acme.test", "any_origin = true")
    w:stop()
    lists(LINK .. ", any_origin = true }", other)
    says(3, "elsewhere.acme.test")
  end)
end)

it("pages by address take no credential and no header to another host", function()
  local target = session.target()
  local elsewhere = target.url:gsub("127.0.0.1", "localhost") .. "/pointing"
  local said = session.run(target, [[
    local list = require "reeve.paginate".link { path = "/pointing", any_origin = true,
      query = { to = settings.token_url }, emit = function(_, item)
        say(item.headers.host, item.headers.authorization, item.headers["x-mine"])
      end, items = function(res) return { res.json } end, request = function(own)
        return { auth = own.auth.header("Authorization", "Bearer x"), headers = { ["X-Mine"] = "mine" } }
      end }
    local own = { http = http, auth = ctx.auth }
    list(own, list(own))]], { settings = { token_url = elsewhere } })
  target:stop()
  assert.equal(("127.0.0.1:%d Bearer x mine\nlocalhost:%d nil nil\n"):format(target.port, target.port), said)
end)

describe("pages of each parent", function()
  it("fill the path from the parent, and may deal with a refusal", function()
    start([[
  user = paginate.offset { path = "/offset", items = "items", emit = "user" },
  team = paginate.page { path = "/teams", items = "items", emit = function(ctx, team) ctx.emit("team", team) end,
    more = function() return false end },
  team_member = { per = "team", paginate.offset { path = "/teams/{id}/members", items = "items",
    emit = function(ctx, user, team) ctx.emit("team_member", { id = user.id, of = team.id }) end,
    refused = function(ctx, failure, team)
      if failure.status ~= 404 then return false end
      ctx.gone("team", team.id)
      return true
    end } },]], { users = 6 })
    w:synced()
    assert.equal("1 on a, 2 on a, 3 on a, 4 on a, 5 on a, 6 on a", w:grants())
  end)

  it("raise a refusal that was not dealt with", function()
    lists('offset { path = "/nowhere", items = "items", emit = "user", refused = function() return false end }', {})
    says(5, "404")
  end)
end)

describe("pages of what changed", function()
  it("are asked with the time or mark of the last listing", function()
    start([[
  user = { full = paginate.offset { path = "/offset", items = "items", emit = "user" },
    changed = paginate.offset { path = "/offset", items = "items", emit = "user", short_page_ends = true, size = 10,
      query = function(_, since) return { since = since:sub(1, 2) } end } },]], { users = 25 })
    all(25, 4)
    w:forget()
    w:synced()
    assert.equal(3, w:asked("since=20"))
    assert.equal(ids(25), w:ids("user"))
  end)
end)

describe("a builder", function()
  -- What it says, and the options that lead to it.
  local wrong = {
    { "paginate.offset: there is no option 'overlp' (did you mean 'overlap'?)",
      'offset { path = "/x", emit = "user", overlp = 5 }' },
    { "paginate.cursor: next: a place in the answer (\"meta.next\") or a function(res, last) expected, got nothing",
      'cursor { path = "/x", emit = "user" }' },
    { "paginate.cursor: next: a place in the answer (\"meta.next\") or a function(res, last) expected, got 'a..b'",
      'cursor { path = "/x", emit = "user", next = "a..b" }' },
    { "paginate.page: size: a whole number from 1 on expected, got 0",
      'page { path = "/x", emit = "user", size = 0 }' },
    { "paginate.page: into: one of query, json, form, header, path expected, got 'querry'",
      'page { path = "/x", emit = "user", into = "querry" }' },
    { "paginate.link: a table of options expected, got '/x'", 'link "/x"' },
    { "paginate.link: emit: a kind or a function(ctx, item, parent …) expected, got nothing", 'link { path = "/x" }' },
  }

  it("says which option is wrong, where, and what was expected", function()
    for _, case in ipairs(wrong) do
      w = w or acme.new { simulator = SERVER, connector = "M.list = { user = function() end }" }
      instead(case[2])
      local r = w:synced(3)
      assert.is_truthy(r.err:find(case[1], 1, true), r.err)
      assert.is_truthy(r.err:find("connector.lua:%d+: paginate"), r.err)
    end
  end)

  it("tells what a request lacks in the plugin's place, not in a line of the engine's", function()
    w = w or acme.new { simulator = SERVER, connector = "M.list = { user = function() end }" }
    instead 'cursor { path = "/x/{team}", emit = "user", next = "next" }'
    local r = w:synced(3)
    assert.matches("plugins/acme/connector.lua, list user: '/x/{team}': no value for {team}", r.err, 1, true)
  end)

  it("takes functions for values, and says what is wrong with what they return", function()
    lists([[offset { path = function() return "/offset" end, size = function() return 5 end, items = "items",
      emit = function(ctx, item) ctx.emit("user", item) end, query = function() return { sort = "id" } end,
      total = function(res) return res.rest.total end, request = function() return { timeout_s = 9 } end }]],
      { users = 25 })
    all(25, 5)
    assert.equal(5, w:asked("sort=id"))
    instead(OFFSET .. ", size = function() return 'x' end }")
    says(3, "paginate.offset: size: its function returned 'x', a whole number from 1 on expected")
  end)
end)

it("a list goes on where its run was cut short, and knows the page before", function()
  for extra, born in pairs { [""] = false, [", overlap = 2"] = false, [", key = 'id'"] = true } do
    lists(OFFSET .. extra .. " }", { users = 35, broken = 2, born = born and { ["4"] = 99 } or nil })
    says(5, "told to")
    w:forget()
    if born then says(7, "item '20' came on two pages in a row") else all(35) end
    assert.equal(0, w:asked("offset=0 ")) -- the first page is not asked for again
    assert.is_true(w:asked("offset=") > 1)
    w:stop()
  end
end)

describe("whatever the numbers", function()
  it("everything is listed once", function()
    math.randomseed(20261124)
    local styles = { OFFSET, PAGE, CURSOR, OFFSET .. ', total = "total"', PAGE .. ', pages = "pages"',
      OFFSET .. ", overlap = 3" }
    lists(OFFSET .. " }", { users = 1 })
    for i = 1, 18 do
      local style, users, size = styles[i % #styles + 1], math.random(0, 60), math.random(1, 20)
      instead(style .. ", size = " .. size .. " }")
      w:world { users = users, cap = math.random(1, 20) }
      local r = w:synced(nil)
      assert.equal(ids(users), w:ids("user"), style .. r.err)
      local account = acme.account(w:last(), "user")
      assert.same({ users, "complete" }, { account.seen, account.state })
    end
  end)
end)

-- Lists without parents, and what a page may say: totals, cursors, lookups, ends of all kinds.
local acme = require "acme"
local reeve = require "reeve"
local items = acme.items

describe("a list", function()
  local w

  after_each(function()
    if w then w:stop() end
    w = nil
  end)

  local function ids(...)
    local list = {}
    for i, id in ipairs { ... } do list[i] = { id = id, name = "n " .. id } end
    return items(list)
  end

  -- A connector whose only list is this function's text; `more` lists beside it.
  local function user_list(body, more)
    return "M.list = { user = function(ctx, cursor)\n" .. body .. "\nend, " .. (more or "") .. " }"
  end

  local function start(connector, world)
    w = acme.new { connector = connector, world = world }
    return w
  end

  local EXPECTING = user_list [[
    local res = ctx.http:get("/users")
    for x in res:each("items") do ctx.emit("user", x) end
    ctx.expect(res.rest.total)]]

  it("that gives one id again and again is nonsense, and found to be so before long", function()
    start(user_list [[for i = 1, 65540 do ctx.emit("user", { id = "u1", name = "n " .. i }) end]], {})
    local r = w:run { "sync", "acme" }
    assert.equal(5, r.code)
    assert.matches("one id is given more than 65536 times", r.err)
    assert.is_true(reeve.sanitized or r.cpu < 30)
  end)

  it("that announced another number is incomplete: it adds and changes, deletes nothing, exit 7", function()
    local world = ids("u1", "u2", "u3")
    world.total = 3
    start(EXPECTING, { ["/users"] = world }):synced()
    local less = ids("u1", "u4")
    less.total = 3
    w:world { ["/users"] = less }
    local plan = w:run { "plan", "acme" }
    assert.matches("  list user: incomplete: the target announced 3 and gave 2", plan.out .. plan.err, 1, true)
    w:synced(7)
    assert.equal("u1 u2 u3 u4", w:ids("user"))
    local account = acme.account(w:last(), "user")
    assert.equal("incomplete", account.state)
    assert.equal(3, account.announced)
    assert.equal(2, account.seen)
    less.total = 2
    w:world { ["/users"] = less }
    w:synced()
    assert.equal("u1 u4", w:ids("user"))
  end)

  it("deletes nothing that may have moved to another list of its kind, while that one is incomplete", function()
    start([[
local function users(path)
  return { function(ctx)
    local res = ctx.http:get(path)
    for x in res:each("items") do ctx.emit("user", x) end
    if res.rest.drifted then ctx.incomplete("pages drifted") end
  end, emits = "user" }
end
M.list = { here = users("/here"), there = users("/there"), team = all("team", "/teams") }]],
      { ["/here"] = ids("u1", "u2", "u3"), ["/there"] = ids("v1"), ["/teams"] = ids("t1") }):synced()
    local drifted = ids("u2", "v2")
    drifted.drifted = true
    w:world { ["/here"] = ids("u1"), ["/there"] = drifted, ["/teams"] = ids("t2") }
    w:synced(7)
    assert.equal("u1 u2 u3 v1 v2", w:ids("user"))
    assert.equal("t2", w:ids("team"))
    w:world { ["/here"] = ids("u1"), ["/there"] = ids("u2", "v2"), ["/teams"] = ids("t2") }
    w:synced()
    assert.equal("u1 u2 v2", w:ids("user"))
  end)

  it("may say itself that it is incomplete", function()
    start(user_list [[
      local res = ctx.http:get("/users")
      for x in res:each("items") do ctx.emit("user", x) end
      if res.rest.drifted then ctx.incomplete("pages drifted") end]], { ["/users"] = ids("u1", "u2") }):synced()
    local drifted = ids("u2", "u3")
    drifted.drifted = true
    w:world { ["/users"] = drifted }
    w:synced(7)
    assert.equal("u1 u2 u3", w:ids("user"))
    assert.equal("pages drifted", acme.account(w:last(), "user").reason)
  end)

  it("that is not covered keeps the last accepted records and changes no exit code", function()
    start([[
M.list = { team = all("team", "/teams"), user = function(ctx)
  local res = ctx.http:get("/users", { raise = false })
  if res.status == 403 then return ctx.not_covered("this key may not") end
  for x in res:each("items") do ctx.emit("user", x) end
end }]], { ["/users"] = ids("u1", "u2"), ["/teams"] = ids("t1") }):synced()
    w:world { ["/users"] = { status = 403 }, ["/teams"] = ids("t2") }
    w:synced()
    assert.equal("u1 u2", w:ids("user"))
    assert.equal("t2", w:ids("team"))
    assert.equal("not_covered", acme.account(w:last(), "user").state)
    local excluded = reeve.json(w:run({ "list", "acme", "excluded", "-o", "json" }).out)
    assert.same({ { type = "user", why = "not_covered", reason = "this key may not", run = w:last().run } }, excluded)
  end)

  it("goes on after ctx.gone for one of its objects, which is not there any more", function()
    start(user_list [[
      local res = ctx.http:get("/users", { query = { cursor = cursor } })
      for x in res:each("items") do
        local one = ctx.http:get("/users/{id}", { path = { id = x.id }, raise = false })
        if one.status == 404 then ctx.gone("user", x.id) else ctx.emit("user", one.json) end
      end
      return res.rest.next]], {
      ["/users"] = { pages = { items({ { id = "u1" }, { id = "u2" } }, 2), ids("u3") } },
      ["/users/u1"] = { id = "u1" }, ["/users/u2"] = { id = "u2" }, ["/users/u3"] = { id = "u3" },
    }):synced()
    assert.equal("u1 u2 u3", w:ids("user"))
    w.documents["/users/u1"] = nil
    w:world(w.documents)
    w:synced()
    assert.equal("u2 u3", w:ids("user"))
  end)

  it("whose cursor comes again goes in circles: it fails, and nothing is published", function()
    start([[M.list = { user = all("user", "/users") }]], { ["/users"] = ids("u1") }):synced()
    w:world { ["/users"] = { pages = { items({ { id = "u2" } }, 2), items({ { id = "u3" } }, 3),
      items({ { id = "u4" } }, 2) } } }
    local r = w:synced(5)
    assert.is_truthy(r.err:find("circles", 1, true), r.err)
    assert.equal("u1", w:ids("user"))
  end)

  it("takes cursors of every kind: integers, booleans, tables, texts", function()
    start(user_list [[
      local turns = { { at = 2, of = { 1, "x" } }, 12345678901234567, true, "last" }
      local n = 1
      if type(cursor) == "table" then assert(cursor.at == 2 and cursor.of[2] == "x") n = 2 end
      if math.type(cursor) == "integer" then assert(cursor == 12345678901234567) n = 3 end
      if cursor == true then n = 4 end
      if cursor == "last" then n = 5 end
      ctx.emit("user", { id = n })
      return turns[n] or (n == 5 and ctx.json.null) or nil]], {}):synced()
    assert.equal("1 2 3 4 5", w:ids("user"))
  end)

  it("that leaves a loop over an answer before its end fails", function()
    start(user_list [[
      for x in ctx.http:get("/users"):each("items") do ctx.emit("user", x) break end]],
      { ["/users"] = ids("u1", "u2") })
    local r = w:synced(3)
    assert.is_truthy(r.err:find("list user", 1, true), r.err)
  end)

  it("is asked again, twice at most, where the transfer of a page was cut; the half is dropped", function()
    start([[M.list = { user = all("user", "/users") }]], { ["/users"] = { pages = {
      items({ { id = "u1" } }, 2), ids("u2", "u3", "u4") } } })
    w.sim:faults { "GET /users?cursor=2: truncate=60 times=2" }
    w:synced()
    assert.equal("u1 u2 u3 u4", w:ids("user"))
    assert.equal(1, w:asked("GET /users 200"))
    assert.equal(3, w:asked("GET /users%?cursor=2"))
    local account = acme.account(w:last(), "user")
    assert.equal(4, account.seen)
    assert.equal("complete", account.state)
    w:forget()
    w.sim:faults { "GET /users?cursor=2: truncate=60" }
    w:synced(5)
    assert.equal(3, w:asked("GET /users%?cursor=2"))
    assert.equal("u1 u2 u3 u4", w:ids("user"))
  end)

  local function lookup()
    return start([[
M.list = {
  team = all("team", "/teams"),
  user = { after = { "team" }, function(ctx, cursor)
    local res = ctx.http:get("/users", { query = { cursor = cursor } })
    for x in res:each("items") do
      local team = ctx.get("team", x.team)
      ctx.emit("user", x, { team = team and team.name or "none" })
    end
    return res.rest.next
  end },
}]], { ["/teams"] = ids("t1", "t2"), ["/users"] = { pages = { items({ { id = "u1", team = "t1" } }, 2),
      items { { id = "u2", team = "t2" }, { id = "u3", team = "t3" } } } } })
  end

  local function titles()
    local list = {}
    for _, user in ipairs(w:list("user")) do list[#list + 1] = user.id .. "=" .. user.profile.team end
    table.sort(list)
    return table.concat(list, " ")
  end

  it("reads what an earlier list gave by ctx.get, also after a resume, and never what is gone", function()
    lookup()
    w.spec.mapping = acme.mapping:gsub("login = raw.login", "profile = { team = at.with.team }")
      :gsub("user = function%(raw%)", "user = function(raw, at)")
    w:write(w.spec)
    w.documents["/users"].pages[2] = { status = 404 }
    w:world(w.documents)
    w:synced(5)
    w.documents["/users"].pages[2] = items { { id = "u2", team = "t2" }, { id = "u3", team = "t3" } }
    w:world(w.documents)
    w:forget()
    w:synced()
    assert.equal(1, w:asked("."))
    assert.equal("u1=n t1 u2=n t2 u3=none", titles())
    -- What `with` says is part of what is remembered: the same user with another team's name is another.
    w.documents["/teams"] = items { { id = "t1", name = "renamed" } }
    w:world(w.documents)
    w:synced()
    assert.equal("u1=renamed u2=none u3=none", titles())
  end)

  it("may be renamed by an update of the plugin: nothing changes", function()
    start([[M.list = { user = all("user", "/users") }]], { ["/users"] = ids("u1", "u2") }):synced()
    local before = w:state()
    w:write { version = "2.0.0", connector = [[M.list = { everybody = { all("user", "/users"), emits = "user" } }]] }
    w:synced()
    assert.equal(before, w:state())
    assert.equal("", (reeve.ok { "diff", "acme", "2", "-o", "jsonl", home = w.home }))
  end)

  it("named like the type goes before others, then byte order; grants given twice merge", function()
    start([[
M.list = {
  zzz = { all("user", "/zzz"), emits = "user" }, user = all("user", "/users"),
  aaa = { all("user", "/aaa"), emits = "user" },
  team = all("team", "/teams"),
  one = { function(ctx) ctx.emit("team_member", { id = "u1" }) end, emits = { "team_member" } },
  two = { function(ctx) ctx.emit("team_member", { id = "u1" }) end, emits = { "team_member" } },
}]], { ["/users"] = items { { id = "u1", name = "from user" } }, ["/teams"] = ids("t1"),
      ["/zzz"] = items { { id = "u1", name = "from zzz" }, { id = "u2", name = "from zzz" } },
      ["/aaa"] = items { { id = "u1", name = "from aaa" }, { id = "u2", name = "from aaa" } } })
    w.spec.mapping = acme.mapping:gsub("on = at.parent", 'on = { type = "team", id = "t1" }')
    w:write(w.spec)
    w:synced()
    local names = {}
    for _, user in ipairs(w:list("user")) do names[user.id] = user.name end
    assert.same({ u1 = "from user", u2 = "from aaa" }, names)
    assert.equal("u1 on t1", w:grants())
    -- One of the two that gave the same still does.
    w.documents["/aaa"] = items {}
    w:world(w.documents)
    w:synced()
    assert.equal("u1 u2", w:ids("user"))
    assert.equal(0, w:last().changes.user.removed)
  end)

  it("may be of objects with entitlements of their own, beside and in place of the declared ones", function()
    start([[M.list = { user = all("user", "/users"), team = all("team", "/teams") }]],
      { ["/users"] = ids("u1"), ["/teams"] = ids("t1") })
    w.spec.mapping = [[return {
      user = function(raw)
        return { id = raw.id, grants = { { on = { type = "team", id = "t1" }, slug = "owner" } } }
      end,
      team = function(raw) return { id = raw.id, name = raw.name, entitlements = {
        { slug = "member", name = "Belongs" }, { slug = "owner", name = "Owns", privileged = true } } } end,
    }]]
    w:write(w.spec)
    w:synced()
    local by_slug = {}
    for _, e in ipairs(w:list("entitlements")) do by_slug[e.slug] = e end
    assert.equal("Belongs", by_slug.member.name)
    assert.equal("assignment", by_slug.member.purpose)
    assert.same({ "user" }, by_slug.member.grantable_to)
    assert.is_true(by_slug.owner.privileged)
    assert.equal("owner", w:list("grants")[1].entitlement.slug)
  end)
end)

-- Lists that are asked once a parent: which parents, with which arguments, and what their absence proves.
local acme = require "acme"
local reeve = require "reeve"
local items = acme.items

describe("lists per parent", function()
  local w

  after_each(function()
    if w then w:stop() end
    w = nil
  end)

  local MEMBERS = [[
M.list = {
  user = all("user", "/users"),
  team = all("team", "/teams"),
  team_member = { per = "team", emits = "grant", function(ctx, cursor, team)
    local res = ctx.http:get("/teams/{id}/members", { path = { id = team.id }, query = { cursor = cursor } })
    for m in res:each("items") do ctx.emit("team_member", m) end
    return res.rest.next
  end },
}]]

  local function members_world()
    return {
      ["/users"] = items { { id = "u1" }, { id = "u2" }, { id = "u3" }, { id = "u4" } },
      ["/teams"] = items { { id = "t1", name = "One" }, { id = "t2", name = "Two" },
        { id = "t3", name = "Three" } },
      ["/teams/t1/members"] = items { { id = "u1" }, { id = "u2" } },
      ["/teams/t2/members"] = items { { id = "u3" } },
      ["/teams/t3/members"] = items { { id = "u4" } },
    }
  end

  it("are asked once a parent, and their objects carry grants only", function()
    w = acme.new { connector = MEMBERS, world = members_world() }
    w:synced()
    assert.equal("u1 on t1, u2 on t1, u3 on t2, u4 on t3", w:grants())
    assert.equal(3, w:asked("/members"))
    assert.equal("u1 u2 u3 u4", w:ids("user"))
    local account = acme.account(w:last(), "team_member")
    assert.equal(3, account.parents)
    assert.equal(4, account.seen)
  end)

  it("lose what a parent that vanished gave, and nothing else", function()
    w = acme.new { connector = MEMBERS, world = members_world() }
    w:synced()
    local world = members_world()
    world["/teams"] = items { { id = "t1", name = "One" }, { id = "t3", name = "Three" } }
    world["/teams/t2/members"] = nil
    w:world(world)
    w:synced()
    assert.equal("t1 t3", w:ids("team"))
    assert.equal("u1 on t1, u2 on t1, u4 on t3", w:grants())
  end)

  it("keep what one parent of many that failed gave; the rest publishes, exit 7", function()
    w = acme.new { connector = MEMBERS, world = members_world() }
    w:synced()
    local world = members_world()
    world["/teams/t2/members"] = { status = 404 }
    world["/teams/t1/members"] = items { { id = "u1" }, { id = "u2" }, { id = "u3" } }
    w:world(world)
    w:synced(7)
    assert.equal("u1 on t1, u2 on t1, u3 on t1, u3 on t2, u4 on t3", w:grants())
    local run = w:last()
    assert.is_true(run.partial)
    assert.equal("failed", acme.account(run, "team_member").state)
    w:world(members_world())
    w:synced()
    assert.equal("u1 on t1, u2 on t1, u3 on t2, u4 on t3", w:grants())
    -- One that failed, and then is gone, takes along what it gave.
    w:world(world)
    w:synced(7)
    world["/teams"] = items { { id = "t1" }, { id = "t3" } }
    w:world(world)
    w:synced()
    assert.equal("u1 on t1, u2 on t1, u3 on t1, u4 on t3", w:grants())
  end)

  it("are complete where there are no parents, and the sync says nothing of it", function()
    local world = members_world()
    world["/teams"] = items {}
    w = acme.new { connector = MEMBERS, world = world }
    assert.not_match("team_member", w:synced().out, 1, true)
    local account = acme.account(w:last(), "team_member")
    assert.same({ "complete", true, 0 }, { account.state, account.complete, account.parents })
  end)

  it("publish nothing where the list of the parents failed", function()
    w = acme.new { connector = MEMBERS, world = members_world() }
    w:synced()
    local before, world = w:state(), members_world()
    world["/teams"] = { status = 500 }
    world["/users"] = items { { id = "u1" } }
    w:world(world)
    w:synced(5)
    assert.equal(before, w:state())
  end)

  it("keep the children of parents that an incomplete list did not give", function()
    w = acme.new { world = members_world(), connector = MEMBERS:gsub('all%("team", "/teams"%)', [[function(ctx)
      local res = ctx.http:get("/teams")
      for x in res:each("items") do ctx.emit("team", x) end
      if res.rest.total then ctx.expect(res.rest.total) end
    end]]) }
    w:synced()
    local before, world = w:state(), members_world()
    world["/teams"] = items { { id = "t1", name = "One" } }
    world["/teams"].total = 3
    world["/teams/t2/members"], world["/teams/t3/members"] = nil, nil
    w:world(world)
    w:synced(7)
    assert.equal(before, w:state())
    assert.equal("incomplete", acme.account(w:last(), "team").state)
  end)

  it("get the raw parent, then its own parent", function()
    w = acme.new { connector = [[
M.list = {
  org = all("org", "/orgs"),
  team = { per = "org", function(ctx, cursor, org)
    local res = ctx.http:get("/orgs/{o}/teams", { path = { o = org.slug } })
    for t in res:each("items") do ctx.emit("team", t) end
  end },
  user = { per = "team", function(ctx, cursor, team, org)
    local res = ctx.http:get("/orgs/{o}/teams/{t}/members", { path = { o = org.slug, t = team.slug } })
    for u in res:each("items") do ctx.emit("user", u) end
  end },
}]], world = {
      ["/orgs"] = items { { id = "o1", slug = "first" }, { id = "o2", slug = "second" } },
      ["/orgs/first/teams"] = items { { id = "t1", slug = "alpha" } },
      ["/orgs/second/teams"] = items { { id = "t2", slug = "beta" }, { id = "t3", slug = "gamma" } },
      ["/orgs/first/teams/alpha/members"] = items { { id = "u1" } },
      ["/orgs/second/teams/beta/members"] = items { { id = "u2" } },
      ["/orgs/second/teams/gamma/members"] = items { { id = "u3" } },
    } }
    w:synced()
    assert.equal("u1 u2 u3", w:ids("user"))
    -- What is remembered serves as well as what is new.
    w:synced()
    assert.equal("u1 u2 u3", w:ids("user"))
    -- A vanished org takes its teams and their members along, at once or with the next run.
    local world = w.documents
    world["/orgs"] = items { { id = "o2", slug = "second" } }
    w:world(world)
    w:synced()
    assert.equal("o2", w:ids("org"))
    assert.equal("t2 t3", w:ids("team"))
    assert.equal("u2 u3", w:ids("user"))
  end)

  it("may be per a kind that they emit: each parent once a run", function()
    w = acme.new { connector = [[
M.list = {
  root = { function(ctx)
    for x in ctx.http:get("/roots"):each("items") do ctx.emit("team", x) end
  end, emits = "team" },
  team = { per = "team", function(ctx, cursor, parent)
    for x in ctx.http:get("/teams/{id}/teams", { path = { id = parent.id } }):each("items") do ctx.emit("team", x) end
  end },
}]], world = {
      ["/roots"] = items { { id = "a" }, { id = "b" } },
      ["/teams/a/teams"] = items { { id = "c" }, { id = "b" } },
      ["/teams/b/teams"] = items { { id = "c" } },
      ["/teams/c/teams"] = items { { id = "d" }, { id = "a" } }, -- in a circle
      ["/teams/d/teams"] = items {},
    } }
    w:synced()
    assert.equal("a b c d", w:ids("team"))
    assert.equal(4, w:asked("GET /teams/"))
    w:forget()
    w:synced()
    assert.equal("a b c d", w:ids("team"))
    assert.equal(4, w:asked("GET /teams/"))
  end)

  it("skip parents that the operator's mapping skipped, and lose their children", function()
    w = acme.new { connector = MEMBERS, world = members_world() }
    w:synced()
    w:forget()
    reeve.write(w.home .. "/scripts/skip.lua",
      'return { team = function(raw, record) if raw.id ~= "t2" then return record end end }')
    w:write { connector = MEMBERS, connector_file = { mapping = "scripts/skip.lua" } }
    w:synced()
    assert.equal("t1 t3", w:ids("team"))
    assert.equal("u1 on t1, u2 on t1, u4 on t3", w:grants())
    assert.equal(2, w:asked("/members"))
    assert.equal(0, w:asked("t2/members"))
    w:synced() -- and what is remembered says the same
    assert.equal("u1 on t1, u2 on t1, u4 on t3", w:grants())
    assert.equal(0, w:asked("t2/members"))
  end)

  it("end by ctx.gone where the target says that the parent is no more", function()
    w = acme.new { world = members_world(), connector = MEMBERS:gsub(
      'local res = ctx.http:get%("/teams/{id}/members"', 'local res = gone_or(ctx, team, "/teams/{id}/members"')
      :gsub("for m in res", "if not res then return end\n    for m in res")
      :gsub("M.list =", [[
local function gone_or(ctx, team, path, options)
  options.raise = false
  local res = ctx.http:get(path, options)
  if res.status ~= 404 then return res end
  ctx.gone("team", team.id)
end
M.list =]]) }
    w:synced()
    local world = members_world()
    world["/teams/t2/members"] = nil
    w:world(world)
    w:synced()
    assert.equal("u1 on t1, u2 on t1, u4 on t3", w:grants())
    assert.equal("complete", acme.account(w:last(), "team_member").state)
  end)

  it("end the run where the trouble is everybody's: a refused credential, a mistake in Lua", function()
    w = acme.new { connector = MEMBERS, world = members_world() }
    w:synced()
    local before, world = w:state(), members_world()
    world["/teams/t2/members"] = { status = 401 }
    world["/users"] = items { { id = "u1" } }
    w:world(world)
    w:synced(4)
    assert.equal(before, w:state())
    w:write { connector = MEMBERS:gsub("return res.rest.next", "return res.rest.nothing.next") }
    w:world(members_world())
    local r = w:synced(3)
    assert.is_truthy(r.err:find("connector.lua:%d+"), r.err)
    assert.equal(before, w:state())
  end)

  it("are gone on with after a cut: parents that ended are not asked again", function()
    local one = { http = { concurrency = 1, retry_s = 1 } } -- the others have ended before
    w = acme.new { connector = MEMBERS, world = members_world(), connector_file = one }
    local world = members_world()
    world["/teams/t3/members"] = { status = 401 }
    w:world(world)
    w:synced(4)
    w:world(members_world())
    w:forget()
    w:synced()
    assert.equal(1, w:asked("."))
    assert.equal(1, w:asked("t3/members"))
    assert.equal("u1 on t1, u2 on t1, u3 on t2, u4 on t3", w:grants())
  end)

  -- n teams, each with one member, asked for by `body`.
  local function many(n, body)
    local teams, world = {}, {}
    for i = 1, n do
      teams[i] = { id = "t" .. i }
      world["/teams/t" .. i .. "/members"] = items { { id = "u1" } }
    end
    world["/teams"], world["/users"] = items(teams), items { { id = "u1" } }
    return acme.new { world = world, connector = [[
M.list = { user = all("user", "/users"), team = all("team", "/teams"),
  team_member = { per = "team", emits = "grant", function(ctx, cursor, team)
]] .. body .. "\nend } }", connector_file = { http = { concurrency = 8, retry_s = 1 } } }
  end

  it("that ask for more while they read never block each other", function()
    local long = {}
    for i = 1, 3000 do long[i] = { id = "u1", n = i, note = ("x"):rep(100) } end
    w = many(24, [[
    local q = { query = { team = team.id } }
    -- Every answer is still on its way while the next one is wanted, three deep, and side by side.
    for a in ctx.http:get("/long", q):each("items") do
      if a.n == 1 then
        for b in ctx.http:get("/long", q):each("items") do
          if b.n == 1 then
            ctx.all { function() return ctx.http:get("/users").json end,
              function() return ctx.http:get("/teams").json end }
          end
        end
        ctx.emit("team_member", { id = a.id })
      end
    end]])
    w.documents["/long"] = items(long)
    w:world(w.documents)
    w:synced(0, { timeout = 30 })
    assert.equal(24, #w:list("grants"))
  end)

  it("run side by side, eight at a time", function()
    w = many(100, [[
    for x in ctx.http:get("/teams/{id}/members", { path = team }):each("items") do ctx.emit("team_member", x) end]])
    w.sim:faults { "GET /teams/*: hold" }
    local p = w:start()
    reeve.await(function() return w:asked("GET /teams/") == 8 end, "eight requests")
    local began = reeve.mono()
    w.sim:faults { "GET /teams/*: latency=50" }
    assert.equal(0, p:wait().code, p.err)
    local took = reeve.mono() - began
    assert.is_true(took >= 0.55 and took < 4, took) -- 92 more: 0.6 s by eights, 4.6 s one by one
    assert.equal(100, #w:list("grants"))
  end)
end)

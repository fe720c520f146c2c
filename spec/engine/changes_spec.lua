-- Lists that can say what changed since last time: `full` and `changed`.
local acme = require "acme"
local reeve = require "reeve"
local items = acme.items

describe("a list with full and changed", function()
  local w

  after_each(function()
    if w then w:stop() end
    w = nil
  end)

  -- /users lists all and says where changes start; /changes gives what is new and what is gone.
  local CONNECTOR = [[
M.list = { user = {
  full = function(ctx, cursor)
    local res = ctx.http:get("/users", { query = { cursor = cursor } })
    for x in res:each("items") do ctx.emit("user", x) end
    if res.rest.mark then ctx.mark(res.rest.mark) end
    return res.rest.next
  end,
  changed = function(ctx, cursor, since)
    ctx.log.info("since " .. tostring(since))
    local res = ctx.http:get("/changes", { query = { cursor = cursor, since = since } })
    for x in res:each("items") do
      if x.gone then ctx.gone("user", x.id) else ctx.emit("user", x) end
    end
    if res.rest.partly then ctx.incomplete("told to") end
    if res.rest.mark then ctx.mark(res.rest.mark) end
    return res.rest.next
  end,
} }]]

  local function user(id, name)
    return { id = id, name = name or "n " .. id }
  end

  local function gone(id)
    return { id = id, gone = true }
  end

  local function doc(mark, ...)
    local d = items { ... }
    d.mark = mark
    return d
  end

  local function start(full, changes, more)
    local spec = { connector = CONNECTOR, world = { ["/users"] = full, ["/changes"] = changes } }
    for key, value in pairs(more or {}) do spec[key] = value end
    w = acme.new(spec)
    return w
  end

  local function change(changes, full)
    w:world { ["/users"] = full or { status = 500 }, ["/changes"] = changes }
    w:forget()
  end

  local function names()
    local list = {}
    for i, record in ipairs(w:list "user") do list[i] = record.id .. "=" .. record.name end
    table.sort(list)
    return table.concat(list, " ")
  end

  local function account()
    return acme.account(w:last(), "user")
  end

  it("keeps what a listing of changes does not mention, and deletes only what it says is gone", function()
    start(doc("m1", user "u1", user "u2", user "u3", user "u4"), { status = 500 }):synced()
    assert.equal("full", account().mode)
    change(doc("m2", user("u2", "new"), gone "u3", user "u5"))
    w:synced()
    assert.equal("u1=n u1 u2=new u4=n u4 u5=n u5", names())
    assert.equal("changes", account().mode)
    assert.equal(1, w:asked "since=m1")
    assert.equal(0, w:asked "/users")
    local r = w:last()
    assert.same({ 1, 1, 1 }, { r.changes.user.added, r.changes.user.changed, r.changes.user.removed })
    change(doc("m3"))
    w:synced()
    assert.equal(1, w:asked "since=m2")
    assert.equal("u1=n u1 u2=new u4=n u4 u5=n u5", names())
    assert.is_nil(w:last().changes.user)
  end)

  it("believes the last word on a thing: changed twice, gone and back, back and gone", function()
    start(doc("m1", user "u1", user "u2", user "u3"), { status = 500 }):synced()
    local first = doc(nil, user("u1", "a"), gone "u2", user("u4", "x"))
    first.next = 2
    change { pages = { first, doc("m2", user("u1", "b"), user("u2", "back"), gone "u4", gone "nobody") } }
    w:synced()
    assert.equal("u1=b u2=back u3=n u3", names())
  end)

  it("goes on from the mark it had where changes give none, and from its own beginning where there never was one",
    function()
      start(doc("m1", user "u1"), { status = 500 }):synced()
      change(doc(nil, user "u2"))
      w:synced()
      change(doc(nil))
      w:synced()
      assert.equal(1, w:asked "since=m1")
      w:stop()
      start(doc(nil, user "u1"), { status = 500 }):synced()
      local started = account().started
      change(doc(nil))
      w:synced()
      local since = w.sim:requests().log[1]:match "since=([^ &]+)"
      since = since:gsub("%%3A", ":")
      assert.matches("^%d+%-%d+%-%d+T%d+:%d+:%d+", since)
      assert.is_true(since < started)
    end)

  it("lists in full when the target no longer knows", function()
    start(doc("m1", user "u1", user "u2"), { status = 500 }):synced()
    change({ status = 410 }, doc("m9", user "u2", user "u7"))
    local r = w:synced(0, { "--verbose" })
    assert.matches("listed in full: the target no longer knows", r.err)
    assert.equal("u2=n u2 u7=n u7", names())
    assert.equal("full", account().mode)
    change(doc("m10"))
    w:synced()
    assert.equal(1, w:asked "since=m9")
  end)

  it("drops what changes gave before the target said so, also pages that counted", function()
    start(doc("m1", user "u1", user "u2"), { status = 500 }):synced()
    local first = doc(nil, user("u1", "from changes"), gone "u2", user "u3")
    first.next = 2
    change({ pages = { first, { status = 410 } } }, doc("m2", user "u1", user "u2"))
    w:synced()
    assert.equal("u1=n u1 u2=n u2", names())
  end)

  it("lists in full when it is due, when --full says so, and when plugin, mapping or settings changed", function()
    start(doc("m1", user "u1"), { status = 500 }, { connector_file = { full_every = "0s" } }):synced()
    change({ status = 500 }, doc("m2", user "u2"))
    w:synced()
    assert.equal("full", account().mode)
    w:write(w.spec)
    local spec = w.spec
    spec.connector_file = {}
    w:write(spec)
    change(doc("m3", user "u3"), { status = 500 })
    w:synced()
    assert.equal("changes", account().mode)
    change({ status = 500 }, doc("m4", user "u4"))
    w:synced(0, { "--full" })
    assert.equal("full", account().mode)
    assert.equal("u4=n u4", names())
    spec.settings = { note = "other" }
    w:write(spec)
    w:synced()
    assert.equal("full", account().mode)
  end)

  it("after an incomplete listing of changes keeps everything, and lists in full next time", function()
    start(doc("m1", user "u1", user "u2"), { status = 500 }):synced()
    local d = doc("m2", user "u3", gone "u1")
    d.partly = true
    change(d)
    w:synced(7)
    assert.equal("u1=n u1 u2=n u2 u3=n u3", names())
    change({ status = 500 }, doc("m3", user "u2", user "u3"))
    w:synced()
    assert.equal("full", account().mode)
    assert.equal("u2=n u2 u3=n u3", names())
  end)

  it("goes on with changes where a run was cut short, and asks nothing twice", function()
    start(doc("m1", user "u1", user "u2"), { status = 500 }):synced()
    local first = doc(nil, user("u1", "a"), gone "u2")
    first.next = 2
    change { pages = { first, { status = 500 } } }
    w:synced(5)
    assert.equal("u1=n u1 u2=n u2", names())
    change { pages = { { status = 500 }, doc("m2", user "u3") } }
    w:synced()
    assert.equal("u1=a u3=n u3", names())
    assert.equal(0, w:asked "changes%?since")
    assert.equal(1, w:asked "cursor=2")
  end)

  it("from a held run's mark only once it is accepted", function()
    start(doc("m1", user "u1", user "u2"), { status = 500 }):synced()
    change(doc("m2", user "u3"))
    w:synced(6, { "--hold" })
    change(doc("m3", user "u4"))
    w:synced(6, { "--hold" })
    assert.equal(1, w:asked "since=m1")
    reeve.ok { "accept", "acme", home = w.home }
    change(doc("m4"))
    w:synced()
    assert.equal(1, w:asked "since=m3")
    assert.equal("u1=n u1 u2=n u2 u4=n u4", names())
  end)

  it("asks the parents that were not mentioned for their children", function()
    local connector = CONNECTOR:gsub("%(\"user\"", "(\"team\""):gsub("user = {", "team = {")
      .. "\n" .. [[
M.list.user = { after = "team", all("user", "/people") }
M.list.team_member = { per = "team", function(ctx, cursor, team)
  for x in ctx.http:get("/teams/{id}", { path = { id = team.id } }):each("items") do ctx.emit("team_member", x) end
end }]]
    local world = { ["/users"] = doc("m1", user "t1", user "t2", user "t3"), ["/people"] = items { user "u1" },
      ["/teams/t1"] = items { user "u1" }, ["/teams/t2"] = items { user "u1" }, ["/teams/t3"] = items {} }
    w = acme.new { connector = connector, world = world }
    w:synced()
    assert.equal("u1 on t1, u1 on t2", w:grants())
    world["/changes"], world["/users"] = doc("m2", gone "t2", user("t3", "x")), { status = 500 }
    world["/teams/t2"], world["/teams/t3"] = nil, items { user "u1" }
    w:world(world)
    w:synced()
    assert.equal("t1 t3", w:ids "team")
    assert.equal("u1 on t1, u1 on t3", w:grants())
  end)

  it("ends where a full listing would, whatever happened (a model of it keeps count)", function()
    math.randomseed(4711)
    local there, all = {}, {}
    local function listed()
      local some = {}
      for _, id in ipairs(all) do
        if there[id] then some[#some + 1] = user(id, there[id]) end
      end
      return some
    end
    for i = 1, 400 do all[i], there["u" .. i] = "u" .. i, "n" end
    start(doc("m0", table.unpack(listed())), { status = 500 }):synced()
    for round = 1, 12 do
      local pages = {}
      for p = 1, 3 do
        pages[p] = doc("m" .. round)
        pages[p].next = p < 3 and p + 1 or nil
        for i = 1, math.random(0, 40) do
          local id = "u" .. math.random(1, 430)
          if not there[id] and tonumber(id:sub(2)) > #all then
            id = "u" .. #all + 1
            all[#all + 1] = id
          end
          if math.random() < 0.4 then
            pages[p].items[i], there[id] = gone(id), nil
          else
            there[id] = "n" .. math.random(1, 5)
            pages[p].items[i] = user(id, there[id])
          end
        end
      end
      change { pages = pages }
      w:synced()
      local expected = {}
      for i, u in ipairs(listed()) do expected[i] = u.id .. "=" .. u.name end
      table.sort(expected)
      assert.equal(table.concat(expected, " "), names(), "round " .. round)
    end
  end)

  it("needs objects with ids, and says so", function()
    start(doc("m1", user "u1"), { status = 500 }, { mapping = [[return { user = function(raw)
      if raw.name == "bare" then return { grants = {} } end
      return { id = raw.id, name = raw.name } end }]] }):synced()
    change(doc("m2", user("u2", "bare")))
    local r = w:synced(3)
    assert.matches("list user: kind user: an object without an id of its own cannot be listed by changes", r.err)
    assert.equal("u1=n u1", names())
  end)

  it("never shows its mark", function()
    start(doc("delta-token-4711", user "u1"), { status = 500 }):synced()
    assert.is_nil((reeve.ok { "runs", "acme", "-o", "json", home = w.home }):find("4711", 1, true))
  end)
end)

describe("plugin.lua's word on full and changed", function()
  it("says what is wrong", function()
    local function refused(list)
      local w = acme.new { connector = "M.list = { user = " .. list .. " }" }
      local r = w:sync()
      w:stop()
      assert.equal(3, r.code)
      return r.err
    end
    assert.matches("list.user: 'full' and 'changed' belong together", refused "{ full = all('user', '/u') }")
    assert.matches("no other function and no 'per'",
      refused "{ per = 'user', full = all('user', '/u'), changed = all('user', '/u') }")
  end)
end)

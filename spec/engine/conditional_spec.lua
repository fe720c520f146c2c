-- Conditional requests: what is kept of an answer, when it stands in for one, and whose it is.
local acme = require "acme"
local reeve = require "reeve"

-- Answers by path: { etag, modified, items, headers, stubborn }. stubborn: 304 whatever is asked, "twice": also to
-- those who insist. `of` has items by Authorization.
local SERVER = [[
return {
  options = { world = "{}" },
  build = function(sim) sim.world = sim.json.decode(sim.options.world) end,
  routes = {
    ["GET /{name}"] = function(sim, req)
      local d = sim.world[req.path]
      if d.fails then return 400, { message = "told to" } end
      local insists = req.headers["cache-control"] == "no-cache"
      local same = d.etag and req.headers["if-none-match"] == d.etag
        or not d.etag and d.modified and req.headers["if-modified-since"] == d.modified
      if same or d.stubborn and (d.stubborn == "twice" or not insists) then return 304, "", { ETag = d.etag } end
      local headers = { ETag = d.etag, ["Last-Modified"] = d.modified }
      for name, value in pairs(d.headers or {}) do headers[name] = value end
      local items = d.of and d.of[req.headers.authorization] or d.items or {}
      for _, item in ipairs(items) do item.pad = d.pad and ("x"):rep(d.pad) or nil end
      return 200, { items = sim.json.array(items), total = #items,
        token = "s3cret-of-an-answer" }, headers
    end,
  },
}
]]

local PLAIN = [[
M.list = { user = function(ctx)
  local res = ctx.http:get("/users", { conditional = true })
  for x in res:each("items") do ctx.emit("user", x) end
  ctx.expect(res.rest.total)
end }]]

local w

after_each(function()
  if w then w:stop() end
  w = nil
end)

local function users(...)
  local list = {}
  for i, id in ipairs { ... } do list[i] = { id = id, name = "n " .. id } end
  return list
end

local function start(connector, documents)
  w = acme.new { simulator = SERVER, connector = connector, world = documents }
  return w
end

-- What the statuses of a sync's requests were.
local function statuses(code)
  w:forget()
  local r = w:synced(code)
  local found = {}
  for _, line in ipairs(w.sim:requests().log) do
    if not line:find("__sim", 1, true) then found[#found + 1] = line:match("(%S+)$") end
  end
  return table.concat(found, " "), r
end

describe("a conditional request", function()
  it("is answered from the store where nothing has changed, and asks again where it has", function()
    start(PLAIN, { ["/users"] = { etag = '"1"', items = users("a", "b") } })
    assert.equal("200", statuses())
    assert.equal("304", statuses())
    assert.equal("a b", w:ids("user"))
    assert.same({ "complete", 2, 2, 1 }, { acme.account(w:last(), "user").state, acme.account(w:last(), "user").seen,
      acme.account(w:last(), "user").announced, w:last().http.not_modified })
    w:world { ["/users"] = { etag = '"2"', items = users("b", "c") } }
    assert.equal("200", statuses())
    assert.equal("304", statuses())
    assert.equal("b c", w:ids("user"))
  end)

  it("knows weak tags and dates", function()
    start(PLAIN, { ["/users"] = { etag = 'W/"1"', items = users("a") } })
    assert.equal("200", statuses())
    assert.equal("304", statuses())
    w:world { ["/users"] = { modified = "Tue, 24 Nov 2026 10:00:00 GMT", items = users("b") } }
    assert.equal("200", statuses())
    assert.equal("304", statuses())
    assert.equal("b", w:ids("user"))
  end)

  it("gives the plugin the same answer in all its forms", function()
    start([[
M.list = { user = function(ctx)
  local a = ctx.http:get("/users", { conditional = true })
  local b, c = ctx.http:get("/users", { conditional = true }), ctx.http:get("/users", { conditional = true })
  local n = 0
  for x in a:each("items") do n = n + #x.id end
  ctx.emit("user", { id = "x", login = tostring(b.from_store), name = table.concat({ a.status, n, a.rest.total,
    b.json.items[1].name, #c.body, a.links.next, a.headers.etag, a.headers["x-total"] }, "|") })
end }]], { ["/users"] = { etag = '"1"', items = users("ab", "c"), headers = { Link = '</users?p=2>; rel="next"',
      ["X-Total"] = "7" } } })
    local function seen()
      local user = w:list("user")[1]
      return user.name, user.login
    end
    assert.equal("200 304 304", statuses()) -- what a page keeps is there for its next request
    local first = seen()
    assert.matches('^200|3|2|n ab|%d+|http://.*/users%?p=2|"1"|7$', first)
    assert.equal("304 304 304", statuses())
    local second, stored = seen()
    assert.same({ first, "true" }, { second, stored })
  end)

  it("is not answered with what another credential was given", function()
    start([[
local http = M.http
function M.http(ctx)
  local config = http(ctx)
  config.auth = ctx.auth.header("Authorization", "Bearer " .. ctx.settings.note)
  return config
end
]] .. PLAIN, { ["/users"] = { etag = '"1"', of = { ["Bearer one"] = users("a"), ["Bearer two"] = users("b") } } })
    local function as(note)
      w.spec.settings = { note = note }
      w:write(w.spec)
      return statuses()
    end
    assert.equal("200", as "one")
    assert.equal("304", as "one")
    assert.equal("200", as "two")
    assert.equal("b", w:ids("user"))
    assert.equal("304", as "two")
    assert.equal("304", as "one")
    assert.equal("a", w:ids("user"))
  end)

  it("tells credentials of its own, headers and addresses apart", function()
    start([[
M.list = { user = function(ctx)
  local function ask(options)
    options.conditional = true
    for x in ctx.http:get("/users", options):each("items") do ctx.emit("user", x) end
  end
  ask { auth = ctx.auth.header("Authorization", "one") }
  ask { auth = ctx.auth.header("Authorization", "two") }
  ask { headers = { Authorization = "three" } }
  ask { headers = { ["Accept-Language"] = "de" } }
  ask { query = { q = 1 } }
end }]], { ["/users"] = { etag = '"1"', items = users("d"),
      of = { one = users("a"), two = users("b"), three = users("c") } } })
    assert.equal("200 200 200 200 200", statuses())
    assert.equal("304 304 304 304 304", statuses())
    assert.equal("a b c d", w:ids("user"))
  end)

  it("may have any number of headers, all of which tell it apart", function()
    start([[
M.list = { user = function(ctx)
  local headers = {}
  for i = 1, 20 do headers["X-Number-" .. i] = tostring(i) end
  for i = 1, 2 do
    headers["X-Number-20"] = tostring(i)
    for x in ctx.http:get("/users", { conditional = true, headers = headers }):each("items") do
      if i == 1 then ctx.emit("user", x) end
    end
  end
end }]], { ["/users"] = { etag = '"1"', items = users("a") } })
    assert.equal("200 200", statuses())
    assert.equal("304 304", statuses())
  end)

  it("may be a page's: its Link header is kept with it", function()
    start([[
M.list = { user = require "reeve.paginate".link { path = "/users", items = "items", emit = "user",
  request = { conditional = true } } }]], {
      ["/users"] = { etag = '"1"', items = users("a", "b"), headers = { Link = '</more>; rel="next"' } },
      ["/more"] = { etag = '"1"', items = users("c") } })
    assert.equal("200 200", statuses())
    assert.equal("304 304", statuses())
    w:world { ["/users"] = w.documents["/users"], ["/more"] = { etag = '"2"', items = users("d") } }
    assert.equal("304 200", statuses())
    assert.equal("a b d", w:ids("user"))
  end)

  it("is an ordinary one after a change of the plugin", function()
    start(PLAIN, { ["/users"] = { etag = '"1"', items = users("a") } })
    statuses()
    w.spec.version = "1.0.1"
    w:write(w.spec)
    assert.equal("200", statuses())
    assert.equal("304", statuses())
  end)
end)

describe("an answer is not kept", function()
  local function never(document, connector)
    document.items = document.items or users("a")
    start(connector or PLAIN, { ["/users"] = document, ["/made"] = {} })
    assert.not_matches("304", statuses())
    assert.not_matches("304", statuses())
    assert.equal(#document.items == 2 and "a b" or "a", w:ids("user"))
    assert.equal(0, w:last().http.not_modified)
  end

  it("where it has neither tag nor date", function() never {} end)
  it("where it says no-store", function()
    never { etag = '"1"', headers = { ["Cache-Control"] = "private, No-Store" } }
  end)
  it("where it is larger than 1 MiB", function() never { etag = '"1"', pad = 520 * 1024, items = users("a", "b") } end)

  it("where a secret was taken out of it", function()
    never({ etag = '"1"' }, [[
M.list = { user = function(ctx)
  local res = ctx.http:get("/users", { conditional = true })
  res:secret("token")
  for _, x in ipairs(res.json.items) do ctx.emit("user", x) end
end }]])
    local dump = reeve.shell("grep -rl s3cret-of-an-answer " .. w.home .. "/state")
    assert.equal("", dump)
  end)

  it("where the credential was made for the request, and has no name that lasts", function()
    never({ etag = '"1"' }, [[
M.list = { user = function(ctx)
  local made = ctx.auth.custom(function() return "Bearer " .. ctx.http:get("/made"):secret("token") end)
  for x in ctx.http:get("/users", { conditional = true, auth = made }):each("items") do ctx.emit("user", x) end
end }]])
  end)

  it("where its transfer was cut", function()
    start(PLAIN, { ["/users"] = { etag = '"1"', items = users("a") } })
    w.sim:faults { "GET /users: truncate=20 times=1" }
    assert.equal("200 200", statuses())
    assert.equal("304", statuses())
  end)

  it("where its page fails", function()
    local failing = PLAIN:gsub("ctx.expect", 'if res.rest.total == 2 then error "no" end ctx.expect')
    start(failing, { ["/users"] = { etag = '"1"', items = users("a", "b") } })
    assert.equal("200", statuses(3))
    assert.equal("200", statuses(3))
  end)

  it("in the real state by a plan", function()
    start(PLAIN, { ["/users"] = { etag = '"1"', items = users("a") } })
    statuses()
    w:world { ["/users"] = { etag = '"2"', items = users("b") } }
    assert.equal(0, w:run({ "plan", "acme" }).code)
    assert.equal("200", statuses())
  end)
end)

describe("a 304 that nobody asked for", function()
  it("is asked again, past all caches", function()
    start(PLAIN, { ["/users"] = { etag = '"1"', items = users("a"), stubborn = "once" } })
    assert.equal("304 200", statuses())
    assert.equal("a", w:ids("user"))
  end)

  it("fails where it comes again", function()
    start(PLAIN, { ["/users"] = { etag = '"1"', stubborn = "twice" } })
    local found, r = statuses(5)
    assert.equal("304 304", found)
    assert.matches("it answered 304", r.err)
  end)
end)

it("a conditional request that cannot be one says so", function()
  for words, call in pairs { ["conditional: only a GET can be"] = "post('/users', { conditional = true })",
    ["headers: if%-None%-Match is set by conditional"] =
      "get('/users', { conditional = true, headers = { ['if-None-Match'] = 'x' } })" } do
    start("M.list = { user = function(ctx) ctx.http:" .. call .. " end }", { ["/users"] = {} })
    assert.matches("connector.lua:%d+: " .. words, w:synced(3).err)
    w:stop()
  end
end)

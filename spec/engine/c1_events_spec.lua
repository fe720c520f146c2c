-- The event feed for ConductorOne: which changes are events, and that a feed can be read on in any steps, after
-- restarts, and where the state has forgotten or become another.
local c1z = require "c1z"
local reeve = require "reeve"

local ALL = { removed = "100%", changed = "100%" }
local FILE = { plugin = "acme", settings = { data = "{}" }, guard = { user = ALL, role = ALL, group = ALL, org = ALL,
  ["role:assigned"] = { removed = "100%" }, ["group:member"] = { removed = "100%" } } }

local home
before_each(function()
  home = c1z.home()
  reeve.connector(home, "main", FILE)
end)

-- A run that sees `data`, and ends with `code` (0).
local function sync(data, code, ...)
  local text = type(data) == "table" and reeve.encode(data) or data
  local r = reeve.run({ "sync", "main", "--allow-empty", ... }, { home = home, env = { REEVE_SETTINGS_DATA = text } })
  assert.equal(code or 0, r.code, r.out .. r.err)
end

-- Asks until there are no more: each answer has been protobuf.
local LIST = [[
  local json, wire, messages = require "host.json", require "host.wire", require "c1.messages"
  local NAME = "c1.connector.v2.ListEventsResponse"
  local home, request, pages = require("config.home").open {}, json.decode(arg[1]), {}
  repeat
    local ok, answer = pcall(require("c1.events").list, home, "main", request)
    if not ok then error(answer.code .. ": " .. answer.message, 0) end
    local bytes = assert(wire.encode(messages, NAME, answer))
    local read = assert(wire.decode(messages, NAME, bytes))
    pages[#pages + 1] = { events = json.array(read.events or {}), bytes = #bytes, cursor = read.cursor }
    request.cursor = read.cursor
  until not read.has_more
  print(json.encode(json.array(pages)))]]

-- All events of a request, in one list; the cursor at their end; the pages; what was logged.
local function listed(request)
  local out, err = reeve.engine(LIST, { reeve.encode(request or {}), home = home })
  local events, pages = {}, reeve.json(out)
  for _, page in ipairs(pages) do table.move(page.events, 1, #page.events, #events + 1, events) end
  return events, pages[#pages].cursor, pages, err
end

local function text_of(ref)
  return ref.resource_type .. "/" .. ref.resource
end

-- "+ role:a:assigned user/u1", "- …", "~ user/u1", "~ user/u1 in org/o1".
local function word(event)
  local gained, lost, changed = event.create_grant_event, event.create_revoke_event, event.resource_change_event
  if changed then
    local parent = changed.parent_resource_id
    return "~ " .. text_of(changed.resource_id) .. (parent and " in " .. text_of(parent) or "")
  end
  local grant = gained or lost
  local resource = grant.entitlement.resource.id
  assert.equal(resource.resource_type .. ":" .. resource.resource, grant.entitlement.id:match("^(.*):[^:]+$"))
  return (gained and "+ " or "- ") .. grant.entitlement.id .. " " .. text_of(grant.principal.id)
end

local function words(events)
  local list = {}
  for i, event in ipairs(events) do list[i] = word(event) end
  table.sort(list)
  return list
end

local function ended(n)
  for _, run in ipairs(reeve.json((reeve.ok { "runs", "main", "-o", "json", home = home }))) do
    if run.run == n then return run.ended end
  end
end

-- An RFC 3339 time as the messages have it; `ms` later.
local function timestamp(text, ms)
  local seconds = reeve.shell(("date -u -d '%s' +%%s"):format(text))
  local part = (text:match("%.(%d+)") or "") .. "000"
  local all = math.tointeger(tonumber(seconds)) * 1000 + math.tointeger(tonumber(part:sub(1, 3))) + (ms or 0)
  return { seconds = all // 1000, nanos = all % 1000 * 1000000 }
end

local function ref(type, id)
  return { type = type, id = id }
end

local function on(type, id, slug, to, expandable)
  return { on = ref(type, id), slug = slug, to = to, expandable = expandable }
end

local function user(id, name)
  return { id = id, name = name or id }
end

-- A role whose entitlement has a name, and who holds it.
local function role(id, name, title, ...)
  local grants = {}
  for i, holder in ipairs { ... } do grants[i] = on("role", id, "assigned", ref("user", holder)) end
  return { id = id, name = name, entitlements = { { slug = "assigned", name = title } },
    grants = reeve.array(grants) }
end

local ONE <const> = { user = { user "u1", user "u2" }, role = { role("a", "A", "Title", "u1") } }
local TWO <const> = { user = { user "u1", user "u3" }, role = { role("a", "A", "Title", "u3") } }
local TWO_WORDS <const> = { "+ role:a:assigned user/u3", "- role:a:assigned user/u1", "~ user/u2", "~ user/u3" }
local THREE <const> = { user = { user "u1", user "u3" }, role = { role("a", "B", "Title", "u3") } }

describe("the event feed", function()
  it("is one, of grants that came and went and of resources that changed", function()
    assert.equal("0a170a10" .. reeve.hex "baton_feed_event"
      .. "1203" .. "040506", reeve.engine [[
      local bytes = require("host.wire").encode(require "c1.messages", "c1.connector.v2.ListEventFeedsResponse",
        require("c1.events").feeds())
      io.write((bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)))]])
  end)

  it("is empty before a run was accepted, and another feed is not there", function()
    assert.same({}, (listed()))
    local _, cursor = listed { cursor = "v1:3:0:17" }
    assert.equal("v1:3:0:17", cursor)
    assert.same({}, (listed { event_feed_id = "baton_feed_event" }))
    local _, err = reeve.engine(LIST, { reeve.encode { event_feed_id = "usage" }, home = home, code = 1 })
    assert.matches("not_found: main has no event feed of this name; its only one is 'baton_feed_event'", err)
  end)

  it("has no event of the first run, and those of the others when they had ended", function()
    sync(ONE)
    local events, cursor = listed()
    assert.same({}, events)
    sync(TWO)
    events = listed { cursor = cursor }
    assert.same(TWO_WORDS, words(events))
    assert.same(events, (listed()))
    local ids = {}
    for _, event in ipairs(events) do
      assert.same(timestamp(ended(2)), event.occurred_at)
      assert.matches("^" .. ("%w"):rep(27) .. "$", event.id)
      assert.is_nil(ids[event.id])
      ids[event.id] = true
    end
  end)

  it("has none of runs that are held, rejected or failed, and those of a held one once it is accepted", function()
    sync(ONE)
    local _, cursor = listed()
    sync(TWO, 6, "--hold")
    assert.same({}, (listed { cursor = cursor }))
    reeve.ok { "reject", "main", home = home }
    sync("{", 3)
    assert.same({}, (listed { cursor = cursor }))
    sync(TWO, 6, "--hold")
    reeve.ok { "accept", "main", home = home }
    assert.same(TWO_WORDS, words(listed { cursor = cursor }))
  end)

  it("tells of a resource once where it and what is on it changed, and of what is on it where it did not", function()
    local function data(name, title, expandable)
      return { role = { role("a", name, title, "u1") }, user = { user "u1" }, org = { { id = "o" } },
        group = { { id = "g", parent = ref("org", "o"), grants = { on("group", "g", "member", ref("group", "h"),
          expandable) } }, { id = "h" } } }
    end
    local expandable = { { type = "group", id = "h", slug = "member" } }
    sync(data("A", "Title"))
    local _, cursor = listed()
    sync(data("A", "Other"))
    assert.same({ "~ role/a" }, words(listed { cursor = cursor }))
    _, cursor = listed { cursor = cursor }
    sync(data("B", "Title"))
    assert.same({ "~ role/a" }, words(listed { cursor = cursor }))
    _, cursor = listed { cursor = cursor }
    sync(data("B", "Title", expandable))
    assert.same({ "~ group/g in org/o" }, words(listed { cursor = cursor }))
    _, cursor = listed { cursor = cursor }
    sync { user = { user "u1" } }
    assert.same({ "- group:g:member group/h", "- role:a:assigned user/u1", "~ group/g in org/o", "~ group/h", "~ org/o",
      "~ role/a" }, words(listed { cursor = cursor }))
  end)

  it("begins behind what had ended before start_at", function()
    sync(ONE)
    sync(TWO)
    sync(THREE)
    local second = ended(2)
    assert.equal(5, #(listed { start_at = { seconds = 0 } }))
    assert.equal(5, #(listed { start_at = timestamp(second) }))
    assert.same({ "~ role/a" }, words(listed { start_at = timestamp(second, 1) }))
    local events, cursor = listed { start_at = { seconds = 1 << 40 } }
    assert.same({}, events)
    sync(TWO)
    assert.same({ "~ role/a" }, words(listed { cursor = cursor, start_at = { seconds = 1 << 40 } }))
  end)
end)

describe("a cursor", function()
  it("into runs that were forgotten goes on with the oldest that are kept, and says so", function()
    sync(ONE)
    sync(TWO)
    local _, _, pages = listed { page_size = 1 }
    sync(THREE)
    FILE.retention = { history = "0s" }
    reeve.connector(home, "main", FILE)
    FILE.retention = nil
    sync(TWO)
    assert.is_nil(ended(3))
    local events, cursor, _, err = listed { cursor = pages[1].cursor }
    assert.same({ "~ role/a" }, words(events))
    assert.matches("go on with the oldest that are kept", err)
    assert.same({ "~ role/a" }, words(listed()))
    events, _, _, err = listed { cursor = cursor }
    assert.same({}, events)
    assert.equal("", err)
  end)

  it("of a state that was deleted, or of none, begins again, and says so", function()
    local cursors = { "", "", "v1:99:0:20261124000000000", "v1:2:0:1", "v1:9223372036854775808:0:1", "v1:-1:0:1",
      "v1:2:9999999999999999999999:1", "v2:1:0:1", "v1:2:0", "eyJ0IjoxfQ==", ("9"):rep(4096), "\xFF\0" }
    sync(ONE)
    sync(TWO)
    local _, _, pages = listed { page_size = 2 }
    cursors[1], cursors[2] = pages[1].cursor, pages[#pages].cursor
    reeve.shell(("rm -rf '%s/state/connectors/main'"):format(home))
    sync(ONE)
    sync(THREE)
    local all = words(listed())
    assert.equal(5, #all)
    for _, cursor in ipairs(cursors) do
      local events, _, _, err = listed { cursor = cursor }
      assert.same(all, words(events))
      assert.matches("events begin again: the cursor is not one of this state", err)
    end
  end)
end)

-- The worlds of a model: what exists, and the events between two of them.
local function world(random)
  local w = { user = {}, role = {}, held = {} }
  for i = 1, 4 do w.user["u" .. i] = random(4) > 1 and "name " .. random(2) or nil end
  for i = 1, 3 do
    w.role["r" .. i] = random(5) > 1 and { name = "name " .. random(2), title = "title " .. random(2) } or nil
  end
  for r in pairs(w.role) do
    for u in pairs(w.user) do w.held[r .. " " .. u] = random(2) == 1 or nil end
  end
  return w
end

local function data_of(w)
  local data = { user = reeve.array(), role = reeve.array() }
  for id, name in pairs(w.user) do table.insert(data.user, user(id, name)) end
  for id, what in pairs(w.role) do
    local holders = {}
    for u in pairs(w.user) do holders[#holders + 1] = w.held[id .. " " .. u] and u or nil end
    table.insert(data.role, role(id, what.name, what.title, table.unpack(holders)))
  end
  return data
end

local function expected(a, b)
  local list = {}
  for i = 1, 4 do
    local id = "u" .. i
    if a.user[id] ~= b.user[id] then list[#list + 1] = "~ user/" .. id end
  end
  for i = 1, 3 do
    local id = "r" .. i
    local was, is = a.role[id] or {}, b.role[id] or {}
    if was.name ~= is.name or was.title ~= is.title then list[#list + 1] = "~ role/" .. id end
    for j = 1, 4 do
      local key = id .. " u" .. j
      if a.held[key] ~= b.held[key] then
        list[#list + 1] = ("%s role:%s:assigned user/u%d"):format(b.held[key] and "+" or "-", id, j)
      end
    end
  end
  table.sort(list)
  return list
end

it("worlds that change at random give the events that lie between them, read in any steps", function()
  local seed = os.time()
  local state = seed
  local function random(n)
    state = (state * 6364136223846793005 + 1442695040888963407)
    return (state >> 33) % n + 1
  end
  local last, all = world(random), {}
  sync(data_of(last))
  local _, cursor = listed()
  for _ = 1, 8 do
    local now = world(random)
    sync(data_of(now))
    local events
    events, cursor = listed { cursor = cursor, page_size = random(5) }
    assert.same(expected(last, now), words(events), "seed " .. seed)
    table.move(events, 1, #events, #all + 1, all)
    last = now
  end
  for _, size in ipairs { 1, 7, 0, 100000 } do
    local events, _, pages = listed { page_size = size }
    assert.same(all, events, "seed " .. seed)
    for i = 1, #pages - 1 do assert.equal(size, #pages[i].events) end
  end
end)

it("a page of events with the longest ids stays below ConductorOne's 4 MiB", function()
  local id, holder = ("r"):rep(512), ("u"):rep(512)
  local before = { user = { user(holder) }, role = { role(id, "A", "Title") }, org = { { id = id } } }
  local after = { user = { { id = holder, name = "B", parent = ref("org", id) } }, org = before.org,
    role = { role(id, "A", "Title", holder) } }
  sync(before)
  sync(after)
  local events, _, pages = listed()
  assert.equal(2, #events)
  local largest = 0
  for _, page in ipairs(select(3, listed { page_size = 1 })) do largest = math.max(largest, page.bytes) end
  assert.is_true(largest * 1000 < 3 << 20, largest)
  assert.equal(1, #pages)
end)

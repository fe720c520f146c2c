-- The SCIM plugin on a SCIM server that is not ours (scimmy): its records are held against what the spec itself
-- made up. Where it could not be installed these tests are skipped, by name.
local reeve = require "reeve"
local scimmy = require "scimmy"
local workspace = require "workspace"

local CORE = "urn:ietf:params:scim:schemas:core:2.0:"
local WORK = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
local TOKEN = workspace.secret
local BELIEVE_ALL = { user = { removed = "100%", changed = "100%" }, group = { removed = "100%", changed = "100%" },
  ["group:member"] = { removed = "100%" } }

local USERS, GROUPS = 45, 5

-- Some facts about user i, from which the seed is written in SCIM's terms, and what is expected in ours.
local function facts(i)
  return { id = ("Us%sr-%02d"):format(i % 2 == 0 and "E" or "e", i // 2), login = ("user%d@example.com"):format(i),
    name = "User Number " .. i, private = i % 3 == 0 and ("u%d@example.net"):format(i) or nil,
    off = i % 7 == 0, silent = i % 7 == 1, -- switched off; says nothing of it
    number = ("%04d"):format(i), department = i % 2 == 0 and "Sales" or "Support",
    role = i % 4 == 0 and "Auditor" or nil }
end

local function seed_user(f)
  local emails = { { value = f.login, type = "work", primary = true } }
  if f.private then table.insert(emails, 1, { value = f.private, type = "home" }) end
  local active = not f.off
  if f.silent then active = nil end
  return { schemas = { CORE .. "User", WORK }, id = f.id, userName = f.login, displayName = f.name, emails = emails,
    active = active, title = "Person", roles = f.role and { { value = f.role, display = "A role" } } or nil,
    meta = { created = "2026-01-02T03:04:05.000Z" },
    [WORK] = { employeeNumber = f.number, department = f.department, manager = { value = facts(1).id } } }
end

-- Group g has every (g + 1)th user, and the group after it.
local function is_member(g, i)
  return i % (g + 1) == 0
end

local function seed()
  local users, groups = {}, {}
  for i = 1, USERS do users[i] = seed_user(facts(i)) end
  for g = 1, GROUPS do
    local members = {}
    for i = 1, USERS do
      if is_member(g, i) then members[#members + 1] = { value = facts(i).id, type = "User", display = "x" } end
    end
    if g < GROUPS then members[#members + 1] = { value = "Gr-" .. g + 1, type = "Group" } end
    groups[g] = { schemas = { CORE .. "Group" }, id = "Gr-" .. g, displayName = "Group " .. g, members = members }
  end
  return { token = TOKEN, users = users, groups = groups }
end

local function expected_user(f)
  local roles = f.role and { { value = f.role, display = "A role" } } or nil
  return { type = "user", id = f.id, name = f.name, login = f.login, email = f.login,
    emails = f.private and { f.private, f.login } or { f.login }, status = f.off and "disabled" or "enabled",
    employee_ids = { f.number }, created_at = "2026-01-02T03:04:05Z",
    profile = { title = "Person", department = f.department, employeeNumber = f.number, manager = facts(1).id,
      roles = roles } }
end

local function expected_grants()
  local list = {}
  for i = 1, USERS do
    for g = 1, GROUPS do
      if is_member(g, i) then list[#list + 1] = ("group Gr-%d member user %s"):format(g, facts(i).id) end
    end
    if facts(i).role then list[#list + 1] = "role Auditor member user " .. facts(i).id end
  end
  for g = 1, GROUPS - 1 do
    list[#list + 1] = ("group Gr-%d member group Gr-%d through Gr-%d"):format(g, g + 1, g + 1)
  end
  table.sort(list)
  return list
end

local function grants(w)
  local list = {}
  for i, g in ipairs(w:list "grants") do
    list[i] = ("%s %s %s %s %s"):format(g.entitlement.type, g.entitlement.id, g.entitlement.slug, g.principal.type,
      g.principal.id) .. (g.expandable and " through " .. g.expandable[1].id or "")
  end
  table.sort(list)
  return list
end

local function connect(target, more)
  return workspace.new { plugin = "scim", target = target, connector = { guard = BELIEVE_ALL },
    settings = function(url)
      local settings = { url = url .. "/scim/v2", token = "env:CLIENT_SECRET" }
      for name, value in pairs(more or {}) do settings[name] = value end
      return settings
    end }
end

local missing = scimmy.missing()
local real = missing and function(name) pending(("%s (%s)"):format(name, missing)) end or it

describe("a SCIM server that is not ours", function()
  local target, w
  setup(function() if not missing then target = scimmy.start(seed()) end end)
  teardown(function() if target then target:stop() end end)

  real("gives users, groups and memberships as they are", function()
    w = connect(target, { page_size = 8 })
    w:sync(0)
    local users = w:by_id "user"
    for i = 1, USERS do
      assert.same(expected_user(facts(i)), users[facts(i).id])
      users[facts(i).id] = nil
    end
    assert.same({}, users)
    local groups = w:by_id "group"
    for g = 1, GROUPS do
      assert.same({ type = "group", id = "Gr-" .. g, name = "Group " .. g }, groups["Gr-" .. g])
      groups["Gr-" .. g] = nil
    end
    assert.same({}, groups)
    assert.same(expected_grants(), grants(w))
  end)

  real("is the same server whichever page size, and whoever tells the members", function()
    local before = w:sorted()
    for _, more in ipairs { { page_size = 1 }, { page_size = 45 }, { page_size = 0 },
      { memberships = "each_group" }, { memberships = "groups" } } do
      local other = connect(target, more)
      -- Asked for everything at once it gives twenty, and says that there are more.
      other:sync(more.page_size == 0 and 7 or 0)
      if more.page_size ~= 0 then assert.equal(before, other:sorted()) end
    end
  end)

  real("is told by its applications' resource types, where it has them", function()
    local other = connect(target, { applications = { "Group" } })
    other:sync(0)
    assert.equal(GROUPS, #other:list "app")
    assert.matches("no resource type 'Robot' %(it has: User, Group%)",
      connect(target, { applications = { "Robot" } }):sync(3).err)
  end)

  real("refuses another token with exit 4, in its own words", function()
    local r = connect(target)
    r.env = { CLIENT_SECRET = "another-token" }
    local check = r:run("check", "acme")
    assert.equal(4, check.code)
    assert.matches("the token is not known here", check.err)
    assert.equal(4, r:run("sync", "acme").code)
  end)

  real("who is removed there is removed here, and what is changed there is changed here", function()
    local gone, changed = facts(10), facts(11)
    assert.equal(204, (target:ask("DELETE", "/Users/" .. gone.id)))
    assert.equal(200, (target:ask("PATCH", "/Users/" .. changed.id, {
      schemas = { "urn:ietf:params:scim:api:messages:2.0:PatchOp" },
      Operations = { { op = "replace", path = "title", value = "Director" } } })))
    assert.equal(204, (target:ask("DELETE", "/Groups/Gr-5")))
    w:sync(7) -- two groups still name the user, and one the group
    local users = w:by_id "user"
    assert.is_nil(users[gone.id])
    assert.equal("Director", users[changed.id].profile.title)
    assert.is_nil(w:by_id("group")["Gr-5"])
    local left = {}
    for _, grant in ipairs(expected_grants()) do
      local lost = grant:find("user " .. gone.id, 1, true) or grant:find("Gr-5", 1, true)
      if not lost then left[#left + 1] = grant end
    end
    assert.same(left, grants(w))
  end)
end)

-- express 5 and the routers as they are: every answer is the first twenty of forty-five.
describe("a SCIM server that gives its first page for ever", function()
  local target
  setup(function()
    if missing then return end
    local broken = seed()
    broken.plainQuery = true
    target = scimmy.start(broken)
  end)
  teardown(function() if target then target:stop() end end)

  real("is not believed to have told everything", function()
    local w = connect(target)
    local r = w:sync(7)
    assert.matches("startIndex", r.out .. r.err .. reeve.encode(w:last_run()))
    assert.equal(20, #w:list "user")
  end)
end)

-- The file that people upload to ConductorOne by hand: its columns are held against the names of its documentation.
local acme = require "acme"
local reeve = require "reeve"

local PLAIN = "local function same(raw) local r = {} for k, v in pairs(raw) do r[k] = v end return r end "

local function workspace(data)
  local world = {}
  for kind, list in pairs(data) do world["/" .. kind] = acme.items(list) end
  local w = acme.new {
    resources = [[ user = { title = "User", trait = "user" }, group = { title = "Group", trait = "group",
      entitlements = { member = { title = "Member of {name}" } } },
      role = { title = "Role", trait = "role", entitlements = { member = { title = "{name}" } } } ]],
    connector = [[M.list = { user = all("user", "/user"), group = all("group", "/group"),
      role = all("role", "/role") }]],
    mapping = PLAIN .. "return { user = same, group = same, role = same }",
    world = world,
  }
  w:sync { code = 0 }
  return w
end

local function export(w)
  local path = reeve.folder() .. "/acme.csv"
  local _, err = reeve.ok { "export", "acme", "-o", "c1-csv", "-f", path, home = w.home }
  return reeve.read(path), err, path
end

-- Fields without quotes suffice here, but for the one spec that says otherwise.
local function rows(text)
  local header, list = nil, {}
  for line in text:gmatch("(.-)\r\n") do
    local fields = {}
    for field in (line .. ","):gmatch("(.-),") do fields[#fields + 1] = field end
    if not header then
      header = fields
    else
      local row = {}
      for i, name in ipairs(header) do row[name] = fields[i] ~= "" and fields[i] or nil end
      assert.equal(#header, #fields, line)
      list[#list + 1] = row
    end
  end
  return list
end

local function of(list, user, entitlement)
  local found
  for _, row in ipairs(list) do
    if row["User ID"] == user and row["Entitlement"] == entitlement then
      assert.is_nil(found, "two rows of one grant")
      found = row
    end
  end
  return found
end

local function holds(type, id, principal)
  return { on = { type = type, id = id }, slug = "member", to = principal }
end

local function user(id)
  return { type = "user", id = id }
end

describe("export -o c1-csv", function()
  it("has a row a grant, with the columns that ConductorOne knows", function()
    local w = workspace {
      user = {
        { id = "u1", name = "Ann Bee", email = "a@b.co", login = "ann", status = "enabled",
          last_login_at = "2023-11-14T22:13:22.25Z" },
        { id = "u2", name = "Backup", email = "b@b.co", status = "disabled", account_type = "service" },
        { id = "u3", name = "Free", email = "c@b.co", account_type = "human" },
      },
      group = { { id = "g1", name = "Ops" } },
      role = {
        { id = "r1", name = "Admin", grants = { holds("role", "r1", user "u1"), holds("role", "r1", user "u2") } },
        { id = "r2", name = "Admin", description = "The other", grants = { holds("role", "r2", user "u1") } },
        { id = "r3", name = "Nobody" },
      },
    }
    local text, err = export(w)
    w:stop()
    assert.equal("User ID,Username,Email Address,Full Name,User Status,User Type,Last Login,Resource Type,"
      .. "Resource Name,Entitlement,Entitlement Display Name,Entitlement Description,Entitlement Slug",
      text:match("^(.-)\r\n"))
    local list = rows(text)
    assert.equal(4, #list)
    assert.same({ ["User ID"] = "u1", Username = "ann", ["Email Address"] = "a@b.co", ["Full Name"] = "Ann Bee",
      ["User Status"] = "enabled", ["Last Login"] = "2023-11-14T22:13:22Z", ["Resource Type"] = "role",
      ["Resource Name"] = "Admin", Entitlement = "role:r1:member", ["Entitlement Display Name"] = "Admin",
      ["Entitlement Slug"] = "member" }, of(list, "u1", "role:r1:member"))
    assert.equal("Admin", of(list, "u1", "role:r2:member")["Resource Name"])
    local service = of(list, "u2", "role:r1:member")
    assert.same({ "Service", "disabled" }, { service["User Type"], service["User Status"] })
    assert.same({ ["User ID"] = "u3", ["Email Address"] = "c@b.co", ["Full Name"] = "Free" }, of(list, "u3", nil))
    assert.not_matches("warn", err)
    assert.not_matches("r3", text)
  end)

  it("leaves out grants to groups and says of whom it knows no address, both counted and named", function()
    local w = workspace {
      user = { { id = "u1", name = "Ann" } },
      group = { { id = "g1", name = "Ops", grants = { holds("group", "g1", user "u1") } } },
      role = { { id = "r1", name = "Admin", grants = { holds("role", "r1", { type = "group", id = "g1" }) } } },
    }
    local text, err = export(w)
    w:stop()
    local list = rows(text)
    assert.equal(1, #list)
    assert.equal("Ops", list[1]["Resource Name"])
    assert.matches('grants to what is no account.*"count":1.*role/r1:member → group/g1', err)
    assert.matches('without an e%-mail address.*"count":1.*user/u1', err)
  end)

  it("quotes where RFC 4180 says so and changes no value, a formula's neither", function()
    local w = workspace {
      user = { { id = "=1+1", name = 'Ann "A", Bee', email = "a@b.co" } }, group = {}, role = {},
    }
    local text, _, path = export(w)
    w:stop()
    assert.equal('=1+1,,a@b.co,"Ann ""A"", Bee",,,,,,,,,\r\n', text:match("\r\n(.*)$"))
    assert.equal("600\n", (reeve.shell("stat -c %a " .. path)))
  end)

  it("keeps the rows of one account together, in the same order each time", function()
    local people, members = {}, {}
    for i = 1, 60 do people[i] = { id = "u" .. i, email = i .. "@b.co" } end
    for role = 1, 3 do
      members[role] = { id = "r" .. role, grants = {} }
      local grants = members[role].grants
      for i = 1, 60, role do grants[#grants + 1] = holds("role", "r" .. role, user("u" .. i)) end
    end
    local w = workspace { user = people, group = {}, role = members }
    local first, again = export(w), export(w)
    w:stop()
    assert.equal(first, again)
    local seen, last, list = {}, nil, rows(first)
    assert.equal(60 + 30 + 20, #list)
    for _, row in ipairs(list) do
      local id = row["User ID"]
      assert.is_true(id == last or not seen[id])
      seen[id], last = true, id
    end
  end)
end)

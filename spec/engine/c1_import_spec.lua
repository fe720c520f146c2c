-- Files that other connectors wrote, as runs: what becomes of their messages, and how they compare with Reeve's own.
local acme = require "acme"
local c1z = require "c1z"
local clientsecret = require "clientsecret"
local reeve = require "reeve"

local field, any, id, row = c1z.field, c1z.any, c1z.id, c1z.row

local function ref(type, name)
  return { type = type, id = name }
end

local function import(home, name, path, code)
  local r = reeve.run { "import", name, "-f", path, home = home }
  assert.equal(code or 0, r.code, r.err)
  return r.err
end

local function listed(home, name, what)
  return reeve.jsonl((reeve.ok { "list", name, what, "-o", "jsonl", home = home }))
end

local function by_id(list)
  local found = {}
  for _, record in ipairs(list) do found[record.id or record.slug or "none"] = record end
  return found
end

-- "what op field count" of a summary.
local function summary(home, one, other)
  local lines = {}
  local out = reeve.ok { "diff", one, "--with", other, "--summary", "-o", "jsonl", home = home }
  for i, each in ipairs(reeve.jsonl(out)) do
    lines[i] = ("%s %s %s%d"):format(each.what, each.op, each.field and each.field .. " " or "", each.count)
  end
  return lines
end

local function type_row(name, trait, more)
  return row("resource_types", { external_id = name, data = field(1, name) .. field(2, "The " .. name)
    .. (trait and field(3, string.char(trait)) or "") .. (more or "") })
end

local function resource(type, name, more)
  return row("resources", { resource_type_id = type, external_id = type .. ":" .. name,
    data = field(1, id(type, name)) .. (more or "") })
end

local function on(type, name, entitlement)
  return field(1, field(1, id(type, name))) .. field(2, entitlement)
end

local function entitlement(type, name, slug, more)
  local own = ("%s:%s:%s"):format(type, name, slug)
  return row("entitlements", { resource_type_id = type, resource_id = name, external_id = own,
    data = on(type, name, own) .. (more or "") })
end

local function grant(type, name, slug, to, more, columns)
  local own = ("%s:%s:%s"):format(type, name, slug)
  columns = columns or {}
  columns.resource_type_id, columns.resource_id, columns.entitlement_id = type, name, own
  columns.principal_resource_type_id, columns.principal_resource_id = to[1], to[2]
  columns.external_id = ("%s:%s:%s"):format(own, to[1], to[2])
  columns.data = columns.data or field(1, on(type, name, own)) .. field(2, field(1, id(to[1], to[2])))
    .. field(3, columns.external_id) .. (more or "")
  return row("grants", columns)
end

local WORLD = {
  org = { { id = "o1", name = "Org", profile = { a = 1, b = 1.5, c = { "x", { d = true } }, e = 1 << 53 } } },
  user = {
    { id = "u1", name = "User 1", parent = ref("org", "o1"), email = "a@b.co", emails = { "c@d.co", "a@b.co" },
      login = "a", status = "disabled", status_details = "left", account_type = "service", sso = false, mfa = true,
      employee_ids = { "e7" }, created_at = "2023-11-14T22:13:21.5Z", last_login_at = "2023-11-14T22:13:22Z",
      profile = { dept = "IT", ["größe"] = 3 } },
    { id = "u:2:x", name = "User 2", status = "pending", status_details = "INVITED" },
    { id = "u3", email = "u3@b.co", status = "pending" }, { id = "u4" },
  },
  group = {
    { id = "g1", name = "Group", grants = { { on = ref("group", "g1"), slug = "member", to = ref("user", "u1") } } },
    { id = "g:2", name = "Colons" },
  },
  role = { { id = "admin", name = "Admin", entitlements = { { slug = "assigned", name = "Admin role",
    description = "Has Admin", purpose = "permission", grantable_to = { "user", "group" }, privileged = true, keep = 1,
    exclusion_group = { id = "x", order = 2, default = true, scope = "type" } } },
    grants = {
      { on = ref("role", "admin"), slug = "assigned", to = ref("group", "g1"),
        expandable = { { type = "group", id = "g1", slug = "member", shallow = true, to = { "user" } } } },
      { on = ref("role", "admin"), slug = "assigned", to = ref("group", "g:2"),
        expandable = { { type = "group", id = "g:2", slug = "member" } } },
      { on = ref("role", "admin"), slug = "assigned", to = ref("user", "u:2:x") } } } },
  app = { { id = "a1", name = "App", description = "d", profile = { k = "v" } } },
  key = { { id = "k1", name = "Key", identity = ref("user", "u1"), expires_at = "2027-01-01T00:00:00Z",
    last_used_at = "2026-01-01T00:00:00Z", created_at = "2025-01-01T00:00:00Z" } },
}

describe("import of Reeve's own export", function()
  it("is the same state", function()
    local home = c1z.home(WORLD)
    local path = reeve.folder() .. "/main.c1z"
    reeve.ok { "export", "main", "-o", "c1z", "-f", path, home = home }
    local err = import(home, "copy", path)
    assert.matches("wrote .*/connectors/copy.json", err)
    assert.is_nil(err:find("left out", 1, true) or err:find("not kept", 1, true), err)
    local out, said = reeve.ok { "diff", "main", "--with", "copy", "--exit-code", "-o", "jsonl", home = home }
    assert.equal("", out)
    assert.matches("main: no differences\n$", said)
    local users = by_id(listed(home, "copy", "user"))
    assert.same({ type = "user", id = "u1", name = "User 1", parent = ref("org", "o1"), email = "a@b.co",
      emails = { "a@b.co", "c@d.co" }, login = "a", status = "disabled", status_details = "left",
      account_type = "service", sso = false, mfa = true, employee_ids = { "e7" },
      created_at = "2023-11-14T22:13:21.5Z", last_login_at = "2023-11-14T22:13:22Z",
      profile = { dept = "IT", ["größe"] = 3 } }, users.u1)
    assert.equal("pending", users.u3.status)
    assert.same({ a = 1, b = 1.5, c = { "x", { d = true } }, e = 1 << 53 }, listed(home, "copy", "org")[1].profile)
    assert.same(ref("user", "u1"), listed(home, "copy", "key")[1].identity)
    local grants = {}
    for _, g in ipairs(listed(home, "copy", "grants")) do grants[g.principal.id] = g end
    assert.same({ { type = "group", id = "g1", slug = "member", shallow = true, to = { "user" } } },
      grants.g1.expandable)
    assert.same({ { type = "group", id = "g:2", slug = "member" } }, grants["g:2"].expandable)
    assert.same({ id = "x", order = 2, default = true }, by_id(listed(home, "copy", "entitlements")).assigned
      .exclusion_group)
  end)

  it("comes out again as it went in", function()
    local home = c1z.home(WORLD)
    local one, two = reeve.folder() .. "/1.c1z", reeve.folder() .. "/2.c1z"
    reeve.ok { "export", "main", "-o", "c1z", "-f", one, home = home }
    import(home, "copy", one)
    reeve.ok { "export", "copy", "-o", "c1z", "-f", two, home = home }
    local first, second = c1z.unpacked(one), c1z.unpacked(two)
    for _, table in ipairs { "resources", "entitlements", "grants" } do
      local sql = ("select external_id, hex(data) from v1_%s order by 1"):format(table)
      assert.equal(first(sql), second(sql))
    end
    -- That a type has no entitlements is what the file says, not what is declared.
    local sql = "select external_id, instr(data, 'SkipEntitlementsAndGrants') > 0 from v1_resource_types order by 1"
    assert.equal("app|1\ngroup|0\nkey|1\norg|1\nrole|0\nuser|1", second(sql))
  end)

  it("is told apart by what differs, and not by what a file cannot say", function()
    local home = c1z.home(WORLD)
    local path = reeve.folder() .. "/main.c1z"
    reeve.ok { "export", "main", "-o", "c1z", "-f", path, home = home }
    import(home, "copy", path)
    local changed = reeve.json(reeve.encode(WORLD))
    changed.user[1].status, changed.user[1].profile.dept = "enabled", "HR"
    changed.user[4] = { id = "u5" }
    changed.group[1].grants = nil
    reeve.connector(home, "main", { plugin = "acme", settings = { data = "{}" },
      guard = { user = { removed = "100%", changed = "100%" }, ["group:member"] = { removed = "100%" } } })
    reeve.ok { "sync", "main", home = home, env = { REEVE_SETTINGS_DATA = reeve.encode(changed) } }
    assert.same({ "group:member grant added 1", "user removed 1", "user added 1", "user changed profile.dept 1",
      "user changed status 1" }, summary(home, "main", "copy"))
    local r = reeve.run { "diff", "main", "--with", "copy", "--exit-code", "-o", "jsonl", home = home }
    assert.equal(10, r.code)
    assert.equal(4, #reeve.jsonl(r.out))
    r = reeve.ok { "diff", "main", "--with", "copy", "--without", "status", "--without", "profile.dept", "-o", "jsonl",
      home = home }
    assert.equal(3, #reeve.jsonl(r))
    assert.equal(2, reeve.run { "diff", "main", "--without", "status", home = home }.code)
    for _, wrong in ipairs { "statsu", "id", "profile." } do -- nothing would be left out, or all
      r = reeve.run { "diff", "main", "--with", "copy", "--without", wrong, home = home }
      assert.equal(2, r.code)
      assert.matches("--without " .. wrong .. ": no such field", r.err, 1, true)
    end
  end)

  it("leaves out parts of fields, by the names that it gives them itself", function()
    local home, path = c1z.home(WORLD), reeve.folder() .. "/main.c1z"
    reeve.ok { "export", "main", "-o", "c1z", "-f", path, home = home }
    import(home, "copy", path)
    local changed = reeve.json(reeve.encode(WORLD))
    changed.user[1].parent = ref("group", "g1")
    reeve.connector(home, "main", { plugin = "acme", settings = { data = "{}" },
      guard = { user = { changed = "100%" } } })
    reeve.ok { "sync", "main", home = home, env = { REEVE_SETTINGS_DATA = reeve.encode(changed) } }
    assert.same({ "user changed parent.id 1", "user changed parent.type 1" }, summary(home, "main", "copy"))
    local function differences(...)
      return #reeve.jsonl((reeve.ok { "diff", "main", "--with", "copy", "-o", "jsonl", home = home, ... }))
    end
    assert.equal(1, differences("--without", "parent.id"))
    assert.equal(0, differences("--without", "parent.id", "--without", "parent.type"))
  end)
end)

describe("import of a Go connector's file", function()
  it("agrees with what Reeve itself read, but for what that connector says otherwise", function()
    local fixture = reeve.json(reeve.read "spec/fixtures/baton-torq-1000.json")
    local w = acme.new {
      resources = [[ user = { title = "User", trait = "user" }, role = { title = "Role", trait = "role",
        entitlements = { member = { title = "{name} member", purpose = "assignment", grantable_to = { "user" } } } } ]],
      connector = [[M.list = { user = all("user", "/users"), role = all("role", "/roles") }]],
      mapping = reeve.read "plugins/torq/mapping.lua",
      world = { ["/users"] = acme.items(fixture.users), ["/roles"] = acme.items(fixture.roles) },
    }
    w:sync { code = 0 }
    w:stop()
    local own = reeve.path "own.c1z"
    reeve.ok { "export", "acme", "-o", "c1z", "-f", own, home = w.home }
    import(w.home, "copy", own)
    assert.same({}, summary(w.home, "acme", "copy")) -- invitations, the Owner's privilege and all
    local err = import(w.home, "old", "spec/fixtures/baton-torq-1000.c1z")
    assert.matches("8 role %(%+8%), 1000 user %(%+1000%), 1000 role:member %(%+1000%)", err)
    -- No user, role, entitlement or grant is in one of them alone. Times are left out there, names of entitlements
    -- and the profiles' keys are others; who was invited has no status there, which counts as enabled, as pending does.
    assert.same({
      "role changed description 8", "role changed profile.is_custom 8", "role changed profile.role_description 8",
      "role changed profile.role_id 8", "role changed profile.role_name 8", "role changed profile.scope_names 8",
      "role:member changed description 8", "role:member changed name 8",
      "user changed created_at 1000", "user changed last_login_at 1000", "user changed login 1000",
      "user changed profile.first_name 1000", "user changed profile.login 1000", "user changed profile.role_id 1000",
      "user changed profile.sso_provisioned 1000", "user changed profile.user_id 1000", "user changed sso 1000",
      "user changed status_details 1000",
    }, summary(w.home, "acme", "old"))
    local function count(list, status)
      local n = 0
      for _, user in ipairs(list) do n = n + (user.status == status and 1 or 0) end
      return n
    end
    assert.equal(count(fixture.users, "VERIFIED"), count(listed(w.home, "old", "user"), "enabled"))
    assert.equal("", (reeve.ok { "diff", "acme", "--with", "old", "-o", "jsonl", "--without", "description",
      "--without", "profile", "--without", "name", "--without", "created_at", "--without", "last_login_at",
      "--without", "login", "--without", "sso", "--without", "status_details", home = w.home }))
  end)
end)

describe("a connector that was imported", function()
  local function people(n, more)
    local list = { c1z.sync(), type_row("user", 1) }
    for i = 1, n do
      list[#list + 1] = resource("user", "u" .. i, field(3, (more or "User ") .. i))
    end
    return c1z.file(list)
  end

  it("has a history of its files, and a guard", function()
    local home = reeve.home()
    import(home, "old", people(10))
    assert.matches("run 2 accepted.*10 user\n", import(home, "old", people(10)))
    import(home, "old", people(11))
    local out = reeve.ok { "history", "old", "user", "u11", "-o", "jsonl", home = home }
    assert.equal(3, reeve.jsonl(out)[1].run)
    local err = import(home, "old", people(3), 6)
    assert.matches("8 of 11 user would be removed", err)
    assert.equal(11, #listed(home, "old", "user"))
    assert.matches("import  old", (reeve.ok { "audit", home = home }))
    assert.matches("hold +old", (reeve.ok { "audit", home = home }))
    reeve.ok { "accept", "old", home = home }
    assert.equal(3, #listed(home, "old", "user"))
    local held = reeve.run { "import", "old", "-f", people(3, "Other "), "--hold", home = home }
    assert.equal(6, held.code)
    reeve.ok { "reject", "old", home = home }
    assert.equal("User 1", by_id(listed(home, "old", "user")).u1.name)
  end)

  it("may come from a file whose name is no UTF-8", function()
    local home, path = reeve.home(), reeve.folder() .. "/caf\xe9.c1z"
    reeve.write(path, reeve.read(people(3)))
    import(home, "old", path)
    local run = reeve.json((reeve.ok { "runs", "old", "-o", "json", home = home }))[1]
    assert.equal("caf?.c1z", run.source.file)
  end)

  it("has nobody to ask, and says so", function()
    local home = reeve.home()
    import(home, "old", people(3))
    for _, words in ipairs { { "sync", "old" }, { "check", "old" }, { "plan", "old" },
      { "record", "old", "-f", reeve.path "cassette" } } do
      words.home = home
      local r = reeve.run(words)
      assert.equal(2, r.code)
      assert.matches("old: no target to ask.*reeve import old %-f FILE", r.err)
    end
    local r = reeve.run { "sync", "--all", home = home }
    assert.equal(0, r.code)
    assert.matches("old: passed over", r.err)
    r = reeve.run { "c1", "old", home = home, env = { BATON_CLIENT_ID = clientsecret.id,
      BATON_CLIENT_SECRET = clientsecret.secret } }
    assert.equal(2, r.code, r.err)
    assert.matches("old: no target to ask", r.err)
    r = reeve.run { "add", "c1z", "other", home = home }
    assert.equal(2, r.code)
    assert.matches("reeve import NAME", r.err)
    assert.equal(1, #reeve.jsonl((reeve.ok { "runs", "old", "-o", "jsonl", home = home })))
  end)

  it("is one in all other commands", function()
    local home = reeve.home()
    import(home, "old", people(3))
    assert.matches("Connected +c1z", (reeve.ok { "status", home = home }))
    assert.is_nil(reeve.json((reeve.ok { "status", "old", "-o", "json", home = home })).max_age_s)
    reeve.ok { "status", "--check", "-o", "prometheus", home = home, env = { REEVE_MAX_AGE = "1s" } }
    assert.matches("old +Connected +c1z", (reeve.ok { "connectors", home = home }))
    reeve.ok { "set", "old", "app=Old", "mapping=", home = home }
    assert.matches("User 2", (reeve.ok { "show", "old", "user", "u2", home = home }))
    assert.matches("display_name", (reeve.ok { "explain", "old", "user", "u2", home = home }))
    reeve.write(home .. "/scripts/old.lua", [[return { resource = function(raw, record)
      if record.id == "u3" then return nil end
      record.name = record.name:upper()
      return record
    end }]])
    reeve.ok { "set", "old", "mapping=scripts/old.lua", home = home }
    assert.matches("USER 1", (reeve.ok { "plan", "old", "--offline", home = home }))
    assert.matches("0 errors", reeve.run { "lint", "old", home = home }.err)
    for _, form in ipairs { "jsonl", "csv", "c1z", "c1-csv" } do
      reeve.ok { "export", "old", "-o", form, "-f", reeve.path("out." .. form), home = home }
    end
    assert.matches("TRAIT_USER", (reeve.ok { "capabilities", "old", home = home }))
    reeve.ok { "remove", "old", home = home }
    assert.equal(2, reeve.run { "status", "old", home = home }.code)
  end)

  it("is none that has a plugin, and none is left where there was no file to read", function()
    local home = c1z.home { user = { { id = "u1" } } }
    local r = reeve.run { "import", "main", "-f", people(3), home = home }
    assert.equal(2, r.code)
    assert.matches("main has a target of its own", r.err)
    r = reeve.run { "import", "old", "-f", home .. "/nothing.c1z", home = home }
    assert.equal(1, r.code)
    assert.matches("nothing.c1z", r.err)
    assert.is_nil(reeve.read(home .. "/connectors/old.json"))
    assert.equal("main\n", (reeve.shell(("ls '%s/state/connectors'"):format(home))))
    assert.equal(2, reeve.run { "import", "old", home = home }.code)
    reeve.connector(home, "new", { plugin = "c1z" })
    r = reeve.run { "list", "new", "user", home = home }
    assert.matches("`reeve import new %-f FILE` makes the first one", r.err)
    assert.equal(2, reeve.run { "import", "Old!", "-f", people(1), home = home }.code)
  end)
end)

describe("a foreign file", function()
  it("keeps what has a place, puts what has none into the profile, and tells what it drops", function()
    local user = field(1, field(1, "x@b.co")) .. field(1, field(1, "a@b.co") .. field(2, 1)) .. field(2, field(1, 1))
      .. field(6, "a") .. field(7, "al") .. field(12, field(1, "Ann") .. field(2, "Bee")) .. field(4, field(1, "icon"))
      .. field(9, field(1, 1700000002) .. field(2, 500000000))
    local file = c1z.file {
      c1z.sync(), type_row("user", 1), type_row("api-key", 5), type_row("grants"),
      resource("user", "u1", field(3, "Ann") .. field(4, any("UserTrait", user))
        .. field(4, any("RawId", field(1, "7"))) .. field(11, field(1, 2)) .. field(2, id("nowhere", "n"))
        .. field(4, field(1, "type.googleapis.com/acme.Unknown") .. field(2, "\xFF\xFE"))),
      resource("api-key", "k1", field(4, any("SecretTrait", field(7, 2) .. field(8, "ssh")
        .. field(6, id("user", "u1"))))),
      resource("grants", "t1", field(11, field(1, 2))),
      resource("ghost", "x"),
    }
    local home = reeve.home()
    local err = import(home, "old", file)
    assert.same({ type = "user", id = "u1", name = "Ann", email = "a@b.co", emails = { "x@b.co", "a@b.co" },
      login = "a", status = "disabled", last_login_at = "2023-11-14T22:13:22.5Z",
      profile = { login_aliases = { "al" }, structured_name = { given_name = "Ann", family_name = "Bee" } } },
      listed(home, "old", "user")[1])
    assert.same({ type = "api_key", id = "k1", identity = ref("user", "u1"),
      profile = { credential_type = 2, credential_detail = "ssh" } }, listed(home, "old", "api_key")[1])
    assert.same({ type = "grants_type", id = "t1", profile = { status = "disabled" } },
      listed(home, "old", "grants_type")[1])
    assert.same({ type = "ghost", id = "x" }, listed(home, "old", "ghost")[1]) -- a type without a row of its own
    assert.matches("types by other names: api%-key: api_key, grants: grants_type", err)
    assert.matches("2 annotations not kept: RawId 1, acme.Unknown 1", err)
    assert.matches("2 values without a place here not kept: icon or logo 1, parent of an unknown type 1", err)
  end)

  it("gives grants by their columns, their expansion from either place, and none that follows from others", function()
    local derived = field(5, field(1, field(1, "group:g1:member") .. field(2, field(1, 1))))
    local both = derived .. field(5, field(1, field(1, "role:r1:Owner-Of") .. field(2, "")))
    local expand = field(1, "group:g1:member") .. field(1, "group:a:b:member") .. field(2, 1) .. field(3, "user")
    local file = c1z.file {
      c1z.sync(), type_row("user", 1), type_row("group", 2), type_row("role", 3),
      resource("user", "u1"), resource("user", "u2"), resource("user", "u3"), resource("group", "g1"),
      resource("group", "a:b"), resource("role", "r1"),
      entitlement("group", "g1", "member"), entitlement("group", "a:b", "member"),
      entitlement("role", "r1", "Owner-Of", field(8, "owner") .. field(3, "Owner") .. field(7, 3)
        .. field(5, field(1, "user") .. field(2, "The user"))
        .. field(6, any("EntitlementExclusionGroup", field(1, "g") .. field(4, 1)))),
      grant("role", "r1", "Owner-Of", { "user", "u1" }, derived),
      grant("role", "r1", "Owner-Of", { "user", "u2" }, both),
      grant("role", "r1", "Owner-Of", { "user", "u3" }, nil, { data = "" }),
      grant("role", "r1", "Owner-Of", { "group", "g1" }, field(4, any("GrantExpandable", expand))),
      grant("role", "r1", "Owner-Of", { "group", "a:b" }, nil, { expansion = { expand } }),
    }
    local home = reeve.home()
    local err = import(home, "old", file)
    local grants = {}
    for _, g in ipairs(listed(home, "old", "grants")) do grants[g.principal.id] = g end
    assert.is_nil(grants.u1)
    assert.equal("owner_of", grants.u2.entitlement.slug)
    assert.equal("owner_of", grants.u3.entitlement.slug)
    local sources = { { type = "group", id = "g1", slug = "member", shallow = true, to = { "user" } },
      { type = "group", id = "a:b", slug = "member", shallow = true, to = { "user" } } }
    assert.same(sources, grants.g1.expandable)
    assert.same(sources, grants["a:b"].expandable)
    local found
    for _, e in ipairs(listed(home, "old", "entitlements")) do found = e.resource.id == "r1" and e or found end
    assert.same({ resource = ref("role", "r1"), slug = "owner_of", name = "Owner", purpose = "ownership",
      grantable_to = { "user" }, exclusion_group = { id = "g", scope = "resource" } }, found)
    assert.matches("1 grants that follow from other grants left out", err)
    assert.matches("1 entitlements whose slug.*Owner%-Of", err)
  end)

  it("is read where it has fewer tables and columns, several frames, a log's mark, other texts", function()
    local small = [[pragma encoding='UTF-16'; create table v1_resources (external_id, data, sync_id);
      create table v1_sync_runs (sync_id, started_at, ended_at);
      insert into v1_sync_runs values ('S', '2026-11-20', '2026-11-20');]]
    local file = c1z.file({ ("insert into v1_resources values ('user:u1', x'%s', 'S');"):format(
      reeve.hex(field(1, id("user", "u1")))) }, small)
    local home = reeve.home()
    assert.matches("1 rows of types that the file does not describe left out: user 1", import(home, "a", file))
    local wal = c1z.file({ c1z.sync(), type_row("user", 1), resource("user", "u1"), "pragma journal_mode=wal;" })
    local bytes = reeve.read(wal):sub(6)
    import(home, "b", reeve.write(reeve.path "wal.c1z", "C1ZF\0" .. bytes))
    assert.equal(1, #listed(home, "b", "user"))
    local raw = reeve.path "raw"
    reeve.shell(([[tail -c +6 'F' | zstd -q -d > 'R'
      (printf 'C1ZF\0'; head -c 5000 'R' | zstd -q; tail -c +5001 'R' | zstd -q) > 'R.c1z']]):gsub("'F", "'" .. wal)
      :gsub("'R", "'" .. raw))
    import(home, "c", raw .. ".c1z")
    assert.equal(1, #listed(home, "c", "user"))
  end)

  it("is read by its latest finished full sync", function()
    local function of(sync, name)
      return row("resources", { resource_type_id = "user", external_id = "user:" .. name, sync_id = sync,
        data = field(1, id("user", name)) })
    end
    local file = c1z.file {
      c1z.sync { id = "old", ended = "2026-11-01 00:00:00" }, c1z.sync { id = "new", ended = "2026-11-02 00:00:00" },
      c1z.sync { id = "part", ended = "2026-11-03 00:00:00", type = "partial" },
      c1z.sync { id = "open", ended = false },
      row("resource_types", { external_id = "user", data = field(1, "user"), sync_id = "new" }),
      of("old", "o"), of("new", "n"), of("part", "p"), of("open", "q"),
    }
    local home = reeve.home()
    assert.matches("from sync new, which ended 2026%-11%-02T00:00:00Z", import(home, "old", file))
    assert.equal("n", listed(home, "old", "user")[1].id)
  end)

  it("sets aside rows that cannot be read, counts them, and does not believe that they are gone", function()
    local whole = { c1z.sync(), type_row("user", 1), type_row("role", 3), resource("role", "r"),
      entitlement("role", "r", "m") }
    local broken = table.move(whole, 1, #whole, 1, {})
    for i = 1, 4 do
      local name = "u" .. i
      whole[#whole + 1] = resource("user", name)
      whole[#whole + 1] = grant("role", "r", "m", { "user", name })
      broken[#broken + 1] = i > 1 and resource("user", name) or row("resources",
        { resource_type_id = "user", external_id = "user:u1", data = "\x0a\xff\xff" })
      broken[#broken + 1] = grant("role", "r", "m", { "user", name }, nil, i == 2 and { data = "\x0a\x7f" } or nil)
    end
    broken[#broken + 1] = resource("user", "u5", field(3, "\xFF"))
    local home = reeve.home()
    import(home, "old", c1z.file(whole))
    local err = import(home, "old", c1z.file(broken), 7)
    assert.matches("3 set aside", err)
    assert.equal(4, #listed(home, "old", "user"))
    assert.equal(4, #listed(home, "old", "grants"))
    local why = by_id(listed(home, "old", "excluded"))
    assert.matches("its message cannot be read", why.u1.reason)
    assert.matches("UTF%-8", why.u5.reason)
  end)
end)

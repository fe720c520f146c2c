-- Files for ConductorOne, read back by sqlite3 and zstd; what is in their messages is held against bytes that the
-- format's own examples give, or that are put together here.
local acme = require "acme"
local c1z = require "c1z"
local reeve = require "reeve"

local field = c1z.field

local _, refused = reeve.shell("unshare -m true 2>/dev/null")
local in_namespace = refused == 0 and it or function(name) pending(name .. " (unshare -m is refused here)") end

local function export(home, name)
  local path = reeve.folder() .. "/out.c1z"
  local _, err = reeve.ok { "export", name or "main", "-o", "c1z", "-f", path, home = home }
  local ask, db = c1z.unpacked(path)
  return ask, err, path, db
end

local function any(name, value)
  local url = field(1, "type.googleapis.com/c1.connector.v2." .. name)
  return value == "" and url or url .. field(2, value)
end

local hex = reeve.hex

local function data_of(ask, table, external_id)
  return ask(("select lower(hex(data)) from v1_%s where external_id='%s'"):format(table, external_id))
end

local function ref(type, id)
  return { type = type, id = id }
end

local function assigned(role, user)
  return { on = ref("role", role), slug = "assigned", to = ref("user", user) }
end

local SMALL = {
  role = { { id = "admin", name = "Admin", entitlements = { { slug = "assigned", name = "Admin role",
    description = "Has Admin", purpose = "assignment", grantable_to = { "user" } } },
    grants = { { on = ref("role", "admin"), slug = "assigned", to = ref("group", "g1"),
      expandable = { { type = "group", id = "g1", slug = "member" } } } } } },
  group = { { id = "g1", name = "Group", grants = { { on = ref("group", "g1"), slug = "member",
    to = ref("user", "u1") } } } },
  user = { { id = "u1", name = "User 1", parent = ref("org", "o1"), email = "a@b.co", login = "a",
    description = "d" } },
  org = { { id = "o1", name = "Org" } },
}

describe("export -o c1z", function()
  it("writes one frame of a sound database behind the magic, with no column that older readers do not know", function()
    local ask, _, path = export(c1z.home(SMALL))
    assert.equal("C1ZF\0\x28\xB5\x2F\xFD", reeve.read(path):sub(1, 9))
    assert.equal("ok", ask "pragma integrity_check")
    local listed = reeve.shell(("tail -c +6 '%s' > '%s.zst'; zstd -lv '%s.zst'"):format(path, path, path))
    assert.matches("Zstandard Frames: 1\n", (listed:gsub("# ", "")))
    assert.matches("Decompressed Size", listed)
    assert.matches("Check: XXH64", listed)
    assert.equal("id,resource_type_id,resource_id,entitlement_id,principal_resource_type_id,principal_resource_id,"
      .. "external_id,data,sync_id,discovered_at", ask "select group_concat(name) from pragma_table_info('v1_grants')")
    assert.equal("id,sync_id,started_at,ended_at,sync_token,sync_type,parent_sync_id,linked_sync_id,supports_diff",
      ask "select group_concat(name) from pragma_table_info('v1_sync_runs')")
    assert.equal("1|1|{\"version\":1}|full||1", ask [[select count(*), ended_at >= started_at, sync_token,
      sync_type, parent_sync_id, supports_diff from v1_sync_runs]])
    local id, started = ask "select sync_id, started_at from v1_sync_runs":match("(.*)|(.*)")
    assert.matches("^" .. ("%w"):rep(27) .. "$", id)
    assert.matches("^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d", started)
    assert.equal("blob", ask "select distinct typeof(data) from v1_resources")
    assert.equal("600\n", (reeve.shell("stat -c %a " .. path)))
    assert.equal("out.c1z\nout.c1z.zst\n", (reeve.shell("ls -A " .. path:match("^.*/"))))
  end)

  it("gives the messages of the format's own examples", function()
    local ask = export(c1z.home(SMALL))
    assert.equal("0a04757365721204557365721a0101223f0a3d747970652e676f6f676c65617069732e636f6d2f63312e636f6e"
      .. "6e6563746f722e76322e536b6970456e7469746c656d656e7473416e644772616e74732a0650656f706c65",
      data_of(ask, "resource_types", "user"))
    local role = "0a0d0a04726f6c65120561646d696e1a0541646d696e222f0a2d747970652e676f6f676c65617069732e636f6d"
      .. "2f63312e636f6e6e6563746f722e76322e526f6c655472616974"
    assert.equal(role, data_of(ask, "resources", "role:admin"))
    -- The status, which today's readers look for on the resource, is ours: 5a020801.
    assert.equal("0a0a0a04757365721202753112090a036f726712026f311a0655736572203122460a2d747970652e676f6f676c"
      .. "65617069732e636f6d2f63312e636f6e6e6563746f722e76322e55736572547261697412150a0a0a066140622e"
      .. "636f10011202080128013201612a01645a020801", data_of(ask, "resources", "user:u1"))
    assert.equal("0a260a0f0a0d0a04726f6c65120561646d696e1213726f6c653a61646d696e3a61737369676e6564120d0a0b0a"
      .. "0567726f7570120267311a1c726f6c653a61646d696e3a61737369676e65643a67726f75703a673122480a3374"
      .. "7970652e676f6f676c65617069732e636f6d2f63312e636f6e6e6563746f722e76322e4772616e74457870616e"
      .. "6461626c6512110a0f67726f75703a67313a6d656d626572",
      data_of(ask, "grants", "role:admin:assigned:group:g1"))
    local skip = field(1, "user") .. field(2, "User") .. field(3, "\1") .. field(4,
      any("SkipEntitlementsAndGrants", "")) .. field(5, "People")
    assert.equal(hex(field(1, field(1, field(1, "role") .. field(2, "admin"))) .. field(2, "role:admin:assigned")
      .. field(3, "Admin role") .. field(4, "Has Admin") .. field(5, skip) .. field(7, 1) .. field(8, "assigned")),
      data_of(ask, "entitlements", "role:admin:assigned"))
  end)

  it("says of users and keys what their traits have a place for, on the resource too", function()
    local ask = export(c1z.home {
      user = { { id = "u1", name = "Ann", email = "a@b.co", emails = { "c@d.co", "a@b.co" }, login = "a",
        status = "disabled", status_details = "locked", account_type = "service", mfa = true, sso = false,
        employee_ids = { "e7" }, created_at = "2023-11-14T22:13:21.5Z", last_login_at = "2023-11-14T22:13:22Z",
        profile = { dept = "IT", n = 1 } }, { id = "u2", status = "pending" } },
      key = { { id = "k1", expires_at = "2027-01-15T08:00:00Z", identity = ref("user", "u1") } },
    })
    local profile = field(1, field(1, "dept") .. field(2, field(3, "IT")))
      .. field(1, field(1, "n") .. field(2, "\x11" .. ("<d"):pack(1)))
    local created = "\x08\x81\xe2\xcf\xaa\x06\x10\x80\xca\xb5\xee\x01"
    local status = field(1, 2) .. field(2, "locked")
    local trait = field(1, field(1, "a@b.co") .. field(2, 1)) .. field(1, field(1, "c@d.co")) .. field(2, status)
      .. field(3, profile) .. field(5, 2) .. field(6, "a") .. field(8, created) .. field(9, "\x08\x82\xe2\xcf\xaa\x06")
      .. field(10, field(1, 1)) .. field(11, "") .. field(13, "e7")
    local id = field(1, "user") .. field(2, "u1")
    assert.equal(hex(field(1, id) .. field(3, "Ann") .. field(4, any("UserTrait", trait)) .. field(9, profile)
      .. field(11, status) .. field(12, created)), data_of(ask, "resources", "user:u1"))
    local invited = field(1, 1) .. field(2, "pending")
    assert.equal(hex(field(1, field(1, "user") .. field(2, "u2")) .. field(4, any("UserTrait", field(2, invited)
      .. field(5, 1))) .. field(11, invited)), data_of(ask, "resources", "user:u2"))
    assert.equal(hex(field(1, field(1, "key") .. field(2, "k1")) .. field(4, any("SecretTrait",
      field(3, field(1, 1800000000)) .. field(6, id)))), data_of(ask, "resources", "key:k1"))
  end)

  it("gives the ids that the Go connector gives for the same workspace", function()
    local fixture = reeve.json(reeve.read "spec/fixtures/baton-torq-1000.json")
    local w = acme.new {
      resources = [[ user = { title = "User", trait = "user" }, role = { title = "Role", trait = "role",
        entitlements = { member = { title = "{name} member", grantable_to = { "user" } } } } ]],
      connector = [[M.list = { user = all("user", "/users"), role = all("role", "/roles") }]],
      mapping = reeve.read "plugins/torq/mapping.lua",
      world = { ["/users"] = acme.items(fixture.users), ["/roles"] = acme.items(fixture.roles) },
    }
    w:sync { code = 0 }
    local _, _, _, ours = export(w.home, "acme")
    w:stop()
    local ask, db = c1z.unpacked "spec/fixtures/baton-torq-1000.c1z"
    assert.equal("1000", ask "select count(*) from v1_grants")
    for table, columns in pairs {
      resource_types = "external_id", resources = "external_id, resource_type_id, parent_resource_id",
      entitlements = "external_id, resource_type_id, resource_id",
      grants = [[external_id, resource_type_id, resource_id, entitlement_id, principal_resource_type_id,
        principal_resource_id]],
    } do
      local sql = ([[attach '%s' as ours; attach '%s' as theirs;
        select count(*), (select count(*) from theirs.v1_T) from (
        select C from ours.v1_T intersect select C from theirs.v1_T);
        select * from (select C from ours.v1_T except select C from theirs.v1_T)]]):format(ours, db)
      local out = reeve.shell("sqlite3 :memory: " .. reeve.quote((sql:gsub("%f[%w]C%f[%W]", columns):gsub("v1_T",
        "v1_" .. table))))
      assert.matches("^(%d+)|%1\n$", out, table)
    end
  end)

  it("escapes and cuts what would not be told apart or accepted, and names it", function()
    local long, id = ("ä"):rep(1000), ("x"):rep(512)
    local ask, err = export(c1z.home {
      role = { { id = "a", name = long, grants = { assigned("a", "b:assigned:user:c") } },
        { id = "a:assigned:user:b", grants = { assigned("a:assigned:user:b", "c") } },
        { id = id, grants = { assigned(id, id) } } },
      user = { { id = "b:assigned:user:c", name = "B" }, { id = "c", name = "C" }, { id = id } },
    })
    assert.equal("role:a:assigned:user:b:assigned:user:c\nrole:a:assigned:user:b\\:assigned\\:user\\:c",
      ask [[select external_id from v1_grants where resource_id like 'a%' order by resource_id desc]])
    assert.equal("user:b:assigned:user:c", ask "select external_id from v1_resources where external_id like 'user:b%'")
    assert.equal(hex("…"), ask([[select lower(hex(substr(data, instr(data, x'e280a6'), 3))) from v1_resources
      where external_id = 'role:a']]))
    assert.equal(hex(field(3, ("ä"):rep(510) .. "…")), data_of(ask, "resources", "role:a"):match("1aff07.*e280a6"))
    assert.equal("1024", ask [[select length(external_id) from v1_grants where external_id like '%::%']])
    assert.matches("cut.*role/a name", err)
    assert.matches('"count":2', err)
    assert.matches("escaped", err)
  end)

  it("has no text that is not UTF-8: a record with one was set aside", function()
    local home = c1z.home()
    local r = reeve.run { "sync", "main", home = home, env = { REEVE_SETTINGS_DATA = reeve.encode {
      user = { { id = "u1", name = "broken" }, { id = "u2", name = "Bé" } } } } }
    assert.equal(7, r.code, r.err)
    local ask = export(home)
    assert.equal("user:u2", ask "select group_concat(external_id) from v1_resources")
    assert.equal(hex(field(3, "Bé")), data_of(ask, "resources", "user:u2"):match("1a03.*c3a9"))
  end)

  it("leaves out an exclusion group of more than 50 entitlements, and says so", function()
    local function roles(n)
      local list = {}
      for i = 1, n do
        list[i] = { id = "r" .. i, entitlements = { { slug = "assigned",
          exclusion_group = { id = "one", scope = "type", order = i } } } }
      end
      return { role = list }
    end
    local count = "select count(*) from v1_entitlements where instr(data, 'EntitlementExclusionGroup')"
    local ask, err = export(c1z.home(roles(50)))
    assert.equal("50", ask(count))
    local group = field(6, any("EntitlementExclusionGroup", field(1, "one") .. field(2, 2)))
    assert.is_truthy(data_of(ask, "entitlements", "role:r2:assigned"):find(hex(group), 1, true))
    assert.not_matches("warn", err)
    ask, err = export(c1z.home(roles(51)))
    assert.equal("0", ask(count))
    assert.equal("51", ask "select count(*) from v1_entitlements")
    assert.matches("left out.*one %(more than 50 entitlements%)", err)
  end)

  it("gives the same rows again, but for the sync's id", function()
    local home = c1z.home(SMALL)
    local first, second = export(home), export(home)
    for _, table in ipairs { "resource_types", "resources", "entitlements", "grants" } do
      local sql = ("select id, external_id, hex(data) from v1_%s order by id"):format(table)
      assert.equal(first(sql), second(sql))
    end
    assert.not_equal(first "select sync_id from v1_sync_runs", second "select sync_id from v1_sync_runs")
  end)

  it("knows what the types were when the connector is gone, and its plugin too", function()
    local home = c1z.home(SMALL)
    local before = export(home)
    reeve.ok { "remove", "main", "--keep-history", home = home }
    assert(os.execute(("rm -r '%s/plugins'"):format(home)))
    local after = export(home)
    for _, table in ipairs { "resource_types", "resources", "entitlements", "grants" } do
      local sql = ("select id, external_id, hex(data) from v1_%s order by id"):format(table)
      assert.equal(before(sql), after(sql))
    end
  end)

  it("names syncs as the reference library does", function()
    assert.equal("3MUL3Tq3zgmLfZtrVdYR3cBvtFf", reeve.engine [[
      io.write(require("c1.id").ksuid(1795400000, "000102030405060708090a0b0c0d0e0f"))]])
  end)

  it("writes nothing without an accepted state, or where that is too old", function()
    local folder = reeve.folder()
    local words = { "export", "main", "-o", "c1z", "-f", folder .. "/x", home = c1z.home() }
    assert.equal(1, reeve.run(words).status)
    words = { "export", "main", "-o", "c1z", "-f", folder .. "/x", "--max-age", "0s", home = c1z.home(SMALL) }
    assert.equal(12, reeve.run(words).status)
    assert.equal("", (reeve.shell("ls -A " .. folder)))
  end)

  it("writes to a pipe without taking its place", function()
    local pipe, path = reeve.path "pipe", reeve.path "copy"
    reeve.shell(("mkfifo '%s'; cat '%s' > '%s' & REEVE_HOME='%s' %s export main -q -o c1z -f '%s'; wait"):format(pipe,
      pipe, path, c1z.home(SMALL), reeve.bin, pipe))
    assert.equal("4", c1z.unpacked(path) "select count(*) from v1_resources")
  end)

  in_namespace("ends with 9 on a full disk, and the file that was there stays", function()
    local folder, users = reeve.folder(), {}
    for i = 1, 300 do users[i] = { id = "u" .. i, name = ("n"):rep(300) .. i } end
    local home = c1z.home { user = users }
    local script = [[mount -t tmpfs -o size=64k,mode=700 none FOLDER && cd FOLDER && echo old > x
      "$0" "$@"; code=$?; ls -A; cat x; exit $code]]
    for _, form in ipairs { "c1z", "c1-csv", "jsonl" } do
      local r = reeve.run { program = "unshare", "-m", "sh", "-c", (script:gsub("FOLDER", folder)), reeve.bin,
        "export", "main", "-o", form, "-f", folder .. "/x", home = home }
      assert.equal(9, r.code, r.err)
      assert.equal("x\nold\n", r.out)
    end
  end)
end)

-- What of a connector's state a file for ConductorOne holds: the options of its sync task, and --types.
local c1z = require "c1z"
local reeve = require "reeve"

local function ref(type, id)
  return { type = type, id = id }
end

local function granted(type, id, slug, to)
  return { on = ref(type, id), slug = slug, to = to }
end

-- u1 is in g1 and an admin; g1 is a reader; u1 lives in o1, o1 in nothing.
local DATA = {
  role = {
    { id = "admin", entitlements = { { slug = "assigned", grantable_to = { "user", "group" } } },
      grants = { granted("role", "admin", "assigned", ref("user", "u1")) } },
    { id = "reader", entitlements = { { slug = "assigned" } },
      grants = { granted("role", "reader", "assigned", ref("group", "g1")),
        granted("role", "reader", "assigned", ref("user", "u2")) } },
  },
  group = { { id = "g1", grants = { granted("group", "g1", "member", ref("user", "u1")) } } },
  user = { { id = "u1", parent = ref("org", "o1") }, { id = "u2" } },
  org = { { id = "o1" } },
}

local home
setup(function()
  home = c1z.home(DATA)
end)

-- Writes the file with these options, as the service does: what it says of it, its tables, and what it told.
local function written(options)
  local path = reeve.folder() .. "/out.c1z"
  local said = reeve.engine([[
    local json = require "host.json"
    local ctx = { home = require("config.home").open {}, out = { say = function() end } }
    local st, _, run = require("state.snapshot").accepted(ctx, "main")
    local ok, result, has = pcall(require("c1.export").write, { home = ctx.home, name = "main", st = st, run = run,
      path = arg[1], step = function() end, options = json.decode(arg[2]) })
    if ok then has.records = result end
    print(json.encode(ok and has or { code = result.code, message = result.message, hint = result.hint }))]],
    { path, reeve.encode(options), home = home, merge = true })
  local told, result = said:match("^(.-)([^\n]*)\n$")
  return reeve.json(result), reeve.read(path) and c1z.unpacked(path), told
end

-- The ids in a table, in order.
local function ids(ask, table)
  return (ask(("select external_id from v1_%s order by external_id"):format(table)):gsub("\n", " "))
end

local ALL <const> = "app group key org role user"

describe("a file for a sync task", function()
  it("is a full one where nothing else is said, and says what it has", function()
    local result, ask, told = written {}
    assert.same({ sync_type = "full", records = 13, resource = 6, entitlement = 3, grant = 4, missing = {} }, result)
    assert.equal("full|1", ask "select sync_type, supports_diff from v1_sync_runs")
    assert.equal(ALL, ids(ask, "resource_types"))
    assert.equal("", told)
  end)

  it("of some types has these alone, and what is granted on them to resources of them", function()
    local result, ask, told = written { types = { "user", "role", "user" } }
    assert.equal("full", result.sync_type)
    assert.equal("role user", ids(ask, "resource_types"))
    assert.equal("role:admin role:reader user:u1 user:u2", ids(ask, "resources"))
    assert.equal("role:admin:assigned role:reader:assigned", ids(ask, "entitlements"))
    assert.equal("role:admin:assigned:user:u1 role:reader:assigned:user:u2", ids(ask, "grants"))
    assert.matches("of a type that is not asked for, left out.*count=1.*role/reader:assigned → group/g1", told)
  end)

  it("refuses a type that there is none of, with those there are", function()
    local result, ask = written { types = { "user", "vault" } }
    assert.same({ code = "usage", message = "main has no type 'vault'",
      hint = "its types: app, group, key, org, role, user" }, result)
    assert.is_nil(ask)
  end)

  it("of some resources is partial: each with its entitlements and grants, and nothing that it refers to", function()
    local targets = { ref("role", "reader"), ref("user", "u1"), ref("role", "reader") }
    local result, ask = written { targets = targets }
    assert.same({ sync_type = "partial", records = 5, resource = 2, entitlement = 1, grant = 2, missing = {} }, result)
    assert.equal("partial|0|", ask "select sync_type, supports_diff, parent_sync_id from v1_sync_runs")
    assert.equal(ALL, ids(ask, "resource_types"))
    assert.equal("role:reader user:u1", ids(ask, "resources"))
    assert.equal("role:reader:assigned", ids(ask, "entitlements"))
    assert.equal("role:reader:assigned:group:g1 role:reader:assigned:user:u2", ids(ask, "grants"))
    assert.equal("o1", ask "select parent_resource_id from v1_resources where external_id = 'user:u1'")
    assert.equal("0", ask [[select count(*) from v1_grants where entitlement_id not in
      (select external_id from v1_entitlements)]])
  end)

  it("names the resources that were asked for and are not there", function()
    local result, ask, told = written { targets = { ref("user", "u9"), ref("user", "u2"), ref("vault", "x") } }
    assert.same({ "user/u9", "vault/x" }, result.missing)
    assert.equal("user:u2", ids(ask, "resources"))
    assert.matches("not there.*count=2.*user/u9, vault/x", told)
  end)

  it("leaves out grants, or entitlements too", function()
    local result = written { skip_grants = true }
    assert.same({ sync_type = "full", records = 9, resource = 6, entitlement = 3, grant = 0, missing = {} }, result)
    local only, ask = written { skip_entitlements_and_grants = true }
    assert.same({ sync_type = "resources_only", records = 6, resource = 6, entitlement = 0, grant = 0, missing = {} },
      only)
    assert.equal("resources_only|0", ask "select sync_type, supports_diff from v1_sync_runs")
    result = written { skip_entitlements_and_grants = true, targets = { ref("role", "admin") } }
    assert.same({ sync_type = "partial", records = 1, resource = 1, entitlement = 0, grant = 0, missing = {} }, result)
  end)

  it("of some types is what --types writes, for ConductorOne only", function()
    local path = reeve.folder() .. "/out"
    reeve.ok { "export", "main", "-o", "c1z", "-f", path, "--types", "org, group", home = home }
    assert.equal("group:g1 org:o1", ids(c1z.unpacked(path), "resources"))
    for _, words in ipairs { { "c1z", "user,rol" }, { "c1z", "," }, { "csv", "user" } } do
      local r = reeve.run { "export", "main", "-f", path .. "x", "-o", words[1], "--types", words[2], home = home }
      assert.equal(2, r.code, r.err)
      assert.is_nil(reeve.read(path .. "x"))
    end
  end)
end)

describe("the id of a resource as ConductorOne's settings name it", function()
  it("is read with what was escaped, and refused where it is another's", function()
    local texts = { "bid:r:user/u1", [[bid:r:user/a\/b\:c\\d]], "bid:r:org/o1/user/u1", "bid:e:user/u1:x", "bid:r:user",
      "bid:r:user/", "bid:r:/u1", "bid:r:a/b/c", "bid:r:a/b/c/d/e", "bid:r:user/a:b", [[bid:r:user/a\x]],
      [[bid:r:user/a\]], "user/u1", "bid:r:", "bid:r:user/" .. ("x"):rep(1025), "bid:r:user/" .. ("x"):rep(1024) }
    local said = reeve.engine([[
      for _, text in ipairs(require("host.json").decode(arg[1])) do
        local r = require("c1.id").resource_of(text)
        print(r and ("%s %s"):format(r.type, #r.id > 99 and #r.id or r.id) or "none")
      end]], { reeve.encode(texts) })
    assert.equal("user u1\nuser a/b:c\\d\nuser u1\n" .. ("none\n"):rep(12) .. "user 1024\n", said)
  end)
end)

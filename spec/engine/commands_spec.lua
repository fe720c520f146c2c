-- The commands that read: over runs that a plugin without a network made.
local reeve = require "reeve"

local PLUGIN = {
  ["plugin.lua"] = [[return {
    api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "An example",
    settings = { { name = "data", required = true }, { name = "note" } },
    hosts = { "api.example.com" },
    resources = {
      user = { title = "User", trait = "user" },
      role = { title = "Role", trait = "role", entitlements = {
        member = { title = "{name} member", purpose = "assignment", grantable_to = { "user" } } } },
    },
  }]],
  -- What the target has is what the setting says.
  ["connector.lua"] = [[
    local json = require "reeve.json"
    local function each(kind)
      return function(ctx)
        for _, raw in ipairs(json.decode(ctx.settings.data)[kind] or {}) do ctx.emit(kind, raw) end
      end
    end
    return { list = { user = each "user", role = each "role" } }
  ]],
  ["mapping.lua"] = [[return {
    user = function(raw)
      if raw.skip then return nil end
      local grants = {}
      for i, role in ipairs(raw.roles or {}) do grants[i] = { on = { type = "role", id = role }, slug = "member" } end
      return { id = raw.id, name = raw.name, email = raw.email, status = raw.status, profile = { team = raw.team },
        grants = grants }
    end,
    role = function(raw) return { id = raw.id, name = raw.name } end,
  }]],
}

local FIRST = {
  role = { { id = "r1", name = "Admins" }, { id = "r2", name = 'Say "hi", all' } },
  user = {
    { id = "u1", name = "Ann", email = "ann@example.com", status = "enabled", team = "A", roles = { "r1" } },
    { id = "u2", name = "Bob", email = "bob@example.com", status = "enabled", team = "B", roles = { "r2" } },
    { id = "u3", name = "Zoë\nEve", email = "eve@example.com", status = "pending", roles = { "r2" } },
    { id = "u4", name = "Dan", status = "enabled" },
    { id = "u5", name = "Robot", skip = true },
  },
}
local SECOND = {
  role = FIRST.role,
  user = {
    { id = "u1", name = "Ann", email = "ann@example.com", status = "disabled", team = "X", roles = { "r2" } },
    FIRST.user[2], FIRST.user[3],
    { id = "u6", name = "Fay", status = "enabled", roles = { "r1" } },
    FIRST.user[5],
  },
}

local function sync(home, data, code)
  return reeve.ok { "sync", "main", home = home, env = { REEVE_SETTINGS_DATA = reeve.encode(data) }, code = code }
end

local function new_home()
  local home = reeve.home()
  reeve.plugin(home, "acme", PLUGIN)
  reeve.connector(home, "main", { plugin = "acme", app = "Acme", settings = { data = reeve.encode(FIRST) } })
  return home
end

-- One home with two accepted runs serves all that only read.
local shared
local function two_runs()
  if not shared then
    shared = new_home()
    sync(shared, FIRST)
    sync(shared, SECOND)
  end
  return shared
end

local function ids(rows)
  local list = {}
  for i, row in ipairs(rows) do list[i] = row.id end
  table.sort(list)
  return list
end

local function json_of(...)
  local spec = { ... }
  spec.home = two_runs()
  table.move({ "-o", "json" }, 1, 2, #spec + 1, spec)
  return reeve.json((reeve.ok(spec)))
end

describe("before the first run", function()
  it("data commands exit 1 and say what to do; the others work", function()
    local home = new_home()
    for _, args in ipairs { { "list", "main", "user" }, { "show", "main", "user", "u1" }, { "diff", "main" },
      { "history", "main", "user", "u1" }, { "export", "main", "-o", "jsonl", "-f", home .. "/x" },
      { "list", "main", "excluded" }, { "log", "main" } } do
      args.home = home
      local r = reeve.run(args)
      assert.equal(1, r.status, args[1])
      assert.matches("reeve sync main", r.err)
      assert.equal("", r.out)
    end
    assert.is_nil(reeve.read(home .. "/x"))
    assert.equal("Not connected", reeve.json(reeve.ok { "status", "main", "-o", "json", home = home }).label)
    assert.equal("[]\n", reeve.ok { "runs", "main", "-o", "json", home = home })
    assert.equal(12, reeve.run({ "status", "main", "--check", home = home }).status)
  end)

  it("an unknown connector is a usage error everywhere", function()
    local home = new_home()
    for _, args in ipairs { { "list", "mian", "user" }, { "status", "mian" }, { "runs", "mian" }, { "log", "mian" },
      { "show", "mian", "user", "1" }, { "remove", "mian" } } do
      args.home = home
      local r = reeve.run(args)
      assert.equal(2, r.status, args[1])
      assert.matches("did you mean 'main'", r.err)
    end
  end)
end)

describe("list", function()
  it("prints records in every form, and says as of when on stderr", function()
    local out, err = reeve.ok { "list", "main", "user", "-o", "jsonl", home = two_runs() }
    assert.same({ "u1", "u2", "u3", "u6" }, ids(reeve.jsonl(out)))
    assert.matches("^main: as of %d%d%d%d%-%d%d%-%d%dT[%d:.]+Z, run 2\n$", err)
    assert.same({ "u1", "u2", "u3", "u6" }, ids(json_of("list", "main", "user")))
    out = reeve.ok { "list", "main", "user", "-o", "csv", home = two_runs() }
    assert.truthy(out:find('user,u3,"Zoë\nEve",', 1, true))
    assert.matches("^type,id,name,description,", out)
    out = reeve.ok { "list", "main", "user", home = two_runs() }
    assert.matches("^ID +NAME +EMAIL +STATUS\n", out)
    assert.truthy(out:find("Zoë\\nEve", 1, true))
    assert.equal("", select(2, reeve.ok { "list", "main", "user", "--quiet", home = two_runs() }))
  end)

  it("knows entitlements, grants, resources and what was left out", function()
    assert.same({ "r1", "r2", "u1", "u2", "u3", "u6" }, ids(json_of("list", "main", "resources")))
    local entitlements = json_of("list", "main", "entitlements")
    assert.equal(2, #entitlements)
    assert.equal("member", entitlements[1].slug)
    local grants = {}
    for _, grant in ipairs(json_of("list", "main", "grants")) do
      grants[#grants + 1] = grant.entitlement.id .. " " .. grant.principal.id
    end
    table.sort(grants)
    assert.same({ "r1 u6", "r2 u1", "r2 u2", "r2 u3" }, grants)
    local out = reeve.ok { "list", "main", "grants", home = two_runs() }
    assert.matches("role/r1:member +user/u6\n", out)
    local excluded = json_of("list", "main", "excluded")
    assert.equal("skipped", excluded[1].why)
  end)

  it("suggests a type", function()
    local r = reeve.run { "list", "main", "users", home = two_runs() }
    assert.equal(2, r.status)
    assert.matches("did you mean 'user'", r.err)
    assert.equal("", r.out)
  end)

  it("ends quietly when its reader goes", function()
    local out, _, err = reeve.shell(("REEVE_HOME=%s %s list main user -o jsonl --quiet | head -c 5"):format(two_runs(),
      reeve.bin))
    assert.equal(5, #out)
    assert.equal("", err)
  end)
end)

describe("show, history and diff", function()
  it("show one record, or say that there is none", function()
    local record = json_of("show", "main", "user", "u1")
    assert.equal("disabled", record.status)
    assert.equal("X", record.profile.team)
    assert.matches("status +disabled", (reeve.ok { "show", "main", "user", "u1", home = two_runs() }))
    local r = reeve.run { "show", "main", "user", "u4", home = two_runs() }
    assert.equal(1, r.status)
    assert.matches("history main user u4", r.err)
  end)

  it("tell what happened to a record, newest first", function()
    local entries = json_of("history", "main", "user", "u1")
    assert.equal(2, #entries)
    assert.same({ 2, 1 }, { entries[1].run, entries[2].run })
    assert.same({ "changed", "added" }, { entries[1].op, entries[2].op })
    assert.equal("enabled", entries[1].before.status)
    assert.equal("disabled", entries[1].after.status)
    assert.same({ "profile.team", "status" }, { entries[1].changed[1].field, entries[1].changed[2].field })
    local gone = json_of("history", "main", "user", "u4")
    assert.equal("removed", gone[1].op)
    assert.equal(1, reeve.run({ "history", "main", "user", "nobody", home = two_runs() }).status)
  end)

  it("tell what the last run changed", function()
    local found = {}
    for _, row in ipairs(json_of("diff", "main")) do
      found[#found + 1] = row.op .. " " .. row.kind .. " "
        .. (row.id or row.entitlement.id .. " " .. row.principal.id)
    end
    table.sort(found)
    assert.same({ "added grant r1 u6", "added grant r2 u1", "added resource u6", "changed resource u1",
      "removed grant r1 u1", "removed resource u4" }, found)
    local out = reeve.ok { "diff", "main", home = two_runs() }
    assert.truthy(out:find("profile.team: A → X; status: enabled → disabled", 1, true))
  end)

  it("take a range of runs", function()
    assert.equal(6, #json_of("diff", "main", "2"))
    assert.equal(6, #json_of("diff", "main", "1", "2"))
    local first = json_of("diff", "main", "1")
    assert.equal(#json_of("diff", "main", "0", "1"), #first)
    for _, row in ipairs(first) do assert.equal("added", row.op) end
    local r = reeve.run { "diff", "main", "9", home = two_runs() }
    assert.equal(1, r.status)
    assert.matches("main has no run 9.*`reeve runs main` lists them", r.err)
    assert.equal(2, reeve.run({ "diff", "main", "one", home = two_runs() }).status)
  end)

  it("compare two connectors", function()
    local home = new_home()
    reeve.connector(home, "other", { plugin = "acme", settings = { data = reeve.encode(SECOND) } })
    reeve.ok { "sync", "main", home = home }
    reeve.ok { "sync", "other", home = home }
    local rows = reeve.json((reeve.ok { "diff", "main", "--with", "other", "-o", "json", home = home }))
    assert.equal(6, #rows)
    assert.equal(0, #reeve.json((reeve.ok { "diff", "main", "--with", "main", "-o", "json", home = home })))
    local out, err = reeve.ok { "diff", "main", "--with", "main", home = home }
    assert.equal("", out)
    assert.matches("main: no differences\n$", err)
  end)
end)

describe("status and runs", function()
  it("say how it is", function()
    local status = json_of("status", "main")
    assert.equal("Connected", status.label)
    assert.equal(2, status.accepted_run)
    assert.equal(4, status.counts.user)
    assert.equal(0, reeve.run({ "status", "--check", home = two_runs() }).status)
    local runs = json_of("runs", "main")
    assert.same({ 2, 1 }, { runs[1].run, runs[2].run })
    local table_of = reeve.ok { "runs", "main", home = two_runs() }
    assert.matches("\n +2  accepted .*  %+3 ~1 %-2 .*\n +1  accepted .*  %+11  ", table_of)
    local lists = json_of("runs", "main", "--lists")
    assert.equal(4, #lists)
    assert.is_true(lists[1].complete)
    assert.equal(5, lists[2].list == "user" and lists[2].seen or lists[1].seen)
  end)

  it("grow stale", function()
    local r = reeve.run { "status", "main", "--check", home = two_runs(), env = { REEVE_MAX_AGE = "0s" } }
    assert.equal(12, r.status)
    assert.matches("Stale", r.out)
  end)

  it("are metrics, too", function()
    local out = reeve.ok { "status", "-o", "prometheus", home = two_runs() }
    assert.matches('\nreeve_objects{connector="main",type="user"} 4\n', out)
    assert.matches('\nreeve_run_state{connector="main",state="Connected"} 1\n', out)
    assert.matches("\nreeve_last_success_timestamp_seconds{connector=\"main\"} %d+", out)
    for line in out:gmatch("[^\n]+") do
      assert.is_true(line:find("^# [HT]") ~= nil or line:find('^[a-z_]+{[%w_]+="[^"]*".*} [%d.e+-]+$') ~= nil, line)
    end
  end)

  it("have a log for each run", function()
    local out = reeve.ok { "log", "main", home = two_runs() }
    assert.matches("^run 2: accepted", out)
    assert.matches("LIST +STATE", out)
    assert.equal(1, reeve.run({ "log", "main", "77", home = two_runs() }).status)
    for _, line in ipairs(json_of("log", "main", "1")) do assert.truthy(line.msg) end
  end)
end)

describe("export", function()
  it("writes a record a line with its kind", function()
    local path = reeve.path "export"
    reeve.ok { "export", "main", "-o", "jsonl", "-f", path, home = two_runs() }
    local kinds = {}
    for _, row in ipairs(reeve.jsonl(reeve.read(path))) do kinds[row.kind] = (kinds[row.kind] or 0) + 1 end
    assert.same({ resource = 6, entitlement = 2, grant = 4, excluded = 1 }, kinds)
    assert.equal("600\n", (reeve.shell("stat -c %a " .. path)))
    assert.equal("", (reeve.shell("ls " .. path .. ".*")))
  end)

  it("follows a link, and writes to a pipe without taking its place", function()
    local path, link, pipe = reeve.path "export", reeve.path "link", reeve.path "pipe"
    reeve.shell(("touch '%s'; ln -s '%s' '%s'; mkfifo '%s'"):format(path, path, link, pipe))
    reeve.ok { "export", "main", "-o", "jsonl", "-f", link, home = two_runs() }
    assert.equal(13, #reeve.jsonl(reeve.read(path)))
    local out = reeve.shell(("cat '%s' & REEVE_HOME='%s' %s export main -q -o jsonl -f '%s'; wait"):format(pipe,
      two_runs(), reeve.bin, pipe))
    assert.equal(13, #reeve.jsonl(out))
    assert.equal("fifo\n", (reeve.shell("stat -c %F '" .. pipe .. "'")))
    assert.equal(9, reeve.run({ "export", "main", "-o", "jsonl", "-f", "/", home = two_runs() }).status)
  end)

  it("writes a folder of csv", function()
    local path = reeve.path "export"
    reeve.ok { "export", "main", "-o", "csv", "-f", path, home = two_runs() }
    assert.equal("entitlements.csv\nexcluded.csv\ngrants.csv\nresources.csv\n", (reeve.shell("ls " .. path)))
    local text = reeve.read(path .. "/resources.csv")
    assert.truthy(text:find('role,r2,"Say ""hi"", all",', 1, true))
    assert.truthy(text:find('user,u1,Ann,', 1, true))
    assert.truthy(text:find('"{""team"":""X""}"\r\n', 1, true))
    reeve.ok { "export", "main", "-o", "csv", "-f", path, home = two_runs() }
    for _, other in ipairs { path .. "/grants.csv", "/dev/stdout" } do
      local r = reeve.run { "export", "main", "-o", "csv", "-f", other, home = two_runs() }
      assert.equal(9, r.status)
      assert.matches("cannot write " .. other .. ": csv is a folder with a file a kind", r.err, 1, true)
    end
  end)

  it("replaces none of a folder's files where one cannot be written", function()
    local path = reeve.path "export"
    reeve.write(path .. "/resources.csv", "of before")
    reeve.write(path .. "/excluded.csv/in the way", "")
    assert.equal(9, reeve.run({ "export", "main", "-o", "csv", "-f", path, home = two_runs() }).status)
    assert.equal("of before", reeve.read(path .. "/resources.csv"))
    assert.equal("excluded.csv\nresources.csv\n", (reeve.shell("ls -A " .. path)))
  end)

  it("refuses data that is too old, and writes nothing", function()
    local path = reeve.path "export"
    local r = reeve.run { "export", "main", "-o", "jsonl", "-f", path, "--max-age", "0s", home = two_runs() }
    assert.equal(12, r.status)
    assert.is_nil(reeve.read(path))
    reeve.ok { "export", "main", "-o", "jsonl", "-f", path, "--max-age", "1h", home = two_runs() }
    r = reeve.run { "export", "main", "-o", "jsonl", "-f", path, "--max-age", "old", home = two_runs() }
    assert.equal(2, r.status)
    assert.matches("^reeve: %-%-max%-age: a duration ", r.err)
  end)

  it("insists on form and file", function()
    for _, args in ipairs { { "export", "main" }, { "export", "main", "-o", "csv" },
      { "export", "main", "-o", "table", "-f", "x" } } do
      args.home = two_runs()
      assert.equal(2, reeve.run(args).status)
    end
    local r = reeve.run { "export", "main", "-o", "jsonl", "-f", "/nowhere/x", home = two_runs() }
    assert.equal(9, r.status)
  end)
end)

describe("explain", function()
  it("goes from the raw object to the record, field by field", function()
    local result = json_of("explain", "main", "user", "u1")
    local source = result.sources[1]
    assert.equal("user", source.list)
    assert.equal("disabled", source.raw.status)
    assert.equal("disabled", source.plugin_record.status)
    assert.is_nil(source.operator_record)
    assert.equal("X", result.final.profile.team)
    local out = reeve.ok { "explain", "main", "user", "u1", home = two_runs() }
    assert.matches("\nstatus +status +disabled\n", out)
    assert.matches("\nprofile.team +team +X\n", out)
  end)

  it("shows what the operator's mapping did", function()
    local home = new_home()
    reeve.write(home .. "/scripts/a.lua", [[return { user = function(raw, record)
      if raw.id == "u2" then return nil end
      record.profile.badge, record.email, record.name = 7, nil, record.name .. "!"
      return record
    end }]])
    reeve.connector(home, "main",
      { plugin = "acme", mapping = "scripts/a.lua", settings = { data = reeve.encode(FIRST) } })
    reeve.ok { "sync", "main", home = home }
    local out, err = reeve.ok { "explain", "main", "user", "u1", home = home }
    assert.matches("\nname +name +Ann +Ann! +changed\n", out)
    assert.matches("\nemail +email +ann@example.com +dropped\n", out)
    assert.matches("\nprofile.badge +7 +added\n", out)
    assert.is_nil(err:find("changed since", 1, true))
    local skipped = reeve.json((reeve.ok { "explain", "main", "user", "u2", "-o", "json", home = home }))
    assert.equal("scripts/a.lua", skipped.sources[1].left_out_by)
    reeve.write(home .. "/scripts/a.lua", "return { user = function(raw, record) return record.no.field end }")
    out, err = reeve.ok { "explain", "main", "user", "u1", home = home }
    assert.matches("changed since run 1: mapping", err)
    assert.matches("mapping failed: scripts/a.lua:1: ", out)
  end)

  it("says that no run knows the record", function()
    local r = reeve.run { "explain", "main", "user", "nobody", home = two_runs() }
    assert.equal(1, r.status)
    assert.matches("no run knows a user 'nobody'", r.err)
    r = reeve.run { "explain", "main", "users", "u1", home = two_runs() }
    assert.equal(2, r.status)
    assert.matches("main has no type 'users'.*did you mean 'user'?", r.err)
    assert.equal(2, reeve.run({ "explain", "mian", "user", "u1", home = two_runs() }).status)
  end)
end)

-- Files that are none, damaged, or made to do harm: refused in words, with nothing left behind.
local c1z = require "c1z"
local reeve = require "reeve"

local field, id, row = c1z.field, c1z.id, c1z.row

local _, refused = reeve.shell("unshare -m true 2>/dev/null")
local in_namespace = refused == 0 and it or function(name) pending(name .. " (unshare -m is refused here)") end

local function user(name, more)
  return row("resources", { resource_type_id = "user", external_id = "user:" .. name,
    data = field(1, id("user", name)) .. (more or "") })
end

local hex = reeve.hex

local function good()
  return c1z.file { c1z.sync(), user "u1", user "u2" }
end

local function bytes_file(bytes)
  return reeve.write(reeve.path "some.c1z", bytes)
end

-- The database of a file of these statements, changed.
local function altered(statements, change)
  local path = c1z.file(statements)
  local db = reeve.path "altered.db"
  reeve.shell(("tail -c +6 '%s' | zstd -q -d > '%s'"):format(path, db))
  return c1z.packed(change(reeve.read(db), db))
end

-- A table whose root has several children, all of which are made the first one.
local function in_circles(bytes, db)
  local root = tonumber((reeve.shell(("sqlite3 '%s' \"select rootpage from sqlite_schema where name='v1_resources'\"")
    :format(db))))
  local at = (root - 1) * 4096
  assert.equal(5, bytes:byte(at + 1)) -- a page of pages
  local cells = (">I2"):unpack(bytes, at + 4)
  assert.is_true(cells > 2)
  local page = bytes:sub(at + 1, at + 4096)
  local first
  for i = 0, cells - 1 do
    local cell = (">I2"):unpack(page, 13 + 2 * i)
    first = first or page:sub(cell + 1, cell + 4)
    page = page:sub(1, cell) .. first .. page:sub(cell + 5)
  end
  return bytes:sub(1, at) .. page .. bytes:sub(at + 4097)
end

local function many(n)
  local list = { c1z.sync() }
  for i = 1, n do list[#list + 1] = user(("u%d"):format(i), field(3, ("x"):rep(500))) end
  return list
end

local RUNS = "create table v1_sync_runs (sync_id, started_at, ended_at, sync_type);"
  .. "insert into v1_sync_runs values ('S', '2026-11-20', '2026-11-20', 'full');"

-- name, the file, what is said
local CASES = {
  { "an empty file", function() return bytes_file "" end, "is empty" },
  { "a few bytes", function() return bytes_file "C1Z" end, "is no .c1z file" },
  { "another format", function() return bytes_file "\x1f\x8b\8\0\0\0\0" end, "does not begin with C1ZF" },
  { "version 3", function() return c1z.packed("x", "C1Z3\0") end, "version 3.*storage engine sqlite" },
  { "nothing behind the magic", function() return bytes_file "C1ZF\0" end, "nothing in it" },
  { "what is not compressed", function() return bytes_file("C1ZF\0SQLite format 3\0" .. ("\0"):rep(99)) end,
    "not compressed as" },
  { "half a file", function() return bytes_file(reeve.read(good()):sub(1, 300)) end, "cut short" },
  { "zeros behind the end", function() return bytes_file(reeve.read(good()) .. ("\0"):rep(16)) end,
    "bytes behind its end" },
  { "the beginning of another frame", function() return bytes_file(reeve.read(good()) .. "\x28\xb5") end, "cut short" },
  { "a changed byte", function()
    local bytes = reeve.read(good())
    return bytes_file(bytes:sub(1, 200) .. string.char(bytes:byte(201) ~ 0x55) .. bytes:sub(202))
  end, "damaged" },
  { "a window that nobody has memory for", function()
    local path = reeve.path "long.c1z"
    reeve.shell(("(printf 'C1ZF\\0'; printf hello | zstd -q --long=28) > '%s'"):format(path))
    return path
  end, "more memory than any reader gives" },
  { "text in it", function() return c1z.packed(("hello "):rep(1000)) end, "no SQLite database" },
  { "an empty database", function() return c1z.packed "" end, "no sync in it" },
  { "half a database", function()
    return altered(many(100), function(bytes) return bytes:sub(1, 9000) end)
  end, "damaged" },
  { "a table that goes in circles", function() return altered(many(100), in_circles) end, "damaged" },
  { "no sync", function() return c1z.file {} end, "no sync in it" },
  { "a sync that never ended", function() return c1z.file { c1z.sync { ended = false }, user "u1" } end,
    "never finished" },
  { "a partial sync alone", function() return c1z.file { c1z.sync { type = "partial" }, user "u1" } end,
    "partial ones" },
  { "a sync without grants", function() return c1z.file { c1z.sync { type = "resources_only" }, user "u1" } end,
    "partial ones" },
  { "a sync of an endless name", function() return c1z.file { c1z.sync { id = ("x"):rep(100) } } end,
    "no id or times that can be read" },
  { "a sync of no text's name", function() return c1z.file { c1z.sync { id = "S\xff" } } end,
    "no id or times that can be read" },
  { "a view for a table", function()
    return c1z.file({}, RUNS .. [[create view v1_resources as with recursive n(x) as (select 1 union all
      select x + 1 from n) select x as id, x as external_id, x as data, 'S' as sync_id from n;]])
  end, "v1_resources in it is no table" },
  { "a view for the syncs", function()
    return c1z.file({}, "create view v1_sync_runs as select 'S' as sync_id, '1' as started_at, '1' as ended_at;")
  end, "v1_sync_runs in it is no table" },
  { "a module's table", function()
    return c1z.file({}, RUNS .. "create virtual table v1_resources using fts5(external_id, data, sync_id);")
  end, "v1_resources in it is no table" },
  { "a table without numbers", function()
    return c1z.file({}, RUNS .. "create table v1_resources (external_id primary key, data, sync_id) without rowid;")
  end, "damaged" },
  { "a table without messages", function()
    return c1z.file({}, RUNS .. "create table v1_grants (external_id, sync_id);")
  end, "v1_grants has no column data" },
  { "a column that is made up", function()
    return c1z.file({ "insert into v1_resources (external_id, sync_id) values ('user:1', 'S');" }, RUNS
      .. "create table v1_resources (id integer primary key, external_id, sync_id, data as (zeroblob(900000000)));")
  end, "v1_resources has columns that are worked out" },
  { "a column that is made up and kept", function()
    return c1z.file({ "insert into v1_resources (external_id, sync_id) values ('user:1', 'S');" }, RUNS .. [[create
      table v1_resources (id integer primary key, external_id, sync_id, data as (x'0a00') stored);]])
  end, "v1_resources has columns that are worked out" },
  { "a sync whose end is made up", function()
    return c1z.file({ "insert into v1_sync_runs (sync_id, started_at) values ('S', '2026-11-20');" },
      "create table v1_sync_runs (sync_id, started_at, ended_at as (started_at), sync_type as ('full'));")
  end, "v1_sync_runs has columns that are worked out" },
  { "a huge message", function()
    return c1z.file { c1z.sync { id = "S" }, "insert into v1_resources (resource_type_id, external_id, data, sync_id,"
      .. " discovered_at) values ('user', 'user:1', zeroblob(9000000), 'S', '');" }
  end, "larger than 8 MiB" },
  { "more to look up than a file of this size can want", function()
    local list = { c1z.sync(), user "u1" }
    for i = 1, 3000 do
      list[#list + 1] = row("entitlements", { resource_type_id = "user", resource_id = "u1", external_id = "e" .. i,
        data = field(1, field(1, id("user", "u1"))) .. field(2, "e" .. i) })
    end
    local expand = c1z.any("GrantExpandable", field(1, "user:a:b:m"):rep(60000))
    list[#list + 1] = row("grants", { resource_type_id = "user", resource_id = "u1", entitlement_id = "e1",
      principal_resource_type_id = "user", principal_resource_id = "u1", external_id = "g", data = field(4, expand) })
    return c1z.file(list)
  end, "made so that reading it never ends" },
  { "too many types", function()
    local list = { c1z.sync() }
    for i = 1, 65 do list[#list + 1] = row("resource_types", { external_id = "t" .. i, data = field(1, "t" .. i) }) end
    return c1z.file(list)
  end, "more than 64 resource types" },
}

describe("import refuses", function()
  for _, case in ipairs(CASES) do
    it(case[1], function()
      local home = reeve.home()
      local r = reeve.run { "import", "old", "-f", case[2](), home = home }
      assert.equal(1, r.code, r.err)
      assert.matches(case[3], r.err)
      -- Nothing of it stays, but a run that says why where it is known only then.
      local left = reeve.shell(("ls -A '%s/state/connectors/old' 2>/dev/null"):format(home))
      assert.is_nil(left:find(".c1z", 1, true))
      local listed = reeve.run { "list", "old", "resources", home = home }
      assert.is_true(listed.code == 2 or listed.code == 1)
    end)
  end
end)

describe("a file that goes wrong on the way", function()
  it("leaves what was there in force, and the next import is as ever", function()
    local home = reeve.home()
    reeve.ok { "import", "old", "-f", good(), home = home }
    for _, bad in ipairs { { altered(many(100), in_circles), "damaged" },
      { c1z.packed(("hello "):rep(1000)), "no SQLite database" } } do
      local r = reeve.run { "import", "old", "-f", bad[1], home = home }
      assert.equal(1, r.code)
      assert.matches(bad[2], r.err)
      assert.is_nil(reeve.shell(("ls -A '%s/state/connectors/old'"):format(home)):find(".c1z", 1, true))
      assert.equal(2, #reeve.jsonl((reeve.ok { "list", "old", "user", "-o", "jsonl", home = home })))
    end
    local r = reeve.run { "import", "old", "-f", good(), home = home }
    assert.equal(0, r.code)
    assert.matches("2 user\n", r.err)
  end)

  it("is no folder and no device, and may be a pipe", function()
    local home = reeve.home()
    for path, what in pairs { [home] = "folder", ["/dev/zero"] = "device", ["/dev/null"] = "device" } do
      local r = reeve.run { "import", "old", "-f", path, home = home }
      assert.equal(1, r.code)
      assert.matches(path .. " is a " .. what .. "; a .c1z file is expected, or a pipe", r.err, 1, true)
    end
    local r = reeve.run { "import", "old", "-f", "-", home = home }
    assert.equal(2, r.code)
    assert.matches("-f /dev/stdin", r.err, 1, true)
    assert.equal("", (reeve.shell(("find '%s' -name old"):format(home))))
    local out, code = reeve.shell(("cat '%s' | REEVE_HOME='%s' %s import old -f /dev/stdin 2>&1"):format(good(), home,
      reeve.bin))
    assert.equal(0, code, out)
    assert.matches("2 user", out)
  end)

  it("has no name while it is unpacked", function()
    if reeve.shell("id -u") ~= "0\n" then return pending("its descriptors are shown to root alone") end
    local home, fifo = reeve.home(), reeve.path "fifo"
    reeve.shell("mkfifo '" .. fifo .. "'")
    local bytes = reeve.read(good())
    local running = reeve.start { "import", "old", "-f", fifo, home = home }
    local file = assert(io.open(fifo, "wb")) -- the other end is open
    file:write(bytes:sub(1, 200))
    file:flush()
    reeve.await(function()
      local fds = reeve.shell(("ls -l /proc/%d/fd"):format(running.pid))
      return fds:find("old/#%d+ %(deleted%)")
    end, "the file it unpacks into")
    assert.equal("", (reeve.shell(("ls -A '%s/state/connectors/old'"):format(home))))
    file:close()
    local r = running:wait()
    assert.equal(1, r.code)
    assert.matches("cut short", r.err)
    assert.equal("", (reeve.shell(("ls -A '%s/state/connectors'"):format(home))))
  end)

  it("sets aside a message that is larger than any may be", function()
    local home = reeve.home()
    local r = reeve.run { "import", "old", "-f", c1z.file { c1z.sync(), user "u1",
      ("insert into v1_resources (resource_type_id, external_id, data, sync_id, discovered_at) values"
        .. " ('user', 'user:u2', zeroblob(5000000), '3MUL3Tq3zgmLfZtrVdYR3cBvtFf', '');") }, home = home }
    assert.equal(7, r.code)
    assert.matches("1 user", r.err)
    assert.matches("more than %d+ bytes", (reeve.ok { "list", "old", "excluded", "-o", "jsonl", home = home }))
  end)

  it("cannot say so much of its types that nobody can read what was kept of them", function()
    local long = ("x"):rep(1200 * 1024)
    local function type_row(name, more)
      return row("resource_types", { external_id = name, data = field(1, name) .. (more or "") })
    end
    local path = c1z.file { c1z.sync(), type_row("user", field(2, long) .. field(4, long)), type_row(long), user "u1",
      row("resources", { resource_type_id = long, external_id = "x", data = field(1, id(long, "x")) }) }
    local home = reeve.home()
    for run = 1, 2 do
      local r = reeve.run { "import", "old", "-f", path, home = home }
      assert.equal(0, r.code, r.err)
      assert.matches("run " .. run .. " accepted.*1 user.*left out: xxx", r.err)
      assert.is_true(#r.err < 2000)
    end
    assert.equal(1, #reeve.jsonl((reeve.ok { "list", "old", "user", "-o", "jsonl", home = home })))
  end)

  it("says what is in texts without doing what they say", function()
    local home = reeve.home()
    local name = "u\27[31m\n"
    local r = reeve.run { "import", "old", "-f", c1z.file { c1z.sync { id = "\27]0;x\7" },
      row("resource_types", { external_id = "a\27[2J", data = "", sync_id = "\27]0;x\7" }),
      ("insert into v1_resources (resource_type_id, external_id, data, sync_id, discovered_at) values"
        .. " ('user', 'x', x'%s', x'1b5d303b7807', '');"):format(hex(field(1, id("user", name)))) }, home = home }
    assert.equal(0, r.code)
    assert.is_nil(r.err:find("\27", 1, true))
  end)

  in_namespace("stops where the disk is full, and leaves nothing", function()
    local home = reeve.home()
    reeve.shell("mkdir -p " .. home .. "/state/connectors")
    local big = c1z.packed(("\0"):rep(4 << 20))
    local out, code = reeve.shell(([[unshare -m sh -c "mount -t tmpfs -o size=1m none '%s/state/connectors' &&
      '%s' --home '%s' import old -f '%s'; echo status \$?; ls -A '%s/state/connectors'" 2>&1]]):format(home, reeve.bin,
      home, big, home))
    assert.equal(0, code)
    assert.matches("No space left on device", out)
    assert.matches("status 9\n$", out)
  end)
end)

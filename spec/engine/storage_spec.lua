-- Disks that are full, read-only or damaged: exit 9 with what to do, and what was accepted stays readable.
local acme = require "acme"
local reeve = require "reeve"
local items = acme.items

-- Is a mount namespace of our own to be had here?
local _, refused = reeve.shell("unshare -m true 2>/dev/null")
local mountable = refused == 0
local in_namespace = mountable and it or function(name) pending(name .. " (unshare -m is refused here)") end

describe("the storage", function()
  local w

  local CONNECTOR = [[
M.list = { user = all("user", "/users") }]]

  local function users(n, prefix)
    local list = {}
    for i = 1, n do list[i] = { id = (prefix or "u") .. i, name = ("n"):rep(200) .. i } end
    return { ["/users"] = items(list) }
  end

  before_each(function()
    w = acme.new { connector = CONNECTOR, world = users(20) }
  end)

  after_each(function() w:stop() end)

  local function state_dir() return w.home .. "/state/connectors/acme" end
  local function data() return state_dir() .. "/data.mdb" end

  local function says(r, ...)
    assert.equal(9, r.code, r.out .. r.err)
    for _, text in ipairs { ... } do
      assert.is_truthy(r.err:find(text, 1, true), ("'%s' in: %s"):format(text, r.err))
    end
  end

  in_namespace("that is full ends a sync with 9; the last accepted state stays, and room mends it", function()
    reeve.shell("mkdir -p " .. w.home .. "/state")
    local script = ([[
      mount -t tmpfs -o size=$SIZE,mode=700 none HOME/state && cp -a HOME/kept/. HOME/state/ 2>/dev/null
      "$0" "$@"; code=$?
      "$0" list acme resources -o jsonl > HOME/seen
      rm -rf HOME/kept; cp -a HOME/state HOME/kept; exit $code]]):gsub("HOME", w.home)
    local function sync_on(size)
      return reeve.run { program = "unshare", "-m", "sh", "-c", script, reeve.bin, "sync", "acme", home = w.home,
        env = { SIZE = size } }
    end
    assert.equal(0, sync_on("20m").code)
    local before = reeve.read(w.home .. "/seen")
    assert.is_truthy(before:find('"u20"', 1, true))
    w:world(users(4000))
    says(sync_on("600k"), "room on the disk", w.home .. "/state")
    assert.equal(before, reeve.read(w.home .. "/seen"))
    local r = sync_on("20m")
    assert.equal(0, r.code, r.err)
    assert.is_truthy(reeve.read(w.home .. "/seen"):find('"u4000"', 1, true))
  end)

  in_namespace("that has no room from the start ends a sync with 9, and says so", function()
    reeve.shell("mkdir -p " .. w.home .. "/state")
    for _, size in ipairs { "4k", "16k", "28k" } do
      says(reeve.run { program = "unshare", "-m", "sh", "-c", ([[mount -t tmpfs -o size=%s,mode=700 none '%s/state' &&
        exec "$0" "$@"]]):format(size, w.home), reeve.bin, "sync", "acme", home = w.home }, "make room on the disk")
    end
  end)

  in_namespace("that is read-only can be read, and not be synced to", function()
    w:synced()
    local before = w:state()
    local function read_only(...)
      return reeve.run { program = "unshare", "-m", "sh", "-c",
        ([[mount --bind '%s' '%s' && mount -o remount,ro,bind '%s' && exec "$0" "$@"]]):format(w.home, w.home, w.home),
        reeve.bin, home = w.home, ... }
    end
    says(read_only("sync", "acme"), w.home, "writable")
    for _, words in ipairs { { "list", "acme", "user" }, { "status", "acme" }, { "runs", "acme" },
      { "show", "acme", "user", "u1" } } do
      local r = read_only(table.unpack(words))
      assert.equal(0, r.code, table.concat(words, " ") .. ": " .. r.err)
    end
    assert.equal(before, w:state())
  end)

  it("whose map is full names map_gb; more of it mends that", function()
    w:synced()
    local before = w:state()
    w:world(users(4000))
    local r = w:sync { env = { REEVE_MAP_GB = "0.002" } }
    says(r, "map_gb")
    assert.equal(before, w:state())
    w:synced()
    assert.equal(4020 - 20, #w:list("user"))
  end)

  it("whose file lost its end is not written to, and read as far as it goes", function()
    w:world(users(2000))
    w:synced()
    local whole = reeve.read(data())
    local unit = 4096
    for _, keep in ipairs { #whole // unit // 2, 3 } do
      reeve.write(data(), whole:sub(1, keep * unit))
      says(w:sync(), state_dir(), "move it away")
      assert.equal(keep * unit, #reeve.read(data()))
      local r = w:run { "list", "acme", "user", "-o", "jsonl" }
      if r.code == 0 then assert.equal(2000, #reeve.jsonl(r.out)) else says(r, state_dir(), "move it away") end
    end
    reeve.write(data(), whole)
    w:synced()
  end)

  it("that is no store at all, or somebody else's, is left alone", function()
    w:synced()
    local function alone(bytes)
      reeve.write(data(), bytes)
      says(w:sync(), state_dir(), "not a store of ours")
      says(w:run { "list", "acme", "user" }, state_dir(), "not a store of ours")
      assert.equal(bytes, reeve.read(data()))
    end
    alone(("garbage "):rep(5000))
    local other = reeve.folder("other")
    reeve.engine([[
      local env = assert(require("host.store").open(..., { write = true, create = true, dbs = { "theirs" } }))
      assert(env:put("theirs", "key", "value"))
      env:close()
    ]], { other })
    alone(reeve.read(other .. "/data.mdb"))
  end)

  it("of a newer program says so", function()
    w:synced()
    reeve.engine([[
      local env = assert(require("host.store").open(..., { write = true, dbs = { "meta" } }))
      assert(env:put("meta", "schema", string.pack("<I4", 99)))
      env:close()
    ]], { state_dir() })
    says(w:sync(), "schema 99", "newer program")
    says(w:run { "list", "acme", "user" }, "schema 99", "newer program")
  end)

  it("on a network file system is refused", function()
    reeve.write(w.home .. "/nfs.lua", ([[
      local sys = require "host.sys"
      sys.network_fs = function() return "nfs" end
      local ok, why = pcall(require("sync.sync").lock, { state_dir = function() return "%s" end }, "acme", false)
      assert(not ok)
      print(why.code, why.message, why.hint)
    ]]):format(state_dir()))
    local out = reeve.engine(reeve.read(w.home .. "/nfs.lua"))
    assert.equal(("storage\t%s lies on a network file system (nfs), which cannot keep a state safe\t"):format(
      state_dir()) .. 'set "state" in reeve.json to a folder on a local disk\n', out)
    assert.is_nil(reeve.read(data()))
  end)

  it("may move: home and state together, or the state elsewhere", function()
    w:synced()
    local before, moved = w:state(), reeve.path("moved")
    assert(os.rename(w.home, moved))
    assert.equal(before, acme.state_of(moved, "acme"))
    w.home = moved
    local elsewhere = reeve.path("state")
    assert(os.rename(moved .. "/state", elsewhere))
    reeve.write(moved .. "/reeve.json", reeve.encode { state = elsewhere })
    assert.equal(before, w:state())
    w:forget()
    w:synced()
    assert.equal(before, w:state())
    assert.equal(2, w:last().run)
  end)

  it("that was deleted is that of a first run", function()
    w:synced()
    local before = w:state()
    reeve.shell(("rm -rf '%s'"):format(state_dir()))
    assert.equal(1, w:run({ "list", "acme", "user" }).code)
    w:world(users(1, "other")) -- that only one is left is nothing to a first run
    w:synced()
    assert.equal(1, w:last().run)
    assert.equal("other1", w:ids("user"))
    w:world(users(20))
    w:synced()
    assert.equal(before, w:state())
  end)
end)

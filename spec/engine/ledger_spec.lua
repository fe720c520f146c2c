-- ledger: sealed secrets bound to their origins, kept values, the audit trail, and the key that seals.
local reeve = require "reeve"

local HEAD = [[
local dir = ...
local secret, sys, fail = require "host.secret", require "host.sys", require "fail"
local home = { dir = dir, state = dir .. "/state", key_path = dir .. "/key", key_own = true }
local ledger = require("state.ledger").open(home)
local function raised(fn, ...)
  local ok, e = pcall(fn, ...)
  assert(not ok and fail.is(e), tostring(e))
  return e.code .. ": " .. e.message
end
]]

local dir

-- Runs text with a new ledger; `same` goes on with the folder of the run before.
local function run(text, same, spec)
  if not same then dir = reeve.folder("home") end
  spec = spec or {}
  table.insert(spec, 1, dir)
  return reeve.engine(HEAD .. text, spec)
end

local function code_of(text)
  return (text:match("^(%S+):"))
end

describe("the ledger of a new home", function()
  it("is empty, and reading makes nothing", function()
    assert.equal("0\tnot_found\tnil\tnil\ttrue\n", run [[
      local _, _, code = ledger:unseal("acme", "token", {})
      print(#ledger:secrets(), code, ledger:kept("x"), ledger:audits()(), (ledger:verify()))
      ledger:drop("x")
      assert(ledger:forget("acme") == 0)]])
    assert.equal("", (reeve.shell("ls " .. dir)))
  end)
end)

describe("a sealed secret", function()
  it("comes back for the same origins, in any order, from another process", function()
    run [[ledger:seal("acme", "token", secret.new("correct horse"), { "https://b", "https://a", "https://b" })]]
    assert.equal("true\n", run([[
      local s = assert(ledger:unseal("acme", "token", { "https://a", "https://b" }))
      print(secret.equal(s, secret.new("correct horse")))]], true))
  end)

  it("must be entered again for other origins, and says which", function()
    run [[ledger:seal("acme", "token", secret.new("correct horse"), { "https://a" })]]
    local out = run([[print(select(2, ledger:unseal("acme", "token", { "https://evil" })))]], true)
    assert.matches("acme/token was entered for https://a, and is now wanted for https://evil: enter it with "
      .. "`reeve secret set acme token` again\tconfig", out, 1, true)
  end)

  it("does not open where somebody rewrote its origins in the store", function()
    assert.equal("storage\n", run [[
      ledger:seal("acme", "token", secret.new("correct horse"), { "https://a" })
      local value = ledger.store:get("secret", "acme/token")
      ledger.store:put("secret", "acme/token", (value:gsub("https://a", "https://e")))
      print((select(3, ledger:unseal("acme", "token", { "https://e" }))))]])
  end)

  it("does not open under another connector's name", function()
    assert.equal("storage\n", run [[
      ledger:seal("acme", "token", secret.new("correct horse"), {})
      ledger.store:put("secret", "evil/token", ledger.store:get("secret", "acme/token"))
      print((select(3, ledger:unseal("evil", "token", {}))))]])
  end)

  it("stands in no file of the home in clear", function()
    run [[ledger:seal("acme", "token", secret.new("correct horse"), {})]]
    local _, code = reeve.shell("grep -rl 'correct horse' " .. dir)
    assert.equal(1, code)
  end)

  it("is listed without its value, by name", function()
    assert.equal("acme\ta\thttps://x\troot\nacme\tb\thttps://x\troot\nbeta\tc\t\troot\n2\n", (run [[
      ledger:seal_all("acme", { b = secret.new("correct b"), a = secret.new("correct a") }, { "https://x" })
      ledger:seal("beta", "c", secret.new("correct c"))
      for _, e in ipairs(ledger:secrets()) do
        print(e.connector, e.key, table.concat(e.origins, " "), e.by == sys.user() and "root")
      end
      print(#ledger:secrets("acme"))]]))
  end)

  it("is forgotten alone or with its connector", function()
    assert.equal("1\t2\n1\t1\n", run [[
      ledger:seal_all("acme", { a = secret.new("1"), b = secret.new("2") }, {})
      ledger:seal("acme-2", "a", secret.new("3"), {})
      print(ledger:forget("acme", "a"), #ledger:secrets())
      print(ledger:forget("acme"), #ledger:secrets())]])
  end)

  it("is not replaced over a change that the caller did not see", function()
    assert.equal("false\ttrue\nsecond\n", run [[
      ledger:seal("acme", "token", secret.new("first"), {})
      local seen = ledger:version("acme", "token")
      ledger:seal("acme", "token", secret.new("second"), {})
      local lost = ledger:seal("acme", "token", secret.new("third"), {}, seen)
      local s = ledger:unseal("acme", "token", {})
      print(lost, secret.is(s))
      print(secret.equal(s, secret.new("second")) and "second")]])
  end)

  it("that is damaged is told, with what to do", function()
    assert.equal("storage\n", code_of(run [[
      ledger:seal("acme", "token", secret.new("first"), {})
      ledger.store:put("secret", "acme/token", "\1\255\255")
      print(raised(ledger.unseal, ledger, "acme", "token", {}))]]) .. "\n")
  end)
end)

describe("the home's key", function()
  it("is made when it is first needed, for its owner alone", function()
    run [[ledger:key() assert(secret.equal(ledger:key(), secret.load_key(home.key_path)))]]
    assert.equal("600\n", (reeve.shell("stat -c %a " .. dir .. "/key")))
  end)

  it("is not made again where secrets exist that it sealed", function()
    run [[ledger:seal("acme", "token", secret.new("correct horse"), {})]]
    os.remove(dir .. "/key")
    local out = run([[print(raised(ledger.unseal, ledger, "acme", "token", {}))
      print(raised(ledger.key, ledger))]], true)
    assert.equal("config", code_of(out))
    assert.matches("secrets in .* were sealed with it", out)
    assert.is_nil(reeve.read(dir .. "/key"))
  end)

  it("is made again where only kept values are lost", function()
    run [[ledger:keep("token", secret.new("correct horse"))]]
    os.remove(dir .. "/key")
    assert.equal("nil\nkept again\n", run([[
      print((ledger:kept("token")))
      ledger:keep("token", "kept again")
      print((ledger:kept("token")))]], true))
  end)

  it("that does not fit says so", function()
    run [[ledger:seal("acme", "token", secret.new("correct horse"), {})]]
    reeve.write(dir .. "/key", ("ab"):rep(32) .. "\n")
    local out = run([[print(select(2, ledger:unseal("acme", "token", {})))]], true)
    assert.matches("sealed with key %x+, and this is key %x+; put the old key back.*\tconfig", out)
  end)

  it("is never made under the state, nor where the service manager should have put it", function()
    assert.equal("config", code_of(run [[
      home.state, home.key_path = dir, dir .. "/key"
      print(raised(ledger.key, require("state.ledger").open(home)))]]))
    assert.equal("config", code_of(run [[
      home.key_own = false
      print(raised(ledger.key, ledger))]]))
  end)
end)

describe("a kept value", function()
  it("is a secret or bytes, as it was given, until it expires", function()
    assert.equal("true\t2000000000.0\nbytes\tnil\nnil\n", run [[
      ledger:keep("a", secret.new("correct horse"), 2e9)
      ledger:keep("b", "bytes")
      ledger:keep("c", "late", sys.now() - 1)
      local a, expires = ledger:kept("a")
      print(secret.equal(a, secret.new("correct horse")), expires)
      print(ledger:kept("b")) print((ledger:kept("c")))]])
  end)

  it("that has expired is removed when another is kept", function()
    assert.equal("new\n", run [[
      ledger:keep("old", "x", sys.now() - 1)
      ledger:keep("new", "x")
      for name in ledger.store:each("kept") do print(name) end]])
  end)

  it("goes when it is dropped, and does not open under another name", function()
    assert.equal("nil\tnil\n", run [[
      ledger:keep("a", "x")
      ledger.store:put("kept", "b", ledger.store:get("kept", "a"))
      ledger:drop("a")
      print((ledger:kept("a")), (ledger:kept("b")))]])
  end)
end)

describe("the newest refresh token of a chain", function()
  it("is moved by whoever saw it last, and by nobody else", function()
    assert.equal("true\ttrue\tfalse\ttrue\n", run [[
      assert(ledger:chain("refresh/x") == nil)
      local began = ledger:advance("refresh/x", nil, secret.new "second-token", "acme/refresh_token")
      local seen = ledger:chain("refresh/x")
      local moved = ledger:advance("refresh/x", seen.version, secret.new "third-token", "acme/refresh_token")
      local late = ledger:advance("refresh/x", seen.version, secret.new "other-token", "main/refresh_token")
        or ledger:advance("refresh/x", nil, secret.new "other-token", "main/refresh_token")
      print(began, moved, late, secret.equal(ledger:chain("refresh/x").token, secret.new "third-token"))]])
    assert.equal("", (reeve.shell("grep -rla -e token- -e -token " .. dir)))
  end)

  it("goes with the setting that leaves it, unless another uses it", function()
    assert.equal("1\ttrue\n1\tfalse\n", run [[
      ledger:advance("refresh/x", nil, secret.new "second-token", "acme/refresh_token")
      local seen = ledger:chain("refresh/x")
      ledger:advance("refresh/x", seen.version, secret.new "third-token", "main/refresh_token")
      ledger:advance("refresh/other", nil, secret.new "another-token", "other/refresh_token")
      print(ledger:forget("acme"), ledger:chain("refresh/x") ~= nil)
      print(ledger:forget("main", "refresh_token"), ledger:chain("refresh/x") ~= nil)
      assert(ledger:chain("refresh/other"))]])
  end)

  it("does not open in another chain's place", function()
    assert.equal("storage\n", code_of(run [[
      ledger:advance("refresh/x", nil, secret.new "second-token", "acme/refresh_token")
      ledger.store:put("chain", "refresh/y", ledger.store:get("chain", "refresh/x"))
      print(raised(ledger.chain, ledger, "refresh/y"))]]) .. "\n")
  end)

  it("notes what was sent and not answered", function()
    assert.equal("nil\ttrue\tnil\n", run [[
      local first, second = ledger:mark "refresh/x", ledger:mark "refresh/x"
      ledger:unmark "refresh/x"
      print(first, second:find("^%d+%-%d%d%-%d%dT") ~= nil, (ledger:mark "refresh/x"))]])
  end)
end)

describe("the audit trail", function()
  it("says what, when, who and where, newest first", function()
    assert.equal("2\treject\tbeta\ttrue\n1\taccept\tacme\ttrue\n1\n", run [[
      ledger:audit { action = "accept", connector = "acme", reason = "looked right", before = "d1", after = "d2" }
      ledger:audit { action = "reject", connector = "beta" }
      for e in ledger:audits() do
        print(e.n, e.action, e.connector, e.user == sys.user() and e.host == sys.hostname()
          and math.abs(sys.epoch(e.at) - sys.now()) < 60)
      end
      for e in ledger:audits("acme") do print(e.n) end]])
  end)

  it("holds no secret, in whatever field", function()
    run [[
      local s = secret.new("correct horse")
      ledger:audit { action = "set", reason = "now correct horse", list = { x = "correct%20horse" } }
      local e = ledger:audits()()
      assert(e.reason == "now ***" and e.list.x == "***")]]
  end)

  it("shows which entry was changed", function()
    assert.equal("true\nnil\t3\n", run [[
      for i = 1, 5 do ledger:audit { action = "a" .. i } end
      print((ledger:verify()))
      local key = string.pack(">I8", 2)
      ledger.store:put("audit", key, (ledger.store:get("audit", key):gsub('"a2"', '"a9"')))
      print(ledger:verify())]])
  end)

  it("loses nothing where several processes write at once", function()
    dir = reeve.folder("home")
    local writers = {}
    local script = reeve.write(reeve.path("writer.lua"), HEAD .. [[
      for _ = 1, 20 do ledger:audit { action = "x" } end]])
    for i = 1, 3 do
      writers[i] = reeve.start { program = reeve.host, script, dir }
    end
    for _, w in ipairs(writers) do assert.equal(0, w:wait().code, w.err) end
    assert.equal("60\ttrue\n", run([[print(ledger:audits()().n, (ledger:verify()))]], true))
  end)
end)

describe("a state on a read-only file system", function()
  it("can be read", function()
    run [[ledger:seal("acme", "token", secret.new("correct horse"), {}) ledger:audit { action = "a" }]]
    local script = reeve.write(reeve.path("script.lua"), HEAD .. [[
      print(#ledger:secrets(), ledger:audits()().n)
      print((raised(ledger.audit, ledger, { action = "b" })))]])
    local mount = ("mount --bind %s/state %s/state && mount -o remount,ro,bind %s/state"):format(dir, dir, dir)
    local inside = ("%s || exit 42; exec %s %s %s"):format(mount, reeve.host, script, dir)
    local r = reeve.run { program = "unshare", "-m", "sh", "-c", inside }
    if r.code == 42 or r.err:find("unshare", 1, true) then pending("no mount namespace here") return end
    assert.equal("1\t1\n", r.out:match("^[^\n]*\n"), r.err)
    assert.matches("\nstorage: ", r.out)
  end)
end)

-- What `reeve sync` and its neighbours say and leave behind, beside the state itself.
local reeve = require "reeve"
local workspace = require "workspace"

describe("reeve sync", function()
  local w

  setup(function()
    w = workspace.new { users = 30, connector = { http = { retry_s = 1 } } }
    w:sync(0)
  end)

  teardown(function() w:stop() end)

  local function trail()
    return reeve.json(w:expect(0, "audit", "-o", "json").out)
  end

  it("runs a connector once that is named twice", function()
    local before = #reeve.json(w:expect(0, "runs", "acme", "-o", "json").out)
    w:expect(0, "sync", "acme", "acme")
    assert.equal(before + 1, #reeve.json(w:expect(0, "runs", "acme", "-o", "json").out))
  end)

  it("says a failure once, with the connector's name and what to do", function()
    w.sim:faults { "*: status=401" }
    local r = w:run("sync", "acme", "--fresh")
    w.sim:faults {}
    assert.equal(4, r.code)
    assert.match("^reeve: acme: [^\n]*refuses the credential[^\n]*\n  `reeve set acme KEY=%-`[^\n]*\n$", r.err)
  end)

  it("tells the trail which run a held one would have followed, and nothing where nothing changed", function()
    local accepted = w:status().accepted_run
    local lines = #trail()
    w:sync(0)
    assert.equal(lines, #trail())
    w.sim:set { users = 3 }
    w:sync(6)
    local newest = trail()[1]
    assert.equal("hold", newest.action)
    assert.equal("run " .. accepted + 1, newest.before)
    assert.is_nil(newest.after)
    w:expect(0, "reject", "acme")
    w.sim:set { users = 30 }
  end)

  it("is told by a check that its mapping is missing", function()
    local keys = { mapping = "scripts/none.lua" }
    for key, value in pairs(w.keys) do keys[key] = value end
    local before = w.keys
    w:connect(keys)
    finally(function() w:connect(before) end)
    local r = w:run("check", "acme")
    assert.equal(3, r.code, r.err)
    assert.match("scripts/none.lua", r.err, 1, true)
  end)

  it("has an export that writes no file called -", function()
    local r = w:run("export", "acme", "-o", "jsonl", "-f", "-")
    assert.equal(2, r.code)
    assert.match("-f /dev/stdout", r.err, 1, true)
  end)
end)

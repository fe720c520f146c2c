-- reeve plan: what a sync would do, told by exit statuses, and nothing done.
local reeve = require "reeve"

describe("plan", function()
  local sim, home
  local function run(words)
    words.home, words.env = home, { SECRET = "sim-client-secret" }
    return reeve.run(words)
  end
  local function state()
    return run({ "list", "main", "resources", "-o", "json" }).out .. run({ "runs", "main", "-o", "json" }).out
  end

  setup(function()
    sim = reeve.sim { plugin = "torq", users = 200 }
    home = reeve.home()
    reeve.connector(home, "main", { plugin = "torq", settings = { client_id = "sim-client-id",
      client_secret = "env:SECRET", api_url = sim.url .. "/public/v1alpha", auth_url = sim.url .. "/v1/auth/token" } })
    assert.equal(0, run({ "sync", "main" }).code)
  end)
  teardown(function() sim:stop() end)

  it("exits with 0 where nothing would change", function()
    assert.equal(0, run({ "plan", "main", "--exit-code" }).code)
  end)

  it("exits with 10 where something would, and changes nothing", function()
    sim:set { drift = 0.05 }
    local before = state()
    local r = run { "plan", "main", "--exit-code", "-o", "json" }
    assert.equal(10, r.code, r.err)
    assert.truthy(#reeve.json(r.out) > 0)
    assert.equal(0, run({ "plan", "main" }).code)
    assert.equal(before, state())
  end)

  it("exits with 6 where the sync would be held", function()
    sim:set { users = 50 }
    local before = state()
    assert.equal(6, run({ "plan", "main", "--exit-code" }).code)
    assert.equal(before, state())
  end)

  it("takes the last raw objects through today's mapping, without the target", function()
    sim:stop()
    assert.equal(0, run({ "plan", "main", "--offline", "--exit-code" }).code)
    reeve.write(home .. "/scripts/a.lua",
      "return { user = function(raw, record) if raw.sso_provision then record.name = 'x' end return record end }")
    local file = reeve.json(reeve.read(home .. "/connectors/main.json"))
    file.mapping = "scripts/a.lua"
    reeve.connector(home, "main", file)
    local r = run { "plan", "main", "--offline", "--exit-code", "-o", "json" }
    assert.equal(10, r.code, r.err)
    for _, row in ipairs(reeve.json(r.out)) do assert.equal("x", row.after.name) end
  end)
end)

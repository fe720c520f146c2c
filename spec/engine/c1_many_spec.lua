-- `reeve c1 --all` with more connectors than most have, and with fewer open files than they would need.
local reeve = require "reeve"
local service = require "service"

local it = service.it(it, pending)

describe("reeve c1 with many connectors", function()
  local s = service.each(after_each)

  -- So many connectors, each with a credential of its own; the ids of these.
  local function connectors(n)
    s:make()
    local file, ids = reeve.json(reeve.read(s.home .. "/connectors/acme.json")), {}
    os.remove(s.home .. "/connectors/acme.json")
    for i = 1, n do
      local client = s.c1:client("otter-" .. i)
      local secret = reeve.write(("%s/secrets/%d"):format(s.home, i), client.secret)
      file.c1 = { client_id = client.id, client_secret = "file:" .. secret }
      reeve.connector(s.home, ("acme-%d"):format(i), file)
      ids[i] = client.id
    end
    return ids
  end

  local OWN = { BATON_CLIENT_ID = false, BATON_CLIENT_SECRET = false }
  local FEW = "prlimit --nofile=64 --"

  it("asks for the tasks of each", function()
    connectors(130)
    s:start { "--all", env = OWN }
    local asking = {}
    for _ = 1, 130 do
      local agent = s.c1:wait(function(event)
        return event.method == "GetTask" and event.event == "call" and not asking[event.client]
      end)
      asking[agent.client] = true
    end
  end)

  it("does their tasks with as many open files as they need", function()
    local ids, waiting = connectors(8), {}
    s:start { "--all", env = OWN, through = FEW }
    for _, id in ipairs(ids) do waiting[s.c1:task { kind = "sync_full", client = id }] = true end
    for _ = 1, #ids do
      local finished = s.c1:wait { event = "finished" }
      assert.is_true(finished.success and waiting[finished.task], finished.message)
      waiting[finished.task] = nil
    end
  end)

  it("says at its start where there are too few", function()
    connectors(9)
    local r = reeve.run { "c1", "--all", home = s.home, through = FEW }
    assert.equal(3, r.code)
    assert.matches("to serve 9 connectors takes up to 68 open files, and 64 are allowed\n", r.err, 1, true)
    assert.matches("ulimit -n", r.err, 1, true)
    assert.equal(0, #s.c1:events { event = "call" })
  end)

  it("takes a hard limit for one, and no soft one", function()
    connectors(9)
    s:start { "--all", env = OWN, through = "prlimit --nofile=64:256 --" }
    s:log "connected to ConductorOne"
  end)

  it("says at its start where there is none, with a status that no restart mends", function()
    local r = reeve.run { "c1", "--all", home = reeve.home() }
    assert.equal(3, r.code)
    assert.matches("no connector has a credential of ConductorOne of its own", r.err, 1, true)
  end)

  it("says at its start where they are too many", function()
    local home = reeve.home()
    reeve.plugin(home, "acme", { ["plugin.lua"] = [[return { api = 1, name = "acme", version = "1.0.0", title = "Acme",
      summary = "An example", settings = {}, hosts = {}, resources = { user = { title = "User", trait = "user" } } }]],
      ["connector.lua"] = "return { list = {} }", ["mapping.lua"] = "return {}" })
    for i = 1, 257 do
      reeve.connector(home, "acme-" .. i, { plugin = "acme",
        c1 = { client_id = ("otter-%d@acme.example/bct"):format(i), client_secret = "file:/nowhere" } })
    end
    local r = reeve.run { "c1", "--all", home = home }
    assert.equal(3, r.code)
    assert.matches("257 connectors are more than the 256 that one process serves", r.err, 1, true)
    assert.matches("`reeve c1 NAME…`", r.err, 1, true)
  end)
end)

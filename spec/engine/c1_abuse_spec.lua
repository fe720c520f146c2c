-- `reeve c1` with a ConductorOne, and neighbours, that mean it no good.
local c1z = require "c1z"
local reeve = require "reeve"
local service = require "service"

local field = c1z.field

local it = service.it(it, pending)

describe("reeve c1", function()
  local s = service.each(after_each)

  local hex = reeve.hex

  it("finishes a sync that cannot be read, and does not read it itself", function()
    s:make()
    s:start()
    local sound = s:task { kind = "sync_full" }
    assert.is_true(sound.success, sound.message)
    local id = "2" .. ("b"):rep(26)
    local deep = ""
    for _ = 1, 200 do deep = field(3, deep) end
    for _, payload in ipairs { "\255\255", field(5, "\255"), field(4, deep) } do
      local finished = s:task { id = id, raw = hex(field(1, id) .. field(102, payload)) }
      assert.is_false(finished.success)
      assert.not_equal("", finished.message)
    end
    assert.is_true(s:task({ kind = "sync_full" }).success)
  end)

  it("asks no target for a sync that names a resource without an id", function()
    s:make()
    local folder, id = reeve.folder(), ("a"):rep(27)
    reeve.engine([[
      local folder, id = ...
      local job = { id = id, sync_full = { targeted_sync_resources = { { id = { resource_type = "user" } } } } }
      local bytes = assert(require("host.wire").encode(require "c1.messages", "c1.connectorapi.baton.v1.Task", job))
      require("serve.folder").new(folder, { id = id, bytes = bytes }, {})]], { folder, id })
    assert.equal(2, s.w:run({ "c1-task", "acme", folder .. "/" .. id }).code)
    assert.matches("the task names a resource without type or id", reeve.read(folder .. "/" .. id .. "/finish"))
    assert.equal("[]\n", s.w:run({ "runs", "acme", "-o", "json" }).out)
  end)

  it("keeps its files apart from those of another home's connector of the same name", function()
    local temporary = reeve.folder()
    s:make()
    s:start { env = { BATON_C1Z_TEMP_DIR = temporary } }
    s.c1:wait { event = "call", method = "GetTask" }
    local env = { BATON_HEALTH_CHECK = "false", BATON_C1Z_TEMP_DIR = temporary }
    for name, value in pairs(s.c1.env) do env[name] = value end
    env.BATON_HOST_ID = "host-2"
    local other = reeve.start { "c1", "acme", home = s.w:fresh().home, timeout = 30, env = env }
    s.c1:wait { event = "call", method = "GetTask", request = { host_id = "host-2" } }
    assert.equal("2\n", (reeve.shell("ls '" .. temporary .. "' | wc -l")))
    other:kill "TERM"
    assert.equal(0, other:wait().code)
  end)
end)

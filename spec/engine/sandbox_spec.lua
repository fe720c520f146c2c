-- Hostile plugins and scripts, in whole runs: each ends with file and line, and everything else lives.
local reeve = require "reeve"

local MANIFEST = [[return { api = 1, name = "acme", version = "1.0.0", title = "Acme",
  resources = { user = { trait = "user" } } }]]

local CONNECTOR = [[return { list = { user = function(ctx)
  for i = 1, 3 do ctx.emit("user", { id = "u" .. i, name = "User " .. i }) end
end } }]]

local MAPPING = [[return { user = function(raw)
  return { id = raw.id, name = raw.name }
end }]]

local function home_with(files, more)
  local home = reeve.home()
  reeve.plugin(home, "acme", { ["plugin.lua"] = MANIFEST, ["connector.lua"] = CONNECTOR,
    ["mapping.lua"] = MAPPING })
  local connector = { plugin = "acme", settings = {}, limits = { instructions = 1000000, cpu_s = 0.5 } }
  for name, value in pairs(more or {}) do connector[name] = value end
  reeve.connector(home, "main", connector)
  reeve.ok { "sync", "main", home = home }
  for name, bytes in pairs(files) do reeve.write(home .. "/" .. name, bytes) end
  return home
end

-- After a good run, one with these files: it ends with exit 3 and says all of `parts`, and the state of the
-- good run is what is in force.
local function ends(files, parts, more)
  local home = home_with(files, more)
  local r = reeve.run { "sync", "main", home = home }
  assert.equal(3, r.code, r.err)
  for _, part in ipairs(parts) do assert.match(part, r.err, 1, true) end
  assert.equal(3, #reeve.json(reeve.ok { "list", "main", "user", "-o", "json", home = home }))
end

-- The same body in the connector's list, the plugin's mapping and at the top of both files.
local function everywhere(body, message)
  ends({ ["plugins/acme/connector.lua"] = "return { list = { user = function(ctx)\n" .. body .. "\nend } }" },
    { "plugins/acme/connector.lua:2: ", message })
  ends({ ["plugins/acme/mapping.lua"] = "return { user = function(raw)\n" .. body .. "\nend }" },
    { "plugins/acme/mapping.lua:2: ", message })
  ends({ ["plugins/acme/mapping.lua"] = "\n" .. body }, { "plugins/acme/mapping.lua:2: ", message })
end

describe("a run ends with file and line", function()
  it("at an endless loop", function()
    everywhere("while true do end", "instructions without a host call")
  end)

  it("at an endless loop inside pcall", function()
    everywhere("while true do pcall(function() while true do end end) end", "instructions without a host call")
  end)

  it("at a text of 2 GB", function()
    everywhere("local s = ('x'):rep((1 << 31) - 1)", "more than 64 MiB of memory")
  end)

  it("at a dangerous name", function()
    everywhere("os.execute('true')", "global 'os' is not available")
    everywhere("x = 1", "global 'x' cannot be set")
  end)

  it("at a recursion without end", function()
    everywhere("local function f() return 1 + f() end f()", "")
  end)

  it("at a list that emits for ever, also inside pcall", function()
    local limits = { limits = { instructions = 10000000, cpu_s = 10 } }
    local emit = 'ctx.emit("user", { id = "same" })'
    ends({ ["plugins/acme/connector.lua"] = "return { list = { user = function(ctx)\nwhile true do " .. emit
      .. " end\nend } }" }, { "plugins/acme/connector.lua:2: emit: more than 1000000 objects" }, limits)
    ends({ ["plugins/acme/connector.lua"] = "return { list = { user = function(ctx)\nwhile true do pcall(function() "
      .. emit .. " end) end\nend } }" }, { "plugins/acme/connector.lua:2: more than 10000000 instructions" }, limits)
  end)

  it("at bytecode", function()
    ends({ ["plugins/acme/mapping.lua"] = string.dump(load(MAPPING)) }, { "plugins/acme/mapping.lua: " })
  end)
end)

describe("a runaway pattern", function()
  local BODY = "local _ = ('a'):rep(5000):find(('.-'):rep(50) .. 'b')"

  it("in a list ends the run with script and list", function()
    ends({ ["plugins/acme/connector.lua"] = "return { list = { user = function(ctx)\n" .. BODY .. "\nend } }" },
      { "plugins/acme/connector.lua, list user: more than 0.5 s of CPU time" })
  end)

  it("in a mapping ends the run with script and list", function()
    ends({ ["plugins/acme/mapping.lua"] = "return { user = function()\n" .. BODY .. "\nend }" },
      { "plugins/acme/mapping.lua, list user, kind user: more than 0.5 s of CPU time" })
  end)
end)

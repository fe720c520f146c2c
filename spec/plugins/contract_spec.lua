-- What every plugin in plugins/ must be and do, whoever wrote it.
local lfs = require "lfs"
local reeve = require "reeve"

local names = {}
for name in lfs.dir("plugins") do
  if reeve.read("plugins/" .. name .. "/plugin.lua") then names[#names + 1] = name end
end
table.sort(names)

-- What the engine has read of a plugin's manifest and scenarios, as JSON.
local READ = [[
local json = require "host.json"
local dir, name = ...
local plugin = require("plugin.plugin").load({ plugins_dirs = { { path = dir, origin = "bundled" } } }, name)
plugin:check()
local settings, types, options, kinds, mapped = {}, {}, {}, {}, {}
for i, spec in ipairs(plugin.manifest.settings) do settings[i] = spec.name end
for name in pairs(plugin.manifest.resources) do types[#types + 1] = name end
for name in pairs((plugin:simulator() or {}).options or {}) do options[#options + 1] = name end
for name in pairs(plugin:mapping()) do mapped[#mapped + 1] = name end
local scenarios, secrets = {}, {}
for i, scenario in ipairs(require("trial.scenario").all(plugin)) do
  scenarios[i] = scenario.name
  for _, text in pairs(scenario.secrets) do secrets[#secrets + 1] = text end
end
print(json.encode { settings = json.array(settings), types = json.array(types), options = json.array(options),
  scenarios = json.array(scenarios), secrets = json.array(secrets), mapped = json.array(mapped) })
]]

local function about(name)
  return reeve.json((reeve.engine(READ, { lfs.currentdir() .. "/plugins", name })))
end

local function has_command(name)
  return reeve.run({ "help", name }).code == 0
end

it("there are plugins to look at", function()
  assert.truthy(#names > 0)
end)

for _, name in ipairs(names) do
  describe("the plugin " .. name, function()
    local dir = "plugins/" .. name .. "/"
    local plugin

    setup(function() plugin = about(name) end)

    it("has every file, and expectations for every scenario", function()
      local wanted = { "plugin.lua", "connector.lua", "mapping.lua", "simulator.lua", "README.md",
        "test/scenarios.lua" }
      for _, scenario in ipairs(plugin.scenarios) do wanted[#wanted + 1] = "test/" .. scenario .. ".expected.jsonl" end
      for _, file in ipairs(wanted) do assert.truthy(reeve.read(dir .. file), dir .. file .. " is missing") end
    end)

    it("tells of each setting and each type in its README", function()
      local readme = reeve.read(dir .. "README.md")
      for _, list in ipairs { plugin.settings, plugin.types } do
        for _, word in ipairs(list) do
          assert.truthy(readme:find("`" .. word .. "`", 1, true), word .. " is not in " .. dir .. "README.md")
        end
      end
    end)

    it("has a simulator with options", function()
      assert.truthy(#plugin.options > 0)
    end)

    it("has a simulator that prints how to connect to it", function()
      local sim = reeve.sim { plugin = name, home = reeve.home() }
      local r = sim:connect()
      sim:stop()
      assert.equal(0, r.code, r.err)
      assert.matches(name .. ": connected as ", r.err, 1, true)
    end)

    it("maps without a clock and without chance", function()
      local mapping = reeve.read(dir .. "mapping.lua")
      for _, word in ipairs { "math%.random", "ctx" } do
        assert.is_nil(mapping:match("%f[%w]" .. word .. "%f[%W]"), word)
      end
    end)

    it("gives records of each of its types in some scenario", function()
      local seen = {}
      for _, scenario in ipairs(plugin.scenarios) do
        for _, record in ipairs(reeve.jsonl(reeve.read(dir .. "test/" .. scenario .. ".expected.jsonl"))) do
          if record.kind == "resource" then seen[record.type] = true end
        end
      end
      for _, type in ipairs(plugin.types) do assert.truthy(seen[type], "no scenario gives a " .. type) end
    end)

    it("passes its tests, faults and kills among them, and tells no secret in them", function()
      local r = reeve.run({ "test", name, "-o", "json", "--verbose" }, { home = reeve.home() })
      assert.equal(0, r.code, r.out .. r.err)
      local checks = {}
      for _, scenario in ipairs(reeve.json(r.out).scenarios) do
        assert.equal("same", scenario.expected)
        for _, check in ipairs(scenario.checks) do checks[check.name] = check.ok end
      end
      assert.is_true(checks["a credential that is refused (401)"])
      assert.is_true(checks["a list that may not be read (403)"])
      assert.is_true(checks["answers with nothing in them"])
      assert.truthy(#plugin.secrets > 0)
      for _, secret in ipairs(plugin.secrets) do
        assert.is_nil((r.out .. r.err):find(secret, 1, true), "a secret was told")
        for _, scenario in ipairs(plugin.scenarios) do
          assert.is_nil(reeve.read(dir .. "test/" .. scenario .. ".expected.jsonl"):find(secret, 1, true))
        end
      end
    end)

    it("has nothing that lint complains of", function()
      if not has_command("lint") then return pending("this program has no lint") end
      local r = reeve.run({ "lint", name }, { home = reeve.home() })
      assert.equal(0, r.code, r.out .. r.err)
    end)
  end)
end

-- scenario: what a plugin's test/scenarios.lua says. Data, evaluated with nothing in scope:
--
--   return { settings = { token = "fake-token" },                      of the plugin; secrets as fake texts
--     scenarios = { small = { set = { users = 20 }, settings = { … }, mapping = "extra.lua" },
--       real = { cassette = "real.cassette.jsonl" } } }
--
-- A scenario is a run of the plugin against its simulator with these options (`set`), with these settings over the
-- common ones, and with an operator's mapping, a file of test/; or against a cassette, a file of test/, with the
-- settings that it was recorded with, the scenario's own over them.
local fail = require "fail"
local settings = require "config.settings"
local shape = require "shape"
local sys = require "host.sys"
local vm = require "host.vm"

local M = {}

local MAX_FILE = 64 << 20
local NAME = "^[a-z0-9][a-z0-9_-]*$"
local FILE = "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$"

local any = function() end
local options = shape.map("^[a-z][a-z0-9_]*$", "a name of a-z, 0-9 and _", any)
local file_name = shape.matching("a file's name", FILE)

local check = shape.record({
  settings = options,
  scenarios = shape.map(NAME, "a name of a-z, 0-9, _ and -", shape.record {
    set = options, settings = options, mapping = file_name, cassette = file_name,
  }),
}, { "scenarios" })

--- A file of the plugin's test folder; nil where there is none.
function M.read(plugin, name)
  local trust = plugin.origin == "home" and "trusted" or "any"
  local text, message, code = sys.read_file(plugin.dir .. "/test/" .. name, MAX_FILE, trust)
  if text or code == "not_found" then return text end
  fail(code == "limit" and "config" or code, message)
end

local function merged(common, own)
  local all = {}
  for name, value in pairs(common or {}) do all[name] = value end
  for name, value in pairs(own or {}) do all[name] = value end
  return all
end

-- Texts that take a secret's place are told apart from plain settings here, and are no secrets of anybody.
local function split(manifest, values, file)
  local plain, secrets = {}, {}
  for name, value in pairs(values) do
    local spec = settings.spec(manifest, name)
    if spec and spec.kind == "secret" then
      shape.text(value, "settings." .. name, file)
      secrets[name] = value
    else
      plain[name] = value
    end
  end
  return plain, secrets
end

local function no_file(name, place, file)
  fail("config", ("%s: %s: there is no file test/%s"):format(file, place, name), "scenarios name files of test/")
end

-- A cassette of test/, fit for the plugin as it is.
local function cassette_of(plugin, name, place, file)
  local path = plugin.dir .. "/test/" .. name
  if not sys.stat(path) then no_file(name, place .. ".cassette", file) end
  local cassette = require("trial.cassette").open(path, plugin.shown .. "/test/" .. name)
  cassette:check(plugin)
  return cassette
end

local function scenario_of(plugin, tree, name, file)
  local given = tree.scenarios[name]
  local s = { name = name, set = given.set or {}, mapping = given.mapping, expected = name .. ".expected.jsonl" }
  if given.cassette and given.set then
    fail("config", ("%s: %s: either 'set', for the simulator, or 'cassette'"):format(file, name))
  end
  s.cassette = given.cassette and cassette_of(plugin, given.cassette, name, file)
  local common = s.cassette and s.cassette.header.settings or tree.settings
  s.settings, s.secrets = split(plugin.manifest, merged(common, given.settings), file)
  s.script = s.mapping and (M.read(plugin, s.mapping) or no_file(s.mapping, name .. ".mapping", file))
  return s
end

--- The scenarios of a plugin, by name: { name, set, settings, secrets, mapping, script (its text), cassette (opened),
--- expected (a file's name) }.
function M.all(plugin)
  local file = plugin.shown .. "/test/scenarios.lua"
  local text = M.read(plugin, "scenarios.lua")
  if not text then
    fail("config", file .. ": there is no such file", "plugins/README.md tells what stands in it")
  end
  local tree, message, code = vm.data(text, "@" .. file)
  if tree == nil and message then fail(code or "config", message) end
  if type(tree) ~= "table" then fail("config", file .. ": it returns no table") end
  check(tree, "", file)
  local list = {}
  for _, name in ipairs(shape.names(tree.scenarios)) do
    list[#list + 1] = scenario_of(plugin, tree, name, file)
  end
  if #list == 0 then fail("config", file .. ": scenarios: at least one expected") end
  return list
end

return M

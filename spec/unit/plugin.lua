-- Checks of plugin.lua, loader.lua, script.lua and the reeve.* modules, on plugins made for each check.
local json = require "host.json"
local plugin = require "plugin.plugin"
local script = require "plugin.script"
local sys = require "host.sys"
local vm = require "host.vm"

local MANIFEST = [[return { api = 1, name = "acme", version = "1.0.0", title = "Acme",
  settings = { { name = "keys", kind = "boolean" } }, resources = { user = {}, team = {} } }]]

local CONNECTOR = [[
local M = {}
M.list = {
  user = function(ctx) end,
  team = { emits = { "team", "user" }, after = "user", stable_cursor = true, function(ctx) end },
  member = { per = "team", emits = "grant", when = "keys", function(ctx) end },
}
return M]]

local MAPPING = [[return { user = function(raw) return { id = raw.id } end,
  team = function() end, member = function() end }]]

local function has(text, part)
  if not tostring(text):find(part, 1, true) then
    error(("%s\n  expected in\n%s"):format(part, tostring(text)), 2)
  end
end

-- An empty folder, in the folder that the test run removes.
local function folder()
  local path = ("%s/%s"):format(os.getenv "TMPDIR" or "/tmp", require("host.secret").random_hex(8))
  assert(sys.mkdir_p(path))
  return path
end

local function write(dir, files)
  for name, text in pairs(files) do
    local path = dir .. "/" .. name
    assert(sys.mkdir_p(path:match("^(.*)/")))
    assert(sys.write_file(path, text, 384))
  end
end

-- A home with a plugin acme of these files beside the usual ones (false: without that one).
local function home_with(files)
  local dir = folder()
  local all = { ["plugin.lua"] = MANIFEST, ["connector.lua"] = CONNECTOR, ["mapping.lua"] = MAPPING }
  for name, text in pairs(files or {}) do all[name] = text or nil end
  for name, text in pairs(all) do write(dir, { ["plugins/acme/" .. name] = text }) end
  return {
    dir = dir, path = function(self, path) return self.dir .. "/" .. path end,
    plugins_dirs = { { path = dir .. "/plugins", origin = "home" },
      { path = dir .. "/bundled", origin = "bundled" } },
  }
end

local function refused(message, fn, ...)
  local ok, e = pcall(fn, ...)
  if ok then error("was not refused: " .. message, 2) end
  if type(e) ~= "table" or e.code ~= "config" then error(e, 2) end
  if tostring(e) ~= message and not tostring(e):find(message, 1, true) then
    error(("%s\n  expected in\n%s"):format(message, tostring(e)), 2)
  end
end

local function connector_refused(from, to, message)
  local at, till = CONNECTOR:find(from, 1, true)
  local text = CONNECTOR:sub(1, at - 1) .. to .. CONNECTOR:sub(till + 1)
  local p = plugin.load(home_with { ["connector.lua"] = text }, "acme")
  refused("plugins/acme/connector.lua" .. message, p.connector, p)
end

local checks = {}

function checks.a_plugin_is_loaded()
  local p = plugin.load(home_with(), "acme")
  assert(p.origin == "home" and not p.shadows and p.manifest.title == "Acme" and p.digest:find("^%x+$"))
  local c = p:connector()
  assert(#c.lists == 3 and c.lists[1].name == "member" and c.list.team == c.lists[2])
  local member, team, user = c.list.member, c.list.team, c.list.user
  assert(member.per == "team" and member.when == "keys" and type(member.fn) == "function")
  assert(json.encode(member.emits) == '["grant"]' and json.encode(member.kinds) == '["member"]')
  assert(json.encode(team.emits) == '["team","user"]' and json.encode(team.after) == '["user"]')
  assert(team.stable_cursor and not user.stable_cursor and json.encode(user.kinds) == '["user"]')
  assert(p:mapping().user { id = 7 }.id == 7)
  assert(p:simulator() == nil and p:connector() == c)
  p:check()
end

function checks.plugins_are_found_and_those_that_shadow_are_told()
  local home = home_with()
  write(home.dir, { ["bundled/acme/plugin.lua"] = MANIFEST, ["bundled/other/plugin.lua"] = MANIFEST,
    ["bundled/README.md"] = "", ["bundled/empty/x.lua"] = "" })
  local list = plugin.list(home)
  assert(#list == 2 and list[1].name == "acme" and list[2].name == "other")
  assert(list[1].shadows and list[1].origin == "home" and list[1].dir == home.dir .. "/plugins/acme")
  assert(not list[2].shadows and list[2].origin == "bundled")
  assert(plugin.find(home, "acne") == nil)
  refused("there is no plugin 'acne' (did you mean 'acme'?)", plugin.load, home, "acne")
  refused("there is no plugin '../acme'", plugin.load, home, "../acme")
  refused("plugins/other/plugin.lua: name: 'other', the folder's name, expected, got 'acme'",
    plugin.load, home, "other")
end

function checks.what_others_may_write_is_refused()
  local home = home_with()
  assert(os.execute("chmod go+w " .. home.dir .. "/plugins/acme/mapping.lua"))
  refused(home.dir .. "/plugins/acme/mapping.lua", plugin.load, home, "acme")
  home = home_with()
  assert(os.execute("chmod go+w " .. home.dir .. "/plugins/acme"))
  refused(home.dir .. "/plugins/acme", plugin.load, home, "acme")
  home = home_with()
  assert(os.execute("chmod go+w " .. home.dir .. "/plugins"))
  refused(home.dir .. "/plugins", plugin.load, home, "acme")
  home.plugins_dirs[1].origin = "bundled"
  assert(plugin.load(home, "acme"))
end

function checks.the_digest_covers_names_and_bytes()
  local seen = {}
  for _, files in ipairs { {}, { ["mapping.lua"] = MAPPING .. " " }, { ["a.lua"] = "" }, { ["b.lua"] = "" },
      { ["lib/a.lua"] = "" }, { ["a.lua"] = "b" } } do
    local digest = plugin.load(home_with(files), "acme").digest
    assert(not seen[digest])
    seen[digest] = true
  end
  assert(seen[plugin.load(home_with { ["README.md"] = "x" }, "acme").digest])
end

function checks.a_plugins_own_files_can_be_required()
  local home = home_with {
    ["names.lua"] = "local n = require 'lib.more' return { first = n.first, shared = {} }",
    ["lib/more.lua"] = "return { first = ... }",
    ["mapping.lua"] = [[
      local names = require "names"
      if names ~= require "names" then error "twice" end
      return { user = function() return { id = names.first } end }]],
  }
  assert(plugin.load(home, "acme"):mapping().user().id == "lib.more")
end

function checks.require_reaches_nothing_else()
  for name, hint in pairs { ["os"] = "", ["../x"] = "", ["host.sys"] = "", ["plugin..mapping"] = "",
      ["/etc/x"] = "", ["fail"] = "", ["reeve.tim"] = "; did you mean 'reeve.time'?" } do
    local p = plugin.load(home_with { ["mapping.lua"] = "local x = 1\nrequire '" .. name .. "'" }, "acme")
    local message = "plugins/acme/mapping.lua:2: require: there is no file for '%s' in plugins/acme%s"
    refused(message:format(name, hint), p.mapping, p)
  end
  local p = plugin.load(home_with { ["mapping.lua"] = "require 'a'", ["a.lua"] = "require 'a'" }, "acme")
  refused("plugins/acme/a.lua:1: require: 'a' requires itself", p.mapping, p)
end

function checks.sandboxes_share_nothing()
  local p = plugin.load(home_with {
    ["connector.lua"] = "string.format = nil require 'reeve.text'.trim = nil\n" .. CONNECTOR,
    ["mapping.lua"] = "string.format('%d', 1) require 'reeve.text'.trim '' " .. MAPPING,
  }, "acme")
  p:check()
  assert(("%d"):format(1) == "1" and require("reeve.text").trim " a " == "a")
end

function checks.errors_have_file_and_line()
  local function loads(text, message)
    local p = plugin.load(home_with { ["mapping.lua"] = text }, "acme")
    refused(message, p.mapping, p)
  end
  loads("\nreturn {", "plugins/acme/mapping.lua:2: ")
  loads("\nlocal x = nil + 1", "plugins/acme/mapping.lua:2: attempt to perform arithmetic on a nil value")
  loads("\nos.execute 'true'", "plugins/acme/mapping.lua:2: global 'os' is not available")
  loads("\nx = 1", "plugins/acme/mapping.lua:2: global 'x' cannot be set: use local x")
  loads("\nwhile true do end", "plugins/acme/mapping.lua:2: more than 50000000 instructions")
  loads("error(setmetatable({}, { __tostring = function() error 'no' end }))", "an error that is a table")
  loads("return nil", "plugins/acme/mapping.lua: what it returns: a table of functions expected, got nothing")
  loads("return { user = 1 }", "plugins/acme/mapping.lua: user: a function expected, got 1")
  loads("return { User = function() end }",
    "plugins/acme/mapping.lua: names: a kind of a-z, 0-9 and _ expected, got 'User'")
  loads("return {}", "plugins/acme/mapping.lua: at least one function expected")
  loads(string.dump(load "return {}"), "plugins/acme/mapping.lua: ")
  refused("plugins/acme/mapping.lua: there is no such file", function()
    plugin.load(home_with { ["mapping.lua"] = false }, "acme"):mapping()
  end)
end

function checks.lists_are_checked()
  connector_refused("stable_cursor", "stabel_cursor",
    ": unknown key 'list.team.stabel_cursor' (did you mean 'stable_cursor'?)")
  connector_refused('per = "team"', 'per = "taem"', ": list.member.per: there is no list that emits 'taem'"
    .. " (did you mean 'team'?)")
  connector_refused('after = "user"', 'after = { "usr" }', ": list.team.after: there is no list 'usr'"
    .. " (did you mean 'user'?)")
  connector_refused('after = "user"', 'after = "team"', ": list.team.after: the list waits for itself")
  connector_refused('when = "keys"', 'when = "kys"', ": list.member.when: there is no setting 'kys'"
    .. " (did you mean 'keys'?)")
  local user = "user = function(ctx) end"
  connector_refused(user, "user = 1", ": list.user: a function, or a table with one expected, got 1")
  connector_refused(user, "user = {}", ": list.user[1]: a function expected, got nothing")
  connector_refused(user, "user = { full = 1 }", ": list.user.full: a function expected, got 1")
  connector_refused("local M = {}", "local M = { chek = 1 }", ": unknown key 'chek' (did you mean 'check'?)")
  connector_refused("local M = {}", "local M = { check = 1 }", ": check: a function expected, got 1")
  connector_refused("return M", "return { list = {} }", ": list: at least one list expected")
  connector_refused("return M", "return {}", ": 'list' is missing")
  connector_refused("return M", "", ": what it returns: a table with fields expected, got nothing")
end

function checks.each_kind_has_a_mapping()
  local text = "return { user = function() end, teams = function() end }"
  local p = plugin.load(home_with { ["mapping.lua"] = text }, "acme")
  refused("plugins/acme/mapping.lua: there is no function for 'member', which list 'member' emits",
    p.check, p)
end

function checks.a_simulator_is_loaded_where_there_is_one()
  local text = "return { options = { users = 1 }, routes = {} }"
  local p = plugin.load(home_with { ["simulator.lua"] = text }, "acme")
  assert(p:simulator().options.users == 1)
  p = plugin.load(home_with { ["simulator.lua"] = "return {}" }, "acme")
  refused("plugins/acme/simulator.lua: routes: a table of functions expected, got nothing", p.simulator, p)
end

local KINDS = { "user", "team" }

local function load_script(text, others)
  local home = home_with()
  write(home.dir, { ["scripts/acme.lua"] = text })
  for name, other in pairs(others or {}) do write(home.dir, { ["scripts/" .. name] = other }) end
  return script.load(home, "scripts/acme.lua", KINDS), home
end

function checks.a_script_is_loaded()
  local s, home = load_script "return { user = function(raw, record) record.name = 'x' return record end }"
  assert(s.map.user({}, {}).name == "x" and s.depends_on_day == false and s.shown == "scripts/acme.lua")
  assert(s.path == home.dir .. "/scripts/acme.lua")
  assert(load_script("return { depends_on_day = true, team = function() end }").depends_on_day == true)
end

function checks.a_scripts_mistakes_are_named()
  refused("scripts/acme.lua: 'usr' is no kind of this plugin (did you mean 'user'?)", load_script,
    "return { usr = function() end }")
  refused("scripts/acme.lua: user: a function expected, got 1", load_script, "return { user = 1 }")
  refused("scripts/acme.lua: depends_on_day: true or false expected, got 1", load_script,
    "return { depends_on_day = 1, user = function() end }")
  refused("scripts/acme.lua: at least one function expected", load_script, "return { depends_on_day = true }")
  refused("scripts/acme.lua: a key: a kind expected, got 1", load_script, "return { function() end }")
  refused("scripts/acme.lua: what it returns: a table of functions expected, got nothing", load_script, "")
  refused("scripts/acme.lua:2: global 'x' cannot be set", load_script, "\nx = 1")
  local home = home_with()
  refused("scripts/none.lua: there is no such file", script.load, home, "scripts/none.lua", KINDS)
  home.path = function(_, path) return path end
  refused("mapping: a file below the home expected, got '/etc/passwd'",
    script.load, home, "/etc/passwd", KINDS)
end

function checks.a_script_that_others_may_write_is_refused()
  local _, home = load_script "return { user = function() end }"
  assert(os.execute("chmod o+w " .. home.dir .. "/scripts/acme.lua"))
  refused(home.dir .. "/scripts/acme.lua", script.load, home, "scripts/acme.lua", KINDS)
  assert(os.execute("chmod 600 " .. home.dir .. "/scripts/acme.lua; chmod g+w " .. home.dir .. "/scripts"))
  refused(home.dir .. "/scripts", script.load, home, "scripts/acme.lua", KINDS)
end

function checks.a_scripts_digest_covers_what_it_requires()
  local text = "local more = require 'more' return { user = function() return more end }"
  local one = load_script(text, { ["more.lua"] = "return 1" })
  local two = load_script(text, { ["more.lua"] = "return 2" })
  assert(one.digest ~= two.digest and one.map.user() == 1)
  text = "return { user = function() local m = require 'more' return m end }"
  local late = load_script(text, { ["more.lua"] = "return 1" })
  local ok, e = vm.protect(late.map.user)
  assert(not ok)
  has(e, "scripts/acme.lua:1: require: there is no file for 'more'")
end

function checks.reeve_modules_work_in_a_sandbox()
  local env = require("plugin.loader").new("x", function() end).env
  local function gives(expected, text)
    local chunk = assert(vm.load(text, "@x/x.lua", env))
    local ok, got = vm.protect(chunk)
    if not ok or got ~= expected then
      error(("%s: %s expected, got %s"):format(text, expected, tostring(got)), 2)
    end
  end
  local function text(call) return "return require 'reeve.text'." .. call end
  gives("a b", text "trim '  a b\\n'")
  gives("a|b c||", "return table.concat(require 'reeve.text'.split(' a , b c,,'), '|')")
  gives(2, "return #require 'reeve.text'.split('a, b; c', ';')")
  gives("abc", text "lower 'ABC'")
  gives(true, text "starts('abc', 'ab')")
  gives(false, text "ends('abc', 'ab')")
  gives(true, text "ends('abc', '')")
  gives("ana.example", "return table.concat({ require 'reeve.text'.cut('ana@example', '@') }, '.')")
  gives("power_users_eu", text "slug 'Power users (EU)'")
  gives("n_2fa", text "slug '2FA'")
  gives(nil, text "slug '--'")
  gives(1646815220, "return require 'reeve.time'.parse '2022-03-09T08:40:20Z'")
  gives(nil, "return require 'reeve.time'.parse 'yesterday'")
  gives("2022-03-09T08:40:20Z", "return require 'reeve.time'.format(1646815220)")
  gives("2022-03-08", "return require 'reeve.time'.day '2022-03-09T01:40:20+02:00'")
  gives("1970-01-02", "return require 'reeve.time'.day(86400)")
  gives('{"a":[1,null]}', "local j = require 'reeve.json' return j.encode { a = { 1, j.null } }")
  gives(9007199254740993, "return require 'reeve.json'.decode '[9007199254740993]'[1]")
  gives(nil, "return (require 'reeve.json'.decode '[')")
  local ok, e = vm.protect(assert(vm.load("require 'reeve.time'.format()", "@x/x.lua", env)))
  assert(not ok)
  has(e, "x/x.lua:1: time.format(time): time: a time as text or in seconds expected, got nil")
end

return checks

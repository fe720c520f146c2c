-- `reeve lint`: one case for each rule, with the exact line; and nothing about what is right.
local reeve = require "reeve"

local PLUGIN = [[return {
  api = 1, name = "acme", version = "1.0.0", title = "Acme",
  settings = {
    { name = "url", kind = "url", required = true },
    { name = "token", kind = "secret", required = true },
    { name = "teams", kind = "boolean", default = true },
  },
  hosts = { "api.acme.test", "*.eu.acme.test" },
  resources = {
    user = { trait = "user" },
    team = { trait = "group", entitlements = { member = { title = "{name} member", grantable_to = { "user" } } } },
  },
}
]]
-- What a case changes stands in the lines marked HERE.
local CONNECTOR = [[local time = require "reeve.time"
local M = {}
function M.http(ctx)
  return { base_url = ctx.settings.url, auth = ctx.auth.header("Authorization", "Bearer " .. ctx.settings.token) }
end
M.list = {
  user = function(ctx, cursor)
    local res = ctx.http:get("/users", { query = { page = cursor, since = time.format(0) } })
    for user in res:each("users") do ctx.emit("user", user) end
    -- HERE
    return res.rest.next
  end,
  team = { function(ctx) ctx.emit("team", { id = 1 }) end, when = "teams" },
}
return M
]]
local MAPPING = [[local names = {}
local function status(raw) return raw.active and "enabled" or "disabled" end
-- HERE
return {
  user = function(raw, at)
    local record = { id = raw.id, name = at.settings.url, status = status(raw) }
    -- HERE
    return record
  end,
  team = function(raw) return { id = raw.id, name = names[raw.id] } end,
}
]]

-- A home with the plugin acme, in which `text` stands in a file's nth line marked HERE.
local function home_with(file, text, nth)
  local files = { ["plugin.lua"] = PLUGIN, ["connector.lua"] = CONNECTOR, ["mapping.lua"] = MAPPING }
  if file == "plugin.lua" then
    files[file] = text
  elseif file then
    local n = 0
    files[file] = files[file]:gsub("%-%- HERE", function()
      n = n + 1
      return n == (nth or 1) and text or nil
    end)
  end
  local home = reeve.home()
  reeve.plugin(home, "acme", files)
  return home
end

-- What lint says, without luacheck's part; its exit status.
local function lint(home, ...)
  local r = reeve.run({ "lint", ... }, { home = home, env = { ACME_TOKEN = "a-token-of-acme" } })
  local lines = {}
  for line in r.out:gmatch("[^\n]+") do
    if not line:find(": luacheck: ", 1, true) then lines[#lines + 1] = line end
  end
  return table.concat(lines, "\n"), r.code, r.err
end

describe("lint says nothing about", function()
  it("a plugin that is right", function()
    local out, code, err = lint(home_with(), "acme")
    assert.equal("", out)
    assert.equal(0, code)
    assert.matches("^acme: 0 errors, %d+ warnings? in 3 files", err)
  end)

  for name in reeve.shell("ls plugins scripts/*/*.lua"):gmatch("[^\n]+") do
    if reeve.read("plugins/" .. name .. "/plugin.lua") or name:find("%.lua$") then
      it(name, function()
        local out, code = lint(reeve.home(), name)
        assert.equal("", out)
        assert.equal(0, code)
      end)
    end
  end

  it("secrets that are only asked for", function()
    assert.equal("", (lint(home_with("connector.lua", 'ctx.log.info("x", { t = ctx.settings.token ~= nil }) '
      .. 'ctx.warn(ctx.settings.token and "with" or "without")'), "acme")))
  end)

  it("the Lua of the READMEs", function()
    for _, path in ipairs { "README.md", "scripts/README.md" } do
      for body in reeve.read(path):gmatch("\n```lua\n(.-)\n```") do
        local file = reeve.write(reeve.path("script.lua"), body)
        assert.equal("", (lint(reeve.home(), file)), path)
      end
    end
  end)

  it("the Lua of plugins/README.md: a plugin, and pieces of others", function()
    local parts = {}
    for body in reeve.read("plugins/README.md"):gmatch("\n```lua\n(.-)\n```") do parts[#parts + 1] = body end
    local files = { ["plugin.lua"] = parts[1], ["connector.lua"] = parts[2], ["mapping.lua"] = parts[3] }
    for i = 4, #parts do
      local reads_settings = parts[i]:find("settings", 1, true) -- that the plugin above has not
      if not reads_settings then files[("piece_%d.lua"):format(i)] = parts[i] end
    end
    local home = reeve.home()
    reeve.plugin(home, "acme", files)
    assert.equal("", (lint(home, "acme")))
  end)
end)

-- file, text (in the first HERE unless told), the line, the finding's beginning, its level
local CASES = {
  ["a name that ctx has not"] = { "connector.lua", "ctx.emti('user', {})", 10, "error",
    "ctx has no 'emti'. Did you mean 'emit'?" },
  ["a method that ctx.http has not"] = { "connector.lua", "ctx.http:gett('/x')", 10, "error",
    "ctx.http has no 'gett'. Did you mean 'get'?" },
  ["a method that a response has not"] = { "connector.lua", "res:eech()", 10, "error",
    "res has no 'eech'. Did you mean 'each'?" },
  ["a field that a response has not"] = { "connector.lua", "if res.statsu then end", 10, "error",
    "res has no 'statsu'. Did you mean 'status'?" },
  ["a name that a module has not"] = { "connector.lua", "time.prase('x')", 10, "error",
    "reeve.time has no 'prase'. Did you mean 'parse'?" },
  ["an option that a request has not"] = { "connector.lua", "ctx.http:get('/x', { qurey = {} })", 10, "error",
    "request has no 'qurey'. Did you mean 'query'?" },
  ["a dot for a colon"] = { "connector.lua", "ctx.http.get('/x')", 10, "error",
    "ctx.http.get is called with '.'. Write ctx.http:get." },
  ["a colon for a dot"] = { "connector.lua", "ctx:emit('user', {})", 10, "error",
    "ctx:emit is called with ':'. Write ctx.emit." },
  ["a global that is set"] = { "connector.lua", "count = 1", 10, "error",
    "'count' would be a global, and there are none. Write local count." },
  ["a global that is not there"] = { "connector.lua", "print(cursor)", 10, "error",
    "Global 'print' is not available. Use ctx.log.info." },
  ["a global that is misspelt"] = { "connector.lua", "tostrnig(cursor)", 10, "error",
    "Global 'tostrnig' is not defined. Did you mean 'tostring'?" },
  ["a library's function that is not there"] = { "connector.lua", "math.random()", 10, "error",
    "math.random is not there." },
  ["a setting that is not declared"] = { "connector.lua", "if ctx.settings.tokn then end", 10, "error",
    "The setting 'tokn' is read, and plugin.lua does not declare it. Did you mean 'token'?" },
  ["a host that is not declared"] = { "connector.lua", "ctx.http:get('https://other.acme.test/x')", 10, "error",
    "The host 'other.acme.test' is asked, and plugin.lua does not declare it. Add it to hosts." },
  ["a secret in the log"] = { "connector.lua", "ctx.log.info('with ' .. ctx.settings.token)", 10, "error",
    "A secret goes to ctx.log.info." },
  ["a secret in a field of the log"] = { "connector.lua", "ctx.log.info('x', { t = res:secret('t') })", 10, "error",
    "A secret goes to ctx.log.info." },
  ["a secret in a warning"] = { "connector.lua", "ctx.warn('x' .. ctx.settings.token)", 10, "error",
    "A secret goes to ctx.warn." },
  ["a secret in an error"] = { "connector.lua", "local t = ctx.settings.token error(t)", 10, "error",
    "A secret goes to error." },
  ["a secret in a path"] = { "connector.lua", "ctx.http:get('/x/' .. ctx.settings.token)", 10, "error",
    "A secret is given to ctx.http:get, which wants a text." },
  ["a secret in a query"] = { "connector.lua", "ctx.http:get('/x', { query = { t = ctx.settings.token } })", 10,
    "warning", "A secret goes into a query, which others write into their logs." },
  ["a field that at has not"] = { "mapping.lua", "record.email = at.parnet", 7, "error",
    "at has no 'parnet'. Did you mean 'parent'?", nth = 2 },
  ["a field that a record has not"] = { "mapping.lua", "if at.list then return { id = 1, emial = 'x' } end", 7, "error",
    "record has no 'emial'. Did you mean 'email'?", nth = 2 },
  ["a secret that a mapping reads"] = { "mapping.lua", "record.login = at.settings.token", 7, "error",
    "at.settings has no secrets, and 'token' is one.", nth = 2 },
  ["the clock in a mapping"] = { "mapping.lua", "record.name = os.date()", 7, "error",
    "Global 'os' is not available.", nth = 2 },
  ["a variable of the file that a mapping changes"] = { "mapping.lua", "status = nil", 7, "error",
    "A function changes 'status', a variable of the file, and so depends on more than its object.", nth = 2 },
  ["a table of the file that a mapping changes"] = { "mapping.lua", "names[raw.id] = raw.name", 7, "error",
    "A function changes 'names', a table of the file, and so depends on more than its object.", nth = 2 },
  ["a list of the file that a mapping adds to"] = { "mapping.lua", "table.insert(names, raw.name)", 7, "error",
    "A function changes 'names', a table of the file", nth = 2 },
  ["a slug that nobody declares"] = { "mapping.lua",
    "record.grants = { { on = { type = 'team', id = 1 }, slug = 'membr' } }", 7, "error",
    "'membr' of team is granted, and no such entitlement is declared. Did you mean 'member'?", nth = 2 },
  ["a grant on a type that is not declared"] = { "mapping.lua",
    "record.grants = { { on = { type = 'taem', id = 1 }, slug = 'member' } }", 7, "error",
    "A grant is on the type 'taem', which plugin.lua does not declare. Did you mean 'team'?", nth = 2 },
  ["what is no Lua"] = { "mapping.lua", "local x = = 1", 7, "error", "", nth = 2 },
}

describe("lint tells", function()
  for what, case in pairs(CASES) do
    it(what, function()
      local file, text, line, level, message = table.unpack(case)
      local out, code = lint(home_with(file, text, case.nth), "acme")
      local wanted = ("plugins/acme/%s:%d: %s: %s"):format(file, line, level, message)
      assert.equal(wanted, out:sub(1, #wanted))
      if message ~= "" then assert.is_nil(out:find("\n", 1, true)) end
      assert.equal(level == "error" and 3 or 0, code)
    end)
  end

  it("a file that does not load, once, and takes no setting for unread", function()
    local home = home_with()
    reeve.plugin(home, "acme", { ["connector.lua"] = "return {\n" })
    assert.equal("plugins/acme/connector.lua:2: error: Unexpected symbol near <eof>.",
      (lint(home, "acme")))
  end)

  it("a manifest that does not hold", function()
    local out, code = lint(home_with("plugin.lua", (PLUGIN:gsub('"group"', '"gruop"'))), "acme")
    assert.equal(3, code)
    assert.matches("^plugins/acme/plugin.lua:1: error: resources.team.trait: one of user, group, role, app, secret "
      .. "expected, got 'gruop'. Did you mean 'group'%?$", out)
  end)

  it("a setting that nothing reads", function()
    local text = PLUGIN:gsub("settings = {\n", "%0    { name = 'region' },\n")
    local out, code = lint(home_with("plugin.lua", text), "acme")
    assert.equal("plugins/acme/plugin.lua:4: warning: The setting 'region' is declared, and nothing reads it. "
      .. "Read it, or leave it out.", out)
    assert.equal(0, code)
    assert.equal(3, (select(2, lint(home_with("plugin.lua", text), "acme", "--strict"))))
  end)

  it("no setting as unread where settings are read by names that cannot be seen", function()
    local home = home_with("connector.lua", "local s = ctx.settings for k in pairs(s) do ctx.log.info(k) end")
    reeve.plugin(home, "acme", { ["plugin.lua"] = (PLUGIN:gsub("settings = {\n", "%0    { name = 'region' },\n")) })
    assert.equal("", (lint(home, "acme")))
  end)

  it("a kind that no mapping has, and a mapping that no list feeds", function()
    local home = home_with()
    reeve.plugin(home, "acme", { ["mapping.lua"] = (MAPPING:gsub("  team =", "  taem =")) })
    assert.equal("plugins/acme/connector.lua:13: error: List 'team' emits 'team', and mapping.lua has no function for "
      .. "it. Did you mean 'taem'?\nplugins/acme/mapping.lua:10: warning: No list emits 'taem': this function is never "
      .. "called. Add it to a list's emits, or leave it out.", (lint(home, "acme")))
  end)

  it("where luacheck is not installed that it was not asked", function()
    local r = reeve.run { "lint", "acme", home = home_with(), env = { PATH = reeve.folder() } }
    assert.matches("luacheck is not installed: not asked", r.err)
    assert.equal("", r.out)
  end)

  it("what luacheck finds, where it is installed", function()
    if select(2, reeve.shell "command -v luacheck") ~= 0 then return pending("luacheck is not installed") end
    local r = reeve.run { "lint", "acme", home = home_with("connector.lua", "local unused = 1") }
    assert.matches("plugins/acme/connector.lua:10: warning: luacheck: unused variable 'unused' %(W211%)%.\n", r.out)
    assert.equal(0, r.code)
  end)

  it("findings as JSON", function()
    local r = reeve.run { "lint", "acme", "-o", "json", home = home_with("connector.lua", "ctx.emti()") }
    assert.same({ file = "plugins/acme/connector.lua", line = 10, level = "error", message = "ctx has no 'emti'.",
      next = "Did you mean 'emit'?" }, reeve.json(r.out)[1])
  end)

  it("that there is nothing of this name", function()
    local r = reeve.run { "lint", "acmee", home = home_with() }
    assert.equal(2, r.code)
    assert.matches("did you mean 'acme'", r.err)
  end)
end)

describe("lint of a plugin with tests", function()
  it("runs its mapping over what the tests give", function()
    local home = home_with("mapping.lua", "record.email = raw.emial", 2)
    local simulator = [[return { routes = { ["GET /users"] = function(sim)
      return 200, { users = sim.json.array { { id = 1, email = "a@acme.test", active = true } } }
    end } }]]
    reeve.plugin(home, "acme", { ["simulator.lua"] = simulator, ["test/scenarios.lua"] = [[return {
      settings = { url = "https://api.acme.test", token = "fake-token-1" }, scenarios = { small = {} } }]] })
    assert.equal("plugins/acme/mapping.lua:7: warning: raw.emial is read, and none of the 1 'user' objects of the "
      .. "tests has it. Did you mean 'email'?", (lint(home, "acme")))
  end)
end)

describe("lint of a connector", function()
  local CLIENT = [[return { list = {
    user = function(ctx)
      for i = 1, 3 do ctx.emit("user", { id = i, name = "User " .. i, active = true, home = { city = "Bonn" } }) end
    end,
    team = function(ctx) ctx.emit("team", { id = 1 }) end,
  } }]]

  local function synced(mapping, script)
    local home = home_with()
    reeve.plugin(home, "acme", { ["connector.lua"] = CLIENT, ["mapping.lua"] = mapping })
    if script then reeve.write(home .. "/scripts/main.lua", script) end
    reeve.connector(home, "main", { plugin = "acme", mapping = script and "scripts/main.lua",
      settings = { url = "https://acme.test", token = "env:ACME_TOKEN" } })
    reeve.run { "sync", "main", home = home, env = { ACME_TOKEN = "a-token-of-acme" } }
    return home
  end

  local function findings(home)
    return (lint(home, "main"):gsub("plugins/acme/plugin.lua:%d+: warning: The setting [^\n]*\n?", ""):gsub("\n$", ""))
  end

  local TEAM = "\n  team = function(raw) return { id = raw.id } end,\n}\n"

  it("says nothing about one that is right", function()
    assert.equal("", findings(synced("return {\n  user = function(raw) return { id = raw.id, "
      .. "profile = { city = raw.home.city } } end," .. TEAM,
      "return { user = function(raw, record) record.name = raw.name return record end }")))
  end)

  it("tells members that no object had", function()
    assert.equal("plugins/acme/mapping.lua:3: warning: raw.emial is read, and none of the 3 'user' objects of the last "
      .. "run has it. Leave it where the target gives it at times.\nplugins/acme/mapping.lua:3: warning: raw.home.cty "
      .. "is read, and none of the 3 'user' objects of the last run has it. Did you mean 'city'?",
      findings(synced("return {\n  user = function(raw)\n    return { id = raw.id, email = raw.emial, "
        .. "login = raw.home.cty }\n  end," .. TEAM)))
  end)

  it("tells a mapping whose results depend on the order of the objects", function()
    local mapping = "local seen = setmetatable({}, { __index = function(t, k) rawequal(t, k) return 0 end })\n"
      .. "local function note(t, v) t.n = (t.n or 0) + v return t.n end\nreturn {\n"
      .. "  user = function(raw) return { id = raw.id, name = 'n' .. note(seen, 1) } end," .. TEAM
    assert.equal("plugins/acme/mapping.lua:4: error: 'user' gives another record for the same object where the objects "
      .. "come in another order. A mapping depends on raw and at alone: look for what it keeps between two calls.",
      findings(synced(mapping)))
  end)

  it("tells a mapping that raises, once a kind, and what", function()
    local home = synced("return {\n  user = function(raw) return { id = raw.id } end," .. TEAM,
      "return { user = function(_, record) return record end }")
    reeve.write(home .. "/scripts/main.lua",
      "local time = require 'reeve.time'\nreturn { user = function(raw) local t = time.parse(raw.name, '%Q') end }")
    assert.equal("scripts/main.lua:2: error: 'user' raises for 3 of 3 objects of the last run: time.parse(text, "
      .. "format, zone): format: %Y %m %d %H %M %S %b %p %z are known, got %Q. They would be set aside.",
      findings(home))
  end)

  it("looks at its operator's mapping", function()
    assert.equal("scripts/main.lua:1: error: record has no 'emial'. Did you mean 'email'?",
      findings(synced("return {\n  user = function(raw) return { id = raw.id } end," .. TEAM,
        "return { user = function(raw, record) record.emial = raw.name return record end }")))
  end)

  it("holds its settings against the manifest", function()
    local home = home_with()
    reeve.connector(home, "main", { plugin = "acme", settings = { ulr = "https://acme.test" } })
    local out, code = lint(home, "main")
    assert.equal(3, code)
    assert.matches("^connectors/main.json:1: error: Unknown setting 'settings.ulr'.* Did you mean 'url'%?", out)
  end)
end)

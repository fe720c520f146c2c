-- What is written for people, held against the program: every flag and command of the help is in the
-- manual and the reverse, every fenced Lua block compiles, links lead somewhere.
local reeve = require "reeve"

local NAME = "%l[%l%d-]*" -- of a command

local function commands()
  local list = {}
  for line in reeve.ok { "help" }:gmatch("[^\n]+") do
    local name = line:match("^  (" .. NAME .. ")%s%s+%S")
    if name and name ~= "reeve" then list[#list + 1] = name end
  end
  return list
end

-- The long flags that a command's help lists.
local function flags_of(command)
  local found = {}
  for flag in reeve.ok({ "help", command }):gmatch("\n%s+%-?%l?,?%s*%-%-([%l-]+)") do found[flag] = true end
  return found
end

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

describe("the help", function()
  it("has no line that is wider than a terminal's 80 columns", function()
    local wide, pages = {}, commands()
    pages[#pages + 1] = "--help"
    for _, command in ipairs(pages) do
      for line in reeve.ok({ command, "--help" }):gmatch("[^\n]+") do
        if utf8.len(line) > 80 then wide[#wide + 1] = command .. ": " .. line end
      end
    end
    assert.same({}, wide)
  end)
end)

describe("the manual", function()
  local manual = reeve.read("engine/reeve.1")

  it("has every command of the help, and no other", function()
    local there, wanted = {}, {}
    for name in manual:gmatch("\n%.It Cm (" .. NAME .. ")") do there[name] = true end
    for _, name in ipairs(commands()) do wanted[name] = true end
    assert.same(sorted(wanted), sorted(there))
  end)

  it("has every flag of the help, and no other", function()
    local there, wanted = {}, {}
    for flag in manual:gmatch("Fl %-([%l-]+)") do there[flag] = true end
    for _, command in ipairs(commands()) do
      for flag in pairs(flags_of(command)) do wanted[flag] = true end
    end
    assert.same(sorted(wanted), sorted(there))
  end)

  it("names a command's flags where the command is", function()
    local missing = {}
    for _, command in ipairs(commands()) do
      local entry = ""
      for part in manual:gsub("\n%.It ", "\0"):gmatch("%z([^%z]*)") do
        if part:find("^Cm " .. command:gsub("%-", "%%-") .. "%f[^%w-]") then entry = entry .. part end
      end
      for flag in pairs(flags_of(command)) do
        local short = ({ output = "Fl o ", file = "Fl f " })[flag]
        local global = manual:find("\n%.It Fl %l , Fl %-" .. flag:gsub("%-", "%%-") .. "\n")
          or manual:find("\n%.It Fl %-" .. flag:gsub("%-", "%%-"))
        local here = entry:find("Fl -" .. flag, 1, true) or short and entry:find(short, 1, true)
        if not here and not global then missing[#missing + 1] = command .. " --" .. flag end
      end
    end
    assert.same({}, missing)
  end)

  it("has every key of the configuration with its default, and no other", function()
    local text = manual:match("\n%.Sh CONFIGURATION\n(.-)\n%.Sh ")
    local there = {}
    for key, default in (text .. "\n"):gmatch("%.It Li (%S+)\n([^\n]*)") do
      there[#there + 1] = key .. " " .. (default:match("^%.Pq (.*)$") or "")
    end
    local wanted = reeve.engine [[
      for _, key in ipairs(require("config.config").keys) do
        print(key.name .. " " .. (key.default == nil and "" or tostring(key.default)))
      end]]
    assert.equal(wanted, table.concat(there, "\n") .. "\n")
  end)

  it("names the exit statuses that the program has", function()
    local source = reeve.read("engine/host/base/err.c")
    for status in source:gmatch('%[ERR_[%u_]+%] = {"[%l_]+", (%d+)}') do
      assert.truthy(manual:find("\n.It " .. status .. "\n", 1, true), status)
    end
  end)

  it("is well formed", function()
    local out, code = reeve.shell("mandoc -Tlint -Wstyle engine/reeve.1 2>&1")
    if code == 127 then return pending("mandoc is not installed") end
    assert.equal("", out)
  end)
end)

local function blocks(path, language)
  local list = {}
  for head, body in ("\n" .. reeve.read(path)):gmatch("\n```([%w ]*)\n(.-)\n```") do
    if head == language then list[#list + 1] = body end
  end
  return list
end

describe("the pages", function()
  local pages = {}
  for path in reeve.shell("git ls-files -co --exclude-standard '*.md'"):gmatch("[^\n]+") do
    if reeve.read(path) then pages[#pages + 1] = path end
  end

  it("have Lua that runs", function()
    local found = {}
    for _, path in ipairs(pages) do
      for n, body in ipairs(blocks(path, "lua")) do
        local chunk, why = load(body, ("=%s, block %d"):format(path, n), "t", setmetatable({}, { __index = _G }))
        local ok, message = pcall(chunk or error, not chunk and why or nil)
        if not ok then found[#found + 1] = tostring(message) end
      end
    end
    assert.same({}, found)
  end)

  it("have JSON that is JSON", function()
    for _, path in ipairs(pages) do
      for _, body in ipairs(blocks(path, "json")) do
        assert.has_no.errors(function() reeve.json(body) end, path)
      end
    end
  end)

  it("link to what is there", function()
    local found = {}
    for _, path in ipairs(pages) do
      local dir = path:match("^(.*/)") or ""
      for target in reeve.read(path):gmatch("%]%(([^)#]+)[^)]*%)") do
        if not target:find("^%a+:") and not reeve.shell("ls -d " .. reeve.quote(dir .. target)):find("%S") then
          found[#found + 1] = path .. ": " .. target
        end
      end
    end
    assert.same({}, found)
  end)

  it("name commands and flags that exist", function()
    local known, found = {}, {}
    for _, name in ipairs(commands()) do known[name] = flags_of(name) end
    for _, path in ipairs(pages) do
      for line in reeve.read(path):gmatch("[^\n]+") do
        local command = line:match("^%$?%s*reeve (" .. NAME .. ")")
        if command and not known[command] then found[#found + 1] = path .. ": " .. line end
        for flag in (known[command] and line:match("^[^#|>]*") or ""):gmatch("%s%-%-([%l-]+)") do
          if not known[command][flag] then found[#found + 1] = path .. ": " .. line end
        end
      end
    end
    assert.same({}, found)
  end)

  it("keep the first one short", function()
    local _, lines = reeve.read("README.md"):gsub("\n", "\n")
    assert.is_true(lines <= 200)
  end)
end)

-- The first block of Lua under a heading.
local function under(path, heading)
  local _, at = reeve.read(path):find("\n## " .. heading .. "\n", 1, true)
  return reeve.read(path):match("\n```lua\n(.-)\n```", at)
end

describe("the plugin whose parts plugins/README.md shows", function()
  local home, sim
  setup(function()
    local page = "plugins/README.md"
    home = reeve.home()
    reeve.plugin(home, "acme", { ["plugin.lua"] = under(page, "plugin.lua"),
      ["connector.lua"] = under(page, "connector.lua"), ["mapping.lua"] = under(page, "mapping.lua"),
      ["simulator.lua"] = [[
local function authorized(sim, req) return req.headers.authorization == "Bearer s3cret-token" and 200 or 401 end
return {
  options = { users = 5 },
  routes = {
    ["GET /me"] = function(sim, req) return authorized(sim, req), { name = "robot" } end,
    ["GET /users"] = function(sim, req)
      local list, from = {}, tonumber(req.query.page or 1)
      for i = from, math.min(sim.options.users, from + 1) do
        list[#list + 1] = { id = i, name = "User " .. i, email = i .. "@example.com", active = i ~= 2, title = "Smith" }
      end
      local more = from + 2 <= sim.options.users and tostring(from + 2) or nil
      return authorized(sim, req), { users = sim.json.array(list), next = more }
    end,
    ["GET /teams"] = function(sim, req)
      return authorized(sim, req), { teams = sim.json.array { { id = "a", name = "A" }, { id = "b", name = "B" } } }
    end,
    ["GET /teams/{id}/members"] = function(sim, req)
      return authorized(sim, req), sim.json.array { { id = req.params.id == "a" and 1 or 2 }, { id = 5 } }
    end,
  },
}
]] })
    sim = reeve.sim { plugin = "acme", home = home }
  end)
  teardown(function() sim:stop() end)

  it("connects and syncs", function()
    local _, err = reeve.ok { "add", "acme", "main", "url=" .. sim.url, "token=-", home = home,
      stdin = "s3cret-token\n" }
    assert.matches("connected as robot", err)
    reeve.ok { "sync", "main", home = home }
    local users = reeve.json((reeve.ok { "list", "main", "user", "-o", "json", home = home }))
    table.sort(users, function(a, b) return a.id < b.id end)
    assert.equal(5, #users)
    assert.same({ type = "user", id = "2", name = "User 2", email = "2@example.com", status = "disabled",
      profile = { title = "Smith" } }, users[2])
    local grants = {}
    for _, g in ipairs(reeve.json((reeve.ok { "list", "main", "grants", "-o", "json", home = home }))) do
      grants[#grants + 1] = g.entitlement.id .. " " .. g.entitlement.slug .. " " .. g.principal.id
    end
    table.sort(grants)
    assert.same({ "a member 1", "a member 5", "b member 2", "b member 5" }, grants)
  end)
end)

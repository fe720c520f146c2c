-- Plugins as the commands show them: which there are, where from, and what is wrong with one.
local reeve = require "reeve"

local GOOD = [[return { api = 1, name = "%s", version = "2.1.0", title = "Acme", summary = "Users of Acme",
  settings = { { name = "client_id", required = true } },
  resources = { user = { trait = "user" }, role = {} } }]]

local function home_with(name, text)
  local home = reeve.home()
  reeve.plugin(home, name, { ["plugin.lua"] = text or GOOD:format(name), ["connector.lua"] = "",
    ["mapping.lua"] = "" })
  return home
end

local function listed(home, name)
  for _, row in ipairs(reeve.json(reeve.ok { "plugins", "-o", "json", home = home })) do
    if row.name == name then return row end
  end
end

-- Adds a connector to a plugin with this plugin.lua; what that says, with exit 3.
local function refused(text)
  local r = reeve.run { "add", "acme", "main", "--no-check", home = home_with("acme", text) }
  assert.equal(3, r.code)
  return r.err
end

describe("plugins", function()
  it("are listed with their origin", function()
    local row = listed(home_with "acme", "acme")
    assert.equal("home", row.origin)
    assert.equal("2.1.0", row.version)
    assert.same({ "role", "user" }, row.resources)
    assert.is_nil(row.shadows)
  end)

  it("of the home go before bundled ones, and are said to shadow them", function()
    assert.equal("bundled", listed(reeve.home(), "torq").origin)
    local home = home_with "torq"
    local row = listed(home, "torq")
    assert.equal("home", row.origin)
    assert.is_true(row.shadows)
    assert.match("shadows", reeve.ok { "plugins", home = home })
  end)

  it("that cannot be loaded are listed with their problem", function()
    local row = listed(home_with("acme", "return { api = 2 }"), "acme")
    assert.match("plugins/acme/plugin.lua: written for plugin api 2, and this program has api 1",
      row.problem, 1, true)
  end)

  it("that others may write are refused", function()
    local home = home_with "acme"
    assert(os.execute("chmod go+w " .. reeve.quote(home .. "/plugins/acme/mapping.lua")))
    local r = reeve.run { "add", "acme", "main", "--no-check", home = home }
    assert.equal(3, r.code)
    assert.match(home .. "/plugins/acme/mapping.lua", r.err, 1, true)
  end)

  it("have a near name suggested where there is none of a name", function()
    local r = reeve.run { "add", "acne", "main", "--no-check", home = home_with "acme" }
    assert.is_true(r.code == 2 or r.code == 3)
    assert.match("did you mean 'acme'?", r.err, 1, true)
  end)
end)

describe("a plugin.lua", function()
  it("can run nothing", function()
    local mark = reeve.path("mark")
    assert.match("plugins/acme/plugin.lua:1: 'os' is not available: this file is data only",
      refused("os.execute('touch " .. mark .. "') " .. GOOD:format "acme"), 1, true)
    assert.is_nil(reeve.read(mark))
  end)

  it("that does not end is ended", function()
    assert.match("plugins/acme/plugin.lua:2: more than 200000 instructions",
      refused "\nwhile true do end", 1, true)
  end)

  it("that asks for 2 GB is ended", function()
    assert.match("plugins/acme/plugin.lua:1: more than 64 MiB of memory are needed",
      refused "return { name = ('x'):rep((1 << 31) - 1) }", 1, true)
  end)

  it("in bytecode is refused", function()
    local code = string.dump(load(GOOD:format "acme"))
    assert.match("plugins/acme/plugin.lua: ", refused(code), 1, true)
  end)

  it("has its mistakes named by field", function()
    local said = refused((GOOD:format("acme"):gsub('"user"', '"usr"')))
    assert.match("plugins/acme/plugin.lua: resources.user.trait: one of user, group, role, app, secret expected, "
      .. "got 'usr'\n", said, 1, true)
    assert.match("did you mean 'user'?", said, 1, true)
    said = refused((GOOD:format("acme"):gsub("settings", "settigns")))
    assert.match("plugins/acme/plugin.lua: unknown key 'settigns'\n", said, 1, true)
    assert.match("did you mean 'settings'?", said, 1, true)
  end)
end)

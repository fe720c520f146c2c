-- `reeve lint` and the kit: what `reeve new` writes is clean; kinds, what ctx has where, and the written plugin's own
-- scenario; texts that nobody meant well.
local reeve = require "reeve"

-- Findings without luacheck's, the exit status, stderr.
local function lint(home, name)
  local r = reeve.run({ "lint", name }, { home = home })
  local lines = {}
  for line in r.out:gmatch("[^\n]+") do
    if not line:find(": luacheck: ", 1, true) then lines[#lines + 1] = line end
  end
  return table.concat(lines, "\n"), r.code, r.err
end

-- A plugin by `reeve new`, in whose file a text takes another's place; all places must be there.
local function changed(file, old, new)
  local home = reeve.home()
  reeve.ok { "new", "acme", home = home }
  if file then
    local path = home .. "/plugins/acme/" .. file
    local text = reeve.read(path)
    local from, to = text:find(old, 1, true)
    assert.truthy(from, old)
    reeve.write(path, text:sub(1, from - 1) .. new .. text:sub(to + 1))
  end
  return home
end

-- The line of the first place of a text in a file of the plugin.
local function line_of(home, file, text)
  local all = reeve.read(home .. "/plugins/acme/" .. file)
  local before = all:sub(1, all:find(text, 1, true) - 1)
  return select(2, before:gsub("\n", "")) + 1
end

describe("lint says nothing about", function()
  it("the plugin that `reeve new` writes, luacheck's part included", function()
    local r = reeve.run { "lint", "acme", "--strict", home = changed() }
    assert.equal("", r.out)
    assert.equal(0, r.code)
  end)

  it("the mapping that `reeve new mapping` writes", function()
    local home = changed()
    reeve.connector(home, "main", { plugin = "acme",
      settings = { url = "https://acme.test", client_id = "x", client_secret = "env:ACME" } })
    reeve.ok { "new", "mapping", "main", home = home }
    assert.equal("", (lint(home, home .. "/scripts/main.lua")))
  end)
end)

describe("lint tells", function()
  it("a kind in ctx.emit that no list emits", function()
    local home = changed("connector.lua", "return M\n", "function M.list.x(ctx) ctx.emit('uesr', {}) end\nreturn M\n")
    local wanted = "plugins/acme/connector.lua:%d: error: 'uesr' is emitted, and no list says so. Did you mean 'user'?"
    local out = lint(home, "acme")
    assert.truthy(out:find(wanted:format(line_of(home, "connector.lua", "uesr")), 1, true), out)
  end)

  it("a kind in an option of paginate that no list emits", function()
    local home = changed("connector.lua", 'emit = "group"', 'emit = "gruop"')
    local out, code = lint(home, "acme")
    assert.equal(("plugins/acme/connector.lua:%d: error: 'gruop' is emitted, and no list says so. "
      .. "Did you mean 'group'?"):format(line_of(home, "connector.lua", "gruop")), out)
    assert.equal(3, code)
  end)

  it("what ctx has in lists alone, asked for in M.check", function()
    local home = changed("connector.lua", "  return { account", "  ctx.incomplete('x')\n  return { account")
    assert.equal(("plugins/acme/connector.lua:%d: error: ctx.incomplete is not there in M.check. It is there in: list.")
      :format(line_of(home, "connector.lua", "ctx.incomplete")), (lint(home, "acme")))
  end)

  it("what ctx has not in M.http", function()
    local home = changed("connector.lua", "  local s = ctx.settings", "  local s = ctx.settings ctx.http:get('/')")
    assert.equal(("plugins/acme/connector.lua:%d: error: ctx.http is not there in M.http. It is there in: list, check.")
      :format(line_of(home, "connector.lua", "ctx.http:get('/')")), (lint(home, "acme")))
  end)

  it("a mapping that counts, by the objects of the plugin's own scenario", function()
    local home = changed("mapping.lua", "return {\n", "local function next_of(t) t.n = (t.n or 0) + 1 "
      .. "return t.n end\nlocal state = {}\nreturn {\n")
    local path = home .. "/plugins/acme/mapping.lua"
    reeve.write(path, (reeve.read(path):gsub("name = raw.full_name", "name = 'User ' .. next_of(state)")))
    local out, code = lint(home, "acme")
    assert.equal(("plugins/acme/mapping.lua:%d: error: 'user' gives another record for the same object "
      .. "where the objects come in another order. A mapping depends on raw and at alone: look for what it keeps "
      .. "between two calls.")
      :format(line_of(home, "mapping.lua", "user = function")), out)
    assert.equal(3, code)
  end)

  it("nothing on disk", function()
    local home, temporary = changed(), reeve.folder("tmp")
    reeve.ok { "lint", "acme", home = home, env = { TMPDIR = temporary } }
    assert.equal("", (reeve.shell("ls -A " .. reeve.quote(temporary))))
    assert.is_nil(reeve.read(home .. "/key"))
    assert.equal("plugins\n", (reeve.shell("cd " .. reeve.quote(home) .. " && ls state plugins -d 2>/dev/null")))
  end)
end)

describe("lint ends with words on", function()
  local texts = {
    { "parentheses without end", "return " .. ("("):rep(100000) },
    { "tables without end", "return " .. ("{"):rep(100000) },
    { "a string without end", "return 'abc" },
    { "a string of half a mebibyte without end", "return '" .. ("x"):rep(1 << 19) },
    { "a comment without end", "--[==[" .. ("\n"):rep(1000) },
    { "a name of half a mebibyte", ("a"):rep(1 << 19) },
    { "bytes that are no text", "\0\xff\xfe" .. ("\x80"):rep(1000) },
    { "negations without end", "return " .. ("not "):rep(100000) .. "1" },
    { "a sum of many parts", "return { user = function(_, r) r.profile = 1" .. (" + 1"):rep(50000) .. " end }" },
    { "an index of many parts", "local a = {} return { user = function() return a" .. (".b"):rep(50000) .. " end }" },
  }
  for i, case in ipairs(texts) do
    it(case[1], function()
      local path = reeve.write(reeve.path("text.lua"), case[2])
      local out, code, err = lint(reeve.home(), path)
      assert.is_nil(err:find("internal error", 1, true), err)
      assert.matches("^[^\n]+:%d+: %l+: [^\n]+$", out)
      assert.equal(path, out:match("^[^:]+"))
      assert.is_true(#out < 1000)
      if i <= 8 then assert.equal(3, code) end -- the others are Lua, and are told of as not looked at
    end)
  end

  it("a line of half a mebibyte that is right", function()
    local path = reeve.write(reeve.path("text.lua"), "return { user = function(_, record) record.profile = { '"
      .. ("x"):rep(1 << 19) .. "' } return record end }")
    local out, code = lint(reeve.home(), path)
    assert.equal("", out)
    assert.equal(0, code)
  end)
end)

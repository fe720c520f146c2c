-- "A connector in an afternoon" in plugins/README.md, as a stranger follows it: every command in its blocks runs, in
-- order, in a new home, and every change of a file is made. The port is another, and HOME is that home.
local reeve = require "reeve"

local page = reeve.read "plugins/README.md"
local tutorial = page:match("\n## A connector in an afternoon\n(.-)\n## ")

-- { { language, body }, … } in the order of the page.
local function steps()
  local list = {}
  for language, body in tutorial:gmatch("\n```(%l*)\n(.-)\n```") do list[#list + 1] = { language, body } end
  return list
end

-- A change as the page shows it: "--- FILE", then lines that stay, go (-) and come (+); it fits in one place.
local function change(folder, body)
  local file, lines = body:match("^%-%-%- (%S+)\n(.*)$")
  local old, new = {}, {}
  for mark, line in lines:gmatch("([ +-])([^\n]*)\n?") do
    if mark ~= "+" then old[#old + 1] = line end
    if mark ~= "-" then new[#new + 1] = line end
  end
  local text, before = reeve.read(folder .. "/" .. file), table.concat(old, "\n") .. "\n"
  local from, to = text:find(before, 1, true)
  assert.truthy(from, file .. " has no\n" .. before)
  assert.falsy(text:find(before, to, true), file .. " has it twice")
  reeve.write(folder .. "/" .. file, text:sub(1, from - 1) .. table.concat(new, "\n") .. "\n" .. text:sub(to + 1))
end

describe("a connector in an afternoon", function()
  local folder = reeve.folder()
  local home, sim, port, said = folder .. "/home", nil, "0", {}
  teardown(function()
    if sim then sim:stop() end
  end)

  -- As a shell does it. The stand-in gets a free port, once; started again, the former one is ended.
  local function command(line)
    line = line:gsub("8080", port):gsub("HOME/", home .. "/")
    if line:find("^reeve sim ") then
      assert.equal("reeve sim acme --port " .. port, line)
      if sim then sim:stop() end
      sim = reeve.sim { plugin = "acme", home = home, port = port }
      port = sim.port
      return
    end
    local shell = ("reeve() { %s \"$@\"; }; %s"):format(reeve.quote(reeve.bin), line)
    local r = reeve.run { program = "/bin/sh", "-c", shell, home = home, cwd = folder }
    assert.equal(0, r.code, line .. "\n" .. r.out .. r.err)
    local name = line:match("reeve (%l+)")
    if name then said[name] = r.out .. r.err end
  end

  it("goes from reeve new to a tested connector", function()
    for _, step in ipairs(steps()) do
      local language, body = step[1], step[2]
      if language == "diff" then
        change(home .. "/plugins/acme", body)
      else
        assert.equal("", language)
        for line in body:gmatch("[^\n]+") do command(line) end
      end
    end
    for _, name in ipairs { "new", "add", "sync", "diff", "lint", "test", "record" } do
      assert.truthy(said[name], name)
    end
    assert.matches("connected as Directory reader", said.add)
    assert.matches("0 errors, 0 warnings", said.lint)
    assert.matches("2 scenarios passed", said.test)
  end)

  it("has made what it says: owners beside members, and a test that knows them", function()
    local slugs = {}
    for _, grant in ipairs(reeve.json((reeve.ok { "list", "acme", "grants", "-o", "json", home = home }))) do
      slugs[grant.entitlement.slug] = (slugs[grant.entitlement.slug] or 0) + 1
    end
    assert.same({ owner = 5, member = 5 * 124 }, slugs)
    for _, name in ipairs { "small", "real" } do
      local expected = reeve.read(("%s/plugins/acme/test/%s.expected.jsonl"):format(home, name))
      assert.matches('"slug":"owner"', expected, name)
    end
  end)
end)

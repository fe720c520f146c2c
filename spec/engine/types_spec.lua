-- `reeve types`: stubs for editors and the reference, held against the table that registers what they name.
local reeve = require "reeve"

-- Every entry of the contract: { group, class, call, name, given, need, params }; params: their names.
local function entries()
  local list = {}
  for line in reeve.engine([[
    local contract = require "contract.contract"
    for _, g in ipairs(contract.groups()) do
      for _, e in ipairs(g.name == "globals" and {} or g.entries) do
        local names = {}
        for i, p in ipairs(e.params or {}) do names[i] = p.name end
        print(g.name, g.class, g.call, e.name, g.given and "given" or "-", e.need and "need" or "-",
          e.params and table.concat(names, ", ") or "-")
      end
    end]]):gmatch("[^\n]+") do
    local group, class, call, name, given, need, params =
      line:match("^(%S+)\t(%S+)\t(%S+)\t(%S+)\t(%S+)\t(%S+)\t(.*)$")
    list[#list + 1] = { group = group, class = class, call = call, name = name, given = given == "given",
      need = need == "need", params = params ~= "-" and params }
  end
  return list
end

describe("types", function()
  local stubs = reeve.ok { "types" }

  it("writes stubs that our own sandbox loads and runs", function()
    local path = reeve.write(reeve.path("stubs.lua"), stubs)
    assert.equal("true\n", reeve.engine([[
      local vm = require "host.vm"
      local f = io.open((...))
      local chunk = assert(vm.load(f:read("a"), "@stubs", vm.sandbox {}))
      print((vm.protect(chunk)))]], { path }))
  end)

  -- The lines of a class's fields: from its own line to the next that is no field.
  local function fields_of(class)
    if class == "Record" then return stubs end -- its fields are those of the classes it is made of
    local _, from = stubs:find("\n---@class " .. class .. "\n", 1, true)
    return "\n" .. stubs:sub(from + 1):match("^(.-\n)[^-]")
  end

  it("has every entry, with its parameters", function()
    local missing, n = {}, 0
    for _, e in ipairs(entries()) do
      local variable = e.class:gsub("%W", "_")
      local wanted = e.params and ("\nfunction %s%s%s(%s) end\n"):format(variable, e.call, e.name, e.params)
      local found = wanted and stubs:find(wanted, 1, true)
        or not wanted and fields_of(e.class):find("\n%-%-%-@field " .. e.name .. "%?? ")
      if not found then missing[#missing + 1] = e.group .. "." .. e.name end
      n = n + 1
    end
    assert.same({}, missing)
    assert.is_true(n > 200)
  end)

  it("lets plugins leave out what they need not say, and promises what they are given", function()
    local wrong = {}
    for _, e in ipairs(entries()) do
      local mark = e.class ~= "Record" and fields_of(e.class):match("\n%-%-%-@field " .. e.name .. "(%??) ")
      if mark and (mark == "?") ~= (not e.given and not e.need) then wrong[#wrong + 1] = e.group .. "." .. e.name end
    end
    assert.same({}, wrong)
    for _, written in ipairs { "shallow?", "to?", "slug" } do
      assert.truthy(fields_of("Expandable"):find("\n---@field " .. written .. " ", 1, true), written)
    end
  end)

  it("defines every class that it names", function()
    local known, missing = { string = true, number = true, integer = true, boolean = true, table = true, any = true,
      fun = true, ["nil"] = true }, {}
    for class in stubs:gmatch("%-%-%-@class ([%w_.]+)") do known[class] = true end
    for alias in stubs:gmatch("%-%-%-@alias ([%w_.]+)") do known[alias] = true end
    for line in stubs:gmatch("\n%-%-%-@param [^\n]+") do
      for name in line:match("@param %S+ (.*)"):gsub('"[^"]*"', ""):gsub("[%w_]+%??:", ""):gmatch("[%a_][%w_.]*") do
        if not known[name] and name ~= "..." then missing[#missing + 1] = name .. ": " .. line end
      end
    end
    assert.same({}, missing)
  end)

  it("writes a file, or reeve.lua in a folder", function()
    local dir = reeve.folder()
    reeve.ok { "types", "-f", dir }
    assert.equal(stubs, reeve.read(dir .. "/reeve.lua"))
    reeve.ok { "types", "-f", dir .. "/other.lua" }
    assert.equal(stubs, reeve.read(dir .. "/other.lua"))
  end)

  it("writes plugins/REFERENCE.md", function()
    assert.is_true(reeve.read("plugins/REFERENCE.md") == reeve.ok { "types", "--reference" },
      "write it again: reeve types --reference -f plugins/REFERENCE.md")
  end)
end)

-- The contract's table (engine/lua/contract/*.lua) against all that it speaks of: what registers names binds
-- them through it, and what C knows is compared here.
local reeve = require "reeve"

-- Runs text with the engine's modules; `out(...)` prints a line. Returns the lines.
local function engine(text)
  local printed = reeve.engine([[
    local contract = require "contract.contract"
    local function out(...) print(table.concat({ ... }, " ")) end
  ]] .. text)
  local lines = {}
  for line in printed:gmatch("[^\n]+") do lines[#lines + 1] = line end
  return lines
end

local function set(list)
  local names = {}
  for _, name in ipairs(list) do names[name] = true end
  return names
end

local function names(group)
  return engine(("for _, name in ipairs(contract.names '%s') do out(name) end"):format(group))
end

-- The words of a C array of texts.
local function c_words(file, array)
  local found, body = {}, reeve.read(file):match(array .. "%[%][^{]*{(.-)};")
  for word in body:gmatch('"([%w_]+)"') do found[#found + 1] = word end
  return found
end

describe("binding to the contract", function()
  local function refused(text)
    return table.concat(engine("local ok, why = pcall(function() " .. text .. " end) out(tostring(ok), tostring(why))"))
  end

  it("refuses a name without an entry", function()
    assert.matches("false .*contract: ctx.json.nul has no entry", refused
      "contract.bind('ctx.json', { null = 1, array = 1, nul = 1 })")
  end)

  it("refuses an entry without a function", function()
    assert.matches("false .*contract: ctx.json.array has an entry, and is not there", refused
      "contract.bind('ctx.json', { null = 1 })")
  end)

  it("knows what is there in one kind of call only", function()
    assert.matches("false .*contract: ctx.http has no entry for http", refused [[
      local t = {}
      for _, e in ipairs(contract.group("ctx").entries) do if not e.on then t[e.name] = 1 end end
      contract.bind("ctx", t, "http")
      t.http = 1
      contract.bind("ctx", t, "http")]])
  end)

  it("holds for every module that plugins and scripts may require", function()
    local lines = engine [[
      for _, group in ipairs(contract.groups()) do
        local short = group.name:match("^reeve%.(%w+)$")
        if short then
          local there, told = require("reeve." .. short), {}
          for name in pairs(there) do told[#told + 1] = name end
          table.sort(told)
          local entries = contract.names(group.name)
          table.sort(entries)
          out(group.name, table.concat(told, ","), table.concat(entries, ","))
        end
      end]]
    assert.is_true(#lines >= 3)
    for _, line in ipairs(lines) do
      local told, entries = line:match("^%S+ (%S+) (%S+)$")
      assert.equal(told, entries)
    end
  end)

  it("holds for what is made for a plugin", function()
    assert.same({ "fine" }, engine [[
      require "plugin.manifest"
      require "plugin.parts"
      require "target.response"
      local context = require "sync.context"
      local session = { open = function() return {} end, settings = {}, names_of = function() end }
      local auth = require "target.auth"
      session.auth, session.hmac = auth.new(session), auth.hmac(session)
      local fetch = { settings = {}, session = session, plugin = { name = "acme" } }
      for _, page in ipairs { { no_http = true }, {}, { emit = print, list = {} } } do context.new(fetch, page) end
      out "fine"]])
  end)

  it("has entries that can be read", function()
    assert.same({}, engine [[
      for _, group in ipairs(contract.groups()) do
        if not group.doc:find("%S") then out(group.name, "is not told") end
        for _, e in ipairs(group.entries) do
          local told = type(e.doc) == "string" and e.doc:find("[.…?]$") or e.name == "version"
          if not told or not e.type then out(group.name, e.name, "is not told") end
          if e.type:sub(1, 1) == "(" then
            for _, p in ipairs(e.params) do
              if not p.name or not p.type then out(group.name, e.name, "has a parameter without a type") end
            end
            local _, wanted = e.type:gsub("%f[%w_.][%w_.]+%??:%s", "")
            if not e.type:find("fun") and wanted ~= #e.params then out(group.name, e.name, "has other parameters") end
          end
        end
      end]])
  end)
end)

describe("the contract", function()
  it("has the fields of records that the model has, by kind, trait and words", function()
    local told, fields = {}, {}
    for _, line in ipairs(engine [[
      for _, e in ipairs(contract.group("record").entries) do
        out(e.name, e.trait or "-", e.choices and table.concat(e.choices, ",") or "-", e.type)
      end]]) do
      local name, trait, choices, type = line:match("^(%S+) (%S+) (%S+) (.*)$")
      told[name] = { trait = trait, choices = choices, type = type }
    end
    local types = { STRING = "string", TIME = "string|Time", BOOLEAN = "boolean", STRINGS = "string[]",
      REFERENCE = "Reference", PROFILE = "table<string, any>" }
    local source = reeve.read("engine/host/model/model_fields.c")
    for name, kind, trait, choices in source:gmatch('{MODEL_NAMED%("([%w_]+)"%), MODEL_(%u+), ([^,]+), ([^}]+)}') do
      local function word(text) return text == "NULL" and "-" or text:gsub('"', ""):gsub(" ", ",") end
      fields[#fields + 1] = name
      assert.same({ word(trait), word(choices) }, { told[name].trait, told[name].choices }, name)
      if kind ~= "CHOICE" then assert.equal(types[kind], told[name].type, name) end
    end
    assert.is_true(#fields > 10)
    for _, name in ipairs { "type", "id", "entitlements", "grants" } do fields[#fields + 1] = name end
    assert.same(set(fields), set(names "record"))
  end)

  it("has the fields of entitlements and grants that the model has", function()
    local file = "engine/host/model/model_parts.c"
    assert.same(set(c_words(file, "entitlement_members")), set(names "entitlement"))
    assert.same(set(c_words(file, "grant_members")), set(names "grant"))
    assert.same(set(c_words(file, "expandable_members")), set(names "expandable"))
  end)

  it("has the members of `at` that emit.c writes", function()
    local comment = reeve.read("engine/api/emit.c"):match("/%* ({\"kind\".-}) %*/")
    local members = { "day" }
    for name in comment:gmatch('"(%w+)":') do members[#members + 1] = name end
    assert.same(set(members), set(names "at"))
  end)

  it("has the globals of a sandbox", function()
    local there = engine [[
      local env = require("host.vm").sandbox { require = print }
      for name in pairs(_G) do
        if pcall(function() return env[name] end) then out(name) end
      end]]
    assert.same(set(there), set(names "globals"))
  end)

  it("has what a simulator is handed", function()
    local lines = engine [[
      local sim = require("sim.sim").new({ routes = { ["POST /a/{b}"] = function(sim, req)
        for _, name in ipairs(contract.names "req") do
          if req[name] == nil then out("req", name) end
        end
        for _, name in ipairs(contract.names "sim") do
          if sim[name] == nil then out("sim", name) end
        end
        for _, name in ipairs(contract.names "random") do
          if type(sim.random[name]) ~= "function" then out("random", name) end
        end
        for _, name in ipairs(contract.names "reeve.json") do
          if sim.json[name] == nil then out("sim.json", name) end
        end
        return 200, {}
      end } })
      out((sim:answer { method = "POST", path = "/a/c", query = {}, headers = {}, body = "{}" }))
    ]]
    assert.same({ "200" }, lines)
  end)
end)

-- The examples that help shows are real: each is read as a command line, and those of setting up and reading run.
package.path = "engine/lua/?.lua;" .. package.path
local reeve = require "reeve"
local cli = require "ui.cli"

-- Commands are only asked for their tables here: what they need of C is not called.
table.insert(package.searchers, function(name)
  if name:find("^host%.") then return function() return {} end end
end)

local PLUGIN = {
  ["plugin.lua"] = [[return {
    api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "An example",
    settings = { { name = "client_id", required = true }, { name = "client_secret", kind = "secret", required = true },
      { name = "status", default = "enabled" } },
    hosts = { "api.example.com" },
    resources = {
      user = { title = "User", trait = "user" },
      role = { title = "Role", trait = "role", entitlements = {
        member = { title = "{name} member", purpose = "assignment", grantable_to = { "user" } } } },
    },
  }]],
  ["connector.lua"] = [[return {
    check = function() return { account = "Example Ltd" } end,
    list = {
      user = function(ctx) ctx.emit("user", { id = "7f3a", name = "Ann", status = ctx.settings.status }) end,
      role = function(ctx) ctx.emit("role", { id = "admin", name = "Admins" }) end,
    },
  }]],
  ["mapping.lua"] = [[return {
    user = function(raw)
      return { id = raw.id, name = raw.name, status = raw.status,
        grants = { { on = { type = "role", id = "admin" }, slug = "member" } } }
    end,
    role = function(raw) return { id = raw.id, name = raw.name } end,
  }]],
}

local function new_home()
  local home = reeve.home()
  reeve.plugin(home, "acme", PLUGIN)
  reeve.write(home .. "/scripts/a.lua", "return { user = function(raw, record) return record end }")
  return home
end

local function connector(home, name)
  reeve.connector(home, name,
    { plugin = "acme", settings = { client_id = "1", client_secret = "env:ACME_SECRET" } })
end

local function synced_home()
  local home = new_home()
  for _, name in ipairs { "main", "backup", "old" } do
    connector(home, name)
    for _, status in ipairs { "enabled", "disabled" } do
      reeve.ok { "sync", name, home = home, env = { ACME_SECRET = "example-value", REEVE_SETTINGS_STATUS = status } }
    end
  end
  return home
end

-- Runs a line of help as a shell does, `reeve` being the program; files it writes go to a folder of their own.
local function try(line, home)
  local r = reeve.run { program = "/bin/sh", "-c", ("reeve() { %s \"$@\"; }; %s"):format(reeve.quote(reeve.bin), line),
    home = home, cwd = reeve.folder(), stdin = "example-value\n",
    env = { ACME_SECRET = "example-value", HOME = reeve.folder() } }
  assert.equal(0, r.status, line .. "\n" .. r.err)
end

local function lines(name)
  local list = {}
  for i, example in ipairs(cli.command(name).examples) do
    list[i] = type(example) == "table" and example[1] or example
  end
  return list
end

-- The words of the program's own part of a line.
local function words(line)
  local list = {}
  local command = line:match("^[^|>]*"):gsub("(['\"])(.-)%1", function(_, quoted)
    return (quoted:gsub(" ", "\1"))
  end)
  for word in command:gmatch("%S+") do list[#list + 1] = (word:gsub("\1", " ")) end
  assert.equal("reeve", table.remove(list, 1))
  return list
end

describe("examples", function()
  it("stand in every command's help, and are read without complaint", function()
    for _, name in ipairs(cli.names()) do
      assert.is_true(#lines(name) > 0, name)
      for _, line in ipairs(lines(name)) do
        local ok, command = pcall(cli.parse, words(line))
        assert.is_true(ok, line .. ": " .. tostring(command))
        assert.equal(name, command.name)
      end
    end
  end)

  for _, name in ipairs { "plugins", "paths", "version", "help", "connectors", "audit" } do
    it("of " .. name .. " work", function()
      local home = new_home()
      for _, line in ipairs(lines(name)) do try(line, home) end
    end)
  end

  it("of completion work", function()
    local folders = "mkdir -p ~/.local/share/bash-completion/completions ~/.zfunc ~/.config/fish/completions; "
    for _, line in ipairs(lines "completion") do try(folders .. line, new_home()) end
  end)

  it("of add work", function()
    for _, line in ipairs(lines "add") do try(line, new_home()) end
  end)

  it("of set, secret and remove work", function()
    for _, name in ipairs { "set", "secret" } do
      local home = new_home()
      connector(home, "main")
      for _, line in ipairs(lines(name)) do
        -- What ConductorOne is asked about is for c1_account_spec.
        if not line:find(" c1.", 1, true) then try(line, home) end
      end
    end
    for _, line in ipairs(lines "remove") do
      local home = new_home()
      connector(home, "main")
      try(line, home)
    end
  end)

  it("of reading work", function()
    local home = synced_home()
    for _, name in ipairs { "status", "runs", "log", "list", "show", "history", "diff", "explain", "export" } do
      for _, line in ipairs(lines(name)) do try(line, home) end
    end
  end)
end)

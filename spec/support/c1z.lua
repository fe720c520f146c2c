-- c1z: for specs of files for ConductorOne: a connector whose target has what the spec says, and the files' tables,
-- read by sqlite3 and zstd.
local reeve = require "reeve"

local M = {}

local PLUGIN = {
  ["plugin.lua"] = [[return {
    api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "An example",
    settings = { { name = "data", required = true } },
    hosts = { "api.example.com" },
    resources = {
      user = { title = "User", trait = "user", description = "People" },
      role = { title = "Role", trait = "role", entitlements = { assigned = {} } },
      group = { title = "Group", trait = "group", entitlements = { member = {} } },
      app = { title = "App", trait = "app" },
      key = { title = "Key", trait = "secret" },
      org = { title = "Org" },
    },
  }]],
  -- What the target has is what the setting says; a raw object is its record.
  ["connector.lua"] = [[
    local json = require "reeve.json"
    local M = { list = {} }
    for _, kind in ipairs { "user", "role", "group", "app", "key", "org" } do
      M.list[kind] = function(ctx)
        for _, raw in ipairs(json.decode(ctx.settings.data)[kind] or {}) do ctx.emit(kind, raw) end
      end
    end
    return M
  ]],
  ["mapping.lua"] = [[
    local function same(raw)
      local record = {}
      for name, value in pairs(raw) do record[name] = value end
      if record.name == "broken" then record.name = "\xFF" end
      return record
    end
    return { user = same, role = same, group = same, app = same, key = same, org = same }
  ]],
}

--- A home with the connector `main`; with `data` ({ user = { record, … }, role = … }) it was synced once.
function M.home(data)
  local home = reeve.home()
  reeve.plugin(home, "acme", PLUGIN)
  reeve.connector(home, "main", { plugin = "acme", settings = { data = "{}" } })
  if data then reeve.ok { "sync", "main", home = home, env = { REEVE_SETTINGS_DATA = reeve.encode(data) } } end
  return home
end

--- Unpacks a file: a function that asks its tables (sql -> text), and the path of the database.
function M.unpacked(path)
  local db = reeve.path "tables.db"
  local _, code, err = reeve.shell(("tail -c +6 '%s' | zstd -q -d -c > '%s'"):format(path, db))
  if code ~= 0 then error(path .. ": " .. err, 2) end
  return function(sql)
    local out, status, why = reeve.shell(("sqlite3 '%s' %s"):format(db, reeve.quote(sql)))
    if status ~= 0 then error(sql .. ": " .. why, 2) end
    return (out:gsub("\n$", ""))
  end, db
end

return M

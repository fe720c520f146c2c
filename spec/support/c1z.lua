-- c1z: for specs of files for ConductorOne: a connector whose target has what the spec says, and the files' tables,
-- read and written by sqlite3 and zstd.
local reeve = require "reeve"

local concat = table.concat

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

local TABLES = [[
create table v1_resource_types (id integer primary key, external_id text not null, data blob not null,
  sync_id text not null, discovered_at datetime not null);
create table v1_resources (id integer primary key, resource_type_id text not null, external_id text not null,
  parent_resource_type_id text, parent_resource_id text, data blob not null, sync_id text not null,
  discovered_at datetime not null);
create table v1_entitlements (id integer primary key, resource_type_id text not null, resource_id text not null,
  external_id text not null, data blob not null, sync_id text not null, discovered_at datetime not null);
create table v1_grants (id integer primary key, resource_type_id text not null, resource_id text not null,
  entitlement_id text not null, principal_resource_type_id text not null, principal_resource_id text not null,
  external_id text not null, expansion blob, data blob not null, sync_id text not null,
  discovered_at datetime not null);
create table v1_sync_runs (id integer primary key, sync_id text not null, started_at datetime not null,
  ended_at datetime, sync_token text not null, sync_type text not null default 'full',
  parent_sync_id text not null default '', linked_sync_id text not null default '',
  supports_diff integer not null default 0);
]]
local SYNC = "3MUL3Tq3zgmLfZtrVdYR3cBvtFf"

local function varint(n)
  local out = ""
  while n > 127 do
    out, n = out .. string.char(n & 127 | 128), n >> 7
  end
  return out .. string.char(n)
end

--- A field of a message: of a number an integer, of a text bytes.
function M.field(number, value)
  if math.type(value) then return varint(number << 3) .. varint(value) end
  return varint(number << 3 | 2) .. varint(#value) .. value
end

--- An Any of c1.connector.v2.
function M.any(name, value)
  return M.field(1, "type.googleapis.com/c1.connector.v2." .. name) .. M.field(2, value or "")
end

--- A ResourceId.
function M.id(type, id)
  return M.field(1, type) .. M.field(2, id)
end

local function literal(value)
  if value == nil then return "null" end
  if type(value) == "table" then
    return "x'" .. value[1]:gsub(".", function(c) return ("%02x"):format(c:byte()) end) .. "'"
  end
  return "'" .. value:gsub("'", "''") .. "'"
end

--- A row: names of columns to texts, { bytes } or nothing. data may be a text.
function M.row(table, columns)
  local names, values = { "sync_id", "discovered_at" }, { literal(columns.sync_id or SYNC), "'2026-11-20 10:00:00'" }
  for name, value in pairs(columns) do
    if name ~= "sync_id" then
      names[#names + 1], values[#values + 1] = name, literal(name == "data" and { value } or value)
    end
  end
  return ("insert into v1_%s (%s) values (%s);"):format(table, concat(names, ", "), concat(values, ", "))
end

--- A sync; ended: false where it did not.
function M.sync(spec)
  spec = spec or {}
  local ended = spec.ended == nil and "2026-11-20 10:00:01.5" or spec.ended or nil
  return ("insert into v1_sync_runs (sync_id, started_at, ended_at, sync_token, sync_type)"
    .. " values (%s, %s, %s, '', %s);"):format(literal(spec.id or SYNC),
    literal "2026-11-20 10:00:00", literal(ended), literal(spec.type or "full"))
end

--- Bytes as a file behind the magic, compressed.
function M.packed(bytes, magic)
  local raw, path = reeve.write(reeve.path "raw", bytes), reeve.path "file.c1z"
  local _, code, err = reeve.shell(("zstd -q -c '%s' > '%s.zst'"):format(raw, path))
  if code ~= 0 then error(err, 2) end
  return reeve.write(path, (magic or "C1ZF\0") .. reeve.read(path .. ".zst"))
end

--- A file of these statements (M.row, M.sync, any SQL); `tables`: instead of the format's own.
function M.file(statements, tables)
  local db, sql = reeve.path "made.db", reeve.path "made.sql"
  reeve.write(sql, "begin;" .. (tables or TABLES) .. concat(statements, "\n") .. "commit;")
  local _, code, err = reeve.shell(("sqlite3 '%s' < '%s'"):format(db, sql))
  if code ~= 0 then error(err, 2) end
  return M.packed(reeve.read(db))
end

return M

-- record: how records look: their columns as a table and as csv, tuples as text, what changed between two.
local M = {}

local function tuple(ref)
  return ref and ref.type .. "/" .. ref.id or nil
end

--- An entitlement's tuple: role/ID:member.
local function entitlement_tuple(ref)
  return ref and ref.type .. "/" .. ref.id .. ":" .. ref.slug or nil
end

--- A record's own name in one text: user/ID, role/ID:member, role/ID:member → user/ID.
function M.key(kind, record)
  if kind == "grant" then return entitlement_tuple(record.entitlement) .. " → " .. tuple(record.principal) end
  if kind == "entitlement" then return tuple(record.resource) .. ":" .. record.slug end
  return tuple(record) or "?"
end

--- The kind of a record, by the fields it must have.
function M.kind(record)
  return record.entitlement and "grant" or record.slug and "entitlement"
    or record.why and "excluded" or "resource"
end

local function field(name, title, more)
  local column = { name = name, title = title }
  for k, v in pairs(more or {}) do column[k] = v end
  return column
end

local function part(name, of, key, title)
  return { name = name, title = title, of = of, get = function(row) return row[of] and row[of][key] end }
end

local function of_tuple(name, of, title)
  return { name = name, title = title, get = function(row) return tuple(row[of]) end }
end

-- Every field of the contract, in one order whatever the data is: csv has the same header every day.
local csv = {
  resource = {
    field "type", field "id", field "name", field "description", part("parent_type", "parent", "type"),
    part("parent_id", "parent", "id"), field "created_at", field "login", field "email", field "emails",
    field "status", field "status_details", field "last_login_at", field "account_type", field "sso",
    field "mfa", field "employee_ids", field "expires_at", field "last_used_at", part("identity_type",
      "identity", "type"),
    part("identity_id", "identity", "id"), field "profile",
  },
  entitlement = {
    part("resource_type", "resource", "type"), part("resource_id", "resource", "id"), field "slug",
    field "name", field "description", field "purpose", field "grantable_to", field "privileged",
      field "keep",
    field "exclusion_group",
  },
  grant = {
    part("entitlement_type", "entitlement", "type"), part("entitlement_id", "entitlement", "id"),
    part("entitlement_slug", "entitlement", "slug"), part("principal_type", "principal", "type"),
    part("principal_id", "principal", "id"), field "expandable",
  },
  excluded = { field "type", field "id", field "why", field "reason", field "run" },
}

-- What a person looks for first; empty columns are left out.
local grid = {
  resource = {
    field("type", "TYPE"), field("id", "ID", { always = true }), field("name", "NAME"),
    field("email", "EMAIL"),
    field("login", "LOGIN"), field("status", "STATUS"), field("account_type", "ACCOUNT"),
    of_tuple("parent", "parent", "PARENT"), field("last_login_at", "LAST LOGIN"),
    of_tuple("identity", "identity", "IDENTITY"), field("expires_at", "EXPIRES"),
    field("last_used_at", "LAST USED"), field("created_at", "CREATED"), field("description", "DESCRIPTION"),
  },
  entitlement = {
    { name = "entitlement", title = "ENTITLEMENT", get = function(row) return M.key("entitlement", row) end },
    field("name", "NAME"), field("purpose", "PURPOSE"), field("privileged", "PRIVILEGED"),
    field("keep", "KEEP"),
    { name = "exclusion_group", title = "EXCLUSION GROUP", get = function(row)
      return row.exclusion_group and row.exclusion_group.id
    end }, field("description", "DESCRIPTION"),
  },
  grant = {
    { name = "entitlement", title = "ENTITLEMENT", get = function(row)
      return entitlement_tuple(row.entitlement)
    end }, of_tuple("principal", "principal", "PRINCIPAL"),
  },
  excluded = {
    field("type", "TYPE"), field("id", "ID"), field("why", "WHY"), field("reason", "REASON"),
    field("run", "RUN"),
  },
}

-- A column that repeats another one says nothing: login that is the e-mail, name that is the e-mail.
local function without_repeats(columns)
  local list = {}
  for i, column in ipairs(columns) do
    list[i] = column
    if column.name == "login" or column.name == "email" then
      list[i] = field(column.name, column.title, { get = function(row)
        local value = row[column.name]
        if value == row.name or column.name == "login" and value == row.email then return nil end
        return value
      end })
    end
  end
  return list
end

--- The fields in which two records of one thing may differ, sorted: all but those that say which thing it is.
function M.fields()
  local found = {}
  for _, kind in ipairs { "resource", "entitlement", "grant" } do
    for _, column in ipairs(csv[kind]) do found[column.of or column.name] = true end
  end
  for _, name in ipairs { "type", "id", "slug", "resource", "entitlement", "principal" } do found[name] = nil end
  return require("shape").names(found)
end

--- Columns for a form and a kind ("resource", "entitlement", "grant", "excluded"); `typed`: all rows have one
--- type.
function M.columns(form, kind, typed)
  if form == "csv" then return csv[kind] end
  local columns = kind == "resource" and without_repeats(grid.resource) or grid[kind]
  return typed and kind == "resource" and table.move(columns, 2, #columns, 1, {}) or columns
end

return M

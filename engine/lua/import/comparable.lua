-- comparable: a record by what a .c1z file can say of it, so that a state that was read from one and a state that was
-- not can be held against each other:
--   a user without a status is enabled there, one without an account type human, who was invited enabled;
--   an entitlement without a name is called by its slug; that it is privileged, or how many holders it keeps, is
--   Reeve's knowledge; what follows from defaults is not said;
--   an expandable grant has one depth, and one list of types.
local M = {}

local EXACT <const> = 1 << 53

local function some(list)
  return list and #list > 0 and list or nil
end

-- A Struct's numbers are doubles; c1/message.lua writes integers that these cannot hold as texts.
local function number(value)
  local whole = math.type(value) == "float" and math.tointeger(value) or value
  local exact = math.type(whole) ~= "integer" or (whole <= EXACT and whole >= -EXACT)
  return exact and whole or tostring(whole)
end

local function plain(value)
  if math.type(value) then return number(value) end
  if type(value) ~= "table" then return value end
  for name, member in pairs(value) do value[name] = plain(member) end
  return value
end

local function without(list, one)
  local rest = {}
  for _, text in ipairs(list or {}) do
    if text ~= one then rest[#rest + 1] = text end
  end
  return some(rest)
end

local as = {}

function as.resource(record)
  if record.status == "pending" then
    record.status, record.status_details = nil, record.status_details or "pending"
  elseif record.status == "enabled" then
    record.status = nil
  end
  if record.account_type == "human" then record.account_type = nil end
  record.email = record.email or record.emails and record.emails[1]
  record.emails = without(record.emails, record.email)
  record.employee_ids = some(record.employee_ids)
  record.profile = plain(record.profile)
end

function as.entitlement(record)
  local group = record.exclusion_group
  if record.name == record.slug then record.name = nil end
  record.privileged, record.keep, record.grantable_to = nil, nil, some(record.grantable_to)
  if not group then return end
  record.exclusion_group = { id = group.id, order = group.order ~= 0 and group.order or nil,
    default = group.default or nil, scope = group.scope == "resource" and "resource" or nil }
end

function as.grant(record)
  local list = some(record.expandable)
  local shallow, types, seen, all = true, {}, {}, false
  for _, source in ipairs(list or {}) do
    shallow, all = shallow and source.shallow == true, all or not some(source.to)
    for _, type in ipairs(source.to or {}) do
      if not seen[type] then types[#types + 1] = type end
      seen[type] = true
    end
  end
  for _, source in ipairs(list or {}) do source.shallow, source.to = shallow or nil, not all and types or nil end
  record.expandable = list
end

--- The record (decoded; it is changed), as such.
function M.record(kind, record)
  as[kind](record)
  return record
end

--- Is either of two connectors' states one that was read from a file?
function M.wanted(home, ...)
  local imported = require "import.imported"
  for _, name in ipairs { ... } do
    local ok, tree = pcall(require("config.connector").read, home, name)
    if ok and tree.plugin == imported.NAME then return true end
  end
  return false
end

return M

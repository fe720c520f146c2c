-- comparable: a record reduced to what a .c1z file can say of it, so that a state that was read from such a file can be
-- compared with one that a plugin read. In a file
--   a user has a status and an account type, which are "enabled" and "human" where nobody said; an invited user is
--   enabled, with the detail "pending";
--   an entitlement without a name is named by its slug; privileged and keep, which only Reeve knows, have no place;
--   a value that is the default is left out;
--   all that an expandable grant expands is of one depth, and for one list of types.
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

--- A decoded record, reduced in place to what a file can say of it.
function M.record(kind, record)
  as[kind](record)
  return record
end

return M

-- protojson: a message as protobuf's JSON: names in camelCase, fields in the order of their numbers, enums by
-- name, 64-bit integers as texts. Fields that are empty are left out, messages never.
--
-- Values are those that host.wire encodes. Timestamp, Struct and the other types that have a JSON form of their
-- own are not among what is told in this form.
local json = require "host.json"
local messages = require "c1.messages"

local M = {}

local ANY <const> = "google.protobuf.Any"
local WIDE <const> = { int64 = true, uint64 = true, sint64 = true, fixed64 = true, sfixed64 = true }

local CAPABILITIES <const> = {
  "CAPABILITY_PROVISION", "CAPABILITY_SYNC", "CAPABILITY_EVENT_FEED", "CAPABILITY_TICKETING",
  "CAPABILITY_ACCOUNT_PROVISIONING", "CAPABILITY_CREDENTIAL_ROTATION", "CAPABILITY_RESOURCE_CREATE",
  "CAPABILITY_RESOURCE_DELETE", "CAPABILITY_SYNC_SECRETS", "CAPABILITY_ACTIONS", "CAPABILITY_TARGETED_SYNC",
  "CAPABILITY_EVENT_FEED_V2", "CAPABILITY_SERVICE_MODE_TARGETED_SYNC", "CAPABILITY_CREDENTIAL_ISSUE",
}
local OPTION <const> = "CAPABILITY_DETAIL_CREDENTIAL_OPTION_"
local OPTIONS <const> = {
  OPTION .. "NO_PASSWORD", OPTION .. "RANDOM_PASSWORD", OPTION .. "SSO", OPTION .. "ENCRYPTED_PASSWORD",
  OPTION .. "API_KEY", OPTION .. "KEYPAIR", OPTION .. "TOKEN", OPTION .. "CLIENT_SECRET",
}
-- By message and field: number to name.
local ENUMS <const> = {
  ["c1.connector.v2.ResourceType"] = {
    traits = { "TRAIT_USER", "TRAIT_GROUP", "TRAIT_ROLE", "TRAIT_APP", "TRAIT_SECRET" },
  },
  ["c1.connector.v2.ResourceTypeCapability"] = { capabilities = CAPABILITIES },
  ["c1.connector.v2.ConnectorCapabilities"] = { connector_capabilities = CAPABILITIES },
  ["c1.connector.v2.CredentialDetail"] = {
    supported_credential_options = OPTIONS, preferred_credential_option = OPTIONS,
  },
  ["c1.config.v1.Constraint"] = {
    kind = { "CONSTRAINT_KIND_REQUIRED_TOGETHER", "CONSTRAINT_KIND_AT_LEAST_ONE",
      "CONSTRAINT_KIND_MUTUALLY_EXCLUSIVE", "CONSTRAINT_KIND_DEPENDENT_ON" },
  },
}

local message -- (name, value, indent, first) -> text

-- Members or elements between brackets, each on a line of its own.
local function block(open, list, close, indent)
  if #list == 0 then return open .. close end
  local inner = "\n" .. indent .. "  "
  return open .. inner .. table.concat(list, "," .. inner) .. "\n" .. indent .. close
end

local function scalar(kind, value, names, indent)
  if kind == ANY then
    return message(value.type, value.value, indent, '"@type": ' .. json.encode("type.googleapis.com/" .. value.type))
  elseif messages[kind] then
    return message(kind, value, indent)
  elseif WIDE[kind] then
    return ('"%d"'):format(value)
  end
  return json.encode(names and names[value] or value)
end

local function array(kind, list, names, indent)
  local texts = {}
  for i, value in ipairs(list) do texts[i] = scalar(kind, value, names, indent .. "  ") end
  return block("[", texts, "]", indent)
end

local function map(kind, entries, names, indent)
  local texts = {}
  for _, key in ipairs(require("shape").names(entries)) do
    texts[#texts + 1] = json.encode(key) .. ": " .. scalar(kind, entries[key], names, indent .. "  ")
  end
  return block("{", texts, "}", indent)
end

-- Is a field left out? One that can be there and be empty (optional, in a oneof) is written where it is there.
local function absent(field, value)
  if value == nil then return true end
  if field[3] == "repeated" or field[3] == "map" then return next(value) == nil end
  local empty = value == "" or value == 0 or value == false
  return empty and field[3] ~= "optional" and not field.oneof
end

local function camel(name)
  return (name:gsub("_(%l)", string.upper))
end

function message(name, value, indent, first)
  local fields, order, texts = messages[name], {}, { first }
  for field in pairs(fields) do order[#order + 1] = field end
  table.sort(order, function(a, b) return fields[a][1] < fields[b][1] end)
  for _, key in ipairs(order) do
    local field, names = fields[key], (ENUMS[name] or {})[key]
    if not absent(field, value[key]) then
      local text = field[3] == "repeated" and array or field[3] == "map" and map or scalar
      texts[#texts + 1] = ('"%s": '):format(camel(key)) .. text(field[2], value[key], names, indent .. "  ")
    end
  end
  return block("{", texts, "}", indent)
end

--- The text of a message; no line end behind it. An Any is named google.protobuf.Any, as in messages.
function M.encode(name, value)
  return scalar(name, value, nil, "")
end

return M

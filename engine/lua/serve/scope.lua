-- scope: what syncs are to hold by the operator's word (--sync-resource-types, --sync-resources and their variables),
-- connector by connector.
--
-- Types are a plugin's own: of several connectors each is asked for those that it has. A type that none has is a slip,
-- and so is a connector that has none of them: its syncs would hold nothing, which reads as if all were gone.
local fail = require "fail"
local shape = require "shape"
local suggest = require "suggest"

local M = {}

local function of_type(type) return type end
local function of_target(target) return target.type end

-- Raises for the first type that no connector has.
local function check_known(list, type_of, connectors)
  local all = {}
  for _, connector in ipairs(connectors) do
    for type in pairs(connector.types) do all[type] = true end
  end
  for _, item in ipairs(list) do
    local type = type_of(item)
    if not all[type] then
      fail("config", ("%s resource type '%s', and syncs are to be of it alone"):format(
        #connectors == 1 and connectors[1].name .. " has no" or "no connector has a", type),
        suggest.hint(type, shape.names(all), #connectors == 1 and "its types" or "their types"))
    end
  end
end

-- The part of a list that a connector has; nil where nothing was said.
local function share(list, type_of, connector)
  if not list or #list == 0 then return nil end
  local mine, wanted = {}, {}
  for _, item in ipairs(list) do
    wanted[#wanted + 1] = type_of(item)
    if connector.types[type_of(item)] then mine[#mine + 1] = item end
  end
  if mine[1] then return mine end
  fail("config", ("%s has none of the resource types that syncs are to be of (%s)"):format(connector.name,
    table.concat(wanted, ", ")), "its types: " .. table.concat(shape.names(connector.types), ", ")
    .. "; or serve it by a `reeve c1` of its own")
end

--- The options of syncs (environment.lua's `sync`) of each connector, by name. connectors: a list of { name, types },
--- where types is a plugin's resources.
function M.of(sync, connectors)
  check_known(sync.types or {}, of_type, connectors)
  check_known(sync.targets or {}, of_target, connectors)
  local by_name = {}
  for _, connector in ipairs(connectors) do
    local own = {}
    for name, value in pairs(sync) do own[name] = value end
    own.types = share(sync.types, of_type, connector)
    own.targets = share(sync.targets, of_target, connector)
    by_name[connector.name] = own
  end
  return by_name
end

return M

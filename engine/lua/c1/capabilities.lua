-- capabilities: what a connector can do, as ConductorOne asks for it (c1.connector.v2.ConnectorCapabilities).
local message = require "c1.message"

local M = {}

local SYNC <const>, EVENT_FEED_V2 <const> = 2, 12

-- Does a connector (nil: none in particular) read this type?
local function is_on(resource, connector)
  local when = resource.when
  return not when or not connector or connector.settings[when] or connector.references[when] ~= nil
end

--- The message for a plugin, by its manifest; of a connector, without the types that its settings leave out.
function M.of(manifest, connector)
  local types = {}
  for _, name in ipairs(require("shape").names(manifest.resources)) do
    local resource = manifest.resources[name]
    if is_on(resource, connector) then
      types[#types + 1] = { resource_type = message.resource_type(name, resource), capabilities = { SYNC },
        permissions = {} }
    end
  end
  return { resource_type_capabilities = types, connector_capabilities = { SYNC, EVENT_FEED_V2 },
    credential_details = {} }
end

return M

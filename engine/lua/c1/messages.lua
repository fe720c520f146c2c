-- The messages that ConductorOne's files and its service are made of, as data for host.wire:
--     messages["c1.connector.v2.Resource"] = { display_name = { 3, "string" }, … }
-- Here are the general ones; in messages_*.lua those of ConductorOne, a package's part a file, where a
-- type that begins with a dot is of the same package.
local MESSAGES = {
  ["google.protobuf.Timestamp"] = { seconds = { 1, "int64" }, nanos = { 2, "int32" } },
  ["google.protobuf.Duration"] = { seconds = { 1, "int64" }, nanos = { 2, "int32" } },
  ["google.protobuf.BoolValue"] = { value = { 1, "bool" } },
  ["google.rpc.Status"] = {
    code = { 1, "int32" },
    message = { 2, "string" },
    details = { 3, "google.protobuf.Any", "repeated" },
  },
  ["google.rpc.ErrorInfo"] = {
    reason = { 1, "string" },
    domain = { 2, "string" },
    metadata = { 3, "string", "map" },
  },
}

local function add(package, part)
  for name, fields in pairs(part) do
    for _, field in pairs(fields) do
      if field[2]:sub(1, 1) == "." then field[2] = package .. field[2] end
    end
    MESSAGES[package .. "." .. name] = fields
  end
end

add("c1.connector.v2", require "c1.messages_sync")
add("c1.connector.v2", require "c1.messages_annotation")
add("c1.connector.v2", require "c1.messages_connector")
add("c1.config.v1", require "c1.messages_config")
add("c1.connectorapi.baton.v1", require "c1.messages_service")

return MESSAGES

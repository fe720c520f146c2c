-- c1.connector.v2: annotations, which stand as Any on resources, entitlements, grants and answers.
local STRUCT, TIME = "google.protobuf.Struct", "google.protobuf.Timestamp"

return {
  SkipEntitlementsAndGrants = {},
  SkipEntitlements = {},
  SkipGrants = {},
  ChildResourceType = { resource_type_id = { 1, "string" } },
  RawId = { id = { 1, "string" } },
  V1Identifier = { id = { 1, "string" } },
  Aliases = { ids = { 1, "string", "repeated" } },
  ExternalLink = { url = { 1, "string" } },
  EntitlementImmutable = { source_id = { 1, "string" }, metadata = { 2, STRUCT } },
  EntitlementExclusionGroup = {
    exclusion_group_id = { 1, "string" },
    order = { 2, "uint32" },
    is_default = { 3, "bool" },
    scope_to_resource = { 4, "bool" },
  },
  GrantImmutable = { source_id = { 1, "string" }, metadata = { 2, STRUCT } },
  GrantExpandable = {
    entitlement_ids = { 1, "string", "repeated" },
    shallow = { 2, "bool" },
    resource_type_ids = { 3, "string", "repeated" },
  },
  GrantMetadata = { metadata = { 1, STRUCT } },
  InsertResourceGrants = {},
  ExternalResourceMatch = {
    resource_type = { 1, "enum" },
    key = { 2, "string" },
    value = { 3, "string" },
  },
  ExternalResourceMatchAll = { resource_type = { 1, "enum" } },
  ExternalResourceMatchID = { id = { 1, "string" } },
  BatonID = {},
  ResourceDeleted = { resource_id = { 1, ".ResourceId" } },
  ResourceDoesNotExist = {},
  GrantAlreadyExists = {},
  GrantAlreadyRevoked = {},
  GrantReplaced = { replaced_grant_id = { 1, "string" } },
  CapabilityPermissions = { permissions = { 1, ".CapabilityPermission", "repeated" } },
  CapabilityPermission = { permission = { 1, "string" } },
  RateLimitDescription = {
    status = { 1, "enum" },
    limit = { 2, "int64" },
    remaining = { 3, "int64" },
    reset_at = { 4, TIME },
  },
}

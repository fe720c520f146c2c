-- c1.connectorapi.baton.v1: the service that gives tasks and takes their results. Of a task that is only
-- declined, the kind is read and no more (Task.Other).
--
-- An answer's tasks are left in bytes: each is read by itself, so that one that cannot be read stands in no other's
-- way; first as a TaskHead, which says whose it is and of which kind, and as a Task where it is done.
local ANY, DURATION, TIME = "google.protobuf.Any", "google.protobuf.Duration", "google.protobuf.Timestamp"
local C = "c1.connector.v2"

local M = {
  BatonServiceHelloRequest = {
    host_id = { 1, "string" },
    task_id = { 2, "string" },
    build_info = { 3, ".BatonServiceHelloRequest.BuildInfo" },
    os_info = { 4, ".BatonServiceHelloRequest.OSInfo" },
    connector_metadata = { 5, C .. ".ConnectorMetadata" },
    annotations = { 6, ANY, "repeated" },
  },
  ["BatonServiceHelloRequest.BuildInfo"] = {
    lang_version = { 1, "string" },
    package = { 2, "string" },
    package_version = { 3, "string" },
  },
  ["BatonServiceHelloRequest.OSInfo"] = {
    hostname = { 1, "string" },
    os = { 2, "string" },
    platform = { 3, "string" },
    platform_version = { 4, "string" },
    platform_family = { 5, "string" },
    kernel_version = { 6, "string" },
    kernel_arch = { 7, "string" },
    virtualization_system = { 8, "string" },
  },
  BatonServiceHelloResponse = { annotations = { 1, ANY, "repeated" } },
  BatonServiceGetTaskRequest = { host_id = { 1, "string" } },
  BatonServiceGetTaskResponse = {
    task = { 1, "bytes" },
    next_poll = { 2, DURATION },
    next_heartbeat = { 3, DURATION },
    annotations = { 4, ANY, "repeated" },
  },
  BatonServiceGetTasksRequest = {
    host_id = { 1, "string" },
    page_size = { 2, "uint32" },
    known_task_ids = { 3, "string", "repeated" },
    annotations = { 4, ANY, "repeated" },
  },
  BatonServiceGetTasksResponse = {
    tasks = { 1, "bytes", "repeated" },
    next_poll = { 2, DURATION },
    next_heartbeat = { 3, DURATION },
    annotations = { 4, ANY, "repeated" },
  },
  BatonServiceHeartbeatRequest = {
    host_id = { 1, "string" },
    task_id = { 2, "string" },
    annotations = { 3, ANY, "repeated" },
    task_ids = { 4, "string", "repeated" },
  },
  BatonServiceHeartbeatResponse = {
    next_heartbeat = { 1, DURATION },
    cancelled = { 2, "bool" },
    annotations = { 3, ANY, "repeated" },
    cancelled_task_ids = { 4, "string", "repeated" },
  },
  BatonServiceFinishTaskRequest = {
    host_id = { 1, "string" },
    task_id = { 2, "string" },
    status = { 3, "google.rpc.Status" },
    error = { 100, ".BatonServiceFinishTaskRequest.Error", oneof = "final_state" },
    success = { 101, ".BatonServiceFinishTaskRequest.Success", oneof = "final_state" },
  },
  ["BatonServiceFinishTaskRequest.Error"] = {
    non_retryable = { 1, "bool" },
    annotations = { 2, ANY, "repeated" },
    response = { 3, ANY },
  },
  ["BatonServiceFinishTaskRequest.Success"] = {
    annotations = { 1, ANY, "repeated" },
    response = { 2, ANY },
  },
  BatonServiceFinishTaskResponse = { annotations = { 1, ANY, "repeated" } },
  BatonServiceUploadAssetRequest = {
    metadata = { 100, ".BatonServiceUploadAssetRequest.UploadMetadata", oneof = "msg" },
    data = { 101, ".BatonServiceUploadAssetRequest.UploadData", oneof = "msg" },
    eof = { 102, ".BatonServiceUploadAssetRequest.UploadEOF", oneof = "msg" },
  },
  ["BatonServiceUploadAssetRequest.UploadMetadata"] = {
    host_id = { 1, "string" },
    task_id = { 2, "string" },
    annotations = { 4, ANY, "repeated" },
  },
  ["BatonServiceUploadAssetRequest.UploadData"] = { data = { 1, "bytes" } },
  ["BatonServiceUploadAssetRequest.UploadEOF"] = {
    sha256_checksum = { 1, "bytes" },
    annotations = { 2, ANY, "repeated" },
  },
  BatonServiceUploadAssetResponse = { annotations = { 1, ANY, "repeated" } },

  Task = {
    id = { 1, "string" },
    status = { 2, "enum" },
    debug = { 3, "bool" },
    none = { 100, ".Task.None", oneof = "task_type" },
    hello = { 101, ".Task.Hello", oneof = "task_type" },
    sync_full = { 102, ".Task.SyncFull", oneof = "task_type" },
    grant = { 103, ".Task.Grant", oneof = "task_type" },
    revoke = { 104, ".Task.Revoke", oneof = "task_type" },
    create_account = { 105, ".Task.CreateAccount", oneof = "task_type" },
    create_resource = { 106, ".Task.CreateResource", oneof = "task_type" },
    delete_resource = { 107, ".Task.DeleteResource", oneof = "task_type" },
    rotate_credentials = { 108, ".Task.RotateCredentials", oneof = "task_type" },
    event_feed = { 109, ".Task.Other", oneof = "task_type" },
    create_ticket_task = { 110, ".Task.Other", oneof = "task_type" },
    list_ticket_schemas = { 111, ".Task.Other", oneof = "task_type" },
    get_ticket = { 112, ".Task.Other", oneof = "task_type" },
    bulk_create_tickets = { 113, ".Task.Other", oneof = "task_type" },
    bulk_get_tickets = { 114, ".Task.Other", oneof = "task_type" },
    action_list_schemas = { 115, ".Task.Other", oneof = "task_type" },
    action_get_schema = { 116, ".Task.Other", oneof = "task_type" },
    action_invoke = { 117, ".Task.Other", oneof = "task_type" },
    action_status = { 118, ".Task.Other", oneof = "task_type" },
    create_sync_diff = { 119, ".Task.Other", oneof = "task_type" },
    compact_syncs = { 120, ".Task.Other", oneof = "task_type" },
    list_event_feeds = { 121, ".Task.ListEventFeeds", oneof = "task_type" },
    list_events = { 122, ".Task.ListEvents", oneof = "task_type" },
    issue_credential = { 123, ".Task.Other", oneof = "task_type" },
  },
  ["Task.None"] = { annotations = { 1, ANY, "repeated" } },
  ["Task.Hello"] = { annotations = { 1, ANY, "repeated" } },
  ["Task.SyncFull"] = {
    annotations = { 1, ANY, "repeated" },
    skip_expand_grants = { 2, "bool" },
    skip_entitlements_and_grants = { 3, "bool" },
    targeted_sync_resources = { 4, C .. ".Resource", "repeated" },
    sync_resource_type_ids = { 5, "string", "repeated" },
    skip_grants = { 6, "bool" },
    storage_engine = { 7, "string" },
  },
  ["Task.Grant"] = {
    entitlement = { 1, C .. ".Entitlement" },
    principal = { 2, C .. ".Resource" },
    annotations = { 3, ANY, "repeated" },
    duration = { 4, DURATION },
  },
  ["Task.Revoke"] = { grant = { 1, C .. ".Grant" }, annotations = { 2, ANY, "repeated" } },
  ["Task.CreateAccount"] = {
    account_info = { 1, C .. ".AccountInfo" },
    credential_options = { 2, C .. ".CredentialOptions" },
    encryption_configs = { 3, C .. ".EncryptionConfig", "repeated" },
    resource_type_id = { 4, "string" },
  },
  ["Task.CreateResource"] = { resource = { 1, C .. ".Resource" } },
  ["Task.DeleteResource"] = {
    resource_id = { 1, C .. ".ResourceId" },
    parent_resource_id = { 2, C .. ".ResourceId" },
  },
  ["Task.RotateCredentials"] = {
    resource_id = { 1, C .. ".ResourceId" },
    credential_options = { 2, C .. ".CredentialOptions" },
    encryption_configs = { 3, C .. ".EncryptionConfig", "repeated" },
  },
  ["Task.ListEventFeeds"] = { annotations = { 1, ANY, "repeated" } },
  ["Task.ListEvents"] = {
    annotations = { 1, ANY, "repeated" },
    cursor = { 2, "string" },
    start_at = { 3, TIME },
    event_feed_id = { 4, "string" },
    page_size = { 5, "uint32" },
  },
  ["Task.Other"] = {},
}

M.TaskHead = { id = { 1, "string" } }
for name, field in pairs(M.Task) do
  if field.oneof then M.TaskHead[name] = { field[1], "bytes", oneof = field.oneof } end
end

return M

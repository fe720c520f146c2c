"use strict";
// messages: the messages of the service as tables for wire.js, with the fact sheet's names and numbers.

const {message, decode} = require("./wire");

const Any = message("Any", {type_url: [1, "string"], value: [2, "bytes"]});
const Duration = message("Duration", {seconds: [1, "int64"], nanos: [2, "int32"]});
const Timestamp = message("Timestamp", {seconds: [1, "int64"], nanos: [2, "int32"]});
const Value = message("Value", {null_value: [1, "enum"], number_value: [2, "double"], string_value: [3, "string"],
    bool_value: [4, "bool"], struct_value: [5, () => Struct], list_value: [6, () => ListValue]},
[["null_value", "number_value", "string_value", "bool_value", "struct_value", "list_value"]]);
const Struct = message("Struct", {fields: [1, Value, "map"]});
const ListValue = message("ListValue", {values: [1, Value, "*"]});
const Status = message("Status", {code: [1, "int32"], message: [2, "string"], details: [3, Any, "*"]});
const Empty = message("Empty", {});
const annotated = {annotations: [1, Any, "*"]};

// c1.connector.v2

const AssetRef = message("AssetRef", {id: [1, "string"]});
const ResourceType = message("ResourceType", {id: [1, "string"], display_name: [2, "string"],
    traits: [3, "enum", "*"], annotations: [4, Any, "*"], description: [5, "string"], sourced_externally: [6, "bool"]});
const ResourceId = message("ResourceId", {resource_type: [1, "string"], resource: [2, "string"],
    baton_resource: [3, "bool"]});
const ResourceStatus = message("ResourceStatus", {status: [1, "enum"], details: [2, "string"]});
const Resource = message("Resource", {id: [1, ResourceId], parent_resource_id: [2, ResourceId],
    display_name: [3, "string"], annotations: [4, Any, "*"], description: [5, "string"], baton_resource: [6, "bool"],
    profile: [9, Struct], icon: [10, AssetRef], status: [11, ResourceStatus], created_at: [12, Timestamp]});
const Entitlement = message("Entitlement", {resource: [1, Resource], id: [2, "string"], display_name: [3, "string"],
    description: [4, "string"], grantable_to: [5, ResourceType, "*"], annotations: [6, Any, "*"],
    purpose: [7, "enum"], slug: [8, "string"]});
const Grant = message("Grant", {entitlement: [1, Entitlement], principal: [2, Resource], id: [3, "string"],
    annotations: [4, Any, "*"]});

const Permissions = message("Permissions", {
    permissions: [1, message("Permission", {permission: [1, "string"]}), "*"]});
const ResourceTypeCapability = message("ResourceTypeCapability", {resource_type: [1, ResourceType],
    capabilities: [2, "enum", "*"], permissions: [3, Permissions], opt_in_required: [4, "bool"],
    skip_sync_anomaly_detection: [5, "bool"], deprecated: [7, "bool"]});
const CredentialOption = message("CredentialOption", {supported_credential_options: [1, "enum", "*"],
    preferred_credential_option: [2, "enum"]});
const CredentialDetails = message("CredentialDetails", {capability_account_provisioning: [1, CredentialOption],
    capability_credential_rotation: [2, CredentialOption]});
const ConnectorCapabilities = message("ConnectorCapabilities", {
    resource_type_capabilities: [1, ResourceTypeCapability, "*"], connector_capabilities: [2, "enum", "*"],
    credential_details: [3, CredentialDetails]});
const ConnectorMetadata = message("ConnectorMetadata", {display_name: [1, "string"], help_url: [2, "string"],
    icon: [3, AssetRef], logo: [4, AssetRef], profile: [5, Struct], annotations: [6, Any, "*"],
    description: [7, "string"], capabilities: [8, ConnectorCapabilities]});

const EventFeed = message("EventFeed", {id: [1, "string"], supported_event_types: [2, "enum", "*"]});
const ListEventFeedsResponse = message("ListEventFeedsResponse", {list: [1, EventFeed, "*"],
    annotations: [2, Any, "*"]});
const GrantChange = {entitlement: [1, Entitlement], principal: [2, Resource]};
const EventKinds = {
    usage_event: [100, message("UsageEvent", {target_resource: [1, Resource], actor_resource: [2, Resource]})],
    grant_event: [101, message("GrantEvent", {grant: [1, Grant]})],
    revoke_event: [102, message("RevokeEvent", GrantChange)],
    resource_change_event: [103, message("ResourceChangeEvent", {resource_id: [1, ResourceId],
        parent_resource_id: [2, ResourceId]})],
    create_grant_event: [104, message("CreateGrantEvent", {...GrantChange, annotations: [3, Any, "*"]})],
    create_revoke_event: [105, message("CreateRevokeEvent", {...GrantChange, annotations: [3, Any, "*"]})],
};
const Event = message("Event", {id: [1, "string"], occurred_at: [2, Timestamp], annotations: [3, Any, "*"],
    ...EventKinds}, [Object.keys(EventKinds)]);
const ListEventsResponse = message("ListEventsResponse", {events: [1, Event, "*"], cursor: [2, "string"],
    has_more: [3, "bool"], annotations: [4, Any, "*"]});
const ErrorInfo = message("ErrorInfo", {reason: [1, "string"], domain: [2, "string"], metadata: [3, "string", "map"]});
const RateLimitDescription = message("RateLimitDescription", {status: [1, "enum"], limit: [2, "int64"],
    remaining: [3, "int64"], reset_at: [4, Timestamp]});

// Kinds of tasks: what is given to the program.

const AccountInfo = message("AccountInfo", {login: [2, "string"], profile: [4, Struct]});
const named = {name: [1, "string"], annotations: [2, Any, "*"]};
const TaskKinds = {
    none: [100, message("None", annotated)],
    hello: [101, message("HelloTask", annotated)],
    sync_full: [102, message("SyncFull", {...annotated, skip_expand_grants: [2, "bool"],
        skip_entitlements_and_grants: [3, "bool"], targeted_sync_resources: [4, Resource, "*"],
        sync_resource_type_ids: [5, "string", "*"], skip_grants: [6, "bool"], storage_engine: [7, "string"]})],
    grant: [103, message("GrantTask", {entitlement: [1, Entitlement], principal: [2, Resource],
        annotations: [3, Any, "*"], duration: [4, Duration]})],
    revoke: [104, message("RevokeTask", {grant: [1, Grant], annotations: [2, Any, "*"]})],
    create_account: [105, message("CreateAccount", {account_info: [1, AccountInfo], resource_type_id: [4, "string"]})],
    create_resource: [106, message("CreateResource", {resource: [1, Resource]})],
    delete_resource: [107, message("DeleteResource", {resource_id: [1, ResourceId],
        parent_resource_id: [2, ResourceId]})],
    rotate_credentials: [108, message("RotateCredentials", {resource_id: [1, ResourceId]})],
    event_feed: [109, message("EventFeedTask", {...annotated, start_at: [2, Timestamp]})],
    create_ticket_task: [110, Empty],
    list_ticket_schemas: [111, message("ListTicketSchemas", annotated)],
    get_ticket: [112, message("GetTicket", {ticket_id: [1, "string"]})],
    bulk_create_tickets: [113, Empty],
    bulk_get_tickets: [114, Empty],
    action_list_schemas: [115, message("ActionListSchemas", {...annotated, resource_type_id: [2, "string"]})],
    action_get_schema: [116, message("ActionGetSchema", named)],
    action_invoke: [117, message("ActionInvoke", {name: [1, "string"], args: [2, Struct],
        annotations: [3, Any, "*"], resource_type_id: [4, "string"]})],
    action_status: [118, message("ActionStatus", {name: [1, "string"], id: [2, "string"]})],
    create_sync_diff: [119, message("CreateSyncDiff", {base_sync_id: [1, "string"], new_sync_id: [2, "string"]})],
    compact_syncs: [120, Empty],
    list_event_feeds: [121, message("ListEventFeeds", annotated)],
    list_events: [122, message("ListEvents", {...annotated, cursor: [2, "string"], start_at: [3, Timestamp],
        event_feed_id: [4, "string"], page_size: [5, "uint32"]})],
    issue_credential: [123, message("IssueCredential", {identity_id: [1, ResourceId], expires_at: [4, Timestamp]})],
};
const Task = message("Task", {id: [1, "string"], status: [2, "enum"], debug: [3, "bool"], ...TaskKinds});

// c1.connectorapi.baton.v1: what the program sends.

const BuildInfo = message("BuildInfo", {lang_version: [1, "string"], package: [2, "string"],
    package_version: [3, "string"]});
const OSInfo = message("OSInfo", {hostname: [1, "string"], os: [2, "string"], platform: [3, "string"],
    platform_version: [4, "string"], platform_family: [5, "string"], kernel_version: [6, "string"],
    kernel_arch: [7, "string"], virtualization_system: [8, "string"]});
const Failure = message("Error", {non_retryable: [1, "bool"], annotations: [2, Any, "*"], response: [3, Any]});
const Success = message("Success", {...annotated, response: [2, Any]});

const requests = {
    Hello: message("Hello", {host_id: [1, "string"], task_id: [2, "string"], build_info: [3, BuildInfo],
        os_info: [4, OSInfo], connector_metadata: [5, ConnectorMetadata], annotations: [6, Any, "*"]}),
    GetTask: message("GetTask", {host_id: [1, "string"]}),
    GetTasks: message("GetTasks", {host_id: [1, "string"], page_size: [2, "uint32"],
        known_task_ids: [3, "string", "*"], annotations: [4, Any, "*"]}),
    Heartbeat: message("Heartbeat", {host_id: [1, "string"], task_id: [2, "string"], annotations: [3, Any, "*"],
        task_ids: [4, "string", "*"]}),
    FinishTask: message("FinishTask", {host_id: [1, "string"], task_id: [2, "string"], status: [3, Status],
        error: [100, Failure], success: [101, Success]}, [["error", "success"]]),
    UploadAsset: message("UploadAsset", {
        metadata: [100, message("UploadMetadata", {host_id: [1, "string"], task_id: [2, "string"],
            annotations: [4, Any, "*"]})],
        data: [101, message("UploadData", {data: [1, "bytes"]})],
        eof: [102, message("UploadEOF", {sha256_checksum: [1, "bytes"], annotations: [2, Any, "*"]})],
    }, [["metadata", "data", "eof"]]),
};

// … and what it is answered.

const responses = {
    Hello: message("HelloResponse", annotated),
    GetTask: message("GetTaskResponse", {task: [1, "bytes"], next_poll: [2, Duration],
        next_heartbeat: [3, Duration], annotations: [4, Any, "*"]}),
    GetTasks: message("GetTasksResponse", {tasks: [1, "bytes", "*"], next_poll: [2, Duration],
        next_heartbeat: [3, Duration], annotations: [4, Any, "*"]}),
    Heartbeat: message("HeartbeatResponse", {next_heartbeat: [1, Duration], cancelled: [2, "bool"],
        annotations: [3, Any, "*"], cancelled_task_ids: [4, "string", "*"]}),
    FinishTask: message("FinishTaskResponse", annotated),
    UploadAsset: message("UploadAssetResponse", annotated),
};

const packed = {Resource, ResourceType, Grant, Entitlement, ListEventFeedsResponse, ListEventsResponse,
    ConnectorCapabilities, RateLimitDescription, ErrorInfo};

// What is in an Any: {"@type": "Name", …its fields}; {type_url, value: hex} of a message that is not known here.
function unpack(any) {
    const table = packed[any.type_url?.split(".").pop()];
    if (!table) return {type_url: any.type_url ?? "", value: (any.value ?? Buffer.alloc(0)).toString("hex")};
    return {"@type": table.name, ...plain(decode(table, any.value ?? Buffer.alloc(0)))};
}

// The decoded message for people and JSON: what is in each Any, other bytes as hex.
function plain(value) {
    if (Buffer.isBuffer(value)) return value.toString("hex");
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== "object" || value === null) return value;
    if (typeof value.type_url === "string") return unpack(value);
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
}

module.exports = {requests, responses, packed, Any, Status, Task, TaskKinds, plain};

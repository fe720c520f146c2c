-- baton: the variables that ConductorOne's own connectors know (BATON_…), and what each means here.
--
-- By name: { into =, kind =, … } for one that is honoured, `into` being the place of its value in the options; or
-- { refused = why } for one that would have no effect: whoever set it is told in a sentence.
--   flag     of an honoured one: the help of the flag of `reeve c1` that goes before it (BATON_SKIP_GRANTS has
--            --skip-grants)
--   weak     true: another variable with the same `into` goes before it
--   unless   of a refused one: the value (a word, or true or false) that is harmless, since it asks for what happens
--            anyway
--   kind     id, secret, text (max: bytes), boolean, folder, integer (min, max), choice (choices: word -> value),
--            list (names with commas), resources (Baton IDs with commas)
local M = {}

local LEVELS = { debug = "debug", info = "info", warn = "warn", error = "error" }

local function refused(why, unless)
  return { refused = why, unless = unless }
end

local ONE_SHOT = refused "it is for one run by hand, which reeve has no part of: `reeve c1` serves tasks"
local TELEMETRY = refused "reeve sends no telemetry; `reeve status -o prometheus` is for monitors"
local EXTERNAL = refused "reeve takes no resources of another connector's file"
local WRITING = "reeve writes nothing to a target: such tasks are answered with UNIMPLEMENTED"
local OWN_FILES = refused "reeve keeps and reads files by rules of its own; nothing is to be said about them"

M.variables = {
  BATON_CLIENT_ID = { into = "client_id", kind = "id",
    flag = "client id of the connector, as ConductorOne shows it" },
  BATON_CLIENT_SECRET = { into = "client_secret", kind = "secret",
    flag = "its secret: - (a line of stdin, or asked for), env:NAME, file:PATH or cred:NAME" },
  BATON_C1_API_HOST = { into = "api_host", kind = "text" },
  BATON_HOST_ID = { into = "host_id", kind = "text", max = 256 },
  BATON_GET_TASKS = { into = "get_tasks", kind = "boolean" },
  BATON_TASK_CONCURRENCY = { into = "task_concurrency", kind = "integer", min = 1, max = 100,
    flag = "tasks of a connector worked on at once (1 to 100; 3)" },
  BATON_LOG_LEVEL = { into = "log_level", kind = "choice", choices = LEVELS, flag = "what is logged" },
  BATON_LOG_FORMAT = { into = "log_format", kind = "choice", choices = { json = "json", console = "text" } },
  BATON_SYNC_RESOURCE_TYPES = { into = "sync.types", kind = "list",
    flag = "only these resource types, with commas between them" },
  BATON_SYNC_RESOURCES = { into = "sync.targets", kind = "resources",
    flag = "only these resources: bid:r:TYPE/ID, with commas between them" },
  BATON_SKIP_ENTITLEMENTS_AND_GRANTS = { into = "sync.skip_entitlements_and_grants", kind = "boolean",
    flag = "resources alone" },
  BATON_SKIP_GRANTS = { into = "sync.skip_grants", kind = "boolean", flag = "no grants" },
  BATON_C1Z_TEMP_DIR = { into = "temp_dir", kind = "folder" },
  BATON_TMPDIR = { into = "temp_dir", kind = "folder", weak = true },
  BATON_HTTP_TIMEOUT_SECONDS = { into = "http_timeout_s", kind = "integer", min = 1, max = 1800 },
  BATON_HEALTH_CHECK = { into = "health.on", kind = "boolean", flag = "answer /health, /ready and /live" },
  BATON_HEALTH_CHECK_PORT = { into = "health.port", kind = "integer", min = 0, max = 65535,
    flag = "port for them (8081)" },
  BATON_HEALTH_CHECK_BIND_ADDRESS = { into = "health.address", kind = "text", flag = "address for them (127.0.0.1)" },

  BATON_PROVISIONING = refused(WRITING, "false"),
  BATON_TICKETING = refused(WRITING, "false"),
  BATON_SKIP_FULL_SYNC = refused("it would bring ConductorOne an empty sync, after which everybody is gone", "false"),
  BATON_STORAGE_ENGINE = refused("reeve writes files for sqlite, which ConductorOne reads too", "sqlite"),
  BATON_FILE = refused "`reeve export NAME -o c1z -f FILE` writes a file",
  BATON_CONFIG_PATH = refused "`reeve set NAME key=value` says what stands in that file",
  BATON_LOG_PATH = refused "log lines go to stderr: redirect it",
  BATON_LOG_LEVEL_DEBUG_EXPIRES_AT = refused "a log level stays until reeve ends; BATON_LOG_LEVEL says it",
  BATON_WORKERS = refused "`reeve set NAME http.concurrency=N` says how many requests run at once",
  BATON_AUTH_METHOD = refused "`reeve set NAME` says how a connector signs in; plugins tell their settings",
  BATON_SESSION_STORE_MAXIMUM_SIZE = refused "reeve has no session store",
  BATON_KEEP_PREVIOUS_SYNC_C1Z = OWN_FILES,
  BATON_KEEP_SYNC_COUNT = OWN_FILES,
  BATON_SKIP_CLEANUP = OWN_FILES,
  BATON_DECODER_MAX_DECODED_SIZE_MB = OWN_FILES,
  BATON_DECODER_MAX_MEMORY_MB = OWN_FILES,
  BATON_EXTERNAL_RESOURCE_C1Z = EXTERNAL,
  BATON_EXTERNAL_RESOURCE_ENTITLEMENT_ID_FILTER = EXTERNAL,
  BATON_EXTERNAL_RESOURCE_TRAITS = EXTERNAL,
}

for name in ([[GRANT_ENTITLEMENT GRANT_PRINCIPAL GRANT_PRINCIPAL_TYPE REVOKE_GRANT CREATE_ACCOUNT_LOGIN
  CREATE_ACCOUNT_EMAIL CREATE_ACCOUNT_PROFILE CREATE_ACCOUNT_RESOURCE_TYPE DELETE_RESOURCE DELETE_RESOURCE_TYPE
  ROTATE_CREDENTIALS ROTATE_CREDENTIALS_TYPE EVENT_FEED EVENT_FEED_ID EVENT_FEED_START_AT EVENT_FEED_CURSOR
  INVOKE_ACTION INVOKE_ACTION_ARGS INVOKE_ACTION_RESOURCE_TYPE LIST_ACTION_SCHEMAS CREATE_TICKET
  TICKET_TEMPLATE_PATH GET_TICKET TICKET_ID LIST_TICKET_SCHEMAS]]):gmatch "%S+" do
  M.variables["BATON_" .. name] = ONE_SHOT
end

--- What a variable means; nil for one that is not known.
function M.entry(name)
  return M.variables[name] or name:find("^BATON_OTEL_") and TELEMETRY or nil
end

--- The name of a variable's flag, without its dashes.
function M.flag(name)
  return (name:gsub("^BATON_", ""):gsub("_", "-"):lower())
end

return M

-- What `reeve c1` is told by flags and BATON_ variables: every one of ConductorOne's own connectors is honoured or
-- refused with a sentence, and what is none of them is refused too.
local reeve = require "reeve"

-- Every flag and variable of the fact sheet (section 10), word by word.
local ALL = [[client-id client-secret file provisioning ticketing log-level log-format log-path
  log-level-debug-expires-at task-concurrency workers skip-full-sync sync-resources sync-resource-types
  skip-entitlements-and-grants skip-grants storage-engine keep-previous-sync-c1z c1z-temp-dir http-timeout-seconds
  auth-method external-resource-c1z external-resource-entitlement-id-filter external-resource-traits
  otel-collector-endpoint otel-collector-endpoint-tls-cert health-check health-check-port health-check-bind-address
  grant-entitlement grant-principal grant-principal-type revoke-grant create-account-login create-account-email
  create-account-profile create-account-resource-type delete-resource delete-resource-type rotate-credentials
  rotate-credentials-type event-feed event-feed-id event-feed-start-at event-feed-cursor invoke-action
  invoke-action-args invoke-action-resource-type list-action-schemas create-ticket ticket-template-path get-ticket
  ticket-id list-ticket-schemas session-store-maximum-size
  c1-api-host host-id get-tasks config-path tmpdir keep-sync-count skip-cleanup decoder-max-decoded-size-mb
  decoder-max-memory-mb]]

local PLUGIN = { ["plugin.lua"] = [[return {
  api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "An example",
  settings = { { name = "token", kind = "secret" }, { name = "site", aliases = { "BATON_ACME_SITE" } } },
  hosts = { "api.example.com" }, resources = { user = { title = "User", trait = "user" } } }]],
  ["connector.lua"] = "return { list = {} }", ["mapping.lua"] = "return {}" }

local home
setup(function()
  home = reeve.home()
  reeve.plugin(home, "acme", PLUGIN)
  reeve.connector(home, "main", { plugin = "acme", settings = { token = "env:BATON_ACME_TOKEN" },
    c1 = { client_id = "otter@acme.example/bct", client_secret = "env:BATON_OTHER" } })
  reeve.connector(home, "other", { plugin = "acme" })
end)

-- What environment.read makes of these variables and flags, or { code, message, hint }. secrets are "***".
local function read(env, flags, connectors, spec)
  spec = spec or {}
  spec.env = env
  local words = { reeve.encode(flags or {}), reeve.encode(connectors or reeve.array { "main" }), home }
  table.move(words, 1, #words, #spec + 1, spec)
  local out = reeve.engine([[
    local json, secret, sys = require "host.json", require "host.secret", require "host.sys"
    local flags, names, dir = json.decode((...)), json.decode((select(2, ...))), (select(3, ...))
    local home = require("config.home").open { home = dir }
    local ok, got = pcall(require("serve.environment").read, flags, home, names)
    if not ok and not got.code then error(got, 0) end
    if ok then
      got.client_secret = secret.is(got.client_secret) and tostring(got.client_secret) or nil
      got.left = {}
      for _, name in ipairs { "BATON_CLIENT_SECRET", "REEVE_HTTP_TIMEOUT_S", "REEVE_LOG_FORMAT" } do
        got.left[name] = os.getenv(name)
      end
      got.debug = require("log").wanted("debug")
    end
    print(json.encode(ok and got or { code = got.code, message = got.message, hint = got.hint }))
  ]], spec)
  return reeve.json(out)
end

local function variable(flag) return "BATON_" .. flag:upper():gsub("-", "_") end

describe("a variable of ConductorOne's connectors", function()
  it("is honoured or refused with a sentence, each of them", function()
    local words = {}
    for flag in ALL:gmatch("%S+") do words[#words + 1] = variable(flag) end
    local n = #words
    local out = reeve.engine([[
      local baton = require "serve.baton"
      for _, name in ipairs(arg) do
        local entry = baton.entry(name) or {}
        print(name, entry.into and "honoured" or type(entry.refused) == "string" and "refused" or "neither")
      end
    ]], words)
    assert.is_nil(out:find("neither", 1, true), out)
    local _, honoured = out:gsub("\thonoured\n", "")
    assert.equal(n, honoured + select(2, out:gsub("\trefused\n", "")))
    assert.equal(18, honoured)
  end)

  it("is read, or is none where it is empty", function()
    local folder = reeve.folder()
    local got = read { BATON_CLIENT_ID = "otter@acme.example/bct", BATON_CLIENT_SECRET = "hunter2hunter2",
      BATON_C1_API_HOST = "127.0.0.1:9443", BATON_HOST_ID = "pod-7", BATON_GET_TASKS = "true",
      BATON_TASK_CONCURRENCY = "7", BATON_LOG_LEVEL = "debug", BATON_LOG_FORMAT = "console",
      BATON_SYNC_RESOURCE_TYPES = "user, role", BATON_SYNC_RESOURCES = [[bid:r:user/1,bid:r:org/a\/b/repo/x\:y]],
      BATON_SKIP_ENTITLEMENTS_AND_GRANTS = "1", BATON_SKIP_GRANTS = "T", BATON_STORAGE_ENGINE = "sqlite",
      BATON_C1Z_TEMP_DIR = folder, BATON_TMPDIR = "/", BATON_HTTP_TIMEOUT_SECONDS = "1800", BATON_HEALTH_CHECK = "true",
      BATON_HEALTH_CHECK_PORT = "18081", BATON_HEALTH_CHECK_BIND_ADDRESS = "::1",
      BATON_PROVISIONING = "false", BATON_SKIP_FULL_SYNC = "0", BATON_FILE = "" }
    assert.same({ client_id = "otter@acme.example/bct", client_secret = "***", api_host = "127.0.0.1:9443",
      host_id = "pod-7", get_tasks = true, task_concurrency = 7, log_level = "debug", log_format = "text",
      sync = { types = { "user", "role" }, targets = { { type = "user", id = "1" }, { type = "repo", id = "x:y" } },
        skip_entitlements_and_grants = true, skip_grants = true },
      temp_dir = folder, http_timeout_s = 1800, health = { on = true, port = 18081, address = "::1" },
      left = { REEVE_HTTP_TIMEOUT_S = "1800", REEVE_LOG_FORMAT = "text" }, debug = true }, got)
    got = read { BATON_TMPDIR = folder, BATON_CLIENT_ID = "", BATON_TASK_CONCURRENCY = "", BATON_STORAGE_ENGINE = "",
      REEVE_HTTP_TIMEOUT_S = "5", BATON_HTTP_TIMEOUT_SECONDS = "60" }
    assert.equal(folder, got.temp_dir)
    assert.equal(3, got.task_concurrency)
    assert.equal("5", got.left.REEVE_HTTP_TIMEOUT_S)
    assert.is_false(got.debug)
    assert.is_nil(got.client_id)
  end)

  it("ends with 3 and what is expected where its value is none", function()
    for name, value in pairs { BATON_TASK_CONCURRENCY = "101", BATON_GET_TASKS = "maybe", BATON_LOG_LEVEL = "loud",
      BATON_HTTP_TIMEOUT_SECONDS = "1801", BATON_HEALTH_CHECK_PORT = "65536", BATON_C1Z_TEMP_DIR = "/nowhere/at/all",
      BATON_HOST_ID = ("h"):rep(257), BATON_SYNC_RESOURCES = "user/1", BATON_SYNC_RESOURCE_TYPES = "user;role" } do
      local got = read { [name] = value }
      assert.equal("config", got.code, name)
      assert.matches("^" .. name .. ": .* expected, got", got.message)
    end
    for _, nothing in ipairs { ",", " , " } do -- which would be all
      assert.equal("config", read({ BATON_SYNC_RESOURCES = nothing }).code)
      assert.equal("config", read({ BATON_SYNC_RESOURCE_TYPES = nothing }).code)
    end
    local wrong = { "bid:r:user", "bid:r:/1", "bid:r:user/", "bid:r:a/b/c", "bid:e:user/1:x", "bid:r:user/1:x",
      [[bid:r:user/a\x]] }
    for _, bid in ipairs(wrong) do
      assert.equal("config", read({ BATON_SYNC_RESOURCES = bid }).code, bid)
    end
  end)

  it("is refused where it would be ignored, and where nobody knows it", function()
    local got = read { BATON_SKIP_FULL_SYNC = "true" }
    assert.equal("config", got.code)
    assert.matches("^BATON_STORAGE_ENGINE: reeve writes files for sqlite",
      read({ BATON_STORAGE_ENGINE = "pebble" }).message)
    assert.matches("^BATON_SKIP_FULL_SYNC: it would bring ConductorOne an empty sync", got.message)
    got = read { BATON_FILE = "sync.c1z", BATON_PROVISIONING = "true", BATON_OTEL_COLLECTOR_ENDPOINT = "x:1" }
    assert.matches("^BATON_FILE: `reeve export NAME %-o c1z %-f FILE` writes a file; nor are taken: "
      .. "BATON_OTEL_COLLECTOR_ENDPOINT, BATON_PROVISIONING$", got.message)
    got = read { BATON_TASK_CONCURENCY = "7" }
    assert.matches("^did you mean 'BATON_TASK_CONCURRENCY'%?", got.hint)
    assert.is_nil(read({ BATON_FOO = "x" }).hint:find("did you mean", 1, true)) -- BATON_FILE, which is not taken
    got = read { BATON_ACME_CLIENT_ID = "x" }
    assert.equal("BATON_ACME_CLIENT_ID: reeve knows no such variable", got.message)
    assert.matches("`reeve set NAME acme_client_id=…`, or, where it is a secret, by "
      .. "`acme_client_id=env:BATON_ACME_CLIENT_ID`", got.hint, 1, true)
  end)

  it("is a connector's own where its settings refer to it", function()
    local env = { BATON_ACME_TOKEN = "hunter2hunter2", BATON_ACME_SITE = "here", BATON_OTHER = "hunter3hunter3" }
    assert.is_nil(read(env).code)
    assert.matches("BATON_ACME_TOKEN", read(env, {}, { "other" }).message)
  end)

  it("with the id has one with the secret, and only one connector", function()
    for name in ("BATON_CLIENT_ID BATON_CLIENT_SECRET"):gmatch("%S+") do
      local got = read { [name] = "hunter2hunter2" }
      assert.equal("config", got.code)
      local other = name == "BATON_CLIENT_ID" and "SECRET" or "ID"
      assert.matches("go together, and the " .. other:lower() .. " is missing", got.message)
      assert.matches("BATON_CLIENT_" .. other .. " says it, or --client-" .. other:lower(), got.hint, 1, true)
      assert.is_nil(got.message:find("hunter2", 1, true))
    end
    local both = { BATON_CLIENT_ID = "otter@acme.example/bct", BATON_CLIENT_SECRET = "hunter2hunter2" }
    local got = read(both, {}, { "main", "other" })
    assert.equal("usage", got.code)
    assert.matches("c1.client_secret", got.hint, 1, true)
  end)
end)

describe("a flag", function()
  it("goes before its variable", function()
    local flags = { task_concurrency = 9, health_check = true, sync_resource_types = "user", log_level = "warn",
      client_id = "x@acme.example/bct", client_secret = "-" }
    local env = { BATON_TASK_CONCURRENCY = "7", BATON_CLIENT_ID = "y", BATON_CLIENT_SECRET = "hunter2hunter2" }
    local got = read(env, flags, nil, { stdin = "hunter3hunter3\n" })
    assert.equal(9, got.task_concurrency)
    assert.is_true(got.health.on)
    assert.same({ "user" }, got.sync.types)
    assert.equal("x@acme.example/bct", got.client_id)
    assert.equal("***", got.client_secret)
    assert.equal("warn", got.log_level)
    assert.is_nil(got.left.BATON_CLIENT_SECRET)
  end)

  it("that is wrong is a usage error, and a secret in it is not told", function()
    local got = read({}, { task_concurrency = 101 })
    assert.equal("usage", got.code)
    assert.matches("^%-%-task%-concurrency: a number from 1 to 100 expected", got.message)
    for _, literal in ipairs { "hunter2hunter2", "store:hunter2hunter2" } do
      got = read({ BATON_CLIENT_ID = "x" }, { client_secret = literal })
      assert.equal("usage", got.code)
      assert.is_nil((got.message .. got.hint):find("hunter2", 1, true))
    end
  end)
end)

describe("types and resources that syncs are to be of", function()
  -- What each of two connectors is to sync, or what is raised.
  local function scopes(sync)
    return reeve.json((reeve.engine([[
      local json = require "host.json"
      local function set(...)
        local types = {}
        for _, type in ipairs { ... } do types[type] = {} end
        return types
      end
      local ok, got = pcall(require("serve.scope").of, json.decode((...)), {
        { name = "main", types = set("user", "team") }, { name = "other", types = set("user", "role") } })
      if not ok and not got.code then error(got, 0) end
      print(json.encode(ok and got or { code = got.code, message = got.message, hint = got.hint }))
    ]], { reeve.encode(sync) })))
  end

  it("are those of each connector that it has, and all where nothing is said", function()
    assert.same({ main = { types = { "user", "team" }, skip_grants = true }, other = { types = { "role", "user" },
      skip_grants = true } }, scopes { types = { "role", "user", "team" }, skip_grants = true })
    local one, two = { type = "team", id = "1" }, { type = "role", id = "2" }
    assert.same({ main = { targets = { one } }, other = { targets = { two } } }, scopes { targets = { one, two } })
    assert.same({ main = {}, other = {} }, scopes { types = reeve.array() })
  end)

  it("are refused where no connector has one, and where a connector has none of them", function()
    local got = scopes { types = { "user", "rolle" } }
    assert.same({ "config", "did you mean 'role'?" }, { got.code, got.hint })
    assert.equal("no connector has a resource type 'rolle', and syncs are to be of it alone", got.message)
    for _, sync in ipairs { { types = { "team" } }, { targets = { { type = "team", id = "1" } } } } do
      got = scopes(sync)
      assert.equal("config", got.code)
      assert.equal("other has none of the resource types that syncs are to be of (team)", got.message)
      assert.matches("^its types: role, user; or serve it by a `reeve c1` of its own", got.hint)
    end
  end)
end)

describe("the file .baton.yaml", function()
  it("is said to be not read", function()
    local folder = reeve.folder()
    reeve.write(folder .. "/.baton.yaml", "client-id: x\n")
    local r = reeve.run { program = reeve.host, cwd = folder, env = { BATON_LOG_FORMAT = "console" }, -- not json
      reeve.write(reeve.path("read.lua"), ([[require("serve.environment").read({},
        require("config.home").open { home = "%s" }, {})]]):format(home)) }
    assert.matches("^%d[^\n{]* %.baton%.yaml is not read", r.err)
  end)
end)

describe("the machine", function()
  it("has eight texts that are not empty, bounded and UTF-8, and a name", function()
    local got = reeve.json(reeve.engine [[
      local machine = require "serve.machine"
      print(require("host.json").encode { os = machine.os_info(), build = machine.build_info(),
        host = machine.host_id(), chosen = machine.host_id "pod-7" })]])
    local n = 0
    for _, text in pairs(got.os) do
      n = n + 1
      assert.is_true(#text > 0 and #text <= 256 and utf8.len(text) ~= nil)
    end
    assert.equal(8, n)
    assert.equal("linux", got.os.os)
    assert.equal((reeve.shell("uname -r"):gsub("\n", "")), got.os.kernel_version)
    assert.equal((reeve.shell("uname -m"):gsub("\n", "")), got.os.kernel_arch)
    assert.equal((reeve.shell(". /etc/os-release; printf %s \"$ID\"")), got.os.platform)
    assert.equal("reeve", got.build.package)
    assert.equal("pod-7", got.chosen)
    assert.is_true(#got.host > 0)
  end)

  it("has fallbacks where the system says nothing, or nonsense", function()
    local got = reeve.json(reeve.engine [[
      local sys = require "host.sys"
      sys.uname = function() return { system = "", release = "", machine = "" } end
      sys.hostname = function() return "" end
      sys.read_file = function() return nil, "none", "not_found" end
      local machine = require "serve.machine"
      local bare, host = machine.os_info(), machine.host_id()
      sys.read_file = function() return 'ID="de\255bian"\nVERSION_ID=' .. ("9"):rep(300) .. "\nID_LIKE='a b'\n" end
      print(require("host.json").encode { bare = bare, host = host, odd = machine.os_info() })]])
    got.bare.virtualization_system = nil
    assert.same({ hostname = "unknown", os = "linux", platform = "linux", platform_version = "unknown",
      platform_family = "linux", kernel_version = "unknown", kernel_arch = "unknown" }, got.bare)
    assert.equal("baton-sdk", got.host)
    assert.equal("de?bian", got.odd.platform)
    assert.equal(256, #got.odd.platform_version)
    assert.equal("a", got.odd.platform_family)
  end)
end)

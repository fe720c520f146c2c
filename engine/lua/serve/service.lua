-- service: `reeve c1`: the sessions of all its connectors with ConductorOne, in one process, with one HTTP client and
-- one port for health.
--
-- It touches no connector's state: that is for the processes it starts, so that it stays small and goes on whatever
-- becomes of them.
local exit = require "exit"
local fail = require "fail"
local log = require "log"
local mode = require "mode"
local sys = require "host.sys"
local task = require "target.task"

local M = {}

-- Where the files of a connector's tasks are: in its state, or in the folder that the operator chose. That one may
-- serve several homes, each with a connector of this name: a hash of the state's path keeps them apart.
local function path_of(state, name, options)
  if not options.temp_dir then return state .. "/c1" end
  return ("%s/reeve-c1-%s-%s"):format(options.temp_dir, name, require("host.secret").hash(state):sub(1, 16))
end

-- Makes that folder, empty and its owner's alone. Who has the lock is the connector's only service, so that what
-- former tasks left there is nobody's any more.
local function folder_of(ctx, name, options)
  local state = ctx.home:state_dir(name)
  fail.try(sys.mkdir_p(state, mode.private_folder))
  local lock, message, code = sys.lock(state .. "/c1.lock")
  if not lock then fail(code, name .. ": " .. message, "one `reeve c1` is enough for a connector") end
  lock:note "reeve c1"
  local folder = path_of(state, name, options)
  sys.remove_tree(folder)
  fail.try(sys.mkdir_p(folder, mode.private_folder))
  fail.try(sys.check_file(folder, "private"))
  return folder, lock
end

-- What ConductorOne is told of a connector: read anew each time, as its file and plugin may have changed.
local function metadata_of(ctx, name)
  return function()
    local connector = require("config.connector").load(ctx.home, name)
    local manifest = connector.manifest
    return { display_name = connector.app or manifest.title, description = manifest.summary,
      help_url = (manifest.docs or ""):find("^https://") and manifest.docs or nil,
      capabilities = require("c1.capabilities").of(manifest, connector) }
  end
end

-- The options of each connector's syncs, by name. What is wrong in its file or plugin, or in what is wanted of its
-- syncs, is told before anything is begun.
local function scopes(ctx, names, sync)
  local connectors = {}
  for i, name in ipairs(names) do
    local connector = require("config.connector").load(ctx.home, name)
    require("import.imported").refuse(connector)
    connectors[i] = { name = name, types = connector.manifest.resources }
  end
  return require("serve.scope").of(sync, connectors)
end

-- All connectors begin at once, and one connection carries a hundred calls: each one more would have its own, at a
-- MiB for the authorities that are trusted.
local HELLOS <const> = 48

local function hellos_of(shared, origin)
  local turns = shared.hellos[origin] or require("serve.turn").new(HELLOS)
  shared.hellos[origin] = turns
  return turns
end

local function session_of(ctx, name, credential, options, shared)
  local metadata = metadata_of(ctx, name)
  metadata() -- it can be told
  local folder, lock = folder_of(ctx, name, options)
  local channel = require("serve.grpc").channel { client = shared.client, origin = credential.origin,
    token = require("serve.token").new { credential = credential, client = shared.client },
    agent = require("serve.account").agent(credential) }
  return require("serve.session").new { name = name, channel = channel, lock = lock, folder = folder,
    host_id = require("serve.machine").host_id(options.host_id), slots = options.task_concurrency,
    batch = options.get_tasks, metadata = metadata, options = shared.scopes[name], jobs = shared.jobs,
    hellos = hellos_of(shared, credential.origin),
    work = function(path) return require("serve.process").run(ctx, "c1-task", name, path) end }
end

-- What a connector may have open at once: its lock, two connections, the file that is sent; and the program itself.
local OPEN <const>, OPEN_SELF <const> = 4, 32
local CONNECTORS_MAX <const> = 256 -- their secrets are looked for in every text (LIMIT_SECRETS)

-- What would be missed later, in the middle of a task, is asked for before anything is begun.
local function check_room(n)
  if n > CONNECTORS_MAX then
    fail("config", ("%d connectors are more than the %d that one process serves"):format(n, CONNECTORS_MAX),
      "let several `reeve c1 NAME…` have a part of them each")
  end
  local wanted = OPEN_SELF + n * OPEN
  local allowed = sys.descriptors(wanted)
  if allowed >= wanted then return end
  fail("config", ("to serve %s takes up to %d open files, and %d are allowed"):format(
    require("ui.text").count(n, "connector"), wanted, allowed), "`ulimit -n` raises that, LimitNOFILE= under systemd, "
    .. "--ulimit nofile= for a container")
end

-- One client for all connectors. It has room for each task's own call and a heartbeat beside it, and for polls and
-- tokens, so that no connector waits for a slot that another holds.
local function client_of(credentials, options)
  local n = 0
  for _ in pairs(credentials) do n = n + 1 end
  local client = fail.try(require("host.http").client { timeout_s = options.http_timeout_s,
    concurrency = n * 2 * (options.task_concurrency + 2) })
  for _, credential in pairs(credentials) do fail.try(client:allow(credential.host)) end
  return client
end

-- Runs a session until ConductorOne refuses it, which is kept in `failures`. Where there are others they go on, and
-- it is logged at once; alone, it is what this program ends with.
local function begin(session, failures, others)
  return task.spawn(function()
    local ok, why = pcall(session.run, session)
    if ok then return end
    session.failure = fail.is(why) and why or fail.new("failed", tostring(why))
    failures[#failures + 1] = session.failure
    if others then log.error(session.failure.message, { connector = session.name, hint = session.failure.hint }) end
  end)
end

local function all_greeted(sessions)
  for _, session in ipairs(sessions) do
    if not session.greeted then return false end
  end
  return true
end

-- Is a connector good? Not once ConductorOne has refused it; else `reeve check` says.
local function validation(ctx, sessions)
  return function(name)
    for _, session in ipairs(sessions) do
      if session.name == name and session.failure then return false, session.failure.message end
    end
    return require("serve.process").check(ctx.home.dir, name)
  end
end

-- A port that cannot be had is only a warning, unless somebody asked for health: two services on one machine cannot
-- both have the usual one.
local function serve_health(ctx, names, sessions, options)
  local wanted = options.health
  if wanted.on == false then return end
  local ok, why = pcall(require("serve.health").serve, { address = wanted.address, port = wanted.port,
    connectors = names, ready = function() return all_greeted(sessions) end, validate = validation(ctx, sessions) })
  if ok then return log.info("health is served", { url = why:url() }) end
  if wanted.on or not fail.is(why) or why.code == "config" then error(why, 0) end
  log.warn("health is not served", { message = why.message })
end

local function serve(ctx, names, options, sessions)
  local failures, tasks, statuses = {}, {}, {}
  local credentials = require("serve.account").all(ctx.home, names, options)
  local shared = { client = client_of(credentials, options), scopes = scopes(ctx, names, options.sync),
    jobs = require("serve.turn").new(ctx.home.options.jobs or 2), hellos = {} }
  for i, name in ipairs(names) do sessions[i] = session_of(ctx, name, credentials[name], options, shared) end
  serve_health(ctx, names, sessions, options)
  for i, session in ipairs(sessions) do tasks[i] = begin(session, failures, #sessions > 1) end
  for _, t in ipairs(tasks) do t:join() end
  if #failures == 1 then error(failures[1], 0) end
  for i, e in ipairs(failures) do statuses[i] = exit.status(e.code) end
  fail(exit.name(exit.urgent(statuses)), "ConductorOne refuses all of these connectors")
end

local function farewell(sessions)
  local words = {}
  for i, session in ipairs(sessions) do words[i] = function() session:farewell() end end
  task.all(words)
end

--- Serves until a signal comes: 0; or until ConductorOne has refused every connector, which is raised.
function M.run(ctx, names, options)
  check_room(#names)
  sys.catch_signals()
  local ended, sessions = {}, {}
  task.on_poll(function()
    if sys.signal_pending() then error(ended, 0) end
  end)
  local ok, why = pcall(task.run, serve, ctx, names, options, sessions)
  task.on_poll(nil)
  if not ok and why ~= ended then error(why, 0) end
  task.run(farewell, sessions)
  log.info("ended", { signal = sys.signal_pending() })
  return 0
end

return M

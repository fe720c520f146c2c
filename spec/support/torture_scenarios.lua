-- torture_scenarios: what torture.lua does to the program: small commands that write state or files.
--
-- A scenario: prepare(home), once; `words`, what is tortured, or words(home), as each try has a copy of it;
-- `view`, what must be the old or the new (what `reeve list` shows, unless told), with `loose` each line of it;
-- `again`, other words that mend what a failed run left; check(home, r), what else is wrong, or nil; told(home),
-- whether it said elsewhere than on stderr that it failed; `stdin`; done(), at the end.
local acme = require "acme"
local c1z = require "c1z"
local reeve = require "reeve"

local CLIENT <const> = { id = "sim-client-id", secret = "sim-client-secret" }
local GUARD <const> = { ["role:member"] = { removed = "90%", gained = 1000 } }

local M = {}

local sim = reeve.sim { plugin = "torq", users = 20, roles = 6, timeout = 3600 }
M.stop = function() sim:stop() end

--- Runs the program, or another one, on a home.
function M.run(home, words, env)
  words.home = home
  words.env = { SECRET = CLIENT.secret, ASAN_OPTIONS = "detect_leaks=1:exitcode=99",
    UBSAN_OPTIONS = "halt_on_error=1:exitcode=99" }
  for name, value in pairs(env or {}) do words.env[name] = value end
  return reeve.run(words)
end

--- The same, insisting on the exit status.
function M.must(home, words, code, env)
  local r = M.run(home, words, env)
  if r.code ~= (code or 0) then error(("exit %d\n%s%s"):format(r.code, r.out, r.err), 2) end
  return r
end

local function connector(home)
  reeve.connector(home, "acme", {
    plugin = "torq",
    settings = { client_id = CLIENT.id, client_secret = "env:SECRET", api_url = sim.url .. "/public/v1alpha",
      auth_url = sim.url .. "/v1/auth/token" },
    http = { retry_s = 2 }, guard = GUARD,
  })
end

local function sync(home) M.must(home, { "sync", "acme" }) end

local function synced(home)
  connector(home)
  sync(home)
end

local function held(home)
  synced(home)
  sim:set { users = 8 }
  M.must(home, { "sync", "acme" }, 6)
end

local function still() sim:set { drift = 0, users = 20 } end

-- What a reader sees, or the words that there is nothing.
local function shown(home, words)
  local r = M.run(home, words)
  if r.code ~= 0 and r.code ~= 1 then return "unreadable: " .. r.code .. " " .. r.err end
  return r.code == 0 and r.out or "none"
end

-- All of these lists; those that were fetched side by side come in any order.
local function seen(home, lists)
  local all = {}
  for _, list in ipairs(lists) do
    local name, kind = list:match "(%S+) (%S+)"
    for line in shown(home, { "list", name, kind, "-o", "jsonl" }):gmatch("[^\n]+") do all[#all + 1] = line end
  end
  table.sort(all)
  return table.concat(all, "\n")
end

--- The last accepted state.
function M.records(home)
  return seen(home, { "acme resources", "acme entitlements", "acme grants" })
end

local function imported(home)
  return seen(home, { "old resources", "old grants" })
end

local function sealed(home)
  return (shown(home, { "secret", "list", "-o", "jsonl" }):gsub('"%d+%-%d+%-%d+T[^"]*"', '"…"'))
end

-- What is configured: the connector's file and, where it refers to a sealed secret, that one. (A secret is
-- sealed before the file that refers to it is written; one that no file refers to does no harm.)
local function configured(home)
  local file = reeve.read(home .. "/connectors/acme.json")
  if not file or not file:find("store:", 1, true) then return file or "none" end
  return file .. sealed(home)
end

-- Which secret is sealed: each time it is, its version is another.
local function version(home)
  return reeve.engine([[
    local state = ...
    io.write(require("state.ledger").open({ state = state }):version("acme", "client_secret"))
  ]], { home .. "/state" })
end

-- Files that were written: their names and digests.
local function files(home)
  return (reeve.shell(("cd %s/out && find . -type f | sort | xargs md5sum"):format(reeve.quote(home))))
end

-- How long they are, where times and stand-ins in them are others each time.
local function lines(home)
  return (reeve.shell(("cd %s/out && wc -l *"):format(reeve.quote(home))))
end

-- The rows of a .c1z file but for the id of its sync, which is always another.
local function rows(path)
  local ok, ask = pcall(c1z.unpacked, path)
  return ok and ask [[
    select external_id, hex(data) from v1_resource_types union all
    select external_id, hex(data) from v1_resources union all
    select external_id, hex(data) from v1_entitlements union all
    select external_id, hex(data) from v1_grants union all
    select started_at, ended_at from v1_sync_runs
  ]] or "damaged"
end

-- A file that an export has written before of another state.
local function export(form, name, view)
  local function words(home) return { "export", "acme", "-o", form, "-f", home .. "/out/" .. name } end
  return { name = "export-" .. form, words = words, view = view or files, done = still, loose = form == "csv",
    prepare = function(home)
      synced(home)
      reeve.ok { program = "mkdir", home .. "/out" }
      M.must(home, words(home))
      sim:set { drift = 0.2 }
      sync(home)
    end }
end

local FINISHED <const> = [[
  local bytes = io.open(..., "rb"):read("a")
  local how = assert(require("host.wire").decode(require "c1.messages",
    "c1.connectorapi.baton.v1.BatonServiceFinishTaskRequest", bytes))
  io.write(how.success and "success" or how.error and "error" or "neither")
]]

-- How the task ended, by what is in its folder, which the service believes.
local function end_of_task(home)
  local path = home .. "/task/finish"
  return reeve.read(path) and reeve.engine(FINISHED, { path }) or "nothing"
end

local function check_task(home, r)
  local how = end_of_task(home)
  if r.code == 0 and how ~= "success" then return "it ended with 0, and the task's end is " .. how end
  if how == "neither" then return "the task has an end that is none" end
  if how ~= "success" then return nil end
  local exported = reeve.path "task.c1z"
  M.must(home, { "export", "acme", "-o", "c1z", "-f", exported })
  if rows(home .. "/task/sync.c1z") ~= rows(exported) then return "the task ended well without its file" end
end

local function task_told(home) return end_of_task(home) == "error" end

local function task_folder(home)
  reeve.write(home .. "/task/task", c1z.field(1, "t1") .. c1z.field(102, ""))
  reeve.write(home .. "/task/options", "{}")
end

local CHANGES <const> = [[
M.list = { user = { full = function(ctx)
  local res = ctx.http:get "/users"
  for x in res:each "items" do ctx.emit("user", x) end
  ctx.mark(res.rest.mark)
  ctx.store:put("name", "kept")
end, changed = function(ctx, _, since)
  ctx.emit("user", { id = "u5", name = ctx.store:get "name" or "lost" })
  local res = ctx.http:get("/changes", { query = { since = since } })
  for x in res:each "items" do
    if x.gone then ctx.gone("user", x.id) else ctx.emit("user", x) end
  end
  ctx.mark(res.rest.mark)
end } }]]

local changing -- the target whose lists know what changed

local function people(mark, ...)
  local doc = acme.items { ... }
  doc.mark = mark
  return doc
end

local function person(id, name) return { id = id, name = name, gone = not name or nil } end

local function changed(home)
  changing = acme.new { connector = CHANGES, timeout = 3600, world = { ["/changes"] = { status = 500 },
    ["/users"] = people("m1", person("u1", "a"), person("u2", "b"), person("u3", "c")) } }
  changing.home = home
  changing:write(changing.spec)
  sync(home)
  changing:world { ["/users"] = { status = 500 },
    ["/changes"] = people("m2", person("u1", "new"), person "u2", person("u4", "d")) }
end

local FILE <const> = reeve.path "imported.c1z"

local function import(home)
  synced(home)
  reeve.connector(home, "old", { plugin = "c1z", guard = GUARD })
  M.must(home, { "export", "acme", "-o", "c1z", "-f", FILE })
  M.must(home, { "import", "old", "-f", FILE })
  sim:set { drift = 0.2 }
  sync(home)
  M.must(home, { "export", "acme", "-o", "c1z", "-f", FILE })
end

-- A connector whose secret is sealed.
local function add(home)
  M.must(home, { "add", "torq", "acme", "--no-check", "client_id=" .. CLIENT.id, "client_secret=-",
    "api_url=" .. sim.url .. "/public/v1alpha", "auth_url=" .. sim.url .. "/v1/auth/token",
    stdin = CLIENT.secret .. "\n" })
end

local first -- the version of the secret that was sealed first

M.list = {
  { name = "add", view = configured, prepare = function() end, stdin = CLIENT.secret .. "\n",
    words = { "add", "torq", "acme", "--no-check", "client_id=" .. CLIENT.id, "client_secret=-" } },
  { name = "set", view = configured, words = { "set", "acme", "--no-check", "http.retry_s=3" },
    prepare = connector },
  { name = "credential", words = { "set", "acme", "--no-check", "client_id=other", "client_secret=-" },
    stdin = "other\n", prepare = function(home)
      add(home)
      first = version(home)
    end, view = function(home)
      return configured(home) .. (version(home) == first and "\nthe old secret" or "\nthe new secret")
    end },
  { name = "secret-set", view = configured, words = { "secret", "set", "acme", "client_secret" },
    stdin = CLIENT.secret .. "\n", prepare = connector },
  { name = "secret-rm", view = sealed, words = { "secret", "rm", "acme", "client_secret" }, prepare = add },
  { name = "remove", words = { "remove", "acme" }, loose = true, prepare = function(home)
    add(home)
    sync(home)
  end, view = function(home)
    local left, state = reeve.read(home .. "/connectors/acme.json"), home .. "/state/connectors/acme"
    return (left and "file" or "no file") .. "\n" .. (sealed(home) == "" and "no secret" or "secret") .. "\n"
      .. (reeve.read(state .. "/data.mdb") and "state" or "no state")
  end },
  { name = "first-sync", words = { "sync", "acme" }, prepare = connector },
  { name = "second-sync", words = { "sync", "acme" }, done = still, prepare = function(home)
    synced(home)
    sim:set { drift = 0.2 }
  end },
  { name = "nothing-changed", words = { "sync", "acme" }, prepare = synced },
  { name = "list-of-changes", words = { "sync", "acme" }, prepare = changed, done = function() changing:stop() end },
  { name = "accept", words = { "accept", "acme", "--reason", "as agreed" }, prepare = held, done = still },
  { name = "reject", words = { "reject", "acme" }, again = { "sync", "acme" }, prepare = function(home)
    held(home)
    still()
  end },
  { name = "list", words = { "list", "acme", "user" }, prepare = synced },
  export("jsonl", "acme.jsonl"),
  export("csv", "acme"),
  export("c1-csv", "acme.csv"),
  export("c1z", "acme.c1z", function(home) return rows(home .. "/out/acme.c1z") end),
  { name = "record", view = lines, words = function(home)
    return { "record", "acme", "-f", home .. "/out/acme.jsonl" }
  end, prepare = function(home)
    connector(home)
    reeve.ok { program = "mkdir", home .. "/out" }
  end },
  { name = "plan", words = { "plan", "acme" }, done = still, prepare = function(home)
    synced(home)
    sim:set { drift = 0.2 }
  end },
  { name = "import", view = imported, words = { "import", "old", "-f", FILE }, prepare = import, done = still },
  { name = "c1-task", check = check_task, told = task_told, done = still, words = function(home)
    return { "c1-task", "acme", home .. "/task" }
  end, prepare = function(home)
    synced(home)
    task_folder(home)
    sim:set { drift = 0.2 }
  end },
}

return M

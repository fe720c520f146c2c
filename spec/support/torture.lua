-- torture: runs small scenarios of the program again and again, and each time lets one more call fail
-- (spec/unit/torture.c): the n-th allocation, store call, network call, file call.
--
--   lua5.4 spec/support/torture.lua PROGRAM [SCENARIO-PATTERN]      REEVE_BIN: the program as it is
--
-- What must hold each time: no crash, no finding of a sanitizer, an exit status that tells the truth,
-- the last accepted state or the new one and nothing between, and a next run that ends as ever.
-- Of a kind with more than TORTURE_MAX calls (100) as many are picked, spread evenly.
package.path = "spec/support/?.lua;" .. package.path
local reeve = require "reeve"

local PROGRAM, WANTED = arg[1], arg[2] or "."
local MAX = tonumber(os.getenv("TORTURE_MAX") or "100")
local KINDS = { "malloc", "store", "net", "file" }

local sim = reeve.sim { plugin = "torq", users = 20, roles = 6, timeout = 3600 }
local CLIENT = { id = "sim-client-id", secret = "sim-client-secret" }

local function connector(home)
  reeve.connector(home, "acme", {
    plugin = "torq",
    settings = { client_id = CLIENT.id, client_secret = "env:SECRET", api_url = sim.url .. "/public/v1alpha",
      auth_url = sim.url .. "/v1/auth/token" },
    http = { retry_s = 2 }, guard = { ["role:member"] = { removed = "90%", gained = 1000 } },
  })
end

local function reeve_in(home, words, env)
  words.home = home
  words.env = { SECRET = CLIENT.secret, ASAN_OPTIONS = "detect_leaks=1", UBSAN_OPTIONS = "halt_on_error=1" }
  for name, value in pairs(env or {}) do words.env[name] = value end
  return reeve.run(words)
end

local function seen(home, list)
  local all = {}
  for _, words in ipairs(list) do
    local r = reeve_in(home, { table.unpack(words) })
    if r.code ~= 0 and r.code ~= 1 then return "unreadable: " .. r.code .. " " .. r.err end
    for line in (r.code == 0 and r.out or "none"):gmatch("[^\n]+") do all[#all + 1] = line end
  end
  table.sort(all)
  return table.concat(all, "\n")
end

-- What readers see: the last accepted state (lists that ran side by side come in any order), or the words
-- that there is none.
local function records(home)
  return seen(home, { { "list", "acme", "resources", "-o", "jsonl" }, { "list", "acme", "grants", "-o", "jsonl" },
    { "list", "acme", "entitlements", "-o", "jsonl" } })
end

local function imported(home)
  return seen(home, { { "list", "old", "resources", "-o", "jsonl" }, { "list", "old", "grants", "-o", "jsonl" } })
end

-- What is configured: the connector's file and, where it refers to a sealed secret, that one. (A secret is
-- sealed before the file that refers to it is written; one that no file refers to does no harm.)
local function configured(home)
  local file = reeve.read(home .. "/connectors/acme.json")
  if not file or not file:find("store:", 1, true) then return file or "none" end
  return file .. seen(home, { { "secret", "list", "-o", "jsonl" } }):gsub('"%d+%-%d+%-%d+T[^"]*"', '"…"')
end

local function copy(home)
  local to = reeve.path("home")
  assert(os.execute(("cp -a %s %s"):format(reeve.quote(home), reeve.quote(to))))
  return to
end

local function must(r, code)
  if r.code ~= (code or 0) then error(("exit %d\n%s%s"):format(r.code, r.out, r.err), 2) end
end

-- A scenario: prepare(home) once; the words that are tortured; `again`, where other words mend what a
-- failed run left; `view`, what must be the old or the new (records unless told).
local FILE = reeve.path("imported.c1z")

local scenarios = {
  { name = "add", view = configured, prepare = function() end, stdin = CLIENT.secret .. "\n",
    words = { "add", "torq", "acme", "--no-check", "client_id=" .. CLIENT.id, "client_secret=-" } },
  { name = "set", view = configured, words = { "set", "acme", "--no-check", "http.retry_s=3" },
    prepare = connector },
  { name = "secret", view = configured, words = { "secret", "set", "acme", "client_secret" },
    stdin = CLIENT.secret .. "\n", prepare = connector },
  { name = "first-sync", words = { "sync", "acme" }, prepare = function() end },
  { name = "second-sync", words = { "sync", "acme" }, prepare = function(home)
    must(reeve_in(home, { "sync", "acme" }))
    sim:set { drift = 0.2 }
  end, done = function() sim:set { drift = 0 } end },
  { name = "nothing-changed", words = { "sync", "acme" }, prepare = function(home)
    must(reeve_in(home, { "sync", "acme" }))
  end },
  { name = "accept", words = { "accept", "acme", "--reason", "as agreed" }, prepare = function(home)
    must(reeve_in(home, { "sync", "acme" }))
    sim:set { users = 8 }
    must(reeve_in(home, { "sync", "acme" }), 6)
  end, done = function() sim:set { users = 20 } end },
  { name = "reject", words = { "reject", "acme" }, prepare = function(home)
    must(reeve_in(home, { "sync", "acme" }))
    sim:set { users = 8 }
    must(reeve_in(home, { "sync", "acme" }), 6)
    sim:set { users = 20 }
  end, again = { "sync", "acme" } },
  { name = "list", words = { "list", "acme", "user" }, prepare = function(home)
    must(reeve_in(home, { "sync", "acme" }))
  end },
  { name = "export", words = { "export", "acme", "-o", "c1-csv", "-f", reeve.path("out.csv") }, prepare = function(home)
    must(reeve_in(home, { "sync", "acme" }))
  end },
  { name = "import", view = imported, words = { "import", "old", "-f", FILE }, prepare = function(home)
    connector(home)
    reeve.connector(home, "old", { plugin = "c1z", guard = { ["role:member"] = { removed = "90%", gained = 1000 } } })
    must(reeve_in(home, { "sync", "acme" }))
    must(reeve_in(home, { "export", "acme", "-o", "c1z", "-f", FILE }))
    must(reeve_in(home, { "import", "old", "-f", FILE }))
    sim:set { drift = 0.2 }
    must(reeve_in(home, { "sync", "acme" }))
    must(reeve_in(home, { "export", "acme", "-o", "c1z", "-f", FILE }))
  end, done = function() sim:set { drift = 0 } end },
  { name = "export c1z", words = { "export", "acme", "-o", "c1z", "-f", "/dev/null" }, prepare = function(home)
    must(reeve_in(home, { "sync", "acme" }))
  end },
}

local function calls_of(report)
  local calls = {}
  for kind, n in (reeve.read(report) or ""):gmatch("(%a+) (%d+)") do calls[kind] = tonumber(n) end
  return calls
end

local function picks(total)
  local list = {}
  for i = 1, math.min(total, MAX) do
    list[i] = total <= MAX and i or 1 + (i - 1) * (total - 1) // (MAX - 1)
  end
  return list
end

local found = 0
io.stdout:setvbuf "line"

local function finding(scenario, order, text, r)
  found = found + 1
  io.write(("FOUND %s with REEVE_TORTURE=%s: %s\n%s\n"):format(scenario.name, order, text,
    r and ("exit " .. r.code .. "\n" .. r.out .. r.err):gsub("\n", "\n  ") or ""))
end

local function words_of(scenario, program)
  local words = { table.unpack(scenario.words) }
  words.program, words.stdin = program, scenario.stdin
  return words
end

local function try(scenario, origin, order, before, after)
  local home = copy(origin)
  local r = reeve_in(home, words_of(scenario, PROGRAM), { REEVE_TORTURE = order })
  local state_of = scenario.view or records
  local state = state_of(home)
  if r.signal or r.code > 12 or r.timed_out then
    finding(scenario, order, "it crashed", r)
  elseif r.err:find("internal error", 1, true) then
    finding(scenario, order, "an internal error was told", r)
  elseif r.code ~= 0 and r.err == "" then
    finding(scenario, order, "it failed without a word", r)
  elseif r.code == 0 and state ~= after then
    finding(scenario, order, "it said that all is done, and the state is not the new one", r)
  elseif state ~= before and state ~= after then
    finding(scenario, order, "the state is neither the old nor the new one: " .. state:sub(1, 300), r)
  end
  local again = words_of(scenario, nil)
  if r.code ~= 0 and state ~= after then
    local mended = reeve_in(home, scenario.again or again)
    local well = mended.code == 0 and state_of(home) == after
    if not well then finding(scenario, order, "the next run did not mend it", mended) end
  end
  os.execute("rm -rf " .. reeve.quote(home))
end

local function run(scenario)
  local origin = reeve.home()
  if not scenario.view then connector(origin) end
  scenario.prepare(origin)
  local state_of = scenario.view or records
  local before, report, home = state_of(origin), reeve.path("report"), copy(origin)
  must(reeve_in(home, words_of(scenario, PROGRAM), { REEVE_TORTURE_REPORT = report }))
  local after, calls = state_of(home), calls_of(report)
  for _, kind in ipairs(KINDS) do
    local list = picks(calls[kind] or 0)
    io.write(("%s: %d of %d %s calls\n"):format(scenario.name, #list, calls[kind] or 0, kind))
    for _, n in ipairs(list) do
      try(scenario, origin, kind .. ":" .. n, before, after)
      if kind ~= "net" then try(scenario, origin, kind .. ":" .. n .. "+", before, after) end
    end
  end
  if scenario.done then scenario.done() end
end

local ok, why = pcall(function()
  for _, scenario in ipairs(scenarios) do
    for one in WANTED:gmatch("[^|]+") do
      if scenario.name:find(one) then run(scenario) end
    end
  end
end)
sim:stop()
reeve.clean()
if not ok then io.write(tostring(why), "\n") end
io.write(("torture: %d found\n"):format(found))
os.exit(ok and found == 0)

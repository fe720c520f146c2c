-- bench: what the program costs, measured in one run and printed beside its goals.
--
--   lua5.4 spec/bench/bench.lua          BENCH_USERS=100000 BENCH_MORE=400000   (make bench)
--   BENCH_USERS=1000 BENCH_MORE=1000000  how a million users do, in two minutes
--
-- Figures are of the best of three, where a thing can be done three times. CPU times are the
-- process's own; memory is RssAnon of /proc/PID/status, looked at from outside all the time.
package.path = "spec/support/?.lua;spec/bench/?.lua;" .. package.path
local many_lists = require "many_lists"
local reeve = require "reeve"
local upload = require "upload"

local USERS = tonumber(os.getenv("BENCH_USERS") or "100000")
local MORE = tonumber(os.getenv("BENCH_MORE") or "400000")
local MEMORY_MIB = 16
local EXPORT_MIB = 24
local ID, SECRET = "sim-client-id", "sim-client-secret"

local function note(...)
  io.stderr:write(string.format(...), "\n")
end

-- Measuring -----------------------------------------------------------------------------------------

-- Runs it to its end; the result has wall (seconds) and, where the program is ours, anon (MiB).
local function measure(spec)
  local from = reeve.mono()
  local p = reeve.start(spec)
  local peak = 0
  if spec.watch then
    local status = ("/proc/%d/status"):format(p.pid)
    while true do
      local text = reeve.read(status)
      local anon = text and text:match("RssAnon:%s*(%d+)")
      if not anon then break end
      peak = math.max(peak, tonumber(anon))
    end
  end
  p:wait()
  p.wall, p.anon = reeve.mono() - from, peak / 1024
  if p.code ~= (spec.code or 0) then
    error(("%s: exit %d\n%s%s"):format(table.concat(spec, " "), p.code, p.out, p.err))
  end
  return p
end

local function last_run(home)
  return reeve.json((reeve.ok { "runs", "acme", "-o", "json", home = home }))[1]
end

local function best(times, make)
  local result
  for n = 1, times do
    local spec = make(n)
    local p = measure(spec)
    p.run = spec.home and last_run(spec.home)
    if not result or p.wall < result.wall then result = p end
  end
  return result
end

local function quick(words)
  words.timeout = 160
  return words
end

-- The workspace ---------------------------------------------------------------------------------------

local function start(users, more)
  local spec = { plugin = "torq", users = users, roles = 12 }
  for name, value in pairs(more or {}) do spec[name] = value end
  return reeve.sim(spec)
end

local function home_for(sim, mapping)
  local home = reeve.home()
  if mapping then reeve.write(home .. "/scripts/bench.lua", mapping) end
  reeve.connector(home, "acme", {
    plugin = "torq",
    mapping = mapping and "scripts/bench.lua" or nil,
    settings = { client_id = ID, client_secret = "env:SECRET", api_url = sim.url .. "/public/v1alpha",
      auth_url = sim.url .. "/v1/auth/token" },
  })
  return home
end

local function sync(home, watch)
  return { "sync", "acme", home = home, env = { SECRET = SECRET }, watch = watch, timeout = 160 }
end

local function documents(sim, dir)
  local token = reeve.json(select(2, reeve.http { url = sim.url .. "/v1/auth/token", method = "POST",
    body = "grant_type=client_credentials", args = { "-u", ID .. ":" .. SECRET } })).access_token
  local words = { program = "curl", "-sS", "--fail", "--noproxy", "*", "-H", "Authorization: Bearer " .. token }
  for _, path in ipairs { "users?sso_provision=true", "users?sso_provision=false", "roles", "api-keys" } do
    words[#words + 1] = "-o"
    words[#words + 1] = dir and dir .. "/" .. path:gsub("%W", "-") .. ".json" or "/dev/null"
    words[#words + 1] = sim.url .. "/public/v1alpha/" .. path
  end
  return quick(words)
end

-- The table -------------------------------------------------------------------------------------------

local rows = {}

local function row(measure_name, measured, goal, reached)
  rows[#rows + 1] = { measure_name, measured, goal or "-", reached == nil and "" or reached and "yes" or "NO" }
end

local function print_table()
  table.insert(rows, 1, { "measure", "measured", "goal", "reached" })
  local widths = { 0, 0, 0, 0 }
  for _, r in ipairs(rows) do
    for i = 1, 4 do widths[i] = math.max(widths[i], utf8.len(r[i])) end
  end
  for n, r in ipairs(rows) do
    local line = "|"
    for i = 1, 4 do line = line .. " " .. r[i] .. (" "):rep(widths[i] - utf8.len(r[i])) .. " |" end
    print(line)
    if n == 1 then
      print("|" .. ("-"):rep(widths[1] + 2) .. "|" .. ("-"):rep(widths[2] + 2) .. "|" .. ("-"):rep(widths[3] + 2)
        .. "|" .. ("-"):rep(widths[4] + 2) .. "|")
    end
  end
end

local function milliseconds(s)
  return s < 0.1 and ("%.1f ms"):format(s * 1000) or ("%.3f s"):format(s)
end

-- Seconds of a time of the run record, within its day.
local function clock(text)
  local h, m, s = text:match("T(%d+):(%d+):([%d.]+)Z")
  return h * 3600 + m * 60 + s
end

-- Where a sync's time went, as its run record tells it; each part is a row of its own.
local function parts(p)
  local run, fetched = p.run, 0
  for _, list in ipairs(run.lists) do fetched = math.max(fetched, clock(list.ended)) end
  local started, ended = clock(run.started), clock(run.ended)
  row("  of it: start and end of the program", milliseconds(p.wall - (ended - started)))
  row("  fetch, map and stage", ("%s (%d requests, %.1f MB)"):format(milliseconds(fetched - started),
    run.http.requests, run.http.bytes / 1e6))
  row("  compare, guard, publish", milliseconds(ended - fetched))
  row("  CPU of all", milliseconds(p.cpu))
end

-- What is measured --------------------------------------------------------------------------------------

local memory_kept = true

local function memory(users, peaks)
  local peak = math.max(table.unpack(peaks))
  memory_kept = memory_kept and peak <= MEMORY_MIB
  row(("anonymous memory, %d users (first, nothing, 1 %%)"):format(users),
    ("%.1f MiB (%.1f, %.1f, %.1f)"):format(peak, peaks[1], peaks[2], peaks[3]),
    "≤ " .. MEMORY_MIB .. " MiB", peak <= MEMORY_MIB)
  return peak
end

-- A .c1z file of what a home has, and its time beside that of the tools that make one of the same rows: sqlite3 loads
-- them, as we do without a journal, and zstd packs the result.
local function c1z(home)
  local dir = reeve.folder("c1z")
  local file, db, sql = dir .. "/out.c1z", dir .. "/tables.db", dir .. "/rows.sql"
  local ours = best(3, function() return quick { "export", "acme", "-o", "c1z", "-f", file, home = home } end)
  measure(quick { program = "/bin/sh", "-c", ("tail -c +6 '%s' | zstd -q -d -o '%s' && { echo 'pragma journal_mode=off;"
    .. " pragma synchronous=off;'; sqlite3 '%s' .dump; } > '%s'"):format(file, db, db, sql) })
  local tools = best(3, function()
    return quick { program = "/bin/sh", "-c", ("rm -f '%s'* && sqlite3 '%s' < '%s' && zstd -q -1 '%s'"):format(db, db,
      sql, db) }
  end)
  row("export -o c1z", ("%s = %.2f × sqlite3 and zstd -1 (%s), %.1f MB"):format(milliseconds(ours.wall),
    ours.wall / tools.wall, milliseconds(tools.wall), #reeve.read(file) / 1e6), "≤ 1.3 ×",
    ours.wall <= 1.3 * tools.wall)
  local rows_file = best(3, function()
    return quick { "export", "acme", "-o", "c1-csv", "-f", dir .. "/out.csv", home = home }
  end)
  row("export -o c1-csv", milliseconds(rows_file.wall))
  return ours
end

local function speed(sim)
  local dir = reeve.folder("documents")
  measure(documents(sim, dir))
  local floor = best(3, function() return documents(sim) end)
  row("floor: curl of the same documents", milliseconds(floor.wall))
  local jq = best(3, function()
    return quick { program = "/bin/sh", "-c", "jq -c '.users[]' " .. dir .. "/users-*.json > /dev/null" }
  end)
  row("jq -c '.users[]' on the saved documents", milliseconds(jq.wall))
  local home
  local first = best(3, function()
    home = home_for(sim)
    return sync(home)
  end)
  row("first sync, durable", ("%s = %.2f × jq"):format(milliseconds(first.wall), first.wall / jq.wall), "≤ 0.5 × jq",
    first.wall <= 0.5 * jq.wall)
  parts(first)
  local exported = c1z(home)
  row("first sync and c1z", ("%.2f × jq"):format((first.wall + exported.wall) / jq.wall), "≤ 1.2 × jq",
    first.wall + exported.wall <= 1.2 * jq.wall)
  local same = best(3, function() return sync(home) end)
  row("nothing changed", ("%s = %.3f × jq, %.1f × floor"):format(milliseconds(same.wall), same.wall / jq.wall,
    same.wall / floor.wall), "≤ 0.12 × jq, ≤ 5 × floor", same.wall <= 0.12 * jq.wall and same.wall <= 5 * floor.wall)
  parts(same)
  local changed = best(3, function(n)
    sim:set { drift = 0.01 * n }
    return sync(home)
  end)
  row("1 % changed", ("%s = %.2f × jq"):format(milliseconds(changed.wall), changed.wall / jq.wall), "≤ 0.2 × jq",
    changed.wall <= 0.2 * jq.wall)
  parts(changed)
  return home
end

local MAPPING = [[
local SERVICE = { "^svc[%-_.]", "^bot[%-_.]", "^noreply$" }

return {
  user = function(raw, record)
    local name, domain = record.email:lower():match("^(.-)@(.+)$")
    record.login = name
    record.employee_ids = { raw.id:sub(1, 8) }
    record.profile.company = domain
    for _, pattern in ipairs(SERVICE) do
      if name:find(pattern) then record.account_type = "service" end
    end
    return record
  end,
}
]]

-- What an operator's mapping costs, in CPU time, which is all that it can cost; syncs without and with one in turn, so
-- that both meet the same machine.
local function mapping(sim)
  local first, same = {}, {}
  local function time(which, with, home)
    which[with] = math.min(which[with] or math.huge, measure(sync(home)).cpu)
  end
  for _ = 1, 3 do
    for _, with in ipairs { false, true } do
      local home = home_for(sim, with and MAPPING)
      time(first, with, home)
      for _ = 1, 3 do time(same, with, home) end
    end
  end
  local function ratio(name, times, most)
    local with, without = times[true], times[false]
    row(name, ("%s = %.2f × %s"):format(milliseconds(with), with / without, milliseconds(without)),
      ("≤ %.2f ×"):format(most), with <= most * without)
  end
  ratio("CPU of a first sync with an operator's mapping", first, 1.25)
  ratio("CPU where nothing changed, with it", same, 1.05)
end

-- Requests of one sync, by route.
local function requests(sim, home)
  sim:forget()
  measure(sync(home))
  local list, total = {}, 0
  for route, n in pairs(sim:requests().routes) do
    list[#list + 1] = n .. " " .. route
    total = total + n
  end
  table.sort(list)
  row("requests of a sync", table.concat(list, ", "), "1 token, 2 user lists, roles, keys", total <= 5)
end

local function peaks(sim)
  local home = home_for(sim)
  local first, same = measure(sync(home, true)).anon, measure(sync(home, true)).anon
  sim:set { drift = 0.01 }
  local changed = measure(sync(home, true)).anon
  sim:set { drift = 0 }
  return { first, same, changed }, home
end

-- The same of exports, SQLite's cache included.
local function export_memory(users, home)
  local peak, each = 0, {}
  for i, form in ipairs { "c1z", "c1-csv" } do
    local p = measure(quick { "export", "acme", "-o", form, "-f", reeve.path("out"), home = home, watch = true })
    peak, each[i] = math.max(peak, p.anon), ("%.1f"):format(p.anon)
  end
  memory_kept = memory_kept and peak <= EXPORT_MIB
  row(("anonymous memory, export of %d users (c1z, c1-csv)"):format(users),
    ("%.1f MiB (%s)"):format(peak, table.concat(each, ", ")), "≤ " .. EXPORT_MIB .. " MiB", peak <= EXPORT_MIB)
end

-- A first sync of so many groups, each with a list of its own of so many people.
local function sync_groups(groups, people, concurrency, faults)
  local home = reeve.home()
  reeve.plugin(home, "bench", many_lists)
  local sim = reeve.sim { plugin = "bench", home = home, groups = groups, people = people,
    faults = faults }
  reeve.connector(home, "acme", { plugin = "bench", settings = { url = sim.url },
    http = { concurrency = concurrency } })
  local p = measure(sync(home, not faults))
  sim:stop()
  return p
end

local function per_memory()
  local few, many = sync_groups(20, 200, 8).anon, sync_groups(2000, 2, 8).anon
  row("anonymous memory, 4000 people in 20 and in 2000 per lists",
    ("%.1f and %.1f MiB"):format(few, many), "the same", many <= few + 1)
end

local function per_lists()
  local lists, latency, concurrency = 500, 0.02, 8
  local p = sync_groups(lists, 2, concurrency, { ("*: latency=%d"):format(latency * 1000) })
  local ideal = (1 + math.ceil(lists / concurrency)) * latency
  row(("%d per lists at %d ms, concurrency %d"):format(lists, latency * 1000, concurrency),
    ("%.2f s = %.2f × %.2f s"):format(p.wall, p.wall / ideal, ideal), "≤ 1.15 ×", p.wall <= 1.15 * ideal)
end

local function startup()
  local times = 40
  local function many(command)
    local loop = ("i=0; while [ $i -lt %d ]; do %s; i=$((i+1)); done > /dev/null"):format(times, command)
    return best(3, function() return quick { program = "/bin/sh", "-c", loop } end).wall / times
  end
  local lua, ours = many("lua5.4 -e ''"), many(reeve.quote(reeve.bin) .. " version")
  row("reeve version", ("%.2f ms = %.1f × lua5.4 -e ''"):format(ours * 1000, ours / lua), "≤ 5 ×", ours <= 5 * lua)
end

local UPLOAD_MIB, UPLOAD_MEMORY_MIB = 1024, 24

local function uploads()
  local sent, why = upload(measure, UPLOAD_MIB)
  if not sent then return note("upload: %s", why) end
  memory_kept = memory_kept and sent.anon <= UPLOAD_MEMORY_MIB
  row(("upload of %d MiB to ConductorOne"):format(UPLOAD_MIB), ("%s, %.1f MiB anonymous"):format(
    milliseconds(sent.wall), sent.anon), ("≤ %d MiB"):format(UPLOAD_MEMORY_MIB), sent.anon <= UPLOAD_MEMORY_MIB)
end

local function run()
  note("a workspace of %d users …", USERS)
  local sim = start(USERS)
  local home = speed(sim)
  requests(sim, home)
  sim:set { drift = 0 }
  mapping(sim)
  local few_peaks, few_home = peaks(sim)
  local few = memory(USERS, few_peaks)
  export_memory(USERS, few_home)
  sim:stop()
  note("a workspace of %d users …", MORE)
  local more = start(MORE)
  local many_peaks, many_home = peaks(more)
  local many = memory(MORE, many_peaks)
  export_memory(MORE, many_home)
  more:stop()
  row("the same at both sizes", ("%+.1f MiB"):format(many - few), "the same", math.abs(many - few) <= 2)
  per_lists()
  per_memory()
  startup()
  uploads()
end

local ok, why = xpcall(run, debug.traceback)
print_table()
reeve.clean()
if not ok then
  io.stderr:write(tostring(why), "\n")
  os.exit(1)
end
if not memory_kept then note("the rule on memory is broken") end
os.exit(memory_kept)

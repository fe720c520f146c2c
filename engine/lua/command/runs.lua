-- runs: the history of a connector's runs, newest first.
local cli = require "ui.cli"
local text = require "ui.text"

local function sum(counts, grants)
  local n, any = 0, false
  for key, count in pairs(counts or {}) do
    if (key:find(":", 1, true) ~= nil) == grants then n, any = n + count, true end
  end
  return any and n or nil
end

local function changes(run)
  local sums = { added = 0, changed = 0, removed = 0 }
  for _, counts in pairs(run.changes or {}) do
    for what in pairs(sums) do sums[what] = sums[what] + (counts[what] or 0) end
  end
  return require("sync.summary").delta(sums)
end

local function took(run)
  local epoch = require("host.sys").epoch
  local from, to = run.started and epoch(run.started), run.ended and epoch(run.ended)
  return from and to and ("%.1f s"):format(to - from) or nil
end

local columns = {
  { name = "run", title = "RUN", right = true },
  { name = "state", title = "STATE", get = function(row)
    return row.state .. (row.partial and " (partial)" or "")
  end },
  text.time_column("started", "STARTED"),
  { name = "took", title = "TOOK", right = true, get = took },
  { name = "resources", title = "RESOURCES", right = true,
    get = function(row) return sum(row.counts, false) end },
  { name = "grants", title = "GRANTS", right = true, get = function(row) return sum(row.counts, true) end },
  { name = "changes", title = "CHANGES", get = changes },
  { name = "requests", title = "REQUESTS", right = true,
    get = function(row) return row.http and row.http.requests end },
  text.time_column("ended", "ENDED"), { name = "message", title = "MESSAGE" },
}

-- A row for each list of each run.
local list_columns = {
  { name = "run", title = "RUN", right = true }, { name = "list", title = "LIST" },
  { name = "state", title = "STATE" }, { name = "mode", title = "MODE" },
  { name = "parents", title = "PARENTS", right = true },
  text.time_column("started", "STARTED"), text.time_column("ended", "ENDED"),
  { name = "announced", title = "ANNOUNCED", right = true }, { name = "seen", title = "SEEN", right = true },
  { name = "complete", title = "COMPLETE", get = function(row) return row.state == "complete" end },
  { name = "pages", title = "PAGES", right = true }, { name = "reason", title = "REASON" },
}

local function texts(st)
  local each = st and st:runs()
  return function()
    if not each then return nil end
    local _, run = each()
    return run
  end
end

local function lists(runs)
  return coroutine.wrap(function()
    for record in runs do
      local run = require("host.json").decode(record)
      for _, list in ipairs(run.lists or {}) do
        list.run, list.complete = run.run, list.state == "complete"
        coroutine.yield(list)
      end
    end
  end)
end

return {
  name = "runs",
  summary = "The runs of a connector, newest first",
  usage = "NAME",
  min = 1,
  max = 1,
  examples = {
    { "reeve runs main" },
    { "reeve runs main --lists", "what each run fetched: announced, seen, complete" },
    { "reeve runs main -o jsonl | head -1 | jq .lists" },
  },
  flags = { cli.output, { name = "lists", help = "a row for each list of each run" } },
  list_columns = list_columns,
  run = function(ctx, args, flags)
    local st = require("state.snapshot").find(ctx.home, args[1])
    if flags.lists then
      ctx.out:rows(list_columns, lists(texts(st)))
    else
      ctx.out:rows(columns, texts(st), args[1] .. ": no run yet")
    end
    return 0
  end,
}

-- status: how connectors are doing: label, last run, counts, age.
local fail = require "fail"
local text = require "ui.text"

local function counts(row)
  local parts, keys = {}, {}
  for key in pairs(row.counts or {}) do
    if not key:find(":", 1, true) then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for i, key in ipairs(keys) do parts[i] = ("%d %s"):format(row.counts[key], key) end
  return #parts > 0 and table.concat(parts, ", ") or nil
end

local columns = {
  { name = "name", title = "NAME" }, { name = "label", title = "LABEL" }, { name = "plugin",
    title = "PLUGIN" },
  { name = "accepted_run", title = "RUN", right = true },
  { name = "age_s", title = "AGE", right = true,
    get = function(row) return row.age_s and text.span(row.age_s) end,
    csv = function(row) return row.age_s end },
  { name = "counts", title = "RECORDS", get = counts, csv = function(row) return row.counts end },
  { name = "last_run", title = "LAST", right = true },
  { name = "last_state", title = "ENDED AS", get = function(row)
    return row.last_state and row.last_state .. (row.partial and " (partial)" or "")
  end },
  text.time_column("last_ended", "AT"),
}

local with_note = table.move({ { name = "note" } }, 1, 1, #columns + 1, table.move(columns, 1, #columns, 1, {}))

local order = { "name", "label", "note", "plugin", "app", "accepted_run", "accepted_at", "age_s", "counts",
  "held_run", "last_run", "last_state", "partial" }

local function gather(home, names)
  local list = {}
  for i, name in ipairs(names) do list[i] = require("state.health").of(home, name) end
  return list
end

-- One line for each connector that a monitor should know of, and the most urgent status.
local function check(ctx, list)
  local health, exit = require "state.health", require "exit"
  local statuses = {}
  for i, facts in ipairs(list) do
    statuses[i] = exit.status(health.outcome(facts))
    if statuses[i] ~= 0 then
      local age = facts.age_s and ("%s old"):format(text.span(facts.age_s)) or "no accepted run"
      ctx.out:say(("%s: %s, %s"):format(facts.name, facts.label, health.note(facts) or age))
    end
  end
  return exit.urgent(statuses)
end

-- A table, and below it what there is to know beside it, which has no room in a column; not where it is told anyway.
local function print_table(ctx, rows, told)
  ctx.out:rows(columns, rows, "no connectors in " .. ctx.home.dir .. ": `reeve add` writes one")
  for _, row in ipairs(rows) do
    if row.note and not told then ctx.out:write(text.safe(("%s: %s"):format(row.name, row.note)), "\n") end
  end
end

local function print_list(ctx, list, one, told)
  local health, form = require "state.health", ctx.out.form
  local rows = {}
  for i, facts in ipairs(list) do rows[i] = health.public(facts) end
  if form == "prometheus" then
    ctx.out:write(require("state.prometheus").text(list))
  elseif one and form ~= "csv" then
    if form == "table" then
      rows[1].counts = rows[1].counts and require("sync.summary").counts(rows[1])
      rows[1].owners = rows[1].owners and table.concat(rows[1].owners, ", ")
    end
    ctx.out:object(rows[1], order)
  elseif form == "table" then
    print_table(ctx, rows, told)
  else
    ctx.out:rows(with_note, rows)
  end
end

return {
  name = "status",
  summary = "How connectors are doing: label, last run, counts, age",
  usage = "[NAME]",
  max = 1,
  examples = {
    { "reeve status" },
    { "reeve status main --check", "for monitors: the exit status says what is wrong" },
    { "reeve status -o prometheus", "metrics, for a textfile collector" },
  },
  flags = {
    { name = "output", short = "o", arg = "FORM", choices = { "table", "json", "jsonl", "csv", "prometheus" },
      help = "form of the data: table, json, jsonl, csv or prometheus" },
    { name = "check", help = "exit 12 where stale, 6 where held, else as the last run that failed" },
  },
  run = function(ctx, args, flags)
    local home = ctx.home
    if args[1] and not require("config.connector").exists(home, args[1]) then
      require("config.connector").read(home, args[1])
      fail("usage", "no such connector: '" .. args[1] .. "'")
    end
    local names = args[1] and { args[1] } or home:connectors()
    local list = gather(home, names)
    print_list(ctx, list, args[1] ~= nil, flags.check)
    return flags.check and check(ctx, list) or 0
  end,
}

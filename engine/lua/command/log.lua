-- log: one run's lists and its log lines.
local cli = require "ui.cli"
local fail = require "fail"

local known = { ts = true, level = true, msg = true, run = true, connector = true }

local function fields(row)
  local names, parts = {}, {}
  for name in pairs(row) do
    if not known[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = name .. "=" .. tostring(row[name]) end
  return #parts > 0 and table.concat(parts, " ") or nil
end

local columns = {
  require("ui.text").time_column("ts", "AT"), { name = "level", title = "LEVEL" }, { name = "msg",
    title = "MESSAGE" },
  { name = "fields", title = "", get = fields },
}

local function pick(st, meta, name, text)
  local n = text and require("state.snapshot").number(text) or meta.last
  if not n or n == 0 or not fail.try(st:run(n)) then
    fail("failed", ("%s has no run %s"):format(name, n or ""), "`reeve runs " .. name .. "` lists them")
  end
  return n
end

-- What people want before the lines: how the run went, list by list.
local function head(ctx, run)
  local harmless = require("ui.stderr").harmless
  local line = ("run %d: %s%s"):format(run.run, run.state, run.partial and ", partial" or "")
  if run.message then line = line .. ": " .. run.message end
  ctx.out:write(harmless(line), "\n")
  if run.lists and #run.lists > 0 then
    ctx.out:write("\n")
    ctx.out:rows(table.move(require("command.runs").list_columns, 2, 11, 1, {}), run.lists)
  end
  for _, finding in ipairs(run.findings or {}) do
    ctx.out:write("held for: ", harmless(tostring(finding.text)), "\n")
  end
  for _, warning in ipairs(run.warnings or {}) do ctx.out:write("warning: ", harmless(tostring(warning)), "\n") end
  ctx.out:write("\n")
end

return {
  name = "log",
  summary = "One run's lists (announced, seen, complete) and log lines",
  usage = "NAME [RUN]",
  min = 1,
  max = 2,
  examples = { { "reeve log main", "the newest run" }, { "reeve log main 1 -o jsonl" } },
  flags = { cli.output },
  run = function(ctx, args)
    local snapshot = require "state.snapshot"
    local st, meta = snapshot.find(ctx.home, args[1])
    if not st then fail("failed", args[1] .. ": no run yet", "`reeve sync " .. args[1] .. "`") end
    local n = pick(st, meta, args[1], args[2])
    if ctx.out.form == "table" then head(ctx, snapshot.run(st, n)) end
    ctx.out:rows(columns, st:log(n))
    return 0
  end,
}

-- audit: who changed what, newest first.
local cli = require "ui.cli"

-- A table has room for as much of a digest as tells two apart.
local function digest(name, title)
  return { name = name, title = title, get = function(row) return row[name] and row[name]:sub(1, 10) end,
    csv = function(row) return row[name] end }
end

return {
  name = "audit",
  summary = "Who changed what, when and why",
  usage = "[NAME]",
  max = 1,
  examples = { { "reeve audit" }, { "reeve audit main -o jsonl" } },
  flags = { cli.output },
  run = function(ctx, args)
    ctx.out:rows({
      { name = "n", title = "N", right = true }, require("ui.text").time_column("at", "AT"),
      { name = "user", title = "USER" }, { name = "host", title = "HOST" }, { name = "action", title = "ACTION" },
      { name = "connector", title = "CONNECTOR" }, { name = "run", title = "RUN", right = true },
      { name = "reason", title = "REASON" }, digest("before", "BEFORE"), digest("after", "AFTER"),
    }, require("state.ledger").open(ctx.home):audits(args[1]),
      "the audit trail has nothing" .. (args[1] and " of " .. args[1] or ""))
    return 0
  end,
}

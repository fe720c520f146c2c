-- history: what happened to one record, newest first.
local cli = require "ui.cli"
local fail = require "fail"

local function with_fields(st, entries)
  local snapshot, change = require "state.snapshot", require "state.change"
  local times = {}
  return function()
    local entry = entries()
    if not entry then return nil end
    if times[entry.run] == nil then times[entry.run] = (snapshot.run(st, entry.run) or {}).ended or false end
    local row = { run = entry.run, at = times[entry.run] or nil, op = entry.op }
    return change.row(row, entry.before, entry.after)
  end
end

return {
  name = "history",
  summary = "What happened to one record, newest first",
  usage = "NAME TYPE ID",
  min = 3,
  max = 3,
  examples = { { "reeve history main user 7f3a" }, { "reeve history main user 7f3a -o jsonl" } },
  flags = { cli.output },
  run = function(ctx, args)
    local name, type, id = args[1], args[2], args[3]
    local st, _, run = require("state.snapshot").accepted(ctx, name)
    require("state.snapshot").check_type(ctx.home, name, run, type)
    local rows = with_fields(st, fail.try(st:history(type, id)))
    local first = rows() or fail("failed", ("%s never had a %s '%s'"):format(name, type, id))
    local change = require "state.change"
    ctx.out:rows(change.with_records(ctx.out.form, {
      { name = "run", title = "RUN", right = true }, require("ui.text").time_column("at", "AT"), { name = "op",
        title = "WHAT" },
      { name = "changed", title = "CHANGED", get = function(row)
        return row.changed and change.line(row.changed) or nil
      end },
    }), function()
      local row = first
      first = rows()
      return row
    end)
    return 0
  end,
}

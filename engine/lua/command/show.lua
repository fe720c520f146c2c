-- show: one record of the last accepted run.
local cli = require "ui.cli"
local fail = require "fail"

return {
  name = "show",
  summary = "One record of the last accepted run",
  usage = "NAME TYPE ID",
  min = 3,
  max = 3,
  examples = { { "reeve show main user 7f3a" }, { "reeve show main role admin -o json" } },
  flags = { cli.output },
  run = function(ctx, args)
    local name, type, id = args[1], args[2], args[3]
    local snapshot = require "state.snapshot"
    local st, _, run = snapshot.accepted(ctx, name)
    snapshot.check_type(ctx.home, name, run, type)
    local record = fail.try(st:show(type, id))
    if not record then
      fail("failed", ("%s has no %s '%s'"):format(name, type, id),
        ("`reeve history %s %s %s` says whether it had one"):format(name, type, id))
    end
    ctx.out:object(record, { "type", "id", "name", "login", "email", "status" })
    return 0
  end,
}

-- reject: drops the run that the guard held.
local snapshot = require "state.snapshot"

return {
  name = "reject",
  summary = "Drop the held run; the former state stays",
  usage = "NAME [RUN]",
  min = 1,
  max = 2,
  examples = {
    { "reeve reject main" },
    { 'reeve reject main 12 --reason "the API answered with half of its users"', "only if run 12 is the held one" },
  },
  flags = { { name = "reason", arg = "TEXT", help = "kept with the run and in the audit trail" } },
  run = function(ctx, args, flags)
    require("config.connector").read(ctx.home, args[1])
    local record = require("sync.decision").run(ctx.home, args[1], "reject", { reason = flags.reason,
      run = args[2] and snapshot.number(args[2]) or nil })
    ctx.out:say(("%s: run %d rejected; the former state stays"):format(args[1], record.run))
    return 0
  end,
}

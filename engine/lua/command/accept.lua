-- accept: publishes the run that the guard held.
local snapshot = require "state.snapshot"

return {
  name = "accept",
  summary = "Publish the held run",
  usage = "NAME [RUN]",
  min = 1,
  max = 2,
  examples = {
    { "reeve accept main" },
    { 'reeve accept main 12 --reason "offboarding of the Berlin office"', "only if run 12 is the held one" },
  },
  flags = { { name = "reason", arg = "TEXT", help = "kept with the run and in the audit trail" } },
  run = function(ctx, args, flags)
    require("config.connector").read(ctx.home, args[1])
    local record = require("sync.decision").run(ctx.home, args[1], "accept", { reason = flags.reason,
      run = args[2] and snapshot.number(args[2]) or nil })
    ctx.out:say(("%s: run %d accepted: %s"):format(args[1], record.run, require("sync.summary").counts(record)))
    return 0
  end,
}

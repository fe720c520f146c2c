-- record: what a connector asks in a run, and what it is answered, as a cassette for `reeve test`.
local fail = require "fail"
local sys = require "host.sys"

local function check_target(file, force)
  if not file then fail("usage", "record: -f FILE expected") end
  if sys.stat(file) and not force then
    fail("usage", ("%s is there already; nothing was done"):format(file), "--force overwrites it")
  end
end

return {
  name = "record",
  summary = "Record a run's requests and answers, redacted, for `reeve test`",
  usage = "NAME -f FILE",
  min = 1,
  max = 1,
  examples = {
    { "reeve record main -f plugins/acme/test/small.cassette.jsonl" },
  },
  flags = {
    { name = "file", short = "f", arg = "FILE", help = "the cassette: JSON lines, to be reviewed" },
    { name = "force", help = "overwrite FILE" },
  },
  notes = "Secrets, names, e-mail addresses and tokens become stand-ins, the same for the same value wherever it "
    .. "stands. Nothing is written where a known secret would be left. Read the file before you show it to anybody.",
  run = function(ctx, args, flags)
    check_target(flags.file, flags.force)
    local connector = require("config.connector").load(ctx.home, args[1])
    local progress = require("ui.progress").start("recording " .. args[1], ctx.flags)
    local ok, result = pcall(require("trial.recording").run, ctx.home, connector, { progress = progress })
    progress:done()
    if not ok then error(result, 0) end
    fail.try(sys.write_file(flags.file, result.text, 384))
    ctx.out:say(("%s: %d exchanges written to %s"):format(args[1], result.exchanges, flags.file))
    ctx.out:say("  replaced by stand-ins: " .. result.told)
    ctx.out:say("  read it before you show it to anybody: what no rule knows is still in it")
    return 0
  end,
}

-- plan: fetch and compare, publish nothing.
local cli = require "ui.cli"
local exit = require "exit"
local fail = require "fail"

return {
  name = "plan",
  summary = "Fetch and compare, publish nothing, leave runs alone",
  usage = "NAME",
  min = 1,
  max = 1,
  examples = {
    { "reeve plan main" },
    { "reeve plan main --offline", "the last raw objects through today's mapping" },
    { "reeve plan main --exit-code", "10: there would be changes; 6: the sync would be held" },
  },
  flags = {
    { name = "offline", help = "ask nobody: map the last raw objects again" },
    { name = "exit-code", help = "end with 10 where there are changes, 6 where a sync would be held" },
    cli.output,
  },
  run = function(ctx, args, flags)
    local name = args[1]
    local connector = require("config.connector").load(ctx.home, name)
    if flags.offline then
      local _, meta = require("state.snapshot").find(ctx.home, name)
      if not meta or meta.accepted == 0 then
        fail("failed", name .. ": no run was accepted yet: there is nothing to map")
      end
    end
    local progress = require("ui.progress").start("planning " .. name, ctx.flags)
    local options = { offline = flags.offline, progress = progress }
    local ok, result = pcall(require("sync.plan").run, ctx.home, connector, options,
      function(state, run)
        progress:done()
        local accepted = fail.try(state:meta()).accepted
        require("state.changes").print(ctx, fail.try(state:changes(accepted, run.run)),
          name .. ": a sync would change nothing")
      end)
    progress:done()
    if not ok then error(result, 0) end
    local summary, record = require "sync.summary", result.run
    ctx.out:say(("%s: a sync would give %s"):format(name, summary.counts(record)))
    local aside = (record.excluded or {}).set_aside or 0
    if aside > 0 then ctx.out:say(("  %d would be set aside"):format(aside)) end
    for _, line in ipairs(summary.doubts(record, {})) do ctx.out:say(line) end
    for _, finding in ipairs(record.findings) do ctx.out:say("  it would be held: " .. finding.text) end
    if not flags.exit_code then return 0 end
    if #record.findings > 0 then return exit.status("held") end
    return summary.changes(record) > 0 and exit.status("changes") or 0
  end,
}

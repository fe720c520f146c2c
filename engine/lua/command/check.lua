-- check: are a connector's settings and credentials good? Stores nothing.
local cli = require "ui.cli"

return {
  name = "check",
  summary = "Are settings and credentials good? Says as whom; stores nothing",
  usage = "NAME",
  min = 1,
  max = 1,
  examples = { { "reeve check main" }, { "reeve check main -o json" } },
  flags = { cli.output },
  run = function(ctx, args)
    local connector = require("config.connector").load(ctx.home, args[1])
    local ok, result = pcall(require("sync.check").run, ctx.home, connector, {})
    if not ok then
      require("sync.perform").hint(args[1], result)
      error(result, 0)
    end
    for _, warning in ipairs(result.warnings) do ctx.out:say(("%s: warning: %s"):format(args[1], warning)) end
    local account = result.account or connector.manifest.title or connector.plugin_name
    if ctx.out.form == "table" then
      ctx.out:write(("%s: connected as %s\n"):format(args[1], account))
    else
      ctx.out:object { name = args[1], account = account, warnings = require("host.json").array(result.warnings) }
    end
    return 0
  end,
}

-- config: the settings that a connector takes, in the form that ConductorOne reads.
return {
  name = "config",
  summary = "Settings of a connector or plugin, as JSON for ConductorOne",
  usage = "NAME",
  min = 1,
  max = 1,
  examples = { { "reeve config acme > config_schema.json", "the names that `reeve add` takes; never a value" } },
  run = function(ctx, args)
    local manifest = require("config.connector").manifest(ctx.home, args[1])
    ctx.out:write(require("c1.protojson").encode("c1.config.v1.Configuration", require("c1.config").of(manifest)))
    return 0
  end,
}

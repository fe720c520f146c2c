-- capabilities: what a connector can do, in the form that ConductorOne reads.
return {
  name = "capabilities",
  summary = "What a connector or plugin can do, as JSON for ConductorOne",
  usage = "NAME",
  min = 1,
  max = 1,
  examples = {
    { "reeve capabilities main", "without the types that its settings leave out" },
    { "reeve capabilities acme > baton_capabilities.json", "of a plugin: all its types" },
  },
  run = function(ctx, args)
    local manifest, connector = require("config.connector").manifest(ctx.home, args[1])
    ctx.out:write(require("c1.protojson").encode("google.protobuf.Any", {
      type = "c1.connector.v2.ConnectorCapabilities",
      value = require("c1.capabilities").of(manifest, connector),
    }))
    return 0
  end,
}

-- connectors: what is connected, each with its label.
local cli = require "ui.cli"

return {
  name = "connectors",
  summary = "List the connectors with their label",
  usage = "",
  max = 0,
  examples = { { "reeve connectors" }, { "reeve connectors -o json" } },
  flags = { cli.output },
  run = function(ctx)
    local home, health = ctx.home, require "state.health"
    local names, strange = home:connectors()
    for _, file in ipairs(strange) do
      ctx.out:say(("%s/connectors/%s: ignored: its name is no connector's name"):format(home.dir, file))
    end
    local rows = {}
    for i, name in ipairs(names) do
      local facts = health.of(home, name)
      rows[i] = { name = name, label = facts.label, plugin = facts.plugin, app = facts.app,
        owners = facts.owners,
        enabled = facts.enabled, problem = facts.problem, file = home:connector_path(name) }
    end
    ctx.out:rows({
      { name = "name", title = "NAME" }, { name = "label", title = "LABEL" },
      { name = "plugin", title = "PLUGIN" }, { name = "app", title = "APP" },
      { name = "owners", title = "OWNERS", get = function(row)
        return row.owners and #row.owners > 0 and table.concat(row.owners, ", ") or nil
      end },
      { name = "problem", title = "PROBLEM" },
    }, rows, ("no connectors in %s: `reeve plugins` lists what can be connected, `reeve add` does it")
      :format(home.dir))
    return 0
  end,
}

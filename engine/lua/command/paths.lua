-- paths: where things are.
local cli = require "ui.cli"
local fail = require "fail"

return {
  name = "paths",
  summary = "Where configuration, plugins, scripts, key and state are",
  usage = "",
  max = 0,
  examples = { { "reeve paths" }, { "reeve --home /srv/reeve paths -o json" } },
  flags = { cli.output },
  run = function(ctx)
    local home = ctx.home
    ctx.out:object({
      home = home.dir, config = home.file, connectors = home.dir .. "/connectors",
      plugins = home.plugins_dirs[1].path, bundled_plugins = home.plugins_dirs[2].path,
      scripts = home.dir .. "/scripts", key = home.key_path, state = home.state,
      ledger = home.state .. "/ledger",
      program = fail.try(require("host.sys").exe_path()),
    }, { "home", "config", "connectors", "plugins", "bundled_plugins", "scripts", "key", "state", "ledger" })
    return 0
  end,
}

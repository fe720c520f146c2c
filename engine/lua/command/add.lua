-- add: writes a connector, checks it, seals its secrets.
local fail = require "fail"

local function new_tree(plugin, flags)
  return { plugin = plugin, app = flags.app, owners = flags.owner, settings = {} }
end

local function refuse_taken(home, name)
  require("config.home").check_name(name)
  if require("config.connector").exists(home, name) then
    fail("usage", ("there is a connector '%s' already (%s)"):format(name, home:connector_path(name)),
      ("`reeve set %s key=value` changes it"):format(name))
  end
end

-- A plugin that is not there is a slip of the command line, not of the configuration.
local function load_plugin(home, name)
  local plugin = require "plugin.plugin"
  if name == require("import.imported").NAME and not plugin.find(home, name) then
    fail("usage", "c1z is no plugin, but what a connector has that was imported",
      "`reeve import NAME -f FILE` writes one")
  end
  return plugin.load(home, name, "usage")
end

return {
  name = "add",
  summary = "Write a connector, check it, seal its secrets",
  usage = "PLUGIN NAME [key=value …]",
  min = 2,
  examples = {
    { "reeve add acme main client_id=7f3a client_secret=-", "the secret is a line of stdin, or asked for" },
    { "reeve add acme main client_id=7f3a client_secret=env:ACME_SECRET", "the secret stays in a variable" },
    { "reeve add acme main client_id=7f3a client_secret=- --app Acme --sync" },
  },
  flags = {
    { name = "app", arg = "TEXT", help = "name of the application" },
    { name = "owner", arg = "TEXT", many = true, help = "who owns it" },
    { name = "no-check", help = "write it without asking the target" },
    { name = "sync", help = "make the first run at once" },
    { name = "reason", arg = "TEXT", help = "kept in the audit trail" },
  },
  notes = "key is a setting of the plugin, or any key of a connector's file (http.retry_s=60,\n"
    .. "mapping=scripts/a.lua). Nothing is kept unless the check succeeds.",
  run = function(ctx, args, flags)
    local plugin_name, name = args[1], args[2]
    local edit, home = require "config.edit", ctx.home
    refuse_taken(home, name)
    local manifest = load_plugin(home, plugin_name).manifest
    local tree = new_tree(plugin_name, flags)
    local words = table.move(args, 3, #args, 1, {})
    local pending = edit.assign(manifest, tree, words, 3)
    edit.ask_missing(manifest, tree, pending)
    local c = require("config.connector").build(home, name, tree, pending)
    if not flags.no_check then edit.check(ctx, c, words) end
    edit.keep(ctx, c, "add")
    ctx.out:say(("%s: wrote %s"):format(name, c.file))
    if not flags.sync then return 0 end
    return require("command.sync").run(ctx, { name }, {})
  end,
}

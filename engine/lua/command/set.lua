-- set: changes settings of a connector, id and secret together.
return {
  name = "set",
  summary = "Change settings of a connector; checked before anything is kept",
  usage = "NAME key=value …",
  min = 2,
  examples = {
    { "reeve set main client_id=91bd client_secret=-", "a new key: id and secret together" },
    { "reeve set main http.retry_s=300 max_age=12h" },
    { "reeve set main guard.user.removed=50%" },
    { "reeve set main c1.client_id=otter@acme.conductor.one/bct c1.client_secret=-", "for `reeve c1`" },
    { "reeve set main mapping=", "an empty value takes the key away" },
  },
  flags = {
    { name = "no-check", help = "write it without asking the target" },
    { name = "reason", arg = "TEXT", help = "kept in the audit trail" },
  },
  run = function(ctx, args, flags)
    local name, home = args[1], ctx.home
    local connector, edit = require "config.connector", require "config.edit"
    local tree = connector.read(home, name)
    local before = connector.digest(tree)
    local plugin_name = require("config.config").validate(tree, "connector", home:connector_path(name)).plugin
    local manifest = connector.plugin(home, name, plugin_name).manifest
    local words = table.move(args, 2, #args, 1, {})
    local pending = edit.assign(manifest, tree, words, 2)
    local c = connector.build(home, name, tree, pending)
    local asks = plugin_name ~= require("import.imported").NAME
    if not flags.no_check and c.enabled and asks then edit.check(ctx, c, words) end
    edit.keep(ctx, c, "set", before)
    ctx.out:say(("%s: wrote %s"):format(name, c.file))
    return 0
  end,
}

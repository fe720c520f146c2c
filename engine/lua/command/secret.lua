-- secret: what is sealed in the ledger: entered, listed by name, forgotten. Values are never shown.
local cli = require "ui.cli"
local fail = require "fail"

local actions = {}

local function secret_spec(c, key)
  local spec, entry = require("config.settings").spec(c.manifest, key), require("config.config").entry(key)
  if spec and spec.kind == "secret" or entry and entry.kind == "reference" then return end
  local names = { "c1.client_secret" }
  for _, there in ipairs(c.manifest.settings or {}) do
    if there.kind == "secret" then names[#names + 1] = there.name end
  end
  fail("usage", ("plugin '%s' has no secret setting '%s'"):format(c.manifest.name, key),
    require("suggest").hint(key, names, "its secrets"))
end

function actions.set(ctx, name, key)
  local connector, edit = require "config.connector", require "config.edit"
  local tree = connector.read(ctx.home, name)
  local before = connector.digest(tree)
  local plugin_name = require("config.config").validate(tree, "connector", ctx.home:connector_path(name)).plugin
  local plugin = require("config.connector").plugin(ctx.home, name, plugin_name)
  secret_spec({ manifest = plugin.manifest }, key)
  local pending = edit.assign(plugin.manifest, tree, { key .. "=-" }, 1)
  edit.keep(ctx, connector.build(ctx.home, name, tree, pending), "secret set", before)
  ctx.out:say(("%s: sealed %s; `reeve %s %s` tries it"):format(name, key, key:find("^c1%.") and "c1" or "check", name))
  return 0
end

function actions.rm(ctx, name, key)
  local ledger = require("state.ledger").open(ctx.home)
  local before = ledger:version(name, key)
  if ledger:forget(name, key) == 0 then
    fail("failed", ("%s: nothing is sealed under '%s'"):format(name, key), "`reeve secret list` says what is")
  end
  ledger:audit { action = "secret rm", connector = name, key = key, reason = ctx.flags.reason,
    before = before,
    after = ledger:version(name, key) }
  ctx.out:say(("%s: forgot %s"):format(name, key))
  return 0
end

function actions.list(ctx, name)
  ctx.out:rows({
    { name = "connector", title = "CONNECTOR" }, { name = "key", title = "KEY" }, { name = "at",
      title = "SEALED" },
    { name = "by", title = "BY" },
    { name = "origins", title = "FOR", get = function(row)
      return #row.origins > 0 and table.concat(row.origins, ", ") or nil
    end },
  }, require("state.ledger").open(ctx.home):secrets(name), (name and name .. ": " or "") .. "nothing is sealed")
  return 0
end

local function check_args(action, args)
  if not actions[action] then
    fail("usage", ("secret: no such action: '%s'"):format(action),
      require("suggest").hint(action, { "set", "list", "rm" }, "there are"))
  end
  if action == "list" and #args <= 2 or action ~= "list" and #args == 3 then return end
  local wanted = action == "list" and "[NAME]" or "NAME KEY"
  fail("usage", ("secret %s: %s expected"):format(action, wanted))
end

return {
  name = "secret",
  summary = "Enter, list or forget sealed secrets; values are never shown",
  usage = "set|list|rm NAME KEY",
  min = 1,
  max = 3,
  examples = {
    { "reeve secret set main client_secret", "asked for, or a line of stdin" },
    { "reeve secret list" },
    { "reeve secret rm main client_secret" },
  },
  flags = { cli.output, { name = "reason", arg = "TEXT", help = "kept in the audit trail" } },
  run = function(ctx, args)
    check_args(args[1], args)
    return actions[args[1]](ctx, args[2], args[3])
  end,
}

-- remove: forgets a connector: its file, its sealed secrets and, unless told otherwise, its history.
local fail = require "fail"

-- No run may be going on, and no `reeve c1` serve it; both locks are held while the state goes.
local function lock(home, name)
  local sys = require "host.sys"
  local dir = home:state_dir(name)
  if not fail.found(sys.stat(dir)) then return nil end
  local function take(file, what, hint)
    local taken, message, code = sys.lock(dir .. "/" .. file)
    if taken then return taken end
    if code == "busy" then fail(code, ("%s: %s: %s"):format(name, what, message), hint) end
    fail(code, name .. ": " .. message)
  end
  local served = take("c1.lock", "ConductorOne is served with it", "end `reeve c1` first")
  return take("lock", "a run is going on", "wait for its end, or end it"), served
end

-- A file that is not valid can be removed all the same; it has no digest.
local function digest_of(home, name)
  local connector = require "config.connector"
  local ok, tree = pcall(connector.read, home, name)
  return ok and connector.digest(tree) or nil
end

return {
  name = "remove",
  summary = "Forget a connector, its sealed secrets and its history",
  usage = "NAME",
  min = 1,
  max = 1,
  examples = {
    { "reeve remove main" },
    { "reeve remove main --keep-history", "runs and records stay readable" },
  },
  flags = {
    { name = "keep-history", help = "keep what was seen under the state" },
    { name = "reason", arg = "TEXT", help = "kept in the audit trail" },
  },
  run = function(ctx, args, flags)
    local name, home, sys = args[1], ctx.home, require "host.sys"
    local connector = require "config.connector"
    require("config.home").check_name(name)
    local there = connector.exists(home, name)
    local before = digest_of(home, name)
    local held, served = lock(home, name)
    local ledger = require("state.ledger").open(home)
    if there then fail.try(sys.remove_file(home:connector_path(name))) end
    -- Without its file there may be what a removal that failed, or --keep-history, has left.
    if ledger:forget(name) == 0 and not there and not held then connector.unknown(home, name) end
    ledger:audit { action = "remove", connector = name, reason = flags.reason, before = before,
      keep_history = flags.keep_history }
    if held and not flags.keep_history then fail.try(sys.remove_tree(home:state_dir(name))) end
    if held then
      held:release()
      served:release()
    end
    local kept = held and flags.keep_history and "; its history is in " .. home:state_dir(name) or ""
    ctx.out:say(name .. ": removed" .. kept)
    return 0
  end,
}

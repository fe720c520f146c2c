-- perform: a connector's sync as the program does it for whoever asked, with its line in the audit trail.
local M = {}

--- A run that changed something, or waits for a decision, is told in the trail: which state it followed, what came.
--- action: what made the run ("sync").
function M.audit(ctx, name, result, action)
  local record = result.run
  if require("sync.summary").changes(record) == 0 then return end
  local ledger = require("state.ledger").open(ctx.home)
  ledger:audit { action = result.outcome == "held" and "hold" or action, connector = name, run = record.run,
    before = record.follows and ("run %d"):format(record.follows) or nil,
    after = result.outcome ~= "held" and ("run %d"):format(record.run) or nil }
  ledger:close()
end

--- Adds what to do about a credential of this connector that the target refused.
function M.hint(name, e)
  if not require("fail").is(e) or e.code ~= "credentials" or e.hint then return end
  e.hint = ("`reeve set %s KEY=-` enters another secret, where it is good"):format(name)
end

--- Syncs: sync.sync's result, or nil where the connector is paused; raises where the run failed, naming the
--- connector. options: sync.sync's.
function M.run(ctx, name, options)
  local connector = require("config.connector").load(ctx.home, name)
  if not connector.enabled then return nil end
  local ok, result = pcall(require("sync.sync").run, ctx.home, connector, options)
  if not ok then
    local prefix = name .. ": "
    if require("fail").is(result) and not result.signal and result.message:sub(1, #prefix) ~= prefix then
      result.message = prefix .. result.message -- beside others, whose trouble is it?
    end
    M.hint(name, result)
    error(result, 0)
  end
  M.audit(ctx, name, result, "sync")
  return result
end

return M

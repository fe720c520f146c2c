-- list: the records of the last accepted run; or what the last run left out.
local cli = require "ui.cli"
local fail = require "fail"

local special = { resources = "resource", entitlements = "entitlement", grants = "grant" }

-- What a run left out can be read of any run, accepted or not.
local function list_excluded(ctx, name)
  local snapshot = require "state.snapshot"
  local st, meta = snapshot.find(ctx.home, name)
  local last = st and meta.last
  local run = last and snapshot.run(st, last)
  -- A run that failed for good has left nothing to tell of; the state that is in force has.
  if run and run.state == "failed" and meta.open ~= last and meta.accepted > 0 then last = meta.accepted end
  if not last or last == 0 then fail("failed", name .. ": no run yet", "`reeve sync " .. name .. "`") end
  ctx.out:say(("%s: run %d"):format(name, last))
  ctx.out:rows(require("state.record").columns(ctx.out.form, "excluded"), snapshot.excluded(st, last),
    name .. ": nothing was left out")
  return 0
end

return {
  name = "list",
  summary = "Records of the last accepted run, or what a run left out",
  usage = "NAME TYPE",
  min = 2,
  max = 2,
  examples = {
    { "reeve list main user", "every resource of a type" },
    { "reeve list main grants -o csv", "who holds what" },
    { "reeve list main resources -o jsonl | jq .id" },
    { "reeve list main excluded", "what was skipped, set aside or not covered, and why" },
  },
  flags = { cli.output },
  notes = "TYPE is a resource type of the plugin, or resources, entitlements, grants, excluded.",
  run = function(ctx, args)
    local name, type = args[1], args[2]
    if type == "excluded" then return list_excluded(ctx, name) end
    local snapshot = require "state.snapshot"
    local st, _, run = snapshot.accepted(ctx, name)
    local kind = special[type] or "resource"
    if not special[type] then
      snapshot.check_type(ctx.home, name, run, type, { "resources", "entitlements", "grants", "excluded" })
    end
    local rows = fail.try(st:records(kind, not special[type] and type or nil))
    ctx.out:rows(require("state.record").columns(ctx.out.form, kind, not special[type]), rows,
      ("%s: no %s"):format(name, type))
    return 0
  end,
}

-- c1: service mode: connectors that sync when ConductorOne says so.
local environment = require "serve.environment"
local fail = require "fail"

-- Those that have a credential of ConductorOne.
local function all_names(ctx)
  local names = {}
  for _, name in ipairs((ctx.home:connectors())) do
    if require("config.connector").read(ctx.home, name).c1 then names[#names + 1] = name end
  end
  if #names == 0 then
    fail("config", "no connector has a credential of ConductorOne of its own",
      "`reeve set NAME c1.client_id=… c1.client_secret=-` gives it one; BATON_CLIENT_ID is for `reeve c1 NAME`")
  end
  return names
end

return {
  name = "c1",
  summary = "Serve ConductorOne: sync when it asks, and bring it the result",
  usage = "NAME… | --all",
  examples = {
    { "reeve c1 main", "with BATON_CLIENT_ID and BATON_CLIENT_SECRET, or the credential that `reeve set` was told" },
    { "reeve c1 main --client-id ID --client-secret file:/run/secrets/c1" },
    { "reeve c1 --all", "every connector with a credential of its own" },
  },
  flags = { { name = "all", help = "every connector with a credential of ConductorOne" },
    table.unpack(environment.flags) },
  notes = "Runs until SIGTERM, SIGINT or SIGHUP. A run that the guard holds is not sent: the task fails with the\n"
    .. "reason, and after `reeve accept NAME` the next one brings it. BATON_ variables of ConductorOne's own\n"
    .. "connectors are honoured, or refused with a sentence.",
  run = function(ctx, args, flags)
    local names = require("ui.cli").connectors(args, flags, function() return all_names(ctx) end)
    return require("serve.service").run(ctx, names, environment.read(flags, ctx.home, names))
  end,
}

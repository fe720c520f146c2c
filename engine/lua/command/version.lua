-- version: which program this is.
local cli = require "ui.cli"

return {
  name = "version",
  summary = "The version of this program",
  usage = "",
  max = 0,
  examples = { { "reeve version" }, { "reeve version -o json" } },
  flags = { cli.output },
  run = function(ctx, _, flags)
    local version = require "version"
    if not flags.output then
      io.write("reeve ", version, "\n")
      return 0
    end
    ctx.out:object({ version = version, api = 1, lua = _VERSION })
    return 0
  end,
}

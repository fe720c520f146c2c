-- help: the help of the program, or of one command.
return {
  name = "help",
  summary = "This help, or that of one command",
  usage = "[COMMAND]",
  max = 1,
  examples = { { "reeve help" }, { "reeve help sync" } },
  flags = {},
  run = function(_, args)
    local help = require "ui.help"
    io.write(args[1] and help.of(require("ui.cli").command(args[1])) or help.overview())
    return 0
  end,
}

-- completion: a script for a shell, made from the tables of the commands.
return {
  name = "completion",
  summary = "A completion script for bash, zsh or fish",
  usage = "bash|zsh|fish",
  min = 1,
  max = 1,
  examples = {
    { "reeve completion bash > ~/.local/share/bash-completion/completions/reeve" },
    { "reeve completion zsh > ~/.zfunc/_reeve" },
    { "reeve completion fish > ~/.config/fish/completions/reeve.fish" },
  },
  flags = {},
  run = function(ctx, args)
    local completion = require "ui.completion"
    local make = completion[args[1]]
    if not make then
      local shells = { "bash", "fish", "zsh" }
      require("fail")("usage", "no completion for '" .. args[1] .. "'",
        require("suggest").hint(args[1], shells, "there are"))
    end
    ctx.out:write(make())
    return 0
  end,
}

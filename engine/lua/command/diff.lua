-- diff: what changed between two runs of a connector, or differs between two connectors.
local cli = require "ui.cli"
local fail = require "fail"

-- The accepted run before this one; 0 (nothing) where it was the first.
local function previous(st, n)
  local snapshot = require "state.snapshot"
  for number, text in st:runs() do
    if number < n and snapshot.decode(text).state == "accepted" then return number end
  end
  return 0
end

local function range(st, meta, from, to)
  local snapshot = require "state.snapshot"
  local accepted = meta.accepted or 0
  from, to = from and snapshot.number(from), to and snapshot.number(to)
  if not from then
    if accepted == 0 then fail("failed", "no run was accepted yet") end
    return previous(st, accepted), accepted
  end
  for _, n in ipairs { from, to or from } do
    if n > 0 and not fail.try(st:run(n)) then
      fail("failed", "there is no run " .. n, "`reeve runs NAME` lists them")
    end
  end
  if to then return from, to end
  return previous(st, from), from
end

return {
  name = "diff",
  summary = "What changed between runs, or differs between connectors",
  usage = "NAME [RUN [RUN]]",
  min = 1,
  max = 3,
  examples = {
    { "reeve diff main", "what the last accepted run changed" },
    { "reeve diff main 2", "what run 2 changed; or, where it is held, what it would change" },
    { "reeve diff main 1 2 -o jsonl", "from run 1 to run 2" },
    { "reeve diff main --with backup", "two connectors' states" },
  },
  flags = { cli.output, { name = "with", arg = "OTHER", help = "compare with another connector's state" } },
  run = function(ctx, args, flags)
    local snapshot = require "state.snapshot"
    local st, meta = snapshot.accepted(ctx, args[1])
    if not flags.with then
      local from, to = range(st, meta, args[2], args[3])
      ctx.out:say(("%s: from run %d to run %d"):format(args[1], from, to))
      return require("state.changes").print(ctx, fail.try(st:changes(from, to)))
    end
    if args[2] then fail("usage", "reeve diff: RUN and --with exclude each other") end
    local other = snapshot.accepted(ctx, flags.with)
    return require("state.changes").print(ctx, require("state.compare").entries(st, other))
  end,
}

-- c1-task: what `reeve c1` runs the work of a task in; not for people.
return {
  name = "c1-task",
  summary = "The work of one task of `reeve c1`, which starts it",
  usage = "NAME FOLDER",
  min = 2,
  max = 2,
  flags = { { name = "log-level", arg = "LEVEL", help = "what is logged, as `reeve c1` was told" } },
  examples = { { "reeve c1-task main /var/lib/reeve/connectors/main/c1/TASK", "as `reeve c1` does it" } },
  run = function(ctx, args)
    return require("serve.work").run(ctx, args[1], args[2])
  end,
}

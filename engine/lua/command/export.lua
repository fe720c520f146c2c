-- export: the last accepted state as files.
local fail = require "fail"

local function refuse_old(home, name, run, max_age)
  local sys = require "host.sys"
  local limit = require("config.kinds").seconds(require("config.config").from_text("max_age", max_age, "--max-age"))
  local fetched = run.ended and sys.epoch(run.ended)
  local age = fetched and sys.now() - fetched
  if age and age <= limit then return end
  fail("stale", ("%s: its data is %s, more than %s; nothing was exported"):format(name,
    age and require("ui.text").span(age) .. " old" or "of unknown age", max_age),
    "`" .. require("import.imported").command(home, name) .. "`")
end

-- "user,role" as a list; nil where nothing was said.
local function types_of(flags)
  if not flags.types then return nil end
  if flags.output ~= "c1z" then fail("usage", "export: --types goes with -o c1z") end
  local types = require("config.kinds").items(flags.types)
  return types[1] and types or fail("usage", "export: --types needs types, as user,role")
end

return {
  name = "export",
  summary = "The last accepted state as jsonl, csv, c1z or c1-csv",
  usage = "NAME -o csv|jsonl|c1z|c1-csv -f FILE",
  min = 1,
  max = 1,
  examples = {
    { "reeve export main -o jsonl -f main.jsonl", "a record a line, with its kind" },
    { "reeve export main -o csv -f main",
      "a folder: resources.csv, entitlements.csv, grants.csv, excluded.csv" },
    { "reeve export main -o c1z -f main.c1z", "for ConductorOne, as its own connectors write it" },
    { "reeve export main -o c1z -f main.c1z --types user,role", "of these types only, and what is granted on them" },
    { "reeve export main -o c1-csv -f main.csv", "for who uploads to ConductorOne by hand: a row a grant" },
    { "reeve export main -o csv -f main --max-age 26h", "exit 12, and no file, where the data is older" },
  },
  flags = {
    { name = "output", short = "o", arg = "FORM", choices = { "csv", "jsonl", "c1z", "c1-csv" },
      help = "csv, jsonl, c1z or c1-csv" },
    { name = "file", short = "f", arg = "FILE", help = "the file, or for csv the folder, to write" },
    { name = "types", arg = "TYPES", help = "c1z: only resources of these types (user,role)" },
    { name = "max-age", arg = "AGE", help = "refuse data that is older (26h, 2d)" },
  },
  notes = "Files appear whole or not at all, readable by their owner only. csv is RFC 4180, UTF-8, and changes\n"
    .. "no value: open it as data, not as formulas. c1z holds a full sync; what ConductorOne's limits do not let\n"
    .. "through (names over 1 KB, exclusion groups of more than 50) is cut or left out, counted and named. So\n"
    .. "are grants to resources of types that --types leaves out.\n"
    .. "c1-csv has the columns that ConductorOne's file connector knows: accounts, and what they hold; grants to\n"
    .. "groups, and entitlements that nobody holds, have a place in c1z alone.",
  run = function(ctx, args, flags)
    if not flags.output then fail("usage", "export: -o csv, -o jsonl, -o c1z or -o c1-csv expected") end
    if not flags.file or flags.file == "" then fail("usage", "export: -f FILE expected") end
    if flags.file == "-" then
      fail("usage", "reeve export writes a file", "`reeve list NAME resources -o jsonl` prints; or -f /dev/stdout")
    end
    local types = types_of(flags)
    local st, meta, run = require("state.snapshot").accepted(ctx, args[1])
    if flags.max_age then refuse_old(ctx.home, args[1], run, flags.max_age) end
    local progress = require("ui.progress").start("exporting " .. args[1], flags)
    local function step(done)
      if done % 1000 == 0 then progress:at(done, nil, "records") end
    end
    local n
    local c1 = ({ c1z = "c1.export", ["c1-csv"] = "c1.csv" })[flags.output]
    if c1 then
      n = require(c1).write { home = ctx.home, name = args[1], st = st, run = run, path = flags.file,
        step = step, options = { types = types } }
    else
      n = require("state.export")[flags.output](st, meta.accepted, flags.file, step)
    end
    progress:done()
    ctx.out:say(("%s: wrote %s to %s"):format(args[1], require("ui.text").count(n, "record"), flags.file))
    return 0
  end,
}

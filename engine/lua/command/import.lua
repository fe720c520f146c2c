-- import: another connector's .c1z file as a run of a connector without a plugin.
local exit = require "exit"
local fail = require "fail"

local WORDS <const> = {
  { "derived", "grants that follow from other grants left out" },
  { "undescribed", "rows of types that the file does not describe left out" },
  { "annotation", "annotations not kept" },
  { "dropped", "values without a place here not kept" },
  { "slug", "entitlements whose slug is not what their id says; the id's is taken" },
}

local NAME_MAX <const> = 100 -- bytes of a name that a file chose

-- "12 annotations not kept: ExternalLink 10, RawId 2"
local function line_of(note, words)
  local names, parts = require("shape").names(note.by), {}
  for i, name in ipairs(names) do
    parts[i] = ("%s %d"):format(require("ui.text").harmless(name, NAME_MAX), note.by[name])
  end
  if note.kinds > #names then parts[#parts + 1] = "…" end
  return ("%d %s%s"):format(note.n, words, #parts > 0 and ": " .. table.concat(parts, ", ") or "")
end

-- SQLite's "2026-11-02 00:00:00.5", which is UTC, in the form that all times have.
local function moment(text)
  local date, clock = text:match("^(%d+%-%d+%-%d+) (%d+:%d+:%d+%.?%d*)$")
  return date and date .. "T" .. clock .. "Z" or require("ui.text").safe(text)
end

local function tell(ctx, name, result)
  if result.created then ctx.out:say(("%s: wrote %s"):format(name, result.created)) end
  for _, line in ipairs(require("sync.summary").lines(name, result)) do ctx.out:say(line) end
  ctx.out:say(("  from sync %s, which ended %s"):format(require("ui.text").safe(result.source.sync),
    moment(result.source.ended)))
  if #result.renamed > 0 then
    ctx.out:say("  types by other names: " .. require("ui.text").safe(table.concat(result.renamed, ", ")))
  end
  for _, entry in ipairs(WORDS) do
    local note = result.notes[entry[1]]
    if note then ctx.out:say("  " .. line_of(note, entry[2])) end
  end
end

return {
  name = "import",
  summary = "Read another connector's .c1z file as a run, to compare with",
  usage = "NAME -f FILE",
  min = 1,
  max = 1,
  examples = {
    { "reeve import old -f old.c1z", "writes the connector `old` where there is none" },
    { "reeve import old -f new.c1z --hold", "looks at what has changed since, before it is believed" },
  },
  flags = {
    { name = "file", short = "f", arg = "FILE", help = "the .c1z file, or a pipe (version 1, which holds SQLite)" },
    { name = "app", arg = "TEXT", help = "name of the application, where the connector is new" },
    { name = "owner", arg = "TEXT", many = true, help = "who owns it, where the connector is new" },
    { name = "hold", help = "never publish by itself" },
    { name = "allow-empty", help = "believe that everything of a type is gone" },
    { name = "wait", help = "wait while another run of the connector goes on" },
  },
  notes = "The latest finished full sync of the file becomes a run like any other: compared, guarded, and kept in\n"
    .. "the history. The connector has no plugin and no target: sync, check and plan refuse it.\n"
    .. "`reeve diff main --with old --summary` then says how it differs from what Reeve itself reads.",
  run = function(ctx, args, flags)
    if not flags.file or flags.file == "" then fail("usage", "import: -f FILE expected") end
    if flags.file == "-" then fail("usage", "import reads a file", "-f /dev/stdin reads what a pipe brings") end
    local name = args[1]
    local progress = require("ui.progress").start("importing " .. name, ctx.flags)
    local ok, result = pcall(require("import.import").run, ctx.home, name, { ctx = ctx, file = flags.file,
      app = flags.app, owners = flags.owner, hold = flags.hold, allow_empty = flags.allow_empty, wait = flags.wait,
      progress = progress })
    progress:done()
    if not ok then
      if type(result) == "table" and result.signal then
        ctx.out:say(("%s: ended by signal %d; nothing was imported"):format(name, result.signal))
        return 128 + result.signal
      end
      error(result, 0)
    end
    require("sync.perform").audit(ctx, name, result, "import")
    tell(ctx, name, result)
    return exit.status(result.outcome)
  end,
}

-- diff: what changed between two runs of a connector, or differs between two connectors.
local cli = require "cli"
local fail = require "fail"

-- The accepted run before this one; 0 (nothing) where it was the first.
local function previous(st, n)
  local snapshot = require "snapshot"
  for number, text in st:runs() do
    if number < n and snapshot.decode(text).state == "accepted" then return number end
  end
  return 0
end

local function range(st, meta, from, to)
  local snapshot = require "snapshot"
  local accepted = meta.accepted or 0
  from, to = from and snapshot.number(from), to and snapshot.number(to)
  if not from then
    if accepted == 0 then fail("failed", "no run was accepted yet") end
    return previous(st, accepted), accepted
  end
  for _, n in ipairs { from, to or from } do
    if n > 0 and not st:run(n) then fail("failed", "there is no run " .. n,
      "`reeve runs NAME` lists them") end
  end
  if to then return from, to end
  if from > accepted then return accepted, from end
  return from, accepted
end

-- The key of a change's record, as members of what is printed.
local function key_of(kind, record)
  if kind == "grant" then return { entitlement = record.entitlement, principal = record.principal } end
  if kind == "entitlement" then return { resource = record.resource, slug = record.slug } end
  return { type = record.type, id = record.id }
end

local function row_of(entry)
  local row = key_of(entry.kind, require("snapshot").decode(entry.after or entry.before))
  row.kind, row.op, row.run = entry.kind, entry.op, entry.run
  return require("change").row(row, entry.before, entry.after)
end

local function columns()
  local record, change = require "record", require "change"
  return {
    { name = "op", title = "WHAT" }, { name = "kind", title = "KIND" },
    { name = "key", title = "RECORD", get = function(row) return record.key(row.kind,
      row.after or row.before) end },
    { name = "name", title = "NAME", get = function(row)
      local shown = row.after or row.before
      return row.kind == "resource" and (shown.name or shown.email) or nil
    end },
    { name = "changed", title = "CHANGED", get = function(row) return row.changed
      and change.line(row.changed) end },
    { name = "run", title = "RUN", right = true },
  }
end

local function print_rows(ctx, entries)
  ctx.out:rows(columns(), function()
    local entry = entries()
    return entry and row_of(entry)
  end)
  return 0
end

return {
  name = "diff",
  summary = "What changed between runs, or differs between connectors",
  usage = "NAME [RUN [RUN]]",
  min = 1,
  max = 3,
  examples = {
    { "reeve diff main", "what the last accepted run changed" },
    { "reeve diff main 1", "from run 1 to the accepted one; or, of a held run, what it would change" },
    { "reeve diff main 1 2 -o jsonl" },
    { "reeve diff main --with backup", "two connectors' states" },
  },
  flags = { cli.output, { name = "with", arg = "OTHER", help = "compare with another connector's state" } },
  run = function(ctx, args, flags)
    local snapshot = require "snapshot"
    local st, meta = snapshot.accepted(ctx, args[1])
    if not flags.with then
      local from, to = range(st, meta, args[2], args[3])
      ctx.out:say(("%s: from run %d to run %d"):format(args[1], from, to))
      return print_rows(ctx, fail.try(st:changes(from, to)))
    end
    if args[2] then fail("usage", "reeve diff: RUN and --with exclude each other") end
    local other = snapshot.accepted(ctx, flags.with)
    return print_rows(ctx, require("compare").entries(st, other))
  end,
}

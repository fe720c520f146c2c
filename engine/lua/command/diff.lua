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

local function range(name, st, meta, from, to)
  local snapshot = require "state.snapshot"
  local accepted = meta.accepted or 0
  from, to = from and snapshot.number(from), to and snapshot.number(to)
  if not from then
    if accepted == 0 then fail("failed", name .. ": no run was accepted yet") end
    return previous(st, accepted), accepted
  end
  for _, n in ipairs { from, to or from } do
    if n > 0 and not fail.try(st:run(n)) then
      fail("failed", ("%s has no run %d"):format(name, n), ("`reeve runs %s` lists them"):format(name))
    end
  end
  if to then return from, to end
  return previous(st, from), from
end

-- Raises for what is in no field of any record: to leave it out would be to leave out nothing.
local function check_without(paths)
  local fields, known = require("state.record").fields(), {}
  for _, name in ipairs(fields) do known[name] = true end
  for _, path in ipairs(paths) do
    if not known[path] and not known[path:match "^([^.]+)%.."] then
      fail("usage", ("diff: --without %s: no such field"):format(path),
        require("suggest").hint(path, fields, "there are profile.KEY and"))
    end
  end
end

-- Takes a field, named as differences name it (profile.title), out of a record; and what it leaves empty.
local function leave_out(record, path)
  if record[path] ~= nil then
    record[path] = nil
    return
  end
  local field, rest = path:match "^([^.]+)%.(.+)$"
  local part = field and record[field]
  if type(part) ~= "table" then return end
  leave_out(part, rest)
  if next(part) == nil then record[field] = nil end
end

-- What is compared of two connectors' records: a function (kind, record) -> record; nil where they are taken as they
-- are.
local function view(ctx, name, flags)
  local comparable, imported = require "import.comparable", require "import.imported"
  local of_file = imported.is(ctx.home, name) or imported.is(ctx.home, flags.with)
  if not of_file and not flags.without then return nil end
  return function(kind, record)
    if of_file then record = comparable.record(kind, record) end
    for _, path in ipairs(flags.without or {}) do leave_out(record, path) end
    if record.profile and next(record.profile) == nil then record.profile = nil end
    return record
  end
end

-- Entries as they come, counted.
local function counted(entries)
  local count = { n = 0 }
  return function()
    local entry = entries()
    count.n = count.n + (entry and 1 or 0)
    return entry
  end, count
end

local function entries_of(ctx, args, flags)
  local snapshot = require "state.snapshot"
  local st, meta = snapshot.accepted(ctx, args[1])
  if flags.with then
    if args[2] then fail("usage", "diff: RUN and --with exclude each other") end
    check_without(flags.without or {})
    local other = snapshot.accepted(ctx, flags.with)
    return require("state.compare").entries(st, other, view(ctx, args[1], flags))
  end
  if flags.without then fail("usage", "diff: --without goes with --with") end
  local from, to = range(args[1], st, meta, args[2], args[3])
  ctx.out:say(("%s: from run %d to run %d"):format(args[1], from, to))
  return fail.try(st:changes(from, to))
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
    { "reeve diff main --with old --summary", "two connectors' states: how many differ, by field" },
    { "reeve diff main --with old --without status --without profile.title" },
  },
  flags = {
    cli.output, { name = "with", arg = "OTHER", help = "compare with another connector's state" },
    { name = "summary", help = "count: a row a type and field" },
    { name = "without", arg = "FIELD", many = true, help = "leave out a field, or a part: profile.KEY (with --with)" },
    { name = "exit-code", help = "end with 10 where there are differences" },
  },
  notes = "With --with, removed is what OTHER does not have, and added what it has alone; → leads from NAME's value\n"
    .. "to OTHER's. Against a connector that was imported, records are compared by what a .c1z file can say of them.",
  run = function(ctx, args, flags)
    local entries, count = counted(entries_of(ctx, args, flags))
    local none = args[1] .. ": no differences"
    if flags.summary then
      local differences = require "state.differences"
      ctx.out:rows(differences.columns, differences.rows(entries), none)
    else
      require("state.changes").print(ctx, entries, none)
    end
    return flags.exit_code and count.n > 0 and require("exit").status("changes") or 0
  end,
}

-- explain: how a record came about: raw object(s), the plugin's record, the operator's record, field by field.
local cli = require "ui.cli"
local fail = require "fail"

-- Fields of a record by path; profile and other objects per key. Raw objects are decoded.
local function flatten(record, prefix, into)
  for name, value in pairs(record) do
    local path = prefix .. tostring(name)
    if type(value) == "table" and #value == 0 and next(value) ~= nil then
      flatten(value, path .. ".", into)
    else
      into[path] = value
    end
  end
  return into
end

local function fields(raw)
  if not raw then return {} end
  local json = require "host.json"
  return flatten(json.decode(json.encode(raw)), "", {})
end

-- The path of the raw member that has this value; the first in path order where several do.
local function origin(raw, value)
  if value == nil or type(value) == "table" then return nil end
  local found
  for path, there in pairs(raw) do
    if there == value and (not found or path < found) then found = path end
  end
  return found
end

local function names_of(...)
  local names, seen = {}, {}
  for _, record in ipairs { ... } do
    for name in pairs(record) do
      if not seen[name] then names[#names + 1] = name end
      seen[name] = true
    end
  end
  table.sort(names)
  return names
end

local function verdict(before, after)
  local change = require "state.change"
  if change.text(before) == change.text(after) then return nil end
  return after == nil and "dropped" or before == nil and "added" or "changed"
end

local function rows_of(source)
  local raw, plugin = fields(source.raw), fields(source.plugin_record)
  local operator = source.operator_record and fields(source.operator_record)
  local rows = {}
  for i, name in ipairs(names_of(plugin, operator or {})) do
    rows[i] = { field = name, raw = origin(raw, plugin[name]), plugin = plugin[name],
      operator = operator and operator[name], mapping = operator and verdict(plugin[name], operator[name]) }
  end
  return rows
end

local columns = {
  { name = "field", title = "FIELD" }, { name = "raw", title = "FROM RAW" },
  { name = "plugin", title = "PLUGIN'S RECORD" }, { name = "operator", title = "OPERATOR'S RECORD" },
  { name = "mapping", title = "MAPPING" },
}

local function print_source(ctx, source)
  local out, text, line = ctx.out, require "ui.text", require("ui.output").line
  out:write("list ", source.list or "?", source.parent and ", parent " .. text.safe(line(source.parent)) or "",
    source.with and ", with " .. text.safe(line(source.with)) or "", "\n")
  out:write("raw ", source.raw and text.safe(line(source.raw)) or "was not kept (keep_raw is false)", "\n")
  if source.problem then out:write("mapping failed: ", text.safe(source.problem), "\n") end
  if source.left_out_by then out:write("left out by ", source.left_out_by, "\n") end
  if source.plugin_record then
    out:write "\n"
    out:rows(columns, rows_of(source))
  end
end

local function print_all(ctx, result)
  for i, source in ipairs(result.sources) do
    if i > 1 then ctx.out:write "\n" end
    print_source(ctx, source)
  end
  if result.final then
    ctx.out:write("\nin force: ", require("ui.text").safe(require("ui.output").line(result.final)), "\n")
  end
end

local function csv_rows(result)
  local rows = {}
  for _, source in ipairs(result.sources) do
    for _, row in ipairs(rows_of(source)) do rows[#rows + 1] = row end
  end
  return rows
end

local function unknown(ctx, name, type_name, id)
  local snapshot = require "state.snapshot"
  local st, meta = snapshot.find(ctx.home, name)
  snapshot.check_type(ctx.home, name, st and snapshot.run(st, meta.accepted), type_name)
  fail("failed", ("%s: no run knows a %s '%s'"):format(name, type_name, id),
    ("`reeve list %s %s` lists what there is"):format(name, type_name))
end

return {
  name = "explain",
  summary = "How a record comes about: raw object, plugin's record, yours",
  usage = "NAME TYPE ID",
  min = 3,
  max = 3,
  examples = {
    { "reeve explain main user 7f3a", "field by field, through today's plugin and mapping" },
    { "reeve explain main user 7f3a -o json | jq .sources[0].raw" },
  },
  flags = { cli.output },
  run = function(ctx, args)
    local name, type_name, id = args[1], args[2], args[3]
    local result = require("sync.explain").explain(ctx.home, name, type_name, id)
      or unknown(ctx, name, type_name, id)
    ctx.out:say(("%s: run %d"):format(name, result.run))
    if result.changed_since_run then
      ctx.out:say(("%s: changed since run %d: %s"):format(name, result.run,
        table.concat(result.changed_since_run, ", ")))
    end
    if ctx.out.form == "table" then
      print_all(ctx, result)
    elseif ctx.out.form == "csv" then
      ctx.out:rows(columns, csv_rows(result))
    else
      ctx.out:object(result)
    end
    return 0
  end,
}

-- explain: how a record came about: raw object(s), the plugin's record, the operator's record, field by
-- field.
local cli = require "cli"
local fail = require "fail"

-- Fields of both records in one sorted list; profile and other objects per key.
local function flatten(record, prefix, into)
  for name, value in pairs(record or {}) do
    if type(value) == "table" and #value == 0 and next(value) ~= nil then
      flatten(value, prefix .. name .. ".", into)
    else
      into[prefix .. name] = value
    end
  end
  return into
end

local function plain(value)
  return type(value) == "string" and require("host.json").decode(value) or value
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

local function rows_of(source)
  local raw = flatten(plain(source.raw), "", {})
  local plugin = flatten(plain(source.plugin_record), "", {})
  local operator = source.operator_record and flatten(plain(source.operator_record), "", {}) or nil
  local names, seen, rows = {}, {}, {}
  for _, record in ipairs { plugin, operator } do
    for name in pairs(record) do
      if not seen[name] then names[#names + 1] = name end
      seen[name] = true
    end
  end
  table.sort(names)
  for i, name in ipairs(names) do
    rows[i] = { field = name, raw = origin(raw, plugin[name]), plugin = plugin[name],
      operator = operator and operator[name] }
    if operator and require("change").text(operator[name]) ~= require("change").text(plugin[name]) then
      rows[i].changed = operator[name] == nil and "dropped" or plugin[name] == nil and "added" or "changed"
    end
  end
  return rows
end

local columns = {
  { name = "field", title = "FIELD" }, { name = "raw", title = "FROM RAW" },
  { name = "plugin", title = "PLUGIN'S RECORD" }, { name = "operator", title = "OPERATOR'S RECORD" },
  { name = "changed", title = "MAPPING" },
}

local function print_source(ctx, source)
  local out = ctx.out
  out:write(("list %s"):format(source.list or "?"),
    source.parent and (", of %s/%s"):format(source.parent.type, source.parent.id) or "", "\n\n")
  out:write("raw: ", source.raw and require("text").safe(require("output").line(source.raw))
    or "not kept (keep_raw is false)", "\n\n")
  out:rows(columns, rows_of(source))
  out:write("\n")
end

return {
  name = "explain",
  summary = "How a record came about: raw object, plugin's record, operator's record",
  usage = "NAME TYPE ID",
  min = 3,
  max = 3,
  examples = { { "reeve explain main user 7f3a" },
    { "reeve explain main user 7f3a -o json | jq .sources[0].raw" } },
  flags = { cli.output },
  run = function(ctx, args)
    local result = require("explain").explain(ctx.home, args[1], args[2], args[3])
    if not result then fail("failed", ("%s has no %s '%s'"):format(args[1], args[2], args[3])) end
    if ctx.out.form == "json" or ctx.out.form == "jsonl" then
      ctx.out:object(result)
    elseif ctx.out.form == "csv" then
      local rows = {}
      for _, source in ipairs(result.sources) do
        for _, row in ipairs(rows_of(source)) do rows[#rows + 1] = row end
      end
      ctx.out:rows(columns, rows)
    else
      for _, source in ipairs(result.sources) do print_source(ctx, source) end
    end
    return 0
  end,
}

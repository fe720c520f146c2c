-- changes: what runs changed, as rows for people and programs: shared by diff and plan.
local M = {}

-- The key of a change's record, as members of what is printed.
local function key_of(kind, record)
  if kind == "grant" then return { entitlement = record.entitlement, principal = record.principal } end
  if kind == "entitlement" then return { resource = record.resource, slug = record.slug } end
  return { type = record.type, id = record.id }
end

local function row_of(entry)
  local row = key_of(entry.kind, require("state.snapshot").decode(entry.after or entry.before))
  row.kind, row.op, row.run = entry.kind, entry.op, entry.run
  return require("state.change").row(row, entry.before, entry.after)
end

local function columns()
  local record, change = require "state.record", require "state.change"
  return {
    { name = "op", title = "WHAT" }, { name = "kind", title = "KIND" },
    { name = "key", title = "RECORD", get = function(row)
      return record.key(row.kind, row.after or row.before)
    end },
    { name = "name", title = "NAME", get = function(row)
      local shown = row.after or row.before
      return row.kind == "resource" and (shown.name or shown.email) or nil
    end },
    { name = "changed", title = "CHANGED", get = function(row)
      return row.changed and change.line(row.changed)
    end },
    { name = "run", title = "RUN", right = true },
  }
end

--- Prints an iterator of changes ({ run, op, kind, before, after }, records as JSON), or says that there is none.
function M.print(ctx, entries, none)
  ctx.out:rows(require("state.change").with_records(ctx.out.form, columns()), function()
    local entry = entries()
    return entry and row_of(entry)
  end, none)
end

return M

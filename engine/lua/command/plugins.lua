-- plugins: what can be connected.
local cli = require "ui.cli"
local fail = require "fail"

-- A plugin that cannot be loaded is listed with its problem.
local function describe(home, found)
  local row = { name = found.name, origin = found.origin, dir = found.dir, shadows = found.shadows or nil }
  local ok, plugin = pcall(require("plugin.plugin").load, home, found.name)
  if ok then
    local m = plugin.manifest
    row.version, row.title, row.summary, row.docs = m.version, m.title, m.summary, m.docs
    row.resources, row.can = require("shape").names(m.resources), { "sync" }
  elseif fail.is(plugin) then
    row.problem = plugin.message
  else
    error(plugin, 0)
  end
  return row
end

return {
  name = "plugins",
  summary = "What can be connected: name, version, where from, what it can do",
  usage = "",
  max = 0,
  examples = { { "reeve plugins" }, { "reeve plugins -o json" } },
  flags = { cli.output },
  run = function(ctx)
    local rows = {}
    for i, found in ipairs(require("plugin.plugin").list(ctx.home)) do rows[i] = describe(ctx.home, found) end
    ctx.out:rows({
      { name = "name", title = "NAME" }, { name = "version", title = "VERSION" },
      { name = "from", title = "FROM", get = function(row)
        return row.shadows and row.origin .. " (shadows a bundled one)" or row.origin
      end },
      { name = "title", title = "TITLE" },
      { name = "resources", title = "RESOURCES", get = function(row)
        return row.resources and table.concat(row.resources, ", ")
      end },
      { name = "summary", title = "SUMMARY" }, { name = "problem", title = "PROBLEM" },
    }, rows)
    return 0
  end,
}

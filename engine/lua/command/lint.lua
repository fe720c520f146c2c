-- lint: what is wrong, or suspicious, in Lua that somebody wrote.
local cli = require "ui.cli"
local fail = require "fail"

local function look(home, name)
  local lint = require "lint.lint"
  if name:find("%.lua$") then return lint.script(home, name) end
  if require("config.connector").exists(home, name) then return lint.connector(home, name) end
  if require("plugin.plugin").find(home, name) then return lint.plugin(home, name) end
  local names = home:connectors()
  for _, found in ipairs(require("plugin.plugin").list(home)) do
    if not require("shape").contains(names, found.name) then names[#names + 1] = found.name end
  end
  fail("usage", ("there is no plugin, connector or file '%s'"):format(name),
    require("suggest").hint(name, names, "there are"))
end

local function count(findings, strict)
  local errors, warnings = 0, 0
  for _, finding in ipairs(findings) do
    if strict then finding.level = "error" end
    if finding.level == "error" then errors = errors + 1 else warnings = warnings + 1 end
  end
  return errors, warnings
end

local function line_of(finding)
  return ("%s:%d: %s: %s%s"):format(finding.file, finding.line, finding.level, finding.message,
    finding.next and " " .. finding.next or "")
end

local columns = {
  { name = "file", title = "FILE" }, { name = "line", title = "LINE", right = true },
  { name = "level", title = "LEVEL" },
  { name = "message", title = "MESSAGE" }, { name = "next", title = "NEXT" },
}

return {
  name = "lint",
  summary = "What is wrong or suspicious in a plugin, a mapping or a connector",
  usage = "PLUGIN | SCRIPT.lua | CONNECTOR",
  min = 1,
  max = 1,
  examples = {
    { "reeve lint acme", "manifest, names, settings, hosts, secrets, what mappings depend on" },
    { "reeve lint main", "of a connector: its mapping too, over the objects of the last run" },
    { "reeve lint scripts/main.lua --strict" },
  },
  flags = {
    { name = "strict", help = "warnings are errors" },
    cli.output,
  },
  notes = "Asks nobody outside this machine, and changes nothing. A plugin's mapping runs over what its tests give.\n"
    .. "Ends with 3 where there are errors. Where luacheck is installed, what it says is told too.",
  run = function(ctx, args, flags)
    local result = look(ctx.home, args[1])
    local errors, warnings = count(result.findings, flags.strict)
    if ctx.out.form == "table" then
      local safe = require("ui.text").safe
      for _, finding in ipairs(result.findings) do ctx.out:write(safe(line_of(finding)), "\n") end
    else
      ctx.out:rows(columns, result.findings)
    end
    local text = require "ui.text"
    ctx.out:say(("%s: %s, %s in %s%s"):format(args[1], text.count(errors, "error"), text.count(warnings, "warning"),
      text.count(result.files, "file"), result.luacheck and "" or " (luacheck is not installed: not asked)"))
    return errors > 0 and 3 or 0
  end,
}

-- help: what a command does, in words; examples first.
local cli = require "ui.cli"

local M = {}

local function columns(rows, indent)
  local width, lines = 0, {}
  for _, row in ipairs(rows) do width = math.max(width, utf8.len(row[1])) end
  for _, row in ipairs(rows) do
    local gap = (" "):rep(width - utf8.len(row[1]) + 2)
    lines[#lines + 1] = (indent .. row[1] .. gap .. (row[2] or "")):gsub("%s+$", "")
  end
  return table.concat(lines, "\n")
end

local function flag_rows(flags)
  local rows = {}
  for _, flag in ipairs(flags) do
    local name = (flag.short and "-" .. flag.short .. ", " or "    ") .. "--" .. flag.name
    local help = flag.help .. (flag.many and " (repeatable)" or "")
    rows[#rows + 1] = { name .. (flag.arg and " " .. flag.arg or ""), help }
  end
  return rows
end

local function examples(list)
  local rows = {}
  for _, example in ipairs(list) do
    rows[#rows + 1] = type(example) == "table" and example or { example }
  end
  return columns(rows, "  ")
end

--- The help of one command, as text.
function M.of(command)
  local parts = { "Examples:\n" .. examples(command.examples or {}), command.summary,
    "Usage:\n" .. (("  reeve %s %s"):format(command.name, command.usage or ""):gsub("%s+$", "")) }
  if command.flags and #command.flags > 0 then
    parts[#parts + 1] = "Flags:\n" .. columns(flag_rows(command.flags), "  ")
  end
  if command.notes then parts[#parts + 1] = command.notes end
  parts[#parts + 1] = "Global flags:\n" .. columns(flag_rows(cli.globals), "  ")
  return table.concat(parts, "\n\n") .. "\n"
end

--- The help of the program, as text: examples of the main job, then every command with its summary.
function M.overview()
  local parts = { "Examples:\n" .. examples {
    { "reeve add acme main client_id=… client_secret=-", "connect the plugin acme as \"main\"" },
    { "reeve sync main", "fetch, compare, publish" },
    { "reeve diff main", "what the last run changed" },
    { "reeve list main user -o csv", "every user" },
  }, "Usage:\n  reeve COMMAND [arguments] [flags]     (`reeve help COMMAND` says more)" }
  local there = {}
  for _, name in ipairs(cli.names()) do there[name] = true end
  for _, group in ipairs(cli.groups) do
    local rows = {}
    for i = 2, #group do
      if there[group[i]] then
        rows[#rows + 1] = { ("%-11s"):format(group[i]), cli.command(group[i]).summary }
      end
    end
    if rows[1] then parts[#parts + 1] = group[1] .. ":\n" .. columns(rows, "  ") end
  end
  parts[#parts + 1] = "Global flags:\n" .. columns(flag_rows(cli.globals), "  ")
  return table.concat(parts, "\n\n") .. "\n"
end

return M

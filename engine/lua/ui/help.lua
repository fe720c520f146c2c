-- help: what a command does, in words; examples first. Lines of words are no wider than a terminal's 80 columns.
local cli = require "ui.cli"

local M = {}

local WIDTH, LEFT = 80, 48 -- of a line, and of what may stand left of words in it

-- Words in lines of `room` columns.
local function wrap(words, room)
  local lines = {}
  for word in words:gmatch("%S+") do
    local last = lines[#lines]
    if last and utf8.len(last) + 1 + utf8.len(word) <= room then
      lines[#lines] = last .. " " .. word
    else
      lines[#lines + 1] = word
    end
  end
  return lines
end

-- Rows { text, words } as two columns. The words of a text that is too long for its own begin below it.
local function columns(rows)
  local width, lines = 4, {}
  for _, row in ipairs(rows) do
    local n = utf8.len(row[1])
    if row[2] and n <= LEFT then width = math.max(width, n) end
  end
  for _, row in ipairs(rows) do
    local left = "  " .. row[1]
    for _, words in ipairs(wrap(row[2] or "", WIDTH - width - 4)) do
      if utf8.len(left) > width + 2 then
        lines[#lines + 1], left = left, ""
      end
      lines[#lines + 1] = left .. (" "):rep(width + 4 - utf8.len(left)) .. words
      left = ""
    end
    if left ~= "" then lines[#lines + 1] = left end
  end
  return table.concat(lines, "\n")
end

-- Notes as paragraphs; a line that begins with a blank stays as it is.
local function paragraphs(notes)
  local lines, words = {}, ""
  local function end_paragraph()
    for _, line in ipairs(wrap(words, WIDTH)) do lines[#lines + 1] = line end
    words = ""
  end
  for line in notes:gmatch("[^\n]+") do
    if line:find("^ ") then
      end_paragraph()
      lines[#lines + 1] = line
    else
      words = words .. " " .. line
    end
  end
  end_paragraph()
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
  return columns(rows)
end

--- The help of one command, as text.
function M.of(command)
  local parts = { "Examples:\n" .. examples(command.examples or {}), command.summary,
    "Usage:\n" .. (("  reeve %s %s"):format(command.name, command.usage or ""):gsub("%s+$", "")) }
  if command.flags and #command.flags > 0 then
    parts[#parts + 1] = "Flags:\n" .. columns(flag_rows(command.flags))
  end
  if command.notes then parts[#parts + 1] = paragraphs(command.notes) end
  parts[#parts + 1] = "Global flags:\n" .. columns(flag_rows(cli.globals))
  return table.concat(parts, "\n\n") .. "\n"
end

--- The help of the program, as text: examples of the main job, then every command with its summary.
function M.overview()
  local parts = { "Examples:\n" .. examples {
    { "reeve add acme main client_id=… client_secret=-", "connect acme as \"main\"" },
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
    if rows[1] then parts[#parts + 1] = group[1] .. ":\n" .. columns(rows) end
  end
  parts[#parts + 1] = "Global flags:\n" .. columns(flag_rows(cli.globals))
  return table.concat(parts, "\n\n") .. "\n"
end

return M

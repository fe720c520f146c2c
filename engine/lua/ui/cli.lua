-- cli: the command line. A command is a module command.NAME that returns
--
--   { name, summary, usage = "NAME TYPE ID", min = 3, max = 3,
--     examples = { {"reeve show …", "what it does"}, … },
--     flags = { { name = "output", short = "o", arg = "FORM", choices = {…}, help = "…" }, … },
--     run = function(ctx, args, flags) return exit_status end }
--
-- A flag without `arg` is true or absent; `many` makes a list; `integer` a number. In the table handed to
-- run, a dash of its name is an underscore. Only the named command's module is loaded.
local fail = require "fail"

local M = {}

--- What there is, in the order in which help shows it: groups of command names.
M.groups = {
  { "Set up", "plugins", "add", "set", "connectors", "remove", "check", "secret" },
  { "Synchronise", "plan", "sync", "accept", "reject" },
  { "Operate", "status", "runs", "log", "audit" },
  { "Read", "list", "show", "history", "diff", "explain", "export" },
  { "Write a plugin", "new", "sim", "lint", "test", "record", "types" },
  { "ConductorOne", "c1", "health-check", "import", "capabilities", "config", "c1-task" },
  { "Other", "paths", "version", "help", "completion" },
}

--- Flags that every command has, before or after its name.
M.globals = {
  { name = "home", arg = "DIR", help = "configuration, connectors, plugins and scripts" },
  { name = "quiet", short = "q", help = "errors only" },
  { name = "verbose", short = "v", help = "debug lines too" },
  { name = "log-format", arg = "text|json", choices = { "text", "json" },
    help = "form of log lines (json if stderr is no terminal)" },
  { name = "no-color", help = "no colours" },
  { name = "help", short = "h", help = "this help" },
}

--- The flag of all commands that print data.
M.output = { name = "output", short = "o", arg = "FORM", choices = { "table", "json", "jsonl", "csv" },
  help = "form of the data: table, json, jsonl or csv" }

local function embedded(name)
  return type(package.searchers[2]("command." .. name)) == "function"
end

--- Names of the commands that this program has.
function M.names()
  local names = {}
  for _, group in ipairs(M.groups) do
    for i = 2, #group do
      if embedded(group[i]) then names[#names + 1] = group[i] end
    end
  end
  return names
end

--- The command's table; an unknown name is a usage error with a suggestion.
function M.command(name)
  if name:find("^[a-z][a-z0-9-]*$") and embedded(name) then return require("command." .. name) end
  fail("usage", "no such command: '" .. name .. "'",
    require("suggest").nearest(name, M.names()) and require("suggest").hint(name, M.names())
    or "`reeve help` lists the commands")
end

local function key_of(flag)
  return (flag.name:gsub("-", "_"))
end

-- Flags of a command and of all, by the way they are written.
local function written(command)
  local by = {}
  for _, list in ipairs { command and command.flags or {}, M.globals } do
    for _, flag in ipairs(list) do
      by["--" .. flag.name] = by["--" .. flag.name] or flag
      if flag.short then by["-" .. flag.short] = by["-" .. flag.short] or flag end
    end
  end
  return by
end

local function unknown(text, by, command)
  local names = {}
  for name in pairs(by) do
    if #name > 2 then names[#names + 1] = name end
  end
  fail("usage", "unknown flag " .. text, require("suggest").question(text, names)
    or "see `reeve help" .. (command and " " .. command.name or "") .. "`")
end

local function checked(flag, text)
  if flag.choices then
    for _, choice in ipairs(flag.choices) do
      if choice == text then return text end
    end
    fail("usage", ("--%s: '%s' is none of %s"):format(flag.name, text, table.concat(flag.choices, ", ")),
      require("suggest").nearest(text, flag.choices) and require("suggest").hint(text, flag.choices))
  end
  if not flag.integer then return text end
  return text:find("^%d+$") and math.tointeger(tonumber(text))
    or fail("usage", ("--%s: a whole number expected, not '%s'"):format(flag.name, text))
end

local function store(flags, flag, value)
  local key = key_of(flag)
  if not flag.many then
    flags[key] = value
    return
  end
  flags[key] = flags[key] or {}
  table.insert(flags[key], value)
end

-- Reads the flag written at argv[i] into flags; returns the index after it and its value.
local function take(flags, argv, i, by, command)
  local text = argv[i]
  local name, value = text:match("^(%-%-[^=]+)=(.*)$")
  local rest
  if not name and text:sub(1, 2) ~= "--" then
    name, rest = text:sub(1, 2), text:sub(3)
  end
  local flag = by[name or text] or unknown(name or text, by, command)
  if flag.arg then
    value = value or (rest ~= "" and rest) or nil
    if not value then
      i = i + 1
      value = argv[i] or fail("usage", "--" .. flag.name .. " needs a value: " .. flag.arg)
    end
    store(flags, flag, checked(flag, value))
    return i + 1
  end
  if value then fail("usage", "--" .. flag.name .. " takes no value") end
  store(flags, flag, true)
  if rest and rest ~= "" then
    argv[i] = "-" .. rest
    return i
  end
  return i + 1
end

-- Everything from argv[i] on: arguments into args, flags into flags; ends at the first argument where
-- `first`.
local function read(argv, i, flags, args, command, first)
  local by = written(command)
  while i <= #argv do
    local text = argv[i]
    if text == "--" then
      table.move(argv, i + 1, #argv, #args + 1, args)
      return #argv + 1
    elseif text:sub(1, 1) == "-" and text ~= "-" then
      i = take(flags, argv, i, by, command)
    elseif first then
      return i
    else
      args[#args + 1] = text
      i = i + 1
    end
  end
  return i
end

local function count_args(command, args)
  local short = command.min and #args < command.min
  if short or command.max and #args > command.max then
    fail("usage", ("%s: %s"):format(command.name, short and "an argument is missing"
      or "unexpected argument '" .. args[command.max + 1] .. "'"),
      "usage: reeve " .. command.name .. " " .. (command.usage or ""))
  end
end

--- The connectors that a command of several (NAME… | --all) is for, each once; all(): those that --all stands for.
function M.connectors(args, flags, all)
  if flags.all and #args > 0 then fail("usage", "names or --all, not both") end
  if not flags.all and #args == 0 then fail("usage", "which connector? name one or several, or --all") end
  local names, seen = {}, {}
  for _, name in ipairs(flags.all and all() or args) do
    if not seen[name] then names[#names + 1], seen[name] = name, true end
  end
  return names
end

--- Reads argv (a copy is taken): the command's table (nil where none was named), its arguments, all flags.
function M.parse(argv)
  argv = table.move(argv, 1, #argv, 1, {})
  local flags, args = {}, {}
  if argv[1] == "--version" then argv[1] = "version" end
  local i = read(argv, 1, flags, args, nil, true)
  local name = argv[i] or args[1]
  if not name then return nil, args, flags end
  local command = M.command(name)
  read(argv, i + 1, flags, args, command)
  if not flags.help then count_args(command, args) end
  return command, args, flags
end

return M

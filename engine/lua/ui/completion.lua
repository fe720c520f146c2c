-- completion: scripts for shells, generated from the command tables; connectors' names are asked of the
-- program.
local cli = require "ui.cli"

local M = {}

-- Commands whose first argument is a connector's name.
local function takes_name(command)
  return (command.usage or ""):find("^%[?NAME") ~= nil
end

local function flags_of(command)
  local list = {}
  table.move(command.flags or {}, 1, #(command.flags or {}), 1, list)
  return table.move(cli.globals, 1, #cli.globals, #list + 1, list)
end

local function words(flags)
  local list = {}
  for _, flag in ipairs(flags) do
    list[#list + 1] = "--" .. flag.name
    if flag.short then list[#list + 1] = "-" .. flag.short end
  end
  return table.concat(list, " ")
end

-- What follows a flag that has choices: `-o` is to be answered with table, json, …
local function choices(flags, line)
  local lines = {}
  for _, flag in ipairs(flags) do
    if flag.choices then
      lines[#lines + 1] = line:format("--" .. flag.name .. (flag.short and "|-" .. flag.short or ""),
        table.concat(flag.choices, " "))
    end
  end
  return table.concat(lines)
end

local function commands()
  local list = {}
  for i, name in ipairs(cli.names()) do list[i] = cli.command(name) end
  return list
end

local bash_choice = '        %s) COMPREPLY=($(compgen -W "%s" -- "$current")); return ;;\n'
local bash_case = '    %s)\n      case $previous in\n%s      esac\n      words="%s"%s ;;\n'
local bash_name = '\n      [ $COMP_CWORD = 2 ] && words="$words $(_reeve_connectors)"'

--- The script for bash.
function M.bash()
  local cases = {}
  for _, command in ipairs(commands()) do
    local flags = flags_of(command)
    local names = takes_name(command) and bash_name or ""
    cases[#cases + 1] = bash_case:format(command.name, choices(flags, bash_choice), words(flags), names)
  end
  return ([[
# bash completion for reeve; made by `reeve completion bash`
_reeve_connectors() { reeve connectors -o csv 2>/dev/null | sed '1d;s/,.*//'; }
_reeve() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words
  if [ $COMP_CWORD = 1 ]; then
    COMPREPLY=($(compgen -W "%s" -- "$current"))
    return
  fi
  case ${COMP_WORDS[1]} in
%s  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _reeve reeve
]]):format(table.concat(cli.names(), " "), table.concat(cases))
end

--- The script for zsh: bash's, through zsh's own bridge.
function M.zsh()
  return "#compdef reeve\nautoload -U +X bashcompinit && bashcompinit\n" .. M.bash()
end

local function fish_quote(text)
  return "'" .. text:gsub("\\", "\\\\"):gsub("'", "\\'") .. "'"
end

--- The script for fish.
function M.fish()
  local lines = { "# fish completion for reeve; made by `reeve completion fish`",
    "function __reeve_connectors; reeve connectors -o csv 2>/dev/null | sed '1d;s/,.*//'; end",
    "complete -c reeve -f" }
  for _, command in ipairs(commands()) do
    lines[#lines + 1] = ("complete -c reeve -n __fish_use_subcommand -a %s -d %s"):format(command.name,
      fish_quote(command.summary))
    local condition = "-n '__fish_seen_subcommand_from " .. command.name .. "'"
    for _, flag in ipairs(flags_of(command)) do
      lines[#lines + 1] = ("complete -c reeve %s -l %s%s%s%s -d %s"):format(condition, flag.name,
        flag.short and " -s " .. flag.short or "", flag.arg and " -r" or "",
        flag.choices and " -a '" .. table.concat(flag.choices, " ") .. "'" or "", fish_quote(flag.help))
    end
    if takes_name(command) then
      lines[#lines + 1] = ("complete -c reeve %s -a '(__reeve_connectors)'"):format(condition)
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

return M

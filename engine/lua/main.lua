-- main: the engine's entry; takes argv, returns the exit status.
local exit = require "exit"

-- What a command is given; each part is made when it is first asked for.
local parts = {
  home = function(ctx)
    local home = require("config.home").open(ctx.flags)
    require("ui.logging").setup(ctx.flags, home.options.log_format)
    require("config.misspelt").warn()
    return home
  end,
  out = function(ctx) return require("ui.output").new(ctx.flags) end,
  log = function(ctx)
    require("ui.logging").setup(ctx.flags, ctx.flags.log_format)
    return require "log"
  end,
}

local function context(flags)
  return setmetatable({ flags = flags }, {
    __index = function(ctx, name)
      local make = parts[name]
      local value = make and make(ctx)
      rawset(ctx, name, value)
      return value
    end,
  })
end

local function run(argv)
  local cli = require "ui.cli"
  local command, args, flags = cli.parse(argv)
  if not command then
    local text = require("ui.help").overview()
    if flags.help then
      io.write(text)
      return 0
    end
    io.stderr:write(text)
    return exit.status("usage")
  end
  if flags.help then
    io.write(require("ui.help").of(command))
    return 0
  end
  local status = command.run(context(flags), args, flags)
  return math.tointeger(status) or 0
end

-- Where somebody chose JSON for the log, the last word is a line of it too.
local function tell(e)
  local logging = package.loaded["ui.logging"]
  if logging and logging.chosen == "json" then
    require("log").error(e.message, { code = e.code, hint = e.hint })
  else
    require("ui.stderr").line("reeve: ", e.message, e.hint and "\n  " .. e.hint or "")
  end
end

local function report(e)
  if type(e) == "table" and e.code and e.message then
    if not e.quiet then tell(e) end
    return e.quiet and 128 + 13 or e.signal and 128 + e.signal or exit.status(e.code)
  end
  local text = type(e) == "table" and e.message or tostring(e)
  if text == require("fail").NO_MEMORY then
    io.stderr:write("reeve: out of memory\n")
  else
    require("ui.stderr").line("reeve: internal error: ", text)
  end
  return exit.status("failed")
end

-- A reader that went away ends the program without a word; another failure to write is told.
local function flush(status)
  local ok, why, number = io.stdout:flush()
  if ok or number == 32 then return status end
  io.stderr:write("reeve: cannot write to standard output: " .. tostring(why) .. "\n")
  return status ~= 0 and status or exit.status("failed")
end

return function(argv)
  io.stdout:setvbuf("full")
  local ok, result = xpcall(run, require("fail").traced, argv)
  return flush(ok and result or report(result))
end

-- new_mapping: writes an operator's mapping that changes nothing yet, and says above each function which
-- fields the objects of the last accepted run had. Nothing is ever replaced.
local fail = require "fail"
local mode = require "mode"
local sys = require "host.sys"
local text = require "ui.text"

local M = {}

local HEAD = [[
-- What %s's records mean to us. Each function sees the target's object (raw), what the plugin made of it
-- (record) and where it came from (at: kind, list, parent, with, settings). It returns the record, changed or
-- not; nil leaves it out. It depends on these alone: no clock, no randomness.
--
--   reeve set %s mapping=%s
--   reeve plan %s --offline     says what would change; nobody is asked
]]

local SEEN = [[
--
-- Above each function: the fields that its objects had in run %d, how many of them had it, and its types.
]]

-- Of 1,000 objects with it in 999, "99 %" and not "100 %"; of one, "<1 %" and not "0 %".
local function share(n, of)
  if n == of then return "100 %" end
  local percent = n * 100 // of
  return percent < 1 and "<1 %" or ("%d %%"):format(percent)
end

local function field_lines(seen, lines)
  local widest = 0
  for _, field in ipairs(seen.paths) do widest = math.max(widest, #field.path) end
  for _, field in ipairs(seen.paths) do
    lines[#lines + 1] = ("  --   %s  %5s  %s"):format(text.pad(field.path, math.min(widest, 60)),
      share(field.n, seen.kept), table.concat(field.types, " or "))
  end
  if seen.more then lines[#lines + 1] = "  --   … and more: too many to list" end
end

local function function_of(kind, seen, lines)
  if seen and seen.kept > 0 then
    lines[#lines + 1] = ("  -- %s"):format(text.count(seen.kept, "object"))
    field_lines(seen, lines)
  else
    lines[#lines + 1] = seen and "  -- raw objects were not kept" or "  -- no object seen, so no fields"
  end
  lines[#lines + 1] = ("  %s = function(raw, record, at)\n    return record\n  end,\n"):format(kind)
end

-- What the last accepted run's objects had, by kind; else why it is not known.
local function seen_of(home, name)
  local st, meta = require("state.snapshot").find(home, name)
  if not st or meta.accepted == 0 then
    return nil, ("no run of %s was accepted yet: the script names no fields"):format(name)
  end
  local seen = require("author.fields").seen(fail.try(st:objects()))
  local kept = 0
  for _, kind in pairs(seen) do kept = kept + kind.kept end
  if kept == 0 then
    return nil, "raw objects were not kept (keep_raw is false): the script names no fields"
  end
  return { kinds = seen, run = meta.accepted }
end

-- The script for a connector; `shown` is the path of it that `reeve set` is told. Then why it has no fields.
local function text_of(home, name, shown)
  local plugin = require("config.connector").load(home, name).plugin
  local seen, why = seen_of(home, name)
  local lines = { HEAD:format(name, name, shown, name)
    .. (seen and SEEN:format(seen.run) or "") .. "return {" }
  for _, kind in ipairs(require("shape").names(plugin:mapping())) do
    function_of(kind, seen and seen.kinds[kind], lines)
  end
  lines[#lines] = lines[#lines]:gsub("\n$", "")
  lines[#lines + 1] = "}\n"
  return table.concat(lines, "\n"), why
end

-- The path as a connector's `mapping` names it, where it can: below the home.
local function below(home, path)
  local whole = path:sub(1, 1) == "/" and path or fail.try(sys.real_path(".")) .. "/" .. path
  if whole:sub(1, #home.dir + 1) == home.dir .. "/" then return whole:sub(#home.dir + 2) end
end

--- Writes the script to a path, HOME/scripts/NAME.lua where that is nil. Returns the path, the path as
--- `reeve set` wants it (nil: it is not below the home), and, in words, why it names no fields (or nil).
function M.write(home, name, path)
  local own = home.dir .. "/scripts/" .. name .. ".lua"
  local shown = below(home, path or own)
  local script, why = text_of(home, name, shown or "scripts/" .. name .. ".lua")
  if not path then fail.try(sys.mkdir_p(home.dir .. "/scripts", mode.private_folder)) end
  local ok, message, code = sys.create_file(path or own, script, mode.private_file)
  if not ok and code == "busy" then
    fail("usage", ("%s is there already; nothing was written"):format(path or own), "-f FILE names another")
  end
  fail.try(ok, message, code)
  return path or own, shown, why
end

return M

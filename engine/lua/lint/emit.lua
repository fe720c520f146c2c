-- emit: kinds that are emitted and stand in no list's `emits`; what ctx has in lists alone, asked for elsewhere.
--
--   emit.kinds(file, of, lists, report)     lists: those of the connector, as plugin:connector() gives them
--   emit.parts(file, report)                file: connector.lua
local contract = require "contract.contract"
local suggest = require "suggest"
local walk = require "lint.walk"

local M = {}

local function kinds_of(lists)
  local names, known = {}, {}
  for _, list in ipairs(lists) do
    for _, kind in ipairs(list.kinds) do
      if not known[kind] then names[#names + 1], known[kind] = kind, true end
    end
  end
  return names, known
end

-- The option `emit` of a call of reeve.paginate; nil of any other call.
local function emit_option(kind, node)
  if not kind.group or kind.group.name ~= "reeve.paginate" then return nil end
  return node.args[1] and walk.field(node.args[1], "emit")
end

--- Kinds that stand as texts in ctx.emit and in the option `emit`, against what the lists say.
function M.kinds(file, of, lists, report)
  local names, known = kinds_of(lists)
  walk.each(file.tree, function(node)
    local kind = node.tag == "Call" and of:expr(node.fn)
    if not (kind and kind.entry) then return end
    local is_emit = kind.group.name == "ctx" and kind.entry.name == "emit"
    local text = is_emit and node.args[1] or emit_option(kind, node)
    if not text or text.tag ~= "String" or known[text.value] then return end
    report(text.line, "error", ("'%s' is emitted, and no list says so."):format(text.value),
      suggest.question(text.value, names) or "Add it to the list's emits.")
  end)
end

local function is_there(entry, part)
  for _, one in ipairs(entry and entry.on or { part }) do
    if one == part then return true end
  end
  return false
end

-- What a function asks of its own ctx.
local function look(fn, part, report)
  local ctx = fn.params[1]
  for _, use in ipairs(ctx and ctx.uses or {}) do
    local node = use.parent
    local name = node and node.tag == "Index" and node.object == use and node.key.tag == "String" and node.key.value
    local entry = name and contract.group("ctx").by[name]
    if entry and not is_there(entry, part) then
      report(node.line, "error", ("ctx.%s is not there in M.%s."):format(name, part),
        ("It is there in: %s."):format(table.concat(entry.on, ", ")))
    end
  end
end

--- What M.http and M.check ask of their ctx, and is not there.
function M.parts(file, report)
  for _, field in ipairs(walk.returned(file.tree)) do
    local fn = (field.name == "http" or field.name == "check") and walk.value(field.value)
    if fn and fn.tag == "Function" then look(fn, field.name, report) end
  end
end

return M

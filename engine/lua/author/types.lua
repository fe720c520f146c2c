-- types: the contract (contract/contract.lua) as others read it: stubs for editors with LuaLS, and the reference
-- plugins/REFERENCE.md.
--
--   types.stubs() -> text            classes of all that plugins and scripts see, with parameters and returns
--   types.reference() -> text        Markdown
local contract = require "contract.contract"

local M = {}

-- Opaque to plugins; the engine makes them.
local OPAQUE = {
  { "Secret", "opaque: tostring gives ***; joined with a text it is a secret again" },
  { "Auth", "opaque: what ctx.auth gives" },
  { "Null", "JSON's null" },
  { "Raw", "an object as the target gave it: reads like a table, cannot be written to; nulls are absent",
    "[string|integer] any" },
}

-- Lua's own are known to editors, and what files return is told by its classes.
local function is_told(group)
  return group.name ~= "globals"
end

local function variable(group)
  return (group.class:gsub("%W", "_"))
end

local function raises(entry)
  return entry.raises and " Raises " .. entry.raises .. "." or ""
end

local function whole_doc(entry)
  return entry.doc .. raises(entry)
end

local function field_line(entry, optional)
  return ("---@field %s%s %s %s"):format(entry.name, optional and "?" or "", entry.type, whole_doc(entry))
end

local function add_function(lines, group, entry)
  lines[#lines + 1] = "---" .. whole_doc(entry)
  local names = {}
  for i, param in ipairs(entry.params) do
    names[i] = param.name
    lines[#lines + 1] = ("---@param %s%s %s"):format(param.name, param.optional and "?" or "", param.type)
  end
  if entry.returns then lines[#lines + 1] = "---@return " .. entry.returns end
  lines[#lines + 1] = ("function %s%s%s(%s) end\n"):format(variable(group), group.call, entry.name,
    table.concat(names, ", "))
end

local function add_fields(lines, group, wanted)
  for _, entry in ipairs(group.entries) do
    if not entry.params and wanted(entry) then
      lines[#lines + 1] = field_line(entry, not group.given and not entry.need)
    end
  end
end

local function add_class(lines, group)
  lines[#lines + 1] = "---" .. group.doc
  lines[#lines + 1] = "---@class " .. group.class
  add_fields(lines, group, function() return true end)
  lines[#lines + 1] = ("local %s = {}\n"):format(variable(group))
  for _, entry in ipairs(group.entries) do
    if entry.params then add_function(lines, group, entry) end
  end
end

-- A record has the fields of all types, and those of what it is to Reeve.
local function add_record(lines, group)
  local traits, seen = {}, {}
  for _, entry in ipairs(group.entries) do
    if entry.trait and not seen[entry.trait] then
      traits[#traits + 1], seen[entry.trait] = entry.trait, true
    end
  end
  lines[#lines + 1] = "---Fields of every record."
  lines[#lines + 1] = "---@class RecordOfAnyType"
  add_fields(lines, group, function(entry) return not entry.trait end)
  local parents = { "RecordOfAnyType" }
  for _, trait in ipairs(traits) do
    local class = trait:gsub("^%l", string.upper) .. "Record"
    parents[#parents + 1] = class
    lines[#lines + 1] = ("\n---A record whose type has the trait %s."):format(trait)
    lines[#lines + 1] = ("---@class %s: RecordOfAnyType"):format(class)
    add_fields(lines, group, function(entry) return entry.trait == trait end)
  end
  lines[#lines + 1] = ("\n---%s\n---@class %s: %s\nlocal %s = {}\n"):format(group.doc, group.class,
    table.concat(parents, ", "), variable(group))
end

--- The stubs, a file of Lua that does nothing.
function M.stubs()
  local lines = { "---@meta", "-- What plugins and scripts of Reeve see: written by `reeve types`.",
    '-- In .luarc.json: { "runtime.version": "Lua 5.4", "workspace.library": ["this file\'s folder"] }; then',
    "-- ---@param ctx Ctx above a function, and ---@type reeve.time above `local time = require \"reeve.time\"`.", "" }
  for _, alias in ipairs(contract.aliases) do
    lines[#lines + 1] = ("---@alias %s %s # %s"):format(table.unpack(alias))
  end
  for _, class in ipairs(OPAQUE) do
    lines[#lines + 1] = ("\n---%s\n---@class %s"):format(class[2], class[1])
    if class[3] then lines[#lines + 1] = "---@field " .. class[3] end
  end
  lines[#lines + 1] = ""
  for _, group in ipairs(contract.groups()) do
    if group.name == "record" then
      add_record(lines, group)
    elseif is_told(group) then
      add_class(lines, group)
    end
  end
  return table.concat(lines, "\n")
end

-- Reference ---------------------------------------------------------------------------------------------------

local function cell(text)
  return (text:gsub("|", "\\|"))
end

-- As people write it: res:each(where?: string, …), ctx.emit(…), base_url: string.
local function written(entry)
  if not entry.params then return ("`%s` %s"):format(entry.name, cell("`" .. entry.type .. "`")) end
  local sign = entry.type:gsub("^%(", entry.name .. "(", 1)
  return cell("`" .. sign .. "`")
end

local function add_group(lines, group)
  lines[#lines + 1] = ("### %s\n\n%s\n"):format(group.name, cell(group.doc))
  lines[#lines + 1] = "| name | what |\n|---|---|"
  for _, entry in ipairs(group.entries) do
    local only = entry.trait and (" (trait %s)"):format(entry.trait) or entry.need and " (needed)" or ""
    lines[#lines + 1] = ("| %s | %s%s |"):format(written(entry), cell(whole_doc(entry)), only)
  end
  lines[#lines + 1] = ""
end

--- The reference as Markdown.
function M.reference()
  local lines = { "# What plugins and scripts see", "",
    "Written by `reeve types --reference`. [README.md](README.md) teaches how to use it.", "",
    "Types are written as LuaLS writes them. Some of them say more than Lua's:", "" }
  for _, alias in ipairs(contract.aliases) do
    lines[#lines + 1] = ("* `%s` (`%s`): %s"):format(table.unpack(alias))
  end
  for _, class in ipairs(OPAQUE) do lines[#lines + 1] = ("* `%s`: %s"):format(class[1], class[2]) end
  lines[#lines + 1] = ""
  for _, group in ipairs(contract.groups()) do add_group(lines, group) end
  return table.concat(lines, "\n")
end

return M

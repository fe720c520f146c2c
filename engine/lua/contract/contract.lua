-- contract: every name that plugins and scripts see, in one place. What registers a name, `reeve types`,
-- plugins/REFERENCE.md and `reeve lint` all read it here, so that they cannot differ.
--
--   contract.bind("ctx", { emit = … }, "list")  the table; a name without an entry, or an entry without a
--                                               value, is a mistake of the engine's and raises
--   contract.names("request")                   the names of a group, in the order they are told
--   contract.choices("resource", "trait")       the words an entry may be
--
-- A group is a table, or the options of a function. The data is in the other files of this room; what they return is
--   { { "group", "What it is.", ENTRY, … }, … }     and options by name: class (its name in LuaLS; the group's
--                                                   unless told), call = ":" (methods), open (other names may
--                                                   stand in it), given (the engine makes it: all is there;
--                                                   of what plugins make, only what must be)
--   ENTRY = { "name", "TYPE" or "(parameter: TYPE, …): TYPE, …", "One or two sentences.",
--             raises = "when", on = "list check" (there in these calls of ctx only; else in all),
--             choices = "words of a text", need = true (of a table: must be there), trait = "user" }
-- Types are written as LuaLS writes them, with the classes of the groups and the names of M.aliases.
local M = {}

local PARTS = { "file", "ctx", "auth", "http", "record", "module", "paginate", "sim" }

--- Types that say more than Lua's: name, type, what it is.
M.aliases = {
  { "Text", "string|Secret", "a text, or a secret in its place" },
  { "Scalar", "string|number|boolean|Secret", "what can stand in a query or a form" },
  { "Seconds", "number", "a duration in seconds" },
  { "Time", "number", "a moment, in seconds since 1970 UTC" },
  { "Cursor", "string|integer|boolean|table", "where a page begins; nil is the first one" },
  { "LateText", "string|fun(ctx: Ctx): string", "a text, or a function that gives it when it is needed" },
  { "LateSecret", "Secret|fun(ctx: Ctx): Secret", "a secret, or a function that gives it when it is needed" },
  { "LateAny", "Text|fun(ctx: Ctx): Text", "a text or a secret, or a function that gives it when it is needed" },
  { "LateTable", "table<string, any>|fun(ctx: Ctx): table<string, any>", "a table, or a function that gives it" },
  { "Kind", "string", "the name of a kind of raw objects, ^[a-z][a-z0-9_]*$" },
}

--- The parts of a type in words between commas or bars, trimmed: "table<string, any>, string?" has two.
function M.split(text, mark)
  local parts, depth, from = {}, 0, 1
  for at, c in (text .. mark):gmatch("()([<>(){},|])") do
    if c == mark and depth == 0 then
      parts[#parts + 1] = text:sub(from, at - 1):match("^%s*(.-)%s*$")
      from = at + 1
    elseif c:find("[<({]") then
      depth = depth + 1
    elseif c:find("[>)}]") then
      depth = depth - 1
    end
  end
  return parts
end

-- "(a: T, b?: T): R" in its parts: { { name, type, optional } … }, the text of what it returns.
local function parse_sign(sign)
  local inside, returns = sign:match("^(%b())%s*:?%s*(.*)$")
  local params = {}
  for _, part in ipairs(M.split(inside:sub(2, -2), ",")) do
    local name, optional, type = part:match("^([%w_.]+)(%??)%s*:%s*(.*)$")
    if name then params[#params + 1] = { name = name, type = type, optional = optional == "?" } end
  end
  return params, returns ~= "" and returns or nil
end

local function words(text)
  local list = {}
  for word in (text or ""):gmatch("%S+") do list[#list + 1] = word end
  return list
end

local function choice_type(choices)
  local quoted = {}
  for i, word in ipairs(choices) do quoted[i] = '"' .. word .. '"' end
  return table.concat(quoted, "|")
end

local function entry_of(data)
  local entry = { name = data[1], type = data[2], doc = data[3], raises = data.raises, need = data.need,
    on = data.on and words(data.on), choices = data.choices and words(data.choices), trait = data.trait }
  if entry.choices then entry.type = choice_type(entry.choices) end
  if entry.type:sub(1, 1) == "(" then entry.params, entry.returns = parse_sign(entry.type) end
  return entry
end

local function group_of(data, part)
  local group = { name = data[1], doc = data[2], class = data.class or data[1], call = data.call or ".",
    open = data.open, given = data.given, part = part, entries = {}, by = {} }
  for i = 3, #data do
    local entry = entry_of(data[i])
    group.entries[i - 2], group.by[entry.name] = entry, entry
  end
  return group
end

local groups, by_name -- made when first asked for

--- All groups: { name, doc, class, call, open, given, part, entries = { { name, type, doc, params, returns, … } … },
--- by = { NAME = entry } }.
function M.groups()
  if groups then return groups end
  groups, by_name = {}, {}
  for _, part in ipairs(PARTS) do
    for _, data in ipairs(require("contract." .. part)) do
      local group = group_of(data, part)
      groups[#groups + 1], by_name[group.name] = group, group
    end
  end
  return groups
end

--- A group by its name.
function M.group(name)
  M.groups()
  return by_name[name] or error("contract: there is no group " .. tostring(name), 2)
end

--- The names of a group's entries, in their order.
function M.names(name)
  local names = {}
  for i, entry in ipairs(M.group(name).entries) do names[i] = entry.name end
  return names
end

--- The words that an entry may be, as a list.
function M.choices(name, entry)
  return table.move(M.group(name).by[entry].choices, 1, #M.group(name).by[entry].choices, 1, {})
end

--- The names of the entries that must be there.
function M.needed(name)
  local names = {}
  for _, entry in ipairs(M.group(name).entries) do
    if entry.need then names[#names + 1] = entry.name end
  end
  return names
end

local function is_on(entry, part)
  if not entry.on then return true end
  for _, one in ipairs(entry.on) do
    if one == part then return true end
  end
  return false
end

--- Gives back `t`, whose names are exactly those of the group; of ctx, those of this part of it.
function M.bind(name, t, part)
  local group = M.group(name)
  for key in next, t do
    local entry = group.by[key]
    if not entry or not is_on(entry, part) then
      error(("contract: %s.%s has no entry%s"):format(name, tostring(key), part and " for " .. part or ""), 2)
    end
  end
  for _, entry in ipairs(group.entries) do
    if t[entry.name] == nil and is_on(entry, part) then
      error(("contract: %s.%s has an entry, and is not there"):format(name, entry.name), 2)
    end
  end
  return t
end

return M

-- paginate_options: what the builders of reeve.paginate are given: checked, and worked out for one page.
--
--   local given = options.read("offset", { path = "/users", … })     a copy; raises text for a mistake
--   options.ask(given, "path", ctx, parent …)        the value, or what the function in its place returns
--   options.at(document, "meta.next")                what stands at a path of an answer's document
--
-- The names are the contract's. An option in ANSWER is about an answer: a function there is called with it.
-- Any other may be a function(ctx, parent …) that returns the value.
local contract = require "contract.contract"
local json = require "host.json"
local shape = require "shape"
local suggest = require "suggest"

local M = {}

local function is(type_name)
  return function(v) return type(v) == type_name end
end

local function whole_from(least)
  return function(v) return math.type(v) == "integer" and v >= least end
end

local function is_text(v)
  return type(v) == "string" and v ~= ""
end

local TEXT = { "a text", is_text }
local TABLE = { "a table", function(v) return type(v) == "table" and not json.is_raw(v) end }
local FLAG = { "true or false", is "boolean" }
-- A place with nothing between its dots is nowhere: the list would seem to end with its first page.
local function is_place(v)
  return is_text(v) and not ("." .. v .. "."):find("..", 1, true)
end

local PLACE = { 'a place in the answer ("meta.next") or a function(res, last)', is_place }

local checks = {
  path = TEXT, param = TEXT, size_param = TEXT, rel = TEXT, method = { "a method (GET, POST)", function(v)
    return type(v) == "string" and v:find("^%u+$") ~= nil end },
  query = TABLE, request = TABLE, json = { "a value for JSON", function(v) return v ~= nil end },
  size = { "a whole number from 1 on", whole_from(1) }, step = { "a whole number from 1 on", whole_from(1) },
  start = { "a whole number from 0 on", whole_from(0) },
  ["cursor.start"] = { "a text or a number", function(v) return is_text(v) or type(v) == "number" end },
  overlap = { "a whole number from 1 to 100", function(v)
    return math.type(v) == "integer" and v >= 1 and v <= 100 end },
  max_pages = { "a whole number from 1 on", whole_from(1) },
  optional = FLAG, short_page_ends = FLAG, any_origin = FLAG,
  next = PLACE, total = PLACE, pages = PLACE, more = PLACE,
  items = { 'a place in the answer ("data.items") or a function(res)', is_place },
  key = { "a place in an item, a function(item), or false", function(v) return v == false or is_place(v) end },
  emit = { "a kind or a function(ctx, item, parent …)", is_text },
  into = { "", is_text }, refused = { "a function(ctx, failure, parent …)", function() return false end },
}

-- Options whose function is called with an answer, an item or a failure.
local ANSWER = { next = true, total = true, pages = true, more = true, items = true, key = true, emit = true,
  refused = true }

local function check_of(builder, name)
  return checks[builder .. "." .. name] or checks[name]
end

local function words_of(builder, name)
  if name ~= "into" then return check_of(builder, name)[1] end
  return "one of " .. table.concat(contract.choices("paginate." .. builder, name), ", ")
end

local function is_good(builder, name, value)
  if name ~= "into" then return check_of(builder, name)[2](value) end
  return shape.contains(contract.choices("paginate." .. builder, name), value)
end

local function wrong(builder, name, value)
  error(("paginate.%s: %s: %s expected, got %s"):format(builder, name, words_of(builder, name), shape.show(value)), 0)
end

local function check_name(builder, name, names)
  if shape.contains(names, name) then return end
  local hint = type(name) == "string" and suggest.hint(name, names, "options")
  hint = hint and " (" .. hint .. ")" or ""
  error(("paginate.%s: there is no option %s%s"):format(builder, shape.show(name), hint), 0)
end

--- A copy of what a builder was given, with its name. A mistake is raised as text.
function M.read(builder, given)
  if type(given) ~= "table" then
    error(("paginate.%s: a table of options expected, got %s"):format(builder, shape.show(given)), 0)
  end
  local group, copy = "paginate." .. builder, { builder = builder }
  local names = contract.names(group)
  for name, value in next, given do
    check_name(builder, name, names)
    if type(value) ~= "function" and not is_good(builder, name, value) then wrong(builder, name, value) end
    copy[name] = value
  end
  for _, name in ipairs(contract.needed(group)) do
    if copy[name] == nil then wrong(builder, name, nil) end
  end
  return copy
end

--- The value of an option for one page; `default` where there is none.
function M.ask(given, name, default, ctx, ...)
  local value = given[name]
  if type(value) == "function" and not ANSWER[name] then
    value = value(ctx, ...)
    if value ~= nil and not is_good(given.builder, name, value) then
      error(("paginate.%s: %s: its function returned %s, %s expected"):format(given.builder, name, shape.show(value),
        words_of(given.builder, name)), 0)
    end
  end
  if value == nil then return default end
  return value
end

--- What stands at a path ("meta.next", "errors.1.code"); nil where nothing does, and for null.
function M.at(document, path)
  local value = document
  for name in path:gmatch("[^.]+") do
    if type(value) ~= "table" and not json.is_raw(value) then return nil end
    local found = value[name]
    value = found == nil and tonumber(name) and value[math.tointeger(tonumber(name)) or name] or found
  end
  if value == json.null then return nil end
  return value
end

return M

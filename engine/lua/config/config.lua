-- config: every key of reeve.json and of a connector file, in one table: where it may stand, its kind,
-- default and variable. It drives validation, the environment (http.retry_s is REEVE_HTTP_RETRY_S) and
-- precedence: flag > environment > connector > reeve.json > default, member by member.
local fail = require "fail"
local kinds = require "config.kinds"

local M = {}

-- where: "connector" (there only), "home" (reeve.json only), "both".
local function key(name, kind, where, default, more)
  local entry = { name = name, kind = kind, where = where, default = default,
    env = "REEVE_" .. name:upper():gsub("%.", "_") }
  for k, v in pairs(more or {}) do entry[k] = v end
  return entry
end

M.keys = {
  key("plugin", "name", "connector", nil, { required = true }),
  key("settings", "object", "connector", nil),
  key("app", "text", "connector"),
  key("owners", "list", "connector"),
  key("mapping", "path", "connector"),
  key("enabled", "boolean", "both", true),
  key("guard", "guard", "both"),
  key("tolerate.set_aside", "limit", "both", 0),
  key("tolerate.mapping_errors", "limit", "both", "10%"),
  key("keep_raw", "boolean", "both", true),
  key("max_age", "duration", "both", "26h"),
  key("full_every", "duration", "both", "24h"),
  key("http.timeout_s", "number", "both", 30, { above = 0 }),
  key("http.retry_s", "number", "both", 120, { min = 0 }),
  key("http.concurrency", "integer", "both", 8, { min = 1, max = 256 }),
  key("http.proxy", "text", "both"),
  key("http.ca_file", "path", "both"),
  key("http.client_cert", "path", "both"),
  key("http.client_key", "path", "both"),
  key("limits.memory_mb", "integer", "both", 64, { min = 1 }),
  key("limits.instructions", "integer", "both", 50000000, { min = 1000 }),
  key("limits.cpu_s", "number", "both", 10, { above = 0 }),
  key("limits.body_mb", "integer", "both", 64, { min = 1 }),
  key("limits.element_mb", "integer", "both", 1, { min = 1 }),
  key("retention.history", "duration", "both", "400d"),
  key("retention.logs", "integer", "both", 50, { min = 1 }),
  key("c1.client_id", "text", "connector"),
  key("c1.client_secret", "reference", "connector"),
  key("state", "path", "home"),
  key("map_gb", "number", "home", 64, { above = 0 }),
  key("jobs", "integer", "home", 2, { min = 1, max = 256 }),
  key("log_format", "choice", "home", nil, { choices = { "text", "json" } }),
}

local by_name, groups = {}, {}
for _, entry in ipairs(M.keys) do
  by_name[entry.name] = entry
  local group = entry.name:match("^(.-)%.")
  if group then groups[group] = true end
end

local function allowed(entry, where)
  return entry.where == "both" or entry.where == where
end

-- Names a person may have meant at this place of this file.
local function names_for(where, prefix)
  local names, seen = {}, {}
  for _, entry in ipairs(M.keys) do
    local under = allowed(entry, where) and entry.name:sub(1, #prefix) == prefix
    local name = under and entry.name:sub(#prefix + 1):match("^[^.]+")
    if name and not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  return names
end

local function unknown(file, where, prefix, name)
  if prefix == "" and by_name[name] and name:find(".", 1, true) then
    local group, rest = name:match("^(.-)%.(.+)$")
    fail("config", ("%s: unknown key '%s'"):format(file, name),
      ('write "%s": { "%s": … }'):format(group, rest))
  end
  local entry = by_name[prefix .. name]
  if entry then
    fail("config", ("%s: key '%s' stands in %s only"):format(file, entry.name,
      entry.where == "home" and "reeve.json" or "a connector file"))
  end
  fail("config", ("%s: unknown key '%s%s'"):format(file, prefix, name),
    require("suggest").hint(name, names_for(where, prefix), "known keys"))
end

--- Reads a value of a key as it is written in a file; raises where it is of another kind.
function M.check(entry, value, file)
  local ok, expected = kinds.check(entry, value)
  if not ok then
    local got = entry.kind == "reference" and "" or ", got " .. kinds.describe(value) -- it may be the secret itself
    fail("config", ("%s: %s: %s expected%s"):format(file, entry.name, expected, got))
  end
  return value
end

-- Walks a decoded file; puts the value of each key into `found`, by its full name.
local function walk(tree, where, file, prefix, found)
  for name, value in pairs(tree) do
    local entry = type(name) == "string" and by_name[prefix .. name]
    if prefix == "" and groups[name] then
      if type(value) ~= "table" then
        fail("config", ("%s: %s: an object expected, got %s"):format(file, name, kinds.describe(value)))
      end
      walk(value, where, file, name .. ".", found)
    elseif entry and allowed(entry, where) and not name:find(".", 1, true) then
      found[entry.name] = M.check(entry, value, file)
    else
      unknown(file, where, prefix, tostring(name))
    end
  end
end

--- The values of a decoded file by full key name; where is "home" or "connector", file its name in messages.
function M.validate(tree, where, file)
  if type(tree) ~= "table" or #tree > 0 then
    fail("config", file .. ": an object expected, got " .. kinds.describe(tree))
  end
  local found = {}
  walk(tree, where, file, "", found)
  for _, entry in ipairs(M.keys) do
    if entry.required and where == entry.where and found[entry.name] == nil then
      fail("config", ("%s: key '%s' is missing"):format(file, entry.name),
        kinds.expected(entry) .. " expected")
    end
  end
  return found
end

--- The value of a key in the environment; nil where its variable is unset or empty.
function M.from_env(entry, getenv)
  local text = (getenv or os.getenv)(entry.env)
  if not text or text == "" then return nil end
  local value, expected = kinds.parse(entry, text)
  if value == nil then
    fail("config", ("$%s: %s expected, got '%s'"):format(entry.env, expected, text))
  end
  return M.check(entry, value, "$" .. entry.env)
end

--- A value of a key written on a command line, there as `shown` (the key's name unless told); a wrong one is a
--- usage error.
function M.from_text(name, text, shown)
  local entry = by_name[name]
  local value, expected = kinds.parse(entry, text)
  local ok = value ~= nil
  if ok then ok, expected = kinds.check(entry, value) end
  if not ok then fail("usage", ("%s: %s expected, got '%s'"):format(shown or name, expected, text)) end
  return value
end

--- The entry of a key; nil where there is none of this name.
function M.entry(name)
  return by_name[name]
end

-- Guards and settings are merged by their members, a guard's limits one by one.
local function merge(kind, strong, weak)
  if strong == nil then return weak end
  if weak == nil or (kind ~= "guard" and kind ~= "object") then return strong end
  local merged = {}
  for k, v in pairs(weak) do merged[k] = v end
  for k, v in pairs(strong) do
    merged[k] = kind == "guard" and merge("object", v, merged[k]) or v
  end
  return merged
end

--- Resolves layers (tables of values by full name, the strongest first) for a place; durations become
--- seconds. The result is nested: options.http.retry_s. `settings` and `plugin` are the connector file's
--- business.
function M.resolve(layers, where)
  local options = { guard = {} }
  for name in pairs(groups) do options[name] = {} end
  for _, entry in ipairs(M.keys) do
    local value = nil
    for i = #layers, 1, -1 do value = merge(entry.kind, layers[i][entry.name], value) end
    if value == nil then value = entry.default end
    if entry.kind == "duration" then value = kinds.seconds(value) end
    local group, name = entry.name:match("^(.-)%.(.+)$")
    if allowed(entry, where) and value ~= nil then
      (group and options[group] or options)[name or entry.name] = value
    end
  end
  return options
end

--- The layer of the environment: every key's variable that is set.
function M.environment(getenv)
  local layer = {}
  for _, entry in ipairs(M.keys) do layer[entry.name] = M.from_env(entry, getenv) end
  return layer
end

--- The layer of a command's flags: those that are named like a key.
function M.flags(flags)
  return { log_format = flags.log_format, jobs = flags.jobs,
    max_age = flags.max_age and M.from_text("max_age", flags.max_age, "--max-age") }
end

-- What the guard measures where nothing is configured.
local guard_defaults = { removed = "30%", changed = "50%", gained = 5 }

--- The guard's limits for a resource type or "type:slug": { removed, changed, gained }, defaults filled in.
function M.guard(options, target)
  return merge("object", options.guard and options.guard[target], guard_defaults)
end

--- Is n of `of` over a limit ("30%" or a number)? A percentage counts from 3 records up.
function M.over(limit, n, of)
  local percent = kinds.percent(limit)
  if not percent then return n > limit end
  return of >= 3 and n * 100 > percent * of
end

return M

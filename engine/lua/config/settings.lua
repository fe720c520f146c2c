-- settings: a plugin's settings as its manifest declares them: read from text, checked, defaults filled in.
local fail = require "fail"
local reference = require "config.reference"

local M = {}

local function is_url(v)
  return type(v) == "string" and v:find("^https?://[^%s/@]+") ~= nil
end

local function is_host(v)
  return type(v) == "string" and v:find("^[%w.-]+$") ~= nil
    or type(v) == "string" and v:find("^[%w.-]+:%d+$") ~= nil
end

local function is_list(v)
  if type(v) ~= "table" then return false end
  for k, item in pairs(v) do
    if math.type(k) ~= "integer" or type(item) ~= "string" then return false end
  end
  return true
end

local function is_choice(v, spec)
  for _, choice in ipairs(spec.choices or {}) do
    if v == choice then return true end
  end
  return false
end

-- Per kind: what is expected, is it that, and how a text is read.
local kinds = {
  string = { "a text", function(v) return type(v) == "string" and v ~= "" end },
  secret = { reference.expected, function(v) return reference.parse(v) ~= nil end },
  url = { "a URL (https://…)", is_url },
  host = { "a host name", is_host },
  integer = { "a whole number", function(v) return math.type(v) == "integer" end,
    function(text) return text:find("^%-?%d+$") and math.tointeger(tonumber(text)) or nil end },
  boolean = { "true or false", function(v) return type(v) == "boolean" end,
    function(text) return ({ ["true"] = true, ["false"] = false })[text] end },
  list = { "a list of texts", is_list, require("config.kinds").items },
  choice = { "one of", is_choice },
}

local function kind_of(spec)
  return spec.kind or "string"
end

--- What a setting expects, in words.
function M.expected(spec)
  local text = kinds[kind_of(spec)][1]
  return spec.choices and text .. " " .. table.concat(spec.choices, ", ") or text
end

--- The declaration of a setting; nil where the plugin has none of this name.
function M.spec(manifest, name)
  for _, spec in ipairs(manifest.settings or {}) do
    if spec.name == name then return spec end
  end
end

--- Names of a plugin's settings.
function M.names(manifest)
  local names = {}
  for i, spec in ipairs(manifest.settings or {}) do names[i] = spec.name end
  return names
end

--- The value that a text of a command line or a variable stands for; nil where it is none.
function M.parse(spec, text)
  local parse = kinds[kind_of(spec)][3]
  if not parse then return text end
  return parse(text)
end

--- Is the value what the setting wants?
function M.fits(spec, value)
  return kinds[kind_of(spec)][2](value, spec)
end

-- A secret's value is never printed, not even a wrong one.
local function check(spec, value, file)
  if M.fits(spec, value) then return end
  local got = kind_of(spec) == "secret" and "" or ", got " .. require("config.kinds").describe(value)
  fail("config", ("%s: settings.%s: %s expected%s"):format(file, spec.name, M.expected(spec), got),
    kind_of(spec) == "secret" and "a secret never stands in a file as it is" or nil)
end

-- The first variable that is set and gives the setting: REEVE_SETTINGS_NAME, then the plugin's aliases.
local function variable(spec)
  local names = { "REEVE_SETTINGS_" .. spec.name:upper() }
  table.move(spec.aliases or {}, 1, #(spec.aliases or {}), 2, names)
  for _, name in ipairs(names) do
    local text = os.getenv(name)
    if text and text ~= "" then return name, text end
  end
end

local function from_environment(spec)
  local name, text = variable(spec)
  if not name then return nil end
  if kind_of(spec) == "secret" then return reference.parse(text) and text or "env:" .. name, "$" .. name end
  local value = M.parse(spec, text)
  if value == nil then check(spec, text, "$" .. name) end
  return value, "$" .. name
end

local function check_names(manifest, values, file)
  for name in pairs(values) do
    if not M.spec(manifest, name) then
      fail("config", ("%s: unknown setting 'settings.%s' of plugin '%s'"):format(file, name, manifest.name),
        require("suggest").hint(tostring(name), M.names(manifest), "its settings"))
    end
  end
end

-- Of the settings of a group (one_of), exactly one is given.
local function check_groups(manifest, given, file)
  local groups, counts = {}, {}
  for _, spec in ipairs(manifest.settings or {}) do
    local group = spec.one_of
    if group then
      groups[group] = groups[group] or {}
      table.insert(groups[group], spec.name)
      counts[group] = (counts[group] or 0) + (given[spec.name] ~= nil and 1 or 0)
    end
  end
  for group, names in pairs(groups) do
    if counts[group] ~= 1 then
      fail("config", ("%s: settings: exactly one of %s expected"):format(file, table.concat(names, ", ")))
    end
  end
end

--- Checks a connector's settings against the manifest; returns the plain ones with defaults, and the
--- references of the secret ones. `file` is named in messages.
function M.resolve(manifest, values, file)
  check_names(manifest, values, file)
  local plain, references, given = {}, {}, {}
  for _, spec in ipairs(manifest.settings or {}) do
    local value, from = from_environment(spec)
    if value == nil then value = values[spec.name] end
    if value ~= nil then check(spec, value, from or file) end
    given[spec.name] = value
    if value == nil then value = spec.default end
    if value == nil and spec.required then
      fail("config", ("%s: settings.%s is missing: %s expected"):format(file, spec.name, M.expected(spec)))
    end
    if kind_of(spec) == "secret" then references[spec.name] = value
    else plain[spec.name] = value end
  end
  check_groups(manifest, given, file)
  return plain, references
end

return M

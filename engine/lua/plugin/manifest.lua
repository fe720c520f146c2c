-- manifest: reads a plugin's plugin.lua, checks all of it, and fills in what has a default.
--
--   manifest.read(text, file) -> the table, as contract/file.lua describes it
--
-- settings, hosts, volatile and each resource's entitlements are there afterwards, empty or not; a setting
-- has its kind. A mistake raises fail("config", "FILE: FIELD: what was expected, what was found").
local contract = require "contract.contract"
local fail = require "fail"
local shape = require "shape"
local suggest = require "suggest"
local vm = require "host.vm"

local M = {}

--- The version of the contract between plugins and this program.
M.API = 1

local MAX_HOSTS, MAX_SETTINGS = 100, 100
local TAKEN = { resources = true, entitlements = true, grants = true, excluded = true }
local FIELDS = {} -- that a record's content is made of
for _, field in ipairs(contract.names "record") do
  local other = field == "type" or field == "id" or field == "entitlements" or field == "grants"
  if not other then FIELDS[#FIELDS + 1] = field end
end

local NAME = "^[a-z][a-z0-9_]*$"
local name = shape.matching("a name of a-z, 0-9 and _", NAME)
local https = shape.matching("a URL (https://…)", "^https://[^%s]+$")

-- One label of a host's name, or the `*` that stands for one.
local function is_label(label)
  return label == "*" or #label <= 63 and label:find("^[a-z0-9][a-z0-9-]*$") ~= nil and label:sub(-1) ~= "-"
end

local function is_host(v)
  if type(v) ~= "string" or #v > 253 then return false end
  local named = 0
  for label in (v .. "."):gmatch("(.-)%.") do
    if not is_label(label) then return false end
    named = label == "*" and 0 or named + 1
  end
  return named >= 2
end

local host = shape.is("a host (api.example.com; * is one label, as in *.eu.example.com)", is_host)
local field = shape.matching("a field (last_login_at, profile.last_seen_ip)", "^[%a_][%w_]*%.?[^%c]*$")

-- A table of the contract: a shape for each of its entries, made from the words where it has them.
local function record(group, shapes)
  for _, entry in ipairs(contract.group(group).entries) do
    if entry.choices then shapes[entry.name] = shape.one_of(table.unpack(entry.choices)) end
  end
  return shape.record(contract.bind(group, shapes), contract.needed(group))
end

local setting = record("setting", {
  name = name, title = shape.text, help = shape.text, required = shape.boolean, default = function() end,
  choices = shape.list(shape.text), one_of = name,
  aliases = shape.list(shape.matching("a variable's name", "^[A-Za-z_][A-Za-z0-9_]*$")),
})

local group = record("exclusion_group", { id = shape.text, order = shape.whole, default = shape.boolean })

local entitlement = record("declared", {
  title = shape.text, description = shape.text,
  grantable_to = shape.list(name), exclusion_group = group, privileged = shape.boolean,
  keep = shape.is("a whole number from 0 on", function(v) return math.type(v) == "integer" and v >= 0 end),
})

local resource = record("resource", {
  title = shape.text, description = shape.text, never_empty = shape.boolean, when = name,
  entitlements = shape.map(NAME, "a slug of a-z, 0-9 and _", entitlement),
})

local manifest = record("manifest", {
  api = shape.whole, name = shape.matching("a name of a-z, 0-9, _ and -", "^[a-z][a-z0-9_-]*$"),
  version = shape.matching("a version (1.2.3)", "^%d+%.%d+%.%d+[%w.+-]*$"),
  title = shape.text, summary = shape.text, docs = https,
  settings = shape.list(setting, MAX_SETTINGS),
  hosts = shape.list(host, MAX_HOSTS),
  rate = record("rate", { requests = shape.positive, per_s = shape.positive }),
  volatile = shape.list(field),
  resources = shape.map(NAME, "a type of a-z, 0-9 and _", resource),
})

local function check_api(tree, file)
  if type(tree) ~= "table" then shape.expected(file, "what it returns", "a table with fields", tree) end
  if tree.api == nil or tree.api == M.API or math.type(tree.api) ~= "integer" then return end
  fail("config", ("%s: written for plugin api %d, and this program has api %d"):format(file, tree.api, M.API),
    tree.api > M.API and "a newer Reeve is needed" or "a newer version of the plugin is needed")
end

local default_shapes = {
  string = shape.text, url = https, host = shape.text, integer = shape.whole, boolean = shape.boolean,
  list = shape.list(shape.text),
}

local function check_choices(spec, place, file)
  if (spec.kind == "choice") ~= (spec.choices ~= nil) then
    fail("config", ("%s: %s: kind = \"choice\" and 'choices' belong together"):format(file, place))
  end
  if spec.choices and #spec.choices == 0 then shape.expected(file, place .. ".choices", "a choice", nil) end
end

local function check_default(spec, place, file)
  if spec.default == nil then return end
  if spec.kind == "secret" then fail("config", ("%s: %s.default: a secret has none"):format(file, place)) end
  if spec.required then
    fail("config", ("%s: %s: 'required' and 'default' exclude each other"):format(file, place))
  end
  local check = spec.choices and shape.one_of(table.unpack(spec.choices)) or default_shapes[spec.kind]
  check(spec.default, place .. ".default", file)
end

local function check_settings(tree, file)
  local known = {}
  for i, spec in ipairs(tree.settings) do
    local place = ("settings[%d] (%s)"):format(i, spec.name)
    if known[spec.name] then fail("config", ("%s: %s: there is another of this name"):format(file, place)) end
    known[spec.name] = spec
    spec.kind = spec.kind or "string"
    check_choices(spec, place, file)
    check_default(spec, place, file)
    if spec.required and spec.one_of then
      fail("config", ("%s: %s: 'required' and 'one_of' exclude each other"):format(file, place))
    end
  end
  return known
end

-- Raises unless `word` is one of the names; `what` they are.
local function check_known(word, names, what, place, file)
  if shape.contains(names, word) then return end
  fail("config", ("%s: %s: there is no %s '%s'"):format(file, place, what, word), suggest.hint(word, names))
end

local function check_resource(tree, type_name, settings, file)
  local spec, place = tree.resources[type_name], "resources." .. type_name
  if TAKEN[type_name] then
    fail("config", ("%s: %s: the name '%s' has another meaning in reeve list"):format(file, place, type_name))
  end
  if spec.when then check_known(spec.when, shape.names(settings), "setting", place .. ".when", file) end
  spec.entitlements = spec.entitlements or {}
  for _, slug in ipairs(shape.names(spec.entitlements)) do
    for i, to in ipairs(spec.entitlements[slug].grantable_to or {}) do
      check_known(to, shape.names(tree.resources), "resource type",
        ("%s.entitlements.%s.grantable_to[%d]"):format(place, slug, i), file)
    end
  end
end

local function check_volatile(tree, file)
  for i, path in ipairs(tree.volatile) do
    local first = path:match("^[^.]*")
    check_known(first, FIELDS, "field", ("volatile[%d]"):format(i), file)
    if (first == "profile") ~= (path ~= first) then
      shape.expected(file, ("volatile[%d]"):format(i), "a field, or profile.KEY", path)
    end
  end
end

--- Reads the text of a plugin.lua; `file` is how messages name it.
function M.read(text, file)
  local tree, message, code = vm.data(text, "@" .. file)
  if tree == nil and code then fail(code, message) end
  check_api(tree, file)
  manifest(tree, "", file)
  tree.settings, tree.hosts, tree.volatile = tree.settings or {}, tree.hosts or {}, tree.volatile or {}
  local settings = check_settings(tree, file)
  if next(tree.resources) == nil then fail("config", file .. ": resources: at least one expected") end
  for _, type_name in ipairs(shape.names(tree.resources)) do
    check_resource(tree, type_name, settings, file)
  end
  check_volatile(tree, file)
  return tree
end

return M

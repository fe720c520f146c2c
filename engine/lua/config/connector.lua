-- connector: one file of HOME/connectors: read, checked against its plugin, resolved, written.
--
--   local c = require("config.connector").load(home, "acme")
--   c.name, c.file, c.tree      the file as it is (decoded)
--   c.plugin, c.manifest        the loaded plugin
--   c.settings                  what the plugin's settings are, without secrets, defaults filled in
--   c.references                secret setting -> reference; c:resolve_secrets() gives settings with secrets
--   c.options                   the other keys, resolved: options.http.retry_s, options.guard …
--   c.enabled, c.app, c.owners, c.mapping (an absolute path, or nil)
--   c.origins                   what a sealed secret is bound to: URL and host settings, proxy, CA
--   c.reroute                   set by trials alone: where all requests go instead (host/net/http_reroute.h)
--   c.digest, c.settings_digest of the file; of plugin name and non-secret settings
local fail = require "fail"
local config = require "config.config"
local homes = require "config.home"
local mode = require "mode"

local M = {}
local Connector = {}

-- Digests open the library of secrets, so they are made when somebody asks.
local lazy = {
  digest = function(c) return M.digest(c.tree) end,
  settings_digest = function(c) return M.digest { plugin = c.plugin_name, settings = c.settings } end,
}

Connector.__index = function(c, name)
  if Connector[name] then return Connector[name] end
  local make = lazy[name]
  local value = make and make(c)
  rawset(c, name, value)
  return value
end

--- The digest of a plain value, by its canonical JSON.
function M.digest(value)
  return require("host.secret").hash(require("host.json").encode(value))
end

--- A connector that is not there is a usage error with a suggestion.
function M.unknown(home, name)
  fail("usage", ("no such connector: '%s' (in %s/connectors)"):format(name, home.dir),
    require("suggest").question(name, (home:connectors())) or "`reeve connectors` lists what there is")
end

--- The decoded file of a connector.
function M.read(home, name)
  homes.check_name(name)
  homes.check(home.dir .. "/connectors")
  return homes.read_json(home:connector_path(name)) or M.unknown(home, name)
end

--- Is there a file for this name?
function M.exists(home, name)
  return homes.is_name(name) and fail.found(require("host.sys").stat(home:connector_path(name))) ~= nil
end

--- Raises a usage failure where there is none.
function M.check_there(home, name)
  homes.check_name(name)
  if not M.exists(home, name) then M.unknown(home, name) end
end

--- What a sealed secret of this connector is bound to, as a sorted list of texts.
local function origins(manifest, settings, options)
  local list = {}
  for _, spec in ipairs(manifest.settings or {}) do
    if (spec.kind == "url" or spec.kind == "host") and settings[spec.name] then
      list[#list + 1] = spec.name .. "=" .. settings[spec.name]
    end
  end
  for _, name in ipairs { "proxy", "ca_file" } do
    if options.http[name] then list[#list + 1] = "http." .. name .. "=" .. options.http[name] end
  end
  table.sort(list)
  return list
end

-- The operator's mapping: a path in the home, nowhere else.
local function mapping_path(home, file, path)
  if not path then return nil end
  local full = home:path(path)
  if full:sub(1, #home.dir + 1) ~= home.dir .. "/" then
    fail("config", ("%s: mapping: a path in the home expected, got \"%s\""):format(file, path))
  end
  return full
end

-- A guard for a type that the plugin does not have would protect nothing.
local function check_guard(file, manifest, guard)
  for target in pairs(guard or {}) do
    local type = target:match("^[^:]+")
    if not manifest.resources[type] then
      fail("config", ("%s: guard: plugin '%s' has no resource type '%s'"):format(file, manifest.name, type),
        require("suggest").hint(type, require("shape").names(manifest.resources), "its types"))
    end
  end
end

--- The plugin that a connector's file names. A connector without one has what files gave it in its place.
function M.plugin(home, name, plugin_name)
  local imported = require "import.imported"
  if plugin_name == imported.NAME then return imported.plugin(home, name) end
  return require("plugin.plugin").load(home, plugin_name)
end

--- The connector that a decoded file makes. `pending`: secrets by setting that are not sealed yet; `plugin`: one
--- that is loaded already.
function M.build(home, name, tree, pending, plugin)
  local file = home:connector_path(name)
  local values = config.validate(tree, "connector", file)
  local layered = config.resolve({ home.flags, home.environment, values, home.config }, "connector")
  plugin = plugin or M.plugin(home, name, values.plugin)
  check_guard(file, plugin.manifest, values.guard)
  local plain, references = require("config.settings").resolve(plugin.manifest, layered.settings or {}, file)
  for key, value in pairs(plugin.given or {}) do plain[key] = value end
  for _, path in ipairs { "ca_file", "client_cert", "client_key" } do
    layered.http[path] = layered.http[path] and home:path(layered.http[path])
  end
  return setmetatable({
    name = name, file = file, tree = tree, home = home, plugin = plugin, plugin_name = values.plugin,
    manifest = plugin.manifest, settings = plain, references = references, pending = pending or {},
    options = layered, enabled = layered.enabled, app = layered.app, owners = layered.owners,
    mapping = mapping_path(home, file, layered.mapping), origins = origins(plugin.manifest, plain, layered),
  }, Connector)
end

--- Reads, checks and resolves a connector; secrets stay where they are.
function M.load(home, name)
  return M.build(home, name, M.read(home, name))
end

--- The manifest that a name stands for, and the connector where it is one's; else it is a plugin's.
function M.manifest(home, name)
  if M.exists(home, name) then
    local connector = M.load(home, name)
    return connector.manifest, connector
  end
  local plugins = require "plugin.plugin"
  if plugins.find(home, name) then return plugins.load(home, name).manifest end
  local names = home:connectors()
  for _, found in ipairs(plugins.list(home)) do
    if not require("shape").contains(names, found.name) then names[#names + 1] = found.name end
  end
  fail("usage", ("there is no connector or plugin '%s'"):format(name),
    require("suggest").hint(name, names, "there are"))
end

--- The settings with their secrets, as opaque objects; reads what the references name.
function Connector:resolve_secrets()
  local all = {}
  for key, value in pairs(self.settings) do all[key] = value end
  for key, reference in pairs(self.references) do
    all[key] = self.pending[key] or require("config.reference").resolve(self, key, reference)
  end
  return all
end

local function text_of(tree)
  return require("host.json").encode(tree, { indent = 2 }) .. "\n"
end

--- Writes a connector's file, whole or not at all.
function M.write(home, name, tree)
  local sys = require "host.sys"
  fail.try(sys.mkdir_p(home.dir .. "/connectors", mode.private_folder))
  fail.try(sys.write_file(home:connector_path(name), text_of(tree), 0))
end

--- Is that what the file has? A write that failed may have gone so far that only its durability is not known.
function M.is_written(home, name, tree)
  local text = text_of(tree)
  return require("host.sys").read_file(home:connector_path(name), #text) == text
end

return M

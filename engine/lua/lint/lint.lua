-- lint: what is wrong, or suspicious, in a plugin, an operator's mapping, or a connector, without asking anybody.
--
--   lint.plugin(home, name)        lint.script(home, path)        lint.connector(home, name)
--       -> { findings = { { file, line, level = "error"|"warning", message, next } … }, luacheck = bool, files = n }
--
-- Findings are sorted by file and line. What cannot be told for sure is not told (type.lua).
local fail = require "fail"
local files = require "lint.file"
local loader = require "plugin.loader"
local shape = require "shape"
local suggest = require "suggest"
local sys = require "host.sys"
local type_of = require "lint.type"
local vm = require "host.vm"
local walk = require "lint.walk"

local M = {}

local MAX_FILE = 1 << 20
local ROLES = { ["connector.lua"] = "connector", ["mapping.lua"] = "mapping", ["simulator.lua"] = "simulator" }

local Lint = {}
Lint.__index = Lint

local function new(home)
  return setmetatable({ home = home, findings = {}, seen = {}, files = {}, by_shown = {} }, Lint)
end

-- Findings ------------------------------------------------------------------------------------------------

local function sentence(text)
  if not text then return nil end
  text = text:gsub("^%l%l* ", function(word) return word:sub(1, 1):upper() .. word:sub(2) end)
  return text:find("[.?!]$") and text or text .. "."
end

function Lint:report(shown, line, level, message, next_step)
  local key = ("%s\0%d\0%s"):format(shown, line, message)
  if self.seen[key] then return end
  self.seen[key] = true
  self.findings[#self.findings + 1] = { file = shown, line = line, level = level, message = message,
    next = next_step ~= "" and sentence(next_step) or nil }
end

-- Is there an error already? What a run would stumble over need not be told twice.
function Lint:has_errors()
  for _, finding in ipairs(self.findings) do
    if finding.level == "error" then return true end
  end
  return false
end

-- What the engine itself says about a file.
function Lint:failure(e, shown)
  if not fail.is(e) then error(e, 0) end
  local message = e.message:match("^[^\n]*")
  local file, line, rest = message:match("^([^%s:]+%.lua):(%d+): (.*)$")
  if file and file:sub(1, 3) == "..." and shown:sub(3 - #file) == file:sub(4) then file = shown end -- cut by Lua
  if not file then file, rest = message:match("^([^%s:]+%.%a+): (.*)$") end
  if file and file:sub(-#shown) == shown then file = shown end
  self:report(file or shown, math.tointeger(tonumber(line)) or 1, "error", sentence(rest or message), e.hint)
end

-- Runs fn(…) and takes what it raises for a finding; else gives its result.
function Lint:try(shown, fn, ...)
  local ok, result = pcall(fn, ...)
  if ok then return result end
  self:failure(result, shown)
end

function Lint:result(with_luacheck)
  local there = with_luacheck and require("lint.luacheck").check(with_luacheck, function(file, ...)
    self:report(file.shown, ...)
  end)
  table.sort(self.findings, function(a, b)
    if a.file ~= b.file then return a.file < b.file end
    if a.line ~= b.line then return a.line < b.line end
    return a.message < b.message
  end)
  return { findings = self.findings, luacheck = there == true, files = #self.files }
end

-- Files ---------------------------------------------------------------------------------------------------

-- A file read as a tree; one that is no Lua is a finding.
function Lint:file(shown, path, text, role)
  local file = files.new(shown, path, text, role)
  self.files[#self.files + 1], self.by_shown[shown] = file, file
  local chunk, message = vm.load(text, "@" .. shown, {})
  if not chunk then
    self:failure(fail.new("config", message), shown) -- in Lua's own words
  elseif not file.tree then
    self:report(shown, file.line, "warning", sentence(file.problem), "Nothing else of this file was looked at.")
  end
  return file
end

function Lint:reporter(file)
  return function(...) self:report(file.shown, ...) end
end

-- Plugins -------------------------------------------------------------------------------------------------

local function line_of_field(file, path, name)
  for _, field in ipairs(file and file.tree and walk.returned(file.tree, path) or {}) do
    if field.name == name then return field.line end
  end
  return 1
end

-- Kinds that are emitted and mapped by nobody, and the reverse.
function Lint:kinds(plugin, by_name, connector, mapping)
  if not connector or not mapping then return end
  local emitted = {}
  for _, list in ipairs(connector.lists) do
    for _, kind in ipairs(list.kinds) do
      emitted[kind] = true
      if not mapping[kind] then
        self:report(plugin.shown .. "/connector.lua", line_of_field(by_name["connector.lua"], "list", list.name),
          "error", ("List '%s' emits '%s', and mapping.lua has no function for it."):format(list.name, kind),
          suggest.question(kind, shape.names(mapping)) or "Add one.")
      end
    end
  end
  for _, kind in ipairs(shape.names(mapping)) do
    if not emitted[kind] then
      self:report(plugin.shown .. "/mapping.lua", line_of_field(by_name["mapping.lua"], nil, kind), "warning",
        ("No list emits '%s': this function is never called."):format(kind),
        "Add it to a list's emits, or leave it out.")
    end
  end
end

-- The names, settings and grants of a plugin's files.
function Lint:trees(plugin, by_name, connector)
  local asking, mapping = {}, files.required(by_name["mapping.lua"], by_name, {})
  mapping[by_name["mapping.lua"] or false] = true
  local maps = {}
  for _, name in ipairs(shape.names(by_name)) do
    local file = by_name[name]
    if file.tree and file.role ~= "plugin" then
      local of = type_of.new(file, plugin.manifest)
      require("lint.name").check(file, of, self:reporter(file))
      if file.role ~= "simulator" then asking[#asking + 1] = { file = file, of = of } end
      if mapping[file] then
        maps[#maps + 1] = file
        require("lint.mapping").pure(file, self:reporter(file))
      end
    end
  end
  local function report(file, ...) self:report(file.shown, ...) end
  local emit, lists = require "lint.emit", files.required(by_name["connector.lua"], by_name, {})
  for _, one in ipairs(connector and asking or {}) do
    local is_connector = one.file.role == "connector"
    if is_connector or lists[one.file] then
      emit.kinds(one.file, one.of, connector.lists, self:reporter(one.file))
    end
    if is_connector then emit.parts(one.file, self:reporter(one.file)) end
  end
  require("lint.setting").check(asking, plugin.manifest, by_name["plugin.lua"], connector and connector.lists,
    report)
  require("lint.mapping").slugs(maps, plugin.manifest, report)
end

function Lint:plugin_files(plugin)
  local by_name = {}
  for _, name in ipairs(shape.names(plugin.files)) do
    if not name:find("^test/") then
      local role = ROLES[name] or name == "plugin.lua" and "plugin" or "module"
      by_name[name] = self:file(plugin.shown .. "/" .. name, plugin.dir .. "/" .. name, plugin.files[name], role)
    end
  end
  return by_name
end

function Lint:plugin(name)
  local plugin = self:try("plugins/" .. name .. "/plugin.lua", require("plugin.plugin").load, self.home, name)
  if not plugin then return nil end
  local connector = self:try(plugin.shown .. "/connector.lua", plugin.connector, plugin)
  local mapping = self:try(plugin.shown .. "/mapping.lua", plugin.mapping, plugin)
  self:try(plugin.shown .. "/simulator.lua", plugin.simulator, plugin)
  local by_name = self:plugin_files(plugin)
  self:kinds(plugin, by_name, connector, mapping)
  self:trees(plugin, by_name, connector)
  return plugin, mapping
end

-- Scripts -------------------------------------------------------------------------------------------------

-- An operator's mapping; `plugin` is the one whose records it changes, where that is known.
function Lint:script(path, shown, plugin)
  local text = fail.try(sys.read_file(path, MAX_FILE))
  local file = self:file(shown, path, text, "script")
  if not file.tree then return end
  local of = type_of.new(file, plugin and plugin.manifest)
  require("lint.name").check(file, of, self:reporter(file))
  require("lint.mapping").pure(file, self:reporter(file))
  if plugin then
    require("lint.mapping").slugs({ file }, plugin.manifest, function(_, ...) self:report(shown, ...) end)
  end
end

-- Loads a script that is nobody's yet, as a run would load it.
function Lint:load_alone(path, shown)
  local dir, name = path:match("^(.*)/([^/]+)$")
  local l = loader.new(shown:match("^(.*)/[^/]+$") or ".", function(file)
    return (sys.read_file(dir .. "/" .. file, MAX_FILE))
  end)
  self:try(shown, function()
    local value = l:run(name)
    if type(value) ~= "table" then shape.expected(shown, "what it returns", "a table of functions", value) end
  end)
end

-- Connectors ----------------------------------------------------------------------------------------------

local function fresh_mapping(plugin)
  local l = loader.new(plugin.shown, function(name) return plugin.files[name] end)
  return require("plugin.parts").mapping(l:run("mapping.lua"), plugin.shown .. "/mapping.lua")
end

-- The mappings over a sample of objects.
function Lint:objects(sample, plugin, script_of)
  local function load()
    local script = script_of and script_of()
    return { map = fresh_mapping(plugin), file = plugin.shown .. "/mapping.lua", script = script and script.map,
      script_file = script and script.shown }
  end
  require("lint.run").check(sample, load, function(shown, place, level, message, next_step, name)
    local file = self.by_shown[shown]
    local line = type(place) == "number" and place or line_of_field(file, nil, place)
    if not name or file and file:says(line, name) then self:report(shown, line, level, message, next_step) end
  end)
end

function Lint:connector(name)
  local connector = self:try("connectors/" .. name .. ".json", require("config.connector").load, self.home, name)
  if not connector then return end
  local plugin, mapping
  if connector.plugin.files then
    plugin, mapping = self:plugin(connector.plugin_name)
  else
    mapping = connector.plugin:mapping() -- ours: there is nothing to look at but the operator's
  end
  local path = connector.tree.mapping or connector.options.mapping
  local function script_of()
    return path and require("plugin.script").load(self.home, path, shape.names(mapping))
  end
  if not mapping then return end
  require("sync.sync").limit(connector)
  local script = self:try(path, script_of)
  if script then self:script(script.path, script.shown, plugin) end
  if not plugin or path and not script then return end
  self:try(plugin.shown .. "/mapping.lua", function()
    self:objects(require("lint.sample").last_run(self.home, connector), plugin, script_of)
  end)
end

-- All -----------------------------------------------------------------------------------------------------

--- Looks at a plugin that is known by its name.
function M.plugin(home, name)
  if not require("plugin.plugin").find(home, name) then require("plugin.plugin").load(home, name) end
  local lint = new(home)
  local plugin, mapping = lint:plugin(name)
  if mapping and not lint:has_errors() and sys.stat(plugin.dir .. "/test/scenarios.lua") then
    lint:try(plugin.shown .. "/test/scenarios.lua", function()
      lint:objects(require("lint.sample").scenarios(home, plugin), plugin)
    end)
  end
  return lint:result(lint.files)
end

--- Looks at a mapping that is known by its file. In a folder with a plugin's name it is held against that plugin.
function M.script(home, path)
  local whole = fail.try(sys.real_path(path))
  local lint = new(home)
  local folder = whole:match("([^/]+)/[^/]+$")
  local found = folder and require("plugin.plugin").find(home, folder)
  local plugin = found and lint:try(path, require("plugin.plugin").load, home, folder)
  lint:load_alone(whole, path)
  lint:script(whole, path, plugin)
  return lint:result(lint.files)
end

--- Looks at a connector: its settings, its plugin, its mapping, and both mappings over the last run's objects.
function M.connector(home, name)
  local lint = new(home)
  lint:connector(name)
  return lint:result(lint.files)
end

return M

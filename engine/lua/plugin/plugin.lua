-- plugin: finds plugins and loads them: what plugin.lua says, and the functions of its other files.
--
--   plugin.list(home)         { name, dir, origin = "home"|"bundled", shadows } for each, by name
--   plugin.find(home, name)   one of these, or nil
--   plugin.load(home, name)   { name, dir, origin, shadows, manifest, digest } with the methods below
--
-- home.plugins_dirs is a list of { path, origin }; the first that has a plugin wins, and shadows the others.
-- What is read from the home is refused where others may write it. All files are read once, at load: what the
-- digest covers is what runs.
local fail = require "fail"
local loader = require "plugin.loader"
local manifest = require "plugin.manifest"
local parts = require "plugin.parts"
local secret = require "host.secret"
local shape = require "shape"
local suggest = require "suggest"
local sys = require "host.sys"

local M = {}
local Plugin = {}
Plugin.__index = Plugin

local MAX_FILE, MAX_FILES, MAX_DEPTH = 1 << 20, 200, 4

local function trust_of(origin)
  return origin == "home" and "trusted" or "any"
end

-- What is at the path; nil where nothing is, or nothing that we may look at: folders of others are no plugins.
local function look(path)
  local found, message, code = sys.stat(path)
  return found or code == "storage" and fail(code, message) or nil
end

local function is_plugin(dir)
  return look(dir .. "/plugin.lua") ~= nil
end

--- All plugins there are.
function M.list(home)
  local found, by_name = {}, {}
  for _, place in ipairs(home.plugins_dirs) do
    for _, name in ipairs(fail.found(sys.list_dir(place.path)) or {}) do
      local dir = place.path .. "/" .. name
      if by_name[name] then
        by_name[name].shadows = by_name[name].shadows or is_plugin(dir)
      elseif is_plugin(dir) then
        by_name[name] = { name = name, dir = dir, origin = place.origin, shadows = false }
        found[#found + 1] = by_name[name]
      end
    end
  end
  table.sort(found, function(a, b) return a.name < b.name end)
  return found
end

--- Where a plugin is; nil where there is none of this name.
function M.find(home, name)
  for _, found in ipairs(M.list(home)) do
    if found.name == name then return found end
  end
end

-- Reads the .lua files of a folder and of those in it into `files`: name to text. Tests are no part of a plugin.
local function read_folder(dir, below, trust, files, depth)
  if depth > MAX_DEPTH then fail("config", dir .. ": folders nested too deep in a plugin") end
  fail.needed(sys.check_file(dir, trust))
  for _, name in ipairs(fail.needed(sys.list_dir(dir))) do
    local path = dir .. "/" .. name
    local kind = name:find("^%.") and "hidden" or (look(path) or {}).type
    if kind == "directory" and below .. name ~= "test" then
      read_folder(path, below .. name .. "/", trust, files, depth + 1)
    elseif kind == "file" and name:find("%.lua$") then
      files.n = files.n + 1
      if files.n > MAX_FILES then fail("config", ("%s: more than %d files"):format(dir, MAX_FILES)) end
      files.text[below .. name] = fail.needed(sys.read_file(path, MAX_FILE, trust))
    end
  end
end

local function read_files(found)
  local files = { n = 0, text = {} }
  if found.origin == "home" then fail.needed(sys.check_file(found.dir:match("^(.*)/"), "trusted")) end
  read_folder(found.dir, "", trust_of(found.origin), files, 1)
  return files.text
end

--- The digest of files by name: BLAKE2b-256 over their names and bytes, in hexadecimal.
function M.digest(files)
  local bytes = {}
  for _, name in ipairs(shape.names(files)) do
    bytes[#bytes + 1] = ("%s\0%d\0%s"):format(name, #files[name], files[name])
  end
  return secret.hash(table.concat(bytes))
end

local function unknown(home, name, code)
  local names = {}
  for i, found in ipairs(M.list(home)) do names[i] = found.name end
  fail(code, ("there is no plugin '%s'"):format(name), suggest.hint(name, names, "there are"))
end

--- Loads a plugin: reads its files and checks its plugin.lua. A failure raises with file and field. That there is
--- none is a mistake of the configuration, unless `missing` names another code.
function M.load(home, name, missing)
  local found = M.find(home, name) or unknown(home, name, missing or "config")
  local files = read_files(found)
  local shown = "plugins/" .. name
  local tree = manifest.read(files["plugin.lua"], shown .. "/plugin.lua")
  if tree.name ~= name then
    shape.expected(shown .. "/plugin.lua", "name", ("'%s', the folder's name,"):format(name), tree.name)
  end
  return setmetatable({
    name = name, dir = found.dir, origin = found.origin, shadows = found.shadows, manifest = tree,
    digest = M.digest(files), files = files, shown = shown, made = {},
  }, Plugin)
end

-- Runs a file in a sandbox of its own, once, and checks what it returned.
local function part(self, file, check)
  if not self.made[file] then
    local l = loader.new(self.shown, function(name) return self.files[name] end)
    self.made[file] = check(l:run(file), self.shown .. "/" .. file, self.manifest)
  end
  return self.made[file]
end

--- What connector.lua gives: { http, check, list, lists }. `lists` are in the order of their names, `list` is
--- by name; each is { name, fn, per, after = {…}, emits = {…}, when, stable_cursor }.
function Plugin:connector()
  return part(self, "connector.lua", parts.connector)
end

--- What mapping.lua gives: kind to function.
function Plugin:mapping()
  return part(self, "mapping.lua", parts.mapping)
end

--- What simulator.lua gives; nil where the plugin has none.
function Plugin:simulator()
  return self.files["simulator.lua"] and part(self, "simulator.lua", parts.simulator)
end

--- Loads all there is, and checks that the files fit together. A failure raises.
function Plugin:check()
  parts.fit(self:connector(), self:mapping(), self.shown)
  self:simulator()
end

return M

-- home: where configuration, connectors, plugins, scripts and state are.
--
--   local home = require("config.home").open(flags)
--   home.dir, home.state        absolute paths
--   home.config, home.options   reeve.json by full key name, as it is; what holds, environment and all
--   home.key_path               the key that seals secrets; home.key_own: may be made (it is HOME/key)
--   home.plugins_dirs           { { path, origin = "home" }, { path, origin = "bundled" } }, the first wins
--   home:connector_path(name), home:state_dir(name), home:connectors(), home:path(relative)
local fail = require "fail"

local M = {}
local Home = {}
Home.__index = Home

local MAX_FILE = 1 << 20

local function sys()
  return require "host.sys"
end

local function env(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local function exists(path, kind)
  local found = fail.found(sys().stat(path))
  return found ~= nil and (not kind or found.type == kind)
end

-- An absolute path without "." and ".." in it, links as they are.
local function absolute(path, base)
  if path:sub(1, 1) ~= "/" then path = (base or fail.try(sys().real_path("."))) .. "/" .. path end
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then parts[#parts] = nil
    elseif part ~= "." then parts[#parts + 1] = part end
  end
  return "/" .. table.concat(parts, "/")
end

local function find_home(flags)
  local named = flags.home or env("REEVE_HOME")
  if named == "" then fail("usage", "--home: a folder expected") end
  if named then return absolute(named) end
  if exists("/etc/reeve", "directory") then return "/etc/reeve" end
  local user = env("XDG_CONFIG_HOME") or env("HOME") and env("HOME") .. "/.config"
  if not user then
    fail("config", "no home: neither $HOME nor $REEVE_HOME is set", "name one with --home DIR")
  end
  return absolute(user .. "/reeve")
end

-- State belongs to the home; a $STATE_DIRECTORY (systemd) that names another folder is a mistake to stop at.
local function find_state(dir, configured)
  local state = configured and absolute(configured, dir)
    or dir == "/etc/reeve" and "/var/lib/reeve" or dir .. "/state"
  local given = env("STATE_DIRECTORY")
  if not given then return state end
  local real = sys().real_path(state) or state
  for path in given:gmatch("[^:]+") do
    if path == state or (sys().real_path(path) or path) == real then return state end
  end
  fail("config", ("$STATE_DIRECTORY is %s, but the state of home %s is %s"):format(given, dir, state),
    'let "state" in reeve.json and StateDirectory= of the unit name the same folder')
end

-- The tree's own plugins where the program runs from a build folder, else those of the installation.
local function bundled()
  local exe = fail.try(sys().exe_path())
  local bin = exe:match("^(.*)/[^/]*$")
  for _, up in ipairs { "/..", "/../.." } do
    if exists(bin .. up .. "/engine/main.c", "file") then
      return absolute(bin .. up .. "/plugins")
    end
  end
  return absolute(bin .. "/../share/reeve/plugins")
end

local function find_key(dir)
  if env("REEVE_KEY_FILE") then return absolute(env("REEVE_KEY_FILE")), false end
  local credentials = env("CREDENTIALS_DIRECTORY")
  local credential = credentials and credentials .. "/reeve-key"
  if credential and exists(credential) then return credential, false end
  return dir .. "/key", true
end

--- Refuses a file or folder of the home that others may write or that belongs to neither root nor the caller;
--- false where there is none.
function M.check(path)
  local ok, message, code = sys().check_file(path, "trusted")
  if not ok and code ~= "not_found" then fail(code or "config", message) end
  return ok == true
end

--- A file of the home as text, after that check; nil where there is none.
function M.read(path)
  local text, message, code = sys().read_file(path, MAX_FILE, "trusted")
  if text then return text end
  if code == "not_found" then return nil end
  fail(code == "limit" and "config" or code or "config", message)
end

--- A JSON file of the home, decoded; nil where there is none.
function M.read_json(path)
  local text = M.read(path)
  if not text then return nil end
  local tree, message = require("host.json").decode(text)
  if tree == nil then fail("config", path .. ": not JSON: " .. tostring(message)) end
  return tree
end

--- A path as a key of the configuration means it: absolute, or relative to the home.
function Home:path(path)
  return absolute(path, self.dir)
end

function Home:connector_path(name)
  return self.dir .. "/connectors/" .. name .. ".json"
end

function Home:state_dir(name)
  return self.state .. "/connectors/" .. name
end

--- Is this a connector's name ([a-z0-9][a-z0-9-]{0,62})?
function M.is_name(name)
  return type(name) == "string" and #name <= 63 and name:find("^[a-z0-9][a-z0-9-]*$") ~= nil
end

--- Raises a usage failure for what is none.
function M.check_name(name)
  if M.is_name(name) then return end
  fail("usage", ("'%s' is not a connector's name: [a-z0-9][a-z0-9-]{0,62} expected"):format(name))
end

--- Names of the connectors, sorted; then those of files there whose names are none.
function Home:connectors()
  local names, strange = {}, {}
  for _, file in ipairs(sys().list_dir(self.dir .. "/connectors") or {}) do
    local name = file:match("^([^.].*)%.json$")
    if M.is_name(name) then names[#names + 1] = name
    elseif name then strange[#strange + 1] = file end
  end
  table.sort(names)
  return names, strange
end

--- A home for trials: a folder of its own that nothing configures, flags and environment neither, and whose state is
--- `passing`: it need not survive this machine's end, so that nobody waits for its disk. Plugins are found
--- where `of`, another home, finds them.
function M.trial(dir, of)
  local home = setmetatable({ dir = dir, file = dir .. "/reeve.json", there = true, config = {}, environment = {},
    flags = {}, passing = true, state = dir .. "/state", key_path = dir .. "/key", key_own = true,
    plugins_dirs = of.plugins_dirs }, Home)
  home.options = require("config.config").resolve({}, "home")
  return home
end

--- Opens the home that flags and environment name, and reads its reeve.json. It may not exist yet.
function M.open(flags)
  local config = require "config.config"
  local home = setmetatable({ dir = find_home(flags) }, Home)
  home.file = home.dir .. "/reeve.json"
  home.there = M.check(home.dir)
  if home.there and not exists(home.dir, "directory") then fail("config",
    home.dir .. ": the home is no folder") end
  local tree = home.there and M.read_json(home.file)
  home.config = tree and config.validate(tree, "home", home.file) or {}
  home.environment, home.flags = config.environment(), config.flags(flags)
  home.options = config.resolve({ home.flags, home.environment, home.config }, "home")
  home.state = find_state(home.dir, home.options.state)
  home.key_path, home.key_own = find_key(home.dir)
  home.plugins_dirs = { { path = home.dir .. "/plugins", origin = "home" },
    { path = bundled(), origin = "bundled" } }
  return home
end

return M

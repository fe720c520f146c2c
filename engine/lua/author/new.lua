-- new: writes a small plugin that runs at once, against the simulator that it brings along.
--
--   new.plugin(home, name, dir) -> { folder, files = { "plugin.lua", … }, found = bool, shadowed = bool }
--       dir is the folder for the plugin's folder; HOME/plugins where it is nil. `found`: Reeve looks there.
--
-- Nothing is ever replaced. plugin.lua comes last: what was written in part is no plugin.
local fail = require "fail"
local mode = require "mode"
local sys = require "host.sys"

local M = {}

local NAME, MAX_NAME = "^[a-z][a-z0-9_-]*$", 63 -- what plugin.lua may be called, and a file system's peace

local FILES = { -- name, template
  { "connector.lua", "author.template_connector" },
  { "mapping.lua", "author.template_mapping" },
  { "simulator.lua", "author.template_simulator" },
  { "test/scenarios.lua", "author.template_scenarios" },
  { "README.md", "author.template_readme" },
  { "plugin.lua", "author.template_plugin" },
}

local function check_name(name)
  if #name > MAX_NAME or not name:find(NAME) then
    fail("usage", ("'%s' is not a plugin's name: a letter, then a-z, 0-9, _ and - expected"):format(name),
      "as in `reeve new acme`")
  end
end

-- "big-corp" is called Big corp until somebody says otherwise.
local function title_of(name)
  return (name:gsub("[_-]+", " "):gsub("^%l", string.upper):gsub(" $", ""))
end

local function filled(template, name)
  return (template:gsub("@(%u+)@", { NAME = name, TITLE = title_of(name) }))
end

local function write_all(folder, name)
  fail.try(sys.mkdir_p(folder .. "/test", mode.shared_folder))
  for _, file in ipairs(FILES) do
    fail.try(sys.create_file(folder .. "/" .. file[1], filled(require(file[2]), name), mode.shared_file))
  end
end

-- All of it or nothing: half a plugin would be in the way of the next try.
local function write(folder, name)
  local ok, why = pcall(write_all, folder, name)
  if ok then return end
  sys.remove_tree(folder)
  error(why, 0)
end

-- Is there a plugin of this name that would no longer be found?
local function shadows(home, name)
  local found = require("plugin.plugin").find(home, name)
  return found ~= nil and found.origin == "bundled"
end

--- Writes a plugin; see the head of this file.
function M.plugin(home, name, dir)
  check_name(name)
  if dir == "" then fail("usage", "--dir: a folder expected") end
  local folder = (dir or home.plugins_dirs[1].path) .. "/" .. name
  if sys.stat(folder, true) then
    fail("usage", ("%s is there already; nothing was written"):format(folder), "another name, or --dir DIR")
  end
  if not dir then fail.try(sys.mkdir_p(home.dir, mode.private_folder)) end
  local shadowed = shadows(home, name)
  write(folder, name)
  local files = {}
  for i, file in ipairs(FILES) do files[i] = file[1] end
  local found = require("plugin.plugin").find(home, name)
  return { folder = folder, files = files, shadowed = shadowed and not dir,
    found = found ~= nil and sys.real_path(found.dir) == sys.real_path(folder) }
end

return M

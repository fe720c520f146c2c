-- sample: raw objects for run.lua, from where there are some.
local fail = require "fail"
local runs = require "lint.run"
local sys = require "host.sys"

local M = {}

--- The objects of a connector's last accepted run; none where there is no run.
function M.last_run(home, connector)
  local sample = runs.sample "the last run"
  local st, meta = require("state.snapshot").find(home, connector.name)
  if st and meta.accepted > 0 then
    runs.add(sample, fail.try(st:objects()), connector.settings, sys.time():sub(1, 10))
  end
  return sample
end

--- The objects of a plugin's scenarios, which go by its simulator and its cassettes.
function M.scenarios(home, plugin)
  local sample = runs.sample("the tests", true)
  require("log").setup { format = "text", level = "error" }
  for _, scenario in ipairs(require("trial.scenario").all(plugin)) do
    local world = require("trial.world").open(home, plugin, scenario)
    local ok, why = pcall(function()
      local run = world:sync "lint"
      if run.code == "config" then fail("config", run.message) end
      if run.outcome == "failed" then return end -- which is for `reeve test` to tell
      local state = fail.try(require("host.state").open(world:path "lint", {}))
      runs.add(sample, fail.try(state:objects()), world.connector.settings)
      state:close()
    end)
    world:close()
    if not ok then error(why, 0) end
  end
  return sample
end

return M

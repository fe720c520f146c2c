-- selection: which part of a connector's state a file for ConductorOne holds.
--
-- options, as ConductorOne's sync task has them:
--   types     a list of resource types: only their resources, and the entitlements and grants on those
--   targets   { {type=, id=}, … }: of these only the resources named
--   skip_grants, skip_entitlements_and_grants
-- Every resource in the file stands there with all that it has, but for what is skipped. A target's parent, and those
-- who hold its entitlements, are therefore only referred to by their ids: as resources of the file they would be
-- without their own entitlements and grants, as if they had lost them. ConductorOne knows them from its last full sync.
local fail = require "fail"

local M = {}
local Selection = {}
Selection.__index = Selection

local function key(type, id)
  return type .. "\0" .. id
end

local function set_of(list)
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

-- One file cannot have a resource twice.
local function without_repeats(targets)
  local list, seen = {}, {}
  for _, target in ipairs(targets) do
    local k = key(target.type, target.id)
    if not seen[k] then list[#list + 1] = target end
    seen[k] = true
  end
  return list
end

local function sync_type(options)
  if options.targets and #options.targets > 0 then return "partial" end
  return options.skip_entitlements_and_grants and "resources_only" or "full"
end

--- What `options` select of a state with these types, among which the options' are.
function M.new(options, types)
  local only = options.types and #options.types > 0
  local self = setmetatable({ sync_type = sync_type(options), type_set = set_of(only and options.types or types),
    entitlements = not options.skip_entitlements_and_grants, missing = {} }, Selection)
  self.only = only and require("shape").names(self.type_set)
  self.grants = self.entitlements and not options.skip_grants
  if self.sync_type == "partial" then self.targets, self.found = without_repeats(options.targets), {} end
  return self
end

--- Are the resources of this type in the file, as far as they were asked for?
function Selection:has_type(type)
  return self.type_set[type] == true
end

--- Is this resource in the file? To be asked once its resources are written.
function Selection:has(ref)
  if self.found then return self.found[key(ref.type, ref.id)] == true end
  return self:has_type(ref.type)
end

function Selection:find(st, target)
  local newest = self:has_type(target.type) and fail.try(st:history(target.type, target.id))()
  if newest and newest.after then
    self.found[key(target.type, target.id)] = true
    return newest.after
  end
  self.missing[#self.missing + 1] = target.type .. "/" .. target.id
end

--- Calls fn(JSON) for each resource of the state that the file is to hold. Targets that there are none of are in
--- `missing` then, as TYPE/ID.
function Selection:each_resource(st, fn)
  if self.targets then
    for _, target in ipairs(self.targets) do
      local text = self:find(st, target)
      if text then fn(text) end
    end
    return
  end
  for _, type in ipairs(self.only or { "" }) do
    for text in fail.try(st:records("resource", type)) do fn(text) end
  end
end

return M

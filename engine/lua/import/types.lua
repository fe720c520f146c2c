-- types: the resource types of a file that another connector wrote, by names that Reeve takes.
--
--   types.of(file, former) -> types
--       file: an open host.c1z_read; former: types that were read before, so that names stay what they were
--   types.names        name in the file -> { name = , trait = }: what a mapping needs to know
--   types.resources    name -> what a plugin's manifest has under resources
--   types.renamed      { "api-key: api_key", … }: those whose names had to change
--
-- They are kept beside the state as JSON (types.load, types.save): a connector without a plugin has no other manifest.
local fail = require "fail"
local json = require "host.json"
local messages = require "c1.messages"
local mode = require "mode"
local wire = require "host.wire"

local M = {}

local MAX <const> = 64          -- of one connector (host/model/model)
local NAME_MAX <const> = 60     -- bytes; two more tell apart what would be the same
-- Bytes of what a file says of a type: so much of MAX types, and of as many former ones, fits into FILE_MAX.
local RAW_MAX <const>, TITLE_MAX <const>, DESCRIPTION_MAX <const> = 256, 256, 512
local FILE_MAX <const> = 1 << 20
local TAKEN <const> = { resources = true, entitlements = true, grants = true, excluded = true }

local TRAIT_NAMES = {}
for name, number in pairs(require("c1.message").TRAITS) do TRAIT_NAMES[number] = name end

--- A text as a name of a-z, 0-9 and _ that begins with a letter.
function M.plain(text)
  local name = text:lower():gsub("[^a-z0-9_]", "_")
  return name:find("^[a-z]") and name or "x_" .. name
end

-- A name that no other type has.
local function free_name(raw, resources)
  local name = M.plain(raw):sub(1, NAME_MAX)
  if TAKEN[name] then name = name .. "_type" end
  local base, n = name, 1
  while resources[name] do
    n = n + 1
    name = base .. "_" .. n
  end
  return name
end

local function trait_of(message)
  for _, number in ipairs(message.traits or {}) do
    if TRAIT_NAMES[number] then return TRAIT_NAMES[number] end
  end
end

local function has_no_entitlements(message)
  for _, annotation in ipairs(message.annotations or {}) do
    if annotation.type == "c1.connector.v2.SkipEntitlementsAndGrants" then return true end
  end
  return false
end

-- The beginning of a text; nil for an empty one.
local function text_or_nil(text, max)
  return text and text ~= "" and require("ui.text").beginning(text, max) or nil
end

local function add(types, raw, message)
  if types.names[raw] or raw == "" or #raw > RAW_MAX or not utf8.len(raw) then return end
  types.n = types.n + 1
  if types.n > MAX then fail("failed", ("the file has more than %d resource types"):format(MAX)) end
  local before = types.former.names[raw]
  local name = before and not types.resources[before.name] and before.name or free_name(raw, types.resources)
  local trait = trait_of(message)
  types.names[raw] = { name = name, trait = trait }
  types.resources[name] = { trait = trait, title = text_or_nil(message.display_name, TITLE_MAX),
    description = text_or_nil(message.description, DESCRIPTION_MAX), skip = has_no_entitlements(message),
    entitlements = {} }
  if name ~= raw then types.renamed[#types.renamed + 1] = raw .. ": " .. name end
end

-- Those that were there before and of which records are still in force.
local function add_former(types, counts)
  for raw, before in pairs(types.former.names) do
    local declared = types.former.resources[before.name]
    if (counts[before.name] or 0) > 0 and declared and not types.names[raw] and not types.resources[before.name] then
      types.names[raw], types.resources[before.name] = before, declared
    end
  end
end

local function none()
  return { names = {}, resources = {} }
end

--- The types of a file; `counts` are the records by type that are in force.
function M.of(file, former, counts)
  local types = { names = {}, resources = {}, renamed = {}, former = former or none(), n = 0 }
  for bytes, raw in file:rows "resource_type" do
    local message = wire.decode(messages, "c1.connector.v2.ResourceType", bytes) or {}
    add(types, message.id or raw or "", message)
  end
  for raw in file:types(MAX + 1) do add(types, raw, {}) end
  add_former(types, counts or {})
  table.sort(types.renamed)
  return types
end

local function path_of(home, name)
  return home:state_dir(name) .. "/types.json"
end

--- The types that were kept; none where nothing was imported yet.
function M.load(home, name)
  local text, message, code = require("host.sys").read_file(path_of(home, name), FILE_MAX, "any")
  if not text and code ~= "not_found" then fail(code, message) end
  local tree = text and json.decode(text)
  return type(tree) == "table" and type(tree.names) == "table" and type(tree.resources) == "table" and tree or none()
end

--- Keeps them.
function M.save(home, name, types)
  local text = json.encode { names = types.names, resources = types.resources }
  fail.try(require("host.sys").write_file(path_of(home, name), text, mode.private_file))
end

return M

-- mapping: mappings that remember, and grants of what nobody declares.
--
--   mapping.pure(file, report)                       file: a mapping, a script, or what they require
--   mapping.slugs(files, manifest, report)           over all files that map
local shape = require "shape"
local suggest = require "suggest"
local walk = require "lint.walk"

local M = {}

-- What an assignment changes: the variable at the beginning of a.b.c.
local function root(node)
  while node.tag == "Index" or node.tag == "Paren" do node = node.object or node.expr end
  return node.tag == "Name" and node.var or nil
end

local function is_of_file(var)
  return var ~= nil and var.fn.main == true
end

local CHANGES = { insert = true, remove = true, sort = true }

local function changed_by_call(node)
  local fn = node.tag == "Call" and node.fn
  local is_table = fn and fn.tag == "Index" and fn.object.tag == "Name" and fn.object.name == "table"
    and not fn.object.var and fn.key.tag == "String" and CHANGES[fn.key.value]
  return is_table and node.args[1] and root(node.args[1]) or nil
end

--- A function that changes what lives longer than its call gives one object what it knows of another.
function M.pure(file, report)
  local function told(line, var, what)
    local message = "A function changes '%s', %s, and so depends on more than its object."
    report(line, "error", message:format(var.name, what), "Keep it in a local of the function.")
  end
  walk.each(file.tree, function(node)
    if not node.inside or node.inside.main then return end
    for _, target in ipairs(node.tag == "Assign" and node.targets or {}) do
      local var = root(target)
      if is_of_file(var) and target.tag == "Name" then told(node.line, var, "a variable of the file") end
      if is_of_file(var) and target.tag == "Index" then told(node.line, var, "a table of the file") end
    end
    local var = changed_by_call(node)
    if is_of_file(var) then told(node.line, var, "a table of the file") end
  end)
end

-- Slugs ---------------------------------------------------------------------------------------------------

local ENTITLEMENT = { "name", "title", "description", "purpose", "grantable_to", "privileged", "keep",
  "exclusion_group", "resource" }

local function is_entitlement(node)
  if not walk.field(node, "on") then return true end
  for _, name in ipairs(ENTITLEMENT) do
    if walk.field(node, name) then return true end
  end
  return false
end

-- Slugs that the mappings themselves declare; nil where one of them cannot be seen.
local function declared_by(files)
  local slugs, seen = {}, true
  for _, file in ipairs(files) do
    walk.each(file.tree, function(node)
      local slug = walk.field(node, "slug")
      if slug and is_entitlement(node) then
        if slug.tag == "String" then slugs[slug.value] = true else seen = false end
      end
      local list = walk.field(node, "entitlements")
      for _, field in ipairs(list and list.fields or {}) do
        if field.key and field.key.tag == "String" then slugs[field.key.value] = true end
      end
      if list and list.tag == "Call" then seen = false end
    end)
  end
  return seen and slugs or nil
end

local function check_grant(manifest, own, node, report)
  local slug, on = walk.field(node, "slug"), walk.field(node, "on")
  local type_node = on and walk.field(on, "type")
  local seen = slug and slug.tag == "String" and type_node and type_node.tag == "String"
  if not seen or is_entitlement(node) then return end
  local resource = manifest.resources[type_node.value]
  if not resource then
    return report(type_node.line, "error", ("A grant is on the type '%s', which plugin.lua does not declare.")
      :format(type_node.value), suggest.question(type_node.value, shape.names(manifest.resources))
      or "Add it to resources.")
  end
  if resource.entitlements[slug.value] or not own or own[slug.value] then return end
  report(slug.line, "error", ("'%s' of %s is granted, and no such entitlement is declared."):format(slug.value,
    type_node.value), suggest.question(slug.value, shape.names(resource.entitlements))
    or ("Add it to resources.%s.entitlements, or to the record's."):format(type_node.value))
end

--- Grants whose type and slug stand there as texts, against what plugin.lua and the mappings declare.
function M.slugs(files, manifest, report)
  local own = declared_by(files)
  for _, file in ipairs(files) do
    walk.each(file.tree, function(node)
      if node.tag == "Table" then
        check_grant(manifest, own, node, function(...) report(file, ...) end)
      end
    end)
  end
end

return M

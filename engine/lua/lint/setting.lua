-- setting: settings that are read and not declared, or declared and not read; hosts that are asked and not
-- declared.
--
--   settings.check(files, manifest, report)     files: { file, of } of what asks and maps; report(file, line, …)
local contract = require "contract.contract"
local suggest = require "suggest"
local walk = require "lint.walk"

local M = {}

local function spec_named(manifest, name)
  for _, spec in ipairs(manifest.settings) do
    if spec.name == name then return spec end
  end
end

local function names_of(manifest)
  local names = {}
  for i, spec in ipairs(manifest.settings) do names[i] = spec.name end
  return names
end

-- Settings ------------------------------------------------------------------------------------------------

-- Does the value of this expression go where its names can be seen no more?
local function escapes(node)
  local parent = node.parent
  if not parent then return false end
  if parent.tag == "Index" and parent.object == node then return parent.key.tag ~= "String" end
  if parent.tag == "Local" then return false end
  if parent.tag == "Call" and parent.fn ~= node then
    return not (parent.fn.tag == "Name" and parent.fn.var and walk.value(parent.fn).tag == "Function")
  end
  return true
end

local function read(self, file, node, kind)
  local name = node.key.value
  local spec = spec_named(self.manifest, name)
  self.read[name] = true
  if not spec then
    local message = "The setting '%s' is read, and plugin.lua does not declare it."
    self.report(file, node.line, "error", message:format(name),
      suggest.question(name, names_of(self.manifest)) or "Add it to settings.")
  elseif spec.kind == "secret" and kind.settings == "at" then
    self.report(file, node.line, "error", ("at.settings has no secrets, and '%s' is one."):format(name),
      "A mapping depends on the object alone; join what it needs in connector.lua.")
  end
end

local function look(self, file, of, node)
  if node.tag == "Index" and node.key.tag == "String" then
    local kind = of:expr(node.object)
    if kind and kind.settings then read(self, file, node, kind) end
  end
  local kind = of:expr(node)
  if not kind then return end
  if kind.settings and escapes(node) then self.hidden = true end
  local whole = kind.group and kind.group.name == "ctx" and node.tag == "Name"
  local parent = node.parent
  if whole and parent and (parent.tag == "Call" or parent.tag == "Method") and parent.fn ~= node
    and parent.object ~= node and escapes(node) and not of:expr(parent) then
    self.hidden = true -- handed to code that may read any of them
  end
end

local function unread(self)
  for _, list in ipairs(self.lists or {}) do
    if list.when then self.read[list.when] = true end
  end
  for _, resource in pairs(self.manifest.resources) do
    if resource.when then self.read[resource.when] = true end
  end
  if self.hidden or not self.lists then return end -- what could not be read may read them
  for _, spec in ipairs(self.manifest.settings) do
    if not self.read[spec.name] then
      self.report(self.plugin_file, self.plugin_file:line_of('name%s*=%s*["\']' .. spec.name .. '["\']'), "warning",
        ("The setting '%s' is declared, and nothing reads it."):format(spec.name), "Read it, or leave it out.")
    end
  end
end

-- Hosts ---------------------------------------------------------------------------------------------------

-- The texts that an expression may be, as far as they stand in the file: the beginning of what is joined, too.
local function literals(node, list, depth)
  node = walk.value(node)
  if depth > 8 then return list end
  if node.tag == "String" then
    list[#list + 1] = node
  elseif node.tag == "Binop" then
    literals(node.left, list, depth + 1)
    if node.op ~= ".." then literals(node.right, list, depth + 1) end
  elseif node.tag == "Index" then
    local object = walk.value(node.object)
    for _, field in ipairs(object.tag == "Table" and object.fields or {}) do
      literals(field.value, list, depth + 1)
    end
  end
  return list
end

local function is_declared(manifest, host)
  for _, pattern in ipairs(manifest.hosts) do
    local lua = "^" .. pattern:gsub("[-.]", "%%%0"):gsub("%*", "[^.]+") .. "$"
    if host:find(lua) then return true end
  end
  return false
end

local function asked(self, file, node)
  for _, text in ipairs(literals(node, {}, 0)) do
    local host, after = text.value:match("^%a+://([%w.-]+)(.?)")
    local joined = text.parent and text.parent.tag == "Binop" and text.parent.op == ".."
    local whole = host and (not joined or after ~= "")
    if whole and not is_declared(self.manifest, host:lower()) then
      local message = "The host '%s' is asked, and plugin.lua does not declare it."
      self.report(file, text.line, "error", message:format(host), "Add it to hosts.")
    end
  end
end

-- Fields of the contract that say where to ask.
local function is_address(group, name)
  return name == "base_url" or name == "token_url" or name == "path" and group.part == "paginate"
end

local function look_for_hosts(self, file, of, node)
  local kind
  if node.tag == "Method" then kind = of:expr(node.object) end
  if kind and kind.group and kind.group.name == "ctx.http" and node.args[1] then asked(self, file, node.args[1]) end
  kind = node.tag == "Call" and of:expr(node.fn)
  for i, param in ipairs(kind and kind.entry and kind.entry.params or {}) do
    local group = node.args[i] and node.args[i].tag == "Table" and self.classes[param.type]
    for _, field in ipairs(group and node.args[i].fields or {}) do
      local name = field.key and field.key.tag == "String" and field.key.value
      if name and is_address(group, name) then asked(self, file, field.value) end
    end
  end
end

local function base_urls(self, file)
  for _, field in ipairs(walk.returned(file.tree)) do
    local fn = field.name == "http" and walk.value(field.value)
    for _, node in ipairs(fn and fn.tag == "Function" and walk.returns(fn) or {}) do
      local base = node.exprs[1] and walk.field(walk.value(node.exprs[1]), "base_url")
      if base then asked(self, file, base) end
    end
  end
end

--- Checks what the files read and ask. `lists`: those of the connector, where it could be loaded.
function M.check(files, manifest, plugin_file, lists, report)
  local self = { manifest = manifest, report = report, read = {}, lists = lists, plugin_file = plugin_file,
    classes = {} }
  for _, group in ipairs(contract.groups()) do self.classes[group.class] = group end
  for _, one in ipairs(files) do
    walk.each(one.file.tree, function(node)
      look(self, one.file, one.of, node)
      look_for_hosts(self, one.file, one.of, node)
    end)
    if one.file.role == "connector" then base_urls(self, one.file) end
  end
  unread(self)
end

return M

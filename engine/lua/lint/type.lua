-- type: what an expression is, as far as the contract says and the text shows.
--
--   local of = type.new(file, manifest)     file = { tree, role }: role is the file's name without .lua, or "script"
--   of:expr(node) -> a type, or nil where it cannot be told
--
-- A type is { group } (a table of the contract), { entry, group } (a function of it), { text } (a type in words),
-- { lib } (math, string, table, utf8) or { settings = "ctx" | "at" }. Nothing is guessed: a name that
-- is given two values, or whose function is called by others, is of no known type.
local contract = require "contract.contract"
local walk = require "lint.walk"

local M = {}
local Of = {}
Of.__index = Of

local LIBS = { math = true, string = true, table = true, utf8 = true }

local classes

local function class_named(name)
  if not classes then
    classes = {}
    for _, group in ipairs(contract.groups()) do classes[group.class] = group end
  end
  return classes[name]
end

--- The type that words of the contract stand for.
function M.of_text(text)
  if not text then return nil end
  local plain = text:gsub("%?$", "")
  local group = class_named(plain)
  return group and { group = group } or { text = plain }
end

--- Are secrets welcome where this type is expected?
function M.admits_secret(text)
  for word in text:gmatch("%a+") do
    if word == "Secret" or word == "any" or word == "Text" or word == "Scalar" or word == "table" or word == "fun"
      or word:find("^Late") or word == "Auth" or class_named(word) then
      return true
    end
  end
  return false
end

--- Is it a secret?
function M.is_secret(kind)
  return kind ~= nil and kind.text == "Secret"
end

local function of_entry(group, entry)
  if entry.params then return { entry = entry, group = group } end
  if entry.name == "settings" and (group.name == "ctx" or group.name == "at") then return { settings = group.name } end
  return M.of_text(entry.type)
end

-- Results -------------------------------------------------------------------------------------------------

-- The nth of what an entry returns: "string, string?" has two.
local function nth_return(entry, n)
  return M.of_text(contract.split(entry.returns or "", ",")[n])
end

local function required(node)
  local is_require = node.fn.tag == "Name" and not node.fn.var and node.fn.name == "require"
  local name = is_require and node.args[1] and node.args[1].tag == "String" and node.args[1].value
  for _, group in ipairs(name and contract.groups() or {}) do
    if group.name == name then return { group = group } end
  end
end

function Of:call(node, n)
  local kind = self:expr(node.fn)
  if kind and kind.entry then return nth_return(kind.entry, n) end
  return n == 1 and required(node) or nil
end

function Of:method(node, n)
  local kind = self:expr(node.object)
  local entry = kind and kind.group and kind.group.by[node.name]
  return entry and entry.params and nth_return(entry, n) or nil
end

-- Variables -----------------------------------------------------------------------------------------------

-- The variable that holds a function, where it holds nothing else.
local function holder(fn)
  local parent = fn.parent
  local var = parent and parent.tag == "Local" and parent.vars[1]
  return var and var.init == fn and #var.assigned == 0 and var or nil
end

-- What every call of a local function gives for this parameter, where all agree.
function Of:from_calls(var)
  local held = holder(var.fn)
  if not held or #held.uses == 0 then return nil end
  local found
  for _, use in ipairs(held.uses) do
    local call = use.parent
    if call.tag ~= "Call" or call.fn ~= use then return nil end
    local kind = call.args[var.param] and self:expr(call.args[var.param])
    if not kind or found and (found.group ~= kind.group or found.text ~= kind.text or found.entry ~= kind.entry
      or found.settings ~= kind.settings) then return nil end
    found = kind
  end
  return found
end

-- What a loop over ipairs, pairs or an iterator of the contract gives.
function Of:from_loop(var)
  local expr = var.loop.exprs[1]
  if var.loop.tag ~= "Forin" then return nil end
  if expr.tag == "Call" and expr.fn.tag == "Name" and not expr.fn.var and expr.args[1] then
    local kind = var.nth == 2 and self:expr(expr.args[1])
    return kind and kind.text and M.of_text(kind.text:match("^(.*)%[%]$") or kind.text:match("^table<%w+, (.*)>$"))
  end
  local kind = self:expr(expr)
  local gives = kind and kind.text and kind.text:match("^fun%(%): (.*)$")
  return var.nth == 1 and M.of_text(gives) or nil
end

function Of:variable(var)
  if self.fixed[var] then return self.fixed[var] end
  if #var.assigned > 0 then return nil end
  if var.loop then return self:from_loop(var) end
  if var.param then return self:from_calls(var) end
  if not var.init then return nil end
  if var.nth == 1 then return self:expr(var.init) end
  if var.init.tag == "Call" then return self:call(var.init, var.nth) end
  return var.init.tag == "Method" and self:method(var.init, var.nth) or nil
end

-- Expressions ---------------------------------------------------------------------------------------------

function Of:setting(from, name)
  for _, spec in ipairs(self.manifest and self.manifest.settings or {}) do
    if spec.name == name then
      if spec.kind == "secret" then return from == "ctx" and { text = "Secret" } or nil end
      return { text = spec.kind == "list" and "string[]" or spec.kind }
    end
  end
end

function Of:index(node)
  local kind = self:expr(node.object)
  if not kind or node.key.tag ~= "String" then return nil end
  if kind.settings then return self:setting(kind.settings, node.key.value) end
  if kind.group then
    local entry = kind.group.by[node.key.value]
    return entry and of_entry(kind.group, entry)
  end
  return kind.text and M.of_text(kind.text:match("^table<string, (.*)>$"))
end

function Of:binop(node)
  if node.op == ".." then
    local secret = M.is_secret(self:expr(node.left)) or M.is_secret(self:expr(node.right))
    return { text = secret and "Secret" or "string" }
  elseif node.op == "and" then
    return self:expr(node.right)
  elseif node.op == "or" then
    local left, right = self:expr(node.left), self:expr(node.right)
    if M.is_secret(left) or M.is_secret(right) then return { text = "Secret" } end
    return left and right and left.group == right.group and left.text == right.text and left or nil
  end
end

local function literal(text) return function() return { text = text } end end

local EXPRS = {
  String = literal "string", Number = literal "number", True = literal "boolean", False = literal "boolean",
  Paren = function(self, node) return self:expr(node.expr) end,
  Index = Of.index, Binop = Of.binop,
  Call = function(self, node) return self:call(node, 1) end,
  Method = function(self, node) return self:method(node, 1) end,
  Name = function(self, node)
    if node.var then return self:variable(node.var) end
    return LIBS[node.name] and { lib = node.name } or nil
  end,
}

--- What an expression is.
function Of:expr(node)
  local known = self.known[node]
  if known ~= nil then return known or nil end
  self.known[node] = false -- while it is looked for: what leads back to itself is not known
  local find = EXPRS[node.tag]
  local kind = find and find(self, node) or nil
  self.known[node] = kind or false
  return kind
end

-- What the contract calls with what -----------------------------------------------------------------------

local function group(name) return { group = contract.group(name) } end

--- The function nodes in a value of M.list and its like: itself, the first of a table, or its full and changed.
function M.functions(node)
  local list = {}
  node = walk.value(node)
  if node.tag == "Function" then return { node } end
  for _, value in ipairs(walk.items(node)) do list[#list + 1] = walk.value(value) end
  for _, name in ipairs { "full", "changed" } do
    local value = walk.field(node, name)
    if value then list[#list + 1] = walk.value(value) end
  end
  for i = #list, 1, -1 do
    if list[i].tag ~= "Function" then table.remove(list, i) end
  end
  return list
end

function Of:fix(value, ...)
  for _, fn in ipairs(M.functions(value)) do
    for i, kind in ipairs { ... } do
      if fn.params[i] then self.fixed[fn.params[i]] = kind end
    end
  end
end

local FIXED = {
  connector = function(self, tree)
    for _, field in ipairs(walk.returned(tree)) do self:fix(field.value, group "ctx") end
    for _, field in ipairs(walk.returned(tree, "list")) do self:fix(field.value, group "ctx") end
  end,
  mapping = function(self, tree)
    for _, field in ipairs(walk.returned(tree)) do self:fix(field.value, { text = "Raw" }, group "at") end
  end,
  script = function(self, tree)
    for _, field in ipairs(walk.returned(tree)) do
      self:fix(field.value, { text = "Raw" }, group "record", group "at")
    end
  end,
  simulator = function(self, tree)
    for _, field in ipairs(walk.returned(tree)) do self:fix(field.value, group "sim") end
    for _, field in ipairs(walk.returned(tree, "routes")) do self:fix(field.value, group "sim", group "req") end
  end,
}

-- In what asks, a parameter called ctx is one.
local function fix_contexts(self, tree)
  walk.each(tree, function(node)
    for _, var in ipairs(node.tag == "Function" and node.params or {}) do
      if var.name == "ctx" and not self.fixed[var] then self.fixed[var] = group "ctx" end
    end
  end)
end

--- For the names of one file.
function M.new(file, manifest)
  local self = setmetatable({ manifest = manifest, known = {}, fixed = {} }, Of)
  if FIXED[file.role] then FIXED[file.role](self, file.tree) end
  if file.role == "connector" or file.role == "module" then fix_contexts(self, file.tree) end
  return self
end

return M

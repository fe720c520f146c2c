-- name: names that are not there: of the contract, of the sandbox, of options; and secrets where texts belong.
--
--   names.check(file, of, report)      report(line, level, message, next step)
local contract = require "contract.contract"
local shape = require "shape"
local suggest = require "suggest"
local type_of = require "lint.type"
local vm = require "host.vm"
local walk = require "lint.walk"

local M = {}

local Check = {}
Check.__index = Check

-- "did you mean 'emit'?", or what there is.
local function nearest(word, names)
  return suggest.question(word, names)
    or #names <= 12 and "There are: " .. table.concat(names, ", ") .. "." or "See `reeve types --reference`."
end

local function names_of(group)
  return contract.names(group.name)
end

local function known(group, name)
  return group.by[name] or group.open
end

-- Names of tables of the contract -------------------------------------------------------------------------

local function unknown(self, node, group, name)
  self.report(node.line, "error", ("%s has no '%s'."):format(group.name, name), nearest(name, names_of(group)))
end

local function library(self, node, lib, name)
  local there = self.sandbox[lib]
  if there[name] ~= nil then return end
  local random = lib == "math" and name:find("^random")
  self.report(node.line, "error", ("%s.%s is not there."):format(lib, name),
    random and "What a plugin gives depends on nothing but what it asked for; in a simulator there is sim.random."
    or nearest(name, shape.names(there)))
end

local VISIT = {}

function VISIT.Index(self, node)
  local kind = node.key.tag == "String" and self.of:expr(node.object)
  if not kind then return end
  if kind.lib then
    library(self, node, kind.lib, node.key.value)
  elseif kind.group and not known(kind.group, node.key.value) then
    unknown(self, node, kind.group, node.key.value)
  end
end

-- What is called with the wrong one of . and : gets its arguments shifted.
local function punctuation(self, node, group, name, used)
  if used == group.call or not group.by[name] then return end
  self.report(node.line, "error", ("%s%s%s is called with '%s'."):format(group.name, used, name, used),
    ("Write %s%s%s."):format(group.name, group.call, name))
end

function VISIT.Method(self, node)
  local kind = self.of:expr(node.object)
  if not (kind and kind.group) then return end
  local entry = kind.group.by[node.name]
  if not known(kind.group, node.name) then return unknown(self, node, kind.group, node.name) end
  punctuation(self, node, kind.group, node.name, ":")
  if entry and entry.params then self:args(entry, node.args, 0, kind.group) end
end

function VISIT.Call(self, node)
  local kind = self.of:expr(node.fn)
  if node.fn.tag == "Name" and not node.fn.var and node.fn.name == "error" then
    return self:no_secret(node.args, "error")
  end
  if not (kind and kind.entry) then return end
  local by_colon = kind.group.call == ":"
  if node.fn.tag == "Index" and by_colon then punctuation(self, node, kind.group, kind.entry.name, ".") end
  if not by_colon then self:args(kind.entry, node.args, 0, kind.group) end
end

-- Values where the contract says of which type ------------------------------------------------------------

local no_secret

-- Parts of an expression whose value its own is made of; what is only compared or asked for is none.
local PARTS = {
  Paren = function(node) return { node.expr } end,
  Binop = function(node)
    return node.op == "and" and { node.right } or node.op == "or" and { node.left, node.right } or {}
  end,
  Table = function(node)
    local values = {}
    for i, field in ipairs(node.fields) do values[i] = field.value end
    return values
  end,
}

-- A secret in what is told.
function no_secret(self, node, what)
  if type_of.is_secret(self.of:expr(node)) then
    self.report(node.line, "error", ("A secret goes to %s."):format(what), "Say which one it is, not what it is.")
  else
    for _, part in ipairs(PARTS[node.tag] and PARTS[node.tag](node) or {}) do no_secret(self, part, what) end
  end
end

function Check:no_secret(args, what)
  for _, arg in ipairs(args) do no_secret(self, arg, what) end
end

function Check:args(entry, args, from, group)
  if group.name == "ctx.log" or entry.name == "warn" then
    return self:no_secret(args, group.name .. "." .. entry.name)
  end
  for i, param in ipairs(entry.params) do
    local arg = args[i + from]
    if arg then self:value(arg, param.type, group.name .. group.call .. entry.name) end
  end
end

function Check:fields(node, group)
  for _, field in ipairs(node.fields) do
    local name = field.key and field.key.tag == "String" and field.key.value
    local entry = name and group.by[name]
    if entry then
      if group.name == "request" and name == "query" then self:query(field.value) end
      self:value(field.value, entry.type, group.name .. "." .. name)
    elseif name and not group.open then
      unknown(self, field.key, group, name)
    end
  end
end

function Check:query(node)
  for _, field in ipairs(node.tag == "Table" and node.fields or {}) do
    if type_of.is_secret(self.of:expr(field.value)) then
      self.report(field.value.line, "warning", "A secret goes into a query, which others write into their logs.",
        "Send it in a header or a form where the API allows it.")
    end
  end
end

-- Of several things that a value may be, a table constructor can be one.
local function for_table(text)
  local found
  for _, one in ipairs(contract.split(text, "|")) do
    local is_table = one:find("%[%]$") or one:find("^table<") or (type_of.of_text(one) or {}).group
    if is_table and found then return nil end
    found = is_table and one or found
  end
  return found
end

--- Checks an expression against a type in words.
function Check:value(node, text, what)
  if type_of.is_secret(self.of:expr(node)) then
    if not type_of.admits_secret(text) then
      self.report(node.line, "error", ("A secret is given to %s, which wants a text."):format(what),
        "Secrets go into headers, forms, JSON and ctx.auth only.")
    end
    return
  end
  local one = node.tag == "Table" and for_table(text)
  if not one then return end
  local group = type_of.of_text(one).group
  if group then return self:fields(node, group) end
  local element = one:match("^(.*)%[%]$") or one:match("^table<%w+, (.*)>$")
  for _, field in ipairs(element and node.fields or {}) do self:value(field.value, element, what) end
end

-- What functions return -----------------------------------------------------------------------------------

local function returned(self, value, text)
  for _, fn in ipairs(type_of.functions(value)) do
    for _, node in ipairs(walk.returns(fn)) do
      if node.exprs[1] then self:value(node.exprs[1], text, "what it returns") end
    end
  end
end

local RETURNED = {
  connector = function(self, name, value)
    if name == "http" then returned(self, value, "HttpConfig") end
    if name == "check" then returned(self, value, "CheckResult") end
  end,
  mapping = function(self, _, value) returned(self, value, "Record") end,
  script = function(self, _, value) returned(self, value, "Record") end,
}

-- Globals -------------------------------------------------------------------------------------------------

local function is_assigned(node)
  local parent = node.parent
  for _, target in ipairs(parent and parent.tag == "Assign" and parent.targets or {}) do
    if target == node then return true end
  end
  return false
end

-- The sandbox itself says what a name is called here.
local function global(self, node)
  if is_assigned(node) then
    return self.report(node.line, "error", ("'%s' would be a global, and there are none."):format(node.name),
      ("Write local %s."):format(node.name))
  end
  local ok, why = pcall(function() return self.sandbox[node.name] end)
  if ok then return end
  local message, hint = tostring(why):gsub("^[^:]*:%d+: ", ""):match("^(.-)[:;] (.*)$")
  hint = hint and hint:gsub("^%l", string.upper)
  if hint and not hint:find("[.?!]$") then hint = hint .. "." end
  message = (message or ("global '%s' is not defined"):format(node.name)):gsub("^%l", string.upper)
  self.report(node.line, "error", message .. ".", hint or "Declare it with local, or take it from a file by require.")
end

--- Checks the names of a file.
function M.check(file, of, report)
  local env = vm.sandbox { require = require }
  local self = setmetatable({ of = of, report = report, sandbox = env }, Check)
  for _, node in ipairs(file.tree.globals) do global(self, node) end
  walk.each(file.tree, function(node)
    if VISIT[node.tag] then VISIT[node.tag](self, node) end
  end)
  for _, field in ipairs(RETURNED[file.role] and walk.returned(file.tree) or {}) do
    RETURNED[file.role](self, field.name, field.value)
  end
end

return M

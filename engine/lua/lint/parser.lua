-- parser: a text of Lua 5.4 as a tree in which every name knows its variable.
--
--   parser.parse(text) -> tree       or nil, message, line
--
-- The tree is the function node of the whole text. Nodes are { tag, line, … }:
--   Function { params, body, vararg, method, vars }    vars: the variables declared in it, parameters too
--   statements  Local { vars, exprs } · Assign { targets, exprs } · Do { body } · While { cond, body } ·
--               Repeat { body, cond } · If { conds, bodies } (one body more: else) · Fornum { var, exprs, body } ·
--               Forin { vars, exprs, body } · Return { exprs } · Break · Goto · Label · Expr { expr } (a call)
--   expressions Nil True False Number String { value } Vararg Function Name { name, var } (no var: a global)
--               Index { object, key } · Call { fn, args } · Method { object, name, args } · Table { fields =
--               { { key, value } … } } (no key: the next number) · Binop { op, left, right } · Unop { op, operand } ·
--               Paren { expr }
-- A variable is { name, line, fn, param, loop, constant, init, nth, assigned = { statements }, uses = { Name … } }:
-- fn is the function that declares it; init and nth say what its first value is: the nth of that expression.
local expression = require "lint.expression"
local lexer = require "lint.lexer"

local M = {}

local MAX_DEPTH = 190 -- of what is nested: a little less than Lua's own limit
local MAX_TOKENS = 100000 -- a tree takes a few hundred bytes for each

local P = {}
P.__index = P
for name, method in pairs(expression) do P[name] = method end

function P:wrong(message)
  error({ line = self.token.line, message = message }, 0)
end

function P:advance()
  local token = self.token
  self.token, self.ahead = self.ahead or self.lex(), nil
  self.read = self.read + 1
  if self.read > MAX_TOKENS then self:wrong("more than 100000 words and signs") end
  return token
end

function P:peek()
  self.ahead = self.ahead or self.lex()
  return self.ahead
end

function P:is(kind)
  return self.token.kind == kind
end

function P:accept(kind)
  if self.token.kind == kind then return self:advance() end
end

function P:expect(kind)
  if self.token.kind ~= kind then
    self:wrong(("'%s' expected, got '%s'"):format(kind, self.token.value or self.token.kind))
  end
  return self:advance()
end

function P:deeper()
  self.depth = self.depth + 1
  if self.depth > MAX_DEPTH then self:wrong("nested too deep") end
end

-- Variables -----------------------------------------------------------------------------------------------

function P:declare(name, line, more)
  local var = more or {}
  var.name, var.line, var.fn, var.assigned, var.uses = name, line, self.fn, {}, {}
  self.scope.names[name] = var
  table.insert(self.fn.vars, var)
  return var
end

function P:find(name)
  local scope = self.scope
  while scope do
    if scope.names[name] then return scope.names[name] end
    scope = scope.above
  end
end

function P:open()
  self.scope = { names = {}, above = self.scope }
end

function P:close()
  self.scope = self.scope.above
end

function P:name_node(token)
  local node = { tag = "Name", name = token.value, line = token.line, var = self:find(token.value), fn = self.fn }
  if node.var then
    table.insert(node.var.uses, node)
  else
    table.insert(self.globals, node)
  end
  return node
end

-- Statements ----------------------------------------------------------------------------------------------

local ENDS = { eof = true, ["end"] = true, ["else"] = true, ["elseif"] = true, ["until"] = true }
local STATEMENTS = {}

-- Statements until what ends a block, which is left where it is.
function P:statements()
  local body = {}
  while not ENDS[self.token.kind] do
    if self:is("return") then
      body[#body + 1] = self:return_node()
      break
    end
    local node = self:statement()
    if node then body[#body + 1] = node end
  end
  return body
end

function P:block()
  self:deeper()
  self:open()
  local body = self:statements()
  self:close()
  self.depth = self.depth - 1
  return body
end

function P:return_node()
  local node = { tag = "Return", line = self:advance().line, exprs = {} }
  if not ENDS[self.token.kind] and not self:is(";") then node.exprs = self:exprs() end
  self:accept(";")
  return node
end

-- The variable that an assignment changes.
local function note_assigned(node, target)
  if target.tag == "Name" and target.var then table.insert(target.var.assigned, node) end
end

local function is_call(node)
  return node.tag == "Call" or node.tag == "Method"
end

function P:statement()
  local make = STATEMENTS[self.token.kind]
  if make then return make(self, self:advance().line) end
  local line, first = self.token.line, self:suffixed()
  if is_call(first) and not self:is("=") and not self:is(",") then
    return { tag = "Expr", line = line, expr = first }
  end
  local node = { tag = "Assign", line = line, targets = { first }, fn = self.fn }
  while self:accept(",") do table.insert(node.targets, self:suffixed()) end
  self:expect("=")
  node.exprs = self:exprs()
  for _, target in ipairs(node.targets) do
    if target.tag ~= "Name" and target.tag ~= "Index" then self:wrong("what is assigned to is no variable") end
    note_assigned(node, target)
  end
  return node
end

STATEMENTS[";"] = function() end

STATEMENTS["::"] = function(self, line)
  self:expect("name")
  self:expect("::")
  return { tag = "Label", line = line }
end

STATEMENTS["break"] = function(_, line) return { tag = "Break", line = line } end

STATEMENTS["goto"] = function(self, line)
  self:expect("name")
  return { tag = "Goto", line = line }
end

STATEMENTS["do"] = function(self, line)
  local node = { tag = "Do", line = line, body = self:block() }
  self:expect("end")
  return node
end

STATEMENTS["while"] = function(self, line)
  local node = { tag = "While", line = line, cond = self:expr(0) }
  self:expect("do")
  node.body = self:block()
  self:expect("end")
  return node
end

-- The condition of `until` sees the variables of the body.
STATEMENTS["repeat"] = function(self, line)
  self:deeper()
  self:open()
  local node = { tag = "Repeat", line = line, body = self:statements() }
  self:expect("until")
  node.cond = self:expr(0)
  self:close()
  self.depth = self.depth - 1
  return node
end

STATEMENTS["if"] = function(self, line)
  local node = { tag = "If", line = line, conds = {}, bodies = {} }
  repeat
    table.insert(node.conds, self:expr(0))
    self:expect("then")
    table.insert(node.bodies, self:block())
  until not self:accept("elseif")
  if self:accept("else") then table.insert(node.bodies, self:block()) end
  self:expect("end")
  return node
end

local function numeric_for(self, node, name)
  self:advance()
  node.tag, node.exprs = "Fornum", self:exprs()
  self:expect("do")
  self:open()
  node.var = self:declare(name.value, name.line, { loop = node })
end

local function generic_for(self, node, name)
  local names = { name }
  while self:accept(",") do names[#names + 1] = self:expect("name") end
  self:expect("in")
  node.tag, node.exprs, node.vars = "Forin", self:exprs(), {}
  self:expect("do")
  self:open()
  for i, one in ipairs(names) do node.vars[i] = self:declare(one.value, one.line, { loop = node, nth = i }) end
end

STATEMENTS["for"] = function(self, line)
  local node, name = { line = line }, self:expect("name")
  if self:is("=") then numeric_for(self, node, name) else generic_for(self, node, name) end
  node.body = self:block()
  self:close()
  self:expect("end")
  return node
end

STATEMENTS["function"] = function(self, line)
  local target, method = self:name_node(self:expect("name")), false
  while self:is(".") or self:is(":") do
    method = self:advance().kind == ":"
    local name = self:expect("name")
    target = { tag = "Index", line = name.line, object = target,
      key = { tag = "String", value = name.value, line = name.line } }
    if method then break end
  end
  local node = { tag = "Assign", line = line, targets = { target }, fn = self.fn }
  node.exprs = { self:function_node(line, method) }
  note_assigned(node, target)
  return node
end

local function local_function(self, line)
  local name = self:expect("name")
  local var = self:declare(name.value, name.line)
  var.init, var.nth = self:function_node(line), 1
  return { tag = "Local", line = line, vars = { var }, exprs = { var.init } }
end

STATEMENTS["local"] = function(self, line)
  if self:accept("function") then return local_function(self, line) end
  local names = {}
  repeat
    local name = self:expect("name")
    if self:accept("<") then
      name.attribute = self:expect("name").value
      self:expect(">")
    end
    names[#names + 1] = name
  until not self:accept(",")
  local node = { tag = "Local", line = line, vars = {}, exprs = self:accept("=") and self:exprs() or {} }
  local last = #node.exprs
  for i, name in ipairs(names) do
    local init = node.exprs[math.min(i, last)]
    local nth = i >= last and i - last + 1 or 1
    if nth > 1 and init and not is_call(init) and init.tag ~= "Vararg" then init = nil end
    node.vars[i] = self:declare(name.value, name.line, { init = init, nth = nth, constant = name.attribute ~= nil })
  end
  return node
end

local function parse(text)
  local self = setmetatable({ lex = lexer.new(text), depth = 0, read = 0, globals = {} }, P)
  local tree = { tag = "Function", line = 1, params = {}, vars = {}, vararg = true, main = true }
  self.fn, self.token = tree, self.lex()
  tree.body = self:block()
  if not self:is("eof") then self:wrong("'" .. self.token.kind .. "' without a beginning") end
  tree.globals = self.globals
  return tree
end

--- The tree of a text, its globals (Name nodes) in tree.globals; nil, message, line where it is no Lua.
function M.parse(text)
  local ok, result = pcall(parse, text)
  if ok then return result end
  if type(result) == "table" and result.message then return nil, result.message, result.line end
  error(result, 0)
end

return M

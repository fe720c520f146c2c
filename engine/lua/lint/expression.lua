-- expression: the part of parser.lua that reads expressions, functions among them: methods of its reader.
local M = {}

local MAX_CHAIN = 2000 -- of a.b.c and a + b + c, which Lua does not limit; whoever walks the tree has to

local BINARY = { ["or"] = { 1, 1 }, ["and"] = { 2, 2 }, ["<"] = { 3, 3 }, [">"] = { 3, 3 }, ["<="] = { 3, 3 },
  [">="] = { 3, 3 }, ["~="] = { 3, 3 }, ["=="] = { 3, 3 }, ["|"] = { 4, 4 }, ["~"] = { 5, 5 }, ["&"] = { 6, 6 },
  ["<<"] = { 7, 7 }, [">>"] = { 7, 7 }, [".."] = { 9, 8 }, ["+"] = { 10, 10 }, ["-"] = { 10, 10 },
  ["*"] = { 11, 11 }, ["/"] = { 11, 11 }, ["//"] = { 11, 11 }, ["%"] = { 11, 11 }, ["^"] = { 14, 13 } }
local UNARY, UNARY_POWER = { ["not"] = true, ["-"] = true, ["#"] = true, ["~"] = true }, 12
local SIMPLE = { ["nil"] = "Nil", ["true"] = "True", ["false"] = "False", number = "Number", string = "String",
  ["..."] = "Vararg" }

function M:exprs()
  local list = { self:expr(0) }
  while self:accept(",") do list[#list + 1] = self:expr(0) end
  return list
end

function M:field()
  if self:accept("[") then
    local key = self:expr(0)
    self:expect("]")
    self:expect("=")
    return { key = key, value = self:expr(0) }
  elseif self:is("name") and self:peek().kind == "=" then
    local name = self:advance()
    self:advance()
    return { key = { tag = "String", value = name.value, line = name.line }, value = self:expr(0) }
  end
  return { value = self:expr(0) }
end

function M:table_node()
  local node = { tag = "Table", line = self:expect("{").line, fields = {} }
  while not self:is("}") do
    table.insert(node.fields, self:field())
    if not (self:accept(",") or self:accept(";")) then break end
  end
  self:expect("}")
  return node
end

function M:args()
  if self:is("string") then
    local token = self:advance()
    return { { tag = "String", value = token.value, line = token.line } }
  elseif self:is("{") then
    return { self:table_node() }
  end
  self:expect("(")
  local args = self:is(")") and {} or self:exprs()
  self:expect(")")
  return args
end

function M:primary()
  if self:is("name") then return self:name_node(self:advance()) end
  local line = self:expect("(").line
  local node = { tag = "Paren", line = line, expr = self:expr(0) }
  self:expect(")")
  return node
end

function M:suffixed()
  local node = self:primary()
  for _ = 1, MAX_CHAIN do
    local line = self.token.line
    if self:accept(".") then
      local name = self:expect("name")
      node = { tag = "Index", line = name.line, object = node,
        key = { tag = "String", value = name.value, line = name.line } }
    elseif self:accept("[") then
      node = { tag = "Index", line = line, object = node, key = self:expr(0) }
      self:expect("]")
    elseif self:accept(":") then
      local name = self:expect("name")
      node = { tag = "Method", line = name.line, object = node, name = name.value, args = self:args() }
    elseif self:is("(") or self:is("string") or self:is("{") then
      node = { tag = "Call", line = line, fn = node, args = self:args() }
    else
      return node
    end
  end
  self:wrong("too long a chain")
end

function M:simple()
  local tag = SIMPLE[self.token.kind]
  if tag then
    local token = self:advance()
    return { tag = tag, line = token.line, value = token.value }
  elseif self:is("{") then
    return self:table_node()
  elseif self:is("function") then
    return self:function_node(self:advance().line)
  end
  return self:suffixed()
end

-- Binds operators that are stronger than `limit`.
function M:expr(limit)
  self:deeper()
  local node
  if UNARY[self.token.kind] then
    local op = self:advance()
    node = { tag = "Unop", line = op.line, op = op.kind, operand = self:expr(UNARY_POWER) }
  else
    node = self:simple()
  end
  local length = 0
  while BINARY[self.token.kind] and BINARY[self.token.kind][1] > limit do
    local op = self:advance()
    length = length + 1
    if length > MAX_CHAIN then self:wrong("too long a chain") end
    node = { tag = "Binop", line = op.line, op = op.kind, left = node, right = self:expr(BINARY[op.kind][2]) }
  end
  self.depth = self.depth - 1
  return node
end

function M:function_node(line, method)
  local node = { tag = "Function", line = line, params = {}, vars = {}, above = self.fn, method = method }
  self.fn = node
  self:open()
  if method then table.insert(node.params, self:declare("self", line, { param = 1 })) end
  self:expect("(")
  while not self:is(")") do
    if self:accept("...") then
      node.vararg = true
      break
    end
    local name = self:expect("name")
    table.insert(node.params, self:declare(name.value, name.line, { param = #node.params + 1 }))
    if not self:accept(",") then break end
  end
  self:expect(")")
  node.body = self:block()
  self:close()
  node.last_line = self:expect("end").line
  self.fn = node.above
  return node
end

return M

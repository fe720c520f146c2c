-- walk: goes over the tree of parser.lua.
local M = {}

local ONE = { "cond", "expr", "object", "key", "left", "right", "operand" }
local MANY = { "exprs", "targets", "args", "conds" }

local function each_child(node, fn)
  for _, name in ipairs(ONE) do
    if node[name] then fn(node[name]) end
  end
  if node.tag == "Call" then fn(node.fn) end
  for _, name in ipairs(MANY) do
    for _, child in ipairs(node[name] or {}) do fn(child) end
  end
  for _, field in ipairs(node.fields or {}) do
    if field.key then fn(field.key) end
    fn(field.value)
  end
  for _, child in ipairs(node.body or {}) do fn(child) end
  for _, body in ipairs(node.bodies or {}) do
    for _, child in ipairs(body) do fn(child) end
  end
end

--- Calls visit(node) for a node and all in it, outer ones first.
function M.each(node, visit)
  visit(node)
  each_child(node, function(child) M.each(child, visit) end)
end

--- Lets every node know what it stands in (parent) and the function it belongs to (inside).
function M.link(tree)
  local function link(node, inside)
    node.inside = inside
    if node.tag == "Function" then inside = node end
    each_child(node, function(child)
      child.parent = node
      link(child, inside)
    end)
  end
  link(tree, nil)
end

--- The value of a field of a table constructor; nil where it has none of this name.
function M.field(node, name)
  for _, field in ipairs(node.tag == "Table" and node.fields or {}) do
    if field.key and field.key.tag == "String" and field.key.value == name then return field.value end
  end
end

--- The positional values of a table constructor.
function M.items(node)
  local list = {}
  for _, field in ipairs(node.tag == "Table" and node.fields or {}) do
    if not field.key then list[#list + 1] = field.value end
  end
  return list
end

--- An expression behind parentheses and names that are given a value once and keep it.
function M.value(node)
  for _ = 1, 20 do
    if node.tag == "Paren" then
      node = node.expr
    elseif node.tag == "Name" and node.var and node.var.init and node.var.nth == 1 and #node.var.assigned == 0 then
      node = node.var.init
    else
      return node
    end
  end
  return node
end

local function add_fields(list, node)
  for _, field in ipairs(node.tag == "Table" and node.fields or {}) do
    if field.key and field.key.tag == "String" then
      list[#list + 1] = { name = field.key.value, value = field.value, line = field.key.line }
    end
  end
end

-- Is this M, or M.list where `path` is "list"?
local function stands_for(node, var, path)
  if path then
    return node.tag == "Index" and node.key.tag == "String" and node.key.value == path
      and stands_for(node.object, var)
  end
  return node.tag == "Name" and node.var == var
end

-- What M.x = … and M.list.x = … add.
local function add_assigned(list, tree, var, path)
  M.each(tree, function(node)
    if node.tag ~= "Assign" then return end
    for i, target in ipairs(node.targets) do
      if target.tag == "Index" and target.key.tag == "String" and stands_for(target.object, var, path)
        and node.exprs[i] then
        list[#list + 1] = { name = target.key.value, value = node.exprs[i], line = target.line }
      end
    end
  end)
end

--- The fields of the table that a file returns, as far as they can be seen: { name, value, line }; with `path`,
--- those of the table in this field.
function M.returned(tree, path)
  local last, list = tree.body[#tree.body], {}
  local node = last and last.tag == "Return" and last.exprs[1]
  if not node then return list end
  add_fields(list, M.value(node))
  if node.tag == "Name" and node.var then add_assigned(list, tree, node.var) end
  if not path then return list end
  local inner = {}
  for _, field in ipairs(list) do
    if field.name == path then add_fields(inner, M.value(field.value)) end
  end
  if node.tag == "Name" and node.var then add_assigned(inner, tree, node.var, path) end
  return inner
end

--- The returns of a function, not those of functions in it.
function M.returns(fn)
  local list = {}
  M.each(fn, function(node)
    if node.tag == "Return" and node.inside == fn then list[#list + 1] = node end
  end)
  return list
end

return M

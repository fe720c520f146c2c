-- values: SCIM's multi-valued attributes, as servers really write them.
local M = {}

--- The items as tables: servers give bare texts too, or one item without a list.
function M.items(attribute)
  if type(attribute) ~= "table" or attribute.value or attribute["$ref"] then attribute = { attribute } end
  local list = {}
  for i, item in ipairs(attribute) do list[i] = type(item) == "table" and item or { value = item } end
  return list
end

--- The id that an item refers to: its value, or the last part of its address.
function M.id(item)
  return item.value or type(item["$ref"]) == "string" and item["$ref"]:match("([^/]+)/?$") or nil
end

return M

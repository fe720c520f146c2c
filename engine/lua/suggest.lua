-- suggest: "did you mean …?" for names of commands, flags, keys, types, connectors.
local M = {}

-- The number of single-character edits (swap of neighbours included) that turn a into b.
local function distance(a, b)
  local before, last = nil, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    local this = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      this[j] = math.min(last[j] + 1, this[j - 1] + 1, last[j - 1] + (same and 0 or 1))
      local swapped = i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j)
      if swapped then this[j] = math.min(this[j], before[j - 2] + 1) end
    end
    before, last = last, this
  end
  return last[#b]
end

--- The name of `names` (a list) nearest to `word`; nil where none is near enough to be meant.
function M.nearest(word, names)
  local best, best_distance = nil, math.max(1, #word // 3) + 1
  if #word > 64 then return nil end
  for _, name in ipairs(names) do
    local d = math.abs(#name - #word) < best_distance and distance(word:lower(), name:lower()) or math.huge
    local begins = #word >= 2 and name:sub(1, #word) == word
    if begins then d = math.min(d, 1) end
    if d < best_distance then
      best, best_distance = name, d
    end
  end
  return best
end

--- "did you mean 'X'?"; nil where nothing is near, and for what is no text.
function M.question(word, names)
  local near = type(word) == "string" and M.nearest(word, names)
  return near and "did you mean '" .. near .. "'?" or nil
end

--- The hint for an unknown `word`: "did you mean 'X'?", or what there is where nothing is near.
function M.hint(word, names, what)
  local question = M.question(word, names)
  if question then return question end
  if #names == 0 then return nil end
  local list = table.move(names, 1, #names, 1, {})
  table.sort(list)
  return (what or "there are") .. ": " .. table.concat(list, ", ")
end

return M

--- memo(max, make): a function that gives make(key, …), and the same again for a key that it was asked for before.
--- Of at most `max` keys; then it begins anew.
return function(max, make)
  local known, n = {}, 0
  return function(key, ...)
    local value = known[key]
    if value then return value end
    if n == max then known, n = {}, 0 end
    value = make(key, ...)
    known[key], n = value, n + 1
    return value
  end
end

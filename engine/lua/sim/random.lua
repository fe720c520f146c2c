-- random: numbers that depend on a seed and on nothing else, the same on every machine and in every
-- version of Lua (math.random promises neither). SplitMix64; for data of simulators, not for secrets.
--
-- r() is a float from 0 up to, not including, 1; r(n) an integer from 1 to n.
local Random = {}
Random.__index = Random

local STEP <const> = -0x61c8864680b583eb -- 0x9e3779b97f4a7c15

local function mix(z)
  z = (z ~ (z >> 30)) * -0x40a7b892e31b1a47 -- 0xbf58476d1ce4e5b9
  z = (z ~ (z >> 27)) * -0x6b2fb644ecceee15 -- 0x94d049bb133111eb
  return z ~ (z >> 31)
end

-- A number for a text or an integer, by FNV-1a.
local function number_of(label)
  if math.type(label) == "integer" then
    return mix(label)
  end
  local h = -0x340d631b7bdddcdb -- 0xcbf29ce484222325
  for i = 1, #label do
    h = (h ~ label:byte(i)) * 0x100000001b3
  end
  return h
end

--- 64 random bits, as an integer of either sign.
function Random:bits()
  local state = self.state + STEP
  self.state = state
  return mix(state)
end

function Random:__call(n)
  if n then
    return (self:bits() >> 1) % n + 1
  end
  return (self:bits() >> 11) * 0x1p-53
end

--- A random (version 4) UUID.
function Random:uuid()
  local a, b = self:bits(), self:bits()
  return ("%08x-%04x-4%03x-%04x-%012x"):format(a >> 32, (a >> 16) & 0xffff, a & 0xfff,
    (b >> 48) & 0x3fff | 0x8000, b & 0xffffffffffff)
end

--- n random bytes' worth of lower-case hexadecimal digits.
function Random:hex(n)
  local parts = {}
  for i = 1, (n + 7) // 8 do
    parts[i] = ("%016x"):format(self:bits())
  end
  return table.concat(parts):sub(1, 2 * n)
end

--- One of the list.
function Random:pick(list)
  return list[self(#list)]
end

--- k different integers of 1 to n, in the order they were drawn.
function Random:sample(n, k)
  local moved, drawn = {}, {}
  for i = 1, math.min(n, k) do -- the first k steps of a shuffle of 1..n that is never written out
    local j = i + self(n - i + 1) - 1
    drawn[i] = moved[j] or j
    moved[j] = moved[i] or i
  end
  return drawn
end

--- A generator of its own for each label (text or integer): it depends on the seed and the label, not
--- on what was drawn before.
function Random:stream(label)
  local base = mix(self.base ~ number_of(label))
  return setmetatable({ base = base, state = base }, Random)
end

--- Starts this generator anew for the i-th of many things: what stream(i) is, without a new table.
function Random:at(i)
  self.state = mix(self.base ~ mix(i))
  return self
end

local M = {}

--- A generator for this seed, an integer.
function M.new(seed)
  local base = mix(seed * STEP)
  return setmetatable({ base = base, state = base }, Random)
end

return M

package.path = "engine/lua/?.lua;" .. package.path
local random = require "sim.random"

describe("random", function()
  it("is SplitMix64: the numbers that its other implementations give for 1234567", function()
    local r = random.new(0)
    r.state = 1234567
    for _, expected in ipairs { 0x599ed017fb08fc85, 0x2c73f08458540fa5, 0x883ebce5a3f27c77, 0x3fbef740e9177b3f,
      0xe3b8346708cb5ecd } do
      assert.equal(expected, r:bits())
    end
  end)

  it("gives the same for the same seed, and else for another", function()
    assert.equal(random.new(7):uuid(), random.new(7):uuid())
    assert.not_equal(random.new(7):uuid(), random.new(8):uuid())
  end)

  it("gives integers from 1 to n and floats from 0 to 1, all of them about as often", function()
    local r, counts, sum = random.new(1), { 0, 0, 0 }, 0
    for _ = 1, 3000 do
      local n, f = r(3), r()
      counts[n] = counts[n] + 1
      assert.is_true(f >= 0 and f < 1)
      sum = sum + f
    end
    for _, n in ipairs(counts) do assert.is_true(n > 900 and n < 1100) end
    assert.is_true(sum > 1400 and sum < 1600)
  end)

  it("makes version 4 UUIDs", function()
    local r = random.new(3)
    for _ = 1, 100 do
      assert.matches("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$", r:uuid())
    end
  end)

  it("draws samples without repeating one", function()
    local seen = {}
    for _, n in ipairs(random.new(4):sample(50, 50)) do
      assert.is_true(n >= 1 and n <= 50 and not seen[n])
      seen[n] = true
    end
    assert.equal(50, #random.new(4):sample(50, 80))
  end)

  it("has streams that do not depend on what was drawn", function()
    local r = random.new(5)
    local before = r:stream("a"):uuid()
    r()
    assert.equal(before, r:stream("a"):uuid())
    assert.not_equal(before, r:stream("b"):uuid())
    assert.equal(r:stream(9):uuid(), r:at(9):uuid())
  end)
end)

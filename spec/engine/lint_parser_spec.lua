-- The reader of Lua that lint works with (engine/lua/lint/lexer, parser), against Lua itself.
local reeve = require "reeve"

-- Parses files by our parser; prints "FILE" or "FILE: LINE: MESSAGE", globals and strings for those read.
local READ = [[
  local parser = require "lint.parser"
  for i = 1, #arg do
    local f = io.open(arg[i])
    local tree, message, line = parser.parse(f:read("a"))
    f:close()
    print(tree and "fine" or line .. ": " .. message)
    for _, name in ipairs(tree and arg[0] == "globals" and tree.globals or {}) do print(name.line, name.name) end
  end]]

local function read(text)
  return (reeve.engine(READ, { reeve.write(reeve.path("text.lua"), text) }):gsub("\n$", ""))
end

describe("the reader of Lua", function()
  it("reads every Lua file of this tree", function()
    local files = {}
    for path in reeve.shell("git ls-files '*.lua'"):gmatch("[^\n]+") do
      if reeve.read(path) then files[#files + 1] = path end
    end
    assert.equal(("fine\n"):rep(#files), reeve.engine(READ, files))
  end)

  for n, text in ipairs { "x = ", "return 1 end", "for", "a.b:c = 1", "x = '\\q'", "x = 0x", "x = 'abc", "--[==[",
    "local x <const = 1", "f() = 1", "if x then", "x = $", "((((", "x = '\\300'", "goto", "repeat x = 1",
    ("("):rep(1000), ("do "):rep(1000), ("{"):rep(1000), "x = " .. ("-"):rep(1001) .. "1", ("a."):rep(5000),
    "x = " .. ("function() "):rep(300), ("[["):rep(100), "\0", "\xff = 1" } do
    it(("refuses what Lua refuses, %d"):format(n), function()
      if #text < 1000 then assert.is_nil((load(text))) end -- nested deeper, Lua's own reader upsets busted
      assert.matches("^%d+: .", (read(text)))
    end)
  end

  for n, text in ipairs { "goto a ::a:: ;;; return", "return 0x.1p4, 3e-2, 5 // 2, ~3, 1 ~= 2",
    "f {} '' [[x]] (1):g ''", "return --[==[ x ]] ]==] 1", "local x <const>, y <close> = 1", "#!/bin/lua\nreturn 1",
    "return 'a\\z \n  b\\\nc\\x41\\u{48}\\065'", "local function f(...) return ... end", "repeat local x until x",
    "function a.b.c:d() return self end", "return -x ^ -2 .. 'a' .. 'b' < not y", "for i = 1, 2 do break end",
    "if a then elseif b then else end", "return function() end, { 1, a = 2, [3] = 4; 5 }" } do
    it(("reads what Lua reads, %d"):format(n), function()
      assert.truthy(load((text:gsub("^#[^\n]*", ""))))
      assert.equal("fine", read(text))
    end)
  end

  it("gives up on chains and files that nobody wrote", function()
    assert.equal("1: more than 100000 words and signs", read("return {" .. ("{},"):rep(50000) .. "}"))
    assert.equal("1: too long a chain", read("x = 1" .. ("+1"):rep(99999)))
    assert.equal("1: too long a chain", read("x = a" .. (".a"):rep(99999)))
    assert.equal("fine", read("x = 1" .. ("+1"):rep(1000) .. " y = a" .. (".a"):rep(1000)))
  end)

  it("tells lines by what stands there, whatever strings and comments span", function()
    assert.equal("fine\n4\ta\n7\tb\n", reeve.engine("arg[0] = 'globals'\n" .. READ, { reeve.write(reeve.path("t.lua"),
      "--[[\n\n]] local x = [[\n]] .. a\nlocal y = '\\\n' .. '\\z\n' .. b\n") }))
  end)
end)

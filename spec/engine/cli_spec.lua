-- The command line: dispatch, flags, help, suggestions, exit statuses.
local reeve = require "reeve"

describe("the command line", function()
  it("says its version, with a flag before or after the command", function()
    local r = reeve.run { "version" }
    assert.equal(0, r.status)
    assert.matches("^reeve %d+%.%d+%.%d+\n$", r.out)
    assert.equal(r.out, reeve.run({ "--quiet", "version" }).out)
    assert.equal(r.out, reeve.run({ "version", "-qv" }).out)
    assert.equal(r.out, reeve.run({ "--version" }).out)
  end)

  it("shows help on stdout, with examples before usage", function()
    for _, args in ipairs { { "--help" }, { "-h" }, { "help" }, { "version", "-h" }, { "help", "version" } } do
      local r = reeve.run(args)
      assert.equal(0, r.status)
      assert.equal("", r.err)
      local examples, usage = r.out:find("Examples:", 1, true), r.out:find("Usage:", 1, true)
      assert.is_true(examples and usage and examples < usage)
    end
  end)

  it("takes no command for a mistake", function()
    local r = reeve.run {}
    assert.equal(2, r.status)
    assert.equal("", r.out)
    assert.matches("Usage:", r.err)
  end)

  it("suggests what an unknown command or flag may have meant", function()
    local r = reeve.run { "verson" }
    assert.equal(2, r.status)
    assert.equal("", r.out)
    assert.equal("reeve: no such command: 'verson'\n  did you mean 'version'?\n", r.err)
    r = reeve.run { "version", "--outptu=json" }
    assert.equal(2, r.status)
    assert.matches("unknown flag %-%-outptu", r.err)
    assert.matches("did you mean '%-%-output'%?", r.err)
    r = reeve.run { "version", "-o", "jsno" }
    assert.equal(2, r.status)
    assert.matches("did you mean 'json'%?", r.err)
    assert.equal(2, reeve.run({ "--queit", "version" }).status)
    assert.equal(2, reeve.run({ "../x" }).status)
  end)

  it("refuses missing values, superfluous values and arguments", function()
    for _, args in ipairs { { "version", "-o" }, { "version", "--quiet=1" }, { "version", "more" } } do
      local r = reeve.run(args)
      assert.equal(2, r.status)
      assert.equal("", r.out)
    end
  end)

  it("takes what follows -- as arguments", function()
    assert.equal(0, reeve.run({ "version", "--" }).status)
    local r = reeve.run { "version", "--", "-o" }
    assert.equal(2, r.status)
    assert.matches("unexpected argument '%-o'", r.err)
    r = reeve.run { "help", "--", "verson" }
    assert.matches("no such command: 'verson'", r.err)
  end)

  it("shows what a terminal would obey, and lets no argument pass for a message", function()
    local r = reeve.run { "sync", "a\27[31m\u{9b}2J\r\nreeve: all is well\n" }
    assert.equal(2, r.status)
    assert.matches("^reeve: 'a\\u{1b}%[31m\\u{9b}2J\\r\n  reeve: all is well\n  ' is not a connector's name", r.err)
    assert.equal("reeve: no such command: 'x\\u{1b}]0;y\\u{7}'\n  `reeve help` lists the commands\n",
      reeve.run({ "x\27]0;y\7" }).err)
    local home = reeve.home()
    r = reeve.run { "connectors", "--home", home .. "\27", "-o", "\255\27" }
    assert.equal(2, r.status)
    assert.matches("'??\\u{1b}' is none of", r.err)
  end)

  it("says when its output cannot be written", function()
    local r = reeve.run({ "version" }, { stdout = "/dev/full" })
    assert.equal(1, r.status)
    assert.matches("standard output", r.err)
  end)

  it("names the same exit statuses as the host", function()
    package.path = "engine/lua/?.lua;" .. package.path
    local exit = require "exit"
    local source = reeve.read("engine/host/base/err.c")
    local n = 0
    for name, status in source:gmatch('%[ERR_%u+_?%u*%] = {"([%l_]+)", (%d+)}') do
      assert.equal(tonumber(status), exit.status(name), name)
      n = n + 1
    end
    assert.is_true(n > 15)
    assert.equal(9, exit.urgent { 0, 8, 9, 3 })
    assert.equal(4, exit.urgent { 0, 5, 6, 4, 7 })
    assert.equal(7, exit.urgent { 8, 7, 0 })
    assert.equal(0, exit.urgent { 0, 0 })
  end)
end)

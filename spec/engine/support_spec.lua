-- The harness itself: a test that cannot fail proves nothing, so what specs rely on is tried here.
local reeve = require "reeve"

describe("the specs' own tools", function()
  it("tell exit codes, stdout and stderr apart", function()
    local r = reeve.run { program = "/bin/sh", "-c", "echo out; echo 'it''s err' >&2; exit 7" }
    assert.same({ 7, "out\n", "its err\n" }, { r.code, r.out, r.err })
  end)

  it("hand words on as they are", function()
    local words = { "a b", "it's", "$HOME", "", "*", "é\n" }
    local r = reeve.run { program = "/usr/bin/printf", "[%s]", table.unpack(words) }
    assert.equal("[" .. table.concat(words, "][") .. "]", r.out)
  end)

  it("give stdin, variables and a folder", function()
    local dir = reeve.folder()
    local r = reeve.run { program = "/bin/sh", "-c", "cat; echo $A${HOME+x}; pwd", stdin = "in ", cwd = dir,
      env = { A = "1'2", HOME = false } }
    assert.equal("in 1'2\n" .. dir .. "\n", r.out)
  end)

  it("name the signal that ended a process", function()
    local p = reeve.start { program = "/bin/sleep", "50" }
    assert.is_true(p:kill("KILL"))
    assert.same({ 137, 9 }, { p:wait().code, p.signal })
    assert.is_false(p:kill("KILL"))
  end)

  it("end what takes too long", function()
    assert.is_true(reeve.run { program = "/bin/sleep", "50", timeout = 1 }.timed_out)
  end)

  it("find processes that were left behind, wherever they went", function()
    local r = reeve.start { program = "/bin/sh", "-c", "setsid sleep 50 & exit 0" }
    assert.has_error(function() r:wait() end, "1 processes were left behind")
  end)

  it("wait for a line, and say when it will not come", function()
    local p = reeve.start { program = "/bin/sh", "-c", "echo port 17; exec sleep 50" }
    assert.equal("17", p:await("port (%d+)"))
    p:kill()
    p:wait()
    local q = reeve.start { program = "/bin/sh", "-c", "echo no; exit 3" }
    assert.error_matches(function() q:await("port (%d+)") end, "ended %(3%)")
  end)
end)

describe("the program", function()
  it("says its version", function()
    local out = reeve.ok { "version" }
    assert.matches("^reeve %d+%.%d+%.%d+", out)
  end)
end)

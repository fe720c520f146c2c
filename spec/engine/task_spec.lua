-- task: coroutines side by side.
local reeve = require "reeve"

local HEAD = [[
local task, sys, vm = require "target.task", require "host.sys", require "host.vm"
local function say(...) print(...) end
]]

local function run(text)
  return reeve.engine(HEAD .. text, { merge = true })
end

describe("task.run", function()
  it("returns what its function returns, and raises what it raises", function()
    assert.equal("1\tnil\t3\nfalse\ttrue\n", run [[
      say(task.run(function(a, b, c) return a, b, c end, 1, nil, 3))
      local e = {}
      local ok, got = pcall(task.run, function() error(e) end)
      say(ok, got == e)]])
  end)

  it("tells the place of an engine's own error", function()
    assert.matches("script.lua:%d+: oops.*stack traceback:.*in upvalue 'deep'", run [[
      local function deep() error("oops") end
      local ok, got = pcall(task.run, function() deep() end)
      say(got)]])
  end)

  it("lets go of what a task held, also one that fails", function()
    assert.equal("closed\nfailed\n", run [[
      local held = setmetatable({}, { __close = function() say("closed") end })
      task.run(function()
        local t = task.spawn(function()
          local own <close> = held
          task.sleep(0)
          error("oops", 0)
        end)
        pcall(t.join, t)
        say("failed")
      end)]])
  end)

  it("is not to be nested, and can be used again", function()
    assert.equal("false\tfalse\n7\n", run [[
      local ok, why = pcall(task.run, function() task.run(function() end) end)
      say(ok, why:find("outermost") == nil)
      say(task.run(function() return 7 end))]])
  end)

  it("says so where nothing can go on", function()
    assert.equal("false\ttrue\n", run [[
      local ok, why = pcall(task.run, function() task.wait(task.event()) end)
      say(ok, why:find("nothing can go on") ~= nil)]])
  end)

  it("raises the failure of a task that nobody joined", function()
    assert.equal("false\tlost\n", run [[
      local ok, why = pcall(task.run, function()
        task.spawn(function() error("lost", 0) end)
        task.sleep(0.01)
      end)
      say(ok, (why:gsub("\n.*", "")))]])
  end)
end)

describe("tasks", function()
  it("take turns, and sleep in the order of their times", function()
    assert.equal("a1 b1 a2 b2 \nlate later\n", run [[
      task.run(function()
        local function turns(name) for i = 1, 2 do io.write(name, i, " ") task.sleep(0) end end
        local a, b = task.spawn(turns, { args = { "a" } }), task.spawn(turns, { args = { "b" } })
        a:join() b:join()
        print()
        local order = {}
        task.set_ahead(true)
        local x = task.spawn(function() task.sleep(40) order[#order + 1] = "later" end)
        local y = task.spawn(function() task.sleep(20) order[#order + 1] = "late" end)
        x:join() y:join()
        print(table.concat(order, " "))
      end)]])
  end)

  it("give their results to those who join them, early or late", function()
    assert.equal("1\tnil\t2\nfalse\tno\n", run [[
      task.run(function()
        local t = task.spawn(function() return 1, nil, 2 end)
        task.sleep(0.01)
        say(t:join())
        local f = task.spawn(function() error("no", 0) end, { sandbox = nil })
        local ok, why = pcall(f.join, f)
        say(ok, (why:gsub("\n.*", "")))
      end)]])
  end)

  it("wait for an event, all of them", function()
    assert.equal("3\n", run [[
      task.run(function()
        local e, n = task.event(), 0
        local list = {}
        for i = 1, 3 do list[i] = task.spawn(function() task.wait(e) n = n + 1 end) end
        task.sleep(0)
        e:set()
        for _, t in ipairs(list) do t:join() end
        task.wait(e)
        say(n)
      end)]])
  end)

  it("end with their parent, and close what they hold", function()
    assert.equal("closed\nfalse\tcancelled\ndone\n", run [[
      task.run(function()
        local parent = task.spawn(function()
          task.spawn(function()
            local guard <close> = setmetatable({}, { __close = function() say("closed") end })
            task.sleep(60)
          end)
          task.sleep(60)
        end)
        task.sleep(0.01)
        parent:cancel()
        say(pcall(parent.join, parent))
        parent:cancel()
        say("done")
      end)]])
  end)
end)

describe("task.all", function()
  it("gives the first result of each in order", function()
    assert.equal("slow\tnil\tquick\n0\n", run [[
      task.run(function()
        local function slow() task.sleep(0.02) return "slow", 1 end
        say(task.all { slow, function() end, function() return "quick" end })
        say(select("#", task.all {}))
      end)]])
  end)

  it("cancels the rest at the first raise, and raises it again", function()
    assert.equal("closed\nfalse\ttrue\n", run [[
      task.run(function()
        local mine = { code = "mine" }
        local ok, e = pcall(task.all, {
          function()
            local guard <close> = setmetatable({}, { __close = function() say("closed") end })
            task.sleep(60)
            say("never")
          end,
          function() task.sleep(0.01) error(mine) end,
        })
        say(ok, e == mine)
      end)]])
  end)

  it("and sleep tell a mistake at its line", function()
    assert.equal("script.lua:4: all\nscript.lua:5: all\nscript.lua:6: sleep\n", (run [[
      local function first(fn, ...) print((select(2, pcall(fn, ...)):gsub("^.*/%d*%-?", ""):gsub(": a .*$", ""))) end
      task.run(function() first(function() task.all(7) end)
        first(function() task.all { 1 } end)
        first(function() task.sleep("1") end)
      end)]]))
  end)

  it("nests, and cancels through all levels", function()
    assert.equal("false\ttrue\ntrue\n", run [[
      local began, mine = sys.mono(), {}
      local function deep() return task.all { function() task.sleep(60) end, function() task.sleep(60) end } end
      task.run(function()
        local ok, e = pcall(task.all, { function() return task.all { deep, deep } end,
          function() task.sleep(0.01) error(mine) end })
        say(ok, e == mine)
      end)
      say(sys.mono() - began < 30)]])
  end)
end)

describe("task.within", function()
  it("says whether the function ended in time, and ends it where it did not", function()
    assert.equal("true\nfalse\tclosed\nfalse\ttrue\n", run [[
      task.set_ahead(true)
      local closed = ""
      local held = setmetatable({}, { __close = function() closed = "closed" end })
      task.run(function()
        say(task.within(2, function() task.sleep(1) end))
        local ended = task.within(2, function()
          local own <close> = held
          task.sleep(3)
        end)
        say(ended, closed)
        local mine = {}
        local ok, e = pcall(task.within, 2, function() error(mine) end)
        say(ok, e == mine)
      end)]])
  end)
end)

describe("a plugin's task", function()
  it("is held to its limits, and so are the functions it runs side by side", function()
    local out = run [[
      vm.limits { instructions = 1000000 }
      local env = vm.sandbox { all = function(fns) return task.all(fns) end, sleep = task.sleep }
      local text = "all { function() sleep(0) while true do end end, function() sleep(60) end }"
      local fn = assert(vm.load(text, "@acme.lua", env))
      local ok, e = pcall(task.run, function() task.spawn(fn, { sandbox = "acme.lua" }):join() end)
      say(ok, e.code, e.breach, e.message)]]
    assert.matches("^false\tconfig\ttrue\tacme.lua:1: ", out)
  end)

  it("cannot catch a breach of another", function()
    local out = run [[
      vm.limits { instructions = 1000000 }
      local env = vm.sandbox { all = function(fns) return task.all(fns) end, say = say }
      local text = "say(pcall(all, { function() while true do end end })) say 'went on'"
      local fn = assert(vm.load(text, "@acme.lua", env))
      local ok, e = pcall(task.run, function() task.spawn(fn, { sandbox = "acme.lua" }):join() end)
      say(ok, e.breach)]]
    assert.equal("false\ttrue\n", out)
  end)
end)

it("what is to be done before each poll is done, and may raise", function()
  assert.equal("false\tstop\ttrue\n", run [[
    local n = 0
    task.on_poll(function() n = n + 1 if n == 3 then error("stop", 0) end end)
    local ok, why = pcall(task.run, function() while true do task.sleep(0.01) end end)
    say(ok, why, n == 3)]])
end)

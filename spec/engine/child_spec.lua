-- task.child: other processes, waited for by tasks.
local reeve = require "reeve"

local HEAD = [[
local task, sys = require "target.task", require "host.sys"
local dir = ...
local function sh(text, options) return task.child({ "/bin/sh", "-c", text }, options) end
local function read(path) local f <close> = assert(io.open(path)) return f:read("a") end
]]

local function run(text, spec)
  spec = spec or {}
  table.insert(spec, 1, reeve.folder())
  return reeve.engine(HEAD .. text, spec)
end

-- Starts a script of its own process; its children end with it, a moment later.
local function start(text)
  local script = reeve.write(reeve.path("script.lua"), HEAD .. text)
  return reeve.start({ program = reeve.host, script, reeve.folder() }, { leaves = true })
end

local function gone(pid)
  return reeve.await(function() return not reeve.alive(pid) end, "the end of process " .. pid)
end

describe("a child", function()
  it("tells its exit status, or 128 and the signal that ended it, to all who wait, early or late", function()
    assert.equal("3\t143\t3\t3\nfalse\n", run [[
      task.run(function()
        local three, ended = sh "exit 3", sh "kill -TERM $$"
        local early = task.spawn(function() return three:wait() end)
        print(three:wait(), ended:wait(), early:join(), three:wait())
        print((io.open("/proc/" .. three.pid))) -- waited for: no zombie
      end)]]:gsub("nil", "false"))
  end)

  it("is where it was told to be, and writes there", function()
    local out = run [[
      task.run(function()
        local options = { dir = "/", stdout = dir .. "/out", stderr = dir .. "/err" }
        sh("pwd; cat; echo trouble >&2; echo $0 $PPID", options):wait()
        sh("echo nowhere", { stdout = false }):wait()
        io.write(read(dir .. "/out"), read(dir .. "/err"), sys.pid(), "\n")
      end)]]
    local parent, same = out:match("^/\n/bin/sh (%d+)\ntrouble\n(%d+)\n$")
    assert.is_string(parent)
    assert.equal(parent, same)
  end)

  it("that cannot be started is an error that says why", function()
    assert.equal("failed\ttrue\tfailed\ttrue\tstorage\nnot_found\n", run [[
      task.run(function()
        local function try(...) local _, e = pcall(task.child, ...) return e.code, e.message end
        local a, why = try { "/nonexistent/program" }
        local b, where = try({ "/bin/true" }, { dir = "/nonexistent" })
        print(a, why:find("/nonexistent/program: No such file", 1, true) ~= nil, b, where:find("No such file") ~= nil,
          (try({ "/bin/true" }, { stdout = "/nonexistent/file" })))
      end)
      print((select(3, sys.wait_any(true))))]])
  end)

  it("has none of our files, sockets and stores", function()
    assert.equal("0\n1\n2\n/dev/null\n", run [[
      local mine = assert(io.open(dir .. "/mine", "w"))
      local server = require("host.server").listen {}
      local client = require("host.http").client { hosts = {}, named = { "127.0.0.1" } }
      local asked = client:start { method = "GET", url = "http://127.0.0.1:" .. server:port() .. "/" }
      local store = assert(require("host.store").open(dir, { create = true, write = true, dbs = { "a" } }))
      task.run(function()
        local waits = task.spawn(function() task.wait(asked) end)
        while #server:poll(0) == 0 do task.sleep(0.01) end
        io.stdout:flush()
        sh("ls /proc/$$/fd; readlink /proc/$$/fd/0"):wait()
        waits:cancel()
      end)
      mine:close() store:close()]])
  end)

  it("may be this very program, also where its file is gone", function()
    local program = reeve.path("program")
    reeve.shell(("cp '%s' '%s'"):format(reeve.host, program))
    local script = reeve.write(reeve.path("own.lua"), HEAD .. [[
      local _, program, script = ...
      if dir == "again" then return print "the same" end
      os.remove(program)
      task.run(function() print(task.child({ "acme", script, "again" }, { own = true }):wait()) end)]])
    assert.equal("the same\n0\n", (reeve.ok { program = program, script, "first", program, script }))
  end)
end)

describe("waiting for children", function()
  it("ends when they end, whatever else is waited for", function()
    local out = run [[
      local server = require("host.server").listen {}
      local client = require("host.http").client { hosts = {}, named = { "127.0.0.1" } }
      local polls, began = 0, sys.mono()
      task.on_poll(function() polls = polls + 1 end)
      task.run(function()
        local sleeper = task.spawn(function() task.sleep(60) end)
        for _ = 1, 20 do sh "exit 0":wait() end
        local asked = client:start { method = "GET", url = "http://127.0.0.1:" .. server:port() .. "/" }
        local reader = task.spawn(function() task.wait(asked) end)
        for _ = 1, 20 do sh "exit 0":wait() end
        reader:cancel() sleeper:cancel()
      end)
      print(sys.mono() - began, polls)]]
    local seconds, polls = out:match("(%S+)\t(%d+)")
    assert.is_true(tonumber(seconds) < 20) -- and more, were they looked for twice a second
    assert.is_true(tonumber(polls) < 400)
  end)

  it("does not keep the processor busy", function()
    assert.equal("true\n", run [[
      local polls, began = 0, sys.mono()
      task.on_poll(function() polls = polls + 1 end)
      task.run(function() sh "exec sleep 1":wait() end)
      print(polls <= 4 + 2 * (sys.mono() - began))]])
  end)
end)

describe("a child is told to end", function()
  it("when it is stopped, however early, and killed where it does not", function()
    assert.equal("143 143 143 143 143 143 143 143\n137\n9\n", run [[
      task.run(function()
        local statuses = {}
        for i = 1, 8 do
          local child = sh "exec sleep 60"
          child:stop() child:stop()
          statuses[i] = child:wait()
        end
        print(table.concat(statuses, " "))
        local stubborn = sh("trap '' TERM; echo ready; exec sleep 60", { stdout = dir .. "/out" })
        while read(dir .. "/out") == "" do task.sleep(0.01) end
        stubborn:stop(0.05)
        print(stubborn:wait())
        local text = "sleep 60 & trap 'kill $!; wait $!; exit 9' TERM; echo ready; wait"
        local orderly = sh(text, { stdout = dir .. "/out" })
        while read(dir .. "/out") == "" do task.sleep(0.01) end
        orderly:stop()
        print(orderly:wait())
      end)]])
  end)

  it("when who waits for it, or holds it, is cancelled, and when the first task ends", function()
    assert.equal("143\t143\nnil\tnil\n143\t143\n", run [[
      local left, forgotten
      task.run(function()
        local waited, held
        local waiter = task.spawn(function() waited = sh "exec sleep 60" waited:wait() end)
        local holder = task.spawn(function() local child <close> = sh "exec sleep 60" held = child task.sleep(60) end)
        task.sleep(0)
        waiter:cancel() holder:cancel()
        print(waited:wait(), held:wait())
        left = sh "exec sleep 60"
        task.spawn(function() forgotten = sh "exec sleep 60" forgotten:wait() end)
        task.sleep(0)
        print(left.status, forgotten.status)
      end)
      print(left.status, forgotten.status)]])
  end)

  it("when a signal or an error ends the first task", function()
    local p = start [[
      sys.catch_signals()
      task.on_poll(function() if sys.signal_pending() then error("told to end", 0) end end)
      local child
      local ok, why = pcall(task.run, function()
        child = sh "exec sleep 60"
        print("child " .. child.pid) io.flush()
        child:wait()
      end)
      print(ok, why, child.status)]]
    local pid = p:await("child (%d+)")
    local began = reeve.mono()
    p:kill("TERM")
    p:wait()
    assert.is_true(reeve.mono() - began < 30)
    assert.matches("false\ttold to end\t143\n$", p.out)
    assert.is_false(reeve.alive(math.tointeger(pid)))
  end)

  it("when this process is killed", function()
    local p = start [[
      task.run(function()
        local child = sh "exec sleep 60"
        print("child " .. child.pid) io.flush()
        child:wait()
      end)]]
    local pid = math.tointeger(p:await("child (%d+)"))
    assert.is_true(reeve.alive(pid))
    p:kill("KILL")
    p:wait()
    gone(pid)
  end)
end)

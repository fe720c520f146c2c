-- host.sys: clocks and times, children, signals, the terminal. Files and locks have unit tests; here is their Lua.
local reeve = require "reeve"

local HEAD = "local sys, secret = require 'host.sys', require 'host.secret'; local dir = ...\n"

local function run(text, spec)
  spec = spec or {}
  table.insert(spec, 1, reeve.folder())
  return reeve.engine(HEAD .. text, spec)
end

describe("times", function()
  it("are RFC 3339 in UTC", function()
    assert.equal("1970-01-01T00:00:00Z\n2021-04-10T14:38:27.5Z\n1969-12-31T23:59:59.75Z\n", run [[
      print(sys.time(0)) print(sys.time(1618065507.5)) print(sys.time(-0.25))]])
  end)

  it("are read from text, seconds, milliseconds and HTTP dates", function()
    assert.equal("2021-04-10T14:31:47.51Z 2021-04-10T14:38:27Z 2021-04-10T14:38:27.511Z 1994-11-06T08:49:37Z "
      .. "2021-04-10T14:38:27.25Z nil nil nil\n", run [[
      local list = { sys.when("2021-04-10T16:31:47.510+02:00"), sys.when(1618065507, "s"),
        sys.when("1618065507511", "ms"), sys.when("Sun, 06 Nov 1994 08:49:37 GMT"), sys.when(1618065507.25, "s"),
        tostring(sys.when("soon")), tostring(sys.when(1618065507)), tostring(sys.when(0/0, "s")) }
      print(table.concat(list, " "))]])
  end)

  it("count as seconds, whole where they are", function()
    assert.equal("1\t1.5\tnil\ttrue\n", run [[
      print(sys.epoch("1970-01-01T00:00:01Z"), sys.epoch("1970-01-01T00:00:01.5Z"), sys.epoch("x"),
        math.abs(sys.now() - os.time()) < 5 and sys.mono() <= sys.mono())]])
  end)
end)

describe("a child", function()
  it("tells its exit status, or 128 and the signal that ended it", function()
    assert.equal("true\t3\ntrue\t143\nnot_found\n", run [[
      local pid = assert(sys.spawn { "/bin/sh", "-c", "exit 3" })
      local ended, status = sys.wait_any() print(ended == pid, status)
      pid = assert(sys.spawn { "/bin/sh", "-c", "kill -TERM $$; sleep 60" })
      ended, status = sys.wait_any() print(ended == pid, status)
      print((select(3, sys.wait_any())))]])
  end)

  it("writes where it is told, and reads nothing", function()
    assert.equal("out err\nshared\n", run [[
      local file = assert(io.open(dir .. "/both", "w+"))
      sys.spawn({ "/bin/sh", "-c", "cat; printf 'out '; echo err >&2" }, { stdout = file, stderr = file })
      sys.wait_any()
      file:seek("set") io.write(file:read("a")) io.flush()
      sys.spawn({ "/bin/sh", "-c", "echo shared; echo gone >&2" }, { stderr = false })
      sys.wait_any()]])
  end)

  it("that does not exist is an error, and a wrong argument the caller's", function()
    assert.equal("failed\nfalse\nfalse\n", run [[
      print((select(3, sys.spawn { "/nonexistent/program" })))
      print((pcall(sys.spawn, {}))) print((pcall(sys.spawn, { "true" }, { stdout = "file" })))]])
  end)

  it("is a fresh process: SIGPIPE ends it", function()
    assert.equal("141\n", run [[
      sys.catch_signals()
      sys.spawn { "/bin/sh", "-c", "kill -PIPE $$" }
      print((select(2, sys.wait_any())))]])
  end)
end)

describe("a signal", function()
  it("is remembered and interrupts what waits; the second one ends the program", function()
    local script = reeve.write(reeve.path("wait.lua"), HEAD .. [[
      sys.catch_signals()
      sys.spawn { "/bin/sh", "-c", "while kill -0 $PPID 2>/dev/null; do sleep 0.02; done" }
      print(sys.signal_pending()) print("ready") io.flush()
      print((select(3, sys.wait_any()))) print(sys.signal_pending()) io.flush()
      sys.wait_any()]])
    local p = reeve.start({ program = reeve.host, script, "x" }, { leaves = true }) -- its child sees it end
    p:await("ready")
    p:kill("TERM")
    assert.equal("15", (p:await("wait\n(%d+)\n")))
    p:kill("TERM")
    assert.equal(15, p:wait().signal)
  end)

  it("that we were started to ignore stays ignored, by children too", function()
    local script = reeve.write(reeve.path("ignore.lua"), HEAD .. [[
      sys.catch_signals()
      sys.kill(sys.pid(), 1)
      sys.spawn { "/bin/sh", "-c", "kill -HUP $$; exit 7" }
      print((select(2, sys.wait_any())), sys.signal_pending())]])
    local words = { program = reeve.host, script, "x" }
    assert.equal("7\tnil\n", reeve.run(words, { through = "nohup" }).out)
  end)
end)

describe("the terminal", function()
  it("has a width, from COLUMNS where it is none", function()
    assert.equal("123\tfalse\n", run([[print(sys.width(), sys.isatty(1))]], { env = { COLUMNS = "123" } }))
    assert.equal("80\n", run([[print(sys.width())]], { env = { COLUMNS = "wide" } }))
  end)

  it("gives each character its columns", function()
    assert.equal("3 4 1 1 2 2\n日\nab\n\n", run [[
      print(sys.width_of("abc") .. " " .. sys.width_of("日本") .. " " .. sys.width_of("e\u{301}") .. " "
        .. sys.width_of("\xff") .. " " .. sys.width_of("a\27") .. " " .. sys.width_of("🙂"))
      print(sys.fit("日本", 3)) print(sys.fit("abc", 2)) print(sys.fit("abc", -1))]])
  end)

  it("is asked for a secret that it does not show", function()
    if not reeve.has_terminals() then return pending("no pseudo-terminals here") end
    local script = reeve.write(reeve.path("ask.lua"), HEAD .. [[
      local s = assert(sys.getpass("Secret: "))
      print(secret.equal(s, secret.new("correct horse")))]])
    local fifo = reeve.path("keys")
    local inside = ("script -qec '%s %s x' /dev/null < %s"):format(reeve.host, script, fifo)
    reeve.shell("mkfifo " .. fifo)
    local r = reeve.start { program = "/bin/sh", "-c", inside }
    local keys <close> = assert(io.open(fifo, "w"))
    r:await("Secret: ")
    keys:write("correct horse\n")
    keys:flush()
    r:await("true")
    keys:close()
    assert.equal(0, r:wait().code)
    assert.is_nil(r.out:find("correct", 1, true))
  end)

  it("that is not there cannot be asked", function()
    local script = reeve.write(reeve.path("ask.lua"), HEAD .. "print((select(3, sys.getpass('Secret: '))))")
    assert.equal("usage\n", (reeve.ok { program = "setsid", "-w", reeve.host, script, "x" }))
  end)
end)

describe("files and locks", function()
  it("are reached from Lua", function()
    assert.equal("hi\na\tlock\nbusy\nnil\ttrue\nfile\t384\t2\nnot_found\nnil\n", run [[
      assert(sys.mkdir_p(dir .. "/x/y") and sys.write_file(dir .. "/x/a", "hi"))
      print(sys.read_file(dir .. "/x/a", 2))
      local lock = assert(sys.lock(dir .. "/x/lock"))
      assert(sys.remove_tree(dir .. "/x/y"))
      print(table.unpack(sys.list_dir(dir .. "/x")))
      print((select(3, sys.lock(dir .. "/x/lock"))))
      lock:note("run 7")
      local note = sys.locked(dir .. "/x/lock")
      lock:release() lock:release()
      print(sys.locked(dir .. "/x/lock"), note == "pid " .. sys.pid() .. ", run 7")
      local facts = sys.stat(dir .. "/x/a") print(facts.type, facts.mode, facts.size)
      print((select(3, sys.read_file(dir .. "/none", 1))))
      print(sys.network_fs("/proc"))]])
  end)

  it("refuse a path with a NUL in it", function()
    assert.equal("false\tfalse\n", run [[print(pcall(sys.read_file, "/etc/passwd\0x", 10) and true or false,
      (pcall(sys.lock, "")))]])
  end)
end)

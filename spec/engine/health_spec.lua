-- serve.health: what a service tells those who watch over it, and `reeve health-check`, which asks it.
local acme = require "acme"
local reeve = require "reeve"

local HEAD = [[
local health, sys, task = require "serve.health", require "host.sys", require "target.task"
local dir = ...
local function there(name) return sys.stat(dir .. "/" .. name) ~= nil end
local function touch(name) assert(io.open(dir .. "/" .. name, "a")):write("."):close() end
local polls = 0
sys.catch_signals()
task.on_poll(function()
  polls = polls + 1
  if sys.signal_pending() then error("told to end", 0) end
end)
local function serve(options)
  options.connectors = options.connectors or { "main" }
  options.port = options.port or 0
  options.ready = options.ready or function() return there "ready" end
  options.validate = options.validate or function() return true end
  local port = health.serve(options)
  print(port:url()) io.flush()
  return port
end
]]

-- A service that does nothing but answer; `text` may do more once it serves.
local function start(options, text, spec)
  local script = reeve.write(reeve.path("service.lua"), HEAD
    .. ("local ok, why = pcall(task.run, function() local port = serve { %s } %s task.wait(task.event()) end)\n")
      :format(options, text or "") .. "print(ok, why, polls)")
  local dir = reeve.folder()
  local p = reeve.start({ program = reeve.host, script, dir }, spec or {})
  p.dir, p.url, p.port = dir, p:await("(http://127.0.0.1:(%d+))")
  return p
end

local function stop(p)
  p:kill("TERM")
  p:wait()
  assert.matches("\nfalse\ttold to end\t%d+\n$", p.out)
end

local function get(p, path, spec)
  spec = spec or {}
  spec.url = p.url .. path
  local status, body = reeve.http(spec)
  return status, body ~= "" and reeve.json(body) or nil
end

-- The answer as JSON with its time, which is now, taken out.
local function said(p, path)
  local status, document = get(p, path)
  assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", document.timestamp)
  document.timestamp = nil
  return status, document
end

local function check(p, words)
  return reeve.run { "health-check", "--port", p.port, table.unpack(words or {}) }
end

describe("the health port", function()
  local p
  setup(function() p = start("") end)
  teardown(function() stop(p) end)

  it("tells what is asked for, as JSON", function()
    assert.same({ 200, { status = "healthy" } }, { said(p, "/health") })
    assert.same({ 200, { status = "alive" } }, { said(p, "/live") })
    assert.same({ 503, { status = "not_ready" } }, { said(p, "/ready?x=1") })
    reeve.write(p.dir .. "/ready", "")
    assert.same({ 200, { status = "ready" } }, { said(p, "/ready") })
    local head = reeve.shell("curl -sS -i --noproxy '*' " .. p.url .. "/health"):lower()
    assert.matches("\ncontent%-type: application/json\r\n", head)
  end)

  it("knows no other path, and no other method", function()
    assert.equal(404, (get(p, "/")))
    assert.equal(404, (get(p, "/health/x")))
    assert.equal(404, (get(p, "/metrics", { method = "POST", body = "x" })))
    assert.equal(405, (get(p, "/health", { method = "POST", body = "x" })))
    assert.equal(405, (get(p, "/live", { method = "DELETE" })))
    assert.matches("\r\nAllow: GET, HEAD\r\n",
      (reeve.shell("curl -sS -i --noproxy '*' -X PUT " .. p.url .. "/ready")))
    assert.equal("200 0", (reeve.shell("curl -sS -I -o /dev/null -w '%{http_code} %{size_download}' --noproxy '*' "
      .. p.url .. "/live")))
    assert.equal(413, (reeve.http { url = p.url .. "/live", body = ("x"):rep(5000) }))
  end)

  it("is asked by health-check", function()
    local function line(words)
      local r = check(p, words)
      return r.code .. " " .. r.out
    end
    reeve.shell("rm -f " .. p.dir .. "/ready")
    assert.equal("0 healthy\n", line())
    assert.equal("0 alive\n", line { "--endpoint", "live", "--timeout", "2" })
    assert.equal("1 not_ready\n", line { "--endpoint", "ready" })
    assert.equal(2, check(p, { "--endpoint", "well" }).code)
    local r = reeve.run { "health-check", env = { BATON_HEALTH_CHECK_PORT = p.port,
      BATON_HEALTH_CHECK_BIND_ADDRESS = "0.0.0.0", http_proxy = "http://127.0.0.1:1" } }
    assert.equal("healthy\n", r.out)
  end)

  it("keeps others from its address", function()
    local script = reeve.write(reeve.path("second.lua"), HEAD .. ([[
      local ok, e = pcall(task.run, function() serve { port = %d } end)
      print(ok, e.code, e.message, e.hint ~= nil)
      ok, e = pcall(task.run, function() serve { address = "everywhere" } end)
      print(ok, e.code, e.message)]]):format(p.port))
    local out = reeve.ok { program = reeve.host, script }
    assert.matches("^false\tfailed\thealth: cannot listen on 127.0.0.1 port " .. p.port
      .. ": Address already in use\ttrue\nfalse\tconfig\thealth: cannot listen on 'everywhere'", out)
  end)
end)

describe("health", function()
  it("names the connectors that are not good, and shows no secret", function()
    local p = start [[connectors = { "main", "second", "third", "fourth" }, validate = function(name)
      local token = require("host.secret").new "correct horse battery"
      if name == "second" then return false, "second: refused\27[0m with correct horse battery\nand \xff" .. name end
      if name == "third" then error({ code = "failed", message = "no room" }) end
      if name == "fourth" then return false, ("x"):rep(10000) end
      return token ~= nil end]]
    local status, document = said(p, "/health")
    assert.equal(503, status)
    assert.equal("unhealthy", document.status)
    local text = document.details.validation_error
    assert.matches("^second: refused\\u{1b}%[0m with %*%*%*\\nand %?second; third: .*; fourth: x+$", text)
    assert.is_true(#text < 600)
    assert.equal("validation failed", document.details.error)
    local r = check(p)
    assert.equal("1 unhealthy: " .. text .. "\n", r.code .. " " .. r.out)
    stop(p)
  end)

  it("looks once for all who ask meanwhile and for a while after, and answers other questions meanwhile", function()
    local p = start [[connectors = { "main", "second" }, validate = function(name)
      touch(name)
      while not there "go" do task.sleep(0.01) end
      return true end]]
    local urls = (" " .. p.url .. "/health"):rep(20)
    local askers = reeve.start { program = "/bin/sh", "-c",
      "exec curl -sS -Z --parallel-immediate --no-progress-meter --noproxy '*' -w '%{http_code} ' " .. urls }
    reeve.await(function() return reeve.read(p.dir .. "/second") end)
    assert.equal(200, (get(p, "/live")))
    reeve.write(p.dir .. "/go", "")
    askers:wait()
    local _, healthy = askers.out:gsub('"healthy"', "")
    assert.equal(20, healthy)
    assert.equal(200, (get(p, "/health")))
    assert.equal("..", reeve.read(p.dir .. "/main") .. reeve.read(p.dir .. "/second"))
    stop(p)
  end)

  it("does not wait for ever, and ends what it waited for", function()
    local p = start [[patience_s = 0.2, connectors = { "good", "main" }, validate = function(name)
      if name == "good" then return true end
      local child <close> = task.child { "/bin/sh", "-c", "echo $$ > " .. dir .. "/pid; exec sleep 60" }
      return child:wait() == 0 end]]
    local status, document = get(p, "/health")
    assert.equal(503, status)
    assert.equal("main: not known within 0.2 s", document.details.validation_error)
    local pid = reeve.read(p.dir .. "/pid")
    if pid then reeve.await(function() return not reeve.alive(tonumber(pid)) end) end
    stop(p)
  end)

  it("is what reeve check says, in a process of its own", function()
    local w = acme.new { connector = [[
      function M.check(ctx) return { account = ctx.http:get("/me").name } end
      M.list = { user = all("user", "/users") }]], world = { ["/me"] = { name = "robot" } } }
    local checked = ("validate = function(name) return require('serve.process').check(%q, name, %q) end")
      :format(w.home, reeve.bin)
    local p = start("connectors = { 'acme', 'nobody' }, " .. checked)
    local status, document = get(p, "/health")
    assert.equal(503, status)
    assert.matches("^nobody: no such connector: 'nobody' [^{}]*$", document.details.validation_error)
    stop(p)
    p = start("connectors = { 'acme' }, " .. checked)
    assert.equal(200, (get(p, "/health")))
    stop(p)
    w:world { ["/me"] = { status = 401 } }
    p = start("connectors = { 'acme' }, " .. checked)
    assert.matches("^acme: .*401", select(2, get(p, "/health")).details.validation_error)
    stop(p)
    w:stop()
  end)
end)

describe("a service with a health port", function()
  it("rests while nobody asks, and ends at once when it is told to", function()
    local p = start("", [[
      local client = require("host.http").client { hosts = {}, named = { "127.0.0.1" } }
      task.spawn(function() task.sleep(60) end)
      local child = task.child { "/bin/sh", "-c", "exec sleep 60" }
      local silent = require("host.server").listen {}
      local asked = client:start { method = "GET", url = "http://127.0.0.1:" .. silent:port() .. "/" }
      local reader = task.spawn(function() task.wait(asked) end)
      task.sleep(0.2)
      local before, began = polls, sys.mono()
      task.sleep(1.5)
      print("polls", polls - before, sys.mono() - began) io.flush()]])
    local n, seconds = p:await("polls\t(%d+)\t(%S+)\n")
    assert.is_true(tonumber(n) <= 4 + 2 * tonumber(seconds)) -- twice a second, the sleeper, and something to spare
    assert.equal(200, (get(p, "/live")))
    local began = reeve.mono()
    stop(p)
    assert.is_true(reeve.mono() - began < 30)
  end)

  it("serves more than it takes at once, and is not held up by who never finishes a question", function()
    local p = start("")
    local fifo = reeve.path("endless")
    reeve.shell("mkfifo " .. fifo)
    local slow = reeve.start({ program = "/bin/sh", "-c", ("exec curl -sS -X POST -T - --noproxy '*' %s/live < %s")
      :format(p.url, fifo) })
    local feed <close> = assert(io.open(fifo, "w"))
    feed:write("x")
    feed:flush()
    local out = reeve.shell("curl -sS -Z --parallel-max 150 --no-progress-meter --noproxy '*'"
      .. (" " .. p.url .. "/live"):rep(150))
    local _, alive = out:gsub('"alive"', "")
    assert.equal(150, alive)
    assert.equal("alive\n", check(p, { "--endpoint", "live" }).out)
    feed:close()
    slow:wait()
    stop(p)
  end)

  it("hangs up when it closes the port", function()
    local p = start("validate = function() touch 'asked' task.sleep(60) end", [[
      while not there "asked" do task.sleep(0.01) end
      port:close()
      print "closed" io.flush()
      task.sleep(60)]])
    local _, code = reeve.shell("curl -sS --max-time 30 --noproxy '*' " .. p.url .. "/health")
    assert.equal(52, code) -- an empty answer
    p:await("(closed)")
    stop(p)
  end)
end)

describe("health-check", function()
  it("says who does not answer, does not answer in time, or is somebody else", function()
    local r = reeve.run { "health-check", "--port", "1" }
    assert.equal(1, r.code)
    assert.matches("^no answer: GET http://127.0.0.1:1/health: ", r.err)
    r = reeve.run { "health-check", env = { BATON_HEALTH_CHECK_PORT = "none" } }
    assert.equal("1 reeve: 'none' is no port (1 to 65535)\n", r.code .. " " .. r.err)
    assert.equal(1, reeve.run({ "health-check", "--address", "192.0.2.1" }).code)
    local p = start("validate = function() task.sleep(60) end")
    r = check(p, { "--timeout", "1" })
    assert.equal("1 no answer: GET " .. p.url .. "/health: not over within 1 s\n", r.code .. " " .. r.err)
    stop(p)
    local w = acme.new { connector = "M.list = {}" }
    r = check(w.sim)
    w:stop()
    assert.equal("1 status 404, and not from a health port\n", r.code .. " " .. r.out)
  end)

  it("takes a stranger's 200 for no health", function()
    local w = acme.new { connector = "M.list = {}", world = {
      ["/health"] = { status = 200, body = { status = "OK" } } } }
    local r = check(w.sim)
    w:stop()
    assert.equal("1 status 200, and not from a health port\n", r.code .. " " .. r.out)
  end)

  it("takes an empty variable for none", function()
    local r = reeve.run { "health-check", "--port", "1", env = { BATON_HEALTH_CHECK_BIND_ADDRESS = "" } }
    assert.matches("^no answer: GET http://127.0.0.1:1/health: ", r.err)
    r = reeve.run { "health-check", "--address", "127.0.0.2", "--timeout", "1", env = { BATON_HEALTH_CHECK_PORT = "" } }
    assert.is_nil(r.err:find("is no port", 1, true))
  end)
end)

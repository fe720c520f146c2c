-- `reeve c1`: tasks that come several at once, again, to be cancelled, or to fail; and the end of the process.
local reeve = require "reeve"
local service = require "service"

local it = service.it(it, pending)

describe("reeve c1", function()
  local s = service.each(after_each)

  -- Gives a sync whose target does not answer until go(): its id, when it has asked.
  local function waiting_sync()
    s.w.sim:faults { "GET /users: hold times=1" }
    s.w:forget()
    local id = s.c1:task { kind = "sync_full" }
    reeve.await(function() return s.w:asked("GET /users") == 1 end, "the target to be asked")
    return id
  end

  local function go()
    s.w.sim:faults {}
  end

  -- The process that a sync is done in.
  local function child_of()
    local all, children = reeve.shell("cat /proc/[0-9]*/stat 2>/dev/null"), {}
    for pid, parent in all:gmatch("(%d+) %([^\n]*%) %a (%d+) [^\n]*") do
      if tonumber(parent) == s.process.pid then children[#children + 1] = tonumber(pid) end
    end
    assert.equal(1, #children)
    return children[1]
  end

  local function uploads(id)
    return #s.c1:events { event = "upload", task = id }
  end

  it("never syncs a connector twice at a time, and does other tasks beside", function()
    s:serve()
    local first = waiting_sync()
    local others = { s.c1:task { kind = "sync_full" }, s.c1:task { kind = "hello" } }
    assert.equal(others[2], s.c1:wait({ event = "finished" }).task)
    go()
    assert.equal(first, s.c1:wait({ event = "finished" }).task)
    assert.is_true(s.c1:wait({ event = "finished", task = others[1] }).success)
    local first_half, second_half, log = 0, 0, s.w.sim:requests().log
    for i, line in ipairs(log) do
      local users = line:find("/users", 1, true) and 1 or 0
      if i <= 3 then first_half = first_half + users else second_half = second_half + users end
    end
    assert.same({ 1, 1, 6 }, { first_half, second_half, #log })
  end)

  it("takes as many tasks at once as it is told to", function()
    s:serve(nil, { env = { BATON_TASK_CONCURRENCY = "1" } })
    local first = waiting_sync()
    local second = s.c1:task { kind = "hello" }
    go()
    s.c1:wait { event = "finished", task = first }
    s.c1:wait { event = "given", task = second }
    s.c1:wait { event = "finished", task = second }
  end)

  it("can ask for several at once, and says which it has", function()
    s:serve(nil, { env = { BATON_GET_TASKS = "true", BATON_TASK_CONCURRENCY = "2" } })
    local first = waiting_sync()
    local waiting, n = {}, 5
    for _ = 1, n do waiting[s.c1:task { kind = "hello" }] = true end
    for _ = 1, n do
      local finished = s.c1:wait { event = "finished" }
      assert.is_true(waiting[finished.task])
      waiting[finished.task] = nil
    end
    go()
    assert.is_true(s.c1:wait({ event = "finished", task = first }).success)
    assert.equal(1, #s.c1:events { event = "given", task = first })
    for _, call in ipairs(s.c1:events { event = "call", method = "GetTasks" }) do
      assert.is_true(call.request.page_size <= 4)
    end
    assert.same({}, s.c1:events { event = "call", method = "GetTask" })
  end)

  it("does a task that comes twice once, and says again how it ended", function()
    s:serve()
    local id = waiting_sync()
    s.c1:again(id)
    s.c1:wait { event = "given", task = id }
    s.c1:wait { event = "given", task = id }
    go()
    assert.equal(1, s.c1:wait({ event = "finished", task = id }).times)
    s.c1:again(id)
    local again = s.c1:wait { event = "finished", task = id }
    assert.same({ 2, true, 1, 1 }, { again.times, again.success, uploads(id), s.w:asked "/users" })
  end)

  it("ends a sync that is cancelled", function()
    s:serve { c1 = { next_heartbeat = 1 } }
    local id = waiting_sync()
    s.c1:cancel(id)
    local finished = s.c1:wait { event = "finished", task = id }
    assert.same({ 1, 0 }, { finished.code, uploads(id) })
    assert.is_nil(finished.final.error.non_retryable)
    assert.is_true(s:task({ kind = "sync_full" }).success)
  end)

  it("does not begin what is cancelled before", function()
    s:make()
    local id = s.c1:task { kind = "sync_full" }
    s.c1:cancel(id)
    s:start()
    assert.equal(1, s.c1:wait({ event = "finished", task = id }).code)
    assert.equal(0, s.w:asked "/users")
  end)

  it("tells why a run is held and sends nothing; what was accepted comes with the next task", function()
    s:serve { people = { "u1", "u2", "u3", "u4", "u5" },
      connector_file = { guard = { user = { removed = "30%" }, ["team:member"] = { removed = "100%" } } } }
    assert.is_true(s:task({ kind = "sync_full" }).success)
    s:people { "u1", "u2" }
    local held = s:task { kind = "sync_full" }
    assert.same({ 9, 0 }, { held.code, uploads(held.task) })
    assert.matches("3 of 5 user would be removed (60%); the limit is 30%", held.message, 1, true)
    assert.equal("warn", s:log("3 of 5 user would be removed", "acme").level)
    assert.matches("`reeve diff acme 2` .* `reeve accept acme` or `reeve reject acme`",
      s:log("shows what would change").msg)
    local ended = s:log("task ended", "FAILED_PRECONDITION")
    assert.matches("^acme: run 2 held in .*; 3 of 5 user would be removed %(60%%%); the limit is 30%%$", ended.message)
    assert.equal(0, s.w:run({ "accept", "acme" }).code)
    local finished = s:task { kind = "sync_full" }
    assert.is_true(finished.success)
    local ask = service.tables(s.c1:events({ event = "upload", task = finished.task })[1].path)
    assert.equal("2", ask "select count(*) from v1_resources where resource_type_id = 'user'")
  end)

  it("tells what the target did to a sync, which may be tried again", function()
    s:serve()
    for code, status in pairs { [16] = 401, [14] = 503 } do
      s.w:world { ["/users"] = { status = status }, ["/teams"] = { items = reeve.array {} } }
      local failed = s:task { kind = "sync_full" }
      assert.same({ code, 0 }, { failed.code, uploads(failed.task) }, failed.message)
      assert.is_nil(failed.final.error.non_retryable)
      assert.is_truthy(failed.message:find(tostring(status), 1, true), failed.message)
    end
    s:people { "u1" }
    assert.is_true(s:task({ kind = "sync_full" }).success)
  end)

  it("brings what a partial run has", function()
    s:serve()
    s.w:world { ["/users"] = { items = { { id = "u1" } } }, ["/teams"] = { items = { { id = "t1" }, { id = "t2" } } },
      ["/teams/t1"] = { items = { { id = "u1" } } }, ["/teams/t2"] = { status = 500 } }
    local finished = s:task { kind = "sync_full" }
    assert.is_true(finished.success, finished.message)
    assert.is_true(s.w:last().partial)
    local ask = service.tables(s.c1:events({ event = "upload", task = finished.task })[1].path)
    assert.equal("3 team:t1:member:user:u1", ask "select count(*) from v1_resources" .. " "
      .. ask "select external_id from v1_grants")
  end)

  it("tells of a process that died at its work, and goes on", function()
    s:serve()
    local id = waiting_sync()
    assert.is_true(reeve.kill(child_of(), "KILL"))
    local finished = s.c1:wait { event = "finished", task = id }
    assert.is_nil(finished.final.success)
    assert.matches("signal 9", finished.message)
    assert.is_true(s:task({ kind = "sync_full" }).success)
  end)

  it("logs what its processes do, in the form and from the level that it has itself", function()
    for level, lines in pairs { info = 1, warn = 0 } do
      s:serve(nil, { env = { BATON_LOG_LEVEL = level } })
      assert.is_true(s:task({ kind = "sync_full" }).success)
      assert.equal(5, s:task({ kind = "list_events", payload = { event_feed_id = "no-such-feed" } }).code)
      local told = { accepted = 0, feed = 0 }
      for line in s:stop().err:gmatch "[^\n]+" do
        local entry = reeve.json(line) -- every line is one
        for word in pairs(told) do
          if (entry.msg .. (entry.message or "")):find(word, 1, true) then told[word] = told[word] + 1 end
        end
      end
      assert.same({ accepted = lines, feed = 1 }, told)
    end
  end)

  it("declines to sync a connector that is paused", function()
    s:serve { connector_file = { enabled = false } }
    local finished = s:task { kind = "sync_full" }
    assert.equal(9, finished.code)
    assert.matches("paused", finished.message)
  end)

  it("ends in order when it is told to, and says of its tasks that they will not be done", function()
    for _, signal in ipairs { "TERM", "INT", "HUP" } do
      s:serve()
      local id = waiting_sync()
      local told = s:stop(0, signal).err
      assert.matches('"msg":"ended by signal %d+; the next sync goes on from here"', told)
      assert.equal(1, s.c1:wait({ event = "finished", task = id }).code)
    end
  end)

  it("goes on after its death where ConductorOne gives the task again", function()
    s:serve()
    local id = waiting_sync()
    s.process.spec.leaves = true
    s:stop(137, "KILL")
    go()
    s:start()
    s.c1:again(id)
    assert.is_true(s.c1:wait({ event = "finished", task = id }).success)
    s:stop()
    assert.equal("", (reeve.shell(("find %s/state -name '*.c1z*' -o -name finish"):format(s.home))))
  end)

  it("keeps its secrets to itself", function()
    s:serve()
    local key = s.c1.secret:match("[^:]+$")
    local id = waiting_sync()
    local place = "/proc/" .. child_of()
    local seen = (reeve.read(place .. "/environ") or "") .. reeve.read(place .. "/cmdline") -- root alone reads both
    assert.is_truthy(seen:find("c1-task", 1, true))
    assert.is_nil(seen:find(key, 1, true))
    go()
    s.c1:wait { event = "finished", task = id }
    local process = s:stop()
    assert.is_nil(process.err:find(key, 1, true))
    assert.is_nil(process.err:find("acme_", 1, true)) -- how the stand-in's tokens begin
    assert.equal("", (reeve.shell(("grep -rlF '%s' %s"):format(key, s.home))))
  end)

  -- Two connectors, each with a sealed credential of its own; changed(name) gives another secret, which is not checked.
  -- Returns the second client.
  local function serving_two(changed)
    s:make()
    local second = s.c1:client "brave-badger-2"
    reeve.connector(s.home, "beta", reeve.json(reeve.read(s.home .. "/connectors/acme.json")))
    for name, client in pairs { acme = s.c1, beta = second } do
      local other = changed and changed(name)
      reeve.ok { "set", name, "c1.client_id=" .. client.id, "c1.client_secret=-", other and "--no-check" or "--quiet",
        home = s.home, stdin = (other or client.secret) .. "\n",
        env = { BATON_C1_API_HOST = s.c1.address, SSL_CERT_FILE = s.c1.certificate.ca } }
    end
    s:start { "--all", env = { BATON_CLIENT_ID = false, BATON_CLIENT_SECRET = false } }
    return second
  end

  it("serves several connectors with credentials of their own", function()
    local second = serving_two()
    for _, id in ipairs { s.c1:task { kind = "sync_full" }, s.c1:task { kind = "sync_full", client = second.id } } do
      s.c1:rewind()
      assert.is_true(s.c1:wait({ event = "finished", task = id }).success)
    end
    local agents = {}
    for i, hello in ipairs(s.c1:events { event = "call", method = "Hello" }) do
      agents[i] = hello.agent:match("^[^ ]+")
    end
    table.sort(agents)
    assert.same({ "brave-badger-2", "happy-otter-1" }, agents)
  end)

  it("goes on with the others where one is refused, and ends when all are", function()
    serving_two(function(name) return name == "beta" and s.c1:client("other").secret or nil end)
    assert.equal("beta", s:log("ConductorOne refuses the client id and secret").connector)
    assert.is_true(s:task({ kind = "sync_full" }).success)
    serving_two(function() return s.c1:client("other").secret end)
    local process = s.process:wait()
    s.process = nil
    assert.equal(4, process.code, process.err)
    assert.matches("ConductorOne refuses all of these connectors", process.err, 1, true)
  end)

  it("is there once for a connector", function()
    s:serve()
    s.c1:wait { event = "call", method = "GetTask" }
    local env = {}
    for name, value in pairs(s.c1.env) do env[name] = value end
    local second = reeve.run { "c1", "acme", home = s.home, env = env }
    assert.equal(8, second.code, second.err)
    local removed = s.w:run { "remove", "acme" }
    assert.equal(8, removed.code, removed.err)
    assert.matches("acme: ConductorOne is served with it: .* is held by pid %d+, reeve c1\n"
      .. "  end `reeve c1` first\n", removed.err)
  end)
end)

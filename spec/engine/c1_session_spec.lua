-- serve/session and what it is made of, with a ConductorOne that is a table, and a clock that is set forward instead of
-- waited for. What goes over the wire is for c1_service_spec.
local reeve = require "reeve"

-- A channel gives what `script` says: functions by method, called with the request; what they return is the answer.
-- channel.calls are all of them, with when they came.
local HEAD = [[
local function say(...) print(...) end
local task = require "target.task"
local json = require "host.json"
local wire, messages = require "host.wire", require "c1.messages"
task.set_ahead(true)

local ID = ("a"):rep(27)
local channel = { calls = {}, origin = "https://c1.test" }
local script = {}
local began
function channel:call(method, request)
  began = began or task.now()
  channel.calls[#channel.calls + 1] = { method = method, at = task.now() - began, request = request }
  task.sleep(0)
  return (script[method] or function() return {} end)(request)
end
function channel:upload(_, id, path)
  return channel:call("UploadAsset", { task_id = id, path = path })
end

local function away()
  return nil, { code = 14, name = "UNAVAILABLE", message = "away", transport = true }
end
local function refused(code)
  return nil, { code = code, message = "refused" }
end

-- When a method was called, in whole seconds: "0 1 5".
local function times(method)
  local list = {}
  for _, call in ipairs(channel.calls) do
    if call.method == method then list[#list + 1] = ("%.0f"):format(call.at) end
  end
  return table.concat(list, " ")
end

local function finishes()
  local list = {}
  for _, call in ipairs(channel.calls) do
    if call.method == "FinishTask" then
      local status = call.request.status
      list[#list + 1] = ("%s %d %s"):format(call.request.task_id, status and status.code or 0,
        status and status.message or "")
    end
  end
  return list
end

local function session(spec)
  spec = spec or {}
  return require("serve.session").new { name = "main", channel = channel, host_id = "host", slots = spec.slots or 3,
    batch = spec.batch, metadata = function() return { display_name = "Acme" } end, folder = spec.folder,
    options = {}, work = spec.work, jobs = require("serve.turn").new(2),
    hellos = spec.hellos or require("serve.turn").new(1) }
end

-- Runs the session for so many seconds of its clock.
local function run(s, seconds)
  return pcall(task.run, function()
    local t = task.spawn(function() s:run() end)
    task.sleep(seconds)
    if t.over then t:join() end
    t:cancel()
  end)
end

-- A task as it comes; a text stands for bytes.
local function bytes(job)
  return type(job) == "string" and job or assert(wire.encode(messages, "c1.connectorapi.baton.v1.Task", job))
end

-- Gives one task after the other, then none.
local function give(...)
  local jobs = { ... }
  script.GetTask = function()
    local job = table.remove(jobs, 1)
    return job and { task = bytes(job), next_poll = { seconds = 1 } } or { next_poll = { seconds = 60 } }
  end
end

-- What a process that did a task leaves in its folder.
local function leaves(how)
  return function(path)
    require("serve.folder").of(path):finish(how)
    return 0
  end
end
]]

local ID_LINE = ("a"):rep(27)

local function run(text, ...)
  return (reeve.engine(HEAD .. text, { ... }))
end

describe("hello", function()
  it("is said again after 1, 2, 4 … seconds, at most 5 minutes, until it is heard; then tasks are asked for", function()
    assert.equal("0 1 3 7 15 31 63 127 255 511 811\nfalse\ntrue\t811\n", run [[
      local n = 0
      script.Hello = function()
        n = n + 1
        if n < 11 then return away() end
        return {}
      end
      local s = session()
      local before
      script.GetTask = function()
        before = before or task.now() - began
        return {}
      end
      local greeted = s.greeted
      run(s, 900)
      say(times "Hello")
      say(greeted)
      say(s.greeted, ("%.0f"):format(before))]])
  end)

  it("waits for its turn among many, which those that ConductorOne does not answer give back", function()
    assert.equal("0 0 10 11 20 21\n3\n", run [[
      local n, greeted = 0, 0
      script.Hello = function()
        n = n + 1
        local first = n <= 3
        task.sleep(10)
        if first then return away() end
        return {}
      end
      local hellos, sessions = require("serve.turn").new(2), {}
      for i = 1, 3 do sessions[i] = session { hellos = hellos } end
      task.run(function()
        local running = {}
        for i, s in ipairs(sessions) do running[i] = task.spawn(function() s:run() end) end
        task.sleep(100)
        for _, t in ipairs(running) do t:cancel() end
      end)
      for _, s in ipairs(sessions) do greeted = greeted + (s.greeted and 1 or 0) end
      say(times "Hello")
      say(greeted)]])
  end)

  it("ends the connector where ConductorOne refuses it, and not where nobody answered", function()
    for _, case in ipairs { { 16, "credentials" }, { 7, "credentials" }, { 3, "unavailable" }, { 12, "unavailable" },
      { 9, "unavailable" }, { 5, "unavailable" } } do
      assert.equal(("false\t%s\n1\n"):format(case[2]), run(([[
        script.Hello = function() return refused(%d) end
        local ok, e = run(session(), 10)
        say(ok, e.code)
        say(#channel.calls)]]):format(case[1])))
    end
    assert.equal("true\n", run [[
      script.Hello = function() return nil, { code = 16, message = "401 by a proxy", transport = true } end
      say((run(session(), 10)))]])
  end)

  it("waits where the connector's file or plugin cannot be read for a while", function()
    assert.equal("true\t3\t0\n", run [[
      local s, n = session(), 0
      s.metadata = function()
        n = n + 1
        return n == 3 and { display_name = "Acme" } or require "fail"("config", "plugin.lua: is being written")
      end
      run(s, 10)
      say(s.greeted, n, times "Hello")]])
  end)
end)

describe("polling", function()
  it("follows next_poll, from our own least to 5 minutes", function()
    assert.equal("0 60 360 361 362\n", run [[
      local waits = { { seconds = 60 }, { seconds = 4000 }, {}, nil, { seconds = 300 } }
      local n = 0
      script.GetTask = function()
        n = n + 1
        return { next_poll = waits[n] }
      end
      run(session(), 400)
      say(times "GetTask")]])
  end)

  it("waits 1, 4, 9 … 60 seconds after failures, and counts from the beginning after a success", function()
    assert.equal("0 1 5 14 30 55 91 140 200 260 270 271\n", run [[
      local n = 0
      script.GetTask = function()
        n = n + 1
        if n == 10 then return { next_poll = { seconds = 10 } } end
        if n == 12 then return { next_poll = { seconds = 300 } } end
        return away()
      end
      run(session(), 300)
      say(times "GetTask")]])
  end)

  it("does not hurry where all that it is given cannot be begun", function()
    assert.equal("0 1 2\n0 0 1 2\n", run([[
      script.GetTask = function() return { task = bytes { id = "short", grant = {} } } end
      run(session(), 2.5)
      say(times "GetTask")
      channel.calls, began = {}, nil
      script.GetTask = function() return { task = bytes { id = ID, list_events = {} } } end
      run(session { folder = arg[1], work = function() task.sleep(1000) end }, 2.5)
      say(times "GetTask")]], reeve.folder()))
  end)

  it("asks for nothing while there is no slot", function()
    assert.equal("2\tpoll 0 1\n", run([[
      give({ id = ("a"):rep(27), list_events = {} }, { id = ("b"):rep(27), list_events = {} },
        { id = ("c"):rep(27), none = {} })
      local most, now = 0, 0
      local s = session { slots = 2, folder = arg[1], work = function(path)
        now = now + 1
        most = math.max(most, now)
        task.sleep(1000)
        now = now - 1
        return 0
      end }
      run(s, 500)
      say(most, "poll " .. times "GetTask")]], reeve.folder()))
  end)

  it("in batches, says what it has, and takes no more than it was given", function()
    assert.equal("6: \n4: a b\n", run([[
      local n = 0
      script.GetTasks = function(request)
        local ids = {}
        for i, id in ipairs(request.known_task_ids) do ids[i] = id:sub(1, 1) end
        say(request.page_size .. ": " .. table.concat(ids, " "))
        n = n + 1
        if n == 1 then
          return { tasks = { bytes { id = ("b"):rep(27), list_events = {} },
            bytes { id = ("a"):rep(27), list_events = {} } } }
        end
        return { next_poll = { seconds = 300 } }
      end
      run(session { batch = true, folder = arg[1], work = function() task.sleep(100) return 0 end }, 50)]],
      reeve.folder()))
  end)
end)

describe("what is given", function()
  it("beyond what was asked for is left to ConductorOne", function()
    assert.equal("6\n", run [[
      script.GetTasks = function()
        local list = {}
        for i = 1, 1000 do list[i] = bytes { id = ("%027d"):format(i), grant = {} } end
        script.GetTasks = function() return { next_poll = { seconds = 300 } } end
        return { tasks = list }
      end
      run(session { batch = true }, 100)
      say(#finishes())]])
  end)

  it("and cannot be read stands in no other's way, and is finished where its id can be", function()
    assert.equal(ID_LINE .. " 12 Reeve does not do tasks of this kind (grant)\n" .. ("b"):rep(27)
      .. " 12 Reeve does not do tasks of this kind (revoke)\n", run [[
      local grant_of_nonsense = "\xba\x06\x02\xff\xff"
      give("\xff\xff", bytes { id = ID } .. grant_of_nonsense, { id = ("b"):rep(27), revoke = {} })
      run(session(), 100)
      for _, line in ipairs(finishes()) do say(line) end]])
  end)
end)

describe("a task", function()
  it("of a kind that is not done is declined, for good; 'none' is no task; each is finished once", function()
    assert.equal(("a"):rep(27) .. " 12 Reeve does not do tasks of this kind (grant)\n" .. ("b"):rep(27)
      .. " 12 Reeve does not do tasks of this kind (action_invoke)\n" .. ("c"):rep(27)
      .. " 12 Reeve does not do tasks of this kind (unknown)\ntrue\n", run [[
      give({ id = ("a"):rep(27), grant = {} }, { id = ("b"):rep(27), action_invoke = {} }, { id = ("c"):rep(27) },
        { id = ("d"):rep(27), none = {} })
      run(session(), 30)
      for _, line in ipairs(finishes()) do say(line) end
      for _, call in ipairs(channel.calls) do
        if call.method == "FinishTask" then say(call.request.error.non_retryable) break end
      end]])
  end)

  it("whose id is none that ConductorOne gives is passed over", function()
    assert.equal("0\n", run [[
      give({ id = "short", grant = {} }, { grant = {} }, { id = ("ä"):rep(27), grant = {} },
        { id = ("../"):rep(9), grant = {} })
      run(session(), 30)
      say(#finishes())]])
  end)

  it("that comes again while it is done, or after it was, is not done again; its end is told again", function()
    assert.equal("1\n2\ntrue\n", run([[
      local job = { id = ID, sync_full = {} }
      give(job, job, job)
      local done = 0
      local s = session { folder = arg[1], work = function(path)
        done = done + 1
        task.sleep(1.5)
        return leaves(require("serve.finish").success())(path)
      end }
      run(s, 50)
      say(done)
      local list = finishes()
      say(#list)
      say(list[1] == list[2])]], reeve.folder()))
  end)

  it("that failed is done again when it comes again, unless it failed for good", function()
    for _, case in ipairs { { "nil", "2" }, { "true", "1" } } do
      assert.equal(case[2] .. "\t2\n", run(([[
        local job = { id = ID, list_events = {} }
        give(job, { none = {} }, job)
        local done = 0
        run(session { folder = arg[1], work = function(path)
          done = done + 1
          return leaves(require("serve.finish").error({ code = 14, message = "away" }, %s))(path)
        end }, 100)
        say(done, #finishes())]]):format(case[1]), reeve.folder()))
    end
  end)

  it("whose end is told again is told once, however often it comes meanwhile", function()
    assert.equal("6\n", run [[
      local job = { id = ID, grant = {} }
      give(job, { none = {} }, job, job, job, job, job, job)
      local n = 0
      script.FinishTask = function()
        n = n + 1
        if n == 1 then return {} end
        return away()
      end
      run(session(), 40)
      say(#finishes())]])
  end)

  it("asks for hello: hello with its id, then its end", function()
    assert.equal("Hello\t" .. ("a"):rep(27) .. "\nFinishTask\t" .. ("a"):rep(27) .. "\n", run [[
      give { id = ID, hello = {} }
      run(session(), 30)
      for _, call in ipairs(channel.calls) do
        if call.request.task_id then say(call.method, call.request.task_id) end
      end]])
  end)

  it("whose process ends without a word is finished with what its status says", function()
    assert.equal(ID_LINE .. " 16 \n" .. ID_LINE .. " 10 the process that did the task was ended by signal 9\n"
      .. ID_LINE .. " 1 the process that did the task was ended by signal 15\n", (run([[
      local statuses = { 4, 128 + 9, 128 + 15 }
      for i = 1, 3 do
        channel.calls = {}
        give { id = ID, list_events = {} }
        run(session { folder = arg[1], work = function() return statuses[i] end }, 30)
        say((finishes()[1]:gsub("16 .*", "16 ")))
      end]], reeve.folder())))
  end)

  it("can be told in bytes, whatever its failure says", function()
    assert.equal("3 no folder 'caf?'\n", run [[
      local how = require("serve.finish").raised(require("fail").new("config", "no folder 'caf\xe9'"))
      local name = "c1.connectorapi.baton.v1.BatonServiceFinishTaskRequest"
      local got = wire.decode(messages, name, assert(wire.encode(messages, name, how)))
      say(got.status.code .. " " .. got.status.message)]])
  end)

  it("that an error of ours ends takes its slot with it and nothing else, and is in the log", function()
    local out = reeve.engine(HEAD .. [[
      local other = ("b"):rep(27)
      give({ id = ID, list_events = {} }, { id = other, list_events = {} })
      script.FinishTask = function(request)
        if request.task_id == ID then error("oops") end
        return {}
      end
      run(session { slots = 1, folder = arg[1], work = leaves(require("serve.finish").success()) }, 30)
      for _, line in ipairs(finishes()) do say(line) end]], { reeve.folder(), merge = true })
    assert.matches("oops\"[^\n]*task=" .. ID_LINE, out)
    assert.matches("\n" .. ("b"):rep(27) .. " 0 \n", out)
  end)

  it("leaves no file behind", function()
    local folder = reeve.folder()
    run([[
      give { id = ID, list_events = {} }
      run(session { folder = arg[1], work = leaves(require("serve.finish").success()) }, 30)]], folder)
    assert.equal("", (reeve.shell("ls -A '" .. folder .. "'")))
  end)

  it("leaves none behind whose process writes on", function()
    local folder = reeve.folder()
    run([[
      for i = 1, 20 do
        local job = { id = ("%027d"):format(i), bytes = "" }
        local writer
        do
          local of <close> = require("serve.folder").new(arg[1], job, {})
          writer = io.popen("cd '" .. of.path .. "' && echo; i=0; while : > '" .. of.path
            .. "'/$((i += 1)); do :; done 2>/dev/null")
          writer:read()
        end
        writer:close()
      end]], folder)
    assert.equal("", (reeve.shell("ls -A '" .. folder .. "'")))
  end)

  it("that could not be finished is said to be so, and tried again, unless ConductorOne refuses it", function()
    assert.equal("5\t0 1 5 14 30\n1\t0\n5\t0 1 5 14 30\n", run [[
      local function by_proxy() return nil, { code = 12, message = "404 of a proxy", transport = true } end
      for _, how in ipairs { away, function() return refused(5) end, by_proxy } do
        channel.calls, began = {}, nil
        give { id = ID, grant = {} }
        script.FinishTask = how
        run(session(), 100)
        say(#finishes(), times "FinishTask")
      end]])
  end)
end)

describe("a sync", function()
  it("begins with a heartbeat, has them while it works and uploads, and is finished behind its upload", function()
    assert.equal("Heartbeat 0, Heartbeat 20, Heartbeat 40, UploadAsset 45, FinishTask 45\n", run([[
      give { id = ID, sync_full = {} }
      script.Heartbeat = function() return { next_heartbeat = { seconds = 20 } } end
      run(session { folder = arg[1], work = function(path)
        task.sleep(45)
        return leaves(require("serve.finish").success())(path)
      end }, 100)
      local list = {}
      for _, call in ipairs(channel.calls) do
        if call.request.task_id then list[#list + 1] = ("%s %.0f"):format(call.method, call.at) end
      end
      say(table.concat(list, ", "))]], reeve.folder()))
  end)

  it("that ConductorOne cancels is ended, uploads nothing, and is finished as cancelled", function()
    for _, first in ipairs { "true", "false" } do
      assert.equal(ID_LINE .. " 1 ConductorOne cancelled the task\n" .. first .. "\n0\n", (run(([[
        local first, worked, ended = %s, false, false
        give { id = ID, sync_full = {} }
        script.Heartbeat = function()
          if first or worked then return { cancelled = true } end
          return {}
        end
        run(session { folder = arg[1], work = function()
          local gone <close> = setmetatable({}, { __close = function() ended = true end })
          worked = true
          task.sleep(1000)
        end }, 100)
        say(finishes()[1])
        say(worked ~= ended or not worked)
        local uploads = 0
        for _, call in ipairs(channel.calls) do uploads = uploads + (call.method == "UploadAsset" and 1 or 0) end
        say(uploads)]]):format(first), reeve.folder())))
    end
  end)

  it("goes on over 8 missed heartbeats in a row, and ends with the ninth", function()
    assert.equal(ID_LINE .. " 14 9 heartbeats in a row failed: away\n0 30 60 90 120 150 180 210 240 270 300\n", run([[
      give { id = ID, sync_full = {} }
      local n = 0
      script.Heartbeat = function()
        n = n + 1
        if n <= 2 then return {} end
        return away()
      end
      run(session { folder = arg[1], work = function() task.sleep(5000) end }, 1000)
      say(finishes()[1])
      say(times "Heartbeat")]], reeve.folder()))
  end)

  it("of one connector waits for another, and both are done", function()
    assert.equal("1\t2\n", run([[
      give({ id = ("a"):rep(27), sync_full = {} }, { id = ("b"):rep(27), sync_full = {} })
      local most, now = 0, 0
      run(session { folder = arg[1], work = function(path)
        now = now + 1
        most = math.max(most, now)
        task.sleep(10)
        now = now - 1
        return leaves(require("serve.finish").success())(path)
      end }, 100)
      say(most, #finishes())]], reeve.folder()))
  end)

  it("whose upload fails is sent again for less than 15 minutes, and not again where it is refused", function()
    assert.equal("true\t14\ntrue\ntrue\n1\t3\n", run([[
      give { id = ID, sync_full = {} }
      local work = leaves(require("serve.finish").success())
      script.UploadAsset = function() return away() end
      run(session { folder = arg[1], work = work }, 2000)
      local last
      for _, call in ipairs(channel.calls) do last = call.method == "UploadAsset" and call.at or last end
      say(last < 900 and last > 800, finishes()[1]:match(" (%d+) "))
      say(finishes()[1]:find("away", 1, true) ~= nil)
      say(times("UploadAsset"):find("^0 1 5 14 30 55 91 140 200 260 320 ") ~= nil)
      channel.calls = {}
      give { id = ID, sync_full = {} }
      local uploads = 0
      script.UploadAsset = function()
        uploads = uploads + 1
        return refused(3)
      end
      run(session { folder = arg[1], work = work }, 2000)
      say(uploads, finishes()[1]:match(" (%d+) "))]], reeve.folder()))
  end)

  it("that failed is not sent, and its reason is told", function()
    assert.equal(ID_LINE .. " 9 main: run 4 held\n0\ttrue\n", run([[
      give { id = ID, sync_full = {} }
      local uploads = 0
      script.UploadAsset = function() uploads = uploads + 1 return {} end
      run(session { folder = arg[1],
        work = leaves(require("serve.finish").error({ code = 9, message = "main: run 4 held" }, true)) }, 50)
      say(finishes()[1])
      for _, call in ipairs(channel.calls) do
        if call.method == "FinishTask" then say(uploads, call.request.error.non_retryable) end
      end]], reeve.folder()))
  end)
end)

describe("the end of the service", function()
  it("is told for what is worked on; what was over is told as it was", function()
    assert.equal(("a"):rep(27) .. " 0 \n" .. ("a"):rep(27) .. " 0 \n" .. ("b"):rep(27)
      .. " 1 reeve c1 was asked to end\n", run([[
      give({ id = ("a"):rep(27), hello = {} }, { id = ("b"):rep(27), list_events = {} })
      script.FinishTask = function()
        task.sleep(100)
        return {}
      end
      local s = session { folder = arg[1], work = function() task.sleep(1000) end }
      run(s, 20)
      script.FinishTask = nil
      task.run(function() s:farewell() end)
      local list = finishes()
      table.sort(list)
      for _, line in ipairs(list) do say(line) end]], reeve.folder()))
  end)

  it("waits for no token that is long in coming", function()
    assert.equal("4 s\n", run([[
      give { id = ID, list_events = {} }
      local s = session { folder = arg[1], work = function() task.sleep(1000) end }
      run(s, 20)
      script.FinishTask = function()
        task.sleep(60)
        return away()
      end
      task.run(function()
        local asked = task.now()
        s:farewell()
        say(("%.0f s"):format(task.now() - asked))
      end)]], reeve.folder()))
  end)
end)

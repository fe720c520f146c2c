-- `reeve c1`: calls that are lost on their way, or answered with nonsense, while it does its tasks.
local reeve = require "reeve"
local service = require "service"

local it = service.it(it, pending)

-- How a call may be lost, whatever it is. Each is one call's; the next one is answered.
local LOST = { { cut = "before" }, { cut = "after" }, { half = true }, { rst = 2 }, { goaway = 0, refuse = true },
  { grpc = { code = 14, message = "away" } }, { http = 502, body = "<html>" }, { silent = true } }

-- The modules of the service with the stand-in, in one process, by a clock that is set forward where no answer is
-- awaited: nobody waits for what comes again later. waits: after how many seconds each try came again.
local HEAD = [[
local address, id, secret_text, task_id, path = ...
local fail, log, secret, task = require "fail", require "log", require "host.secret", require "target.task"
local delivery = require "serve.delivery"
local credential = require("serve.credential").parse(id, secret.new(secret_text), address)
local client = fail.try(require("host.http").client { named = { credential.host }, timeout_s = 1, concurrency = 8 })
local channel = require("serve.grpc").channel { client = client, origin = credential.origin, agent = "happy-otter-1",
  token = require("serve.token").new { credential = credential, client = client } }
local waits = {}
log.info = function() end
log.warn = function(_, fields) waits[#waits + 1] = ("%d"):format(fields.again_in_s) end
local function take()
  local given = channel:call("GetTask", { host_id = "host-1" }).task
  assert(require("serve.answer").job(given).id == task_id)
end
task.set_ahead(true)
]]

-- Serves until the end of a task was told.
local POLLING = HEAD .. [[
local over = task.event()
local finish = delivery.finish
function delivery.finish(...)
  finish(...)
  over:set()
end
local session = require("serve.session").new { name = "acme", channel = channel, host_id = "host-1", slots = 1,
  hellos = require("serve.turn").new(1), metadata = function()
    return { display_name = "Acme", capabilities = require("c1.capabilities").of { resources = {} } }
  end }
task.run(function()
  task.spawn(function() session:run() end)
  task.wait(over)
end)
print(table.concat(waits, " "))]]

local UPLOADING = HEAD .. [[
task.run(function()
  take()
  assert(delivery.upload({ name = "acme", host_id = "host-1", channel = channel }, task_id, path))
end)
print(table.concat(waits, " "))]]

-- Asks, and again each time that nothing was under way when the connection was closed, which a command does.
local HUNG_UP = HEAD .. [[
task.run(function()
  local function ask() assert(channel:call("GetTask", { host_id = "host-1" })) end
  ask()
  for _ = 1, 3 do
    assert(os.execute(path))
    ask()
  end
end)
print "asked"]]

-- One upload, and what memory that took.
local ONE_UPLOAD = HEAD .. [[
task.run(function()
  take()
  assert(channel:upload("host-1", task_id, path))
end)
for line in io.lines "/proc/self/status" do
  if line:find "VmHWM" then print(line) end
end]]

-- Sends a file to nobody, by a clock that is set forward.
local VAIN_UPLOAD = [[
local delivery, log, task = require "serve.delivery", require "log", require "target.task"
log.warn = function() end
local n = 0
local function upload()
  n = n + 1
  return nil, { code = 14, name = "UNAVAILABLE", message = "away", transport = true }
end
task.set_ahead(true)
task.run(function()
  local began = task.now()
  local _, problem = delivery.upload({ name = "acme", host_id = "host-1", channel = { upload = upload } }, "id", "path")
  print(("%d uploads in %d s: %s"):format(n, (task.now() - began + 0.5) // 1, problem.message))
end)]]

describe("reeve c1", function()
  local s = service.each(after_each)

  local function uploads(id)
    return s.c1:events { event = "upload", task = id }
  end

  local function lose(method, faults)
    for _, fault in ipairs(faults) do
      fault.method = method
      s.c1:fault(fault)
    end
  end

  -- Runs one of the above with the stand-in; what it printed.
  local function engine(text, id, file)
    return (reeve.engine(text, { s.c1.address, s.c1.id, s.c1.secret, id or "", file, env = s.c1.env }))
  end

  it("says hello until it is heard, whatever becomes of it or of the token", function()
    s:make()
    lose("token", { { token = { status = 503, body = "<html>" } }, { cut = "before" } })
    lose("Hello", LOST)
    s.c1:task { kind = "hello" }
    assert.equal("1 2 4 8 16 32 64 128 256 300\n", engine(POLLING))
    assert.is_true(s.c1:wait({ event = "finished" }).success)
  end)

  it("says how a task ended until it is heard, five times at most", function()
    s:make()
    for first = 1, #LOST, 4 do
      lose("FinishTask", table.move(LOST, first, first + 3, 1, {}))
      local id = s.c1:task { kind = "hello" }
      assert.equal("1 4 9 16\n", engine(POLLING))
      local told = s.c1:events { event = "finished", task = id }
      assert.equal(first == 1 and 3 or 1, #told) -- two were lost on their way back
      for i, finished in ipairs(told) do assert.same({ i, true }, { finished.times, finished.success }) end
    end
  end)

  describe("asking for tasks", function()
    it("goes on after every answer that is none", function()
      s:make()
      local faults = { { answer = "ffff" }, { answer = "" }, { flags = 1 }, { length = 0xffffffff }, { twice = true },
        { message = "ffffff" }, { http = 200, body = "<html>" }, { type = "text/html" }, { bare = true },
        { grpc = { code = 13 }, late = true } }
      table.move(LOST, 1, #LOST, #faults + 1, faults)
      lose("GetTask", faults)
      for _ = 0, #faults do s.c1:task { kind = "hello" } end -- what is lost may have been one
      assert.equal("1 4 9 16 25 36 49" .. (" 60"):rep(#faults - 7) .. "\n", engine(POLLING))
      assert.is_true(s.c1:wait({ event = "finished" }).success)
    end)

    it("takes a new connection, without a word, for one that ConductorOne has closed", function()
      s:make()
      local hang_up = ("exec curl -sS --noproxy '*' -d '{\"do\":\"hang_up\"}' %s"):format(s.c1.control)
      assert.equal(("{}"):rep(3) .. "asked\n", engine(HUNG_UP, nil, hang_up))
      assert.equal(4, #s.c1:events { event = "call", method = "GetTask" })
    end)

    it("goes on asking where its key is not taken any more, which may be a mistake", function()
      s:serve()
      s.c1:wait { event = "call", method = "GetTask" }
      s.c1:fault { method = "token", token = { status = 401, body = '{"error":"invalid_client"}' } }
      s.c1:revoke()
      assert.is_truthy(s:log("cannot be asked for tasks").message:find("refuses the client id and secret", 1, true))
      assert.is_true(s:task({ kind = "hello" }).success)
    end)

    it("takes a new token before the old one ends, and when one is refused", function()
      s:serve { c1 = { expires_in = 11 } }
      for _ = 1, 2 do s.c1:wait { event = "token", status = 200 } end
      s.c1:set { expires_in = 3600 }
      s.c1:wait { event = "token", status = 200 }
      s.c1:revoke()
      assert.is_true(s:task({ kind = "hello" }).success)
      assert.equal(1, #s.c1:events { event = "answer", status = 16 })
      assert.is_nil(reeve.read(s.process.err_path):find("cannot be asked for tasks", 1, true))
    end)
  end)

  describe("beating", function()
    it("does not begin what ConductorOne cannot be told of", function()
      s:serve()
      s.c1:fault { method = "Heartbeat", grpc = { code = 14, message = "deaf" } }
      assert.equal(14, s:task({ kind = "sync_full" }).code)
      assert.equal(0, s.w:asked "/users")
    end)

    it("goes on after heartbeats that were not heard", function()
      s:serve { c1 = { next_heartbeat = 1 } }
      s.w.sim:faults { "GET /users: hold" }
      s.c1:fault { method = "Heartbeat", skip = 1, times = 2, cut = "before" }
      local id = s.c1:task { kind = "sync_full" }
      for _ = 1, 2 do s.c1:wait { event = "fault", method = "Heartbeat" } end
      s.w.sim:faults {}
      assert.is_true(s.c1:wait({ event = "finished", task = id }).success)
    end)
  end)

  describe("bringing a file", function()
    it("takes little memory for a large one", function()
      s:make { c1 = { keep = false } }
      local file, id = reeve.path "large", s.c1:task { kind = "sync_full" }
      assert.equal(0, select(2, reeve.shell("truncate -s 300M " .. file)))
      local out = engine(ONE_UPLOAD, id, file)
      assert.equal(300 * 1024 * 1024, s.c1:wait({ event = "upload", task = id }).size)
      if not reeve.sanitized then assert.is_true(tonumber(out:match("VmHWM:%s*(%d+)")) < 24 * 1024) end
    end)

    it("is given up after 15 minutes, when the file is not news any more", function()
      local out = reeve.engine(VAIN_UPLOAD, {})
      assert.equal("20 uploads in 860 s: away\n", out)
    end)

    it("sends it from its beginning after every way to lose it", function()
      s:make()
      local faults = { { cut_at = 100 }, table.unpack(LOST) }
      lose("UploadAsset", faults)
      local bytes = ("0123456789"):rep(150000)
      local id = s.c1:task { kind = "sync_full" }
      assert.equal("1 4 9 16 25 36 49 60 60\n", engine(UPLOADING, id, reeve.write(reeve.path "file", bytes)))
      local sent = uploads(id)
      assert.equal(bytes, reeve.read(sent[#sent].path))
    end)

    it("goes on telling that it is at work, and stops where it is cancelled", function()
      s:serve { c1 = { next_heartbeat = 1 } }
      s.c1:fault { method = "UploadAsset", hold = true }
      local id = s.c1:task { kind = "sync_full" }
      s.c1:wait { event = "call", method = "UploadAsset" }
      s.c1:wait { event = "call", method = "Heartbeat" }
      s.c1:cancel(id)
      assert.equal(1, s.c1:wait({ event = "finished", task = id }).code)
      assert.equal(0, #uploads(id))
      assert.is_true(s:task({ kind = "sync_full" }).success)
    end)

    it("does not insist where ConductorOne does not want it", function()
      s:serve()
      s.c1:fault { method = "UploadAsset", grpc = { code = 3, message = "not like this" }, early = true }
      local finished = s:task { kind = "sync_full" }
      assert.equal(3, finished.code)
      assert.matches("not like this", finished.message)
      assert.is_true(s:task({ kind = "sync_full" }).success)
    end)

    it("waits for a ConductorOne that goes away in between", function()
      s:serve()
      local id = s.c1:task { kind = "sync_full" }
      s.c1:fault { method = "UploadAsset", cut = "before" }
      s.c1:wait { event = "fault", what = "cut" }
      s.c1:away()
      s:log "upload failed"
      s.c1:back()
      assert.is_true(s.c1:wait({ event = "finished", task = id }).success)
    end)
  end)
end)

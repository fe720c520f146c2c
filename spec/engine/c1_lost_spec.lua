-- `reeve c1`: calls that are lost on their way, or answered with nonsense, while it does its tasks.
local reeve = require "reeve"
local service = require "service"

local missing = service.missing()

-- How a call may be lost, whatever it is. Each is one call's; the next one is answered.
local LOST = { { cut = "before" }, { cut = "after" }, { half = true }, { rst = 2 }, { goaway = 0, refuse = true },
  { grpc = { code = 14, message = "away" } }, { http = 502, body = "<html>" }, { silent = true } }

-- Sends a file by the modules of the service alone, and says what memory that took.
local ONE_UPLOAD = [[
local address, id, secret_text, task_id, path = ...
local fail, secret, task = require "fail", require "host.secret", require "target.task"
local credential = require("serve.credential").parse(id, secret.new(secret_text), address)
local client = fail.try(require("host.http").client { hosts = { "127.0.0.1" }, named = {}, timeout_s = 60,
  concurrency = 8, user_agent = "reeve", http2 = true })
client:allow(credential.host)
local channel = require("serve.grpc").channel { client = client, origin = credential.origin, agent = "happy-otter-1",
  token = require("serve.token").new { credential = credential, client = client } }
task.run(function()
  assert(channel:call("GetTask", { host_id = "host-1" }).task.id == task_id)
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
  if missing then return it("survives lost calls", function() pending(missing) end) end
  local s

  after_each(function()
    if s then s:close() end
    s = nil
  end)

  local function serving(options, words)
    s = service.new(options)
    s:start(words)
    return s
  end

  local function uploads(id)
    return s.c1:events { event = "upload", task = id }
  end

  describe("asking for tasks", function()
    it("goes on after every answer that is none", function()
      serving(nil, { env = { BATON_HTTP_TIMEOUT_SECONDS = "2" } })
      local more = { { answer = "ffff" }, { answer = "" }, { flags = 1 }, { length = 0xffffffff }, { twice = true },
        { message = "ffffff" }, { http = 200, body = "<html>" }, { type = "text/html" }, { bare = true },
        { grpc = { code = 13 }, late = true } }
      table.move(LOST, 1, #LOST, #more + 1, more)
      for _, fault in ipairs(more) do
        fault.method, fault.skip = "GetTask", 1
        s.c1:fault(fault)
        assert.is_true(s:task({ kind = "hello" }).success)
        assert.equal(1, s:log("cannot be asked for tasks").again_in_s, reeve.encode(fault))
      end
      assert.is_true(s:task({ kind = "hello" }).success)
      s:stop()
    end)

    it("takes a new connection, without a word, for one that ConductorOne has closed", function()
      serving()
      for _ = 1, 2 do
        assert.is_true(s:task({ kind = "hello" }).success)
        s.c1:hang_up()
      end
      assert.is_true(s:task({ kind = "hello" }).success)
      assert.is_nil(reeve.read(s.process.err_path):find('"warn"', 1, true))
      s:stop()
    end)

    it("waits longer each time, and after an answer not at all", function()
      serving()
      s.c1:wait { event = "call", method = "GetTask" }
      s.c1:fault { method = "GetTask", times = 2, grpc = { code = 8, message = "slower" } }
      assert.equal(1, s:log("cannot be asked for tasks").again_in_s)
      assert.equal(4, s:log("cannot be asked for tasks").again_in_s)
      assert.equal("acme", s:log("ConductorOne answers again").connector)
      assert.is_true(s:task({ kind = "hello" }).success)
      s.c1:fault { method = "GetTask", grpc = { code = 8, message = "slower" } }
      assert.equal(1, s:log("cannot be asked for tasks").again_in_s)
      s:stop()
    end)

    it("is not led astray by what ConductorOne says of time", function()
      serving { c1 = { next_poll = 0 } }
      s.c1:wait { event = "call", method = "GetTask" }
      local began = reeve.mono()
      for _ = 1, 2 do s.c1:wait { event = "call", method = "GetTask" } end
      assert.is_true(reeve.mono() - began > 0.5)
      s.c1:set { next_poll = reeve.null, next_heartbeat = reeve.null }
      assert.is_true(s:task({ kind = "sync_full" }).success)
      s:stop()
    end)

    it("goes on asking where its key is not taken any more, which may be a mistake", function()
      serving()
      s.c1:wait { event = "call", method = "GetTask" }
      s.c1:fault { method = "token", token = { status = 401, body = '{"error":"invalid_client"}' } }
      s.c1:revoke()
      assert.is_truthy(s:log("cannot be asked for tasks").message:find("refuses the client id and secret", 1, true))
      assert.is_true(s:task({ kind = "hello" }).success)
      s:stop()
    end)

    it("takes a new token before the old one ends, and when one is refused", function()
      serving { c1 = { expires_in = 11 } }
      for _ = 1, 3 do s.c1:wait { event = "token", status = 200 } end
      s.c1:set { expires_in = 3600 }
      s.c1:wait { event = "token", status = 200 }
      s.c1:revoke()
      assert.is_true(s:task({ kind = "hello" }).success)
      assert.equal(1, #s.c1:events { event = "answer", status = 16 })
      assert.is_nil(reeve.read(s.process.err_path):find("cannot be asked for tasks", 1, true))
      s:stop()
    end)
  end)

  describe("beating", function()
    it("does not begin what ConductorOne cannot be told of", function()
      serving()
      s.c1:fault { method = "Heartbeat", grpc = { code = 14, message = "deaf" } }
      assert.equal(14, s:task({ kind = "sync_full" }).code)
      assert.equal(0, s.w:asked "/users")
      s:stop()
    end)

    it("goes on after heartbeats that were not heard, but not for ever", function()
      serving { c1 = { next_heartbeat = 1 } }
      s.w.sim:faults { "GET /users: latency=3500 times=1" }
      s.c1:fault { method = "Heartbeat", skip = 1, times = 2, cut = "before" }
      assert.is_true(s:task({ kind = "sync_full" }).success)
      s.w.sim:faults { "GET /users: latency=30000 times=1" }
      s.c1:fault { method = "Heartbeat", skip = 1, times = 9, grpc = { code = 14, message = "deaf" } }
      local lost = s:task { kind = "sync_full" }
      assert.equal(14, lost.code)
      assert.matches("9 heartbeats in a row failed", lost.message)
      s:stop()
    end)
  end)

  describe("bringing a file", function()
    it("takes little memory for a large one", function()
      s = service.new { c1 = { keep = false } }
      local file, id = reeve.path "large", s.c1:task { kind = "sync_full" }
      assert.equal(0, select(2, reeve.shell("truncate -s 300M " .. file)))
      local out = reeve.engine(ONE_UPLOAD, { s.c1.address, s.c1.id, s.c1.secret, id, file, env = s.c1.env })
      assert.equal(300 * 1024 * 1024, s.c1:wait({ event = "upload", task = id }).size)
      if not reeve.sanitized then assert.is_true(tonumber(out:match("VmHWM:%s*(%d+)")) < 24 * 1024) end
    end)

    it("is given up after 15 minutes, when the file is not news any more", function()
      local out = reeve.engine(VAIN_UPLOAD, {})
      assert.equal("20 uploads in 860 s: away\n", out)
    end)

    it("sends it from its beginning after every way to lose it", function()
      serving(nil, { env = { BATON_HTTP_TIMEOUT_SECONDS = "2" } })
      local more = { { cut_at = 100 } }
      table.move(LOST, 1, #LOST, #more + 1, more)
      for _, fault in ipairs(more) do
        fault.method = "UploadAsset"
        s.c1:fault(fault)
        local finished = s:task { kind = "sync_full" }
        assert.is_true(finished.success, reeve.encode(fault) .. finished.message)
        local sent = uploads(finished.task)
        assert.equal("3", service.tables(sent[#sent].path) "select count(*) from v1_grants")
      end
      s:stop()
    end)

    it("goes on telling that it is at work, and stops where it is cancelled", function()
      serving { c1 = { next_heartbeat = 1 } }
      s.c1:fault { method = "UploadAsset", delay = 20 }
      local id = s.c1:task { kind = "sync_full" }
      s.c1:wait { event = "call", method = "UploadAsset" }
      s.c1:wait { event = "call", method = "Heartbeat" }
      s.c1:cancel(id)
      assert.equal(1, s.c1:wait({ event = "finished", task = id }).code)
      assert.equal(0, #uploads(id))
      assert.is_true(s:task({ kind = "sync_full" }).success)
      s:stop()
    end)

    it("does not insist where ConductorOne does not want it", function()
      serving()
      s.c1:fault { method = "UploadAsset", grpc = { code = 3, message = "not like this" }, early = true }
      local finished = s:task { kind = "sync_full" }
      assert.equal(3, finished.code)
      assert.matches("not like this", finished.message)
      assert.is_true(s:task({ kind = "sync_full" }).success)
      s:stop()
    end)

    it("waits for a ConductorOne that goes away in between", function()
      serving()
      local id = s.c1:task { kind = "sync_full" }
      s.c1:fault { method = "UploadAsset", delay = 0.2, cut = "before" }
      s.c1:wait { event = "fault", what = "cut" }
      s.c1:away()
      s:log "upload failed"
      s.c1:back()
      assert.is_true(s.c1:wait({ event = "finished", task = id }).success)
      s:stop()
    end)
  end)
end)

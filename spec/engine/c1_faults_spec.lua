-- `reeve c1`: what goes wrong between it and ConductorOne, and what happens then.
local reeve = require "reeve"
local service = require "service"

local missing = service.missing()
local _, refused = reeve.shell("unshare -m true 2>/dev/null")
local in_namespace = refused == 0 and it or function(name) pending(name .. " (unshare -m is refused here)") end

describe("reeve c1", function()
  if missing then return it("survives ConductorOne", function() pending(missing) end) end
  local s

  after_each(function() s = service.over(s) end)

  local function serving(options, words)
    s = service.new(options)
    s:start(words)
    return s
  end

  -- Runs it to its end, which must come by itself: the process.
  local function ended(env, options)
    s = s or service.new(options)
    local process = s:start { env = env }
    s.process, s.c1.watched = nil, nil
    process:wait()
    assert.is_false(process.timed_out)
    return process
  end

  describe("at its start", function()
    it("says which part of its credentials is wrong, and not what it is", function()
      s = service.new()
      local function base64url(text)
        local out = reeve.shell("printf %s " .. reeve.quote(text) .. " | base64 -w0")
        return (out:gsub("+", "-"):gsub("/", "_"):gsub("=", ""))
      end
      local parts = { "secret-token:conductorone.com:v1:" }
      local wrong = {
        { BATON_CLIENT_ID = "happy-otter-1" }, { BATON_CLIENT_ID = "happy@acme.example" },
        { BATON_CLIENT_ID = "@/bct" },
        { BATON_CLIENT_SECRET = "Canary-Secret" }, { BATON_CLIENT_SECRET = s.c1.secret:gsub(":v1:", ":v2:") },
        { BATON_CLIENT_SECRET = parts[1] .. "Canary-Secret" },
        { BATON_CLIENT_SECRET = parts[1] .. base64url '{"kty":"RSA","n":"Canary-Secret","e":"AQAB"}' },
        { BATON_CLIENT_SECRET = parts[1] .. base64url '{"kty":"OKP","crv":"Ed25519","x":"Canary-Secret"}' },
      }
      for _, env in ipairs(wrong) do
        local process = ended(env)
        assert.equal(4, process.code, process.err)
        local part = env.BATON_CLIENT_ID and "client id" or "client secret"
        assert.is_truthy(process.err:find(part, 1, true), process.err)
        assert.is_nil(process.err:find("Canary", 1, true))
        assert.is_nil(process.err:find(s.c1.secret:match("[^:]+$"), 1, true))
      end
      assert.same({}, s.c1:events { event = "connection" })
    end)

    it("ends where syncs are to be of a type that there is none of", function()
      for name, value in pairs { BATON_SYNC_RESOURCE_TYPES = "user,roles", BATON_SYNC_RESOURCES = "bid:r:roles/1" } do
        local process = ended { [name] = value }
        assert.equal(3, process.code)
        assert.matches("acme has no resource type 'roles'.*its types: ", process.err)
      end
      assert.same({}, s.c1:events { event = "connection" })
    end)

    it("ends where ConductorOne refuses its key", function()
      s = service.new()
      local process = ended { BATON_CLIENT_SECRET = s.c1:client("other").secret }
      assert.equal(4, process.code)
      assert.matches("ConductorOne refuses the client id and secret", process.err, 1, true)
      assert.equal(1, select(2, process.err:gsub("ConductorOne refuses", "")), process.err)
      assert.matches("`reeve set acme c1.client_id=… c1.client_secret=-`", process.err, 1, true)
    end)

    it("ends where ConductorOne refuses the connector", function()
      s = service.new()
      for code, status in pairs { [7] = 4, [3] = 5, [12] = 5, [9] = 5, [5] = 5 } do
        s.c1:fault { method = "Hello", grpc = { code = code, message = "not this one" } }
        local process = ended()
        assert.equal(status, process.code, process.err)
        assert.is_truthy(process.err:find("not this one", 1, true), process.err)
      end
    end)

    it("waits for a ConductorOne that is away, longer each time", function()
      s = service.new()
      s.c1:away()
      s:start()
      assert.equal(1, s:log("ConductorOne is not reached").again_in_s)
      assert.equal(2, s:log("ConductorOne is not reached").again_in_s)
      s.c1:back()
      assert.is_true(s:task({ kind = "sync_full" }).success)
      s:stop()
    end)

    it("waits for a token endpoint that is not well", function()
      s = service.new()
      s.c1:fault { method = "token", token = { status = 503, body = "<html>" } }
      s.c1:fault { method = "token", cut = "before" }
      s:start()
      assert.is_truthy(s:log("ConductorOne is not reached").message:find("503", 1, true))
      assert.is_true(s:task({ kind = "hello" }).success)
      s:stop()
    end)

    it("says hello again when it was not heard", function()
      s = service.new()
      s.c1:fault { method = "Hello", grpc = { code = 14, message = "soon" } }
      s.c1:fault { method = "Hello", cut = "after" }
      s:start()
      s.c1:wait { event = "call", method = "GetTask" }
      assert.equal(3, #s.c1:events { event = "call", method = "Hello" })
      s:stop()
    end)

    it("says so of a certificate that it does not trust", function()
      local other = reeve.certificate()
      serving(nil, { env = { SSL_CERT_FILE = other.ca } })
      local line = s:log("ConductorOne is not reached", "certificate")
      assert.is_truthy(line.message:find("authority that this machine does not know", 1, true), line.message)
      s:stop()
      assert.same({}, s.c1:events { event = "token" })
    end)

    it("says so of something that speaks only HTTP/1.1", function()
      serving { c1 = { http1 = true } }
      local line = s:log("ConductorOne is not reached", "HTTP/1.1")
      assert.is_truthy(line.message:find("proxy", 1, true), line.message)
      s:stop()
    end)
  end)

  describe("saying how a task ended", function()
    it("says it again where that was lost", function()
      serving()
      for _, fault in ipairs { { cut = "before" }, { cut = "after" }, { rst = 2 }, { grpc = { code = 14 } } } do
        fault.method = "FinishTask"
        s.c1:fault(fault)
        local finished = s:task { kind = "hello" }
        if fault.cut == "after" then finished = s.c1:wait { event = "finished", task = finished.task } end
        assert.same({ fault.cut == "after" and 2 or 1, true }, { finished.times, finished.success })
      end
      s:stop()
    end)

    it("lets it be where ConductorOne does not know the task any more", function()
      serving()
      s.c1:fault { method = "FinishTask", grpc = { code = 5, message = "which?" } }
      s.c1:task { kind = "hello" }
      s:log("the end of a task could not be told", "which?")
      assert.is_true(s:task({ kind = "hello" }).success)
      s:stop()
    end)
  end)

  in_namespace("tells that the disk is full, and leaves nothing behind", function()
    local people = {}
    for i = 1, 2000 do people[i] = ("user-%d-%d"):format(i, i * 7919 % 10007) end
    s = service.new { people = people }
    local folder = reeve.folder()
    local script = ('mount -t tmpfs -o size=16k,mode=700 none %s && exec "$0" "$@"'):format(folder)
    local env = { REEVE_HOME = s.home, BATON_C1Z_TEMP_DIR = folder }
    for name, value in pairs(s.c1.env) do env[name] = value end
    s.process = reeve.start { program = "unshare", "-m", "sh", "-c", script, reeve.bin, "c1", "acme", env = env }
    s.told = 0
    local finished = s:task { kind = "sync_full" }
    assert.is_nil(finished.final.success)
    assert.matches("disk is full", finished.message)
    assert.is_true(s:task({ kind = "hello" }).success)
    assert.equal("", (reeve.shell(("find /proc/%d/root%s -type f"):format(s.process.pid, folder))))
    s:stop()
  end)
end)

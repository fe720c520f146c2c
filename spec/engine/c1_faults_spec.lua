-- `reeve c1`: what goes wrong between it and ConductorOne, and what happens then.
local reeve = require "reeve"
local service = require "service"

local it = service.it(it, pending)
local _, refused = reeve.shell("unshare -m true 2>/dev/null")
local in_namespace = refused == 0 and it or function(name) pending(name .. " (unshare -m is refused here)") end

describe("reeve c1", function()
  local s = service.each(after_each)

  -- Runs it to its end, which must come by itself: the process.
  local function ended(env)
    if not s.w then s:make() end
    local process = s:start { env = env }
    s.process, s.c1.watched = nil, nil
    process:wait()
    assert.is_false(process.timed_out)
    return process
  end

  describe("at its start", function()
    it("says which part of its credentials is wrong, and not what it is", function()
      s:make()
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
      s:make()
      local process = ended { BATON_CLIENT_SECRET = s.c1:client("other").secret }
      assert.equal(4, process.code)
      assert.matches("ConductorOne refuses the client id and secret", process.err, 1, true)
      assert.equal(1, select(2, process.err:gsub("ConductorOne refuses", "")), process.err)
      assert.matches("`reeve set acme c1.client_id=… c1.client_secret=-`", process.err, 1, true)
    end)

    it("ends where ConductorOne refuses the connector", function()
      s:make()
      for code, status in pairs { [7] = 4, [3] = 5, [12] = 5, [9] = 5, [5] = 5 } do
        s.c1:fault { method = "Hello", grpc = { code = code, message = "not this one" } }
        local process = ended()
        assert.equal(status, process.code, process.err)
        assert.is_truthy(process.err:find("not this one", 1, true), process.err)
      end
    end)

    it("waits for a ConductorOne that is away", function()
      s:make()
      s.c1:away()
      s:start()
      assert.equal(1, s:log("ConductorOne is not reached").again_in_s)
      s.c1:back()
      assert.is_true(s:task({ kind = "sync_full" }).success)
    end)

    it("says so of a certificate that it does not trust", function()
      local other = reeve.certificate()
      s:serve(nil, { env = { SSL_CERT_FILE = other.ca } })
      local line = s:log("ConductorOne is not reached", "certificate")
      assert.is_truthy(line.message:find("authority that this machine does not know", 1, true), line.message)
      s:stop()
      assert.same({}, s.c1:events { event = "token" })
    end)

    it("says so of something that speaks only HTTP/1.1", function()
      s:serve { c1 = { http1 = true } }
      local line = s:log("ConductorOne is not reached", "HTTP/1.1")
      assert.is_truthy(line.message:find("proxy", 1, true), line.message)
    end)
  end)

  it("lets it be where ConductorOne does not know the task any more that ended", function()
    s:serve()
    s.c1:fault { method = "FinishTask", grpc = { code = 5, message = "which?" } }
    s.c1:task { kind = "hello" }
    s:log("the end of a task could not be told", "which?")
    assert.is_true(s:task({ kind = "hello" }).success)
  end)

  in_namespace("tells that the disk is full, and leaves nothing behind", function()
    local people = {}
    for i = 1, 2000 do people[i] = ("user-%d-%d"):format(i, i * 7919 % 10007) end
    s:make { people = people }
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
  end)
end)

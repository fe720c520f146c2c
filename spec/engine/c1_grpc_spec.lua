-- serve.grpc: calls and uploads over TLS and HTTP/2, against a server that answers as each call wants it
-- (spec/support/grpc.js): the answers and ends that no real service would send, and the bytes that it gets.
local conductorone = require "conductorone"
local reeve = require "reeve"

local tls, server

-- Starts the server; its address is `origin`.
local function start(...)
  local log = reeve.write(reeve.path("log"), "")
  local process = reeve.start({ program = "node", "spec/support/grpc.js", tls.cert, tls.key, log, ... },
    { merge = true, timeout = 160 })
  return { process = process, log = log, origin = "https://127.0.0.1:" .. process:await("listening (%d+)") }
end

local function stop(one)
  one.process:kill("KILL")
  one.process:wait()
end

-- What the server got, request by request.
local function got(one)
  local list = {}
  for line in reeve.read(one.log):gmatch("[^\n]+") do list[#list + 1] = reeve.json(line) end
  return list
end

setup(function()
  tls = reeve.certificate()
  server = start()
end)
teardown(function() stop(server) end)

local HEAD = [[
local json, secret, task = require "host.json", require "host.secret", require "target.task"
local host, grpc = require "host.http", require "serve.grpc"
local origin, given = ..., json.decode(select(2, ...))
local forgotten = 0
local token = {
  get = function() return secret.new("Bearer token-" .. forgotten) end,
  forget = function() forgotten = forgotten + 1 end,
}
local client = assert(host.client { named = { "127.0.0.1" }, timeout_s = given.timeout_s or 20 })
local channel = grpc.channel { client = client, origin = origin, token = token, agent = "acme reeve/0.1" }
local function say(...)
  local parts = table.pack(...)
  for i = 1, parts.n do parts[i] = type(parts[i]) == "table" and json.encode(parts[i]) or tostring(parts[i]) end
  io.stdout:write(table.concat(parts, " "), "\n")
end
-- What became of a call: its answer, or code, name, whether the transport failed, and the words.
local function told(answer, problem)
  if not problem then return say("ok", answer) end
  say(problem.code, problem.name, problem.transport or false, problem.message)
end
local function call(options) told(channel:call("GetTask", { host_id = given.wish or "host-1" }, options)) end
]]

-- Runs Lua text in a task with a channel to the server; what it said.
local function run(text, given, one)
  given = given or {}
  return (reeve.engine(HEAD .. "task.run(function() " .. text .. " end)", { (one or server).origin,
    reeve.encode(given), env = { SSL_CERT_FILE = given.ca or tls.ca }, merge = true }))
end

-- code, name, transport and words of a call that is answered as `wish` says.
local function problem(wish, text, given, one)
  given = given or {}
  given.wish = type(wish) == "table" and reeve.encode(wish) or wish
  local out = run(text or "call()", given, one)
  local code, name, transport, message = out:match("^(%d+) (%S+) (%S+) (.*)\n$")
  return { code = tonumber(code), name = name, transport = transport == "true", message = message or out }
end

describe("a call", function()
  it("is one frame in a POST, with the headers that gRPC wants", function()
    assert.equal("ok {}\n", run("call { deadline_s = 30 }"))
    local last = table.remove(got(server))
    local headers = last.headers
    assert.same({ { flag = 0, hex = "0a06686f73742d31" } }, last.frames)
    assert.equal("POST /c1.connectorapi.baton.v1.BatonService/GetTask", headers[":method"] .. " " .. headers[":path"])
    assert.equal("application/grpc", headers["content-type"])
    assert.equal("trailers", headers.te)
    assert.equal("Bearer token-0", headers.authorization)
    assert.equal("acme reeve/0.1", headers["user-agent"])
    assert.equal("30000m", headers["grpc-timeout"])
    assert.is_nil(headers["accept-encoding"])
    assert.is_nil(headers["grpc-accept-encoding"])
  end)

  it("gives the message that came", function()
    local message = "0a2c0a1b324142436465664748496a6b6c4d4e4f707172535455767778595a1002b2060a10013a0673716c697465"
      .. "120208051a02081e"
    local out = run([[
      local answer = channel:call("GetTask", { host_id = given.wish })
      say(require("serve.answer").job(answer.task).id)
      say(require("host.wire").decode(require "c1.messages", "c1.connectorapi.baton.v1.Task", answer.task))
      say(answer.next_poll.seconds)]],
      { wish = reeve.encode { body = ("00%08x%s"):format(#message // 2, message) } })
    local id, job, seconds = out:match("^(.*)\n(.*)\n(.*)\n$")
    assert.same({ id = "2ABCdefGHIjklMNOpqrSTUvwxYZ", status = 2,
      sync_full = { skip_expand_grants = true, storage_engine = "sqlite" } }, reeve.json(job))
    assert.same({ "2ABCdefGHIjklMNOpqrSTUvwxYZ", "5" }, { id, seconds })
  end)

  it("that cannot be encoded is not sent", function()
    local before = #got(server)
    local p = problem("x", [[told(channel:call("GetTask", { host_id = "\xff" }))]])
    assert.same({ 13, false }, { p.code, p.transport })
    assert.matches("^GetTask cannot be asked: ", p.message)
    assert.equal(before, #got(server))
  end)

  it("keeps one connection, also after an answer that is none", function()
    run([[call() call() call()]], { wish = reeve.encode { trailers = { ["grpc-status"] = "5" } } })
    local sockets = {}
    local list = got(server)
    for i = #list - 2, #list do sockets[list[i].socket] = true end
    assert.is_nil(next(sockets, next(sockets)))
  end)
end)

describe("what the server says", function()
  it("is told with its code, in trailers or in place of an answer", function()
    local trailers = { ["grpc-status"] = "7", ["grpc-message"] = "no%20entry%25" }
    local host = server.origin:match("//(.*)")
    for _, wish in ipairs { { trailers = trailers }, { headers = trailers, trailers = reeve.null } } do
      assert.same({ code = 7, name = "PERMISSION_DENIED", transport = false,
        message = ("GetTask at %s: no entry%% (PERMISSION_DENIED)"):format(host) }, problem(wish))
    end
  end)

  it("is bounded and harmless, whatever it holds", function()
    local p = problem { trailers = { ["grpc-status"] = "5", ["grpc-message"] = "a%1b[31m%0ab%ff%c2%9bc%zz" } }
    assert.matches(": a\\u{1b}%[31m\\nb%?%?%?c%%zz %(NOT_FOUND%)$", p.message)
    p = problem { trailers = { ["grpc-status"] = "5", ["grpc-message"] = ("%41"):rep(5000) } }
    assert.is_true(#p.message < 1200)
  end)

  it("is UNKNOWN where it is no status, or none came", function()
    for _, text in ipairs { "abc", "17", "-1", "0x5", "" } do
      local p = problem { trailers = { ["grpc-status"] = text } }
      assert.same({ 2, "UNKNOWN", false }, { p.code, p.name, p.transport }, text)
      assert.matches(("grpc-status is '%s'"):format(text), p.message, 1, true)
    end
    local p = problem { trailers = { ["x-other"] = "1" } }
    assert.same({ 2, true }, { p.code, p.transport })
    assert.matches("ended without a grpc-status", p.message, 1, true)
  end)

  it("has details where they are ones", function()
    local text = [[
      local _, p = channel:call("GetTask", { host_id = given.wish })
      say(p.message:match(": (.*)$"), p.details or "none")]]
    local function details(bin)
      return run(text, { wish = reeve.encode { trailers = { ["grpc-status"] = "9",
        ["grpc-status-details-bin"] = bin } } })
    end
    -- google.rpc.Status{ 9, "policy", Any{ google.rpc.ErrorInfo{ reason = "r" } } }, without padding
    local bin = "CAkSBnBvbGljeRovCih0eXBlLmdvb2dsZWFwaXMuY29tL2dvb2dsZS5ycGMuRXJyb3JJbmZvEgMKAXI"
    local info = '[{"type":"google.rpc.ErrorInfo","value":{"reason":"r"}}]'
    assert.equal("policy (FAILED_PRECONDITION) " .. info .. "\n", details(bin))
    assert.equal("refused (FAILED_PRECONDITION) none\n", details("!!"))
    assert.equal("refused (FAILED_PRECONDITION) none\n", details("//////"))
    assert.equal("refused (FAILED_PRECONDITION) none\n", details(("="):rep(8200) .. "A"))
  end)

  it("asks for another token once, when this one is refused", function()
    local p = problem({ trailers = { ["grpc-status"] = "16" } }, "call() call() say(forgotten)")
    local list = got(server)
    local used = {}
    for i = #list - 3, #list do used[#used + 1] = list[i].headers.authorization end
    assert.same({ "Bearer token-0", "Bearer token-1", "Bearer token-1", "Bearer token-2" }, used)
    assert.matches("2$", p.message)
  end)
end)

describe("an answer", function()
  it("is refused where its frame is none, or more than one", function()
    local cases = {
      { "0100000000", 13, "is compressed" }, { "0000400001", 8, "has 4194305 bytes; at most 4 MiB" },
      { "00ffffffff", 8, "has 4294967295 bytes" }, { "0000000004aabb", 13, "is cut off" },
      { "000000", 13, "has no message" }, { "", 13, "has no message" },
      { "00000000000000000000", 13, "has more than one message" }, { "00000000020aff", 13, "cannot be read" },
    }
    for _, case in ipairs(cases) do
      local p = problem { body = case[1] }
      assert.same({ case[2], false }, { p.code, p.transport }, case[1])
      assert.matches(case[3], p.message, 1, true)
    end
  end)

  it("is not read without end", function()
    local p = problem({ body = "0000400000" .. ("00"):rep(1000), ["repeat"] = 20000 })
    assert.same({ 14, true }, { p.code, p.transport })
    assert.matches("more than 4194309 bytes", p.message, 1, true)
  end)

  it("that is not gRPC's has the code of its HTTP status", function()
    local codes = { [400] = 13, [401] = 16, [403] = 7, [404] = 12, [429] = 14, [502] = 14, [503] = 14, [504] = 14,
      [500] = 2, [204] = 2 }
    for http, code in pairs(codes) do
      local p = problem { http = http, headers = { ["content-type"] = "text/html" }, body = "" }
      assert.same({ code, true }, { p.code, p.transport }, tostring(http))
      assert.matches(("it answered %d,"):format(http), p.message, 1, true)
    end
    local p = problem { headers = { ["content-type"] = "application/grpcx" } }
    assert.same({ 2, true }, { p.code, p.transport })
    assert.matches("does not speak gRPC (its content-type is application/grpcx)", p.message, 1, true)
  end)

  it("that sends elsewhere is not followed", function()
    local before = #got(server)
    local p = problem { http = 307, headers = { location = server.origin .. "/elsewhere" } }
    assert.same({ 2, true }, { p.code, p.transport })
    assert.equal(before + 1, #got(server))
  end)
end)

describe("a connection", function()
  it("that ends in between is UNAVAILABLE, however it ends", function()
    for _, fault in ipairs { "reset", "cut", "goaway", "half" } do
      local p = problem { fault = fault }
      assert.same({ 14, "UNAVAILABLE", true }, { p.code, p.name, p.transport }, fault)
      assert.matches("^GetTask at 127", p.message)
      assert.is_nil(p.message:find("token-0", 1, true))
    end
    assert.equal("ok {}\n", run("call()"))
  end)

  -- libcurl before 8.1 loses the trailers of the last answer.
  it("that the server ends in peace still brings the answer, and is followed by another", function()
    assert.equal("ok {}\nok {}\n", run([[
      call()
      local n -- a call that is on its way while the connection ends may be lost: this one is not
      repeat
        task.sleep(0.01)
        local log = assert(io.open(given.log))
        n = select(2, log:read("a"):gsub('"closed"', ""))
        log:close()
      until n == 1
      call()]], { wish = reeve.encode { fault = "bye" }, log = server.log }))
    assert.equal("ok {}\nok {}\n", run("call() call()", { wish = reeve.encode { fault = "leaving" } }))
    local refused = { ["grpc-status"] = "7" }
    local p = problem { fault = "leaving", headers = refused, trailers = reeve.null }
    assert.same({ 7, false }, { p.code, p.transport })
    p = problem { fault = "leaving", body = "", trailers = { ["x-other"] = "1" } }
    assert.is_true(p.transport)
  end)

  it("that stays silent ends with the deadline, or with the silence", function()
    local p = problem({ fault = "silent" }, "call { deadline_s = 0.5 }")
    assert.same({ 4, "DEADLINE_EXCEEDED", true }, { p.code, p.name, p.transport })
    assert.matches("not over within 0.5 s", p.message, 1, true)
    p = problem({ fault = "silent" }, nil, { timeout_s = 0.5 })
    assert.same({ 14, true }, { p.code, p.transport })
    assert.matches("nothing came for 0.5 s", p.message, 1, true)
  end)

  it("that trickles in without an end ends with the deadline, which every call has", function()
    local p = problem({ fault = "trickle" }, "call { deadline_s = 0.5 }", { timeout_s = 10 })
    assert.same({ 4, true }, { p.code, p.transport })
    assert.equal("ok {}\n", run "call()")
    local log = got(server)
    assert.equal("120000m", log[#log].headers["grpc-timeout"])
  end)

  it("is not there, or not to be trusted: in plain words", function()
    local p = problem("x", nil, nil, { origin = "https://127.0.0.1:1" })
    assert.same({ 14, true }, { p.code, p.transport })
    p = problem("x", nil, { ca = reeve.certificate().ca })
    assert.same({ 14, true }, { p.code, p.transport })
    assert.matches("its certificate ", p.message, 1, true)
  end)

  it("by HTTP/1.1 is refused with the reason", function()
    local old = start("http1")
    local p = problem("x", nil, nil, old)
    stop(old)
    assert.same({ 14, true }, { p.code, p.transport })
    assert.matches("it answered in HTTP/1.1, and gRPC needs HTTP/2: a proxy on the way", p.message, 1, true)
  end)

  it("carries other calls while one waits", function()
    local out = run([[
      local slow = task.spawn(function() call() end)
      local fast = task.spawn(function() told(channel:call("GetTask", { host_id = "x" })) say("first") end)
      fast:join()
      slow:join()]], { wish = reeve.encode { fault = "late" } })
    assert.equal("ok {}\nfirst\nok {}\n", out)
  end)
end)

describe("an upload", function()
  local TASK = "2ABCdefGHIjklMNOpqrSTUvwxYZ"

  -- The bytes of an UploadAsset stream by the rules of the fact sheet, for host-1 and that task.
  local function stream(bytes)
    local function varint(n) return n < 128 and string.char(n) or string.char(n & 127 | 128) .. varint(n >> 7) end
    local function field(tag, text) return tag .. varint(#text) .. text end
    local function frame(text) return (">BI4"):pack(0, #text) .. text end
    local parts = { frame(field("\xa2\x06", field("\x0a", "host-1") .. field("\x12", TASK))) }
    for at = 1, #bytes, 512 * 1024 do
      parts[#parts + 1] = frame(field("\xaa\x06", field("\x0a", bytes:sub(at, at + 512 * 1024 - 1))))
    end
    local sum = reeve.shell("sha256sum < " .. reeve.write(reeve.path("sum"), bytes)):match("^%x+")
    parts[#parts + 1] = frame(field("\xb2\x06", field("\x0a", (sum:gsub("%x%x", function(pair)
      return string.char(tonumber(pair, 16))
    end)))))
    return table.concat(parts)
  end

  local UPLOAD = ([[told(channel:upload(given.wish or "host-1", %q, given.path))]]):format(TASK)

  local function file(bytes) return reeve.write(reeve.path("asset"), bytes) end

  it("is metadata, pieces of 512 KiB, and the sum, in one POST", function()
    for _, size in ipairs { 0, 5, 524287, 524288, 524289, 1500000 } do
      local bytes = size == 5 and "C1ZF\0" or ("0123456789abcdefghi\xff"):rep(size // 20 + 1):sub(1, size)
      assert.equal("ok true\n", run(UPLOAD, { path = file(bytes) }))
      local last = table.remove(got(server))
      local whole = reeve.write(reeve.path("stream"), stream(bytes))
      assert.equal(reeve.shell("sha256sum < " .. whole):match("^%x+"), last.sha256, size .. " bytes")
      assert.equal("/c1.connectorapi.baton.v1.BatonService/UploadAsset", last.headers[":path"])
      assert.equal("Bearer token-0", last.headers.authorization)
      if size == 5 then
        assert.equal("aa06070a0543315a4600", last.frames[2].hex)
        assert.equal("b206220a20384fac94d3b572383a0fdc27ef8569459d8e8394d4a0e2dda3c2a928cf92a94f", last.frames[3].hex)
      end
    end
  end)

  it("begins anew with another token, when this one is refused", function()
    local p = problem({ trailers = { ["grpc-status"] = "16" } }, UPLOAD, { path = file("abc") })
    local list = got(server)
    assert.equal(16, p.code)
    assert.equal(list[#list].sha256, list[#list - 1].sha256)
    assert.equal("Bearer token-1", list[#list].headers.authorization)
  end)

  it("that is answered before its end ends with that answer", function()
    local path = file(("x"):rep(3000000))
    local trailers = { ["grpc-status"] = "9", ["grpc-message"] = "unknown task" }
    for _, wish in ipairs { { trailers = trailers }, { headers = trailers, trailers = reeve.null } } do
      wish.fault = "early"
      local p = problem(wish, UPLOAD, { path = path })
      assert.same({ 9, "FAILED_PRECONDITION", false }, { p.code, p.name, p.transport })
      assert.matches(": unknown task (FAILED_PRECONDITION)", p.message, 1, true)
    end
  end)

  it("that is cut is UNAVAILABLE, and so is one that nobody reads", function()
    local path = file(("x"):rep(3000000))
    for _, fault in ipairs { "shut", "away", "deaf", "cut", "reset" } do
      local p = problem({ fault = fault }, UPLOAD, { path = path, timeout_s = 0.5 })
      assert.same({ 14, "UNAVAILABLE", true }, { p.code, p.name, p.transport }, fault)
    end
  end)

  it("may take longer than a silence, and does not hold other calls up", function()
    local out = run([[
      local t = task.spawn(function() ]] .. UPLOAD .. [[ end)
      for _ = 1, 4 do told(channel:call("Heartbeat", { host_id = "host-1" })) end
      say("beaten")
      local began = task.now()
      t:join()
      say(task.now() - began > given.timeout_s)]],
      { path = file(("x"):rep(400000)), wish = reeve.encode { fault = "slow" }, timeout_s = 1.5 })
    assert.equal(("ok {}\n"):rep(4) .. "beaten\nok true\ntrue\n", out)
  end)

  it("of a file that shrinks or grows meanwhile is a problem of ours", function()
    for how, mode in pairs { ["shrinks"] = "w", ["grows"] = "a" } do
      local p = problem("host-1", [[
        local t = task.spawn(function() ]] .. UPLOAD .. [[ end)
        task.sleep(0) -- it has begun, and waits for its connection
        local f = assert(io.open(given.path, given.mode))
        f:write("x")
        f:close()
        t:join()]], { path = file(("x"):rep(600000)), mode = mode })
      assert.same({ 2, "UNKNOWN", false }, { p.code, p.name, p.transport }, how)
      assert.matches("had 600000 bytes when the upload began, and changes", p.message, 1, true)
    end
  end)

  it("ends with its task", function()
    assert.equal("ok {}\n", run([[
      local t = task.spawn(function() ]] .. UPLOAD .. [[ end)
      task.sleep(0.3)
      t:cancel()
      told(channel:call("Heartbeat", { host_id = "host-1" }))]],
      { path = file(("x"):rep(600000)), wish = reeve.encode { fault = "slow" } }))
  end)

  it("of what is no file is a problem of ours", function()
    for _, path in ipairs { "/nowhere/asset", reeve.folder("asset") } do
      local p = problem("host-1", UPLOAD, { path = path })
      assert.same({ 2, "UNKNOWN", false }, { p.code, p.name, p.transport })
      assert.matches(path, p.message, 1, true)
    end
  end)
end)

describe("our failures", function()
  it("have codes of gRPC, by name and by exit status", function()
    local cases = { credentials = 16, unavailable = 14, busy = 14, partial = 14, held = 9, stale = 9, config = 3,
      usage = 3, storage = 2, failed = 2, nonsense = 2 }
    for name, code in pairs(cases) do
      assert.equal(code .. "\n", reeve.engine("print(require('serve.status').of_fail(...))", { name }), name)
    end
    local exits = { [1] = 2, [2] = 3, [3] = 3, [4] = 16, [5] = 14, [6] = 9, [7] = 14, [8] = 14, [9] = 2, [12] = 9,
      [99] = 2, [137] = 10, [139] = 10, [130] = 1, [143] = 1 }
    local text = "for _, n in ipairs(arg) do print(n, require('serve.status').of_exit(math.tointeger(n))) end"
    local list, expected = {}, {}
    for exit in pairs(exits) do list[#list + 1] = tostring(exit) end
    for i, exit in ipairs(list) do expected[i] = ("%s\t%d\n"):format(exit, exits[math.tointeger(exit)]) end
    assert.equal(table.concat(expected), reeve.engine(text, list))
  end)
end)

-- The stand-in of ConductorOne checks headers, tokens, messages and the stream by the fact sheet.
describe("ConductorOne", function()
  it("takes calls and uploads with a token of its own, and with another when that is refused", function()
    local c1 = conductorone.start()
    local id = c1:task { kind = "sync_full" }
    local bytes = ("0123456789"):rep(150000)
    local path = reeve.write(reeve.path("asset"), bytes)
    local env = { NO_PROXY = "127.0.0.1" }
    for name, value in pairs(c1.env) do env[name] = value end
    c1:fault { method = "UploadAsset", grpc = { code = 16, message = "expired", early = true } }
    local out = reeve.engine([[
      local host, task = require "host.http", require "target.task"
      local credential = require("serve.credential").parse(os.getenv "BATON_CLIENT_ID",
        require("host.secret").new(os.getenv "BATON_CLIENT_SECRET"), os.getenv "BATON_C1_API_HOST")
      local client = assert(host.client { named = { "127.0.0.1" } })
      local channel = require("serve.grpc").channel { client = client, origin = credential.origin,
        agent = "acme reeve/1",
        token = require("serve.token").new { credential = credential, client = client } }
      local function check(answer, problem) return answer or error(problem.message) end
      local path = ...
      task.run(function()
        local given = require("serve.answer").job(check(channel:call("GetTask", { host_id = "host-1" })).task)
        check(channel:upload("host-1", given.id, path))
        check(channel:call("FinishTask", { host_id = "host-1", task_id = given.id, success = {} }))
        print(given.id)
      end)]], { path, env = env })
    assert.equal(id .. "\n", out)
    local upload = c1:wait { event = "upload", task = id }
    assert.same({ #bytes, 3 }, { upload.size, upload.chunks })
    assert.equal(bytes, reeve.read(upload.path))
    assert.is_true(c1:wait({ event = "finished", task = id }).success)
    assert.equal(2, #c1:events { event = "token", status = 200 })
    c1:stop()
  end)
end)

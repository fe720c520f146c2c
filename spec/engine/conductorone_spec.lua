-- conductorone: the stand-in itself, by curl and openssl: it takes what the fact sheet shows, and nothing else.
local conductorone = require "conductorone"
local reeve = require "reeve"

local it = conductorone.it(it, pending)
local TASK = "2ABCdefGHIjklMNOpqrSTUvwxYZ"
local HOST = "0a06686f73742d31"
local OF_TASK = HOST .. "121b324142436465664748496a6b6c4d4e4f707172535455767778595a"
local HELLO = HOST .. "1a190a03433137120b65782e6f72672f636f6e6e1a05312e302e3022320a02766d12056c696e75781a0664656269616e"
  .. "220231322a0664656269616e3203362e313a067838365f363442046e6f6e652a3d0a064d7920417070121068747470733a2f2f612e622f"
  .. "646f63733a0464656d6f421b0a160a0f0a04757365721204557365721a01011201021a00120102"
local METADATA = "a206250a06686f73742d31121b324142436465664748496a6b6c4d4e4f707172535455767778595a"
local DATA, EOF = "aa06070a0543315a4600", "b206220a20384fac94d3b572383a0fdc27ef8569459d8e8394d4a0e2dda3c2a928cf92a94f"

local function bytes(hex)
  return (hex:gsub("%x%x", function(two) return string.char(tonumber(two, 16)) end))
end

local function frame(hex)
  return ("\0" .. string.pack(">s4", bytes(hex)))
end

local function base64url(raw)
  local out = reeve.shell("base64 -w0 " .. reeve.quote(reeve.write(reeve.path("raw"), raw)))
  return (out:gsub("%s", ""):gsub("+", "-"):gsub("/", "_"):gsub("=", ""))
end

local function seed_of(secret)
  local part = secret:match("[^:]+$"):gsub("-", "+"):gsub("_", "/")
  local jwk = reeve.shell(("printf %%s '%s==' | base64 -d 2>/dev/null"):format(part))
  local d = reeve.json(jwk).d:gsub("-", "+"):gsub("_", "/")
  return (reeve.shell(("printf %%s '%s=' | base64 -d 2>/dev/null"):format(d)))
end

-- An assertion of the client, signed by openssl. change(header, claims) may spoil it.
local function assertion(c1, change)
  local now = os.time()
  local header = { alg = "EdDSA", nonce = ("%016x%016x"):format(math.random(0), math.random(0)) }
  local claims = { iss = c1.id, sub = c1.id, aud = "acme.example", iat = now, exp = now + 120, nbf = now - 120 }
  if change then change(header, claims) end
  local signed = base64url(reeve.encode(header)) .. "." .. base64url(reeve.encode(claims))
  local key = reeve.write(reeve.path("key.der"), bytes "302e020100300506032b657004220420" .. seed_of(c1.secret))
  local input, signature = reeve.write(reeve.path("signed"), signed), reeve.path("signature")
  reeve.ok { program = "openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-keyform", "DER", "-in", input,
    "-out", signature }
  return signed .. "." .. base64url(reeve.read(signature))
end

-- Asks for a token: the status, the answer.
local function ask_token(c1, jwt, fields)
  local form = { "--data-urlencode", "client_id=" .. c1.id, "-d", "grant_type=client_credentials",
    "--data-urlencode", "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "-d", "client_assertion=" .. jwt, "--cacert", c1.certificate.ca, table.unpack(fields or {}) }
  local status, text = reeve.http { url = c1.url .. "/auth/v1/token", method = "POST", args = form }
  return status, text:sub(1, 1) == "{" and reeve.json(text) or text
end

-- One call; the body is bytes. Its grpc-status, grpc-message and the answer's body in hex.
local function call(c1, method, body, options)
  options = options or {}
  local out, head = reeve.path("answer"), reeve.path("head")
  local words = { program = "curl", "-sS", "--http2", "--cacert", c1.certificate.ca, "--max-time", "10", "-o", out,
    "-D", head, "--data-binary", "@" .. reeve.write(reeve.path("request"), body), "-A", "happy-otter-1 spec" }
  local headers = { ["content-type"] = "application/grpc", te = "trailers", authorization = "Bearer " .. c1.token }
  for name, value in pairs(options) do headers[name] = value end
  for name, value in pairs(headers) do
    words[#words + 1] = "-H"
    words[#words + 1] = ("%s: %s"):format(name, value or "")
  end
  words[#words + 1] = c1.url .. "/c1.connectorapi.baton.v1.BatonService/" .. method
  local r = reeve.run(words)
  local told = reeve.read(head) or ""
  return { curl = r.code, status = tonumber(told:match("grpc%-status: (%d+)")), message = told:match(
    "grpc%-message: ([^\r\n]*)"), head = told, body = reeve.hex(reeve.read(out) or "") }
end


local function uploaded(...)
  local parts = { ... }
  for i, hex in ipairs(parts) do parts[i] = frame(hex) end
  return table.concat(parts)
end

describe("the stand-in of ConductorOne", function()
  local c1

  setup(function()
    if conductorone.missing() then return end
    c1 = conductorone.start { next_poll = 5, next_heartbeat = 30 }
    c1.token = select(2, ask_token(c1, assertion(c1))).access_token
  end)
  after_each(function()
    c1:clear()
    assert.same({}, c1:violations())
  end)
  teardown(function() if c1 then c1:stop() end end)

  local function given(spec)
    local id = c1:task(spec)
    assert.equal(0, call(c1, "GetTask", frame(HOST)).status)
    c1:wait { event = "given", task = id }
    return id
  end

  -- The request is refused with this code; it counts as a violation with this text.
  local function refused(code, text, method, body, headers)
    local answer = call(c1, method, body, headers)
    assert.same({ code, { ("%s: %s"):format(method, text) } }, { answer.status, c1:violations() })
  end

  it("gives a token for an assertion that is right, once", function()
    local jwt = assertion(c1)
    local status, answer = ask_token(c1, jwt)
    assert.equal(200, status)
    assert.same({ "bearer", 3600 }, { answer.token_type, answer.expires_in })
    assert.equal(401, (ask_token(c1, jwt)))
    assert.same({ "token: the assertion's nonce was used before" }, c1:violations())
  end)

  it("gives none for another assertion", function()
    local spoilt = {
      ["the assertion's header is not alg and nonce"] = function(header) header.typ = "JWT" end,
      ["the assertion's alg is none"] = function(header) header.alg = "none" end,
      ["the assertion's nonce is not 32 hex digits"] = function(header) header.nonce = ("A"):rep(32) end,
      ["iss and sub are not the client id"] = function(_, claims) claims.sub = "acme" end,
      ['aud is ["acme.example"]'] = function(_, claims) claims.aud = { "acme.example" } end,
      ["nbf and exp are not 120 seconds on either side of iat"] = function(_, claims) claims.exp = claims.iat + 60 end,
      ["iat is not now"] = function(_, claims)
        for _, name in ipairs { "iat", "nbf", "exp" } do claims[name] = claims[name] - 300 end
      end,
    }
    for text, change in pairs(spoilt) do
      assert.equal(401, (ask_token(c1, assertion(c1, change))))
      assert.same({ "token: " .. text }, c1:violations())
    end
    assert.equal(401, (ask_token(c1, assertion(c1), { "-d", "scope=all" })))
    assert.matches("^token: the form has the fields .*, scope$", c1:violations()[1])
  end)

  it("takes no assertion of another key", function()
    local other = c1:client "other"
    local jwt = assertion({ id = c1.id, secret = other.secret })
    local status, answer = ask_token(c1, jwt)
    assert.same({ 401, "the assertion's signature is not of the client's key" }, { status, answer.error_description })
  end)

  it("takes the messages of the fact sheet", function()
    assert.equal("0000000000", call(c1, "Hello", frame(HELLO)).body)
    local hello = c1:wait { event = "call", method = "Hello" }
    assert.equal("demo", hello.request.connector_metadata.description)
    assert.same({ id = "user", display_name = "User", traits = { 1 } },
      hello.request.connector_metadata.capabilities.resource_type_capabilities[1].resource_type)
    c1:task { id = TASK, kind = "sync_full", payload = { skip_expand_grants = true, storage_engine = "sqlite" } }
    local answer = call(c1, "GetTask", frame(HOST))
    assert.equal("00000000360a2c0a1b324142436465664748496a6b6c4d4e4f707172535455767778595a"
      .. "1002b2060a10013a0673716c697465120208051a02081e", answer.body)
    assert.equal("00000000040a02081e", call(c1, "Heartbeat", frame(OF_TASK)).body)
    assert.equal(0, call(c1, "UploadAsset", uploaded(METADATA, DATA, EOF)).status)
    local upload = c1:wait { event = "upload", task = TASK }
    assert.same({ "C1ZF\0", 5, 1 }, { reeve.read(upload.path), upload.size, upload.chunks })
    assert.equal(0, call(c1, "FinishTask", frame(OF_TASK .. "aa0600")).status)
    assert.is_true(c1:wait({ event = "finished", task = TASK }).success)
    local failed = OF_TASK .. "1a7e08091206706f6c6963791a720a28747970652e676f6f676c65617069732e636f6d2f676f6f676c652e"
      .. "7270632e4572726f72496e666f12460a0f6772616e745f63616e63656c6c656412216769746875622e636f6d2f636f6e647563746f72"
      .. "6f6e652f6261746f6e2d73646b1a100a06726561736f6e1206706f6c696379a206020801"
    assert.equal(0, call(c1, "FinishTask", frame(failed)).status)
    local finished = c1:wait { event = "finished", task = TASK, times = 2, code = 9, message = "policy" }
    assert.equal("grant_cancelled", finished.final.status.details[1].reason)
    assert.is_true(finished.final.error.non_retryable)
  end)

  it("gives each kind of task as it was told to, and none where none waits", function()
    local id = c1:task { id = TASK, kind = "list_events",
      payload = { cursor = "cur", start_at = { seconds = 1700000000 }, event_feed_id = "feed", page_size = 100 } }
    assert.matches("^00%x+0a370a1b324142%x+1002d2071512036375721a060880e2cfaa062204666565642864120208051a02081e$",
      call(c1, "GetTask", frame(HOST)).body)
    c1:task { id = id, kind = 999, payload = "0801" }
    assert.matches("1002ba3e020801120208051a02081e$", call(c1, "GetTask", frame(HOST)).body)
    c1:task { id = id, raw = "ff" }
    assert.equal("000000000b0a01ff120208051a02081e", call(c1, "GetTask", frame(HOST)).body)
    assert.equal("0000000008120208051a02081e", call(c1, "GetTask", frame(HOST)).body)
    c1:again(id)
    c1:set { next_poll = reeve.null, next_heartbeat = 0.5 }
    assert.equal("000000000b0a01ff1a061080cab5ee01", call(c1, "GetTask", frame(HOST)).body)
    c1:set { next_poll = 5, next_heartbeat = 30 }
  end)

  it("gives many at once, but for those that are known", function()
    local first, second = c1:task { kind = "hello" }, c1:task { kind = "hello" }
    local known = HOST .. "1002" .. "1a1b" .. reeve.hex(first)
    assert.equal(0, call(c1, "GetTasks", frame(known)).status)
    c1:wait { event = "given", task = second }
    assert.same({}, c1:events { event = "given", task = first })
    assert.equal(0, call(c1, "GetTask", frame(HOST)).status)
    c1:wait { event = "given", task = first }
    refused(3, "page_size is 101", "GetTasks", frame(HOST .. "1065"))
  end)

  it("tells a heartbeat that its task is cancelled", function()
    given { id = TASK, kind = "sync_full" }
    c1:cancel(TASK)
    assert.equal("00000000060a02081e1001", call(c1, "Heartbeat", frame(OF_TASK)).body)
  end)

  it("insists on the headers of gRPC and a token that it gave", function()
    local body = frame(HOST)
    refused(3, "the content type application/json", "GetTask", body, { ["content-type"] = "application/json" })
    refused(3, "te is undefined", "GetTask", body, { te = false })
    refused(3, "it offers to read compressed answers", "GetTask", body, { ["grpc-accept-encoding"] = "gzip" })
    refused(16, "the token is not known", "GetTask", body, { authorization = "Bearer acme" })
    refused(12, "no method /c1.connectorapi.baton.v1.BatonService/StartDebugging", "StartDebugging", body)
  end)

  it("takes no token that has expired", function()
    c1:revoke()
    local answer = call(c1, "GetTask", frame(HOST))
    assert.same({ 16, "the token has expired" }, { answer.status, answer.message })
    c1:fault { method = "token", token = { expires_in = 0 } }
    local token = select(2, ask_token(c1, assertion(c1))).access_token
    assert.equal(16, call(c1, "GetTask", frame(HOST), { authorization = "Bearer " .. token }).status)
    c1.token = select(2, ask_token(c1, assertion(c1))).access_token
    assert.equal(0, call(c1, "GetTask", frame(HOST)).status)
  end)

  it("insists on messages that are whole and allowed", function()
    local unknown = "0a06686f73742d31121b" .. ("32"):rep(27)
    refused(3, "host_id has 0 bytes, not 1 to 256", "GetTask", frame "")
    refused(3, "GetTask: it has a field 9, which is not known (byte 1)", "GetTask", frame "4801")
    refused(3, "GetTask: it ends within a field (byte 2)", "GetTask", frame "0a06")
    refused(3, "GetTask: text that is not UTF-8 (byte 3)", "GetTask", frame "0a01ff")
    refused(3, "the body ends within a frame", "GetTask", "\0\0\0\0\9abc")
    refused(3, "a frame with the flags 1", "GetTask", "\1\0\0\0\0")
    refused(3, "2 messages", "GetTask", frame(HOST) .. frame(HOST))
    refused(3, 'task_id is "abc"', "Heartbeat", frame(HOST .. "1203616263"))
    refused(5, "no task " .. ("2"):rep(27) .. " was given", "Heartbeat", frame(unknown))
    refused(5, "no task " .. ("2"):rep(27) .. " was given", "FinishTask", frame(unknown .. "aa0600"))
    refused(3, "final_state is missing", "FinishTask", frame(OF_TASK))
    refused(3, "FinishTask: it has error and success, of which one may be there (byte 47)", "FinishTask",
      frame(OF_TASK .. "aa0600a20600" .. "1a020802"))
    refused(3, "an error with the code 0", "FinishTask", frame(OF_TASK .. "a20600"))
    refused(3, "17 annotations", "FinishTask", frame(OF_TASK .. "aa0622" .. ("0a00"):rep(17)))
  end)

  it("insists on all that a Hello must say", function()
    refused(3, "build_info is missing", "Hello", frame(HOST))
    local without = HELLO:gsub("2a03362e31", ""):gsub("3203362e31", "", 1):gsub("22320a02766d", "222d0a02766d", 1)
    refused(3, "os_info.kernel_version has 0 bytes, not 1 to 256", "Hello", frame(without))
    local os = HELLO:gsub("2a3d.*$", "")
    refused(3, "connector_metadata is missing", "Hello", frame(os))
    refused(3, "display_name has 0 bytes, not 1 to 1024", "Hello", frame(os .. "2a00"))
    refused(3, "capabilities are missing", "Hello", frame(os .. "2a030a0141"))
    refused(5, "no task " .. ("3"):rep(27) .. " was given", "Hello", frame(HELLO .. "121b" .. ("33"):rep(27)))
  end)

  it("insists on an upload that is whole", function()
    given { id = TASK, kind = "sync_full" }
    local function upload(text, ...) refused(3, text, "UploadAsset", uploaded(...)) end
    upload("metadata does not come first", DATA, EOF)
    upload("metadata comes twice", METADATA, METADATA)
    upload("the stream ends without eof", METADATA, DATA)
    upload("a file without data", METADATA, "b206220a20" .. ("e3"):rep(32))
    upload("the checksum is not that of the data", METADATA, DATA, DATA, EOF)
    upload("a message behind eof", METADATA, DATA, EOF, DATA)
    upload("data of 0 bytes", METADATA, "aa0600")
    upload("a checksum that is not 32 bytes", METADATA, DATA, "b20600")
    local more = "aa06858040" .. "0a818040" .. ("00"):rep(1048577)
    refused(3, "data of 1048577 bytes", "UploadAsset", uploaded(METADATA, more))
    refused(5, "no task " .. ("2"):rep(27) .. " was given", "UploadAsset",
      uploaded("a206250a06686f73742d31121b" .. ("32"):rep(27)))
    local most = frame("aa06848040" .. "0a808040" .. ("00"):rep(1048576))
    call(c1, "UploadAsset", frame(METADATA) .. most)
    assert.same({ "UploadAsset: the stream ends without eof" }, c1:violations())
  end)

  it("goes wrong as it is told to", function()
    local body = frame(HOST)
    local function fault(spec, options)
      spec.method = "GetTask"
      c1:fault(spec)
      local answer = call(c1, "GetTask", body, options)
      assert.equal("0000000008120208051a02081e", call(c1, "GetTask", body).body)
      return answer
    end
    local error14 = { code = 14, message = "50 % away, ä", details = { { type_url = "acme/x", value = "0801" } } }
    for _, late in ipairs { false, true } do
      local answer = fault { grpc = error14, late = late }
      assert.same({ 14, "50 %25 away, %C3%A4" }, { answer.status, answer.message })
      assert.matches("grpc%-status%-details%-bin: CA4SDT", answer.head)
      assert.equal(late, answer.head:find("\r\n\r\n.*grpc%-status") ~= nil)
    end
    assert.equal(14, fault({ grpc = error14, early = true }).status)
    assert.matches("^HTTP/2 503.*text/html", fault({ http = 503, body = "<html>" }).head)
    local left = { [52] = true, [56] = true, [92] = true, [55] = true, [16] = true, [18] = true }
    for _, spec in ipairs { { cut = "before" }, { cut = "after" }, { cut_at = 3 }, { half = true }, { rst = 2 } } do
      local what = reeve.encode(spec)
      local answer = fault(spec)
      assert.is_true(left[answer.curl], ("%s: %d"):format(what, answer.curl))
    end
    -- curl 7.88 drops trailers that come behind a GOAWAY.
    assert.equal("0000000008120208051a02081e", fault({ goaway = 0 }).body)
    assert.equal("0000000002" .. "0801", fault({ message = "0801" }).body)
    assert.equal("ffff", fault({ answer = "ffff" }).body)
    assert.equal("01" .. "ffffffff" .. "120208051a02081e", fault({ flags = 1, length = 0xffffffff }).body)
    assert.equal(26 * 2, #fault({ twice = true }).body)
    assert.matches("content%-type: text/html", fault({ type = "text/html" }).head)
    assert.is_nil(fault({ bare = true }).status)
    local started = reeve.mono()
    fault { delay = 0.3 }
    assert.is_true(reeve.mono() - started >= 0.3)
  end)

  it("refuses a call with GOAWAY, and is silent, each as often as told", function()
    c1:fault { method = "Hello", goaway = 0, refuse = true, skip = 1 }
    assert.equal(0, call(c1, "Hello", frame(HELLO)).status)
    call(c1, "Hello", frame(HELLO))
    c1:wait { event = "fault", what = "goaway" }
    c1:fault { method = "token", token = { status = 503, body = "<html>" }, times = 2 }
    for _, expected in ipairs { 503, 503, 200 } do assert.equal(expected, (ask_token(c1, assertion(c1)))) end
  end)

  it("can be away, and back with all it knew", function()
    c1:away()
    assert.equal(7, call(c1, "GetTask", frame(HOST)).curl)
    c1:back()
    assert.equal(0, call(c1, "GetTask", frame(HOST)).status)
  end)

  it("can speak HTTP/1.1 alone", function()
    local proxy = conductorone.start { http1 = true }
    proxy.token = "none"
    assert.matches("^HTTP/1.1 502", call(proxy, "Hello", frame(HELLO)).head)
    assert.equal(200, (ask_token(proxy, assertion(proxy))))
    proxy:stop()
  end)
end)

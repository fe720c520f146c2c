-- http: TLS, HTTP/2, proxies and compression, each with the real thing in front of a real target.
local reeve = require "reeve"
local session = require "session"

local NO_RETRY = { http = { retry_s = 0 } }

-- code and message of what `text` raises.
local function failure(target, text, given)
  given = given or {}
  given.options = given.options or NO_RETRY
  local out = session.run(target, [[local e = failing(function() ]] .. text .. [[ end) say(e.code, e.message)]], given)
  local code, message = out:match("^(%S+) (.*)\n$")
  return { code = code, message = message or out }
end

-- Skips by name where a program is missing.
local function needs(...)
  for _, program in ipairs { ... } do
    local _, code = reeve.shell("command -v " .. program)
    if code ~= 0 then pending(program .. " is missing") end
  end
end

local function answers(port)
  return select(2, reeve.shell(("bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d' 2>/dev/null"):format(port))) == 0
end

-- Starts a program that listens on a port that it is told, words(port), and waits until it does: the process, the
-- port. It is one that the kernel gives to nobody who asks for any (those begin at 32768), and not everybody's guess.
local function listening(words)
  for _ = 1, 20 do
    local port = math.random(20000, 30000)
    local process = not answers(port) and reeve.start(words(port), { merge = true })
    if process then
      reeve.await(function() return answers(port) or not reeve.alive(process.pid) end, "port " .. port)
      if reeve.alive(process.pid) then return process, port end
      process:wait()
    end
  end
  error("nothing could be made to listen")
end

describe("HTTPS", function()
  local tls, target

  setup(function()
    tls = reeve.certificate()
    target = session.target { tls = tls }
  end)
  teardown(function() target:stop() end)

  it("trusts an authority of http.ca_file, beside the system's", function()
    assert.equal("200 3\n", session.run(target, [[
      local n = 0
      for _ in http:get("/users"):each("users") do n = n + 1 end
      say(http:get("/list").status, n)]], { options = { http = { ca_file = tls.ca, retry_s = 0 } } }))
  end)

  it("trusts an authority of SSL_CERT_FILE too, and says when that is no file", function()
    local text = [[say(http:get("/list").status)]]
    assert.equal("200\n", session.run(target, text, { options = NO_RETRY, env = { SSL_CERT_FILE = tls.ca } }))
    local missing = { PATH = os.getenv "PATH", SSL_CERT_FILE = "/nowhere/ca.pem" }
    local out = reeve.engine("print(require('host.http').client {})", { env = missing })
    assert.matches("nil\tread the authorities (SSL_CERT_FILE) '/nowhere/ca.pem': No such file", out, 1, true)
  end)

  it("says in plain words why a certificate is not trusted, and does not ask again", function()
    local e = failure(target, [[http:get("/list")]], { options = { http = { retry_s = 60 } } })
    assert.equal("invalid", e.code)
    assert.matches("^GET https://127.0.0.1:%d+/list: its certificate comes from an authority that this machine "
      .. "does not know; where that is your own or your proxy's, name its certificate in http.ca_file "
      .. "or SSL_CERT_FILE$", e.message)
    local other = reeve.certificate()
    local named = { options = { http = { ca_file = tls.ca, retry_s = 60 } } }
    local elsewhere = session.target { tls = { ca = other.ca, cert = other.cert, key = other.key } }
    e = failure(elsewhere, [[http:get("/list")]], named)
    elsewhere:stop()
    assert.matches("its certificate ", e.message, 1, true)
  end)

  it("is checked for the host's name", function()
    local out = reeve.shell(([[
      cd %s && printf 'subjectAltName=DNS:other.example\n' > other.ext &&
      openssl x509 -req -in req.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile other.ext \
        -out other.pem 2>&1]]):format(tls.dir))
    local elsewhere = session.target { tls = { ca = tls.ca, cert = tls.dir .. "/other.pem", key = tls.key } }
    local e = failure(elsewhere, [[http:get("/list")]], { options = { http = { ca_file = tls.ca, retry_s = 0 } } })
    elsewhere:stop()
    assert.equal("invalid", e.code, out)
    assert.matches("its certificate is for another host name", e.message, 1, true)
  end)

  it("shows a client certificate to those who ask for one", function()
    reeve.shell(([[
      cd %s && exec 2>/dev/null &&
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout me.key \
        -out me.req -subj '/CN=reeve at acme' &&
      openssl x509 -req -in me.req -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out me.pem]]):format(tls.dir))
    local server, port = listening(function(port)
      return { program = "openssl", "s_server", "-accept", port, "-cert", tls.cert, "-key", tls.key,
        "-CAfile", tls.ca, "-Verify", "1", "-verify_return_error", "-www", "-quiet" }
    end)
    local url = "https://127.0.0.1:" .. port
    local with = { http = { ca_file = tls.ca, client_cert = tls.dir .. "/me.pem", client_key = tls.dir .. "/me.key",
      retry_s = 0 } }
    local text = [[say(http:get("/", { raise = false }).body:find("reeve at acme", 1, true) ~= nil)]]
    local out = session.run(url, text, { options = with })
    local e = failure(url, [[http:get("/")]], { options = { http = { ca_file = tls.ca, retry_s = 0 } } })
    server:kill("KILL")
    server:wait()
    assert.equal("true\n", out)
    assert.matches("^GET " .. url .. "/: ", e.message)
  end)

  it("names the key of a file that cannot be used", function()
    for key, value in pairs { ca_file = "/nowhere/ca.pem", client_cert = "/nowhere/me.pem" } do
      local out = session.run(target, ([[
        given.options = { http = { %s = "%s" } }
        local e = failing(new_session)
        say(e.code, e.message)]]):format(key, value))
      assert.matches("^config .*http%." .. key .. ".*" .. value, out)
    end
  end)
end)

describe("HTTP/2", function()
  it("is spoken where the target can, and streams do not wait for each other", function()
    needs("nghttpx")
    local tls, target = reeve.certificate(), session.target { users = 20000 }
    local front, port = listening(function(port)
      return { program = "nghttpx", "--frontend=127.0.0.1," .. port, "--backend=127.0.0.1," .. target.port,
        "--errorlog-file=/dev/null", "--accesslog-file=/dev/stdout", "--accesslog-format=$protocol_version $request",
        "--workers=1", tls.key, tls.cert }
    end)
    local out = session.run("https://127.0.0.1:" .. port, [[
      local function count()
        local n = 0
        for u in http:get("/users"):each("users") do
          n = n + 1
          if n % 9000 == 0 then http:get("/item/{id}", { path = { id = u.id } }) end
        end
        return n
      end
      say(ctx.all { count, count, count, count })]],
      { options = { http = { ca_file = tls.ca, retry_s = 0, concurrency = 2 } } })
    front:kill("TERM")
    local log = front:wait().out
    target:stop()
    assert.equal("20000 20000 20000 20000\n", out)
    assert.matches("HTTP/2 GET /users", log, 1, true)
    assert.is_nil(log:find("HTTP/1", 1, true))
  end)
end)

describe("a proxy", function()
  local target, proxy, port, log

  setup(function()
    target, log = session.target(), reeve.path("proxy.log")
    if select(2, reeve.shell("command -v tinyproxy")) ~= 0 then return end
    proxy, port = listening(function(free)
      local conf = ("Port %d\nListen 127.0.0.1\nTimeout 30\nMaxClients 20\nLogFile \"%s\"\nLogLevel Connect\n"
        .. "Allow 127.0.0.1\nConnectPort 443\n"):format(free, log)
      return { program = "tinyproxy", "-d", "-c", reeve.write(reeve.path("tinyproxy.conf"), conf) }
    end)
  end)
  teardown(function()
    if proxy then proxy:kill("KILL") proxy:wait() end
    target:stop()
  end)

  local function asked(path) return (reeve.read(log) or ""):find(path, 1, true) ~= nil end

  it("is used where http.proxy names it", function()
    needs("tinyproxy")
    assert.equal("200\n", session.run(target, [[say(http:get("/list").status)]],
      { options = { http = { proxy = "http://127.0.0.1:" .. port, retry_s = 0 } } }))
    assert.is_true(asked("/list HTTP/1"))
  end)

  it("is used where the environment names it, except for NO_PROXY", function()
    needs("tinyproxy")
    local text = [[say(http:get("/item/{id}", { path = { id = given.id } }).status)]]
    local through = { http_proxy = "http://127.0.0.1:" .. port }
    assert.equal("200\n", session.run(target, text, { id = "through", env = through, options = NO_RETRY }))
    assert.is_true(asked("/item/through"))
    through.NO_PROXY = "127.0.0.0/8"
    assert.equal("200\n", session.run(target, text, { id = "around", env = through, options = NO_RETRY }))
    assert.is_false(asked("/item/around"))
  end)

  it("checks a host's name only, and tells what the proxy says", function()
    needs("tinyproxy")
    local e = failure(target, [[http:get("https://nowhere.invalid/")]],
      { hosts = { "nowhere.invalid" }, options = { http = { proxy = "http://127.0.0.1:" .. port, retry_s = 0 } } })
    assert.matches("GET https://nowhere.invalid/: the proxy does not let it through (it answered 5", e.message, 1, true)
    e = failure(target, [[http:get("https://evil.example/")]],
      { options = { http = { proxy = "http://127.0.0.1:" .. port } } })
    assert.equal("config", e.code)
    assert.matches("declares no host 'evil.example'", e.message, 1, true)
  end)

  it("that is not there is said to be the trouble, without its password", function()
    local e = failure(target, [[http:get("/list")]],
      { options = { http = { proxy = "http://me:hush@127.0.0.1:1", retry_s = 0 } } })
    assert.equal("unavailable", e.code)
    assert.is_nil(e.message:find("hush", 1, true))
  end)
end)

describe("compression", function()
  local target

  setup(function() target = session.target() end)
  teardown(function() target:stop() end)
  after_each(function() target:faults {} end)

  -- Has /users answered with a file that a command makes of `text`.
  local function answer(encoding, command, text)
    local plain, packed = reeve.path("plain"), reeve.path("packed")
    if text then reeve.write(plain, text) end
    local _, code, err = reeve.shell(command:gsub("IN", plain):gsub("OUT", packed))
    assert.equal(0, code, err)
    target:faults { ("GET /users: body=@%s header=Content-Encoding:%s"):format(packed, encoding) }
  end

  local function big()
    local list = {}
    for i = 1, 20000 do list[i] = ('{"id":%d,"name":"user %d"}'):format(i, i * 7919 % 20011) end
    return '{"users":[' .. table.concat(list, ",") .. "]}"
  end

  local COUNT = [[
    local n, sum = 0, 0
    for u in http:get("/users"):each("users") do n, sum = n + 1, sum + u.id end
    say(n, sum)]]

  for encoding, command in pairs { gzip = "gzip -c IN > OUT", zstd = "zstd -q -c IN > OUT" } do
    it("in " .. encoding .. " is undone while it comes", function()
      needs(command:match("^%S+"))
      answer(encoding, command, big())
      assert.equal("20000 200010000\n", session.run(target, COUNT))
    end)
  end

  -- A brotli stream (RFC 7932) of one uncompressed block: window 16, not the last, four nibbles of length,
  -- uncompressed; then the last block, empty.
  it("in br is undone while it comes", function()
    local text = '{"users":[{"id":1},{"id":2},{"id":39}]}'
    answer("br", "cp IN OUT", ("<I3"):pack(#text - 1 << 4 | 1 << 20) .. text .. "\3")
    assert.equal("3 42\n", session.run(target, COUNT))
  end)

  for encoding, command in pairs { gzip = "gzip -c", zstd = "zstd -q -c" } do
    it("in " .. encoding .. " that hides 400 MB of blanks is refused, within little memory", function()
      needs(command:match("^%S+"))
      answer(encoding, "(printf '{\"users\":[1'; head -c 400000000 /dev/zero | tr '\\0' ' '; printf ']}') | "
        .. command .. " > OUT")
      local out = session.run(target, [[
        local e = failing(function() for _ in http:get("/users"):each("users") do end end)
        say(e.code, e.message)
        local most = 0
        for line in io.lines("/proc/self/status") do
          most = math.max(most, tonumber(line:match("^VmHWM:%s*(%d+)") or 0))
        end
        say(most < 80 * 1024 or most)]])
      assert.matches("^invalid GET [^ ]+: the answer inflates more than 200 times; not read on\ntrue\n$", out)
    end)
  end

  it("that is broken is invalid or cut, never the end of a list", function()
    answer("gzip", "gzip -c IN | head -c 3000 > OUT", big())
    local e = failure(target, COUNT)
    assert.is_true(e.code == "invalid" or e.code == "unavailable")
    answer("gzip", "printf 'no gzip at all' > OUT")
    assert.equal("invalid", failure(target, COUNT).code)
  end)
end)

-- http: what a plugin asks and gets, against a real target. Failures, retries and the network's own
-- tricks are in http_trouble_spec.lua and http_network_spec.lua.
local reeve = require "reeve"
local session = require "session"

local target

setup(function() target = session.target() end)
teardown(function() target:stop() end)
after_each(function()
  target:faults {}
  target:forget()
end)

local function run(text, given) return session.run(target, text, given) end

describe("each", function()
  it("gives the elements of the array one by one, and then the rest", function()
    assert.equal("1 user 1\n2 user 2\n3 user 3\n7 p2 0\n", run [[
      local res = http:get("/users")
      for u in res:each("users") do say(u.id, u.name) end
      say(res.rest.total, res.rest.next, #res.rest.users)]])
  end)

  it("finds arrays deeper down, and at the root", function()
    assert.equal("1\n2\ntrue\n1\n2\n3\n", run [[
      local res = http:get("/nested")
      for item in res:each("data.items") do say(item.a) end
      say(res.rest.data.more)
      for n in http:get("/list"):each() do say(n) end]])
  end)

  it("fails where there is no such array, unless it is optional", function()
    assert.equal("invalid 200\nnil\n0\n", run [[
      local function loop(options)
        local n = 0
        for _ in http:get("/users"):each("people", options) do n = n + 1 end
        return n
      end
      local e = failing(loop)
      say(e.code, e.status)
      say(e.cut)
      say(loop { optional = true })]])
  end)

  it("reads 20,000 elements in pieces, exactly, and with little memory", function()
    target:set { users = 20000 }
    local out = run [[
      local n, sum, res = 0, 0, http:get("/users")
      collectgarbage("collect")
      local before, most = collectgarbage("count"), 0
      for u in res:each("users") do
        n, sum = n + 1, sum + u.id
        if n % 1000 == 0 then collectgarbage("collect") most = math.max(most, collectgarbage("count")) end
      end
      say(n, sum, res.rest.total, most - before < 1024)]]
    target:set { users = 3 }
    assert.equal("20000 200010000 7 true\n", out)
  end)

  it("can follow a look at the whole, as a classify takes", function()
    assert.equal("7\n1\n2\n3\n7\n", run [[
      local res = http:get("/users")
      say(res.json.total)
      for u in res:each("users") do say(u.id) end
      say(res.rest.total)]])
  end)

  it("that is left early is told when the page ends", function()
    local out = run [[
      for _ in http:get("/users"):each("users") do break end
      say(session:finish(http))
      local other = session:open()
      for _ in other:get("/users"):each("users") do end
      say(session:finish(other))]]
    assert.matches("^GET http://127.0.0.1:%d+/users: the loop over its elements was left before its end\nnil\n$", out)
  end)
end)

it("a page of many requests holds those that are open, and no others", function()
  local out = run [[
    for _ in http:get("/users"):each("users") do break end
    local function many(n)
      for i = 1, n do
        say(http:get("/users").json.total)
        if i % 20 == 0 then collectgarbage("collect") end -- what is to go is gone, at whatever pace
      end
      return collectgarbage("count")
    end
    local before = many(200)
    say(many(400) - before < 40)
    say(session:finish(http) ~= nil)]]
  assert.equal(("7\n"):rep(600) .. "true\ntrue\n", out)
end)

describe("a response", function()
  it("has status, headers, links, json and body", function()
    local links = target.url .. "/linked?page=2 https://h.example/x nil\n"
    assert.equal("200 application/json 7 3\n[]\n" .. links, run [[
      local res = http:get("/users")
      say(res.status, res.headers["content-type"], res.json.total, #res.json.users)
      res = http:get("/linked")
      say(res.body)
      say(res.links.next, res.links.last, res.links.prev)]])
  end)

  it("hands out a secret once and shows it nowhere", function()
    local out = run [[
      local basic = secret.basic(settings.id, settings.secret)
      local res = http:post("/token", { headers = { Authorization = basic }, form = {} })
      local before = res.json
      local token = res:secret("access_token")
      say(token, res.json.access_token, res.json.token_type)
      say(res.body)
      say(failing(res.secret, res, "access_token").code)]]
    assert.matches("^%*%*%* nil Bearer\n", out)
    assert.matches('"access_token":null', out)
    assert.is_nil(out:find("sim-", 1, true))
    assert.matches("\ninvalid\n$", out)
  end)

  it("cannot be written to", function()
    assert.matches("connector.lua:1: a response cannot be written to %(field 'status'%)",
      run [[local res = http:get("/list") say(failing(function() res.status = 1 end).message)]])
  end)
end)

describe("a request", function()
  local function echo(text)
    return reeve.json(run(text))
  end

  it("carries query, headers and a form", function()
    local e = echo [[
      local query = { b = 50.0, a = "x y&z", c = true, list = { 1, 2 } }
      say(http:get("/echo", { query = query, headers = { ["X-One"] = "1" } }).body)]]
    assert.same({ a = "x y&z", b = "50", c = "true", list = "2" }, e.query)
    assert.equal("1", e.headers["x-one"])
    assert.equal("application/json", e.headers.accept)
    assert.matches("^reeve/", e.headers["user-agent"])
    e = echo [[say(http:post("/echo", { form = { b = "ü", a = "1 2" } }).body)]]
    assert.equal("a=1%202&b=%C3%BC", e.body)
    assert.equal("application/x-www-form-urlencoded", e.headers["content-type"])
  end)

  it("carries JSON, and bytes as they are", function()
    local e = echo [[say(http:post("/echo", { json = { b = { 1, 2 }, a = json.null } }).body)]]
    assert.equal('{"a":null,"b":[1,2]}', e.body)
    assert.equal("application/json", e.headers["content-type"])
    e = echo [[say(http:post("/echo", { body = "<x/>", headers = { ["content-type"] = "text/xml" } }).body)]]
    assert.equal("<x/>", e.body)
    assert.equal("text/xml", e.headers["content-type"])
    e = echo [[say(http:post("/echo").body)]]
    assert.equal("", e.body)
    assert.is_nil(e.headers["content-type"])
  end)

  it("carries secrets in header, query, form and JSON, which nobody sees here", function()
    local text = [[
      local s = settings.secret
      local a = http:get("/echo", { headers = { ["X-Key"] = "k " .. s }, query = { key = s, z = "1" } }).json
      local b = http:post("/echo", { form = { a = "1", key = s } }).json
      local c = http:post("/echo", { json = { list = { { key = s } }, a = 1 } }).json
      local whole = "k " .. s
      say(secret.equal(secret.new(a.headers["x-key"]), whole), secret.equal(secret.new(a.query.key), s), a.query.z)
      say(secret.equal(secret.new(b.body), "a=1&key=" .. secret.urlencode(s)))
      say(secret.equal(secret.new(c.body), '{"a":1,"list":[{"key":' .. secret.json_string(s) .. "}]}"))]]
    assert.equal("true true 1\ntrue\ntrue\n", run(text, { secret = 'a&b "c"/=d\\e' }))
  end)

  it("fills {name} parts, escaped, and refuses those that lead elsewhere", function()
    local out = run [[
      say(http:get("/item/{id}", { path = { id = "a b/c?d" } }).json.path)
      say(http:get("/item/{id}", { path = { id = 42 } }).json.id)
      for _, id in ipairs { "..", ".", "" } do
        say(failing(http.get, http, "/item/{id}", { path = { id = id } }).message)
      end
      say(failing(http.get, http, "/item/{id}", { path = {} }).message)]]
    assert.matches("^/item/a%%20b%%2[Ff]c%%3[Ff]d\n42\n", out)
    assert.matches("path.id: '..' cannot be a part of a path\n", out, 1, true)
    assert.matches("path.id: '' cannot be a part of a path\n", out, 1, true)
    assert.matches("'/item/{id}': no value for {id}\n$", out)
  end)

  it("takes a path behind base_url, or a whole URL", function()
    assert.equal("3\n3\n", run [[
      session:attach { base_url = url .. "/item/" }
      say(http:get("3").json.id)
      say(http:get(url .. "/item/3").json.id)]])
  end)

  it("with a mistake in it is told at the plugin's line", function()
    local out = run [[
      say(failing(function() http:get("/users", { qurey = {} }) end).message)
      say(failing(function() http.get("/users") end).message)
      say(failing(function() http:post("/users", { json = {}, form = {} }) end).message)
      say(failing(function() http:get("/users", { query = { a = print } }) end).message)
      say(failing(function() http:get("/us ers") end).message)
      say(failing(function() http:get("/users", { query = { b = { c = 1 } } }) end).message)
      say(failing(function() http:get("/users", { timeout_s = -1 }) end).message)]]
    local lines = {}
    for line in out:gmatch("[^\n]+") do lines[#lines + 1] = line end
    assert.matches("^plugins/acme/connector.lua:1: 'qurey' is not an option of a request", lines[1])
    assert.matches("^plugins/acme/connector.lua:2: ctx.http:get%(path_or_url, options%) expected", lines[2])
    assert.matches("^plugins/acme/connector.lua:3: json, form and body: only one", lines[3])
    assert.matches("^plugins/acme/connector.lua:5: GET '/us ers': not a usable URL", lines[5])
    assert.matches("^plugins/acme/connector.lua:6: 'b': a value or a list of values expected", lines[6])
    assert.matches("^plugins/acme/connector.lua:7: timeout_s: seconds expected, got %-1", lines[7])
  end)
end)

describe("hosts", function()
  it("that neither the plugin declares nor a setting names are not asked", function()
    local out = run [[
      for _, where in ipairs { "https://evil.example/", "https://api.acme.test.evil.example/", "http://api.acme.test/",
        "http://127.0.0.2:1/" } do
        local e = failing(http.get, http, where)
        say(e.code, e.message)
      end
      say(session:stats().requests)]]
    assert.matches("config GET https://evil.example/: the plugin declares no host 'evil.example'", out, 1, true)
    assert.matches("config GET https://api.acme.test.evil.example/: the plugin declares no host", out, 1, true)
    assert.matches("config GET http://api.acme.test/: http: is only for this machine itself", out, 1, true)
    assert.matches("config GET http://127.0.0.2:1/: the plugin declares no host", out, 1, true)
    assert.matches("\n0\n$", out)
  end)

  it("that a plugin declares are not asked at a private address", function()
    local out = run([[
      local e = failing(http.get, http, (url:gsub("127.0.0.1", "localhost")) .. "/users")
      say(e.code, e.message)]], { hosts = { "localhost" } })
    assert.matches("^config GET http://localhost:%d+/users: not asked at the address [%d.:]+: "
      .. "a host that a plugin declares", out)
    assert.same(0, target:requests().total)
  end)
end)

describe("what an answer means", function()
  local function failure(text, given)
    local out = run([[local e = failing(function() ]] .. text .. [[ end)
      say(e.code) say(e.status) say(e.url) say(e.message)]], given)
    local code, status, where, message = out:match("^([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)\n$")
    return { code = code, status = tonumber(status), url = where, message = message }
  end

  it("is told by code, status, message and a URL without its query", function()
    for status, code in pairs { [400] = "invalid", [401] = "credentials", [403] = "credentials", [404] = "not_found",
      [410] = "not_found", [422] = "invalid" } do
      target:faults { ("*: status=%d"):format(status) }
      local e = failure [[http:get("/users", { query = { key = "hush" } })]]
      assert.equal(code, e.code)
      assert.equal(status, e.status)
      assert.equal(target.url .. "/users", e.url)
      assert.matches(("answered %d: \"told to fail\""):format(status), e.message, 1, true)
      assert.is_nil(e.message:find("hush", 1, true))
    end
  end)

  it("has the target's own words, bounded, in one line, without secrets", function()
    local function words(body)
      target:faults { "*: status=400 body='" .. body .. "'" }
      return failure([[http:get("/users")]]).message
    end
    assert.matches('400: "no such scope"$', words '{"error":"invalid_scope","error_description":"no such scope"}')
    assert.matches('400: "deep"$', words '{"error":{"message":"deep","code":5}}')
    assert.matches('400: "first"$', words '{"errors":[{"message":"first"},{"message":"second"}]}')
    assert.matches('400: "plain words"$', words "plain\t\t words")
    assert.matches("answered 400$", words "[]")
    assert.matches('400: "key %*%*%* is wrong"$', words '{"message":"key acme-secret-1234 is wrong"}')
    assert.is_true(#words('{"message":"' .. ("x"):rep(5000) .. '"}') < 400)
    target:faults { "*: status=400 body=html" }
    assert.matches('400: "Sign in"$', failure([[http:get("/users")]]).message)
  end)

  it("is left to the plugin where raise is false", function()
    target:faults { "GET /users: status=404" }
    assert.equal("404 told to fail\n", run [[
      local res = http:get("/users", { raise = false })
      say(res.status, res.json.message)]])
  end)

  it("is what classify says", function()
    target:faults { "GET /users: status=403 times=2", "GET /list: body='{\"ok\":false}'" }
    assert.equal("200 3\nthrottled slow\ncredentials\n", run([[
      session:attach { base_url = url, classify = function(res)
        if res.status == 403 then return "retry", 0.01 end
        if res.headers["content-type"]:find("json") and res.status == 200 and res.json.ok == false then
          return "fail", "slow", "throttled"
        end
      end }
      say(http:get("/users").status, session:stats().requests)
      local e = failing(http.get, http, "/list")
      say(e.code, e.message:match(": (.*)$"))
      session:attach { base_url = url }
      say(failing(http.get, http, "/private").code)]]))
  end)
end)

describe("a whole answer", function()
  it("that is not what it should be is invalid, and is asked for once", function()
    for _, fault in ipairs { "body=html", "append=x", "short=20", "body=nothing", "body=deep", "body='{\"a\":01}'" } do
      target:faults { "GET /users: " .. fault }
      target:forget()
      local text = [[
        local e = failing(function() for _ in http:get("/users"):each("users") do end end)
        say(e.code, e.status, e.cut, e.message)
        e = failing(function() return http:get("/users").json end)
        say(e.code, e.status, e.cut, e.message)]]
      local out = run(text)
      for line in out:gmatch("[^\n]+") do
        assert.matches("^invalid 200 nil GET http://127.0.0.1:%d+/users: ", line, 1)
        assert.matches("users: the answer [^:]+", line)
      end
      assert.equal(2, target:requests().total)
    end
  end)

  it("is bounded", function()
    target:set { users = 40000 }
    local out = run([[
      local e = failing(function() return http:get("/users").body end)
      say(e.code, e.message)]], { options = { limits = { body_mb = 1 } } })
    target:set { users = 3 }
    assert.matches("^invalid GET [^ ]+: the answer has more than 1048576 bytes %(limits.body_mb%)\n$", out)
  end)
end)

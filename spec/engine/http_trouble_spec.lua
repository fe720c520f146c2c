-- http: when the target is slow, absent, overloaded, cut off, or sends elsewhere.
local reeve = require "reeve"
local session = require "session"

local target

setup(function() target = session.target() end)
teardown(function() target:stop() end)
after_each(function()
  target:faults {}
  target:forget()
end)

local function run(text, given)
  given = given or {}
  given.random = given.random or 0.01
  return session.run(target, text, given)
end

-- code and message of what `text` raises.
local function failure(text, given)
  local out = run([[local e = failing(function() ]] .. text .. [[ end)
    say(e.code, e.cut == true, e.message)]], given)
  local code, cut, message = out:match("^(%S+) (%S+) (.*)\n$")
  return { code = code, cut = cut == "true", message = message or out }
end

describe("a request that fails in passing", function()
  it("is repeated where that is safe", function()
    for _, fault in ipairs { "status=500", "status=502", "status=503", "status=429", "status=408", "cut" } do
      target:faults { "/users: " .. fault .. " times=2" }
      target:forget()
      assert.equal("200 2\n", run [[say(http:get("/users").status, session:stats().retries)]])
      assert.equal(3, target:requests().total)
    end
  end)

  it("is not repeated where it might be done twice, unless the plugin says so", function()
    target:faults { "POST /echo: status=503 times=1" }
    assert.equal("unavailable", failure([[http:post("/echo")]]).code)
    assert.equal(1, target:requests().total)
    target:faults { "POST /echo: status=503 times=1" }
    assert.equal("200\n", run [[say(http:post("/echo", { idempotent = true }).status)]])
    target:faults { "POST /echo: cut times=1" }
    assert.equal("unavailable", failure([[http:post("/echo")]]).code)
  end)

  it("is given up after http.retry_s, saying what was tried", function()
    target:faults { "/users: status=503" }
    local e = failure([[http:get("/users")]], { ahead = true, options = { http = { retry_s = 60 } } })
    assert.equal("unavailable", e.code)
    assert.matches('it answered 503: "told to fail"; tried %d%d+ times in %d%d s$', e.message)
    target:forget()
    assert.equal("throttled", (function()
      target:faults { "/users: status=429" }
      return failure([[http:get("/users")]], { options = { http = { retry_s = 0 } } }).code
    end)())
    assert.equal(1, target:requests().total)
  end)

  it("waits as long as the answer asks, in seconds or to a date", function()
    target:faults { "GET /users: status=429 times=1 retry_after=1" }
    local out = run([[
      local began = task.now()
      http:get("/users")
      say(task.now() - began >= 1, session:stats().throttled_s >= 1)]], { ahead = true })
    assert.equal("true true\n", out)
  end)

  it("is given up at once where the answer asks for more than http.retry_s", function()
    target:faults { "GET /users: status=429 retry_after=3600" }
    local began = reeve.mono()
    local e = failure([[http:get("/users")]])
    assert.equal("throttled", e.code)
    assert.matches("it asks to wait 3600 s, http.retry_s allows less", e.message, 1, true)
    assert.is_true(reeve.mono() - began < 30)
  end)

  it("holds back the others to that host too", function()
    target:faults { "GET /users: status=429 times=1 retry_after=1" }
    assert.equal("true true\n", run([[
      local began = task.now()
      local a, b = ctx.all { function() http:get("/users") return task.now() - began end,
        function() ctx.sleep(0.2) http:get("/list") return task.now() - began end }
      say(a >= 1, b >= 1)]], { ahead = true }))
  end)

  it("says in plain words that nobody is there", function()
    local e = failure([[http:get("http://127.0.0.1:1/users", { query = { key = "hush" } })]],
      { options = { http = { retry_s = 0 } } })
    assert.equal("unavailable", e.code)
    assert.matches("^GET http://127.0.0.1:1/users: no connection %(", e.message)
    e = failure([[http:get("https://nowhere.invalid/")]],
      { hosts = { "nowhere.invalid" }, options = { http = { retry_s = 0 } } })
    assert.equal("unavailable", e.code)
    assert.matches("^GET https://nowhere.invalid/: the host's name is not known here", e.message)
  end)
end)

describe("a transfer that breaks off", function()
  it("is cut, and is not repeated under the reader's hands", function()
    target:set { users = 5000 }
    target:faults { "GET /users: truncate=100000" }
    local e = failure([[for _ in http:get("/users"):each("users") do end]])
    assert.equal("unavailable", e.code)
    assert.is_true(e.cut)
    assert.matches("the answer broke off after 100000 bytes", e.message, 1, true)
    assert.is_true(failure([[return http:get("/users").json]]).cut)
    assert.equal(2, target:requests().total)
    target:set { users = 3 }
  end)

  it("or falls silent is cut after http.timeout_s", function()
    target:faults { "GET /users: stall=20" }
    local e = failure([[return http:get("/users").body]], { options = { http = { timeout_s = 0.3 } } })
    assert.is_true(e.cut)
    assert.matches("nothing came for 0.3 s; see http.timeout_s", e.message, 1, true)
  end)

  it("is not cut for being slow", function()
    target:set { users = 30 }
    target:faults { "GET /users: speed=600" }
    assert.equal("30\n", run([[
      local n = 0
      for _ in http:get("/users"):each("users") do n = n + 1 end
      say(n)]], { options = { http = { timeout_s = 1 } } }))
    target:set { users = 3 }
  end)

  it("is not judged while nobody reads", function()
    target:set { users = 60000 }
    assert.equal("60000\n", run([[
      local n = 0
      for _ in http:get("/users"):each("users") do
        n = n + 1
        if n == 20000 then ctx.sleep(1.5) end
      end
      say(n)]], { options = { http = { timeout_s = 1 } } }))
    target:set { users = 3 }
  end)
end)

describe("no answer at all", function()
  it("is unavailable after http.timeout_s, or the request's own", function()
    target:faults { "GET /users: latency=60000" }
    local e = failure([[http:get("/users", { timeout_s = 0.2 })]], { options = { http = { retry_s = 0 } } })
    assert.equal("unavailable", e.code)
    assert.matches("GET http://127.0.0.1:%d+/users: nothing came for 0.2 s; see http.timeout_s", e.message)
  end)
end)

describe("a bomb", function()
  it("is invalid, quickly, and never much memory", function()
    target:faults { "GET /users: body=bomb", "GET /list: body=bomb" }
    local out = run [[
      local e = failing(function() for _ in http:get("/users"):each("users") do end end)
      say(e.code)
      local most = 0
      for line in io.lines("/proc/self/status") do
        most = math.max(most, tonumber(line:match("^VmHWM:%s*(%d+)") or 0))
      end
      say(most < 80 * 1024)]]
    assert.equal("invalid\ntrue\n", out)
    assert.equal("invalid", failure([[return http:get("/list").json]], { options = { limits = { body_mb = 4 } } }).code)
  end)
end)

describe("redirects", function()
  local other

  setup(function() other = session.target() end)
  teardown(function() other:stop() end)

  it("are followed to hosts that may be asked", function()
    assert.equal("3\n2\n", run [[
      say(#http:get("/moved", { query = { to = "/users" } }).json.users)
      say(session:stats().requests)]])
  end)

  it("go no further than five, and to no other host", function()
    local e = failure([[http:get("/loop")]])
    assert.equal("invalid", e.code)
    assert.matches("more than 5 redirects in a row", e.message, 1, true)
    assert.equal(6, target:requests().total)
    e = failure([[http:get("/moved", { query = { to = "https://evil.example/x?y=hush" } })]])
    assert.equal("invalid", e.code)
    assert.matches("/moved: it redirects elsewhere: the plugin declares no host 'evil.example'", e.message, 1, true)
    assert.is_nil(e.message:find("hush", 1, true))
    assert.equal("invalid", failure([[http:get("/moved", { query = { to = "file:///etc/passwd" } })]]).code)
  end)

  it("leave secrets behind where they lead to another origin", function()
    local out = run(([[
      session:attach { base_url = url, auth = ctx.auth.header("X-Api-Key", settings.secret) }
      local headers = { ["X-Plain"] = "stays", Authorization = "Bearer x" }
      local away = http:get("/moved", { query = { to = "%s/echo" }, headers = headers })
      say(away.json.headers["x-api-key"], away.json.headers.authorization, away.json.headers["x-plain"])
      local here = http:get("/moved", { query = { to = url .. "/echo" }, headers = { ["X-Plain"] = "stays" } })
      say(here.json.headers["x-api-key"] ~= nil, here.json.headers["x-plain"])
      local query = { status = 307, to = "%s/echo" }
      local e = failing(http.post, http, "/moved", { form = { key = settings.secret }, query = query })
      say(e.code, e.message)]]):format(other.url, other.url))
    assert.matches("^nil nil stays\ntrue stays\ninvalid ", out)
    assert.matches("redirects to another origin (" .. other.url .. "), which may not have the secret", out, 1, true)
    assert.is_nil(out:find("acme-secret", 1, true))
  end)

  it("turn a POST into a GET where that is the custom, and keep it where the status says so", function()
    local out = run [[
      local function method(status)
        local res = http:post("/moved", { form = { a = 1 }, query = { status = status, to = "/echo" } })
        return res.json.body and "POST " .. res.json.body or "GET"
      end
      say(method(301), method(302), method(303), method(307), method(308))]]
    assert.equal("GET GET GET POST a=1 POST a=1\n", out)
  end)
end)

describe("many requests", function()
  it("overlap up to http.concurrency", function()
    target:faults { "GET /list: latency=200" }
    local out = run([[
      local fns = {}
      for i = 1, 12 do fns[i] = function() return http:get("/list").status end end
      local began = sys.mono()
      ctx.all(fns)
      local took = sys.mono() - began
      say(took >= 0.6, took < 2.4)]], { options = { http = { concurrency = 4 } } })
    assert.equal("true true\n", out) -- never more than four, and not one by one
  end)

  it("never deadlock, however they are nested", function()
    target:set { users = 20000 }
    local out = run([[
      local function nested(depth)
        local n = 0
        for u in http:get("/users"):each("users") do
          n = n + 1
          if n % 7000 == 0 then
            http:get("/item/{id}", { path = { id = u.id } })
            if depth > 1 then n = n + nested(depth - 1) * 0 end
          end
        end
        return n
      end
      local fns = {}
      for i = 1, 4 do fns[i] = function() return nested(2) end end
      say(ctx.all(fns))]], { options = { http = { concurrency = 1 } } })
    target:set { users = 3 }
    assert.equal("20000 20000 20000 20000\n", out)
  end)

  it("keep to the plugin's rate", function()
    local out = run([[
      local fns = {}
      for i = 1, 10 do fns[i] = function() return http:get("/list").status end end
      local began = sys.mono()
      ctx.all(fns)
      local took = sys.mono() - began
      say(took >= 0.9, session:stats().throttled_s > 0.9)]], { rate = { requests = 4, per_s = 0.5 } })
    assert.equal("true true\n", out)
  end)

  it("end together where one of them fails", function()
    target:faults { "GET /list: hold", "GET /users: status=404" }
    local began = reeve.mono()
    local e = failure([[ctx.all { function() http:get("/list") end, function() http:get("/users") end }]])
    assert.equal("not_found", e.code)
    assert.is_true(reeve.mono() - began < 30)
  end)
end)

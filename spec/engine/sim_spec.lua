local reeve = require "reeve"
local simulator = require "simulator"

local function manifest(name)
  return ([[return { api = 1, name = "%s", version = "1.0.0", title = "Acme", summary = "Items", settings = {},
    hosts = { "acme.example" }, resources = { item = { title = "Item", trait = "app" } } }]]):format(name)
end

local home = reeve.home()
reeve.write(home .. "/plugins/acme/plugin.lua", manifest "acme")
reeve.write(home .. "/plugins/acme/simulator.lua", [[
return {
  options = { items = 3, name = "acme", share = 0.5, loud = false, life = 100 },
  prefixes = { "/api" },
  build = function(sim)
    local ids = {}
    for i = 1, sim.options.items do ids[i] = sim.random:stream("item"):at(i):uuid() end
    for g, picked in ipairs(sim:drifted(sim.options.items)) do
      for _, i in ipairs(picked) do ids[i] = ids[i] .. "-g" .. g end
    end
    sim.documents.items = sim.json.encode { items = sim.json.array(ids) }
    if sim.options.name == "broken" then error("cannot build this", 0) end
  end,
  routes = {
    ["POST /token"] = function(sim, req)
      local user, password = sim:basic(req)
      if user ~= "me" or password ~= "p:w" then return sim:error(401, "who?") end
      return 200, { token = sim:token(sim.options.life) }
    end,
    ["GET /secret"] = function(sim, req)
      if not sim:authorized(req) then return sim:error(401, "no") end
      return 200, { good = true }
    end,
    ["GET /items"] = function(sim) return 200, sim.documents.items end,
    ["GET /items/{id}"] = function(_, req) return 200, { id = req.params.id, query = req.query.q } end,
    ["GET /items/all"] = function() return 200, { all = true } end,
    ["PUT /items/{id}"] = function(_, req)
      return 201, { got = req.json and req.json.a }, { ["X-Made"] = "yes" }
    end,
    ["GET /options"] = function(sim) return 200, sim.options end,
    ["GET /pages"] = function(sim, req)
      local list, more = sim:page({ 1, 2, 3, 4, 5 }, 2, req.query.token)
      return 200, { list = sim.json.array(list), more = more }
    end,
    ["GET /raises"] = function() error("on purpose") end,
  },
}
]])
local function start(options)
  options = options or {}
  options.home = home
  return simulator.start("acme", options)
end

-- One server for all cases that leave it as it was: each sets its faults and options anew.
local target
setup(function() target = start() end)
teardown(function() target:stop() end)
before_each(function() target:faults {} end)

describe("reeve sim", function()
  it("answers routes: literal ones before parameters, decoded, with a prefix or without", function()
    assert.equal('{"all":true}', (target:curl("/items/all")))
    assert.equal("a b/c 1+2", target:jq('.id + " " + .query', "/api/items/a%20b%2Fc?q=1%2B2"))
    assert.equal("7", target:jq(".got", "/items/1", "-X", "PUT", "-d", '{"a":7}'))
    local made = target:curl("/items/1", "-i", "-X", "PUT", "-d", "{}")
    assert.matches("HTTP/1.1 201 Created.*X%-Made: yes", made)
  end)

  it("answers 404 and 405 in JSON, and 500 for a simulator that raises", function()
    assert.equal("404 not found", target:jq('"\\(.code) \\(.message)"', "/nowhere"))
    assert.matches("405 Method Not Allowed.*Allow: GET", (target:curl("/items", "-i", "-X", "DELETE")))
    assert.matches("500 the simulator failed: .*on purpose", target:jq('"\\(.code) \\(.message)"', "/raises"))
    assert.equal('{"all":true}', (target:curl("/items/all")))
  end)

  it("says Date and a type, and keeps the connection", function()
    local out = target:curl("/items/all", "-v", target.url .. "/items/all")
    assert.matches("Date: %a%a%a, %d%d %a%a%a %d%d%d%d", out)
    assert.matches("Content%-Type: application/json", out)
    assert.matches("Re%-using existing connection", out)
  end)

  it("knows who has a token, and for how long", function()
    assert.equal("401", target:jq(".code", "/token", "-X", "POST", "-u", "me:wrong"))
    local token = target:jq(".token", "/token", "-X", "POST", "-u", "me:p:w")
    assert.equal("true", target:jq(".good", "/secret", "-H", "Authorization: Bearer " .. token))
    assert.equal("401", target:jq(".code", "/secret", "-H", "Authorization: Bearer x" .. token))
    assert.equal("401", target:jq(".code", "/secret"))
    target:set { life = 0 }
    token = target:jq(".token", "/token", "-X", "POST", "-u", "me:p:w")
    assert.equal("401", target:jq(".code", "/secret", "-H", "Authorization: Bearer " .. token))
    target:set { life = 100 }
  end)

  it("cuts lists into pages", function()
    assert.equal("[1,2] page-3", target:jq('"\\(.list) \\(.more)"', "/pages"))
    assert.equal("[3,4] page-5", target:jq('"\\(.list) \\(.more)"', "/pages?token=page-3"))
    assert.equal("[5] ", target:jq('"\\(.list) \\(.more)"', "/pages?token=page-5"))
  end)

  it("takes HTTP/1.0, HEAD, a chunked body, and refuses a body that is too long", function()
    assert.equal('{"all":true}', (target:curl("/items/all", "--http1.0")))
    assert.matches("200 OK.*Content%-Length: 12\r\n\r\n$", (target:curl("/items/all", "--head")))
    local chunked = { "-X", "PUT", "-H", "Transfer-Encoding: chunked", "-d", '{"a":7}' }
    assert.equal("7", target:jq(".got", "/items/1", table.unpack(chunked)))
    local long = { "-X", "PUT", "-H", "Content-Length: 67108865", "-d", "{}" }
    assert.matches("413$", (target:curl("/items/1", "-w", "%{http_code}", table.unpack(long))))
  end)
end)

describe("a simulator that is none", function()
  it("is refused with what is wrong", function()
    for text, expected in pairs {
      ["return 7"] = "a table expected",
      ["return {}"] = "routes: a table of functions expected",
      ["return { routes = {}, settings = { api_url = '{url}' } }"] = "the plugin has no setting 'api_url'",
      ["return { routes = {}, settings = { url = '{user}' } }"] = "settings.url: the simulator has no option 'user'",
      ["return { routes = {}, settings = { url = 1 } }"] = "settings.url: a text expected",
      ["return { routes = {}, build = 1 }"] = "build is no function",
      ["return { routes = { x = error } }"] = "METHOD /path is expected",
      ["return { routes = {}, build = function() error('no data', 0) end }"] = "cannot make its data: no data",
    } do
      reeve.write(home .. "/plugins/bad/plugin.lua", (manifest "bad":gsub("settings = {}",
        "settings = { { name = 'url' } }")))
      reeve.write(home .. "/plugins/bad/simulator.lua", text)
      local r = reeve.run { "sim", "bad", "--home", home }
      assert.equal(3, r.status, text)
      assert.matches(expected, r.err, 1, true)
      assert.equal("", r.out)
    end
    assert.equal(2, reeve.run({ "sim", "no-such-plugin", "--home", home }).status)
  end)
end)

describe("the settings of a simulator", function()
  it("are printed as the command that connects to it, which a shell takes", function()
    reeve.write(home .. "/plugins/big_corp/plugin.lua", (manifest "big_corp":gsub("settings = {}", [[
      settings = { { name = "site", kind = "url" }, { name = "first", kind = "secret" }, { name = "note" },
        { name = "other", kind = "secret" } }]])))
    reeve.write(home .. "/plugins/big_corp/simulator.lua", [[return { routes = {}, options = { note = "", word = "" },
      settings = { site = "{url}/v1", first = "{word}", note = "{note} & {seed}", other = "{word}2" } }]])
    local sim = reeve.sim { plugin = "big_corp", home = home, note = "it's $HOME", word = "top secret" }
    local command = sim.process:await("\n  ([^\n]+)\n")
    sim:stop()
    local r = reeve.run { program = "/bin/sh", "-c", "reeve() { cat; printf '%s\n' \"$@\"; }; " .. command }
    assert.equal("top secret\ntop secret2\nadd\nbig_corp\nbig-corp\nsite=" .. sim.url
      .. "/v1\nfirst=-\nnote=it's $HOME & 1\nother=-\n", r.out)
  end)
end)

describe("the options of a simulator", function()
  it("are read as what their defaults are", function()
    target:set { items = 4, share = 1, loud = true, name = 5 }
    local show = '"\\(.items) \\(.share == 1) \\(.loud) \\(.name|tojson)"'
    assert.equal('4 true true "5"', target:jq(show, "/options"))
    target:set { items = 3, share = 0.5, loud = false, name = "acme" }
  end)

  it("are refused when unknown or of another type, with nothing changed", function()
    for text, expected in pairs {
      ["item=4"] = "no option 'item'.*did you mean 'items'",
      ["items=4.5"] = "'4.5' is not a whole number",
      ["items=-1"] = "'%-1' is not a whole number",
      ["share=x"] = "'x' is not a number",
      ["loud=1"] = "'1' is not true or false",
      ["items"] = "NAME=VALUE is expected",
    } do
      local r = reeve.run { "sim", "acme", home = home, "--set", text }
      assert.equal(2, r.status)
      assert.matches(expected, r.err)
    end
    assert.matches("no option", target:set { items = 9, nonsense = 1 })
    assert.equal("3", target:jq(".items|length", "/items"))
  end)

  it("keep their former values where the data cannot be made", function()
    assert.matches("cannot build this", target:set { items = 9, name = "broken" })
    assert.equal("3", target:jq(".items|length", "/items"))
  end)

  it("change the data by the seed, and by drift from one generation to the next", function()
    local first = target:curl("/items")
    target:set { items = 40 }
    local before = target:curl("/items")
    target:set { drift = 0.05 }
    local drifted = target:curl("/items")
    assert.equal(2, select(2, drifted:gsub("%-g1", "")))
    assert.equal(before, (drifted:gsub("%-g1", "")))
    target:set { generation = 2 }
    assert.equal(drifted, (target:curl("/items"):gsub("%-g2", "")))
    target:set { drift = 0, generation = 1, seed = 2, items = 3 }
    assert.not_equal(first, (target:curl("/items")))
    target:set { seed = 1 }
    assert.equal(first, (target:curl("/items")))
  end)

  it("rate: above it, 429", function()
    target:set { rate = 5 }
    local out = target:curl("/items/[1-20]", "-o", "/dev/null", "-w", "%{http_code} ")
    target:set { rate = 0 }
    assert.matches("^200 200 200 200 200 .*429", out)
  end)
end)

describe("a fault", function()
  local function codes(path, ...)
    return (target:curl(path, "-o", "/dev/null", "-w", "%{http_code} ", ...))
  end

  it("fails so many requests, after so many, of this method, path and query", function()
    target:faults { "GET /items?q=1: status=503 after=1 times=2", "GET /items/*: status=418" }
    local asked = {}
    for _, query in ipairs { "", "?q=1", "?q=1&r=2", "?q=1", "?q=1", "?q=2" } do
      asked[#asked + 1] = codes("/items" .. query)
    end
    assert.equal("200 200 503 503 200 200 ", table.concat(asked))
    local put = codes("/items/1", "-X", "PUT", "-d", "{}")
    assert.equal("418 201 200 ", codes("/api/items/x") .. put .. codes("/options"))
    target:faults { "*: status=401" }
    assert.equal("401 401 ", codes("/items") .. codes("/nowhere"))
  end)

  it("puts another body in place", function()
    local file = reeve.write(reeve.folder() .. "/body", "from a file\n")
    for fault, expected in pairs {
      ["body=html"] = "^<!doctype html>", ["body=empty"] = "^{}$", ["body=nothing"] = "^$",
      ["body=null"] = '^{"items":null}$', ['body={"a":1}'] = '^{"a":1}$', ["body='a b'"] = "^a b$",
      ["body=@" .. file] = "^from a file\n$", ["short=5"] = '^{"ite$', ["append=xyz"] = "%]}xyz$",
      ["status=500"] = '"code":500', ["status=500 body=html"] = "^<!doctype",
    } do
      target:faults { "GET /items: " .. fault }
      assert.matches(expected, (target:curl("/items")), fault)
    end
    target:faults { "GET /items: body=deep" }
    assert.equal("100000", (target:curl("/items", "-o", "/dev/null", "-w", "%{size_download}")))
  end)

  it("sends a gigabyte of zeros in a few megabytes of gzip", function()
    target:faults { "GET /items: body=bomb" }
    assert.equal("6762933", (target:curl("/items", "-o", "/dev/null", "-w", "%{size_download}")))
    local head = " | dd bs=65536 count=16 iflag=fullblock status=none | tr -d '\\0' | wc -c"
    local pipe <close> = io.popen("curl -s --compressed " .. target.url .. "/items" .. head)
    assert.equal("0", pipe:read("l"):match("%d+"))
  end)

  it("hangs up without an answer, or in the middle of one", function()
    target:faults { "GET /items: cut times=1", "GET /items: truncate=10" }
    local out, status = target:curl("/items")
    assert.matches("Empty reply", out)
    assert.equal(52, status)
    out, status = target:curl("/items")
    assert.equal(18, status)
    assert.matches('{"items":[', out, 1, true)
    target:faults { "GET /items: truncate=0" }
    assert.equal(18, select(2, target:curl("/items")))
    target:faults { "GET /items: stall=10" }
    out, status = target:curl("/items", "-m", "0.3")
    assert.matches('{"items":[', out, 1, true)
    assert.equal(28, status)
  end)

  it("can say the request back, so that one can see what becomes of secrets", function()
    target:faults { "*: status=500 body=echo" }
    local out = target:jq('"\\(.method) \\(.path) \\(.query.a) \\(.headers.authorization) \\(.body)"', "/x?a=b",
      "-H", "Authorization: Bearer s3cret", "-d", "text")
    assert.equal("POST /x b Bearer s3cret text", out)
  end)

  it("answers late, and slowly, while others are served", function()
    target:faults { "GET /items: latency=300", "GET /options: speed=100 body=" .. ("x"):rep(30) }
    local late = tonumber((target:curl("/items", "-o", "/dev/null", "-w", "%{time_starttransfer}")))
    assert.is_true(late >= 0.3, late)
    local slow = tonumber((target:curl("/options", "-o", "/dev/null", "-w", "%{time_total}")))
    assert.is_true(slow >= 0.2, slow)
  end)

  it("holds an answer until the faults are replaced, while others are served", function()
    target:requests()
    target:faults { "GET /items: hold times=1" }
    local waiting <close> = io.popen("curl -s -w ' %{http_code}' " .. target.url .. "/items", "r")
    reeve.await(function() return target.sim:requests().total == 1 end, "the request")
    assert.equal("200 200 ", codes("/options") .. codes("/items"))
    target:set { items = 1 } -- too late for the one that was asked before
    target:faults {}
    assert.matches('^{"items":%["[^"]+","[^"]+","[^"]+"%]} 200$', waiting:read("a"))
    target:set { items = 3 }
  end)

  it("adds headers, and shifts the clock", function()
    target:faults { "GET /items: header='X-Some: a b' skew=86400" }
    local tomorrow = os.date("!%d %b", os.time() + 86400)
    local out = target:curl("/items", "-i")
    assert.matches("X%-Some: a b\r\n", out)
    local _, dates = out:gsub("\nDate: ", "")
    assert.equal(1, dates)
    local day = out:match("Date: %a+, (%d+ %a+)")
    assert.is_true(day == tomorrow or day == os.date("!%d %b", os.time() + 86400), day)
  end)

  it("throttles, and says when to come back", function()
    target:faults { "GET /items: throttle=1 retry_after=7" }
    local again = {} -- of so many two come within one second, however slow this machine is
    for i = 1, 20 do again[i] = target.url .. "/items" end
    local out = target:curl("/items", "-i", table.unpack(again))
    assert.matches("^HTTP/1.1 200 OK.*429 .*Retry%-After: 7", out)
  end)

  it("makes tokens end early", function()
    target:faults { "POST /token: token_life=0 times=1", "POST /token: token_uses=1" }
    local function try(token)
      return codes("/secret", "-H", "Authorization: Bearer " .. token)
    end
    local function issue()
      return target:jq(".token", "/token", "-X", "POST", "-u", "me:p:w")
    end
    assert.equal("401 ", try(issue()))
    local token = issue()
    assert.equal("200 401 ", try(token) .. try(token))
  end)

  it("is refused with its reason when it is none", function()
    for line, expected in pairs {
      ["GET /items"] = "METHOD PATH: key=value … is expected", ["GET: status=500"] = "is expected",
      ["GET /items: stat=500"] = "stat is none of its keys", ["GET /items: status=99"] = "status=99",
      ["GET /items: times=x"] = "times=x", ["GET /items: status"] = "status wants a value",
      ["GET /items: body=@/nonexistent"] = "No such file", ["GET /items: header=x"] = "Name:Value",
    } do
      local r = reeve.run { "sim", "acme", home = home, "--fault", line }
      assert.equal(2, r.status, line)
      assert.matches(expected, r.err, 1, true)
    end
    target:faults { "GET /items: status=418" }
    assert.matches("none of its keys", target:faults { "GET /items: stat=500" })
    assert.equal("418 ", codes("/items"))
  end)
end)

describe("a fault for which no route is", function()
  it("is told of, since it may be a slip of which nothing comes", function()
    local lines = { "GET /itmes: status=500", "PUT /items: cut", "*: latency=1", "/items: cut", "HEAD /items: cut",
      "GET /items/7: cut", "GET /it*: cut", "PUT /items/7*: cut", "GET /secrets*: cut" }
    local sim = reeve.sim { plugin = "acme", home = home, faults = lines }
    local told = {}
    for line in sim:stop().out:gmatch("fault '(.-)': no route") do told[#told + 1] = line end
    assert.same({ lines[1], lines[2], lines[9] }, told)
  end)
end)

describe("a running simulator", function()
  it("tells what it was asked", function()
    target:requests()
    target:curl("/items?b=2&a=1")
    target:curl("/nowhere")
    assert.equal('{"GET /items":1,"unknown":1} {"200":1,"404":1} 2',
      target:jq('"\\(.routes) \\(.statuses) \\(.total)"', "/__sim/requests"))
    assert.same({ "GET /items?a=1&b=2 200", "GET /nowhere 404" }, target:requests())
    assert.same({}, target:requests())
    assert.matches("no such door", (target:curl("/__sim/nothing")))
  end)

  it("takes options as JSON", function()
    assert.equal("4", target:jq(".items", "/__sim/options", "-d", '{"items":4}'))
    assert.equal("4", target:jq(".items|length", "/items"))
    assert.equal("3", target:jq(".items", "/__sim/options", "-d", '{"items":3}'))
    assert.matches("is expected", (target:curl("/__sim/options", "-d", "7")))
  end)

  it("logs each request with --verbose, and ends with 0 on SIGTERM", function()
    local other = start { args = { "--verbose" } }
    other:curl("/items/all")
    local status, log = other:stop()
    assert.equal(0, status)
    assert.equal("listening on " .. other.url .. "\nGET /items/all 200 12 bytes\n", log)
  end)

  it("ends with 0 on SIGHUP too", function()
    local other = start {}
    other.sim.process:kill "HUP"
    assert.equal(0, other.sim.process:wait().code)
  end)

  it("ends at once, with requests waiting for their answers", function()
    local other = start { faults = { "*: hold" } }
    local waiting = io.popen("curl -s " .. other.url .. "/items 2>&1; echo $?", "r")
    reeve.await(function() return other.sim:requests().total == 1 end, "the request")
    assert.equal(0, (other:stop()))
    assert.matches("52\n$", waiting:read("a"))
    waiting:close()
  end)

  it("says why it cannot listen", function()
    local r = reeve.run { "sim", "acme", home = home, "--port", target.url:match("%d+$") }
    assert.equal(1, r.status)
    assert.matches("Address already in use", r.err)
    assert.equal(2, reeve.run({ "sim", "acme", home = home, "--port", "70000" }).status)
    assert.equal(3, reeve.run({ "sim", "acme", home = home, "--host", "no-address" }).status)
  end)

  it("serves HTTPS with a certificate and its key", function()
    local tls = reeve.certificate()
    local other = start { tls = tls, set = { items = 20000 }, client = { "--cacert", tls.ca } }
    assert.matches("^https://127.0.0.1:%d+$", other.url)
    assert.equal("20000", other:jq(".items|length", "/items"))
    other:faults { "GET /items: truncate=100000" }
    assert.not_equal(0, select(2, other:curl("/items", "-o", "/dev/null")))
    assert.equal(0, (other:stop()))
    local args = { "sim", "acme", home = home, "--tls-cert", tls.key, "--tls-key", tls.cert }
    assert.equal(3, reeve.run(args).status)
    assert.equal(3, reeve.run({ "sim", "acme", home = home, "--tls-cert", tls.cert }).status)
  end)
end)

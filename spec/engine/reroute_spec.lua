-- reroute: a session whose requests all go to one server on this machine, as `reeve test` runs them. What
-- may be asked, where secrets go and what people are told is decided by the true URL.
local session = require "session"

local PUBLIC = "https://api.acme.test"

describe("a rerouted session", function()
  local target
  setup(function() target = session.target() end)
  teardown(function() target:stop() end)

  -- What the text says, with every request rerouted to the target.
  local function run(text, given)
    given = given or {}
    given.reroute, given.options = true, { http = { retry_s = 0 } }
    given.settings = given.settings or { api_url = PUBLIC, token_url = PUBLIC .. "/token" }
    return session.run(target, text, given)
  end

  it("asks another server for https: URLs of hosts that do not exist, and tells it the true origin", function()
    assert.equal("https://api.acme.test GET https://api.acme.test/echo\n", run [[
      local res = http:get("https://API.acme.test/echo?x=1")
      say(res.json.headers["reeve-origin"], tostring(res))]])
  end)

  it("resolves links against the true URL", function()
    local out = run [[say(http:get("https://api.acme.test/linked").links.next)]]
    assert.equal("https://api.acme.test/linked?page=2\n", out)
  end)

  it("refuses hosts that nobody declared or named", function()
    local out = run [[local e = failing(function() http:get("https://other.test/list") end) say(e.code, e.message)]]
    assert.truthy(out:find("^config .*the plugin declares no host 'other.test'"), out)
    assert.truthy(run([[say(failing(function() http:get("http://api.acme.test/list") end).message)]])
      :find("http: is only for this machine itself", 1, true))
  end)

  it("refuses a private address that the plugin declares, and takes one that a setting names", function()
    local text = [[say(pcall(function() return http:get("https://10.1.2.3/list").status end))]]
    local out = run(text, { hosts = { "10.1.2.3" } })
    assert.truthy(out:find("not asked at the address 10.1.2.3: a host that a plugin declares may not be", 1, true), out)
    assert.equal("true 200\n", run(text, { settings = { api_url = "https://10.1.2.3", token_url = PUBLIC } }))
  end)

  it("judges a redirect by the true origins: secrets stay, undeclared hosts and private ones are refused", function()
    local moved = [[
      local ok, res = pcall(function()
        return http:get("https://api.acme.test/moved", { query = { to = "%s" },
          headers = { ["X-Key"] = secret.new("hush") } })
      end)
      if not ok then return say(res.message) end
      say(res.json.headers["x-key"], res.json.headers["reeve-origin"])]]
    local given = { hosts = { "api.acme.test", "eu.acme.test", "10.1.2.3" } }
    assert.equal("hush https://api.acme.test\n", run(moved:format("/echo"), given))
    assert.equal("nil https://eu.acme.test\n", run(moved:format("https://eu.acme.test/echo"), given))
    local out = run(moved:format(target.url .. "/echo"), given)
    assert.truthy(out:find("redirects elsewhere: the plugin declares no host"), out)
    assert.truthy(run(moved:format("https://10.1.2.3/echo"), given):find("not asked at the address 10.1.2.3"))
  end)

  it("goes to the server whatever proxy is configured", function()
    assert.equal("200\n", run([[say(http:get("https://api.acme.test/list").status)]],
      { env = { https_proxy = "http://127.0.0.1:1", http_proxy = "http://127.0.0.1:1" } }))
  end)

  it("renews and sends tokens as ever", function()
    assert.equal("200\n", run [[say(http:get("https://api.acme.test/private", { auth = credentials() }).status)]])
  end)
end)

describe("an origin to reroute to", function()
  it("is http: on this machine", function()
    local reeve = require "reeve"
    assert.equal("nil\trequests are rerouted by http: to this machine only\tconfig\n",
      (reeve.engine [[print(require("host.http").client { hosts = {}, reroute = "http://192.168.0.1:80" })]]))
  end)
end)

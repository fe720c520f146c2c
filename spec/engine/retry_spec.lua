-- retry and url: the policies of HTTP that need no network.
local reeve = require "reeve"

local function run(text)
  local head = 'local retry, url = require "target.retry", require "target.url"\nlocal secret = require "host.secret"\n'
  return reeve.engine(head .. text)
end

describe("how long to wait", function()
  -- What retry.asked says of a status and headers at 1,000,000,000 seconds, as text.
  local function asked(status, headers)
    return (run(("print(retry.asked(%d, %s, 1000000000))"):format(status, headers)):gsub("\n$", ""))
  end

  it("is what Retry-After says, in seconds or as a date by the answer's own clock", function()
    assert.equal("7", asked(503, '{ ["retry-after"] = "7" }'))
    assert.equal("1.5", asked(429, '{ ["retry-after"] = "1.5" }'))
    assert.equal("20", asked(429, '{ ["retry-after"] = "Wed, 21 Oct 2015 07:28:20 GMT", '
      .. 'date = "Wed, 21 Oct 2015 07:28:00 GMT" }'))
    assert.equal("60", asked(429, '{ ["retry-after"] = "Sun, 09 Sep 2001 01:47:40 GMT" }'))
    assert.equal("0", asked(429, '{ ["retry-after"] = "Wed, 21 Oct 1999 07:28:20 GMT" }'))
    assert.equal("nil", asked(429, '{ ["retry-after"] = "soon" }'))
  end)

  it("is what a reset header says: a span, or a time in seconds or milliseconds", function()
    assert.equal("30", asked(429, '{ ["ratelimit-reset"] = "30" }'))
    assert.equal("45", asked(429, '{ ["x-ratelimit-reset"] = "1000000045" }'))
    assert.equal("45.0", asked(429, '{ ["x-rate-limit-reset"] = "1000000045000" }'))
    assert.equal("nil", asked(429, "{}"))
  end)

  it("is not what a reset header says where the limit is not used up", function()
    assert.equal("nil", asked(503, '{ ["x-ratelimit-reset"] = "30", ["x-ratelimit-remaining"] = "12" }'))
    assert.equal("30", asked(403, '{ ["x-ratelimit-reset"] = "30", ["x-ratelimit-remaining"] = "0" }'))
  end)

  it("is otherwise anything up to a bound that doubles", function()
    assert.equal("0.5 1.0 2.0 30 30\n0.0 0.25\n", run [[
      local function one() return 1 end
      print(table.concat({ retry.backoff(1, one), retry.backoff(2, one), retry.backoff(3, one), retry.backoff(9, one),
        retry.backoff(50, one) }, " "))
      print(retry.backoff(3, function() return 0 end) .. " " .. retry.backoff(1, function() return 0.5 end))]])
  end)
end)

it("what may be sent twice is told by the method, or by the plugin", function()
  assert.equal("true true true true false false\ntrue false\n", run [[
    local list = {}
    for i, method in ipairs { "GET", "HEAD", "PUT", "DELETE", "POST", "PATCH" } do
      list[i] = tostring(retry.may_repeat(method))
    end
    print(table.concat(list, " "))
    print(tostring(retry.may_repeat("POST", true)) .. " " .. tostring(retry.may_repeat("GET", false)))]])
end)

it("statuses that pass are 408, 429 and from 500 on", function()
  assert.equal("408 429 500 501 502\n", run [[
    local list = {}
    for status = 200, 502 do
      if retry.is_passing(status) then list[#list + 1] = status end
    end
    print(table.concat(list, " "))]])
end)

describe("URLs", function()
  it("are joined and given a query", function()
    assert.equal([[
https://h/v1/users
https://h/v1/users
https://h/v1?a=1
https://other/x
https://h/v1/users?a=1&b=2
https://h/v1/users
]], run [[
      print(url.join("https://h/v1", "/users"))
      print(url.join("https://h/v1/", "users"))
      print(url.join("https://h/v1", "?a=1"))
      print(url.join("https://h/v1", "https://other/x"))
      print(url.with_query("https://h/v1/users?a=1", { b = 2 }))
      print(url.with_query("https://h/v1/users", {}))]])
  end)

  it("with a secret in them are secrets", function()
    assert.equal("***\ntrue\ntrue\n", run [[
      local s = secret.new("hush & hush")
      local u = url.with_query("https://h/x", { a = 1, key = s, z = 2 })
      print(u)
      print(secret.equal(u, secret.new("https://h/x?a=1&key=hush%20%26%20hush&z=2")))
      print(not pcall(url.fill, "/{a}", { a = s }))]])
  end)

  it("of a Link header are absolute, by relation", function()
    assert.equal([[
https://h/v1/users?page=2
https://h/first
https://o/last?a=b,c
https://h/a https://h/a
nil
]], run [[
      local l = url.links('<https://h/v1/users?page=2>; rel="next", </first>;rel=first, '
        .. '<https://o/last?a=b,c>; title="x"; rel="last"', "https://h/v1/users")
      print(l.next) print(l.first) print(l.last)
      l = url.links('<a>; rel="next Up"', "https://h/b")
      print(l.next .. " " .. l.up)
      print(url.links(nil, "https://h/").next)]])
  end)
end)

-- What a target may answer, and what a sync makes of it: refused credentials, trouble that passes and trouble
-- that stays, and answers that are none. Whatever comes, the last accepted state stays as it was.
local reeve = require "reeve"
local system = require "system"
local workspace = require "workspace"

local USERS <const>, ROLES <const>, KEYS <const> = "/v1alpha/users", "/v1alpha/roles", "/v1alpha/api-keys"
local TOKEN <const> = "POST /v1/auth/token"
local MIB <const> = 1024

-- Runs a command and samples its anonymous memory from outside until it ends: the process, the peak in KiB.
local function sampled(w, ...)
  local p, peak, samples = reeve.start { home = w.home, env = w.env, ... }, 0, 0
  while reeve.alive(p.pid) do
    local kib = (reeve.read(("/proc/%d/status"):format(p.pid)) or ""):match("RssAnon:%s*(%d+)")
    peak, samples = math.max(peak, tonumber(kib) or 0), samples + (kib and 1 or 0)
    system.sleep(0.001)
  end
  assert.is_true(samples > 0)
  return p:wait(), peak
end

-- Requests of a path that the simulator has had since the last forget().
local function asked(w, route)
  local n = 0
  for _, line in ipairs(w.sim:requests().log) do
    if line:find(route, 1, true) then n = n + 1 end
  end
  return n
end

local w, before

setup(function()
  w = workspace.new { users = 60, connector = { http = { retry_s = 1 } } }
  w:sync(0)
  before = w:state()
end)

teardown(function() w:stop() end)

before_each(function()
  w.sim:faults {}
  w.sim:forget()
end)

-- A sync under faults ends with this status and leaves the state alone; its process.
local function fails(code, faults)
  w.sim:faults(faults)
  local r = w:sync(code, "--fresh") -- with what an earlier run has fetched, less would be asked
  w.sim:faults {}
  assert.are.equal(before, w:state())
  return r
end

local function says(r, ...)
  for _, words in ipairs { ... } do
    assert.is_truthy(r.err:find(words, 1, true), ("'%s' is not in: %s"):format(words, r.err))
  end
end

describe("a credential that is refused", function()
  it("at the token endpoint ends a first sync with 4, and says which it is and what the target said", function()
    local other = setmetatable({ home = reeve.home() }, { __index = w })
    other:connect()
    w.sim:faults { TOKEN .. [[: status=401 body='{"code":16,"message":"key was deleted by ana"}']] }
    local r = other:sync(4)
    says(r, "client_id, client_secret", "401", "key was deleted by ana", "/v1/auth/token")
    assert.are.equal(1, other:run("list", "acme", "user").code)
    assert.are.equal("Not connected", other:status().label)
    w.sim:faults {}
    other:sync(0)
    assert.are.equal(w:sorted(), other:sorted())
  end)

  it("everywhere ends with 4 after one try with a fresh token, never in a loop", function()
    local r = fails(4, { "*: status=401" })
    says(r, "client_id, client_secret", "401")
    assert.are.equal(1, asked(w, "/v1/auth/token"))
    assert.are.equal("Error", w:status().label)
    assert.are.equal("credentials", w:status().last_code)
  end)

  it("by the API alone ends with 4 after one renewal", function()
    local r = fails(4, { USERS .. ": status=401", ROLES .. ": status=401" })
    says(r, "client_id, client_secret", "401", "/v1alpha/")
    assert.is_true(asked(w, "/v1/auth/token") <= 1)
  end)

  it("that may not read users ends with 4, and its token is not renewed for that", function()
    local r = fails(4, { USERS .. [[: status=403 body='{"code":7,"message":"role Viewer may not"}']] })
    says(r, "client_id, client_secret", "403", "role Viewer may not", USERS)
    assert.are.equal(0, asked(w, "/v1/auth/token"))
  end)

  it("that may not read users is warned of by a check; a target that fails is another matter", function()
    w.sim:faults { USERS .. ": status=403" }
    local r = w:run("check", "acme")
    assert.are.equal(0, r.code, r.err)
    says(r, "this key may not read users: its role is Owner")
    w.sim:faults { USERS .. ": status=500" }
    r = w:run("check", "acme")
    assert.are.equal(5, r.code, r.err)
    says(r, USERS, "it answered 500")
  end)

  it("is no trouble any more once it is mended", function()
    w:sync(0)
    assert.are.equal("Connected", w:status().label)
    assert.are.equal(before, w:state())
  end)
end)

describe("trouble that passes", function()
  it("is waited for: 503, 429, 500 and 408", function()
    w.sim:faults { USERS .. ": status=503 times=1", ROLES .. ": status=429 times=1", KEYS .. ": status=408 times=1",
      USERS .. ": status=500 times=1 after=2" }
    w:connect { http = { retry_s = 20 } }
    w:sync(0)
    local http = w:last_run().http
    w:connect { http = { retry_s = 1 } }
    assert.are.equal(4, http.retries)
    assert.are.equal(before, w:state())
  end)

  it("is waited for as long as the target asks", function()
    w.sim:faults { ROLES .. ": status=429 times=1 retry_after=1" }
    w:connect { http = { retry_s = 20 } }
    local began = reeve.mono()
    w:sync(0)
    local took = reeve.mono() - began
    w:connect { http = { retry_s = 1 } }
    assert.is_true(took >= 1, took)
    assert.is_true(w:last_run().http.throttled_s >= 1)
    assert.are.equal(2, asked(w, ROLES))
  end)

  it("is an answer that breaks off: its page is asked for again", function()
    w.sim:faults { USERS .. "?sso_provision=false: truncate=3000 times=2" }
    w:sync(0)
    assert.are.equal(3, asked(w, "sso_provision=false"))
    assert.are.equal(before, w:state())
    assert.are.equal(60, w:status().counts.user)
  end)
end)

describe("trouble that stays", function()
  for _, status in ipairs { 429, 500, 503 } do
    it(("(%d) ends with 5 after http.retry_s, with what was tried"):format(status), function()
      local r = fails(5, { USERS .. ": status=" .. status })
      says(r, USERS, "it answered " .. status, "; tried ")
      assert.is_true(asked(w, USERS) >= 2)
      assert.are.equal("unavailable", w:status().last_code)
    end)
  end

  it("is not waited for where the target asks for more than http.retry_s", function()
    local began = reeve.mono()
    local r = fails(5, { ROLES .. ": status=429 retry_after=3600" })
    says(r, "asks to wait 3600 s", "http.retry_s")
    assert.is_true(reeve.mono() - began < 100)
  end)

  it("is gone on from: the next sync asks for what is missing, and for nothing else", function()
    local paged = workspace.new { users = 40, roles = 12, roles_page = 4, connector = { http = { retry_s = 0 } },
      faults = { ROLES .. ": status=503 after=2" } }
    finally(function() paged:stop() end)
    local r = paged:sync(5)
    says(r, "503")
    assert.are.equal(1, paged:run("list", "acme", "user").code)
    local lists = {}
    for _, list in ipairs(paged:last_run().lists) do lists[list.list] = list end
    assert.are.equal("complete", lists.user_local.state)
    assert.are.equal("open", lists.role.state)
    paged.sim:faults {}
    paged.sim:forget()
    paged:sync(0)
    assert.are.equal(1, paged:last_run().run)
    assert.are.equal(1, asked(paged, ROLES))
    assert.are.equal(0, asked(paged, USERS))
    assert.are.equal(12, #paged:list("role"))
    local resumed = paged:sorted()
    paged:fresh():sync(0)
    assert.are.equal(paged:sorted(), resumed)
  end)
end)

-- What is no answer: a fault, and words that tell what was wrong.
local files
local function file(name, bytes)
  files = files or {}
  files[name] = files[name] or reeve.write(reeve.path(name), type(bytes) == "function" and bytes() or bytes)
  return files[name]
end

local function blanks() -- 300 MB of white space, which JSON would let pass, in gzip
  return (reeve.shell("head -c 300000000 /dev/zero | tr '\\0' ' ' | gzip -1"))
end

local nonsense = {
  { "HTML with status 200", "body=html", "not JSON" },
  { "an empty object", "body=empty", "no array" },
  { "null in place of the list", "body=null", "no array" },
  { "a list that is no array", [[body='{"users":{},"roles":7,"api_keys":"x"}']], "array" },
  { "nothing at all", "body=nothing", "empty" },
  { "an array in place of the object", "body='[]'", "not an object" },
  { "half a document, said to be whole", "short=200", "ends in the middle" },
  { "less than Content-Length", "truncate=200", "broke off" },
  { "bytes behind the document", "append=]", "the end was expected" },
  { "a second document behind it", "append={}", "the end was expected" },
  { "an element that is a number", [[body='{"users":[1],"roles":[1],"api_keys":[1]}']], "object was expected" },
  { "an element that is null", [[body='{"users":[null],"roles":[null],"api_keys":[null]}']], "gave null" },
  { "an element that is an array", [=[body='{"users":[[]],"roles":[[]],"api_keys":[[]]}']=], "gave an array" },
  { "100,000 levels", "body=deep", "" },
  { "100,000 levels within the list", function() return "body=@" .. file("deep", '{"users":[' ..
    ("["):rep(100000)) end, "level", only = "users" },
  { "an element of 3 MiB", function() return "body=@" .. file("wide", '{"users":[{"id":"1","email":"' ..
    ("x"):rep(3 << 20) .. '"}]}') end, "element", only = "users" },
  { "a gigabyte of zeros in gzip", "body=bomb", "" },
  { "300 megabytes of blanks in gzip", function() return "header='Content-Encoding: gzip' body=@"
    .. file("blanks", blanks) end, "", only = "users" },
  { "what is not the encoding it says", "header='Content-Encoding: gzip'", "" },
}

describe("an answer that is none ends with 5, deletes nothing and needs no memory:", function()
  for _, case in ipairs(nonsense) do
    it(case[1], function()
      local effect = type(case[2]) == "function" and case[2]() or case[2]
      for _, path in ipairs { USERS, ROLES, KEYS } do
        if not case.only or path:find(case.only, 1, true) then
          w.sim:faults { "GET " .. path .. ": " .. effect }
          local r, peak = sampled(w, "sync", "acme", "--fresh")
          w.sim:faults {}
          assert.are.equal(5, r.code, path .. ": " .. r.err)
          says(r, case[3])
          assert.is_true(peak <= 16 * MIB or reeve.sanitized, ("%s: %d KiB"):format(path, peak))
        end
      end
      assert.are.equal(before, w:state())
    end)
  end

  it("a token that is none", function()
    for _, effect in ipairs { "body=html", "body=empty", [[body='{"access_token":null}']],
      [[body='{"access_token":7}']], "body=deep", "body=bomb" } do
      local other = setmetatable({ home = reeve.home() }, { __index = w })
      other:connect()
      w.sim:faults { TOKEN .. ": " .. effect }
      says(other:sync(5), "/v1/auth/token")
    end
  end)

  it("and once the target has recovered all is as before", function()
    w:sync(0)
    assert.are.equal(before, w:state())
    for _, change in pairs(w:last_run().changes or {}) do
      assert.are.same({ added = 0, changed = 0, removed = 0 }, change)
    end
  end)
end)

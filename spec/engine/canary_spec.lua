-- A secret that the target sends back, in whatever it answers, is nowhere afterwards: not in what is printed,
-- not in a log, not in a byte of the home or the state. And hosts that nobody declared are not asked.
local reeve = require "reeve"
local workspace = require "workspace"

local hex = reeve.hex

local function percent(text, pattern)
  return (text:gsub(pattern, function(c) return ("%%%02X"):format(c:byte()) end))
end
local function base64(text)
  local path = reeve.write(reeve.path("plain"), text)
  return (reeve.shell("base64 -w0 " .. reeve.quote(path)):gsub("=+$", ""))
end

-- A secret in every form that somebody may write it in. Of base64 the part that its neighbours do not change.
local function forms(secret)
  local list = { secret, percent(secret, "[^%w%-._~]"), secret:gsub("/", "\\/"), hex(secret), hex(secret):upper(),
    base64(secret):sub(1, -3) }
  for pad = 1, 2 do list[#list + 1] = base64(("x"):rep(pad) .. secret):sub(5, -3) end
  list[#list + 1] = percent(secret, "[^%w]")
  return list
end

-- The forms as a target would send them: whole.
local function sent(secret)
  local list = { secret, percent(secret, "[^%w%-._~]"), hex(secret), hex(secret):upper(), base64(secret) }
  for pad = 1, 3 do list[#list + 1] = base64(("x"):rep(pad) .. secret .. ("y"):rep(3)) end
  return list
end

local w
setup(function() w = workspace.new { users = 20, connector = { http = { retry_s = 0 } } } end)
teardown(function() w:stop() end)

-- None of the secrets is in the text, nor in any file below the home.
local function nowhere(text, secrets)
  for _, secret in ipairs(secrets) do
    for _, form in ipairs(forms(secret)) do
      assert.is_nil(text:find(form, 1, true), "printed: " .. form)
      local found = reeve.shell(("grep -rlaF -e %s %s"):format(reeve.quote(form), reeve.quote(w.home)))
      assert.are.equal("", found, "stored: " .. form)
    end
  end
end

-- Syncs in a fresh home while the target behaves so, and looks everywhere.
local function leaks_nothing(faults, secrets)
  w:fresh()
  w.sim:faults(faults)
  local r = w:run("sync", "acme", "--verbose")
  w.sim:faults {}
  local log = w:run("log", "acme")
  local excluded = w:run("list", "acme", "excluded")
  local status = w:run("status", "acme", "-o", "json")
  local runs = w:run("runs", "acme", "-o", "json")
  nowhere(table.concat { r.out, r.err, log.out, excluded.out, status.out, runs.out }, secrets or { workspace.secret })
  return r
end

local function inside(form) return ([['{"code":7,"message":"your key %s is wrong"}']]):format(form) end

describe("a secret", function()
  it("is not in what an undisturbed sync leaves behind, nor is the token", function()
    local r = leaks_nothing({}, { workspace.secret })
    assert.are.equal(0, r.code)
    w:fresh()
    w.sim:faults { [[POST /v1/auth/token: body='{"access_token":"canary-token-5f3c9b7a11","expires_in":3600}']] }
    local refused = w:run("sync", "acme", "--verbose") -- the simulator knows no such token
    w.sim:faults {}
    assert.are.equal(4, refused.code, refused.err)
    nowhere(refused.out .. refused.err .. w:run("log", "acme").out, { "canary-token-5f3c9b7a11" })
  end)

  -- It is kept as the header "Bearer TOKEN", and comes back as the token.
  it("is not told where it is a token of an earlier run, without its scheme", function()
    local token = "canary-token-5f3c9b7a11"
    local faults = { ([[POST /v1/auth/token: body='{"access_token":"%s","expires_in":3600}']]):format(token) }
    for _, path in ipairs { "users", "roles", "api_keys" } do
      faults[#faults + 1] = ([[GET /v1alpha/%s: status=404 body='{"message":"no %s here"}']]):format(path, token)
    end
    w:fresh()
    w.sim:faults(faults)
    local first, second = w:run("sync", "acme", "--verbose"), w:run("sync", "acme", "--verbose")
    w.sim:faults {}
    assert.matches("no *** here", second.err, 1, true)
    nowhere(first.err .. second.out .. second.err .. w:run("log", "acme").out, { token })
  end)

  it("is not told where an error's body has it, in any form", function()
    for i, form in ipairs(sent(workspace.secret)) do
      local route = i % 2 == 0 and "GET /v1alpha/users" or "POST /v1/auth/token"
      assert.are.equal(4, leaks_nothing({ route .. ": status=401 body=" .. inside(form) }).code)
    end
  end)

  it("is not told where the target echoes the whole request", function()
    leaks_nothing { "POST /v1/auth/token: status=401 body=echo" }
    leaks_nothing { "POST /v1/auth/token: body=echo" }
    leaks_nothing { "GET /v1alpha/users: status=403 body=echo" }
    leaks_nothing { "GET /v1alpha/users: status=500 body=echo" }
    leaks_nothing { "GET /v1alpha/roles: body=echo" }
  end)

  it("is not told where a redirect's address has it", function()
    for _, host in ipairs { "http://127.0.0.1:1/", "https://elsewhere.example/" } do
      local target = host .. percent(workspace.secret, "[^%w]") .. "?key=" .. percent(workspace.secret, "[^%w]")
      local r = leaks_nothing { "GET /v1alpha/users: status=302 header='Location: " .. target .. "'" }
      assert.are.equal(5, r.code, r.err)
    end
  end)

  it("is not told where nonsense has it", function()
    leaks_nothing { "GET /v1alpha/users: body='" .. workspace.secret .. "'" }
    leaks_nothing { "POST /v1/auth/token: body='" .. workspace.secret .. "'" }
  end)
end)

describe("a host", function()
  it("that nobody declared ends with 5 where a redirect leads there, and is not asked", function()
    w:fresh()
    w.sim:faults { "GET /v1alpha/users: status=307 header='Location: https://elsewhere.example/users'" }
    local r = w:sync(5)
    w.sim:faults {}
    assert.matches("redirects elsewhere", r.err)
    assert.matches("elsewhere.example", r.err, 1, true)
  end)

  it("is asked without TLS on loopback only: else exit 3", function()
    w.settings = { api_url = "http://api.acme.test/v1alpha" }
    w:fresh()
    local r = w:sync(3)
    w.settings = {}
    assert.matches("http", r.err)
  end)
end)

-- GitHub's plugin and what GitHub refuses: limits, which answer 403 and pass; permissions, whose 403 does not;
-- tokens and Apps. And what two thousand teams cost.
local github = require "github"
local reeve = require "reeve"

local w

local function start(...) w = github.start(...) end

after_each(function()
  if w then w:stop() end
  w = nil
end)

local function statuses()
  return w.sim:requests().statuses
end

local function account(name)
  for _, list in ipairs(w:last_run().lists) do
    if list.list == name then return list end
  end
end

local SMALL = { users = 8, teams = 3, repositories = 3, outside = 1, invitations = 1, organization_roles = 1 }

local function small(more)
  local options = {}
  for _, part in ipairs { SMALL, more or {} } do
    for name, value in pairs(part) do options[name] = value end
  end
  return options
end

describe("a limit", function()
  it("that is used up is waited for, in REST and in GraphQL", function()
    start(small { primary = 12, primary_s = 1 })
    -- Where this machine is busy a sync may be too slow to come to the limit.
    reeve.await(function()
      w:fresh():sync(0)
      return (statuses()["403"] or 0) > 0
    end, "a sync that comes to the limit")
    assert.is_true(w:last_run().http.throttled_s > 0)
    local limited = w:sorted()
    w.sim:set { primary = 0 }
    w:fresh():sync(0)
    assert.equal(w:sorted(), limited)
  end)

  it("for much content at once says by Retry-After how long it lasts", function()
    start(small { secondary = 5 })
    w:sync(0)
    assert.is_true(statuses()["403"] >= 3)
    assert.equal(9, #w:list "user" - 1)
  end)

  it("that GraphQL tells with 200 is waited for", function()
    start(small { faults = { [[POST /graphql: times=2 header='Retry-After: 0' ]]
      .. [[body='{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for user ID 1."}]}']] } })
    w:sync(0)
    assert.equal("complete", account("team_member").state)
    assert.equal("complete", account("saml_identity").state)
  end)

  -- One that says nothing else asks for a minute, which http.retry_s does not allow here.
  local WORDS = [[status=403 body='{"message":"You have exceeded a secondary rate limit. Please wait."}']]

  it("that has words only is no refused credential", function()
    start(small { faults = { "GET /orgs/acme: " .. WORDS } }, nil, { http = { retry_s = 5 } })
    local r = w:sync(5)
    assert.matches("it asks to wait 60 s", r.err, 1, true)
    assert.not_matches("credential", r.err)
  end)

  it("that outlasts http.retry_s on one list leaves that list as it was", function()
    start(small(), nil, { http = { retry_s = 5 } })
    w:sync(0)
    local before = w:sorted()
    w.sim:faults { "GET /orgs/acme/invitations: " .. WORDS }
    w:sync(7)
    assert.equal("failed", account("invitation").state)
    assert.equal(before, w:sorted())
  end)
end)

describe("a missing permission", function()
  it("for what everything hangs on is a refused credential", function()
    for _, path in ipairs { "/orgs/acme", "/orgs/acme/members", "/orgs/acme/teams", "/orgs/acme/repos" } do
      start(small { faults = { "GET " .. path .. ": status=403 "
        .. [[body='{"message":"Resource not accessible by integration"}']] } })
      assert.matches("Resource not accessible by integration", w:sync(4).err, 1, true)
      w:stop()
    end
  end)

  it("for what owners may see only leaves that not covered, and what was known stays", function()
    start(small())
    w:sync(0)
    local before = w:sorted()
    w.sim:set { token_role = "member" }
    w:sync(0)
    for _, name in ipairs { "two_factor", "saml_identity", "outside_collaborator", "invitation", "collaborator",
      "organization_role" } do
      assert.equal("not_covered", account(name).state, name)
    end
    -- But for what the organisation tells of itself to owners only.
    local function rest(text) return (("\n" .. text):gsub('\n{"type":"organization","id"[^\n]*', "", 1)) end
    assert.equal(rest(before), rest(w:sorted()))
  end)

  it("to be in the organisation at all is never an organisation of its public members", function()
    start(small { token_role = "none" })
    assert.matches("no member of acme", w:sync(4).err, 1, true)
    assert.matches("no member of acme", w:run("check", "acme").out .. w:run("check", "acme").err, 1, true)
  end)

  it("is told by check: what stays unknown to a token of no owner", function()
    start(small { token_role = "member" })
    local r = w:expect(0, "check", "acme")
    assert.matches("is no owner: outside collaborators", r.out .. r.err, 1, true)
    w.sim:set { token_role = "admin" }
    r = w:expect(0, "check", "acme")
    assert.matches("an owner, in Acme Corporation", r.out .. r.err, 1, true)
    assert.not_matches("warning", r.out .. r.err)
  end)

  it("of a token that is none is a refused credential", function()
    start(small { token = "another" })
    assert.matches("Bad credentials", w:sync(4).err, 1, true)
  end)
end)

describe("a GitHub App", function()
  local key
  setup(function()
    key = reeve.path("app.pem")
    reeve.shell(("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out %s 2>/dev/null && chmod 600 %s")
      :format(reeve.quote(key), reeve.quote(key)))
  end)

  local function app(more)
    local settings = { token = false, private_key = "file:" .. key, app_id = "12345" }
    for name, value in pairs(more or {}) do settings[name] = value end
    return settings
  end

  local function asked(line)
    for _, seen in ipairs(w.sim:requests().log) do
      if seen == line then return true end
    end
    return false
  end

  it("signs, finds its installation, and reads all that an owner does", function()
    start(small())
    w:sync(0)
    local by_token = w:sorted()
    w:stop()
    start(small(), app())
    w:sync(0)
    assert.equal(by_token, w:sorted())
    assert.is_true(asked "GET /orgs/acme/installation 200")
    assert.is_true(asked "POST /app/installations/987654/access_tokens 201")
    local r = w:expect(0, "check", "acme")
    assert.matches("connected as GitHub App reeve in Acme Corporation", r.out .. r.err, 1, true)
  end)

  it("does not look for an installation that is told", function()
    start(small(), app { installation_id = "987654" })
    w:sync(0)
    assert.is_false(asked "GET /orgs/acme/installation 200")
  end)

  it("gets another token where one ends before the run", function()
    start(small { faults = { "POST /app/installations/987654/access_tokens: token_uses=6" } }, app(),
      { http = { concurrency = 1 } })
    w:sync(0)
    local r = w.sim:requests()
    assert.is_true(r.routes["POST /app/installations/{id}/access_tokens"] > 2)
  end)

  it("whose key or id is another's is a refused credential", function()
    start(small(), app { app_id = "999" })
    local r = w:sync(4)
    assert.matches("Integration not found", r.err, 1, true)
    assert.not_matches("BEGIN", r.err .. r.out)
  end)
end)

describe("a second run", function()
  it("asks only for what has changed, and what has not costs nothing of the hour's requests", function()
    start(small { users = 120 })
    w:sync(0)
    local first = w:sorted()
    w.sim:forget()
    w:sync(0)
    local seen = w.sim:requests()
    assert.equal(first, w:sorted())
    -- Each list's pages but the GraphQL ones, the organisation itself and whose the token is.
    assert.equal(seen.total - seen.routes["POST /graphql"] - 2, seen.statuses["304"])
    assert.is_true(seen.statuses["304"] > 12)
    w.sim:set { drift = 0.1 }
    w:sync(0)
    assert.not_equal(first, w:sorted())
  end)
end)

describe("two thousand teams", function()
  -- Peak of anonymous memory of a first sync, in KiB. GitHub's pace, which the plugin keeps, is left out.
  local function peak(teams)
    start({ users = 200, teams = teams, repositories = 20 })
    local text = reeve.read("plugins/github/plugin.lua"):gsub("rate = %b{},", "")
    local files = { ["plugin.lua"] = text }
    for _, name in ipairs { "connector", "client", "mapping", "simulator", "simulator_data" } do
      files[name .. ".lua"] = reeve.read("plugins/github/" .. name .. ".lua")
    end
    reeve.plugin(w.home, "github", files)
    local p, most = reeve.start { home = w.home, env = w.env, timeout = 120, "sync", "acme" }, 0
    reeve.await(function()
      local kib = (reeve.read(("/proc/%d/status"):format(p.pid)) or ""):match("RssAnon:%s*(%d+)")
      most = math.max(most, tonumber(kib) or 0)
      return not reeve.alive(p.pid)
    end, "the sync to end", 120)
    assert.equal(0, p:wait().code, p.err)
    assert.equal(teams, #w:list "team")
    w:stop()
    w = nil
    return most
  end

  it("use the memory of twenty", function()
    if reeve.sanitized then return end
    local few, many = peak(20), peak(2000)
    assert.is_true(few < many and many < 20 * 1024, ("%d KiB for 20 teams, %d KiB for 2,000"):format(few, many))
  end)
end)

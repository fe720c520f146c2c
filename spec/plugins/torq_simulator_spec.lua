local reeve = require "reeve"
local simulator = require "simulator"

local target, token
local function start(set)
  target = simulator.start("torq", { set = set })
  token = target:jq(".access_token", "/v1/auth/token", "-u", "sim-client-id:sim-client-secret", "-d",
    "grant_type=client_credentials")
end

-- What an API path answers with the token; the users of a list by id.
local function get(path)
  local status, body = reeve.http { url = target.url .. path, headers = { "Authorization: Bearer " .. token } }
  return reeve.json(body), status, body
end

local function users(query)
  local by_id, list = {}, get("/v1alpha/users" .. (query or "")).users
  for _, user in ipairs(list) do by_id[user.id] = user end
  return by_id, list
end

local function size(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

describe("torq's simulator", function()
  setup(function() start { users = 300, roles = 8, sso = 0.25 } end)
  teardown(function() target:stop() end)

  it("issues tokens to its client only, for an hour", function()
    local path = "/v1/auth/token"
    local show = '"\\(.access_token|length-4) \\(.expires_in) \\(.token_type)"'
    assert.equal("48 3600 Bearer", target:jq(show, path, "-u", "sim-client-id:sim-client-secret", "-d",
      "grant_type=client_credentials"))
    for _, args in ipairs { { "-u", "sim-client-id:wrong" }, { "-u", "x:sim-client-secret" }, {} } do
      assert.equal('16 "array"', target:jq('"\\(.code) \\(.details|type|tojson)"', path, "-d",
        "grant_type=client_credentials", table.unpack(args)))
    end
    assert.equal("3", target:jq(".code", path, "-u", "sim-client-id:sim-client-secret", "-d", "grant_type=x"))
    assert.matches("401", (target:curl("/v1alpha/users", "-i")))
    assert.matches("401", (target:curl("/v1alpha/users", "-i", "-H", "Authorization: Bearer x")))
  end)

  it("gives everybody once by the SSO and the local list, and all of them without a filter", function()
    local all, list = users()
    local sso, local_ = users("?sso_provision=true"), users("?sso_provision=false")
    assert.equal(300, #list)
    assert.equal(300, size(all))
    assert.equal(300, size(sso) + size(local_))
    assert.is_true(size(sso) > 40 and size(sso) < 110)
    for id, user in pairs(all) do
      assert.same(user, user.sso_provision and sso[id] or local_[id])
    end
    assert.equal(400, select(2, get "/v1alpha/users?sso_provision=maybe"))
  end)

  it("has users as the API has them, a few invited and some who never logged in", function()
    local roles, counts = {}, { VERIFIED = 0, INVITATION_SENT = 0, never = 0, emails = {} }
    for _, role in ipairs(get("/v1alpha/roles").roles) do roles[role.id] = role.name end
    for id, user in pairs((users())) do
      assert.matches("^%x+%-%x+%-4%x+%-%x+%-%x+$", id)
      assert.is_truthy(roles[user.role_id])
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%d%d%d%dZ$", user.created_time)
      counts[user.status] = counts[user.status] + 1
      counts.never = counts.never + (user.last_login_time and 0 or 1)
      counts.emails[user.email] = true
    end
    assert.equal(300, size(counts.emails))
    assert.is_true(counts.INVITATION_SENT > 3 and counts.INVITATION_SENT < 40)
    assert.is_true(counts.never > counts.INVITATION_SENT)
  end)

  it("has the built-in roles first, then custom ones, also in pages and on the older path", function()
    local names = {}
    for i, role in ipairs(get("/v1alpha/roles").roles) do
      names[i] = role.name .. (role.is_custom and "*" or "")
    end
    assert.same({ "Owner", "Contributor", "Creator", "Operator", "Viewer", "Cases Analyst", "Team 1*",
      "Team 2*" }, names)
    assert.is_nil(get("/v1alpha/roles").next_page_token)
    assert.equal("", get("/v1alpha/users/roles").next_page_token)
    target:set { roles_page = 3 }
    for _, path in ipairs { "/v1alpha/roles", "/public/v1alpha/users/roles" } do
      local seen, page = {}, ""
      repeat
        local answer = get(path .. "?page_token=" .. page)
        for _, role in ipairs(answer.roles) do seen[#seen + 1] = role.name .. (role.is_custom and "*" or "") end
        page = answer.next_page_token
      until page == ""
      assert.same(names, seen)
    end
    target:set { roles_page = 0 }
  end)

  it("has API keys: its own, and private ones with their user", function()
    local keys = get("/public/v1alpha/api-keys").api_keys
    local all = users()
    assert.equal(3, #keys)
    assert.equal("sim-client-id", keys[1].client_id)
    assert.same({ "Owner", "API_KEY_TYPE_SERVICE" }, { keys[1].role_name, keys[1].type })
    assert.equal("API_KEY_TYPE_PRIVATE", keys[2].type)
    assert.same(all[keys[2].user.id], keys[2].user)
    assert.is_nil(keys[3].user)
    for _, key in ipairs(keys) do
      assert.is_true(not key.last_authenticated_time or key.created_time < key.last_authenticated_time)
    end
  end)

  it("has claim mappings by rank, and audit logs in pages for an Owner's key only", function()
    local mappings = get("/v1alpha/sso/claim_mappings").claim_mappings
    assert.same({ 1, 2, 3 }, { mappings[1].rank, mappings[2].rank, mappings[3].rank })
    local times, page = {}, ""
    repeat
      local answer = get("/v1alpha/audit_logs?page_size=8&page_token=" .. page)
      for _, entry in ipairs(answer.audit_logs) do times[#times + 1] = entry.timestamp end
      page = answer.next_page_token
    until page == ""
    assert.equal(20, #times)
    for i = 2, #times do assert.is_true(times[i] < times[i - 1]) end
    local half = get("/v1alpha/audit_logs?order=asc&start_time=" .. times[10]).audit_logs
    assert.same({ 10, times[10] }, { #half, half[1].timestamp })
    assert.equal(400, select(2, get "/v1alpha/audit_logs?page_size=501"))
    target:set { key_role = "Viewer" }
    assert.equal(403, select(2, get "/v1alpha/audit_logs"))
    target:set { key_role = "Owner" }
  end)

  it("drifts: role, status, e-mail, removed and added in turn, by the seed, owners left alone", function()
    local before = users()
    target:set { drift = 0.1 }
    local after = users()
    local changes = { role_id = 0, status = 0, email = 0, removed = 0, added = 0 }
    for id, user in pairs(before) do
      if not after[id] then
        changes.removed = changes.removed + 1
      else
        for _, field in ipairs { "role_id", "status", "email" } do
          changes[field] = changes[field] + (after[id][field] ~= user[field] and 1 or 0)
        end
      end
    end
    for id in pairs(after) do changes.added = changes.added + (before[id] and 0 or 1) end
    -- 0.1 of 298 (without the two owners) is 30, in five kinds
    assert.same({ role_id = 6, status = 6, email = 6, removed = 6, added = 6 }, changes)
    local owner = get("/v1alpha/roles").roles[1].id
    local owners = 0
    for _, user in pairs(after) do owners = owners + (user.role_id == owner and 1 or 0) end
    assert.equal(2, owners)
    assert.same(after, (users()))
    target:set { generation = 2 }
    assert.not_same(after, (users()))
    target:set { generation = 1, drift = 0 }
    assert.same(before, (users()))
  end)

  it("moves users to SSO, lets everybody log in, and makes more owners", function()
    local before, sso = users(), size((users("?sso_provision=true")))
    target:set { moved = 4 }
    assert.equal(sso + 4, size((users("?sso_provision=true"))))
    assert.equal(296 - sso, size((users("?sso_provision=false"))))
    target:set { moved = 0, day = 1 }
    for id, user in pairs((users())) do
      assert.equal(before[id].last_login_time ~= nil, user.last_login_time ~= nil)
      assert.is_true(not user.last_login_time or user.last_login_time:sub(1, 10) == "2026-10-10")
    end
    target:set { day = 0, owners = 9 }
    local owner, owners = get("/v1alpha/roles").roles[1].id, 0
    for _, user in pairs((users())) do owners = owners + (user.role_id == owner and 1 or 0) end
    assert.equal(9, owners)
    target:set { owners = 2 }
  end)

  it("adds users that are wrong, by name", function()
    local function added(names)
      target:set { odd = names }
      local _, _, body = get("/v1alpha/users?sso_provision=false")
      target:set { odd = "" }
      local _, _, plain = get("/v1alpha/users?sso_provision=false")
      return body:sub(#plain - 2)
    end
    local twice = added "twice"
    assert.equal(2, select(2, twice:gsub('"id":"00000000%-0000%-4000%-8000%-000000000001"', "")))
    assert.matches('"one@example.com".*"other@example.com"', added "two_contents")
    assert.not_matches('"id"', added "no_id")
    assert.matches('"id":9007199254740993,', added "integer_id", 1, true)
    assert.is_true(#added "long_email" > 10240)
    assert.is_true(#added "huge_email" > 65536)
    assert.matches("nul\\u0000@", added "nul", 1, true)
    assert.matches("utf8\xff@", added "utf8", 1, true)
    assert.matches("half\\ud800@", added "surrogate", 1, true)
    assert.matches("00dead", added "unknown_role")
    assert.matches("no_id.*surrogate", added "no_id,surrogate":gsub("no.id@", "no_id@"))
    assert.matches("no such oddity", target:set { odd = "nonsense" })
  end)
end)

describe("torq's simulator, otherwise set", function()
  after_each(function() target:stop() end)

  it("is the same workspace for the same options, and another for another seed", function()
    start { users = 50 }
    local first = users()
    target:stop()
    start { users = 50 }
    assert.same(first, (users()))
    target:set { seed = 2 }
    local other = users()
    for id in pairs(first) do assert.is_nil(other[id]) end
  end)

  it("may be empty, or have one user and one role", function()
    start { users = 0, roles = 0, api_keys = 0 }
    assert.equal('{"users":[]}', select(3, get "/v1alpha/users"))
    assert.equal('{"roles":[]}', select(3, get "/v1alpha/roles"))
    assert.equal('{"api_keys":[]}', select(3, get "/v1alpha/api-keys"))
    target:set { users = 1, roles = 1, drift = 1, sso = 1 }
    assert.equal(1, #select(2, users("?sso_provision=true")))
    assert.same({}, select(2, users("?sso_provision=false")))
  end)

  it("makes and serves 100,000 users quickly", function()
    start { users = 100000, roles = 12 }
    local bearer = "Authorization: Bearer " .. token
    assert.equal("100000", target:jq(".users|length", "/v1alpha/users", "-H", bearer))
    target:stop()
    assert.is_true(reeve.sanitized or target.sim.process.cpu < 8) -- it takes 1 s
  end)
end)

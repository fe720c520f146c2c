-- What the Torq plugin's scenarios expect, against a second reading of the same workspaces: curl's answers,
-- mapped here by what plugins/torq/README.md says, and not by the plugin.
local reeve = require "reeve"

local function expected(name)
  local found = { user = {}, role = {}, api_key = {}, grant = {} }
  for _, record in ipairs(reeve.jsonl(reeve.read("plugins/torq/test/" .. name .. ".expected.jsonl"))) do
    if record.kind == "resource" then
      found[record.type][record.id] = record
    elseif record.kind == "grant" then
      local grant = record.entitlement
      table.insert(found.grant, ("%s %s:%s %s"):format(record.principal.id, grant.type, grant.slug, grant.id))
    end
  end
  table.sort(found.grant)
  return found
end

local function token(sim)
  local _, text = reeve.http { url = sim.url .. "/v1/auth/token", body = "grant_type=client_credentials",
    args = { "-u", "sim-client-id:sim-client-secret" } }
  return "Authorization: Bearer " .. reeve.json(text).access_token
end

-- The workspace as it answers: users, roles and keys.
local function asked(set)
  set.plugin = "torq"
  local sim = reeve.sim(set)
  local bearer, all = token(sim), {}
  for name, path in pairs { users = "users", roles = "users/roles", api_keys = "api-keys" } do
    local list, page = {}, ""
    repeat
      local url = ("%s/v1alpha/%s?page_token=%s"):format(sim.url, path, page)
      local _, text = reeve.http { url = url, headers = { bearer } }
      local document = reeve.json(text)
      table.move(document[name], 1, #document[name], #list + 1, list)
      page = document.next_page_token or ""
    until page == ""
    all[name] = list
  end
  sim:stop()
  return all
end

local function size(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

local STATUS = { VERIFIED = "enabled", INVITATION_SENT = "pending" }

-- Users and roles one by one, and who holds what.
local function compare(name, set, contractor)
  local wanted, there = expected(name), asked(set)
  local grants = {}
  for i, user in ipairs(there.users) do
    local record = wanted.user[user.id]
    assert.equal(user.email, record.email)
    assert.equal(user.email, record.login)
    assert.equal(STATUS[user.status], record.status)
    assert.equal(user.sso_provision, record.sso)
    assert.equal(user.last_login_time, record.last_login_at)
    assert.equal(contractor and user.sso_provision or nil, record.profile.contractor or nil)
    grants[i] = ("%s role:member %s"):format(user.id, user.role_id)
  end
  table.sort(grants)
  assert.equal(#there.users, size(wanted.user))
  assert.same(grants, wanted.grant)
  for _, role in ipairs(there.roles) do
    assert.same({ role.name, role.description }, { wanted.role[role.id].name, wanted.role[role.id].description })
  end
  assert.equal(#there.roles, size(wanted.role))
  return wanted, there
end

describe("what torq's scenarios expect", function()
  it("is the workspace, keys among it", function()
    local wanted, there = compare("small", { users = 12, api_keys = 3 })
    assert.equal(3, #there.api_keys)
    for _, key in ipairs(there.api_keys) do
      local record = wanted.api_key[key.client_id]
      assert.equal(key.name, record.name)
      assert.equal(key.user and key.user.id, record.identity and record.identity.id)
    end
    assert.equal(3, size(wanted.api_key))
  end)

  it("has no keys where they are left out", function()
    local wanted = compare("without_keys", { users = 8, roles = 8, roles_page = 3 })
    assert.equal(0, size(wanted.api_key))
  end)

  it("has what the operator's mapping does", function()
    local wanted, there = compare("mapped", { users = 12, api_keys = 2, seed = 7 }, true)
    local services = 0
    for _, key in ipairs(there.api_keys) do
      assert.equal(key.user == nil, wanted.api_key[key.client_id] ~= nil)
      services = services + (key.user and 0 or 1)
    end
    assert.equal(services, size(wanted.api_key))
  end)
end)

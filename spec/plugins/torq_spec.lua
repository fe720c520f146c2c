-- Torq's plugin on a whole workspace: what it makes of users, roles and keys, held against what jq computes from
-- the target's own documents; and of what people do to a workspace between two syncs.
local reeve = require "reeve"
local workspace = require "workspace"

local w
setup(function() w = workspace.new { users = 300, connector = { guard = { user = { removed = "100%", changed = "100%" },
  role = { removed = "100%" }, ["role:member"] = { removed = "100%" } } } } end)
teardown(function() w:stop() end)

local function target(path)
  local _, token = reeve.http { url = w.sim.url .. "/v1/auth/token", body = "grant_type=client_credentials",
    args = { "-u", "sim-client-id:" .. workspace.secret } }
  local _, body = reeve.http { url = w.sim.url .. "/v1alpha" .. path,
    headers = { "Authorization: Bearer " .. reeve.json(token).access_token } }
  return reeve.write(reeve.path("document"), body)
end

-- jq's sorted view of a file.
local function jq(filter, file)
  return (reeve.shell(("jq -S -c %s %s | sort"):format(reeve.quote(filter), reeve.quote(file))))
end

local function ours(kind, filter)
  return jq(filter or ".", reeve.write(reeve.path("list"), w:expect(0, "list", "acme", kind, "-o", "jsonl").out))
end

-- Fractions of seconds lose the zeros they end with; nothing else changes in a time.
local TIMES = [[def t: if . == null then null else sub("(?<a>\\.[0-9]*?)0+Z$"; .a + "Z") | sub("\\.Z$"; "Z") end;
  def present: with_entries(select(.value != null)); ]]

describe("what a sync makes of a workspace", function()
  setup(function() w:sync(0) end)

  it("of its users is what jq makes of them", function()
    assert.are.equal(jq(TIMES .. [[.users[] | { type: "user", id, name: .email, login: .email, email,
      status: ({ VERIFIED: "enabled", INVITATION_SENT: "pending" }[.status]), status_details: .status,
      account_type: "human", sso: .sso_provision, created_at: (.created_time | t),
      last_login_at: (.last_login_time | t), profile: { role_id } } | present]], target "/users"), ours "user")
    assert.are.equal(300, #w:list("user"))
  end)

  it("of its roles and grants, too", function()
    assert.are.equal(jq([[.roles[] | { type: "role", id, name, description, profile: { is_custom, scope_names } }]],
      target "/roles"), ours "role")
    assert.are.equal(jq([[.users[] | { entitlement: { type: "role", id: .role_id, slug: "member" },
      principal: { type: "user", id } }]], target "/users"), ours "grants")
  end)

  it("of its API keys, too", function()
    assert.are.equal(jq(TIMES .. [[.api_keys[] | { type: "api_key", id: .client_id, name,
      created_at: (.created_time | t), last_used_at: (.last_authenticated_time | t),
      identity: (if .user then { type: "user", id: .user.id } else null end),
      profile: ({ role_id, role_name, type, user } | present) } | present]],
      target "/api-keys"), ours "api_key")
  end)
end)

it("after generations of drift a state is that of a first sync", function()
  for _ = 1, 4 do
    w.sim:set { drift = 0.05 }
    w:sync(0)
  end
  local grown = w:sorted()
  w:fresh():sync(0)
  assert.are.equal(w:sorted(), grown)
  w.sim:set { drift = 0 }
  w:sync(0)
end)

it("users who move to SSO are the same users", function()
  w:fresh():sync(0)
  w.sim:set { moved = 20 }
  w:sync(0)
  assert.are.same({ added = 0, changed = 20, removed = 0 },
    { added = w:last_run().changes.user.added, changed = w:last_run().changes.user.changed,
      removed = w:last_run().changes.user.removed })
  w.sim:set { moved = 0 }
  w:sync(0)
  assert.are.equal(300, #w:list("user"))
end)

it("roles that go while users hold them leave their grants set aside, until they come back", function()
  w:fresh():sync(0)
  local before, all = w:sorted(), #w:list("grants")
  local kept = reeve.json(reeve.read(target "/roles")).roles
  table.remove(kept)
  w.sim:faults { "GET /v1alpha/roles: body='" .. reeve.encode { roles = kept } .. "'" }
  w:sync(7)
  local left, out = #w:list("grants"), #w:list("excluded")
  assert.are.equal(300, #w:list("user"))
  assert.is_true(out > 0)
  assert.are.equal(all, left + out)
  w.sim:faults {}
  w:sync(0)
  assert.are.equal(before, w:sorted())
end)

it("keys that may no longer be read stay as they were", function()
  w:fresh():sync(0)
  local keys = ours "api_key"
  w.sim:faults { "GET /v1alpha/api-keys: status=403" }
  w:sync(0)
  assert.are.equal(keys, ours "api_key")
  assert.are.equal(1, w:status().not_covered)
  w.sim:faults {}
  w:sync(0)
end)

it("keys that are refused are a refused credential, not an outage", function()
  w.sim:faults { "GET /v1alpha/api-keys: status=401" }
  assert.matches("client_id, client_secret", w:sync(4, "--fresh").err)
  w.sim:faults {}
end)

it("everybody gone is held; everybody logged in is not", function()
  w:connect {}
  w:fresh()
  w.keys = {}
  w:connect()
  w:sync(0)
  local before = w:sorted()
  w.sim:set { users = 0 }
  w:sync(6)
  assert.are.equal(before, w:sorted())
  assert.are.equal("Held", w:status().label)
  w.sim:set { users = 300, day = 1 }
  w:sync(0)
  assert.are.equal("Connected", w:status().label)
end)

-- GitHub's plugin on a whole organisation: what it makes of people, teams, repositories and access, held against
-- what the target's own REST answers say, some of them computed there in another way; and its settings.
local github = require "github"
local reeve = require "reeve"
local workspace = require "workspace"

local sorted, ids_of = github.sorted, github.ids

local w

local function start(...) w = github.start(...) end

local function stop()
  if w then w:stop() end
  w = nil
end

local function rest(path) return github.rest(w, path) end
local function grants(filter) return github.grants(w, filter) end

-- The set of ids of a type, as they are told.
local function ids(type)
  local found = {}
  for _, record in ipairs(w:list(type)) do found[record.id] = true end
  return found
end

local SLUG = { read = "pull", triage = "triage", write = "push", maintain = "maintain", admin = "admin",
  ["security-reviewer"] = "role_security_reviewer" }
local RANK = { "pull", "triage", "push", "role_security_reviewer", "maintain", "admin" }

describe("what a sync makes of an organisation", function()
  setup(function()
    start { users = 120, teams = 21, depth = 4, repositories = 20, outside = 7 }
    w:sync(0)
  end)
  teardown(stop)

  it("has everybody once, by GitHub's numbers: members, outside collaborators, invitations", function()
    local wanted = ids_of(rest "/orgs/acme/members", rest "/orgs/acme/outside_collaborators")
    for _, invitation in ipairs(rest "/orgs/acme/invitations") do wanted["invitation-" .. invitation.id] = true end
    assert.equal(120 + 7 + 3, #sorted(wanted))
    assert.same(sorted(wanted), sorted(ids "user"))
  end)

  it("has a member's login, second factor and corporate identity", function()
    local weak, users = ids_of(rest "/orgs/acme/members?filter=2fa_disabled"), w:by_id "user"
    local with_saml, without = 0, 0
    for _, member in ipairs(rest "/orgs/acme/members") do
      local user = users[("%d"):format(member.id)]
      assert.equal(member.login, user.login)
      assert.equal("enabled", user.status)
      assert.equal(not weak[user.id], user.mfa)
      if user.sso then
        with_saml = with_saml + 1
        assert.equal(member.login .. "@corp.example", user.profile.saml_name_id)
      else
        without = without + 1
      end
    end
    assert.is_true(with_saml > 20 and without > 20)
    assert.is_nil(users["2000001"].mfa)
    assert.equal("outside_collaborator", users["2000001"].profile.membership)
    assert.equal("pending", users["invitation-70001"].status)
    assert.same({ "newcomer2@example.com" }, { users["invitation-70002"].email })
  end)

  it("has members and owners of the organisation", function()
    local wanted = {}
    for id in pairs(ids_of(rest "/orgs/acme/members")) do
      wanted["user " .. id .. " member on organization 4242"] = true
    end
    for id in pairs(ids_of(rest "/orgs/acme/members?role=admin")) do
      wanted["user " .. id .. " owner on organization 4242"] = true
    end
    assert.equal(122, #sorted(wanted))
    assert.same(sorted(wanted), sorted(grants(function(on) return on.type == "organization" end)))
  end)

  it("has teams below their parents", function()
    local wanted, found = {}, {}
    for _, team in ipairs(rest "/orgs/acme/teams") do
      local parent = team.parent and "team " .. team.parent.id or "organization 4242"
      wanted[("%d %s below %s"):format(team.id, team.slug, parent)] = true
    end
    for _, team in ipairs(w:list "team") do
      found[("%s %s below %s %s"):format(team.id, team.profile.slug, team.parent.type, team.parent.id)] = true
    end
    assert.equal(21, #sorted(wanted))
    assert.same(sorted(wanted), sorted(found))
  end)

  it("has the same members in each team as REST, which counts those of child teams", function()
    local holders, nested = github.effective(w), 0
    for _, team in ipairs(rest "/orgs/acme/teams") do
      local got, direct = {}, 0
      for _, slug in ipairs { "member", "maintainer" } do
        for id in pairs(holders(("team %d %s"):format(team.id, slug))) do got[id] = true end
      end
      for _ in pairs(grants(function(on, to) return on.id == tostring(team.id) and to.type == "user" end)) do
        direct = direct + 1
      end
      local wanted = ids_of(rest(("/orgs/acme/teams/%s/members"):format(team.slug)))
      assert.same(sorted(wanted), sorted(got))
      nested = nested + (direct < #sorted(wanted) and 1 or 0)
    end
    assert.is_true(nested > 5) -- else nothing was inherited, and nothing tested
  end)

  it("gives everybody the highest role that GitHub says he has in each repository", function()
    local holders, several = github.effective(w), 0
    for _, repository in ipairs(rest "/orgs/acme/repos") do
      local wanted, got = {}, {}
      for _, user in ipairs(rest(("/repos/acme/%s/collaborators"):format(repository.name))) do
        wanted[("%d"):format(user.id)] = SLUG[user.role_name]
      end
      for _, slug in ipairs(RANK) do -- the highest comes last
        for id in pairs(holders(("repository %d %s"):format(repository.id, slug))) do got[id] = slug end
      end
      assert.same(wanted, got)
      for _, slug in pairs(wanted) do several = several + (slug ~= "pull" and 1 or 0) end
    end
    assert.is_true(several > 50)
  end)

  it("gives repositories to teams and to direct collaborators only as they were given", function()
    local wanted = {}
    for _, team in ipairs(rest "/orgs/acme/teams") do
      for _, repository in ipairs(rest(("/organizations/4242/team/%d/repos"):format(team.id))) do
        local slug = SLUG[repository.role_name]
        wanted[("team %d %s on repository %d"):format(team.id, slug, repository.id)] = true
      end
    end
    for _, repository in ipairs(rest "/orgs/acme/repos") do
      for _, user in ipairs(rest(("/repos/acme/%s/collaborators?affiliation=direct"):format(repository.name))) do
        wanted[("user %d %s on repository %d"):format(user.id, SLUG[user.role_name], repository.id)] = true
      end
    end
    assert.is_truthy(next(grants(function(on) return on.slug == "role_security_reviewer" end)))
    assert.same(sorted(wanted), sorted(grants(function(on, to)
      return on.type == "repository" and to.type ~= "organization"
    end)))
  end)

  it("has organisation roles, held by those who were given them", function()
    local wanted = {}
    for _, role in ipairs(rest "/orgs/acme/organization-roles") do
      for _, principal in ipairs { "user", "team" } do
        for _, it in ipairs(rest(("/orgs/acme/organization-roles/%d/%ss"):format(role.id, principal))) do
          if it.assignment == "direct" then
            wanted[("%s %d member on organization_role %d"):format(principal, it.id, role.id)] = true
          end
        end
      end
    end
    assert.is_true(#sorted(wanted) > 2)
    assert.same(sorted(wanted), sorted(grants(function(on) return on.type == "organization_role" end)))
  end)

  it("marks owners and admins as privileged", function()
    local privileged = {}
    for _, e in ipairs(w:list "entitlements") do
      if e.privileged then privileged[e.resource.type .. ":" .. e.slug] = true end
    end
    assert.same({ "organization:owner", "organization_role:member", "repository:admin" }, sorted(privileged))
  end)
end)

describe("an organisation that changes", function()
  before_each(function() start { users = 60, teams = 6, repositories = 6 } end)
  after_each(stop)

  it("is, after generations of drift, what a first sync makes of it", function()
    w:sync(0)
    for generation = 1, 3 do
      w.sim:set { drift = 0.1, generation = generation }
      w:sync(0)
      assert.is_true(w:last_run().changes.user.removed > 0)
    end
    local grown = w:sorted()
    w:fresh():sync(0)
    assert.equal(w:sorted(), grown)
  end)

  it("keeps a user who changes his login", function()
    w:sync(0)
    local before = w:by_id "user"
    w.sim:set { drift = 0.02 } -- one user: the first of a generation is renamed
    w:sync(0)
    assert.same({ added = 0, changed = 1, removed = 0 }, { added = w:last_run().changes.user.added,
      changed = w:last_run().changes.user.changed, removed = w:last_run().changes.user.removed })
    assert.same(sorted(before), sorted(w:by_id "user"))
  end)

  it("loses what a team had that is gone when it is asked for, and fails nothing", function()
    w:sync(0)
    local function of_team(on, to) return on.id == "30002" and to.type == "user" or to.id == "30002" end
    local had = sorted(grants(of_team))
    assert.is_true(#had > 2)
    w.sim:set { deleted = 2 }
    w:sync(0)
    -- The team was still listed, and with it its place below its parent.
    assert.same({ "team 30002 member on team 30001" }, sorted(grants(of_team)))
    w.sim:set { deleted = 0 }
    w:sync(0)
    assert.same(had, sorted(grants(of_team)))
  end)
end)

describe("settings", function()
  after_each(stop)

  it("leave out archived repositories, forks, and what teams have in them", function()
    start({ users = 20, teams = 12, repositories = 40, archived = 0.4, forks = 0.4 },
      { skip_archived = true, skip_forks = true })
    w:sync(0)
    local wanted = {}
    for _, repository in ipairs(rest "/orgs/acme/repos") do
      if not repository.archived and not repository.fork then wanted[("%d"):format(repository.id)] = true end
    end
    assert.is_true(#sorted(wanted) > 5 and #sorted(wanted) < 35)
    assert.same(sorted(wanted), sorted(ids "repository"))
    assert.equal(0, #w:list "excluded")
  end)

  it("read profiles: names, addresses, and who is suspended on an Enterprise Server", function()
    start({ users = 30, enterprise = true }, { user_details = true })
    w:sync(0)
    local suspended = {}
    for id, user in pairs(w:by_id "user") do
      if user.status == "disabled" then suspended[id] = user.status_details end
      if user.profile.membership == "member" then assert.equal(user.login .. "@example.com", user.email) end
    end
    assert.same({ ["1000010"] = "suspended", ["1000020"] = "suspended", ["1000030"] = "suspended",
      ["2000010"] = "suspended" }, suspended)
  end)

  it("name an Enterprise Server by its host, under /api/v3 and /api/graphql", function()
    local tls = reeve.certificate()
    local sim = reeve.sim { plugin = "github", token = workspace.secret, users = 120, tls = tls }
    w = workspace.new { plugin = "github", target = sim, connector = { http = { ca_file = tls.ca } },
      settings = function() return { organization = "acme", token = "env:CLIENT_SECRET",
        host = "127.0.0.1:" .. sim.port } end }
    sim:set { links = sim.url .. "/api/v3" }
    w:sync(0)
    assert.equal(133, #w:list "user")
    assert.matches("GET /organizations/4242/members?page=2", table.concat(sim:requests().log, "\n"), 1, true)
  end)

  it("are told where they do not fit together", function()
    start({}, { token = false, private_key = "env:CLIENT_SECRET" })
    assert.matches("private_key needs app_id", w:run("sync", "acme").err, 1, true)
    w:stop()
    start({}, { private_key = "env:CLIENT_SECRET" })
    assert.matches("exactly one of token, private_key", w:run("sync", "acme").err, 1, true)
  end)
end)

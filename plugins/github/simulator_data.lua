-- The organisation of the simulator: everything follows from the options, and the same options give the same
-- organisation on every machine. Objects look as https://docs.github.com/rest shows them, without most of the
-- addresses that GitHub puts into each.
--
-- Teams are chains of `depth`: a team is the child of the one before it, or the first of a chain.
local M = {}

local first_names = { "ada", "alan", "ana", "barbara", "chen", "dorothy", "edsger", "fatima", "grace", "hedy",
  "ivan", "john", "katherine", "leslie", "mary", "niklaus", "olga", "priya", "radia", "sofia", "tim", "yuki" }
local roles = { "pull", "triage", "push", "maintain", "admin" }
local rank = { pull = 1, triage = 2, push = 3, ["security-reviewer"] = 4, maintain = 5, admin = 6 }
local role_name = { pull = "read", push = "write" } -- as role_name says it

local ID = { org = 4242, user = 1000000, outside = 2000000, team = 30000, repository = 500000, invitation = 70000,
  role = 8000 }

local function time(number)
  return ("20%02d-%02d-%02dT%02d:%02d:00Z"):format(10 + number % 15, number % 12 + 1, number % 28 + 1, number % 24,
    number % 60)
end

local function make_org(o)
  return {
    id = ID.org, login = o.organization, node_id = "O_" .. ID.org, name = "Acme Corporation", type = "Organization",
    description = "Rockets and anvils", created_at = time(5), html_url = "https://github.com/" .. o.organization,
    default_repository_permission = o.base, two_factor_requirement_enabled = false,
    members_can_create_repositories = true, plan = { name = "enterprise", seats = 1000, filled_seats = o.users },
  }
end

local function make_user(id, login)
  return {
    login = login, id = id, node_id = "U_" .. id, type = "User", site_admin = false,
    avatar_url = ("https://avatars.githubusercontent.com/u/%d?v=4"):format(id),
    html_url = "https://github.com/" .. login, url = "https://api.github.com/users/" .. login,
  }
end

-- What drift has done to users by number: { removed, renamed }. The owners are left alone.
local function drift(sim)
  local changes, added, owners = {}, 0, sim.options.owners
  for _, picked in ipairs(sim:drifted(math.max(0, sim.options.users - owners))) do
    for n, i in ipairs(picked) do
      local change = changes[i + owners] or {}
      changes[i + owners] = change
      if n % 3 == 1 then change.renamed = (change.renamed or 0) + 1 end
      if n % 3 == 2 then change.removed = true end
      if n % 3 == 0 then added = added + 1 end
    end
  end
  return changes, added
end

local function make_users(sim)
  local users, r, o = {}, sim.random:stream("user"), sim.options
  local changes, added = drift(sim)
  for i = 1, o.users + added do
    r:at(i)
    local change = changes[i] or {}
    local login = ("%s%d%s"):format(r:pick(first_names), i, change.renamed and "-r" .. change.renamed or "")
    local user = make_user(ID.user + i, login)
    local facts = { user = user, owner = i <= o.owners, two_factor = r() >= o.no_two_factor, saml = r() < o.saml }
    if not change.removed then users[#users + 1] = facts end
  end
  return users
end

local function make_outside(o)
  local outside = {}
  for i = 1, o.outside do outside[i] = make_user(ID.outside + i, ("contractor%d"):format(i)) end
  return outside
end

local function make_invitations(o)
  local invitations = {}
  for i = 1, o.invitations do
    local known = i % 2 == 1
    invitations[i] = {
      id = ID.invitation + i, login = known and ("newcomer%d"):format(i) or nil, created_at = time(i + 100),
      email = not known and ("newcomer%d@example.com"):format(i) or nil, role = "direct_member", team_count = i % 3,
      inviter = { login = "ada1", id = ID.user + 1 }, invitation_source = "member",
    }
  end
  return invitations
end

-- Some of a list, at most `most`.
local function some(r, list, most)
  local chosen = {}
  for n, i in ipairs(r:sample(#list, #list > 0 and r(math.min(most, #list)) or 0)) do chosen[n] = list[i] end
  return chosen
end

local function make_teams(sim, users)
  local teams, r, o = {}, sim.random:stream("team"), sim.options
  for i = 1, o.teams do
    r:at(i)
    local id, child = ID.team + i, (i - 1) % o.depth > 0
    local team = {
      id = id, node_id = "T_" .. id, slug = ("team-%d"):format(i), name = ("Team %d"):format(i), privacy = "closed",
      description = ("What team %d does"):format(i), notification_setting = "notifications_enabled",
      permission = "pull", html_url = ("https://github.com/orgs/%s/teams/team-%d"):format(o.organization, i),
    }
    local parent = child and teams[i - 1] or nil
    team.parent = parent and { id = parent.team.id, slug = parent.team.slug, name = parent.team.name } or nil
    local members = {}
    for n, facts in ipairs(some(r, users, o.team_size)) do
      members[n] = { user = facts.user, role = n == 1 and "MAINTAINER" or "MEMBER" }
    end
    teams[i] = { team = team, children = {}, members = members, access = {} }
    if parent then parent.children[1] = teams[i] end
  end
  return teams
end

local function pick_role(r, o)
  if o.custom_roles and r() < 0.1 then return "security-reviewer" end
  return r:pick(roles)
end

local function make_repository(r, o, org, i)
  local name, private = ("service-%d"):format(i), r() < 0.7
  return {
    id = ID.repository + i, node_id = "R_" .. ID.repository + i, name = name,
    full_name = o.organization .. "/" .. name, private = private, visibility = private and "private" or "public",
    owner = { login = org.login, id = org.id, type = "Organization" }, fork = r() < o.forks,
    archived = r() < o.archived, disabled = false, is_template = false, default_branch = "main",
    description = ("Service number %d"):format(i), created_at = time(i), pushed_at = time(i + 7),
    html_url = ("https://github.com/%s/%s"):format(o.organization, name), size = i, stargazers_count = i % 5,
  }
end

-- Each repository with who was given access himself; every outside collaborator has some.
local function make_repositories(sim, org, users, outside)
  local list, r, o = {}, sim.random:stream("repository"), sim.options
  for i = 1, o.repositories do
    r:at(i)
    local it = { repository = make_repository(r, o, org, i), direct = {}, teams = {} }
    for _, facts in ipairs(some(r, users, 3)) do
      it.direct[#it.direct + 1] = { user = facts.user, role = pick_role(r, o) }
    end
    for j = i, #outside, o.repositories do
      it.direct[#it.direct + 1] = { user = outside[j], role = pick_role(r, o) }
    end
    list[i] = it
  end
  return list
end

local function give_teams_access(sim, teams, repositories)
  local r, o = sim.random:stream("access"), sim.options
  for i, it in ipairs(teams) do
    r:at(i)
    for _, to in ipairs(some(r, repositories, 3)) do
      local role = pick_role(r, o)
      it.access[#it.access + 1] = { to = to, role = role }
      to.teams[#to.teams + 1] = { team = it, role = role }
    end
  end
end

local function make_organization_roles(sim, users, teams)
  local list, r = {}, sim.random:stream("organization_role")
  for i = 1, sim.options.organization_roles do
    r:at(i)
    local role = { id = ID.role + i, name = ("auditor_%d"):format(i), description = "Reads everything",
      base_role = "read", source = "Organization", created_at = time(i) }
    list[i] = { role = role, users = some(r, users, 3), teams = some(r, teams, 2) }
  end
  return list
end

--- Everybody who is in a team himself or through a child team: what REST lists as its members.
function M.members_of(team)
  local found, list = {}, {}
  local function add(it)
    for _, member in ipairs(it.members) do
      if not found[member.user.id] then list[#list + 1] = member.user end
      found[member.user.id] = true
    end
    for _, child in ipairs(it.children) do add(child) end
  end
  add(team)
  return list
end

local function raise(best, id, role)
  if not best[id] or rank[role] > rank[best[id]] then best[id] = role end
end

--- The highest role of everybody in a repository, by the user's id: "considering all sources of grants".
function M.access_to(sim, it)
  local d, best = sim.documents, {}
  local base = ({ read = "pull", write = "push", admin = "admin" })[sim.options.base]
  for _, facts in ipairs(d.users) do
    if base then raise(best, facts.user.id, base) end
    if facts.owner then raise(best, facts.user.id, "admin") end
  end
  for _, given in ipairs(it.teams) do
    for _, user in ipairs(M.members_of(given.team)) do raise(best, user.id, given.role) end
  end
  for _, given in ipairs(it.direct) do raise(best, given.user.id, given.role) end
  return best
end

--- What a collaborator or a team's repository says of a role.
function M.role_fields(role)
  local of, permissions = role == "security-reviewer" and "push" or role, {}
  for _, name in ipairs(roles) do permissions[name] = rank[name] <= rank[of] end
  return { role_name = role_name[role] or role, permissions = permissions }
end

--- Makes all of it into sim.documents.
function M.build(sim)
  local d, o = sim.documents, sim.options
  d.org = make_org(o)
  d.users, d.outside, d.invitations = make_users(sim), make_outside(o), make_invitations(o)
  d.teams = make_teams(sim, d.users)
  d.repositories = make_repositories(sim, d.org, d.users, d.outside)
  give_teams_access(sim, d.teams, d.repositories)
  d.organization_roles = make_organization_roles(sim, d.users, d.teams)
end

return M

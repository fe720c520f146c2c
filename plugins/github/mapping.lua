-- What GitHub's objects mean. Ids are GitHub's numbers, which stay when a login, a slug or a name changes.
local text = require "reeve.text"

-- The fields that are named, as they are.
local function some(raw, names)
  local profile = {}
  for _, name in ipairs(names) do profile[name] = raw[name] end
  return profile
end

-- Whoever is in the team, by either role; through it also the child teams, which hold `member` themselves.
local function whole_team(team)
  return { { type = "team", id = team.id, slug = "member" }, { type = "team", id = team.id, slug = "maintainer" } }
end

local ORGANIZATION = { "login", "html_url", "company", "location", "default_repository_permission",
  "two_factor_requirement_enabled", "members_can_create_repositories", "plan" }

local function organization(raw)
  return {
    id = raw.id, name = raw.name or raw.login, description = raw.description, created_at = raw.created_at,
    profile = some(raw, ORGANIZATION),
  }
end

local DETAILS = { "company", "location", "bio", "twitter_username" }

local function person(raw, with)
  local details = with.details or {}
  local profile = some(details, DETAILS)
  profile.html_url, profile.site_admin, profile.saml_name_id = raw.html_url, raw.site_admin, with.saml_name_id
  return {
    type = "user", id = raw.id, login = raw.login, name = details.name or raw.login, email = details.email,
    status = details.suspended_at and "disabled" or "enabled",
    status_details = details.suspended_at and "suspended" or nil,
    account_type = raw.type == "User" and "human" or "service",
    mfa = with.mfa, sso = with.saml_name_id and true or nil, created_at = details.created_at,
    profile = profile,
  }
end

local function user(raw, at)
  local record = person(raw, at.with or {})
  record.profile.membership = "member"
  record.grants = { { on = at.parent, slug = "member" } }
  return record
end

local function outside_collaborator(raw, at)
  local record = person(raw, at.with or {})
  record.profile.membership = "outside_collaborator"
  return record
end

local INVITATION = { "role", "invitation_source", "team_count" }

-- Somebody who may not be on GitHub yet: the invitation's id is all there is to know him by.
local function invitation(raw)
  local profile = some(raw, INVITATION)
  profile.membership, profile.inviter = "invitation", raw.inviter and raw.inviter.login
  return {
    type = "user", id = ("invitation-%d"):format(raw.id), name = raw.login or raw.email, login = raw.login,
    email = raw.email, status = "pending", status_details = "invited", created_at = raw.created_at,
    profile = profile,
  }
end

local function owner(raw, at)
  return { grants = { { on = at.parent, slug = "owner", to = { type = "user", id = raw.id } } } }
end

local TEAM = { "slug", "privacy", "notification_setting", "html_url", "ldap_dn" }

-- Members of a child team have what the parent team has, not the reverse: the child is a member of the parent.
local function team(raw, at)
  local parent = raw.parent and { type = "team", id = raw.parent.id }
  return {
    id = raw.id, name = raw.name, description = raw.description, parent = parent or at.parent,
    profile = some(raw, TEAM),
    grants = parent and { { on = parent, slug = "member", expandable = whole_team(raw) } } or nil,
  }
end

local TEAM_ROLE = { MEMBER = "member", MAINTAINER = "maintainer" }

local function team_member(raw, at)
  return { grants = { { on = at.parent, slug = TEAM_ROLE[raw.role],
    to = { type = "user", id = raw.node.databaseId } } } }
end

local REPOSITORY = { "full_name", "html_url", "visibility", "private", "archived", "disabled", "fork",
  "is_template", "default_branch", "topics", "pushed_at" }
local BASE = { read = "pull", write = "push", admin = "admin" }

-- What a repository grants to all members (the organisation's base permission) and to all owners (admin).
local function for_everybody(on, organisation, base)
  local function to(slug)
    return { type = "organization", id = organisation.id, slug = slug }
  end
  local admin = { on = on, slug = "admin", to = organisation, expandable = { to "owner" } }
  if base == "admin" then admin.expandable[2] = to "member" end
  local grants = { admin }
  if BASE[base] and base ~= "admin" then
    grants[2] = { on = on, slug = BASE[base], to = organisation, expandable = { to "member" } }
  end
  return grants
end

local function repository(raw, at)
  return {
    id = raw.id, name = raw.name, description = raw.description, parent = at.parent, created_at = raw.created_at,
    profile = some(raw, REPOSITORY),
    grants = for_everybody({ type = "repository", id = raw.id }, at.parent, at.with and at.with.base),
  }
end

local ROLE = { read = "pull", pull = "pull", triage = "triage", write = "push", push = "push",
  maintain = "maintain", admin = "admin" }
local HIGHEST_FIRST = { "admin", "maintain", "push", "triage", "pull" }

-- The slug of the role in a repository, and the custom role's name where it is one. Servers that tell no
-- role_name tell what the role includes.
local function repository_role(raw)
  local name = raw.role_name
  for _, slug in ipairs(not name and HIGHEST_FIRST or {}) do
    if raw.permissions[slug] then return slug end
  end
  if ROLE[name] then return ROLE[name] end
  return "role_" .. (text.slug(name) or "unnamed"), name
end

-- A grant in a repository, with the entitlement it is on where the role is the organisation's own.
local function access(on, raw, to, expandable)
  local slug, custom = repository_role(raw)
  return {
    entitlements = custom and { { on = on, slug = slug, name = custom, purpose = "permission",
      grantable_to = { "user", "team", "organization" } } } or nil,
    grants = { { on = on, slug = slug, to = to, expandable = expandable } },
  }
end

local function team_repository(raw, at)
  return access({ type = "repository", id = raw.id }, raw, at.parent, whole_team(at.parent))
end

local function collaborator(raw, at)
  return access(at.parent, raw, { type = "user", id = raw.id })
end

local ORGANIZATION_ROLE = { "base_role", "source", "permissions" }

local function organization_role(raw, at)
  return {
    id = raw.id, name = raw.name, description = raw.description, parent = at.parent, created_at = raw.created_at,
    profile = some(raw, ORGANIZATION_ROLE),
  }
end

-- Joined to users by the connector, or told by another object: no record of its own.
local function nothing()
  return { grants = {} }
end

-- Those who have a role only through a team are told by the team's own assignment, child teams by the parent's.
local function assigned(raw, at, to, expandable)
  if raw.assignment == "indirect" then return nothing() end
  return { grants = { { on = at.parent, slug = "member", to = to, expandable = expandable } } }
end

local function organization_role_user(raw, at)
  return assigned(raw, at, { type = "user", id = raw.id })
end

local function organization_role_team(raw, at)
  return assigned(raw, at, { type = "team", id = raw.id }, whole_team(raw))
end

return {
  organization = organization, user = user, outside_collaborator = outside_collaborator, invitation = invitation,
  owner = owner, team = team, team_member = team_member, repository = repository,
  team_repository = team_repository, collaborator = collaborator, organization_role = organization_role,
  organization_role_user = organization_role_user, organization_role_team = organization_role_team,
  two_factor = nothing, saml_identity = nothing,
}

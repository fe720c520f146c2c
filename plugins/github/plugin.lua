-- What a GitHub organisation is to Reeve: settings, hosts and kinds of records. Data only.
local function permission(title, privileged)
  return { title = title, purpose = "permission", grantable_to = { "user", "team", "organization" },
    privileged = privileged }
end

return {
  api = 1,
  name = "github",
  version = "1.0.0",
  title = "GitHub",
  summary = "Members, teams and repositories of a GitHub organisation, and who may do what in them",
  docs = "https://docs.github.com/rest",

  settings = {
    { name = "organization", title = "Organisation", required = true, aliases = { "GITHUB_ORGANIZATION" },
      help = "its login, as in github.com/LOGIN" },
    { name = "token", title = "Access token", kind = "secret", one_of = "credential", aliases = { "GITHUB_TOKEN" },
      help = "of an owner: classic with admin:org and repo; fine-grained with Members and Administration" },
    { name = "private_key", title = "Private key of a GitHub App", kind = "secret", one_of = "credential",
      help = "PEM, as the App's settings page gives it; goes with app_id" },
    { name = "app_id", title = "App id",
      help = "of the GitHub App whose private_key is given: its id or client id" },
    { name = "installation_id", title = "Installation id",
      help = "of the App in the organisation; looked up where it is not given" },
    { name = "host", title = "Enterprise Server", kind = "host", help = "its host name; github.com by default" },
    { name = "url", title = "API address", kind = "url",
      help = "for gateways, tests and ghe.com: what paths of the REST API begin with (https://api.octo.ghe.com)" },
    { name = "user_details", title = "Read profiles", kind = "boolean", default = false,
      help = "true asks for each member's name, public e-mail and suspension: one request a member" },
    { name = "skip_archived", title = "Skip archived repositories", kind = "boolean", default = false },
    { name = "skip_forks", title = "Skip forks", kind = "boolean", default = false },
  },

  hosts = { "api.github.com" },
  -- The secondary limit is 900 points a minute, and a GET is one point.
  rate = { requests = 900, per_s = 60 },
  volatile = { "profile.pushed_at" },

  resources = {
    organization = {
      title = "Organisation", trait = "group", never_empty = true,
      entitlements = {
        member = { title = "{name} member", purpose = "assignment", grantable_to = { "user" } },
        owner = { title = "{name} owner", purpose = "assignment", grantable_to = { "user" }, privileged = true,
          keep = 1 },
      },
    },
    user = { title = "User", trait = "user", never_empty = true },
    team = {
      title = "Team", trait = "group",
      entitlements = {
        member = { title = "{name} member", purpose = "assignment", grantable_to = { "user", "team" } },
        maintainer = { title = "{name} maintainer", purpose = "assignment", grantable_to = { "user" } },
      },
    },
    repository = {
      title = "Repository", trait = "app",
      entitlements = {
        pull = permission "{name} read",
        triage = permission "{name} triage",
        push = permission "{name} write",
        maintain = permission "{name} maintain",
        admin = permission("{name} admin", true),
      },
    },
    organization_role = {
      title = "Organisation role", trait = "role",
      entitlements = {
        member = { title = "{name}", purpose = "assignment", grantable_to = { "user", "team" }, privileged = true },
      },
    },
  },
}

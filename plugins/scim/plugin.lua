-- What a SCIM 2.0 server (RFC 7643, RFC 7644) is to Reeve: settings, hosts and kinds of records. Data only.
return {
  api = 1,
  name = "scim",
  version = "1.0.0",
  title = "SCIM 2.0",
  summary = "Users, groups, roles and applications of any SCIM 2.0 server",
  docs = "https://www.rfc-editor.org/rfc/rfc7644",

  settings = {
    { name = "url", title = "Address", kind = "url", required = true,
      help = "up to and including /scim/v2 or what stands in its place" },

    { name = "token", title = "Bearer token", kind = "secret", one_of = "credential",
      help = "a token that does not change; or client_secret, or password" },
    { name = "client_secret", title = "Client secret", kind = "secret", one_of = "credential",
      help = "of OAuth2 client credentials; with client_id and token_url" },
    { name = "password", title = "Password", kind = "secret", one_of = "credential",
      help = "of HTTP Basic; with username" },
    { name = "client_id", title = "Client ID", help = "goes with client_secret" },
    { name = "token_url", title = "Token address", kind = "url", help = "where client_secret gets its tokens" },
    { name = "scope", title = "Scope", help = "of those tokens, where the server wants one" },
    { name = "token_style", title = "Token style", kind = "choice", choices = { "basic", "body" }, default = "basic",
      help = "how client_id and client_secret are sent: as HTTP Basic, or in the body" },
    { name = "username", title = "User name", help = "goes with password" },

    { name = "memberships", title = "Memberships", kind = "choice", default = "both",
      choices = { "both", "groups", "each_group", "users" },
      help = "which side tells them: groups' members, users' groups, or both; each_group reads each group "
        .. "by itself, for servers that cut members short in lists" },
    { name = "applications", title = "Applications", kind = "list",
      help = "resource types that are applications, as /ResourceTypes calls them" },
    { name = "page_size", title = "Page size", kind = "integer", default = 100,
      help = "how many are asked for at once; 0 asks without paging" },
    { name = "trust_total", title = "Trust totalResults", kind = "boolean", default = true,
      help = "false for servers that announce more than they give: then each list is asked until nothing comes" },
  },

  rate = { requests = 50, per_s = 1 },
  volatile = { "profile.last_modified" },

  resources = {
    user = { title = "User", trait = "user", never_empty = true },
    group = { title = "Group", trait = "group", entitlements = {
      member = { title = "{name} member", purpose = "assignment", grantable_to = { "user", "group" } } } },
    role = { title = "Role", trait = "role", entitlements = {
      member = { title = "{name} member", purpose = "assignment", grantable_to = { "user" } } } },
    user_entitlement = { title = "User entitlement", trait = "role", entitlements = {
      holder = { title = "{name} holder", purpose = "permission", grantable_to = { "user" } } } },
    app = { title = "Application", trait = "app", when = "applications" },
  },
}

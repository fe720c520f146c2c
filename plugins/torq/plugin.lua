-- What Torq is to Reeve: settings, hosts and kinds of records. Data only.
return {
  api = 1,
  name = "torq",
  version = "1.0.0",
  title = "Torq",
  summary = "Users, roles and API keys of a Torq workspace",
  docs = "https://developers.torq.io",

  settings = {
    { name = "client_id", title = "Client ID", required = true, aliases = { "TORQ_CLIENT_ID" },
      help = "of an API key: in Torq, Settings > API keys > Create" },
    { name = "client_secret", title = "Client secret", kind = "secret", required = true,
      aliases = { "TORQ_CLIENT_SECRET" }, help = "shown once, when the API key is created" },
    { name = "region", title = "Region", kind = "choice", choices = { "us", "eu" }, default = "us",
      aliases = { "TORQ_REGION" }, help = "where the workspace lives: eu when its address has .eu. in it" },
    { name = "include_api_keys", title = "Read API keys", kind = "boolean", default = true,
      help = "false leaves the workspace's API keys out" },
    { name = "api_url", title = "API address", kind = "url",
      help = "for tests and gateways: up to and including /v1alpha; the region's by default" },
    { name = "auth_url", title = "Token address", kind = "url",
      help = "for tests and gateways: the token endpoint; the region's by default" },
  },

  hosts = { "api.torq.io", "auth.torq.io", "api.eu.torq.io", "auth.eu.torq.io" },
  rate = { requests = 50, per_s = 1 },

  resources = {
    user = { title = "User", trait = "user", never_empty = true },
    role = {
      title = "Role", trait = "role", never_empty = true,
      entitlements = {
        member = {
          title = "{name} member", purpose = "assignment", grantable_to = { "user" },
          exclusion_group = { id = "torq-role", scope = "type" }, -- a user holds exactly one role
        },
      },
    },
    api_key = { title = "API key", trait = "secret", when = "include_api_keys" },
  },
}

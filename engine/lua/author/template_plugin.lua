-- template_plugin: the plugin.lua that `reeve new` writes.
return [=[
-- What can be connected. Data only: it is read with nothing in scope.
return {
  api = 1, name = "@NAME@", version = "0.1.0", title = "@TITLE@", summary = "Users and groups of @TITLE@",

  -- What an operator gives to `reeve add`. A secret is sealed; the plugin uses it and never sees it.
  settings = {
    { name = "url", title = "Address", kind = "url", required = true, help = "https://api.example.com" },
    { name = "client_id", title = "Client ID", required = true },
    { name = "client_secret", title = "Client secret", kind = "secret", required = true },
  },

  -- The plugin may ask the host of `url` and no other. More of them: hosts = { "login.example.com" },

  -- What the API's documentation allows: so many requests in so many seconds.
  rate = { requests = 50, per_s = 1 },

  resources = {
    -- never_empty: a run that finds no user at all is held for a person to look at.
    user = { title = "User", trait = "user", never_empty = true },
    -- An entitlement is what somebody can have on a resource. Grants, in mapping.lua, say who has it.
    group = { title = "Group", trait = "group", entitlements = {
      member = { title = "{name} member", purpose = "assignment", grantable_to = { "user" } },
    } },
  },
}
]=]

-- Workspaces that are synced in every `reeve test torq`. The settings are those of the simulator's key.
return {
  settings = { client_id = "sim-client-id", client_secret = "sim-client-secret" },
  scenarios = {
    small = { set = { users = 12, api_keys = 3 } },
    -- Without API keys, from the EU's hosts, and with custom roles that come in pages.
    without_keys = { set = { users = 8, roles = 8, roles_page = 3 },
      settings = { region = "eu", include_api_keys = false } },
    -- What `reeve record` wrote of a workspace of five; its URLs are Torq's own.
    recorded = { cassette = "recorded.cassette.jsonl" },
    -- An operator's mapping skips, changes and adds.
    mapped = { set = { users = 12, api_keys = 2, seed = 7 }, mapping = "mapping.lua" },
  },
}

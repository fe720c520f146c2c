-- template_scenarios: the test/scenarios.lua that `reeve new` writes.
return [=[
-- What `reeve test @NAME@` runs: each scenario without a network, then again with what may go wrong on the way.
-- `--update` writes what a scenario gives (small.expected.jsonl): read that before you keep it.
return {
  -- The plugin's settings. Secrets are plain here, and nobody's.
  settings = {
    url = "https://api.example.com", client_id = "sim-client-id", client_secret = "sim-client-secret",
  },

  scenarios = {
    -- Against simulator.lua with these options: small, but with several pages.
    small = { set = { users = 12, groups = 3, page = 5 } },
  },
}
]=]

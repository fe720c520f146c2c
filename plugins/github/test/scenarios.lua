-- Organisations that are synced in every `reeve test github`. The token is the simulator's.
return {
  settings = { organization = "acme", token = "sim-token" },
  scenarios = {
    small = { set = { users = 8, outside = 2, invitations = 2, teams = 4, depth = 2, team_size = 4, repositories = 4,
      organization_roles = 1 } },
    -- No owner's token: much is not covered.
    member = { set = { users = 4, teams = 2, team_size = 2, repositories = 2, token_role = "member" } },
    -- An Enterprise Server, profiles read, no archived repositories and no forks.
    details = { set = { users = 12, outside = 1, invitations = 1, teams = 2, team_size = 3, repositories = 6,
      enterprise = true, archived = 0.3, forks = 0.3, base = "none" },
      settings = { host = "github.example.com", user_details = true, skip_archived = true, skip_forks = true } },
  },
}

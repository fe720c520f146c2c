-- Servers that are synced in every `reeve test scim`. The token is the simulator's.
return {
  settings = { url = "https://scim.example.com/scim/v2", token = "sim-token" },
  scenarios = {
    small = { set = { users = 12, groups = 4, members = 4 }, settings = { applications = { "Application" } } },
    -- Seven at a time at most, no total, and members cut short in the list.
    departing = { set = { users = 12, groups = 4, members = 5, quirks = "cap,no_total,cut_members,text_booleans" },
      settings = { memberships = "each_group" } },
    -- Only the users tell their groups, on three pages.
    users_side = { set = { users = 8, groups = 3, members = 3 }, settings = { memberships = "users", page_size = 3 } },
  },
}

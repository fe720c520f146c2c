-- template_mapping: the mapping.lua that `reeve new` writes.
return [=[
-- What @TITLE@'s objects mean: from an object to a record. A function sees raw and at (the object's list,
-- its parent, the settings) and nothing else: the same object always gives the same record.
return {
  user = function(raw)
    return {
      id = raw.id, -- what never changes: never the address or the name
      name = raw.full_name,
      email = raw.email,
      login = raw.email,
      status = raw.active and "enabled" or "disabled",
      created_at = raw.created, -- RFC 3339, seconds or milliseconds: all become RFC 3339
      last_login_at = raw.last_login,
      profile = { department = raw.department }, -- what has no field of its own
    }
  end,

  group = function(raw)
    return { id = raw.id, name = raw.name, description = raw.description }
  end,

  -- No id: this makes no record of its own, it says who has what. at.parent is the group that was asked for.
  member = function(raw, at)
    return { grants = { { on = at.parent, slug = "member", to = { type = "user", id = raw.user_id } } } }
  end,
}
]=]

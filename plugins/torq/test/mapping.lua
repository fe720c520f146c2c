-- The operator's mapping of the scenario `mapped`: SSO users are said to be contractors, keys of users are left out.
return {
  user = function(_, record)
    if record.sso then record.profile.contractor = true end
    return record
  end,
  api_key = function(raw, record)
    if raw.user then return nil end
    return record
  end,
}

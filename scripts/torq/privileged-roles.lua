-- Beside Owner, roles of your own may deserve the guard's attention: more than a few new holders of a privileged role
-- hold the run, and at least `keep` people always have it.
local PRIVILEGED = { ["Contributor"] = 0, ["Security admin"] = 2 }

return {
  role = function(raw, record)
    local keep = PRIVILEGED[raw.name]
    if keep then
      record.entitlements = record.entitlements or {}
      table.insert(record.entitlements, { slug = "member", privileged = true, keep = keep })
    end
    return record
  end,
}

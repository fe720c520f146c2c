-- Contractors have addresses of another domain: say so in the profile, and leave out those whose company's contract
-- has ended. What is left out is listed by `reeve list NAME excluded`, and so are the roles they held.
local COMPANIES = { ["partner.example"] = "Partner Ltd" }
local ENDED = { ["former.example"] = true }

return {
  user = function(_, record)
    local domain = (record.email or ""):lower():match("@(.+)$")
    if ENDED[domain] then return nil end
    if COMPANIES[domain] then
      record.profile = record.profile or {}
      record.profile.company = COMPANIES[domain]
    end
    return record
  end,
}

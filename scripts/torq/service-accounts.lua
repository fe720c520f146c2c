-- Accounts that no person signs in with: told by their address, and marked as service accounts, so that a review
-- asks their owners and not them.
local NAMES = { "^svc[%-_.]", "^bot[%-_.]", "^ci@", "^noreply@", "^automation[%-_.@]" }

local function is_service(email)
  for _, pattern in ipairs(NAMES) do
    if email:lower():find(pattern) then return true end
  end
  return false
end

return {
  user = function(_, record)
    if record.email and is_service(record.email) then record.account_type = "service" end
    return record
  end,
}

-- The sample scripts, each beside a run without it: what they change, and that they change nothing else.
local reeve = require "reeve"
local workspace = require "workspace"

describe("scripts/torq", function()
  local w

  after_each(function()
    if w then w:stop() end
    w = nil
  end)

  -- A workspace that was synced without a script and then with it; `edit` changes the script's text.
  local function with(name, edit, change)
    w = workspace.new { users = 40, connector = { guard = { user = { removed = "100%", changed = "100%" },
      ["role:member"] = { removed = "100%", gained = 100 } } } }
    w:sync(0)
    local before = {}
    for _, type in ipairs { "user", "role", "entitlements" } do before[type] = w:list(type) end
    local text = reeve.read("scripts/torq/" .. name .. ".lua")
    if edit then text = edit(text, before) end
    reeve.write(w.home .. "/scripts/mapping.lua", text)
    local keys = { mapping = "scripts/mapping.lua" }
    for key, value in pairs(w.keys) do keys[key] = value end
    w:connect(keys)
    local r = w:sync(change or 0)
    return before, r
  end

  local function by_id(list)
    local map = {}
    for _, record in ipairs(list) do map[record.id] = record end
    return map
  end

  it("service-accounts marks accounts by their address, and nobody else", function()
    local chosen
    local before = with("service-accounts", function(text, records)
      chosen = records.user[1].email:match("^[^@]+"):gsub("%.", "%%.")
      return (text:gsub('"%^svc%[', '"^' .. chosen:gsub("%%", "%%%%") .. '@", "^svc[', 1))
    end)
    local pattern, marked = "^" .. chosen .. "@", 0
    local after = by_id(w:list("user"))
    for _, user in ipairs(before.user) do
      local expected = user.email:find(pattern) and "service" or "human"
      assert.equal(expected, after[user.id].account_type)
      if expected == "service" then marked = marked + 1 end
      user.account_type = expected
      assert.same(user, after[user.id])
    end
    assert.is_true(marked > 0)
  end)

  it("contractors names companies, and leaves out those whose contract has ended", function()
    local chosen
    local before = with("contractors", function(text, records)
      -- The simulator's people share one domain: one script sees it as a partner's, the other as a former one's.
      chosen = records.user[1].email:match("@(.+)$")
      return (text:gsub("partner%.example", chosen))
    end)
    for _, user in ipairs(w:list("user")) do
      assert.equal(user.email:match("@(.+)$") == chosen and "Partner Ltd" or nil, user.profile.company)
    end
    assert.equal(#before.user, #w:list("user"))
  end)

  it("contractors leaves out nobody silently", function()
    local before = with("contractors", function(text, records)
      return (text:gsub("former%.example", (records.user[1].email:match("@(.+)$"))))
    end, 6) -- nobody is left: held
    assert.equal(40, #before.user)
    w:expect(0, "accept", "acme")
    assert.equal(0, #w:list("user"))
    local skipped = {}
    for _, item in ipairs(w:list("excluded")) do
      if item.type == "user" and item.why == "skipped" then skipped[item.id] = true end
    end
    for _, user in ipairs(before.user) do assert.is_true(skipped[user.id]) end
  end)

  it("privileged-roles marks a role's entitlement and no other", function()
    local before = with("privileged-roles")
    local names = {}
    for _, role in ipairs(before.role) do names[role.id] = role.name end
    local expected = { Owner = 1, Contributor = 0 }
    for _, entitlement in ipairs(w:list("entitlements")) do
      local keep = expected[names[entitlement.resource.id]]
      assert.equal(keep ~= nil or nil, entitlement.privileged)
      assert.equal(keep, entitlement.keep)
    end
  end)
end)

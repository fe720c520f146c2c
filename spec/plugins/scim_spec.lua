-- The SCIM plugin on its simulator: what it makes of a server that keeps to the RFC, held against what jq computes
-- from the server's own documents; then that each departure from the RFC leads to the same records, or is told.
local reeve = require "reeve"
local workspace = require "workspace"

local w, baseline
local BELIEVE_ALL = { user = { removed = "100%", changed = "100%" }, group = { removed = "100%", changed = "100%" },
  role = { removed = "100%" }, user_entitlement = { removed = "100%" }, ["group:member"] = { removed = "100%" },
  ["role:member"] = { removed = "100%" }, ["user_entitlement:holder"] = { removed = "100%" } }

local function token_settings(url)
  return { url = url .. "/scim/v2", token = "env:CLIENT_SECRET", applications = { "Application" } }
end

-- Other settings than those of the first sync, in a home of their own.
local function with(more)
  w.settings = function(url)
    local settings = token_settings(url)
    for name, value in pairs(more or {}) do settings[name] = value end
    return settings
  end
  return w:fresh()
end

-- A server with these quirks, and nothing known of it.
local function quirky(quirks, more)
  w.sim:set { quirks = quirks }
  return with(more)
end

local function document(path)
  local _, body = reeve.http { url = w.sim.url .. "/scim/v2" .. path,
    headers = { "Authorization: Bearer " .. workspace.secret } }
  return reeve.write(reeve.path("document"), body)
end

local function jq(filter, file)
  return (reeve.shell(("jq -S -c %s %s | sort"):format(reeve.quote(filter), reeve.quote(file))))
end

local function ours(kind)
  return jq(".", reeve.write(reeve.path("list"), w:expect(0, "list", "acme", kind, "-o", "jsonl").out))
end

setup(function()
  w = workspace.new { plugin = "scim", token = workspace.secret, settings = token_settings,
    connector = { guard = BELIEVE_ALL, http = { retry_s = 1 } } }
  w:sync(0)
  baseline = w:sorted()
end)
teardown(function() w:stop() end)
after_each(function()
  w.sim:faults {}
  w.sim:set { quirks = "", drift = 0, users = 100 }
end)

describe("what a sync makes of a server", function()
  it("of its users is what jq makes of them", function()
    assert.equal(jq([[.Resources[] | . as $u
      | ."urn:ietf:params:scim:schemas:extension:enterprise:2.0:User" as $work | { type: "user", id,
        name: (.displayName // (.name.givenName + " " + .name.familyName)), login: .userName,
        email: (.emails[] | select(.primary) | .value), emails: [.emails[].value],
        status: (if .active then "enabled" else "disabled" end), employee_ids: [$work.employeeNumber],
        created_at: .meta.created,
        profile: ({ externalId, title, name, roles, entitlements, last_modified: .meta.lastModified }
          + ($work | del(.manager)) + { manager: $work.manager.value, manager_name: $work.manager.displayName }
          | with_entries(select(.value != null))) }]], document "/Users"), ours "user")
    assert.equal(100, #w:list "user")
  end)

  it("of its groups and applications, too", function()
    local thing = [[.Resources[] | { type: "%s", id, name: .displayName, created_at: .meta.created,
      profile: ({ last_modified: .meta.lastModified, active } | with_entries(select(.value != null))) }]]
    assert.equal(jq(thing:format "group", document "/Groups"), ours "group")
    assert.equal(jq(thing:format "app", document "/Applications"), ours "app")
  end)

  it("of roles and entitlements, too", function()
    for attribute, kind in pairs { roles = "role", entitlements = "user_entitlement" } do
      assert.equal(jq(([[[.Resources[].%s // [] | .[].value] | unique | .[] | { type: "%s", id: ., name: . }]])
        :format(attribute, kind), document "/Users"), ours(kind))
    end
  end)

  it("of memberships, nested ones too", function()
    local held = jq([[.Resources[] | .id as $user
      | ((.roles // [])[] | { type: "role", id: .value, slug: "member" }),
        ((.entitlements // [])[] | { type: "user_entitlement", id: .value, slug: "holder" })
      | { entitlement: ., principal: { type: "user", id: $user } }]], document "/Users")
    local members = jq([[.Resources[] | .id as $group | (.members // [])[]
      | { entitlement: { type: "group", id: $group, slug: "member" },
          principal: { type: (.type | ascii_downcase), id: .value } }
        + (if .type == "Group" then { expandable: [{ type: "group", id: .value, slug: "member" }] } else {} end)]],
      document "/Groups")
    local expected = {}
    for line in (held .. members):gmatch("[^\n]+") do expected[#expected + 1] = line end
    table.sort(expected)
    local found = {}
    for line in ours "grants":gmatch("[^\n]+") do found[#found + 1] = line end
    table.sort(found)
    assert.same(expected, found)
    assert.equal(2, #jq("select(.expandable)", reeve.write(reeve.path("x"), ours "grants")):gsub("[^\n]", ""))
  end)

  it("keeps ids apart that differ in capitals alone", function()
    local users = w:by_id "user"
    assert.not_equal(users["Ab3-00001"].login, users["aB3-00001"].login)
  end)

  it("is the same after changes as if they had always been", function()
    with()
    w:sync(0)
    for generation = 1, 3 do
      w.sim:set { drift = 0.06, generation = generation }
      w:sync(0)
    end
    local grown = w:sorted()
    assert.is_true(#w:list "user" < 100)
    w:fresh():sync(0)
    assert.equal(w:sorted(), grown)
    w.sim:set { generation = 1 }
  end)
end)

describe("a server that pages in its own way", function()
  local same = { "ignore_count", "cap", "no_total", "zero_total", "page_total", "text_total", "no_resources",
    "items_per_page", "cap,no_total", "cap,zero_total,no_resources", "ignore_count,no_total", "bare_types",
    "no_config" }
  for _, quirks in ipairs(same) do
    it("gives the same (" .. quirks .. ")", function()
      quirky(quirks, { page_size = 10 }):sync(0)
      assert.equal(baseline, w:sorted())
    end)
  end

  for _, quirks in ipairs { "wrap", "clamp", "wrap,no_total", "clamp,no_total", "wrap,zero_total" } do
    it("gives the same behind its end (" .. quirks .. ")", function()
      quirky(quirks, { page_size = 2 }):sync(0)
      assert.equal(baseline, w:sorted())
    end)
  end

  it("gives the same page behind a page that was all", function()
    quirky("wrap", { page_size = 100 }):sync(0)
    assert.equal(baseline, w:sorted())
  end)

  it("is asked no more often than it must be", function()
    local function asked(quirks, more)
      quirky(quirks, more)
      w.sim:forget()
      w:sync(0)
      local n = 0
      for _, line in ipairs(w.sim:requests().log) do n = n + (line:find("/Users?", 1, true) and 1 or 0) end
      return n
    end
    assert.equal(10, asked("", { page_size = 10 }))
    assert.equal(2, asked("", { page_size = 99 }))
    assert.equal(2, asked("", { page_size = 100 })) -- a full page that announces itself: is there more?
    assert.equal(1, asked("", { page_size = 200 }))
    assert.equal(1, asked("ignore_count", { page_size = 10 }))
    assert.equal(15, asked("cap", { page_size = 10 })) -- 14 of seven, one of two
  end)

  it("is not believed where it gives its first page for ever", function()
    with { page_size = 10 }
    w:sync(0)
    w.sim:set { quirks = "ignore_start" }
    w:sync(7)
    assert.equal(baseline, w:sorted())
    local reasons = reeve.encode(w:last_run().lists)
    assert.matches("ignores startIndex", reasons)
    quirky("ignore_start", { page_size = 0 }):sync(0)
    assert.equal(baseline, w:sorted())
  end)

  it("is not believed where it announces more than it gives, unless one is told to", function()
    with()
    w:sync(0)
    w.sim:set { quirks = "large_total", users = 90 }
    w:sync(7)
    assert.equal(100, #w:list "user")
    assert.matches("announces 1090 and gave 90", reeve.encode(w:last_run().lists))
    quirky("large_total", { trust_total = false }):sync(0)
    assert.equal(90, #w:list "user")
    quirky("large_total,wrap", { trust_total = false, page_size = 2 }):sync(0)
    assert.equal(90, #w:list "user")
  end)

  it("is not believed where somebody was removed while it was read", function()
    with { page_size = 50 }
    w:sync(0)
    local page = reeve.json(reeve.read(document "/Users?startIndex=52&count=49"))
    page.totalResults = 99
    w.sim:faults { "GET /scim/v2/Users?startIndex=51: body='" .. reeve.encode(page) .. "'" }
    w:sync(7)
    assert.equal(100, #w:list "user")
    assert.matches("announced 100 and then 99", reeve.encode(w:last_run().lists))
  end)

  it("is held where it has nobody any more, and is no empty list where it says something else", function()
    with()
    w:sync(0)
    w.sim:set { users = 0, quirks = "no_resources" }
    w:connect { http = { retry_s = 1 } }
    w:sync(6)
    w:connect { guard = BELIEVE_ALL, http = { retry_s = 1 } }
    w.sim:set { users = 100, quirks = "" }
    w.sim:faults { "GET /scim/v2/Users: body='{\"message\":\"maintenance\"}'" }
    assert.matches("no SCIM list", w:sync(5).err)
    assert.equal(baseline, w:sorted())
  end)
end)

describe("a server that tells memberships in its own way", function()
  local same = { { "no_members" }, { "no_user_groups" }, { "untyped" }, { "bare_members" },
    { "no_members,no_user_groups" },
    { "cut_members", "each_group" }, { "cut_members,no_user_groups", "each_group" }, { "", "groups" },
    { "ignore_attributes", "each_group" }, { "cut_members,ignore_attributes", "each_group" } }
  for _, case in ipairs(same) do
    it(("gives the same (%s, memberships=%s)"):format(case[1], case[2] or "both"), function()
      quirky(case[1], { memberships = case[2], page_size = 10 }):sync(0)
      assert.equal(baseline, w:sorted())
    end)
  end

  it("loses groups in groups alone, where only users tell", function()
    local kept = {}
    for line in baseline:gmatch("[^\n]+") do
      if not line:find('"expandable"', 1, true) then kept[#kept + 1] = line end
    end
    for _, quirks in ipairs { "", "ignore_attributes", "no_members" } do
      quirky(quirks, { memberships = "users" }):sync(0)
      assert.equal(table.concat(kept, "\n"), w:sorted())
    end
  end)

  it("is asked for long lists of members only where they are wanted", function()
    quirky("", { memberships = "each_group" })
    w.sim:forget()
    w:sync(0)
    local log = table.concat(w.sim:requests().log, "\n")
    assert.matches("/Groups%?count=100&excludedAttributes=members&startIndex=1", log)
    assert.matches("/Users%?count=100&excludedAttributes=groups&startIndex=1", log)
    assert.equal(12, select(2, log:gsub("/Groups/G", "")))
  end)

  it("keeps what was known of groups that it shows no more", function()
    with { memberships = "groups" }
    w:sync(0)
    w.sim:set { quirks = "no_groups" }
    w:sync(0)
    assert.equal(baseline, w:sorted())
    w.sim:set { quirks = "" }
    w.sim:faults { "GET /scim/v2/Groups: status=403" }
    w:sync(0)
    assert.equal(baseline, w:sorted())
  end)

  it("has no empty group where something else is answered", function()
    with { memberships = "each_group" }
    w:sync(0)
    w.sim:faults { "GET /scim/v2/Groups/G0009: body='{\"message\":\"maintenance\"}'" }
    w:sync(7)
    assert.equal(baseline, w:sorted())
  end)

  it("may lose a group between the list and the question for its members", function()
    with { memberships = "each_group" }
    w.sim:faults { "GET /scim/v2/Groups/G0009: status=404" }
    w:sync(0)
    assert.equal(12, #w:list "group") -- until the next list is without it
    for _, grant in ipairs(w:list "grants") do assert.not_equal("G0009", grant.entitlement.id) end
  end)
end)

describe("a server that tells users in its own way", function()
  local function users(quirks)
    quirky(quirks):sync(0)
    return w:by_id "user"
  end

  it("gives the same (text_booleans)", function()
    users "text_booleans"
    assert.equal(baseline, w:sorted())
  end)

  it("gives the same addresses without a primary one", function()
    local plain, other = users "", users "no_primary"
    for id, user in pairs(plain) do
      assert.same({ user.email, user.emails }, { other[id].email, other[id].emails })
    end
  end)

  it("gives user names that are addresses", function()
    for _, user in pairs(users "no_emails") do
      assert.same({ user.login, { user.login } }, { user.email, user.emails })
    end
  end)

  it("says nothing of active: they are enabled", function()
    for _, user in pairs(users "no_active") do assert.equal("enabled", user.status) end
  end)

  it("keeps who was removed, as deleted", function()
    w.sim:set { drift = 0.09 }
    local gone = 0
    for _, user in pairs(users "soft_delete") do gone = gone + (user.status == "deleted" and 1 or 0) end
    assert.equal(3, gone)
  end)

  it("may write everything otherwise", function()
    local odd = { { id = "1", userName = "one", displayName = "", name = { formatted = "The One" },
      emails = "one@example.com", active = "FALSE", roles = { "reader" }, groups = { { ["$ref"] = "../Groups/G0001" },
        { value = "G0002", type = "Indirect" } }, password = "never",
      ["urn:scim:schemas:extension:enterprise:1.0"] = { manager = "boss", department = "Old" } },
      { id = "2", userName = "two", emails = { value = "two@example.com" }, active = "true", meta = "none" },
      { id = "3", userName = "three", emails = { { value = "home@example.com", type = "home" },
        { value = "work@example.com", type = "work" } } },
      { id = "4", userName = "four", emails = { { value = "first@example.com" },
        { value = "main@example.com", primary = "True" } } } }
    with { applications = reeve.array {} }
    w.sim:faults { "GET /scim/v2/Users: body='" .. reeve.encode { totalResults = 4, Resources = odd } .. "'" }
    w.sim:set { members = 0, nested = 0 }
    w:sync(0)
    w.sim:set { members = 8, nested = 2 }
    local found = w:by_id "user"
    assert.same({ type = "user", id = "1", name = "The One", login = "one", email = "one@example.com",
      emails = { "one@example.com" }, status = "disabled", profile = { manager = "boss", department = "Old",
        name = { formatted = "The One" }, roles = { "reader" } } }, found["1"])
    assert.same({ "two@example.com", "enabled" }, { found["2"].email, found["2"].status })
    assert.equal("work@example.com", found["3"].email)
    assert.equal("main@example.com", found["4"].email)
    local grants = {}
    for _, g in ipairs(w:list "grants") do grants[#grants + 1] = g.entitlement.id .. " " .. g.principal.id end
    table.sort(grants)
    assert.same({ "G0001 1", "reader 1" }, grants)
  end)
end)

describe("credentials", function()
  local function connect(settings)
    w.settings = function(url)
      local all = { url = url .. "/scim/v2" }
      for name, value in pairs(settings) do all[name] = value:gsub("URL", url) end
      return all
    end
    return w:fresh()
  end

  it("are a token, OAuth2 client credentials, or Basic", function()
    for _, settings in ipairs { { token = "env:CLIENT_SECRET" },
      { username = "sim-user", password = "env:CLIENT_SECRET" },
      { client_id = "sim-client-id", client_secret = "env:CLIENT_SECRET", token_url = "URL/oauth/token" },
      { client_id = "sim-client-id", client_secret = "env:CLIENT_SECRET", token_url = "URL/oauth/token",
        token_style = "body", scope = "scim" } } do
      connect(settings)
      assert.matches("a server with 100 users", w:expect(0, "check", "acme").out)
      w:sync(0)
      assert.equal(100, #w:list "user")
    end
  end)

  it("that are wrong end with 4, and the server's words", function()
    for _, settings in ipairs { { token = "env:OTHER" }, { username = "sim-user", password = "env:OTHER" } } do
      connect(settings)
      w.env.OTHER = "another-secret"
      assert.matches("the credential is not known here", w:expect(4, "check", "acme").err)
      w:sync(4)
    end
    connect { client_id = "sim-client-id", client_secret = "env:OTHER", token_url = "URL/oauth/token" }
    assert.matches("client_id, client_secret", w:sync(4).err)
  end)

  it("that are half given are told what they lack", function()
    connect { client_secret = "env:CLIENT_SECRET", client_id = "x" }
    assert.matches("settings.token_url is missing: client_secret needs it", w:sync(3).err)
    connect { password = "env:CLIENT_SECRET" }
    assert.matches("settings.username is missing", w:sync(3).err)
    connect {}
    assert.matches("exactly one of token, client_secret, password", w:sync(3).err)
  end)
end)

describe("what people are told", function()
  it("is the server's scimType and detail", function()
    with()
    local told = reeve.encode { scimType = "tooMany", detail = "ask for less", status = "400" }
    w.sim:faults { "GET /scim/v2/Users: status=400 body='" .. told .. "'" }
    assert.matches("it answered 400 %(tooMany%): ask for less", w:sync(5).err)
  end)

  it("is which resource types there are, where an application's is misspelt", function()
    with { applications = { "Aplication" } }
    assert.matches("no resource type 'Aplication' %(it has: User, Group, Application%)",
      w:expect(3, "check", "acme").err)
    w:sync(3)
  end)

  it("is that a page is smaller than asked, and that nobody is shown", function()
    with { page_size = 500 }
    w.sim:set { users = 0 }
    local r = w:expect(0, "check", "acme")
    assert.matches("gives 200 at once at most", r.out .. r.err)
    assert.matches("no user", r.out .. r.err)
  end)
end)

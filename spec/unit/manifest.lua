-- Checks of manifest.lua: a good plugin.lua, and what is said of each mistake in one.
local json = require "host.json"
local manifest = require "plugin.manifest"

local FILE = "plugins/acme/plugin.lua"

local GOOD = [[
return {
  api = 1, name = "acme", version = "1.0.0", title = "Acme", summary = "Users",
  docs = "https://acme.example/docs",
  settings = {
    { name = "client_id", title = "Client ID", required = true, help = "of the key",
      aliases = { "ACME_ID" } },
    { name = "client_secret", kind = "secret", one_of = "login" },
    { name = "token", kind = "secret", one_of = "login" },
    { name = "region", kind = "choice", choices = { "us", "eu" }, default = "us" },
    { name = "api_url", kind = "url" }, { name = "gateway", kind = "host" },
    { name = "pages", kind = "integer", default = 3 }, { name = "keys", kind = "boolean", default = true },
    { name = "teams", kind = "list", default = { "a" } },
  },
  hosts = { "api.acme.example", "*.eu.acme.example" },
  rate = { requests = 50, per_s = 1 },
  volatile = { "profile.last_seen_ip", "status_details" },
  resources = {
    user = { title = "User", trait = "user", never_empty = true },
    role = { title = "Role", trait = "role", entitlements = {
      member = { title = "{name} member", purpose = "assignment", grantable_to = { "user" },
        privileged = true, keep = 1, exclusion_group = { id = "acme-role", scope = "type" } } } },
    key = { trait = "secret", when = "keys" },
  },
}]]

-- What is said when `from` in the good file is `to`.
local function mistake(from, to)
  local at, till = GOOD:find(from, 1, true)
  assert(at, from .. " is not in the good file")
  local ok, e = pcall(manifest.read, GOOD:sub(1, at - 1) .. to .. GOOD:sub(till + 1), FILE)
  assert(not ok, "taken: " .. to)
  assert(e.code == "config", tostring(e))
  return tostring(e)
end

local function says(from, to, message)
  local got = mistake(from, to)
  if got ~= FILE .. ": " .. message and got ~= FILE .. message then
    error(("%s\n  expected, got\n%s"):format(message, got), 2)
  end
end

local checks = {}

function checks.a_good_one_is_read_and_defaults_are_filled_in()
  local m = manifest.read(GOOD, FILE)
  assert(m.settings[1].kind == "string" and m.settings[2].kind == "secret")
  assert(json.encode(m.resources.user.entitlements) == "{}")
  assert(m.resources.role.entitlements.member.keep == 1)
  local least = manifest.read([[return { api = 1, name = "a", version = "1.0.0", title = "A",
    resources = { user = {} } }]], FILE)
  assert(#least.settings == 0 and #least.hosts == 0 and #least.volatile == 0)
end

function checks.it_is_data_only()
  says('name = "acme"', 'name = os.getenv("HOME")', ":2: 'os' is not available: this file is data only")
  says('name = "acme"', 'name = require "x"', ":2: 'require' is not available: this file is data only")
  says("return {", "x = 1 return {", ":1: 'x' is not available: this file is data only")
  assert(mistake("return {", "while true do end return {"):find("limits.instructions", 1, true))
  says('title = "Acme"', "title = function() end", "title: a text expected, got a function")
end

function checks.another_api_is_named()
  says("api = 1", "api = 2", "written for plugin api 2, and this program has api 1 (a newer Reeve is needed)")
  says("api = 1", "api = 0",
    "written for plugin api 0, and this program has api 1 (a newer version of the plugin is needed)")
  says("api = 1,", "", "'api' is missing")
  says("api = 1", "api = '1'", "api: a whole number expected, got '1'")
end

function checks.unknown_keys_have_a_suggestion()
  says("summary", "sumary", "unknown key 'sumary' (did you mean 'summary'?)")
  says("never_empty", "never_emty", "unknown key 'resources.user.never_emty' (did you mean 'never_empty'?)")
  says("help =", "halp =", "unknown key 'settings[1].halp' (did you mean 'help'?)")
  says("purpose", "porpose",
    "unknown key 'resources.role.entitlements.member.porpose' (did you mean 'purpose'?)")
  says("rate = {", "rate = { burst = 1,", "unknown key 'rate.burst' (known keys: per_s, requests)")
end

function checks.fields_have_their_types()
  says('name = "acme"', 'name = "Acme"', "name: a name of a-z, 0-9, _ and - expected, got 'Acme'")
  says('"1.0.0"', '"one"', "version: a version (1.2.3) expected, got 'one'")
  says('"1.0.0"', "1", "version: a version (1.2.3) expected, got 1")
  says("https://acme", "http://acme", "docs: a URL (https://…) expected, got 'http://acme.example/docs'")
  says("requests = 50", "requests = 0", "rate.requests: a number above 0 expected, got 0")
  says(", per_s = 1", "", "'rate.per_s' is missing")
  says('trait = "user"', 'trait = "usr"',
    "resources.user.trait: one of user, group, role, app, secret expected, got 'usr' (did you mean 'user'?)")
  says("keep = 1", "keep = -1",
    "resources.role.entitlements.member.keep: a whole number from 0 on expected, got -1")
  says('purpose = "assignment"', 'purpose = "all"', "resources.role.entitlements.member.purpose: "
    .. "one of assignment, permission, ownership expected, got 'all'")
  says('hosts = { "api.acme.example", "*.eu.acme.example" }', 'hosts = "api.acme.example"',
    "hosts: a list expected, got 'api.acme.example'")
end

function checks.hosts_are_names()
  for _, host in ipairs { "https://api.acme.example", "acme", "*", "*.example", "a.*.example",
      "Api.acme.example", "api.acme.example:443", "api..acme", "-a.acme.example", "a*.acme.example",
      "api.acme.example." } do
    says('"api.acme.example"', "'" .. host .. "'",
      "hosts[1]: a host (api.example.com; * is one label, as in *.eu.example.com) expected, got "
        .. "'" .. host .. "'")
  end
end

function checks.types_and_slugs_are_names()
  says("user = {", "User = {", "resources, names: a type of a-z, 0-9 and _ expected, got 'User'")
  says("member = {", "['a-b'] = {",
    "resources.role.entitlements, names: a slug of a-z, 0-9 and _ expected, got 'a-b'")
  says("key = {", "grants = {", "resources.grants: the name 'grants' has another meaning in reeve list")
  says('grantable_to = { "user" }', 'grantable_to = { "usr" }',
    "resources.role.entitlements.member.grantable_to[1]: "
      .. "there is no resource type 'usr' (did you mean 'user'?)")
  says('when = "keys"', 'when = "kys"',
    "resources.key.when: there is no setting 'kys' (did you mean 'keys'?)")
end

function checks.settings_fit_together()
  says('kind = "url"', 'kind = "uri"',
    "settings[5].kind: one of string, secret, url, host, integer, boolean, choice, list "
      .. "expected, got 'uri' (did you mean 'url'?)")
  says('default = "us"', 'default = "uk"', "settings[4] (region).default: one of us, eu expected, got 'uk'"
    .. " (did you mean 'us'?)")
  says(', choices = { "us", "eu" }', "",
    "settings[4] (region): kind = \"choice\" and 'choices' belong together")
  says("default = 3", "default = '3'", "settings[7] (pages).default: a whole number expected, got '3'")
  says("required = true", "required = true, default = 'x'",
    "settings[1] (client_id): 'required' and 'default' exclude each other")
  says('kind = "secret", one_of', 'kind = "secret", required = true, one_of',
    "settings[2] (client_secret): 'required' and 'one_of' exclude each other")
  says('kind = "secret", one_of', 'kind = "secret", default = "x", one_of',
    "settings[2] (client_secret).default: a secret has none")
  says('"token"', '"region"', "settings[4] (region): there is another of this name")
  says('name = "api_url", ', "", "'settings[5].name' is missing")
  says('{ name = "gateway", kind = "host" }', "nil", "settings: a list without gaps expected, got a table")
end

function checks.volatile_names_fields()
  says('"status_details"', '"stats"', "volatile[2]: there is no field 'stats' (did you mean 'status'?)")
  says('"status_details"', '"profile"', "volatile[2]: a field, or profile.KEY expected, got 'profile'")
  says('"status_details"', '"status.x"', "volatile[2]: a field, or profile.KEY expected, got 'status.x'")
end

function checks.what_is_no_table_is_said()
  for text, got in pairs { ["return 1"] = "1", ["return 'x'"] = "'x'", [""] = "nothing" } do
    local ok, e = pcall(manifest.read, text, FILE)
    local expected = FILE .. ": what it returns: a table with fields expected, got " .. got
    assert(not ok and tostring(e) == expected, tostring(e))
  end
end

return checks

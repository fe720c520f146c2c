-- Connectors: added, set, removed; settings checked, secrets by reference, sealed, never printed.
local reeve = require "reeve"

local MANIFEST = [[return {
  api = 1, name = "acme", version = "1.2.3", title = "Acme", summary = "An example",
  settings = {
    { name = "client_id", title = "Client ID", required = true, aliases = { "BATON_ACME_ID" } },
    { name = "client_secret", title = "Client secret", kind = "secret", required = true },
    { name = "region", kind = "choice", choices = { "us", "eu" }, default = "us" },
    { name = "api_url", kind = "url" },
    { name = "tries", kind = "integer" },
    { name = "deep", kind = "boolean", default = false },
    { name = "teams", kind = "list" },
  },
  hosts = { "api.example.com" },
  resources = { user = { title = "User", trait = "user" }, role = { title = "Role", trait = "role" } },
}]]

local CONNECTOR = [[return { list = { user = function() end, role = function() end } }]]
local MAPPING = [[return { user = function(raw) return raw end, role = function(raw) return raw end }]]

local function new_home(config)
  local home = reeve.home(config)
  reeve.plugin(home, "acme", { ["plugin.lua"] = MANIFEST, ["connector.lua"] = CONNECTOR, ["mapping.lua"] = MAPPING })
  return home
end

local function file(home, name)
  return reeve.json(reeve.read(home .. "/connectors/" .. (name or "main") .. ".json"))
end

local function add(home, words, options)
  local spec = { "add", "acme", "main", "--no-check", home = home }
  for _, word in ipairs(words) do spec[#spec + 1] = word end
  return reeve.run(spec, options)
end

describe("add", function()
  it("writes a connector and seals what it read from stdin, in argument order", function()
    local home = new_home()
    local r = add(home, { "client_id=-", "client_secret=-", "region=eu", "--app", "Acme", "--owner", "a@example.com",
      "--owner", "b@example.com", "tries=3", "deep=true", "teams=x, y", "http.retry_s=9", "guard.user.removed=40%" },
      { stdin = "id-from-stdin\nhush-from-stdin-9\nrest\n" })
    assert.equal(0, r.status, r.err)
    assert.equal("", r.out)
    assert.same({ plugin = "acme", app = "Acme", owners = { "a@example.com", "b@example.com" },
      settings = { client_id = "id-from-stdin", client_secret = "store:client_secret", region = "eu", tries = 3,
        deep = true, teams = { "x", "y" } },
      http = { retry_s = 9 }, guard = { user = { removed = "40%" } } }, file(home))
    local listed = reeve.json(reeve.ok { "secret", "list", "-o", "json", home = home })
    assert.equal("main", listed[1].connector)
    assert.equal("client_secret", listed[1].key)
    assert.equal("600\n", (reeve.shell("stat -c %a " .. home .. "/key " .. home .. "/connectors/main.json | sort -u")))
    assert.equal("", (reeve.shell("grep -rl hush-from-stdin-9 " .. home)))
    local audit = reeve.json(reeve.ok { "audit", "-o", "json", home = home })
    assert.equal("add", audit[1].action)
    assert.matches("^%x+$", audit[1].after)
    assert.same({ "client_secret" }, audit[1].sealed)
  end)

  it("refuses a literal secret without printing it", function()
    local home = new_home()
    for _, words in ipairs { { "client_id=1", "client_secret=hunter2hunter2" }, { "client_id=1", "hunter2hunter2" } } do
      local r = add(home, words)
      assert.equal(2, r.status)
      assert.is_nil((r.out .. r.err):find("hunter2", 1, true))
    end
    assert.is_nil(reeve.read(home .. "/connectors/main.json"))
  end)

  it("takes references as they are", function()
    local home = new_home()
    assert.equal(0, add(home, { "client_id=1", "client_secret=env:ACME_SECRET" }).status)
    assert.equal("env:ACME_SECRET", file(home).settings.client_secret)
    assert.is_nil(reeve.read(home .. "/key"))
  end)

  it("keeps nothing where something is wrong", function()
    local home = new_home()
    for words, want in pairs {
      [{ "client_id=1", "client_secert=env:X" }] = "did you mean 'client_secret'?",
      [{ "client_id=1", "client_secret=env:X", "region=ue" }] = "region: one of us, eu expected",
      [{ "client_id=1", "client_secret=env:X", "tries=many" }] = "tries: a whole number expected",
      [{ "client_id=1", "client_secret=env:X", "api_url=api.example.com" }] = "api_url: a URL",
      [{ "client_id=1", "client_secret=env:X", "max_age=soon" }] = "max_age: a duration",
      [{ "client_id=1", "client_secret=env:X", "guard.user.removed=few" }] = "guard.user.removed: a percentage",
      [{ "client_id=1", "client_secret=env:X", "jobs=3" }] = "no setting 'jobs'",
      [{ "client_id=1", "client_secret=-" }] = "a line of standard input expected",
    } do
      local r = add(home, words)
      assert.equal(2, r.status, r.err)
      assert.truthy(r.err:find(want, 1, true), r.err)
    end
    local r = add(home, { "client_secret=env:X" })
    assert.equal(3, r.status)
    assert.matches("settings.client_id is missing", r.err)
    assert.is_nil(reeve.read(home .. "/connectors/main.json"))
    assert.is_nil(reeve.read(home .. "/key"))
  end)

  it("refuses names that are none, names taken, plugins that are not there", function()
    local home = new_home()
    assert.equal(2, reeve.run({ "add", "acme", "Main", home = home }).status)
    assert.equal(2, reeve.run({ "add", "acme", "../x", home = home }).status)
    assert.equal(2, reeve.run({ "add", "acme", ("x"):rep(64), home = home }).status)
    local r = reeve.run { "add", "acne", "main", home = home }
    assert.equal(2, r.status)
    assert.matches("did you mean 'acme'", r.err)
    assert.equal(0, add(home, { "client_id=1", "client_secret=env:X" }).status)
    r = add(home, { "client_id=2", "client_secret=env:X" })
    assert.equal(2, r.status)
    assert.equal("1", file(home).settings.client_id)
  end)
end)

describe("set", function()
  it("changes keys and takes them away, and leaves digests in the audit trail", function()
    local home = new_home()
    add(home, { "client_id=1", "client_secret=env:X", "region=eu" })
    reeve.ok { "set", "main", "region=", "client_id=2", "http.retry_s=7", "enabled=false", "--no-check",
      "--reason", "a new key", home = home }
    assert.same({ plugin = "acme", enabled = false, settings = { client_id = "2", client_secret = "env:X" },
      http = { retry_s = 7 } }, file(home))
    reeve.ok { "set", "main", "http.retry_s=", "--no-check", home = home }
    assert.is_nil(file(home).http)
    local audit = reeve.json(reeve.ok { "audit", "main", "-o", "json", home = home })
    assert.same({ "set", "set", "add" }, { audit[1].action, audit[2].action, audit[3].action })
    assert.equal("a new key", audit[2].reason)
    assert.equal(audit[2].before, audit[3].after)
    assert.equal(audit[1].before, audit[2].after)
  end)

  it("leaves the sealed secret as it was where the file that goes with it cannot be written", function()
    local home = new_home()
    add(home, { "client_id=1", "client_secret=-" }, { stdin = "that-goes-with-one\n" })
    local function sealed()
      return reeve.engine([[io.write(require("state.ledger").open({ state = ... }):version("main", "client_secret"))]],
        { home .. "/state" })
    end
    local before, path = sealed(), home .. "/connectors/main.json"
    local long = ("x"):rep(245) .. ".json" -- no room for the name of what is to replace it
    assert(os.rename(path, home .. "/" .. long))
    reeve.ok { program = "ln", "-s", "../" .. long, path }
    local r = reeve.run { "set", "main", "client_id=2", "client_secret=-", "--no-check", home = home,
      stdin = "that-goes-with-two\n" }
    assert.equal(9, r.status)
    assert.equal("1", file(home).settings.client_id)
    assert.equal(before, sealed())
  end)

  it("wants a sealed secret again where it would be sent elsewhere", function()
    local home = new_home()
    add(home, { "client_id=1", "client_secret=-" }, { stdin = "sealed-for-one-origin\n" })
    local before = reeve.read(home .. "/connectors/main.json")
    local r = reeve.run { "set", "main", "api_url=https://elsewhere.example", home = home }
    assert.equal(3, r.status)
    assert.matches("client_secret", r.err)
    assert.equal(before, reeve.read(home .. "/connectors/main.json"))
    r = reeve.run { "set", "main", "http.proxy=http://p.example:8080", home = home }
    assert.equal(3, r.status)
    assert.equal(before, reeve.read(home .. "/connectors/main.json"))
  end)

  it("refuses an unknown connector with a suggestion", function()
    local home = new_home()
    add(home, { "client_id=1", "client_secret=env:X" })
    local r = reeve.run { "set", "mian", "region=us", home = home }
    assert.equal(2, r.status)
    assert.matches("did you mean 'main'", r.err)
  end)
end)

describe("a connector's file", function()
  local function problem(connector, config)
    local home = new_home(config)
    reeve.connector(home, "main", connector)
    local rows = reeve.json(reeve.ok { "connectors", "-o", "json", home = home })
    assert.equal("Error", rows[1].label)
    return rows[1].problem
  end
  local good = { client_id = "1", client_secret = "env:X" }

  it("is refused with file, key and what was expected", function()
    assert.matches("main.json: unknown key 'settngs'", problem { plugin = "acme", settngs = good })
    assert.matches("main.json: not JSON", problem "{")
    assert.matches("settings.region: one of us, eu expected, got \"ue\"",
      problem { plugin = "acme", settings = { client_id = "1", client_secret = "env:X", region = "ue" } })
    assert.matches("unknown setting 'settings.client'", problem { plugin = "acme", settings = { client = "1" } })
    assert.matches("no plugin 'acne'", problem { plugin = "acne", settings = good })
    assert.matches("guard: plugin 'acme' has no resource type 'users'",
      problem { plugin = "acme", settings = good, guard = { users = { removed = 1 } } })
    assert.matches("mapping: a path in the home expected",
      problem { plugin = "acme", settings = good, mapping = "../x.lua" })
  end)

  it("with a literal secret is refused, and the secret is not printed", function()
    local text = problem { plugin = "acme", settings = { client_id = "1", client_secret = "hunter2hunter2" } }
    assert.matches("settings.client_secret: a reference", text)
    assert.is_nil(text:find("hunter2", 1, true))
  end)

  it("that others may write is refused", function()
    local home = new_home()
    reeve.connector(home, "main", { plugin = "acme", settings = good })
    reeve.shell("chmod 602 " .. home .. "/connectors/main.json")
    local rows = reeve.json(reeve.ok { "connectors", "-o", "json", home = home })
    assert.matches("main.json", rows[1].problem)
    assert.equal(3, reeve.run({ "set", "main", "region=us", "--no-check", home = home }).status)
  end)

  it("gets settings from the environment: REEVE_SETTINGS_NAME and the plugin's aliases", function()
    local home = new_home()
    reeve.connector(home, "main", { plugin = "acme", settings = { client_secret = "env:X" } })
    local rows = reeve.json(reeve.ok { "connectors", "-o", "json", home = home, env = { BATON_ACME_ID = "7" } })
    assert.equal("Not connected", rows[1].label)
    rows = reeve.json(reeve.ok { "connectors", "-o", "json", home = home, env = { REEVE_SETTINGS_CLIENT_ID = "7" } })
    assert.equal("Not connected", rows[1].label)
  end)

  it("that is not enabled is paused", function()
    local home = new_home()
    reeve.connector(home, "main", { plugin = "acme", settings = good, enabled = false })
    assert.equal("Paused", reeve.json(reeve.ok { "status", "main", "-o", "json", home = home }).label)
  end)
end)

describe("secrets", function()
  it("are entered, listed and forgotten by name", function()
    local home = new_home()
    add(home, { "client_id=1", "client_secret=env:X" })
    reeve.ok { "secret", "set", "main", "client_secret", home = home, stdin = "fresh-secret-value\n" }
    assert.equal("store:client_secret", file(home).settings.client_secret)
    local out = reeve.ok { "secret", "list", "main", home = home }
    assert.matches("main +client_secret", out)
    assert.is_nil(out:find("fresh", 1, true))
    local r = reeve.run { "secret", "set", "main", "region", home = home, stdin = "x\n" }
    assert.equal(2, r.status)
    reeve.ok { "secret", "rm", "main", "client_secret", home = home }
    assert.equal("[]\n", reeve.ok { "secret", "list", "-o", "json", home = home })
    assert.equal(1, reeve.run({ "secret", "rm", "main", "client_secret", home = home }).status)
  end)
end)

describe("remove", function()
  it("forgets the file, the sealed secrets and the history", function()
    local home = new_home()
    add(home, { "client_id=1", "client_secret=-" }, { stdin = "a-secret-to-forget\n" })
    reeve.write(home .. "/state/connectors/main/x", "")
    reeve.ok { "remove", "main", home = home }
    assert.is_nil(reeve.read(home .. "/connectors/main.json"))
    assert.is_nil(reeve.read(home .. "/state/connectors/main/x"))
    assert.equal("[]\n", reeve.ok { "secret", "list", "-o", "json", home = home })
    assert.equal(2, reeve.run({ "remove", "main", home = home }).status)
  end)

  it("forgets a file that is not valid, too, but not one whose run is going on", function()
    local home = new_home()
    reeve.connector(home, "main", "{")
    reeve.ok { "remove", "main", home = home }
    assert.is_nil(reeve.read(home .. "/connectors/main.json"))
    reeve.connector(home, "main", { plugin = "acme", settings = {} })
    local lock = reeve.write(home .. "/state/connectors/main/lock", "")
    local r = reeve.run { program = "flock", lock, reeve.bin, "remove", "main", home = home }
    assert.equal(8, r.status, r.err)
    assert.truthy(reeve.read(home .. "/connectors/main.json"))
  end)

  it("keeps the history where it is told to, until it is told again", function()
    local home = new_home()
    add(home, { "client_id=1", "client_secret=env:X" })
    reeve.write(home .. "/state/connectors/main/x", "")
    reeve.ok { "remove", "main", "--keep-history", home = home }
    assert.equal("", reeve.read(home .. "/state/connectors/main/x"))
    reeve.ok { "remove", "main", home = home }
    assert.is_nil(reeve.read(home .. "/state/connectors/main/x"))
  end)

  it("forgets secrets whose connector's file is gone", function()
    local home = new_home()
    add(home, { "client_id=1", "client_secret=-" }, { stdin = "a-secret-to-forget\n" })
    assert(os.remove(home .. "/connectors/main.json"))
    reeve.ok { "remove", "main", home = home }
    assert.equal("[]\n", reeve.ok { "secret", "list", "-o", "json", home = home })
    assert.equal(2, reeve.run({ "remove", "main", home = home }).status)
  end)
end)

describe("plugins", function()
  it("are listed with version, origin and problem", function()
    local home = new_home()
    reeve.plugin(home, "broken", { ["plugin.lua"] = "return { api = 99, name = 'broken' }" })
    local by = {}
    for _, row in ipairs(reeve.json(reeve.ok { "plugins", "-o", "json", home = home })) do by[row.name] = row end
    assert.equal("1.2.3", by.acme.version)
    assert.equal("home", by.acme.origin)
    assert.same({ "role", "user" }, by.acme.resources)
    assert.matches("api", by.broken.problem)
  end)
end)
